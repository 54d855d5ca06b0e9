"""What a step recorded of every frame, as the check asks for it: a few columns of the segments' tables, joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from restoration_tasks.models.defects.kinds import Defect

CHANGED: Final = "changed_px"
"""Pixels that restoration changed."""


def area_column(kind: Defect) -> str:
    """Where the assessment keeps the share of a frame that is damaged in this way."""
    return f"{kind}_area"


def repaired_column(kind: str) -> str:
    """Where restoration keeps how many pixels it repaired in this way (`restoration.changes.REPAIRS`)."""
    return f"repaired_{kind}_px"


@dataclass(frozen=True)
class FrameRecord:
    """Columns of figures by frame; some bytes a figure, as reels are long."""

    frames: npt.NDArray[np.int64]
    """Rising."""
    columns: Mapping[str, npt.NDArray[Any]]

    @classmethod
    def read(cls, tables: Sequence[Path], columns: Sequence[str]) -> Self:
        """Join tables of segments.

        Args:
            tables: Parquet files with a column `frame`.
            columns: what to keep. One that a table lacks (made by a version that did not know it) is 0 there.
        """
        import pyarrow.parquet as pq

        if not tables:
            return cls(np.zeros(0, np.int64), {})
        # One table after the other: Arrow keeps more memory for many small ones than their numbers take.
        read: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in ("frame", *columns)}
        known = set()
        for path in tables:
            table = pq.read_table(path, columns=list(read))
            for name, parts in read.items():
                if name in table.column_names:
                    parts.append(table[name].fill_null(0).to_numpy().copy())
                    known.add(name)
                else:
                    parts.append(np.zeros(table.num_rows, np.int64))
        joined = {name: np.concatenate(read[name]) for name in ("frame", *(name for name in columns if name in known))}
        frames = joined.pop("frame").astype(np.int64)
        order = np.argsort(frames, kind="stable")
        return cls(frames[order], {name: column[order] for name, column in joined.items()})

    def at(self, frame: int) -> dict[str, Any]:
        """What was recorded of a frame; nothing where there is no record of it."""
        place = int(np.searchsorted(self.frames, frame, side="right")) - 1
        if place < 0 or self.frames[place] != frame:
            return {}
        return {name: column[place] for name, column in self.columns.items()}

    def total(self, column: str, start: int, stop: int) -> float:
        """Sum of a column over frames `start ≤ i < stop`; 0 where nothing was recorded."""
        first, last = np.searchsorted(self.frames, (start, stop))
        return self.columns[column][first:last].sum().item() if column in self.columns else 0
