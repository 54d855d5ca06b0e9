"""The figures of a segment's frames, one row a frame, kept as Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from restoration_tasks.media.table import read_rows, write_rows


@dataclass(frozen=True, slots=True)
class FrameFigures:
    """What was measured of one frame. The fields are the columns of `figures.parquet`."""

    frame: int
    """0-based position in the reel."""
    dirt_area: float
    """Share of the picture under dirt, 0 … 1."""
    dirt_count: int
    """Specks."""
    hair_area: float
    """Share of the picture under hairs, 0 … 1; the classical detector counts hairs as dirt."""
    hair_count: int
    """Hairs."""
    calm_area: float
    """Share of the calm half of the picture, where motion is followed best, that is under dirt and hairs, 0 … 1. Dirt
    lies there as anywhere; what motion left over does not. The classical detector's is that of the whole picture."""
    dirt_severity: float
    """0 … 100 of dirt and hairs together, see `assessment.dirt.dirt_severity`."""
    scratch_area: float
    """Share of the picture that shows evidence of scratches, 0 … 1; which of it is one is decided over the shot."""
    level: float
    """Mean code value as a share of the code range."""
    motion_px: float
    """Median movement from the frame before, in pixels."""
    near_duplicate: bool
    """Whether the frame nearly repeats the one before."""
    doubted_area: float
    """Share of the picture under what would be dirt but for the frames around it, 0 … 1: it blinks again and again in
    the same place, stands among lights or falls as snow does. None of it is in `dirt_area`."""
    doubted_count: int
    """Pieces of it."""
    followed: int
    """Pieces, sure or not, that could be followed to the frames before and after; 0 where the scanner's own channel
    tells what is dirt, and for the classical detector."""
    going_on: int
    """How many of them were found to go on their way."""
    going_by_chance: float
    """How many would by chance."""
    raining: bool
    """Whether bright strokes of this frame and those around it lie all one way, as rain does."""


def write_figures(path: Path, rows: Iterable[FrameFigures]) -> None:
    """Write the table; the same rows give the same bytes."""
    write_rows(path, FrameFigures, rows)


def read_figures(path: Path) -> list[FrameFigures]:
    """Read the table.

    Raises:
        MediaError: it is damaged or has other columns.
    """
    return read_rows(path, FrameFigures, "figures")
