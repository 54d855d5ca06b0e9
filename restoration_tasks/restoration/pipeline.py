"""Run a plan's slice over one segment: frames stream through the treatments in order, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from restoration_tasks.media.join import cut
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.window import windows
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.changes import FrameChange
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.plan import PlanSlice
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams
from restoration_tasks.runtime.errors import MediaError

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames there are."""


@dataclass(frozen=True)
class _Passing:
    """A frame on its way through the treatments."""

    original: Frame
    shown: Shown
    repaired_px: int = 0
    outside_map_px: int = 0


def restore_segment(
    master: Path,
    segment: Segment,
    part: PlanSlice,
    out: Path,
    *,
    maps: Sequence[Path] = (),
    progress: Progress | None = None,
) -> list[FrameChange]:
    """Restore one segment.

    Args:
        master: the preservation master of the whole reel.
        segment: which frames.
        part: the segment's slice of the plan; with no treatments the coded frames are copied as they are.
        out: FFV1 file to write.
        maps: the damage maps of all segments of the shot, in order, which together cover the shot. Neighbouring
        segments' maps are
            needed so that damage in a frame beyond the segment's end is not taken for picture, and the pixels do not
            depend on where the shot was cut.
        progress: told after each frame.

    Returns:
        One entry a frame.

    Raises:
        MediaError: the master or a map is damaged, or a map has another size.
    """
    if not part.treatments:
        cut(master, segment.start, segment.stop, out)
        return [FrameChange(frame, 0, 0.0, 0, 0) for frame in range(segment.start, segment.stop)]
    treatments = part.build()
    reach = sum(treatment.radius for treatment in treatments)
    start, stop = segment.with_handles(reach)
    reader = FrameReader(master, start=start, count=stop - start)
    damage = map_frames(maps, reader.format, segment, start, stop) if any(t.needs_map for t in treatments) else None
    changes = []
    with ExitStack() as stack:
        writer = stack.enter_context(FrameWriter(out, reader.format))
        for passing in _run_treatments(_shown(reader, damage, start), treatments, segment):
            restored = reader.format.from_work(passing.shown.work, passing.original)
            writer.write(restored)
            changes.append(_change(passing, restored, reader.format))
            if progress is not None:
                progress(len(changes), segment.frames)
    return changes


def _run_treatments(
    frames: Iterable[_Passing],
    treatments: Sequence[Treatment[TreatmentParams]],
    segment: Segment,
) -> Iterator[_Passing]:
    """The frames of a segment after all its treatments.

    Each treatment is a stage that gives as many frames beside the segment as the stages after it look at.
    """
    stream: Iterable[_Passing] = frames
    left = sum(treatment.radius for treatment in treatments)
    first, _ = segment.with_handles(left)
    for treatment in treatments:
        left -= treatment.radius
        wanted = segment.with_handles(left)
        stream = _stage(stream, treatment, first, wanted, segment.start)
        first = wanted[0]
    yield from stream


def _stage(
    frames: Iterable[_Passing],
    treatment: Treatment[TreatmentParams],
    first: int,
    wanted: tuple[int, int],
    segment_start: int,
) -> Iterator[_Passing]:
    for place, window in windows(frames, treatment.radius):
        index = first + place
        if not wanted[0] <= index < wanted[1]:
            continue
        passing = window[0]
        before = passing.shown.work
        after = treatment.apply({offset: other.shown for offset, other in window.items()}, index - segment_start)
        treated = replace(passing, shown=replace(passing.shown, work=after))
        if treatment.fidelity is Fidelity.MASKED:
            differs = (after != before).any(axis=0)
            mask = treatment.mask(passing.shown)
            treated = replace(
                treated,
                repaired_px=passing.repaired_px + int(np.count_nonzero(differs)),
                outside_map_px=passing.outside_map_px + int(np.count_nonzero(differs & ~mask)),
            )
        yield treated


def _shown(reader: FrameReader, damage: Iterator[DamageMap] | None, start: int) -> Iterator[_Passing]:
    picture = reader.format
    for index, frame in enumerate(reader, start=start):
        found = None if damage is None else next(damage)
        yield _Passing(frame, Shown(index, picture.to_work(frame), found, picture))


def map_frames(
    maps: Sequence[Path], picture: PictureFormat, segment: Segment, start: int, stop: int
) -> Iterator[DamageMap]:
    """The damage maps of frames `start ≤ i < stop`, from the files that together cover the segment's shot.

    Raises:
        MediaError: the files end before the frames do, or are not of the scan's size.
    """
    geometry = map_format(picture)
    begin = segment.shot_start
    given = start
    for path in maps:
        reader = FrameReader(path, geometry)
        end = begin + len(reader)
        low, high = max(start, begin), min(stop, end)
        if low < high:
            for frame in FrameReader(path, geometry, start=low - begin, count=high - low):
                yield DamageMap.from_frame(frame)
                given += 1
        begin = end
    if given < stop:
        raise MediaError(
            "the damage maps end before the shot does",
            file=maps[-1] if maps else None,
            frame=given,
            expected=f"maps up to frame {stop - 1}",
            found=f"maps up to frame {given - 1}",
            action="assess the shot again",
        )


def _change(passing: _Passing, restored: Frame, picture: PictureFormat) -> FrameChange:
    before, after = picture.to_work(passing.original), picture.to_work(restored)
    changed = int(np.count_nonzero((before != after).any(axis=0)))
    return FrameChange(
        frame=passing.shown.index,
        changed_px=changed,
        changed_share=changed / (picture.width * picture.height),
        repaired_px=passing.repaired_px,
        outside_map_px=passing.outside_map_px,
    )
