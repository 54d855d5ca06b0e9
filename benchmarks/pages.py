"""How fast the Reels pages answer: 10,000 reels and a million events in the embedded Postgres.

    python -m benchmarks.pages

Each page is asked for many times over HTTP in this process, by different reels in turn; the asking is counted in, the
network is not. Asked for: a median under 300 ms. The figures and the plans of the slowest queries go to
docs/benchmarks/pages.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

from benchmarks.command import run
from benchmarks.pages_archive import EVENTS_A_REEL, WHOLE_REELS, WholeReel, fill
from restoration_tasks.runtime.files import write_atomic

if TYPE_CHECKING:
    from fastapi.testclient import TestClient
    from sqlalchemy import Engine

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "pages.json"
ASKED_MS = 300
REELS, EVENTS = 10_000, 1_000_000
PLANS_SHOWN = 2
"""Query plans kept of each page: those of its slowest queries."""

Address = Callable[[WholeReel], str]
PAGES: dict[str, Address] = {
    "board, what changed last": lambda _reel: "/reels",
    "board, the most urgent": lambda _reel: "/reels?sort=urgency",
    "board, page 150 by title": lambda _reel: "/reels?sort=title&page=150",
    "board, in work": lambda _reel: "/reels?state=in%20work",
    "board, words looked for": lambda _reel: "/reels?q=filler%20a",
    "reel": lambda reel: f"/reels/{reel.reel_id}",
    "timeline": lambda reel: f"/reels/{reel.reel_id}/timeline.json",
    "record": lambda reel: f"/reels/{reel.reel_id}/record",
    "compare": lambda reel: f"/reels/{reel.reel_id}/compare",
    "file by digest": lambda reel: f"/reels/{reel.reel_id}/files/{reel.restored.sha256}/restored.mkv",
}


def main() -> int:
    """Build the archive, measure, write the figures. 1 if a page is slower than asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reels", type=int, default=REELS)
    parser.add_argument("--rounds", type=int, default=3, help="times each page is asked for of each reel")
    parser.add_argument("--figures", type=Path, default=FIGURES)
    options = parser.parse_args()
    from restoration_tasks.catalogue import embedded, migrate
    from restoration_tasks.catalogue.engine import open_engine, open_sessions

    with tempfile.TemporaryDirectory(prefix="reelkeeper-pages-") as folder:
        home = Path(folder)
        home.chmod(0o755)  # the server runs as another user where this is root
        server = embedded.start(home / "postgres")
        try:
            url = server.reelkeeper_url
            migrate.upgrade(url)
            os.environ |= {
                "REELKEEPER_HOME": folder,
                "REELKEEPER_DATABASE_URL": url,
                "AIRFLOW_HOME": str(home / "airflow"),
            }
            sessions = open_sessions(url)
            fill(sessions, options.reels - WHOLE_REELS)
            whole = [WholeReel(home / "vault", sessions, f"W-{number:02d}") for number in range(WHOLE_REELS)]
            engine = open_engine(url)
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
            figures = measure(engine, whole, options.rounds)
        finally:
            embedded.stop(home / "postgres")
    for name, one in figures["pages"].items():
        print(
            f"{name:<28} {one['median_ms']:>7.0f} ms median, {one['slowest_ms']:.0f} slowest, {one['queries']} queries"
        )
    write_atomic(options.figures, json.dumps(figures, indent=1, ensure_ascii=False).encode() + b"\n")
    return int(any(one["median_ms"] >= ASKED_MS for one in figures["pages"].values()))


def measure(engine: Engine, whole: list[WholeReel], rounds: int) -> dict[str, Any]:
    """Ask for every page of every whole reel, so many times, and explain its slowest queries."""
    client = signed_in()
    counted = {}
    with engine.connect() as connection:
        for name in ("reels", "events", "digital_objects", "executions"):
            counted[name] = connection.scalar(text(f"SELECT count(*) FROM reelkeeper.{name}"))
    pages = {}
    for name, address in PAGES.items():
        cpu = time.process_time()
        times = [timed(client, address(reel)) for _ in range(rounds) for reel in whole]
        cpu_ms = (time.process_time() - cpu) * 1000 / len(times)
        with listening(engine) as heard:
            timed(client, address(whole[0]))
        pages[name] = {
            "median_ms": round(statistics.median(times), 1),
            "first_ms": round(times[0], 1),
            "slowest_ms": round(max(times), 1),
            "cpu_ms": round(cpu_ms, 1),
            "asked": len(times),
            "queries": len(heard),
            "plans": explained(engine, heard),
        }
    # Other work on the machine makes every answer later; the processor time of this process, mean of all, tells which.
    load = {"load": round(os.getloadavg()[0], 1), "cores": os.cpu_count()}
    return {"asked_ms": ASKED_MS, "machine": load, "rows": counted, "events_a_reel": EVENTS_A_REEL, "pages": pages}


def signed_in() -> TestClient:
    """A browser of an operator, at the app the plugin mounts."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi.testclient import TestClient
    from reelkeeper_airflow.pages.app import create_app

    create_auth_manager()
    app = create_app()
    app.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="operator", role="OP")
    return TestClient(app)


def timed(client: TestClient, path: str) -> float:
    """Milliseconds until the whole answer is there."""
    began = time.perf_counter()
    answer = client.get(path)
    took = (time.perf_counter() - began) * 1000
    answer.raise_for_status()
    return took


@contextmanager
def listening(engine: Engine) -> Any:
    """Collect what is asked of the database: statement, parameters, milliseconds."""
    heard: list[tuple[str, Any, float]] = []
    began: list[float] = []

    def before(*_: Any) -> None:
        began.append(time.perf_counter())

    def after(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        heard.append((statement, parameters, (time.perf_counter() - began.pop()) * 1000))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", after)
    try:
        yield heard
    finally:
        event.remove(engine, "before_cursor_execute", before)
        event.remove(engine, "after_cursor_execute", after)


def explained(engine: Engine, heard: list[tuple[str, Any, float]]) -> list[dict[str, Any]]:
    """The plans of the slowest queries, as Postgres carried them out."""
    plans = []
    # what sets a transaction has no plan
    asked = [one for one in heard if one[0].lstrip().startswith(("SELECT", "WITH"))]
    for statement, parameters, took in sorted(asked, key=lambda one: -one[2])[:PLANS_SHOWN]:
        with engine.connect() as connection:
            explain = f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, BUFFERS OFF) {statement}"
            lines = [row[0] for row in connection.exec_driver_sql(explain, parameters)]
        plans.append({"query": " ".join(statement.split())[:300], "ms": round(took, 2), "plan": lines[:40]})
    return plans


if __name__ == "__main__":
    run(main, "pages")
