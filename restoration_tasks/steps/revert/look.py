"""Write shots with treatments off to a file or a folder, to look at; the record of the reel stays as it is.

Rendering a copy is no event in the provenance. An event tells what became of the archive's objects; here none is made
or changed, nothing is added to vault or catalogue, and the copy belongs to whoever asked for it. To keep what was seen
is a decision of its own, which is recorded (`keep.py`). For the same reason the reel is not held: a copy can be made
while a run waits for the decision, which is when it is wanted most.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final

from restoration_tasks.runtime.errors import MediaError, ReelBusy, WrongUse, about_reel
from restoration_tasks.runtime.files import disk_errors
from restoration_tasks.runtime.progress import Reporter, StepProgress
from restoration_tasks.runtime.runner import finished
from restoration_tasks.runtime.step import StepWork
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.revert import frame_files
from restoration_tasks.steps.revert.proof import Proof, prove
from restoration_tasks.steps.revert.record import LOOKUP, Ingested

if TYPE_CHECKING:
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.runtime.spec import Spec

FILE_ENDING: Final = ".mkv"
_DRAFTS = "reelkeeper-draft"
_LABEL: Final = "revert"
_LOCK: Final = "lock"


@dataclass(frozen=True)
class Copy:
    """A copy that is wanted.

    Args:
        reel: whose.
        plan: what it is rendered by.
        shots: the shots that are written, one after the other; all of them make the whole reel, with its sound.
        target: file (`.mkv`, FFV1) or folder (frame files with the names and headers of the scan).
    """

    reel: Ingested
    plan: Plan
    shots: frozenset[int]
    target: Path

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """What is written, in order."""
        return tuple(segment for segment in self.reel.segments if segment.shot in self.shots)

    @cached_property
    def places(self) -> list[int]:
        """Place in the reel of every frame that is written, in order."""
        return [frame for segment in self.segments for frame in range(segment.start, segment.stop)]

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole reel."""
        return len(self.segments) == len(self.reel.segments)

    @property
    def is_file(self) -> bool:
        """Whether it goes into one file."""
        return self.target.suffix.lower() == FILE_ENDING

    @property
    def drafts(self) -> Path:
        """Folder beside the target where it is made before it takes its name; what a killed one left is replaced."""
        return self.target.with_name(f".{self.target.name}.{_DRAFTS}")

    @property
    def draft(self) -> Path:
        """The target in the making."""
        return self.drafts / self.target.name


def write(copy: Copy, report: Reporter) -> Proof:
    """Render, write, prove. The target takes its name when every frame without treatments is found to be the scan's.

    Segments that the vault holds as the plan asks for them are taken from there, all others are made from the master,
    in scratch. Run again after a kill it goes on with the segments that are made.

    Args:
        copy: what is wanted.
        report: where progress goes.

    Returns:
        What equals the scan, by the decoded frames of what was written.

    Raises:
        WrongUse: the target exists, lies where nothing may be added, or cannot be made of this reel.
        StepFailed: the damage maps of a shot that stays treated, or the list of shots, are not in the vault.
        ReelBusy: another copy of this reel is being made.
        VaultError: a disk is full, or a file is gone.
        MediaError: what was written is not what it must be; nothing is left of it.
    """
    _require_target(copy)
    specs = _specs(copy)
    folder = copy.reel.way.settings.scratch_folder / copy.reel.way.reel_id / _LABEL
    with about_reel(copy.reel.way.reel_id), _alone(folder, copy.reel.way.reel_id):
        _require_space(copy, folder, [spec for spec in specs if finished(spec, copy.reel.way.vault) is None])
        paths = [_segment(copy, spec, folder, report) for spec in specs]
        with disk_errors(copy.target):
            _remove(copy.drafts)
            copy.drafts.mkdir(parents=True)
        try:
            written = _write_file(copy, paths, report) if copy.is_file else _write_frames(copy, paths, report)
            # Good or bad, the segments have served: another try must not meet what this proof refuses.
            _remove(*(path for path in folder.iterdir() if path.name != _LOCK))
            proof = _prove(copy, written)
            with disk_errors(copy.target):
                _require_new(copy.target)
                copy.draft.rename(copy.target)
        finally:
            _remove(copy.drafts)
    return proof


def _prove(copy: Copy, written: Sequence[str]) -> Proof:
    if len(written) != len(copy.places):
        raise MediaError(
            "what was written has not as many frames as the shots",
            expected=f"{len(copy.places)} frames",
            found=f"{len(written)} frames",
            action="check the disk, then run the same command again",
        )
    by_place = dict(zip(copy.places, written, strict=True))
    return prove(copy.plan, copy.reel.scan, copy.reel.framemd5, by_place)


def _specs(copy: Copy) -> list[Spec]:
    """The restore specs of what is written; shots with nothing left need no damage maps."""
    way, ingest = copy.reel.way, copy.reel.ingest
    treated = {shot.shot for shot in copy.plan.shots if shot.treatments} & copy.shots
    assessed = {segment.id: copy.reel.assessed(segment) for segment in copy.segments if segment.shot in treated}
    return [way.restore(LOOKUP, ingest, assessed, copy.plan, segment) for segment in copy.segments]


