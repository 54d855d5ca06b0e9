"""Segments: a shot, or at most so many frames of one; the unit of assessment, restoration and reuse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Self

from pydantic import JsonValue, TypeAdapter

LONGEST_FRAMES = 500
"""Frames of the longest segment: about 20 s of film, small enough to do again, large enough to outweigh a start."""


@dataclass(frozen=True, order=True)
class Segment:
    """Frames `start <= i < stop` (0-based positions in the reel) of one shot.

    `shot_start` and `shot_stop` bound the shot it belongs to: temporal context may be read up to there, never beyond.
    """

    id: str
    shot: int
    start: int
    stop: int
    shot_start: int
    shot_stop: int

    @property
    def frames(self) -> int:
        """How many frames."""
        return self.stop - self.start

    def with_handles(self, radius: int) -> tuple[int, int]:
        """First frame and end of the frames to read, with up to `radius` frames of context inside the shot."""
        return max(self.shot_start, self.start - radius), min(self.shot_stop, self.stop + radius)

    def as_json(self) -> dict[str, JsonValue]:
        """The segment as it stands in specs and in `shots.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a segment.

        Raises:
            pydantic.ValidationError: the value is not one.
        """
        segment: Self = TypeAdapter(cls).validate_python(value)
        return segment


def cut_segments(shots: Iterable[tuple[int, int]], longest: int = LONGEST_FRAMES) -> list[Segment]:
    """Cut shots, given as `(start, stop)` in order, into segments of nearly equal length, none over `longest`."""
    segments = []
    for shot, (start, stop) in enumerate(shots, start=1):
        pieces = max(1, -(-(stop - start) // longest))
        bounds = [start + (stop - start) * piece // pieces for piece in range(pieces + 1)]
        segments += [
            Segment(f"s{shot:03d}-{number:02d}", shot, first, end, start, stop)
            for number, (first, end) in enumerate(pairwise(bounds), start=1)
        ]
    return segments
