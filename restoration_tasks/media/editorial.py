"""The shots of a reel as editors exchange them: OpenTimelineIO, and a CMX 3600 edit decision list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

LONGEST_NAME = 64
REEL_LETTERS = 8
"""Letters and digits of a reel's name in an edit decision list."""


@dataclass(frozen=True)
class Mark:
    """Something to be seen at a place."""

    name: str
    first: int
    frames: int


@dataclass(frozen=True)
class EditorialShot:
    """A shot as an editor knows it: frames `start ≤ i < stop` of the reel."""

    start: int
    stop: int
    name: str = ""
    """What it shows, where that is no picture."""
    dissolve: tuple[int, int] | None = None
    """Frames of the dissolve it begins with that lie before and from its first frame on; None if it does not."""
    marks: tuple[Mark, ...] = ()


def timeline(name: str, shots: Sequence[EditorialShot], fps: Fraction, media: str) -> Any:
    """A timeline with one picture track: a clip a shot, transitions between them where they dissolve, markers.

    Args:
        name: of the reel.
        shots: in order; together they cover all frames.
        fps: frames a second.
        media: name of the file the frames are in; never a path, the timeline travels with it.

    Returns:
        `opentimelineio.schema.Timeline`.
    """
    import opentimelineio as otio

    rate = float(fps)
    frames = shots[-1].stop if shots else 0
    made = otio.schema.Timeline(name=_plain(name))
    track = otio.schema.Track(name="picture", kind=otio.schema.TrackKind.Video)
    made.tracks.append(track)

    def time(frame: int) -> Any:
        return otio.opentime.RationalTime(frame, rate)

    def span(start: int, count: int) -> Any:
        return otio.opentime.TimeRange(time(start), time(count))

    for number, shot in enumerate(shots, start=1):
        start, stop = shot.start, shot.stop
        if shot.dissolve is not None and number > 1:
            before, after = shot.dissolve
            track.append(
                otio.schema.Transition(
                    name="dissolve",
                    transition_type=otio.schema.TransitionTypes.SMPTE_Dissolve,
                    in_offset=time(before),
                    out_offset=time(after),
                )
            )
        source = otio.schema.ExternalReference(target_url=_plain(media), available_range=span(0, frames))
        label = f"shot {number}" + (f" {shot.name}" if shot.name else "")
        clip = otio.schema.Clip(name=label, media_reference=source, source_range=span(start, stop - start))
        clip.metadata["reelkeeper"] = {"shot": number, "first_frame": start, "last_frame": stop - 1}
        for mark in shot.marks:
            clip.markers.append(otio.schema.Marker(name=mark.name, marked_range=span(mark.first, mark.frames)))
        track.append(clip)
    return made


def as_otio(name: str, shots: Sequence[EditorialShot], fps: Fraction, media: str) -> str:
    """The timeline as OpenTimelineIO's own JSON; arguments as for `timeline`."""
    import opentimelineio as otio

    return str(otio.adapters.write_to_string(timeline(name, shots, fps, media), "otio_json")) + "\n"


def as_edl(name: str, shots: Sequence[EditorialShot], fps: Fraction, media: str) -> str:
    """The timeline as a CMX 3600 edit decision list; arguments as for `timeline`.

    Time code knows 24, 25, 30 … frames a second only: a film of 16 or 18 is counted at 24, frame by frame, which a
    comment says.
    """
    import opentimelineio as otio

    rate = float(fps)
    counted = rate if otio.opentime.RationalTime.is_valid_timecode_rate(rate) else 24.0
    made = timeline(name, shots, Fraction(counted).limit_denominator(1001), media)
    reel = "".join(letter for letter in name if letter.isalnum() and letter.isascii())[:REEL_LETTERS] or "REEL"
    for clip in made.find_clips():
        clip.metadata["cmx_3600"] = {"reel": reel}
    text = str(otio.adapters.write_to_string(made, "cmx_3600", rate=counted))
    told = [f"* FRAMES 0 TO {shots[-1].stop - 1} OF {_plain(media)}" if shots else "* NO FRAMES"]
    if counted != rate:
        told.append(f"* {float(fps):g} FRAMES A SECOND, COUNTED AT {counted:g}")
    # Comments stand behind events: some readers know none before the first.
    return "\n".join((text.rstrip("\n"), *told)) + "\n"


def _plain(name: str) -> str:
    """A name on one line."""
    return " ".join(name.split())[:LONGEST_NAME]
