"""What training and benchmarks are made of: clean clips and photographs inside public packages."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.packed import PackedFile


class ClipError(ReelkeeperError):
    """A clean clip could not be fetched, or is not the one it should be."""


@dataclass(frozen=True, kw_only=True)
class Material(PackedFile):
    """A clip or a photograph inside a package."""

    what: ClassVar[str] = "clip"
    error: ClassVar[type[ReelkeeperError]] = ClipError

    licence: str
    """Licence of the file, or what its package says of it. Only clips free of conditions are shown in our documents."""


@dataclass(frozen=True, kw_only=True)
class Clip(Material):
    """A clean clip inside a package."""

    width: int
    """Pixels a line."""
    height: int
    """Lines."""
    frames: int
    """Number of frames."""
    fps: Fraction
    """Frames a second."""
    scenes: tuple[tuple[int, int], ...] = ()
    """Frames `start ≤ i < stop` of each scene, where the clip has cuts."""


@dataclass(frozen=True, kw_only=True)
class Photograph(Material):
    """A still photograph inside a package; a moving camera makes a clip of it."""

    what: ClassVar[str] = "photograph"
