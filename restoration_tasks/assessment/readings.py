"""The readings of a segment's frames by all gauges, kept as Parquet: one row a frame, one group of columns a gauge."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_tasks.assessment.gauge import Category, Gauge, Scanned
from restoration_tasks.assessment.glance import Glance, Glances
from restoration_tasks.assessment.light import LightRelation
from restoration_tasks.media.picture import Frame
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.table import ByFrame
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.in_order import in_order

if TYPE_CHECKING:
    from restoration_tasks.assessment.faces import FaceLooker
    from restoration_tasks.assessment.shots import Shot

_SCAN = b"reelkeeper.scan"


@cache
def gauges() -> tuple[Gauge[Any], ...]:
    """Every gauge, in the order their columns stand in."""
    from restoration_tasks.assessment.blocking import BlockingGauge
    from restoration_tasks.assessment.clipping import ClippingGauge
    from restoration_tasks.assessment.fade import FadeGauge
    from restoration_tasks.assessment.grain_level import GrainGauge
    from restoration_tasks.assessment.missing import MissingGauge
    from restoration_tasks.assessment.sharpness import BlurGauge
    from restoration_tasks.assessment.stain import StainGauge
    from restoration_tasks.assessment.tear import TearGauge
    from restoration_tasks.assessment.text import TextGauge
    from restoration_tasks.assessment.uneven import UnevenGauge
    from restoration_tasks.assessment.weave import WeaveGauge

    return (
        ClippingGauge(),
        WeaveGauge(),
        MissingGauge(),
        GrainGauge(),
        BlurGauge(),
        BlockingGauge(),
        FadeGauge(),
        TearGauge(),
        StainGauge(),
        UnevenGauge(),
        TextGauge(),
    )


@dataclass(frozen=True)
class FrameReadings:
    """What all gauges read off one frame."""

    frame: int
    """Position in the reel."""
    by: dict[Category, Any]
    """The reading of each gauge, of its own dataclass."""


def scanned(master: Path) -> Scanned:
    """What the gauges may know of a master."""
    picture = FrameReader(master, count=1).format
    return Scanned(picture.width, picture.height, float(picture.fps), picture.is_grey)


def read_segment(
    master: Path, segment: Segment, means: Means, asked: Sequence[Gauge[Any]], faces: FaceLooker | None = None
) -> Iterator[FrameReadings]:
    """Read the frames of one segment; memory does not grow with its length.

    Args:
        master: preservation master of the whole reel.
        segment: which frames; context is read beside it, inside its shot.
        means: how many frames may be worked side by side.
        asked: the gauges.
        faces: looks for faces in those frames that it wants.

    Raises:
        MediaError: the master is damaged.
    """
    radius = max((gauge.radius for gauge in asked), default=0)
    start, stop = segment.with_handles(radius)
    reader = FrameReader(master, start=start, count=stop - start)
    picture = reader.format

    def glance(index: int, frame: Frame) -> Glance:
        work = picture.to_work(frame)
        seen = Glance.of(index, work, picture)
        if faces is not None:
            faces.look(work, seen)
        return seen

    glances = (glance(index, frame) for index, frame in enumerate(reader, start))
    wanted = (window for _, window in windows(glances, radius) if segment.start <= window[0].index < segment.stop)

    def read(window: Glances) -> FrameReadings:
        return read_window(window, asked)

    yield from in_order(read, wanted, threads=means.threads, ahead=means.threads)


def read_window(window: Glances, asked: Sequence[Gauge[Any]] | None = None) -> FrameReadings:
    """What gauges (all, if not named) read off the middle frame of a window."""
    return FrameReadings(
        window[0].index,
        {
            gauge.category: gauge.read({at: one for at, one in window.items() if abs(at) <= gauge.radius})
            for gauge in asked or gauges()
        },
    )


def lights_of(rows: Iterable[FrameReadings], lights: ByFrame[LightRelation] | None = None) -> ByFrame[LightRelation]:
    """What the light of each frame does beside the frame before, by frame; of those whose flicker was read.

    Args:
        rows: readings, in order.
        lights: of the frames before, which are added to.
    """
    lights = ByFrame(LightRelation) if lights is None else lights
    for row in rows:
        if Category.FLICKER in row.by:
            lights.add(row.frame, row.by[Category.FLICKER].relation)
    return lights


def write_readings(path: Path, rows: Iterable[FrameReadings], asked: Sequence[Gauge[Any]], scan: Scanned) -> None:
    """Write the table; the same rows give the same bytes. What the gauges must know of the scan goes with it."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = {"int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "tuple[float, ...]": pa.list_(pa.float64())}
    groups = [
        pa.field(
            gauge.category.value,
            pa.struct([pa.field(one.name, types[str(one.type)], nullable=False) for one in fields(gauge.reading)]),
            nullable=False,
        )
        for gauge in asked
    ]
    schema = pa.schema([pa.field("frame", pa.int64(), nullable=False), *groups])
    schema = schema.with_metadata({_SCAN: json.dumps(asdict(scan)).encode()})
    content = [{"frame": row.frame} | {name.value: asdict(one) for name, one in row.by.items()} for row in rows]
    pq.write_table(pa.Table.from_pylist(content, schema=schema), path, compression="zstd")


class ReelReadings:
    """The readings of a reel, read from its segments' tables shot by shot, as a frame has some hundred numbers.

    Args:
        tables: each segment of the reel, in order, with the table of its readings.
    """

    def __init__(self, tables: Sequence[tuple[Segment, Path]]) -> None:
        self._tables = tables

    @cached_property
    def scan(self) -> Scanned | None:
        """What was scanned; None where there is no segment.

        Raises:
            MediaError: the table is damaged or has other columns.
        """
        return read_readings(self._tables[0][1], only=())[1] if self._tables else None

    def of(self, shot: Shot) -> list[FrameReadings]:
        """The readings of a shot's frames, in order.

        Raises:
            MediaError: a table is damaged or has other columns.
        """
        return [row for segment, path in self._tables if segment.shot == shot.number for row in read_readings(path)[0]]

    def only(self, category: Category) -> Iterator[FrameReadings]:
        """Those of one category alone, of every frame, in order.

        Raises:
            MediaError: a table is damaged or has other columns.
        """
        for _, path in self._tables:
            yield from read_readings(path, only=(category,))[0]


def read_readings(path: Path, only: Collection[Category] | None = None) -> tuple[list[FrameReadings], Scanned]:
    """Read the table and what was scanned; categories this version does not know are left out.

    Args:
        path: the table.
        only: the categories to read; all, if None.

    Raises:
        MediaError: it is damaged or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    known = {gauge.category.value: gauge for gauge in gauges() if only is None or gauge.category in only}
    try:
        table = pq.read_table(path, columns=None if only is None else ["frame", *known])
        scan = Scanned(**json.loads((table.schema.metadata or {})[_SCAN]))
        rows: list[dict[str, Any]] = table.to_pylist()
        read = [
            FrameReadings(
                row["frame"],
                {known[name].category: _reading(known[name], row[name]) for name in row if name in known},
            )
            for row in rows
        ]
        return read, scan
    except (pa.ArrowException, OSError, TypeError, ValueError, KeyError) as error:
        raise MediaError(
            f"the table of readings cannot be read: {error}", file=path, action="assess the segment again"
        ) from error


def _reading(gauge: Gauge[Any], columns: dict[str, Any]) -> Any:
    """A reading from its columns; Parquet gives lists where it was given tuples."""
    return gauge.reading(**{name: tuple(one) if isinstance(one, list) else one for name, one in columns.items()})
