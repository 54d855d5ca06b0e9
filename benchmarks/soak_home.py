"""A home folder of the soak: a small reel, runs of the command on it, and what must hold when they have ended."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import psutil

from restoration_tasks.runtime.spec import StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from tests.integration.reels import deliver

LONGEST_RUN_S = 600
REEL = "soak"
LOG_END_CHARACTERS = 800


class SoakFailed(Exception):
    """A round did not end as it must."""


@dataclass(frozen=True)
class Home:
    """One REELKEEPER_HOME with one delivery in its inbox."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    """Environment of its commands beside the home."""

    @classmethod
    def delivered(cls, folder: Path, seed: int) -> Self:
        """A new home with a new small reel."""
        deliver(folder / "inbox", REEL, seed=seed)
        return cls(folder)

    def same_delivery(self, folder: Path) -> Home:
        """Another home with the very same delivery."""
        shutil.copytree(self.folder / "inbox", folder / "inbox", copy_function=shutil.copy2)
        return Home(folder)

    @property
    def vault(self) -> Vault:
        """Its vault."""
        return Vault(str(self.folder / "vault"))

    @property
    def postgres(self) -> Path:
        """Where its database lies."""
        return self.folder / "postgres"

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """Start a `reelkeeper` command; what it says is added to the home's log."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("REELKEEPER_")}
        with (self.folder / "run.log").open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "restoration_tasks.cli.main", *command],
                env=environment | {"REELKEEPER_HOME": str(self.folder), **self.settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_reel(self) -> subprocess.Popen[bytes]:
        """Start the whole way of the reel."""
        delivery = str(self.folder / "inbox" / REEL)
        return self.start("run", delivery, "--reel-id", REEL, "--approve-as", "conservator")

    def do(self, *command: str) -> int:
        """Run a command to its end. Returns its exit code."""
        return self.start(*command).wait(LONGEST_RUN_S)

    def require(self, *command: str) -> None:
        """Run a command that must end well.

        Raises:
            SoakFailed: it did not.
        """
        if (code := self.do(*command)) != 0:
            raise SoakFailed(f"`reelkeeper {' '.join(command)}` ended with {code}; see {self.log_end()}")

    def log_end(self) -> str:
        """The last of what its commands said."""
        return self.log()[-LOG_END_CHARACTERS:]

    def log(self) -> str:
        """All of it."""
        path = self.folder / "run.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def require_no_traceback(self, since: int = 0) -> None:
        """An error staff read is one line, however it came about.

        Args:
            since: characters of the log to pass over.

        Raises:
            SoakFailed: a command ended in a traceback.
        """
        if (at := self.log().find("Traceback (most recent call last)", since)) >= 0:
            raise SoakFailed(f"a command ended in a traceback: {self.log()[at : at + 4 * LOG_END_CHARACTERS]}")

    def results(self) -> dict[StepName, list[StepResult]]:
        """The newest result of every signature, by step."""
        found: dict[StepName, list[StepResult]] = {}
        for step in StepName:
            for path in sorted((self.folder / "vault" / "reels" / REEL / step).glob("*/result.json")):
                found.setdefault(step, []).append(StepResult.model_validate_json(path.read_bytes()))
        return found

    def payload(self) -> dict[str, list[str]]:
        """Digests of what each step made, whatever run made it. Bags hold their run's provenance and are left out."""
        found: dict[str, list[str]] = {}
        for step, results in self.results().items():
            if step is StepName.PACKAGE:
                continue
            for result in results:
                key = f"{step} {result.segment or ''}".strip()
                found.setdefault(key, []).extend(f"{one.name} {one.sha256}" for one in result.outputs)
        return found

    def require_same(self, calm: Home) -> None:
        """This home must hold the bytes the undisturbed one made, as its results say and as they lie on the disk.

        Raises:
            SoakFailed: it does not.
        """
        undisturbed, disturbed = calm.payload(), self.payload()
        for key in sorted(undisturbed.keys() | disturbed.keys()):
            if undisturbed.get(key) != disturbed.get(key):
                raise SoakFailed(f"{key} differs: {undisturbed.get(key)} and {disturbed.get(key)}")
        for results in self.results().values():
            for output in (output for result in results for output in result.outputs):
                if not self.vault.verify(output):
                    raise SoakFailed(f"{output.uri} has other bytes than its result says")

    def require_whole_record(self) -> None:
        """The provenance must be one unbroken chain.

        Raises:
            SoakFailed: it is not.
        """
        self.require("provenance", "verify", REEL)

    def require_scratch_given_back(self) -> None:
        """Nothing of the reel's work may be left in the scratch folder when all of it has ended.

        Notes of which files were read whole stay beside it.

        Raises:
            SoakFailed: something is.
        """
        left = [path for path in (self.folder / "scratch" / REEL).rglob("*") if path.is_file() and path.stat().st_size]
        if left:
            raise SoakFailed(f"scratch is not given back: {len(left)} files, {left[:3]}")

    def stop_database(self) -> None:
        """End the embedded server a killed command left running."""
        from restoration_tasks.catalogue import embedded

        if self.postgres.exists():
            embedded.stop(self.postgres)


def require_no_process(folder: Path) -> None:
    """Nothing may go on working below the folder.

    Raises:
        SoakFailed: something does.
    """
    deadline = time.monotonic() + 10
    while True:
        left = [process for process in psutil.process_iter(["cmdline"]) if str(folder) in str(process.info["cmdline"])]
        if not left:
            return
        if time.monotonic() > deadline:
            raise SoakFailed(f"processes are left: {[process.info['cmdline'] for process in left][:3]}")
        time.sleep(0.2)
