"""The local operator with a real step process and a real catalogue: work, reuse, fresh work, failure, stopping."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from reelkeeper_airflow.operators import local
from reelkeeper_airflow.operators.local import LocalStepOperator
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import reels
from restoration_tasks.provenance.models import Event
from tests.integration.reels import FRAMES_A_SHOT, SHOTS, deliver

REEL = "UNIT-1"


@dataclass(frozen=True)
class Bench:
    """A vault, an inbox with one reel, and a catalogue."""

    home: Path
    sessions: sessionmaker[Session]

    def ingest(self, run_id: str = "run-1", max_tries: int = 2) -> dict[str, Any]:
        """Run the ingest task as Airflow would."""
        return operator().execute(context(run_id, max_tries))

    def events(self) -> int:
        """How many events are recorded."""
        with self.sessions.begin() as session:
            return session.scalar(select(func.count()).select_from(Event)) or 0


def operator() -> LocalStepOperator:
    return LocalStepOperator(task_id="ingest", step_name="ingest", reel={"reel_id": REEL, "options": {}})


def context(run_id: str, max_tries: int) -> Any:
    return {"run_id": run_id, "ti": SimpleNamespace(task_id="ingest", map_index=-1, max_tries=max_tries)}


@pytest.fixture
def bench(tmp_path: Path, database: str, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name in [name for name in os.environ if name.startswith("REELKEEPER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", database)
    deliver(tmp_path / "home" / "inbox", REEL)
    with sessions.begin() as session:
        reels.register(session, REEL)
    return Bench(tmp_path / "home", sessions)


def test_work_then_reuse_then_fresh(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    first = bench.ingest()
    assert (first["did"], first["figures"]["frames"], bench.events()) == ("worked", SHOTS * FRAMES_A_SHOT, 1)
    said = capsys.readouterr().out
    assert f"ingest: {SHOTS * FRAMES_A_SHOT} of {SHOTS * FRAMES_A_SHOT} frames checked (100 %)" in said
    assert '{"progress"' not in said

    # the same execution once more, as after a worker that died between recording and reporting
    assert bench.ingest()["did"] == "worked"
    assert bench.events() == 1

    second = bench.ingest("run-2")
    assert (second["did"], second["uri"], bench.events()) == ("reused", first["uri"], 2)

    # a person cleared it after it had succeeded: Airflow raises max_tries
    fresh = bench.ingest("run-2", max_tries=3)
    assert (fresh["did"], bench.events()) == ("fresh: agrees", 3)
    assert bench.ingest("run-2", max_tries=3)["did"] == "fresh: agrees"
    assert bench.events() == 3


def test_reuse_starts_no_process(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.ingest()
    monkeypatch.setattr(local, "step_process", lambda *_: pytest.fail("a process was started"))
    assert bench.ingest("run-2")["did"] == "reused"


def test_bad_delivery_is_one_line_for_staff_and_no_retry_helps(bench: Bench) -> None:
    frame = sorted((bench.home / "inbox" / REEL).glob("*.dpx"))[7]
    frame.write_bytes(frame.read_bytes()[:-500])
    with pytest.raises(AirflowFailException) as failed:
        bench.ingest()
    line = str(failed.value)
    assert "\n" not in line
    assert REEL in line
    assert frame.name in line
    assert " Next: " in line
    assert bench.events() == 0
    assert not list((bench.home / "vault").glob("reels/*/ingest/*/result.json"))


STUBBORN_FAMILY = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""


class StubbornStep:
    """A step process that ignores TERM, with a child that does, too."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", STUBBORN_FAMILY], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.pid = self.process.pid

    def lines(self) -> Iterator[str]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line.strip())
            yield line.strip()

    def check(self) -> None:
        code = self.process.wait()
        if code:
            raise AirflowException(f"killed by {signal.Signals(-code).name}")


def running(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_killing_the_task_ends_the_step_with_its_children_and_unblocks_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = StubbornStep()

    @contextmanager
    def stubborn(*_: object) -> Iterator[StubbornStep]:
        yield step

    monkeypatch.setattr(local, "step_process", stubborn)
    task, ended = operator(), []

    def work() -> None:
        with pytest.raises(AirflowException, match="killed by SIGKILL"):
            task.execute(context("run-1", 2))
        ended.append(time.monotonic())

    worker = threading.Thread(target=work)
    worker.start()
    deadline = time.monotonic() + 30
    while len(step.said) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    child = int(next(line for line in step.said if line.isdigit()))
    asked = time.monotonic()
    task.on_kill()
    worker.join(10)
    assert ended, "on_kill did not unblock execute"
    assert ended[0] - asked >= local.GRACE_S
    # A killed process is gone when the kernel has got round to it, which on a busy machine is not at once.
    deadline = time.monotonic() + 10
    while running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(child)
    assert bench.events() == 0


def test_on_kill_before_anything_runs_is_harmless() -> None:
    operator().on_kill()
