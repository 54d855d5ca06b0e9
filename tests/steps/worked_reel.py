"""A small reel in a real vault, worked by the real steps: a dirty, flickering shot and a clean one."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Reference, Spec, StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.registry import definition
from tests.restoration.moving import add_dirt, add_flicker, moving_clip, write_master

REEL_ID = "worked-1"
FORMAT = PictureFormat(128, 96, "gray10le", Fraction(24))
SHOTS = ((0, 12), (12, 20))
SEGMENTS = cut_segments(SHOTS)


@dataclass
class WorkedReel:
    """The reel's truth, its vault, and the results of the steps so far."""

    settings: object
    clean: np.ndarray
    damaged: np.ndarray
    master: Reference
    results: dict[str, StepResult] = field(default_factory=dict)

    @property
    def vault(self) -> Vault:
        return Vault(self.settings.vault_root)

    def work(self, step: StepName, inputs, *, segment: Segment | None = None, **params) -> StepResult:
        """Run a step as the runner does and remember its result."""
        spec = Spec(
            step=step,
            step_version=definition(step).version,
            reel_id=REEL_ID,
            segment=segment.id if segment else None,
            inputs=inputs,
            params=params | ({"segment": segment.as_json()} if segment else {}),
            vault=self.settings.vault_root,
            execution_id=f"t/{step}",
        )
        result = run_step(spec, definition(step), self.settings)
        self.results[f"{step}/{segment.id}" if segment else str(step)] = result
        return result

    def assess(self) -> dict[str, StepResult]:
        return {s.id: self.work(StepName.ASSESS, {"master": self.master}, segment=s) for s in SEGMENTS}

    def keep(self, name: str, content: bytes) -> Reference:
        """A file of our own in the vault."""
        path = Path(self.settings.vault_root) / "reels" / REEL_ID / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return register(self.settings, path)

    def file(self, reference: Reference) -> Path:
        return Path(self.settings.vault_root) / reference.uri.removeprefix("vault:")


def register(settings, path: Path) -> Reference:
    digest, size = sha256_file(path)
    return Reference(uri=f"vault:{path.relative_to(settings.vault_root).as_posix()}", sha256=digest, bytes=size)


def make_worked_reel(settings) -> WorkedReel:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(5)
    first, second = moving_clip(12, seed=1), moving_clip(8, seed=2)
    clean = np.concatenate([first, second])
    flickering = add_flicker(first, 1 + 0.06 * rng.standard_normal(12))
    damaged = np.concatenate([add_dirt(flickering)[0], second])
    path = Path(settings.vault_root) / "reels" / REEL_ID / "ingest" / "master.mkv"
    path.parent.mkdir(parents=True)
    write_master(path, damaged, FORMAT)
    return WorkedReel(settings, clean, damaged, register(settings, path))
