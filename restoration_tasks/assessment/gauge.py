"""What a gauge is: it reads one kind of decay off every frame, and judges a shot by its readings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from restoration_tasks.assessment.glance import Glances


class Category(StrEnum):
    """Kinds of decay and damage, by the names the reports use."""

    DIRT = "dirt"
    SCRATCH = "scratch"
    FLICKER = "flicker"
    WEAVE = "weave"
    FADE = "fade"
    STAIN = "stain"
    TEAR = "tear"
    GRAIN = "grain"
    BLUR = "blur"
    CLIPPING = "clipping"
    BLOCKING = "blocking"
    MISSING = "missing"
    TEXT = "text"
    """Text on screen: a finding, no damage; its severity is 0."""


@dataclass(frozen=True)
class Scanned:
    """What a gauge may know of the scan."""

    width: int
    height: int
    """Pixels."""
    fps: float
    """Frames a second."""
    grey: bool
    """Whether it has one channel only."""


@dataclass(frozen=True)
class ShotFacts:
    """What a gauge may know of the shot it judges."""

    number: int
    """1-based, in the order of the reel."""
    start: int
    stop: int
    scan: Scanned

    @property
    def frames(self) -> int:
        """How many frames."""
        return self.stop - self.start


@dataclass(frozen=True)
class Verdict:
    """How a shot stands in one category."""

    category: Category
    severity: float
    """0 (nothing) to 100 (as bad as it gets); each gauge documents its law. Up to 5 nobody need look."""
    confidence: float
    """0–1: how far the readings carry the severity."""
    words: str
    """One sentence for staff."""
    figures: Mapping[str, float | int | bool | str | None] = field(default_factory=dict)
    """What was measured, by name with its unit (`x_rms_px`, `red_gamma`); no NaN, no infinity."""
    worst_frame: int | None = None
    """Position in the reel of the frame that shows it best."""


Reading = TypeVar("Reading")


class Gauge(ABC, Generic[Reading]):
    """One kind of decay. Several threads may read with one gauge at once: it keeps nothing of what it saw."""

    category: ClassVar[Category]
    reading: ClassVar[type[Any]]
    """The frozen dataclass of its readings; fields int, float, bool or `tuple[float, ...]`: columns of
    `readings.parquet`."""
    radius: ClassVar[int] = 0
    """Frames looked at on each side."""

    @abstractmethod
    def read(self, window: Glances) -> Reading:
        """Read the middle frame of a window. Every field is finite, whatever the picture (black, white, noise, 1x1)."""

    @abstractmethod
    def judge(self, rows: Sequence[Reading], shot: ShotFacts) -> Verdict:
        """Judge a whole shot by its readings, one a frame in order; at least one."""
