"""The queue over 100,000 reels: what worst first saves over first in, first out, and how fast the queue is asked.

- A simulated year (`queue_year.py`: model, sources and what *saved* means) with a budget that restores 2, 5 and 10 % of
  the collection: first in, first out; worst first by what an archive knows; and an order that knows every loss. Two
  assumptions of the model are varied.
- Queries of queue and board on the embedded Postgres with 100,000 reels in it: median of twenty, with their plans.

Bars: worst first saves more in every case; queue and board queries under 50 ms. Prints tables, writes
docs/benchmarks/queue.json; exit 1 if a bar is missed.

    python -m benchmarks.queue [--reels 100000] [--seeds 1 2] [--parts year queries]
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.command import run
from benchmarks.queue_year import collection, live, orders

OUTPUT = Path("docs/benchmarks/queue.json")
CASES = {
    (1.0, 2.0): (0.02, 0.05, 0.10),
    (1.0, 8.0): (0.05,),
    (2.0, 2.0): (0.05,),
    (2.0, 8.0): (0.05,),
    (4.0, 2.0): (0.05,),
    (4.0, 8.0): (0.05,),
}
"""How slow storage is and at which acidity half is lost → shares of the collection that a year restores."""
BAR_MS = 50.0
ROUNDS = 20


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reels", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--parts", nargs="+", choices=["year", "queries"], default=["year", "queries"])
    asked = parser.parse_args()
    figures: dict[str, Any] = json.loads(OUTPUT.read_text()) if OUTPUT.exists() else {"benchmark": "queue"}
    figures |= {"date": f"{datetime.now(UTC):%Y-%m-%d}", "reels": asked.reels}
    work: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "year": lambda: years(asked.reels, asked.seeds),
        "queries": lambda: queries(asked.reels),
    }
    for part in asked.parts:
        figures[part] = work[part]()
        figures["passed"] = all(one["passed"] for name in work for one in figures.get(name, []))
        OUTPUT.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    return 0 if figures["passed"] else 1


def years(count: int, seeds: list[int]) -> list[dict[str, Any]]:
    """Every model, share and seed, every order."""
    found = []
    table = Table("storage", "half lost at", "of the reels", "seed", "first in", "worst first", "knows all",
                  "10 y: first in", "10 y: worst first", "10 y: knows all")  # fmt: skip
    for (storage, half), shares in CASES.items():
        for seed in seeds:
            reels = collection(count, seed, storage_median=storage, half_lost_at=half)
            for share in shares:
                budget_h = share * float(reels.hours.sum()) / 365
                lived = {name: live(reels, order, budget_h) for name, order in orders(reels, seed).items()}
                first, worst, best = lived.values()
                table.add_row(f"{storage:g}", f"{half:g}", f"{share:.0%}", str(seed),
                              *(f"{year.saved:.1f}" for year in lived.values()),
                              *(f"{year.saved_in_ten_years:.0f}" for year in lived.values()))  # fmt: skip
                found.append(
                    {
                        "storage_median": storage,
                        "half_lost_at": half,
                        "share": share,
                        "seed": seed,
                        "orders": {name: asdict(year) for name, year in lived.items()},
                        "worst_over_first": round(worst.saved / first.saved, 3),
                        "worst_over_first_in_ten_years": round(worst.saved_in_ten_years / first.saved_in_ten_years, 3),
                        "worst_over_best": round(worst.saved / best.saved, 3),
                        "passed": worst.saved > first.saved,
                    }
                )
    Console(width=140).print(table)
    return found


def queries(count: int) -> list[dict[str, Any]]:
    """Time the queries of queue and board on a filled database."""
    from benchmarks.queue_rows import asked_of, fill_database
    from restoration_tasks.catalogue import embedded, migrate
    from restoration_tasks.catalogue.engine import open_sessions

    with tempfile.TemporaryDirectory(prefix="reelkeeper-queue-") as folder:
        server = embedded.start(Path(folder) / "postgres")
        try:
            migrate.upgrade(server.reelkeeper_url)
            sessions = open_sessions(server.reelkeeper_url)
            fill_database(sessions, count)
            found = [_timed(sessions, *query) for query in asked_of(sessions)]
        finally:
            embedded.stop(Path(folder) / "postgres")
    table = Table("query", "median ms", "worst ms", "bar")
    for one in found:
        table.add_row(one["name"], f"{one['median_ms']:.1f}", f"{one['worst_ms']:.1f}", "50" if one["bar"] else "none")
    Console(width=140).print(table)
    return found


def _timed(sessions: Any, name: str, bar: bool, ask: Callable[[Any], object]) -> dict[str, Any]:
    from benchmarks.queue_rows import plans_of, seconds_of

    took = [1000 * seconds_of(sessions, ask) for _ in range(ROUNDS + 1)][1:]
    median = statistics.median(took)
    return {
        "name": name,
        "bar": bar,
        "median_ms": round(median, 2),
        "worst_ms": round(max(took), 2),
        "passed": median < BAR_MS or not bar,
        "plans": plans_of(sessions, ask),
    }


if __name__ == "__main__":
    run(main, "queue")
