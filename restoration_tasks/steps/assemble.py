"""Assemble: join the restored segments bit-exactly into the restoration master, prove it, make the viewing copies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.runtime.errors import MediaError, StepFailed
from restoration_tasks.runtime.files import link_or_copy
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork
from restoration_tasks.steps.enlarged_master import make_enlarged

ENCODES_AT_ONCE: Final = 2
"""The copies' own filters leave threads idle; two runs side by side keep two cores busy without more sets of frames."""


class AssembledSegment(BaseModel):
    """One segment of the reel, in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    shot: int
    start: int = Field(ge=0)
    stop: int
    shot_start: int
    shot_stop: int
    untouched: bool
    """Whether no pixel of it was changed; its frames must then be the scan's."""


class AssembleParams(BaseModel):
    """Parameters of the step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segments: tuple[AssembledSegment, ...] = Field(min_length=1)
    enlarge: Enlargement | None = None
    """What the larger segments are, where there are any; without the reason."""


def run(work: StepWork) -> None:
    """Join, prove, lay the scan's sound beside the picture, copy; the same of the larger version where there is one.

    Raises:
        StepFailed: the segments do not cover the reel.
        MediaError: a segment is damaged, or the joined master does not hold what it must.
    """
    from restoration_tasks.media import ffmpeg, framemd5
    from restoration_tasks.media.probe import probe
    from restoration_tasks.media.sound.tracks import sound_tracks

    params = work.parse_params(AssembleParams)
    master = work.input("master")
    scanned = framemd5.read(work.input("framemd5"))
    _require_cover(work, params.segments, len(scanned))
    restored = _join(work, params.segments, master)
    found = framemd5.compute(restored, progress=lambda done: work.progress(done, len(scanned), "frames proved"))
    _require_frames(work, params.segments, scanned, found)
    changed = sum(one != other for one, other in zip(scanned, found, strict=True))
    copies = _make_copies(work, master, restored, len(scanned), with_scan=changed > 0)

    # The parts stay as well: should the publishing be killed, nothing has to be made again.
    link_or_copy(restored, work.output("restoration_master", "restored.mkv", media_type="video/x-matroska"))
    framemd5.write(
        work.output("restored_framemd5", "restored.framemd5", media_type="text/plain"), found, probe(master).format
    )
    for name, part in copies.items():
        link_or_copy(part, work.output(name, part.name, media_type=_MEDIA_TYPES[part.suffix]))
    work.figure("frames", len(found))
    work.figure("sound_tracks", len(sound_tracks(restored)))
    work.figure("frames_changed", changed)
    if params.enlarge is not None:
        make_enlarged(work, [segment.id for segment in params.segments], params.enlarge, master, len(scanned))
    work.agent(AgentKind.SOFTWARE, "ffmpeg", ffmpeg.version())


_MEDIA_TYPES: Final = {".mov": "video/quicktime", ".mp4": "video/mp4"}


def _require_cover(work: StepWork, segments: Sequence[AssembledSegment], frames: int) -> None:
    """Refuse segments that leave a gap, overlap, or end before the reel does."""
    end = 0
    for segment in segments:
        if segment.start != end or segment.stop <= segment.start:
            raise StepFailed(
                f"segment {segment.id} does not follow the one before it",
                reel=work.reel_id,
                frame=segment.start,
                expected=f"a start at frame {end}",
                found=f"frames {segment.start} to {segment.stop - 1}",
                action="clear the shots task",
            )
        end = segment.stop
    if end != frames:
        raise StepFailed(
            "the segments do not cover the reel",
            reel=work.reel_id,
            expected=f"{frames} frames",
            found=f"{end} frames",
            action="clear the shots task",
        )


def _join(work: StepWork, segments: Sequence[AssembledSegment], master: Path) -> Path:
    """The restored master with the sound of the scan, as a part that survives a kill."""
    from restoration_tasks.media.join import join
    from restoration_tasks.media.master import carry_sound
    from restoration_tasks.media.sound.tracks import sound_tracks

    restored, picture = work.part("restored.mkv"), work.part("picture.mkv")
    if not restored.exists():
        total = segments[-1].stop
        if not picture.exists():
            join(
                [work.input(f"segment/{segment.id}") for segment in segments],
                picture,
                progress=lambda done: work.progress(done, total, "frames joined"),
            )
        if sound_tracks(master):
            carry_sound(master, picture, restored)
            picture.unlink()
        else:
            picture.replace(restored)
    return restored


def _require_frames(
    work: StepWork, segments: Sequence[AssembledSegment], scanned: Sequence[str], found: Sequence[str]
) -> None:
    """The joined master has every frame, and the frames of untouched segments are the scan's, bit by bit."""
    if len(found) != len(scanned):
        raise MediaError(
            "the restored master has not as many frames as the scan",
            reel=work.reel_id,
            expected=len(scanned),
            found=len(found),
            action="clear the restore tasks, then this one",
        )
    for segment in segments:
        if not segment.untouched:
            continue
        for frame in range(segment.start, segment.stop):
            if found[frame] != scanned[frame]:
                raise MediaError(
                    f"segment {segment.id} was not to be touched, and this frame of it is not the scan's",
                    reel=work.reel_id,
                    frame=frame,
                    expected=scanned[frame],
                    found=found[frame],
                    action=f"clear the restore task of {segment.id}",
                )


def _make_copies(work: StepWork, master: Path, restored: Path, frames: int, *, with_scan: bool) -> dict[str, Path]:
    """Mezzanine, access copy, comparison and, where a frame changed, an access copy of the scan; parts survive a kill.

    Where nothing changed, the access copy is the scan's as well. Each master is decoded once for its copies.
    """
    from restoration_tasks.media import copies

    parts = {name: work.part(file) for name, file in _FILES.items() if with_scan or name != "scan_access"}

    def counted(name: str) -> Callable[[int], None]:
        return lambda done: work.progress(done, frames, f"frames of the {name}")

    def of_the_restoration() -> None:
        copies.mezzanine_and_access(restored, parts["mezzanine"], parts["access"], progress=counted("copies"))

    def beside_the_scan() -> None:
        scan = parts.get("scan_access")
        copies.wipe(master, restored, parts["comparison"], before_out=scan, progress=counted("comparison"))

    makers = {of_the_restoration: ("mezzanine", "access"), beside_the_scan: ("comparison", "scan_access")}
    with ThreadPoolExecutor(ENCODES_AT_ONCE) as pool:
        missing = [make for make, names in makers.items() if not all(parts[n].exists() for n in names if n in parts)]
        for future in [pool.submit(make) for make in missing]:
            future.result()
    return parts


_FILES: Final = {
    "mezzanine": "mezzanine.mov",
    "access": "access.mp4",
    "comparison": "comparison.mp4",
    "scan_access": "scan.mp4",
}
"""By copy, its file."""


STEP = StepDefinition(name=StepName.ASSEMBLE, version="5", run=run)
