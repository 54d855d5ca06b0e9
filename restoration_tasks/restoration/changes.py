"""What a restoration changed in each frame, kept as Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class FrameChange:
    """What the restoration changed in one frame. The fields are the columns of `changes.parquet`."""

    frame: int
    """0-based position in the reel."""
    changed_px: int
    """Pixels with another code value in any channel."""
    changed_share: float
    """The same as a share of the picture, 0 … 1."""
    repaired_px: int
    """Pixels the masked treatments changed."""
    outside_map_px: int
    """Pixels a masked treatment changed outside its mask: always 0, counted all the same."""


def write_changes(path: Path, changes: Iterable[FrameChange]) -> None:
    """Write the table; the same rows give the same bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {"int": pa.int64(), "float": pa.float64()}
    schema = pa.schema([pa.field(f.name, kinds[str(f.type)], nullable=False) for f in fields(FrameChange)])
    pq.write_table(
        pa.Table.from_pylist([asdict(change) for change in changes], schema=schema), path, compression="zstd"
    )
