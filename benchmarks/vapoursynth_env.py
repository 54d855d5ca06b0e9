"""VapourSynth with mvtools and DeScratch, in a Python environment of its own: it wants a newer Python than ours."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from restoration_tasks.media.picture import Work
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.settings import Settings

PACKAGES = ("vapoursynth==81", "vapoursynth-mvtools==29", "vapoursynth-descratch==4.0", "numpy==2.5.5")
OLDEST_PYTHON = (3, 12)
SCRIPT = Path(__file__).with_name("vapoursynth_peer.py")
_INSTALL_S = 900


@cache
def python() -> tuple[Path | None, str]:
    """The interpreter of the environment, made on the first call; or None and why there is none."""
    folder = Settings().home / "bench" / "vapoursynth"
    interpreter = folder / "bin" / "python"
    if _answers([str(interpreter), "-c", "import vapoursynth; vapoursynth.core.mv, vapoursynth.core.descratch"]):
        return interpreter, ""
    base = next(_newer_pythons(), None)
    if base is None:
        return None, f"no Python {'.'.join(map(str, OLDEST_PYTHON))} or newer was found"
    shutil.rmtree(folder, ignore_errors=True)
    install = [str(interpreter), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:"]
    for command in ([base, "-m", "venv", str(folder)], [*install, *PACKAGES]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_S, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()
            return None, f"its environment could not be made: {last[-1] if last else done.returncode}"
    return interpreter, ""


def _newer_pythons() -> Iterator[str]:
    names = [f"python3.{minor}" for minor in range(OLDEST_PYTHON[1], OLDEST_PYTHON[1] + 4)]
    managed = sorted((Path.home() / ".pyenv" / "versions").glob("3.*/bin/python3"))
    test = f"import sys; sys.exit(sys.version_info < {OLDEST_PYTHON})"
    for candidate in [*filter(None, map(shutil.which, names)), *map(str, managed)]:
        if _answers([candidate, "-c", test]):
            yield candidate


def _answers(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except OSError:
        return False


def cleaned(frames: Sequence[Work]) -> list[Work]:
    """One shot through the peer's script.

    Raises:
        StepFailed: there is no environment for it, or the script failed.
    """
    interpreter, why = python()
    if interpreter is None:
        raise StepFailed("VapourSynth is not at hand", found=why, action="leave this peer out")
    with tempfile.TemporaryDirectory(prefix="reelkeeper-vapoursynth-") as name:
        source, target = Path(name) / "in.npy", Path(name) / "out.npy"
        np.save(source, np.stack(frames))
        command = [str(interpreter), str(SCRIPT), str(source), str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = done.stderr.strip().splitlines()
            raise StepFailed("VapourSynth failed", found=last[-1] if last else done.returncode, action="run it by hand")
        return list(np.load(target))
