"""A reel along its length: how much damage was found and how much was changed in each frame, for the timeline."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from restoration_tasks.report.charts import binned
from restoration_tasks.runtime.errors import MediaError

POINTS: Final = 4000
"""More points than any screen has pixels show nothing; of frames that fall together the worst is shown."""


@dataclass(frozen=True)
class Timeline:
    """Columns of equal length, one place for each point."""

    frame: tuple[int, ...]
    """The first frame of the point, 0-based position in the reel."""
    dirt: tuple[float, ...]
    """Share of the picture under dirt and hairs, per cent."""
    scratches: tuple[float, ...]
    """Share of the picture that shows evidence of scratches, per cent."""
    changed: tuple[float, ...]
    """Share of the picture the restoration changed, per cent; empty where it was not recorded."""


def timeline(figures: Iterable[Path], changes: Iterable[Path]) -> Timeline:
    """The timeline of a reel.

    Args:
        figures: tables of the assess step, one a segment.
        changes: tables of the restore step, one a segment; none where nothing is restored yet.

    Raises:
        MediaError: a table is damaged or has other columns.
    """
    found = _columns(figures, ("frame", "dirt_area", "hair_area", "scratch_area"))
    altered = _columns(changes, ("frame", "changed_share"))
    order = sorted(range(len(found["frame"])), key=found["frame"].__getitem__)
    share = dict(zip(altered["frame"], altered["changed_share"], strict=True))
    return Timeline(
        frame=tuple(int(found["frame"][place]) for place in _places(order)),
        dirt=_shown([found["dirt_area"][place] + found["hair_area"][place] for place in order]),
        scratches=_shown([found["scratch_area"][place] for place in order]),
        changed=_shown([share.get(found["frame"][place], 0.0) for place in order]) if share else (),
    )


def changed_runs(changes: Iterable[Path]) -> list[tuple[int, int]]:
    """Frames the restoration changed, as runs of first and last frame, in order.

    Raises:
        MediaError: a table is damaged or has other columns.
    """
    rows = _columns(changes, ("frame", "changed_px"))
    altered = sorted(int(frame) for frame, pixels in zip(rows["frame"], rows["changed_px"], strict=True) if pixels > 0)
    if not altered:
        return []
    starts = [altered[0], *(after for before, after in pairwise(altered) if after > before + 1)]
    ends = [*(before for before, after in pairwise(altered) if after > before + 1), altered[-1]]
    return list(zip(starts, ends, strict=True))


def _places(order: Sequence[int]) -> Sequence[int]:
    return order if len(order) <= POINTS else [order[len(order) * point // POINTS] for point in range(POINTS)]


def _shown(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(round(value * 100, 4) for value in binned(values, max, POINTS))


def _columns(files: Iterable[Path], names: tuple[str, ...]) -> dict[str, list[float]]:
    """Columns of tables of one kind, one table after the other."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict[str, list[float]] = {name: [] for name in names}
    for file in files:
        try:
            table = pq.read_table(file, columns=list(names))
            for name in names:
                columns[name] += table.column(name).to_pylist()
        except (pa.ArrowException, OSError, KeyError) as error:
            raise MediaError(
                f"the table cannot be read: {error}", file=file, action="clear the task that made it"
            ) from error
    return columns
