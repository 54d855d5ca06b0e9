"""The product's way from frames to frames, as `reelkeeper clip` goes it: measure, decide, repair, on files.

Shots are given, not found: the benchmarks measure dirt, hairs and scratches, not cuts.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import Frame, PictureFormat, Work
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.treatment import Means, Shown
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import NumericProfile

Mask = NDArray[np.bool_]
Shots = Sequence[tuple[int, int]]
"""`start ≤ i < stop` of each shot; together they cover all frames."""
_TRACK_PX = 100
TREATMENTS = ("dirt", "scratches")
"""What is asked of the plan: what repairs dirt, hairs and scratches."""


@dataclass(frozen=True)
class Restored:
    """What the product made of a take."""

    frames: list[Work]
    """`(C, H, W)` codes."""
    maps: list[DamageMap]
    masks: list[Mask]
    """What the plan's masked treatments may change, `(H, W)`."""
    plan: Plan
    seconds: dict[str, float]
    """Wall seconds of each stage."""

    @property
    def treated(self) -> list[bool]:
        """Of each shot, whether the plan treats it."""
        return [bool(shot.treatments) for shot in self.plan.shots]


def rgb(width: int, height: int, bits: int = 10) -> PictureFormat:
    """The format of R, G, B frames."""
    return PictureFormat(width, height, "gbrp" if bits == 8 else f"gbrp{bits}le")


def write_frames(path: Path, picture: PictureFormat, frames: Iterable[Work]) -> None:
    """Write a master of `(C, H, W)` frames, grey or R, G, B."""
    with FrameWriter(path, picture) as writer:
        for frame in frames:
            writer.write(as_frame(frame))


def as_frame(work: Work) -> Frame:
    """Planes in ffmpeg's order, of grey or R, G, B."""
    return (work[0],) if len(work) == 1 else (work[1], work[2], work[0])


def read_works(path: Path) -> Iterator[Work]:
    """The frames of a file, `(C, H, W)`."""
    reader = FrameReader(path)
    for frame in reader:
        yield reader.format.to_work(frame)


def restore(frames: Sequence[Work], shots: Shots, engine: Engine, folder: Path, *, picture: PictureFormat) -> Restored:
    """Find and repair, at the shipped defaults, gates on: what measures as clean is left as it is.

    Args:
        frames: `(C, H, W)` codes of `picture`.
        shots: their shots.
        engine: which engine.
        folder: an empty folder to work in.
        picture: the frames' format: grey or R, G, B.
    """
    master = folder / "master.mkv"
    write_frames(master, picture, frames)
    seconds: dict[str, float] = {}
    with timed(seconds, "assess"):
        plan = assess(master, shots, engine, folder)
    with timed(seconds, "restore"):
        repair(master, shots, plan, folder)
    return result(master, shots, plan, folder, seconds)


def assess(master: Path, shots: Shots, engine: Engine, folder: Path) -> Plan:
    """Write the damage maps, and decide what is done about every shot."""
    measured = [
        measure_segment(master, segment, _map_path(folder, segment), engine=engine, means=_means())
        for segment in cut_segments(shots)
    ]
    decided = decide(
        [Shot(number, *bounds) for number, bounds in enumerate(shots, 1)],
        [row for one in measured for row in one.frames],
        TREATMENTS,
        Strength.SAME,
        lines=[line for one in measured for line in one.lines],
        engine=engine,
    )
    return Plan(reel_id="benchmark", reason="benchmark", shots=tuple(shot for shot, _ in decided))


def repair(master: Path, shots: Shots, plan: Plan, folder: Path) -> None:
    """Carry out a plan with the damage maps that lie in the folder; the restored segments lie beside them."""
    means, segments = _means(), cut_segments(shots)
    for segment in segments:
        maps = [_map_path(folder, other) for other in segments if other.shot == segment.shot]
        restore_segment(master, segment, plan.slice_for(segment), _path(folder, segment), maps=maps, means=means)


def _means() -> Means:
    settings = Settings()
    return Means.of(NumericProfile.of(settings), settings.threads)


def result(master: Path, shots: Shots, plan: Plan, folder: Path, seconds: dict[str, float]) -> Restored:
    """What lies in the folder after `repair`."""
    segments = cut_segments(shots)
    restored = [work for segment in segments for work in read_works(_path(folder, segment))]
    maps = [found for segment in segments for found in _read_maps(_map_path(folder, segment))]
    masks = [mask for segment in segments for mask in _masks(master, segment, plan, maps)]
    return Restored(restored, maps, masks, plan, seconds)


