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
"""The copies' own filters leave threads idle; two side by side keep two cores busy without a third set of frames."""


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
    copies = _make_copies(work, master, restored, len(scanned))

    # The parts stay as well: should the publishing be killed, nothing has to be made again.
    link_or_copy(restored, work.output("restoration_master", "restored.mkv", media_type="video/x-matroska"))
    framemd5.write(
        work.output("restored_framemd5", "restored.framemd5", media_type="text/plain"), found, probe(master).format
    )
    for name, file, media_type in _COPIES:
        link_or_copy(copies[name], work.output(name, file, media_type=media_type))
    work.figure("frames", len(found))
    work.figure("sound_tracks", len(sound_tracks(restored)))
    work.figure("frames_changed", sum(one != other for one, other in zip(scanned, found, strict=True)))
    if params.enlarge is not None:
        make_enlarged(work, [segment.id for segment in params.segments], params.enlarge, master, len(scanned))
    work.agent(AgentKind.SOFTWARE, "ffmpeg", ffmpeg.version())


_COPIES: Final = (
    ("mezzanine", "mezzanine.mov", "video/quicktime"),
    ("access", "access.mp4", "video/mp4"),
    ("comparison", "comparison.mp4", "video/mp4"),
)


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


def _make_copies(work: StepWork, master: Path, restored: Path, frames: int) -> dict[str, Path]:
    """Mezzanine, access copy and wipe, each a part that survives a kill."""
    from restoration_tasks.media import copies

    def make(name: str, file: str) -> Path:
        out = work.part(file)

        def progress(done: int) -> None:
            work.progress(done, frames, f"frames of the {name}")

        makers: dict[str, Callable[[], None]] = {
            "mezzanine": lambda: copies.mezzanine(restored, out, progress=progress),
            "access": lambda: copies.access(restored, out, progress=progress),
            "comparison": lambda: copies.wipe(master, restored, out, progress=progress),
        }
        if not out.exists():
            makers[name]()
        return out

    with ThreadPoolExecutor(ENCODES_AT_ONCE) as pool:
        made = {name: pool.submit(make, name, file) for name, file, _ in _COPIES}
        return {name: future.result() for name, future in made.items()}


STEP = StepDefinition(name=StepName.ASSEMBLE, version="2", run=run)
