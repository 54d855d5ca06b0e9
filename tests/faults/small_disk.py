"""Run a scene on real disks of memory, a few megabytes large, in a mount namespace of its own; says what came of it.

    python -m tests.faults.small_disk SCENE FOLDER

Anybody may do so: who is not root becomes it inside a user namespace. The scene's findings go to stdout as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Spec, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork
from restoration_tasks.runtime.vault import Vault

SMALL, LARGE = 2 * 1024**2, 16 * 1024**2
FRAMES, HEIGHT, WIDTH = 24, 240, 320
"""About 3.5 MB of noise as FFV1: more than the small disk holds, less than the large one."""


def play(scene: str, folder: Path) -> dict[str, Any]:
    """Play a scene in a process that may mount. Returns what it found."""
    root = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
    command = [*root, sys.executable, "-m", "tests.faults.small_disk", scene, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def full(name: str) -> Callable[[Path], dict[str, Any]]:
    """A scene: the disk of `vault` or `scratch` is too small for a master; then it has grown."""

    def scene(folder: Path) -> dict[str, Any]:
        disk = folder / name
        disk.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={SMALL}", "small", str(disk))
        first = _master(folder)
        _mount("-o", f"remount,size={LARGE}", str(disk))
        return first | {"then": _master(folder)}

    return scene


def read_only(folder: Path) -> dict[str, Any]:
    """A scene: the vault cannot be written; then it can."""
    disk = folder / "vault"
    disk.mkdir()
    _mount("-t", "tmpfs", "-o", f"size={LARGE},ro", "small", str(disk))
    first = _master(folder)
    _mount("-o", "remount,rw", str(disk))
    return first | {"then": _master(folder)}


def no_scratch_left(folder: Path) -> dict[str, Any]:
    """A scene: what a step that failed on a full disk left in scratch is gone when it has succeeded."""
    found = full("scratch")(folder)
    files = [path for path in (folder / "scratch").rglob("*") if path.is_file() and path.stat().st_size > 0]
    return found | {"left": sorted(str(path.relative_to(folder)) for path in files)}


SCENES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "full vault": full("vault"),
    "full scratch": full("scratch"),
    "read-only vault": read_only,
    "scratch after": no_scratch_left,
}


def _master(folder: Path) -> dict[str, Any]:
    """Write a master of noise as a step does: its error or its digest, and the results in the vault."""
    settings = Settings(home=folder, vault=str(folder / "vault"), scratch=folder / "scratch")
    spec = Spec(
        step=StepName.ASSEMBLE, step_version="1", reel_id="reel-1", vault=settings.vault_root, execution_id="run/x/0"
    )
    said, digest, whole = "", "", False
    try:
        result = run_step(spec, StepDefinition(StepName.ASSEMBLE, "1", _write_noise), settings)
        digest, whole = result.output("master").sha256, Vault(settings.vault_root).verify(result.output("master"))
    except ReelkeeperError as error:
        said = f"{type(error).__name__}: {error}"
    landed = sorted(path.name for path in (folder / "vault").rglob("*.json"))
    return {"said": said, "digest": digest, "whole": whole, "landed": landed}


def _write_noise(work: StepWork) -> None:
    path = work.output("master", "master.mkv", media_type="video/x-matroska")
    noise = np.random.default_rng(1)
    with FrameWriter(path, PictureFormat(WIDTH, HEIGHT, "gray")) as writer:
        for _ in range(FRAMES * 2):
            writer.write((noise.integers(0, 256, (HEIGHT, WIDTH), np.uint8),))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


if __name__ == "__main__":
    print(json.dumps(SCENES[sys.argv[1]](Path(sys.argv[2]))))
