"""Missing frames: frames cut out at splices, and frames printed twice to make up for them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

from restoration_tasks.training.damage.base import (
    CodeScale,
    DamagedFrame,
    DamageKind,
    FrameDamage,
    require,
    stream,
)


@dataclass(frozen=True)
class MissingFrames(FrameDamage):
    """Drops and repeats of single frames; `FrameTruth.source` says which clean frame each one shows."""

    kind: ClassVar[DamageKind] = DamageKind.MISSING

    drop_rate: float = 0.01
    """Chance that a frame is missing, 0–0.5."""
    repeat_rate: float = 0.01
    """Chance that a frame is there twice, 0–0.5."""

    def __post_init__(self) -> None:
        require(0 <= self.drop_rate <= 0.5 and 0 <= self.repeat_rate <= 0.5, "drop_rate and repeat_rate are 0–0.5")

    def damage(self, frame: DamagedFrame, index: int, scale: CodeScale) -> DamagedFrame:  # noqa: ARG002
        """One frame alone is never changed: what this damage does is to the sequence."""
        return frame

    def over(self, frames: Iterable[DamagedFrame], scale: CodeScale, first: int = 0) -> Iterator[DamagedFrame]:  # noqa: ARG002
        """The sequence with frames gone and repeated; `values` say `dropped_before` and, on a repeat, `repeat`.

        The first frame is never dropped: a clip has to begin.
        """
        dropped = 0
        for index, frame in enumerate(frames, first):
            rng = stream(self.seed, self.kind, index)
            if rng.random() < self.drop_rate and index > 0:
                dropped += 1
                continue
            values = {"dropped_before": float(dropped), "repeat": 0.0}
            dropped = 0
            yield DamagedFrame(frame.picture, frame.truth.with_kind(self.kind, None, values))
            if rng.random() < self.repeat_rate:
                again = frame.truth.with_kind(self.kind, None, {"dropped_before": 0.0, "repeat": 1.0})
                yield DamagedFrame(frame.picture, again)