def _segment(copy: Copy, spec: Spec, folder: Path, report: Reporter) -> Path:
    """A segment by its spec: the vault's, or that of the restore step, worked in scratch and not published."""
    settings = copy.reel.way.settings
    if (result := finished(spec, copy.reel.way.vault)) is not None:
        return copy.reel.way.vault.fetch(result.reference("segment"), settings.scratch_folder)
    made = folder / f"{spec.signature}.mkv"
    if not made.exists():
        work = StepWork(spec=spec, settings=settings, folder=folder / spec.signature, report=report)
        with disk_errors(folder):
            _remove(work.folder)
            definition(spec.step).run(work)
            work.outputs["segment"].path.replace(made)
            _remove(work.folder)
    return made


def _write_file(copy: Copy, paths: Sequence[Path], report: Reporter) -> Sequence[str]:
    """One FFV1 file; of the whole reel with the scan's sound. Returns the md5 of each frame that lies in it."""
    from restoration_tasks.media import framemd5
    from restoration_tasks.media.join import join
    from restoration_tasks.media.master import carry_sound
    from restoration_tasks.media.sound.tracks import sound_tracks

    master, tell = copy.reel.file("master"), _Teller(report, len(copy.places))
    with_sound = copy.is_whole and bool(sound_tracks(master))
    picture = copy.drafts / "picture.mkv" if with_sound else copy.draft
    join(paths, picture, progress=tell("frames joined"))
    if with_sound:
        carry_sound(master, picture, copy.draft)
        _remove(picture)
    return framemd5.compute(copy.draft, progress=tell("frames proved"))


def _write_frames(copy: Copy, paths: Sequence[Path], report: Reporter) -> Sequence[str]:
    """A folder of frame files. Returns the md5 of each frame, decoded from the files."""
    from restoration_tasks.media import framemd5
    from restoration_tasks.media.reader import FrameReader

    tell = _Teller(report, len(copy.places))
    progress = tell("frame files written")
    left = {shot.shot: tuple(treatment.name for treatment in shot.treatments) for shot in copy.plan.shots}
    files = frame_files.FrameFiles(copy.reel, copy.draft)
    done = 0
    for segment, path in zip(copy.segments, paths, strict=True):
        for place, frame in enumerate(FrameReader(path, count=segment.frames), start=segment.start):
            files.write(place, frame, left[segment.shot])
            progress(done := done + 1)
    return framemd5.compute(files.written, progress=tell("frames proved"))


@dataclass(frozen=True)
class _Teller:
    """Turns counts of frames into progress."""

    report: Reporter
    total: int

    def __call__(self, unit: str) -> Callable[[int], None]:
        return lambda done: self.report(StepProgress(label=_LABEL, done=done, total=self.total, unit=unit))


def _require_target(copy: Copy) -> None:
    """Refuse, before any work, what cannot or may not be written."""
    reel_id, way = copy.reel.way.reel_id, copy.reel.way
    _require_new(copy.target)
    place = copy.target.resolve()
    kept = {"the vault": way.vault.local_root, "the inbox": way.settings.inbox_folder.resolve()}
    for name, folder in kept.items():
        if folder is not None and place.is_relative_to(folder):
            raise WrongUse(
                f"a copy to look at does not belong into {name}",
                reel=reel_id,
                file=copy.target,
                action="name another place",
            )
    if copy.is_file:
        return
    if copy.target.suffix:
        raise WrongUse(
            "this output is not possible",
            reel=reel_id,
            file=copy.target,
            expected=f"a file ending in {FILE_ENDING}, or a folder whose name has no ending",
            found=copy.target.name,
            action="name the output accordingly",
        )
    frame_files.require(copy.reel)


def _require_new(target: Path) -> None:
    if os.path.lexists(target):
        raise WrongUse(
            "there is something of this name already", file=target, action="name another output, or move it away"
        )


def _require_space(copy: Copy, folder: Path, to_make: Sequence[Spec]) -> None:
    """Ask for room as the master and the delivered files took it, frame by frame."""
    from restoration_tasks.runtime.space import Need, require_space

    total = len(copy.reel.framemd5)
    a_frame = copy.reel.ingest.reference("master").bytes / total
    missing = {spec.segment for spec in to_make}
    making = sum(segment.frames for segment in copy.segments if segment.id in missing)
    writing = (
        int(len(copy.places) * a_frame)
        if copy.is_file
        else sum(copy.reel.scan.files[place].bytes for place in copy.places)
    )
    require_space(
        (
            Need(copy.target.parent.absolute(), writing, "the copy"),
            Need(folder, int(making * a_frame), "the segments it is made of"),
        )
    )


@contextmanager
def _alone(folder: Path, reel_id: str) -> Iterator[None]:
    """Hold the scratch folder; the lock ends with the process, however that ends."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ReelBusy(
                "another copy of this reel is being made on this machine", reel=reel_id, action="wait until it is done"
            ) from error
        yield


def _remove(*paths: Path) -> None:
    for path in paths:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
