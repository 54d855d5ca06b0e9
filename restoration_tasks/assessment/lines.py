"""The lines of a segment's frames, one row a line, kept as Parquet.

A frame alone cannot tell a scratch from a door frame. The rows hold what the whole shot needs for that
(`assessment.scratches`). Numbers are in pixels of the scan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from restoration_tasks.media.table import read_rows, write_rows


@dataclass(frozen=True, slots=True)
class Line:
    """One line of one frame. The fields are the columns of `lines.parquet`."""

    frame: int
    """0-based position in the reel."""
    picture_px: int
    """Width of the picture."""
    x_top: float
    x_bottom: float
    """Where its middle crosses the first and the last row, px."""
    width_px: float
    coverage: float
    """Share of the height that shows evidence, 0-1."""
    confidence: float
    """Mean confidence where it does, 0-1."""
    ridge: float
    """How much brighter it is than what lies beside it, 8-bit code values; negative is darker."""
    step: float
    """How much left and right of it differ, 8-bit code values, 0 or more."""
    scene_px: float
    """How far the scene beside it moved across from the nearest distinct frame (before, or after if there is none)
    to this one; 0 where there is none."""
    moved: float
    """Share of the height where the line shows and the scene moved across by its width, and two pixels, or more."""
    stays: float
    """Of `moved`: share of the height where the other frame shows the line in the same place."""
    follows: float
    """Of `moved`: share of the height where the other frame shows it where the scene was."""
    whole_px: float = 0.0
    """How far the whole scene moved, as `scene_px`: film that weaves moves all of it, and every line in it. 0 where no
    edge of the scene tells."""

    @property
    def x_middle(self) -> float:
        """Where it crosses the middle row."""
        return 0.5 * (self.x_top + self.x_bottom)


def write_lines(path: Path, lines: Iterable[Line]) -> None:
    """Write the table; the same lines give the same bytes."""
    write_rows(path, Line, lines)


def read_lines(path: Path) -> list[Line]:
    """Read the table.

    Raises:
        MediaError: it is damaged or has other columns.
    """
    return read_rows(path, Line, "lines")
