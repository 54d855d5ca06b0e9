"""How a shot trembles before and after, read off every frame by the gauge that the assessment uses."""

from __future__ import annotations

from typing import Final

from restoration_tasks.assessment.gauge import Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.weave import WeaveGauge, WeaveReading, tremble_of
from restoration_tasks.media.picture import Frame, PictureFormat

UNSEEN_PX: Final = 0.05
"""What a tremble may rise by without being worse, pixels at 720 px width: what following corners is uncertain by."""


class WeaveMeter:
    """Takes the frames of one shot in order; it keeps one frame and a few numbers of each."""

    def __init__(self, picture: PictureFormat) -> None:
        self._picture = picture
        self._gauge = WeaveGauge()
        self._passed = 0
        self._last: list[Glance | None] = [None, None]
        self._readings: tuple[list[WeaveReading], list[WeaveReading]] = ([], [])

    def look(self, master: Frame, restored: Frame) -> None:
        """Take the next frame, as scanned and as restored."""
        for side, frame in enumerate((master, restored)):
            glance, before = Glance.of(self._passed, self._picture.to_work(frame), self._picture), self._last[side]
            window = {0: glance} if before is None else {-1: before, 0: glance}
            self._readings[side].append(self._gauge.read(window))
            self._last[side] = glance
        self._passed += 1

    def trembles_px(self) -> tuple[float, float]:
        """How the shot trembles as scanned and as restored, pixels at 720 px width; 0 where it cannot be followed."""
        scan = Scanned(self._picture.width, self._picture.height, float(self._picture.fps), self._picture.is_grey)
        before, after = (tremble_of(readings, scan) if readings else None for readings in self._readings)
        # What can be followed in one of them only cannot be held against the other.
        return (before.px, after.px) if before and after else (0.0, 0.0)
