"""A step in a process of its own: its lines as they come, and no child left behind when it is stopped."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from restoration_tasks.runtime import errors
from restoration_tasks.runtime.errors import ReelkeeperError, StepFailed
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Spec, SpecFile, canonical_json
from restoration_tasks.runtime.vault import Vault

GRACE_S = 2.0
"""Time between TERM and KILL."""
PARENT = "REELKEEPER_STEP_PARENT"
"""Environment variable that names the process a step must not outlive."""
PARENT_LOOK_S = 0.5
MEMORY_SHARE = "REELKEEPER_MEMORY_SHARE"
"""Variable that a try after one without enough memory finds halved."""
SMALLEST_MEMORY_SHARE = 1 / 16
"""Four halvings: with less there is no tile left that a network could be shown."""


class Failure(BaseModel):
    """What `reelkeeper step run` leaves beside the spec file when it fails, so that a lost log loses nothing."""

    model_config = ConfigDict(frozen=True)

    kind: str
    """Class name of the error."""
    text: str
    """The line for staff."""
    memory_share: float = 1.0
    """Share of the memory at hand that the run planned with (`Settings.memory_share`)."""

    def error(self) -> ReelkeeperError:
        """The error again, on the other side of a process or pod."""
        kind = getattr(errors, self.kind, StepFailed)
        if not (isinstance(kind, type) and issubclass(kind, ReelkeeperError)):
            kind = StepFailed
        return kind.relayed(self.text)


def write_specs(vault: Vault, specs: tuple[Spec, ...]) -> str:
    """Write a batch of specs to the vault; the name is its content's digest. Returns its `vault:` URI."""
    file = SpecFile(specs=specs)
    digest = hashlib.sha256(canonical_json(file.model_dump(mode="json"))).hexdigest()
    uri = vault.uri("reels", specs[0].reel_id, "specs", f"{digest}.json")
    vault.write_bytes(uri, file.model_dump_json(indent=1).encode())
    return uri


def failure_uri(spec_uri: str) -> str:
    """Where a failed run of a spec file says why."""
    return f"{spec_uri}.failure.json"


def read_failure(vault: Vault, spec_uri: str) -> Failure | None:
    """Why a run of a spec file failed, or None if it did not say."""
    text = vault.read_bytes(failure_uri(spec_uri))
    return Failure.model_validate_json(text) if text else None


def write_failure(vault: Vault, spec_uri: str, failure: Failure) -> None:
    """Say in a step's place why its run failed, where it was ended before it could."""
    vault.write_bytes(failure_uri(spec_uri), failure.model_dump_json().encode())


def memory_share_now(settings: Settings, failure: Failure | None) -> float:
    """The share of memory a run should plan with: half of what the run before it had, if that one took too much."""
    if failure is None or failure.kind != errors.OutOfMemory.__name__:
        return settings.memory_share
    return max(min(failure.memory_share, settings.memory_share) / 2, SMALLEST_MEMORY_SHARE)


def kernel_kills() -> int:
    """Processes that the kernel of this machine ended for want of memory since it started; 0 where it does not say.

    Source: `oom_kill` in proc_vmstat(5); those of a container's own limit are counted with them.
    """
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="ascii").splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def step_command(vault: Vault, spec_uri: str) -> list[str]:
    """Arguments of the `reelkeeper` command that run a spec file (also a pod's arguments)."""
    return ["step", "run", str(vault.path(spec_uri))]


class StepProcess:
    """One running `reelkeeper step run` in a session of its own.

    Args:
        spec_uri: `vault:` URI of the spec file.
        settings: this machine's settings; the process inherits the environment without database credentials.
    """

    def __init__(self, spec_uri: str, settings: Settings) -> None:
        self._vault = Vault(settings.vault_root)
        self._spec_uri = spec_uri
        self._memory_share = memory_share_now(settings, read_failure(self._vault, spec_uri))
        self._kernel_kills = kernel_kills()
        environment = settings.environment() | {
            "REELKEEPER_HOME": str(settings.home),
            "REELKEEPER_VAULT": settings.vault_root,
            "REELKEEPER_SCRATCH": str(settings.scratch_folder),
            "REELKEEPER_MODELS": str(settings.models_folder),
            "PYTHONUNBUFFERED": "1",
            PARENT: str(os.getpid()),
            MEMORY_SHARE: str(self._memory_share),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "restoration_tasks.cli.main", *step_command(self._vault, spec_uri)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=environment,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Process id, also of its group."""
        return self._process.pid

    def lines(self) -> Iterator[str]:
        """What it prints, line by line, until it ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\n")

    def check(self) -> None:
        """Wait for the end.

        Raises:
            ReelkeeperError: it failed; the error is of the kind and text the step gave.
        """
        code = self._process.wait()
        if code == 0:
            return
        failure = read_failure(self._vault, self._spec_uri)
        if failure is not None:
            raise failure.error()
        if code == -signal.SIGKILL and kernel_kills() > self._kernel_kills:
            # It could not say so itself.
            starved = errors.OutOfMemory(
                "the step process ran out of memory: the system ended it",
                action="wait for the next try, which takes less at once; if it stays so, work fewer segments side by "
                "side (REELKEEPER_LANES), then clear the task",
            )
            told = Failure(kind=type(starved).__name__, text=str(starved), memory_share=self._memory_share)
            write_failure(self._vault, self._spec_uri, told)
            raise starved
        how = f"was killed by signal {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        raise StepFailed(f"the step process {how}", action="see the log above, then clear the task to go on")

    def stop(self) -> None:
        """End the process and all its children: TERM, then KILL after a grace."""
        self._signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(GRACE_S)
        self._signal(signal.SIGKILL)  # also children that ignored TERM after their parent had gone
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return


def end_with_parent() -> None:
    """Inside a step process: end it and its children when the process that started it is gone, however it went.

    A killed worker or conductor cannot say goodbye; its steps would go on unseen. In a pod there is no such parent.
    """
    parent = os.environ.pop(PARENT, "")
    if not parent.isdigit():
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(PARENT_LOOK_S)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


@contextmanager
def step_process(spec_uri: str, settings: Settings) -> Iterator[StepProcess]:
    """A step process that is stopped, children and all, when the block is left early."""
    process = StepProcess(spec_uri, settings)
    try:
        yield process
    finally:
        process.stop()