def _masks(master: Path, segment: Segment, plan: Plan, maps: Sequence[DamageMap]) -> Iterator[Mask]:
    reader = FrameReader(master, start=segment.start, count=segment.frames)
    treatments = [one for one in plan.slice_for(segment).build(origin=segment.start) if one.needs_map]
    for index, frame in enumerate(reader, start=segment.start):
        work = reader.format.to_work(frame)
        shown = Shown(index, work, maps[index], reader.format)
        nothing = np.zeros(work.shape[1:], np.bool_)
        yield np.logical_or.reduce([nothing, *(treatment.mask(shown) for treatment in treatments)])


def ungated(plan: Plan) -> Plan:
    """The plan with dirt repaired in every shot at the default threshold, however little there is.

    A shot that the plan leaves alone as a whole, for what is found looks like snow or glitter, is repaired as well.
    """
    shots = []
    for shot in plan.shots:
        others = tuple(one for one in shot.treatments if one.name != "dirt" or one.params.get("only_added"))
        has = len(others) < len(shot.treatments)
        treatments = shot.treatments if has else (_dirt(), *(one for one in others if one.name != "dirt"))
        shots.append(shot.model_copy(update={"treatments": treatments}))
    return plan.model_copy(update={"shots": tuple(shots)})


def _dirt(**params: JsonValue) -> PlannedTreatment:
    return PlannedTreatment(name="dirt", params=dict(params), why="asked for by the benchmark")


def fill(
    frames: Sequence[Work],
    masks: Sequence[Mask],
    shots: Shots,
    engine: Engine,
    folder: Path,
    *,
    picture: PictureFormat,
    kind: Defect = Defect.DIRT,
) -> list[Work]:
    """Repair what a mask names, with nothing found: the product's fill alone.

    Args:
        frames: `(C, H, W)` codes of `picture`.
        masks: `(H, W)`, what is filled in each.
        shots: their shots.
        engine: whose fill.
        folder: an empty folder to work in.
        picture: the frames' format: grey or R, G, B.
        kind: what it is filled as.
    """
    master = folder / "master.mkv"
    write_frames(master, picture, frames)
    segments = cut_segments(shots)
    for segment in segments:
        with FrameWriter(_map_path(folder, segment), map_format(picture)) as writer:
            for mask in masks[segment.start : segment.stop]:
                planes = dict.fromkeys(Defect, np.zeros(mask.shape, np.uint8))
                writer.write(DamageMap.of({**planes, kind: mask.astype(np.uint8) * np.uint8(255)}).as_frame())
    planned = [
        PlannedShot(shot=number, start=a, stop=b, treatments=(_everything(engine, kind, picture.width, b - a),))
        for number, (a, b) in enumerate(shots, 1)
    ]
    plan = Plan(reel_id="benchmark", reason="benchmark", shots=tuple(planned))
    repair(master, shots, plan, folder)
    return [work for segment in segments for work in read_works(_path(folder, segment))]


def _everything(engine: Engine, kind: Defect, width: int, frames: int) -> PlannedTreatment:
    """The treatment that repairs all the map's plane of this kind names."""
    if kind is not Defect.SCRATCH:
        return _dirt(engine=engine)
    # Tracks side by side, so that no pixel is outside a corridor.
    tracks: list[JsonValue] = [
        {"first": 0, "last": frames - 1, "x": [[0, x, x]], "width_px": _TRACK_PX}
        for x in range(0, width + _TRACK_PX, _TRACK_PX)
    ]
    params: dict[str, JsonValue] = {"engine": engine, "tracks": tracks}
    return PlannedTreatment(name="scratches", params=params, why="asked for by the benchmark")


def _read_maps(path: Path) -> Iterator[DamageMap]:
    """The damage maps of a segment."""
    for frame in FrameReader(path):
        yield DamageMap.from_frame(frame)


def _path(folder: Path, segment: Segment) -> Path:
    return folder / f"{segment.id}.mkv"


def _map_path(folder: Path, segment: Segment) -> Path:
    return folder / f"{segment.id}.map.mkv"


@contextmanager
def timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    """Write down the wall seconds of a block."""
    begun = time.monotonic()
    yield
    seconds[stage] = time.monotonic() - begun
