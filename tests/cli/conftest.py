"""A home folder with one small delivery, a real database, and the real command."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.reels import SmallReel, deliver

REEL = "HK-1967-012_r3"


@dataclass(frozen=True)
class Archive:
    """Where the command works."""

    home: Path
    database_url: str

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("REELKEEPER_")}
        return inherited | {"REELKEEPER_HOME": str(self.home), "REELKEEPER_DATABASE_URL": self.database_url}

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "restoration_tasks.cli.main", *map(str, arguments)]
        return subprocess.Popen(
            command,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=200)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def landed(self) -> list[str]:
        """Results in the vault."""
        return sorted(str(path.relative_to(self.home)) for path in (self.home / "vault").rglob("result.json"))


@pytest.fixture
def archive(tmp_path: Path, database: str) -> Archive:
    return Archive(tmp_path / "home", database)


@pytest.fixture
def reel(archive: Archive) -> SmallReel:
    return deliver(archive.home / "inbox", REEL)
