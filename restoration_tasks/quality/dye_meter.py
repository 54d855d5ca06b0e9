"""How faded a shot looks before and after, read off a frame here and there by the gauge that the assessment uses."""

from __future__ import annotations

from typing import Final

from restoration_tasks.assessment.fade import FadeGauge, FadeReading
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.picture import Frame, PictureFormat

NOTHING: Final = 5.0
"""Severity up to which nobody need look; a shot that comes to lie under it has not become worse."""
EVERY: Final = 12
"""One frame of so many is read: dyes do not change within a shot."""


class DyeMeter:
    """Takes the frames of one shot in order."""

    def __init__(self, picture: PictureFormat) -> None:
        self._picture = picture
        self._gauge = FadeGauge()
        self._passed = 0
        self._readings: tuple[list[FadeReading], list[FadeReading]] = ([], [])

    def look(self, master: Frame, restored: Frame) -> None:
        """Take the next frame, as scanned and as restored."""
        if self._passed % EVERY == 0:
            for frame, readings in zip((master, restored), self._readings, strict=True):
                glance = Glance.of(self._passed, self._picture.to_work(frame), self._picture)
                readings.append(self._gauge.read({0: glance}))
        self._passed += 1

    def severities(self) -> tuple[float, float]:
        """How faded the shot looks as scanned and as restored, 0 to 100 each."""
        scan = Scanned(self._picture.width, self._picture.height, float(self._picture.fps), self._picture.is_grey)
        before, after = (
            self._gauge.judge(readings, ShotFacts(1, 0, len(readings), scan)).severity if readings else 0.0
            for readings in self._readings
        )
        return before, after
