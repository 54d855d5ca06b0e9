"""From two points a person set on a frame of a recorded master to a wire as the plan holds it, and words about it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.wire_course import APART, Look, Points, beside
from restoration_tasks.assessment.wire_tracking import Ended, Followed, follow
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.restoration.motion import Effort, Luma, MotionEstimator, analysis_luma
from restoration_tasks.restoration.wires import Wire, WireOn

WIDEST_PX = 1024
"""Wider frames are looked at no larger than this; places are told in pixels of the scan."""
STRAY_PX = 0.12
"""How far a course's corners may lie from the course itself, pixels of the scan."""
CHUNK = 4 * APART
"""Frames read at a time: going back through a shot, each frame by itself would have to be sought."""
_CHUNKS = 4
"""Chunks kept."""


@dataclass(frozen=True)
class NamedWire:
    """A wire that a person named, followed."""

    wire: Wire
    before: Ended
    after: Ended
    frames: int
    """Of the shot."""

    @property
    def words(self) -> str:
        """How far it was followed, for staff."""
        first, last = self.wire.on[0].frame, self.wire.on[-1].frame
        width = float(np.median([one.width_px for one in self.wire.on]))
        ends = [
            f"{side} frame {frame} {why.value}"
            for side, frame, why, at_end in (
                ("before", first, self.before, first == 0),
                ("after", last, self.after, last == self.frames - 1),
            )
            if not at_end
        ]
        followed = f"followed on {len(self.wire.on)} of {self.frames} frames ({first}–{last}), {width:.1f} px wide"
        return followed + "".join(f"; {one}" for one in ends)


def named_wire(master: Path, shot: tuple[int, int], key: int, ends: NDArray[np.float64]) -> NamedWire | None:
    """Find and follow a wire.

    Args:
        master: preservation master of the whole reel.
        shot: first frame of the shot, and the one after its last.
        key: the frame on which its ends were set, counted from the shot's start.
        ends: `(2, 2)`: x and y of both, pixels of the scan, roughly.

    Returns:
        the wire; None if no line is seen between the points.

    Raises:
        MediaError: the master is damaged.
    """
    lumas = _Lumas(master, *shot)
    frames = shot[1] - shot[0]
    motion = MotionEstimator(Effort.FOLLOW)

    @lru_cache(maxsize=4)
    def look(at: int) -> Look:
        return Look.of(lumas.of(at), [lumas.of(other) for other in beside(at, frames)], motion)

    scale = lumas.scale
    # Places are those of pixels' middles: the first of them is half a pixel from the edge, small or large.
    found = follow(look, frames, key, (np.asarray(ends, np.float64) + 0.5) / scale - 0.5)
    if found is None:
        return None
    return NamedWire(as_planned(found, ends, scale), found.before, found.after, frames)


def as_planned(found: Followed, ends: NDArray[np.float64], scale: float = 1.0) -> Wire:
    """A wire as the plan holds it.

    Args:
        found: the wire.
        ends: as they were set, pixels of the scan.
        scale: pixels of the scan a pixel of what it was followed on stands for.
    """
    on = []
    for frame, one in sorted(found.frames.items()):
        pieces = tuple(_corners((piece + 0.5) * scale - 0.5) for piece in one.pieces)
        on.append(WireOn(frame=frame, width_px=round(one.width_px * scale, 2), pieces=pieces))
    first, last = np.asarray(ends, np.float64)
    places = (float(first[0]), float(first[1]), float(last[0]), float(last[1]))
    return Wire(key=found.key, ends=places, on=tuple(on))


def _corners(course: Points) -> tuple[float, ...]:
    """A course as few places, x and y one after the other."""
    simple = cv2.approxPolyDP(course.astype(np.float32)[:, None], STRAY_PX, closed=False)
    return tuple(round(float(value), 2) for value in simple.ravel())


class _Lumas:
    """Analysis pictures of a shot's frames, read some at a time and kept for a while."""

    def __init__(self, master: Path, start: int, stop: int) -> None:
        self._master, self._start, self._frames = master, start, stop - start
        self._chunks: OrderedDict[int, list[Luma]] = OrderedDict()
        self.scale = max(FrameReader(master, start=start, count=1).format.width / WIDEST_PX, 1.0)

    def of(self, at: int) -> Luma:
        number = at // CHUNK
        if number not in self._chunks:
            first = number * CHUNK
            reader = FrameReader(self._master, start=self._start + first, count=min(CHUNK, self._frames - first))
            picture = reader.format
            made = []
            for frame in reader:
                luma = analysis_luma(picture.to_work(frame), picture.max_code, rgb=picture.is_rgb)
                if self.scale > 1.0:
                    size = (round(luma.shape[1] / self.scale), round(luma.shape[0] / self.scale))
                    luma = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8)
                made.append(luma)
            self._chunks[number] = made
            while len(self._chunks) > _CHUNKS:
                self._chunks.popitem(last=False)
        self._chunks.move_to_end(number)
        return self._chunks[number][at % CHUNK]
