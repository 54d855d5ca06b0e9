"""Starting and stopping by record: exactly what was started, with its children, and never a stranger."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from reelkeeper_airflow.stack import processes
from reelkeeper_airflow.stack.processes import ProcessRecord

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)
PARENT = (
    "import subprocess, sys, time; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    " print(child.pid, flush=True); time.sleep(600)"
)


def start(folder: Path, code: str, name: str = "part") -> tuple[ProcessRecord, str]:
    """Start a Python one-liner by record; give its first line of output too."""
    log = folder / f"{name}.log"
    record = processes.start(name, [sys.executable, "-u", "-c", code], os.environ, log, folder)
    deadline = time.monotonic() + 20
    while not (said := log.read_text()).endswith("\n"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return record, said.strip()


def runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """A process that is none of ours."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    yield process
    process.kill()
    process.wait()


def test_stop_ends_a_process_and_its_children(tmp_path: Path) -> None:
    record, child = start(tmp_path, PARENT)
    assert processes.records(tmp_path) == [record]
    assert processes.stop([record], tmp_path) == ["part"]
    assert not runs(record.pid)
    assert not runs(int(child))
    assert processes.records(tmp_path) == []


def test_children_are_found_when_their_parent_was_killed(tmp_path: Path) -> None:
    record, child = start(tmp_path, PARENT)
    os.kill(record.pid, signal.SIGKILL)
    os.waitpid(record.pid, 0)
    assert record.leader() is None
    assert processes.stop(processes.records(tmp_path), tmp_path) == ["part"]
    assert not runs(int(child))


def test_what_ignores_term_is_killed(tmp_path: Path) -> None:
    record, _ = start(tmp_path, STUBBORN)
    began = time.monotonic()
    processes.stop([record], tmp_path, patience_s=0.4)
    assert time.monotonic() - began >= 0.4
    assert not runs(record.pid)


def test_a_stale_record_never_harms_who_has_the_number_now(tmp_path: Path, stranger: subprocess.Popen[bytes]) -> None:
    stale = ProcessRecord("part.process", stranger.pid, psutil.Process(stranger.pid).create_time() - 60)
    stale.save(tmp_path)
    assert stale.leader() is None
    assert stale.family() == []
    assert processes.stop(processes.records(tmp_path), tmp_path) == []
    assert stranger.poll() is None
    assert processes.records(tmp_path) == []


def test_a_step_that_outlived_its_worker_is_found_by_its_mark(
    tmp_path: Path, stranger: subprocess.Popen[bytes]
) -> None:
    marked = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"],
        env=os.environ | {processes.MARK: str(tmp_path)},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 10
        while not (found := processes.strays(tmp_path)) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert [process.pid for process in found] == [marked.pid]
        assert processes.strays(tmp_path / "other") == []
        processes.stop([], tmp_path, others=found)
        assert not runs(marked.pid)
        assert stranger.poll() is None
    finally:
        marked.kill()
        marked.wait()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "x"}', '{"name": "x", "pid": "?", "started": 1}'])
def test_a_broken_record_names_nobody(tmp_path: Path, content: str) -> None:
    (tmp_path / "part.process.json").write_text(content)
    assert processes.records(tmp_path) == []
    assert list(tmp_path.iterdir()) == []
