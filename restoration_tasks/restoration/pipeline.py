"""Run a plan's slice over one segment: frames stream through the treatments in order, in constant memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from restoration_tasks.media.join import cut
from restoration_tasks.media.picture import Frame, PictureFormat, Work
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.window import windows
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.changes import FrameChange, Repaired
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.plan_slice import PlanSlice
from restoration_tasks.restoration.regions import Region, edited, protected
from restoration_tasks.restoration.treatment import Fidelity, Means, Shown, Treatment, TreatmentParams
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.in_order import in_order

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames there are."""


@dataclass(frozen=True)
class _Passing:
    """A frame on its way through the treatments."""

    original: Frame
    shown: Shown
    repaired: Repaired = field(default_factory=Repaired)
    outside_map_px: int = 0


Window = Mapping[int, _Passing]


def restore_segment(
    master: Path,
    segment: Segment,
    part: PlanSlice,
    out: Path,
    *,
    maps: Sequence[Path] = (),
    means: Means | None = None,
    progress: Progress | None = None,
    remark: Callable[[str], None] | None = None,
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
        means: what may be computed with; one frame after another on the processor, if not named.
        progress: told after each frame.
        remark: told what the record must say of how treatments worked.

    Returns:
        One entry a frame.

    Raises:
        MediaError: the master or a map is damaged, or a map has another size.
    """
    if not part.treatments:
        cut(master, segment.start, segment.stop, out)
        return [FrameChange.nothing(frame) for frame in range(segment.start, segment.stop)]
    means = means or Means()
    treatments = part.build(origin=segment.start, means=means)
    reach = sum(treatment.radius for treatment in treatments)
    start, stop = segment.with_handles(reach)
    reader = FrameReader(master, start=start, count=stop - start)
    damage = map_frames(maps, reader.format, segment, start, stop) if any(t.needs_map for t in treatments) else None
    changes = []
    with ExitStack() as stack:
        writer = stack.enter_context(FrameWriter(out, reader.format))
        for passing in _run_treatments(
            _shown(reader, damage, start, segment, part.regions), treatments, segment, means.threads
        ):
            restored = reader.format.from_work(passing.shown.work, passing.original)
            writer.write(restored)
            changes.append(_change(passing, restored, reader.format))
            if progress is not None:
                progress(len(changes), segment.frames)
    for line in (line for treatment in treatments for line in treatment.remarks()):
        if remark is not None:
            remark(line)
    return changes


def _run_treatments(
    frames: Iterable[_Passing],
    treatments: Sequence[Treatment[TreatmentParams]],
    segment: Segment,
    threads: int,
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
        stream = _stage(stream, treatment, first, wanted, threads)
        first = wanted[0]
    yield from stream


def _stage(
    frames: Iterable[_Passing],
    treatment: Treatment[TreatmentParams],
    first: int,
    wanted: tuple[int, int],
    threads: int,
) -> Iterator[_Passing]:
    def batches() -> Iterator[list[Window]]:
        batch: list[Window] = []
        for place, window in windows(frames, treatment.radius):
            if wanted[0] <= first + place < wanted[1]:
                batch.append(window)
            if len(batch) == treatment.batch(window[0].shown.picture):
                yield batch
                batch = []
        if batch:
            yield batch

    def treat(batch: list[Window]) -> list[_Passing]:
        treated = treatment.apply_all([{offset: one.shown for offset, one in window.items()} for window in batch])
        return [_after(treatment, window[0], work) for window, work in zip(batch, treated, strict=True)]

    # Frames are worked side by side and come out in order; each alone, so the pixels do not depend on how many.
    for done in in_order(treat, batches(), threads=threads, ahead=threads):
        yield from done


def _after(treatment: Treatment[TreatmentParams], passing: _Passing, work: Work) -> _Passing:
    """A frame after one treatment, its changes counted. Nothing that the plan protects is changed by a masked one."""
    kept = passing.shown.protected
    if kept is not None and treatment.fidelity is Fidelity.MASKED and not treatment.mends_text:
        work = np.where(kept, passing.shown.work, work)
    treated = replace(passing, shown=replace(passing.shown, work=work))
    if treatment.fidelity is not Fidelity.MASKED:
        return treated
    differs = (work != passing.shown.work).any(axis=0)
    mask = treatment.allowed(passing.shown)
    repaired = differs & mask
    kinds = passing.repaired.and_by(treatment.name, repaired, passing.shown.map)
    kinds = replace(kinds, blends=kinds.blends + treatment.blends(passing.shown.index))
    return replace(
        treated, repaired=kinds, outside_map_px=passing.outside_map_px + int(np.count_nonzero(differs & ~mask))
    )


def _shown(
    reader: FrameReader, damage: Iterator[DamageMap] | None, start: int, segment: Segment, regions: Sequence[Region]
) -> Iterator[_Passing]:
    picture = reader.format
    for index, frame in enumerate(reader, start=start):
        found = None if damage is None else edited(next(damage), regions, index - segment.shot_start)
        at, shape = index - segment.shot_start, (picture.height, picture.width)
        kept, text = protected(regions, at, shape), protected(regions, at, shape, text=True)
        yield _Passing(frame, Shown(index, picture.to_work(frame), found, picture, kept, text))


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
        repaired_px=passing.repaired.any_px,
        repaired_dirt_px=passing.repaired.dirt_px,
        repaired_hair_px=passing.repaired.hair_px,
        repaired_scratch_px=passing.repaired.scratch_px,
        repaired_stain_px=passing.repaired.stain_px,
        repaired_tear_px=passing.repaired.tear_px,
        repaired_text_px=passing.repaired.text_px,
        repaired_wire_px=passing.repaired.wire_px,
        repaired_face_px=passing.repaired.face_px,
        faces_clearer=sum(blend > 0 for blend in passing.repaired.blends),
        faces_left=sum(blend == 0 for blend in passing.repaired.blends),
        face_blend=min(passing.repaired.blends, default=1.0),
        outside_map_px=passing.outside_map_px,
    )
