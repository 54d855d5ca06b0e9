"""Inside the restoration image: delivers a reel of a few frames and runs its first two steps as a pod would.

Ingest needs ffmpeg, our readers and a vault to write to; the shots step needs torch and the networks in the package.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess

import numpy as np

from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.stills.dpx import Transfer, write_dpx
from restoration_tasks.runtime.launch import step_command, write_specs
from restoration_tasks.runtime.runner import finished
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Spec, StepResult
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.way import Way

REEL = "FIRST-STEP"
FRAMES = 12


def main() -> None:
    """Deliver, run, look at the results."""
    assert os.getuid() != 0, "this is to be run as the image's own user"
    for absent in ("airflow", "reelkeeper_airflow"):
        assert importlib.util.find_spec(absent) is None, f"{absent} has no place in this image"
    settings = Settings()
    _deliver(settings)
    way = Way(REEL, settings, RunOptions())
    ingest = _run(way.ingest(Execution("image-check/ingest")), settings)
    assert ingest.figures["frames"] == FRAMES, ingest.figures
    _run(way.shots(Execution("image-check/shots"), ingest), settings)


def _deliver(settings: Settings) -> None:
    folder = settings.inbox_folder / REEL
    folder.mkdir()
    random, digests = np.random.default_rng(1), {}
    for index in range(FRAMES):
        path = folder / f"{REEL}_{index:07d}.dpx"
        codes = random.integers(64, 940, (3, 72, 96)).astype(np.uint16)
        write_dpx(
            path,
            codes,
            fps=24.0,
            frame_position=index,
            sequence_length=FRAMES,
            transfer=Transfer.BT709,
            colorimetric_code=6,
            project=REEL,
        )
        digests[path.name] = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    write_manifest(folder / "manifest-md5.txt", digests)
    (folder / ".ready").touch()


def _run(spec: Spec, settings: Settings) -> StepResult:
    vault = Vault(settings.vault_root)
    subprocess.run(["reelkeeper", *step_command(vault, write_specs(vault, (spec,)))], check=True)
    result = finished(spec, vault)
    assert result is not None, f"{spec.label} left no result"
    return result


if __name__ == "__main__":
    main()
