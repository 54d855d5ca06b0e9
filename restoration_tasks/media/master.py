"""Write a master as one file: the picture's parts, its sound as FLAC tracks, tags and timecode. Its bytes repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.join import (
    CodedStream,
    coded_stream,
    coded_streams,
    copy_options,
    end_to_end,
    require_alike,
    require_packets,
)
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.probe import probe, technical_metadata
from restoration_tasks.media.sound.tracks import sound_tracks
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import WrongUse

TIMECODE_TAG = "TIMECODE"
"""Matroska tag that MediaInfo, ffmpeg and editing programs take for the time of the first frame."""
_TAG_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_TIMECODE = re.compile(r"([01]\d|2[0-3]):[0-5]\d:[0-5]\d[:;]\d\d")
_WRITTEN_BY_THE_MUXER = frozenset({"ENCODER", "DURATION", "CREATION_TIME", TIMECODE_TAG})
_AHEAD_US = 1_000_000
"""How far one stream may run ahead of the others before it is written: what a track shorter than the picture costs in
memory is a second of coded frames. ffmpeg's own ten seconds are gigabytes at 4K."""


def write_master(
    picture_parts: Sequence[Path],
    out: Path,
    *,
    sound: Sequence[Path] = (),
    tags: Mapping[str, str] | None = None,
    timecode: str | None = None,
    proved_later: bool = False,
    progress: ffmpeg.Progress | None = None,
) -> None:
    """Join FFV1 parts end to end and lay the sound beside them. Nothing is coded again.

    Args:
        picture_parts: FFV1 files of one format, in order.
        out: file to write (`.mkv`); it takes its name only when every packet in it is proved.
        sound: one file for each track, in order, as `sound.flac.encode` writes them; a track keeps its title.
        tags: of the whole file, by Matroska's names (`TITLE`, `REEL_NAME` …).
        timecode: of the first frame, `HH:MM:SS:FF` (`;` before the frames where it drops frames).
        proved_later: the caller decodes every frame and every track and compares them with their source. Then the
            packets are not compared here, which would read the whole picture two more times.
        progress: called with the frames done.

    Raises:
        MediaError: the parts differ in format or coding, one is damaged, or the result is not exactly what went in.
        WrongUse: no parts, a sound file that is not one FLAC track, or a tag or timecode that cannot be written.
    """
    if not picture_parts:
        raise WrongUse("there is nothing to join", file=out)
    said = _global_tags(tags or {}, timecode)
    fmt, picture = require_alike(picture_parts, packets_at_most=1 if proved_later else None)
    expected = [picture, *(_flac_track(path) for path in sound)]
    titles = [sound_tracks(path)[0].title for path in sound]
    draft = draft_path(out)
    try:
        with end_to_end(picture_parts) as first:
            streams = [first["v:0"], *(ffmpeg.graph.input(ffmpeg.file_url(path))["a:0"] for path in sound)]
            _mux(streams, draft, out, fmt, titles, said, progress)
        if not proved_later:
            _require_streams(draft, out, expected)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)


def carry_sound(
    from_master: Path,
    video: Path,
    out: Path,
    *,
    tags: Mapping[str, str] | None = None,
    timecode: str | None = None,
    progress: ffmpeg.Progress | None = None,
) -> int:
    """Write the picture of one file with the sound tracks of another, by stream copy.

    Args:
        from_master: whose sound tracks, with their titles, are carried; it may have none.
        video: whose first video stream is the picture.
        out: file to write; it takes its name only when every packet in it is proved.
        tags: of the whole file; none are carried.
        timecode: of the first frame; by default that of `from_master`.
        progress: called with the frames done.

    Returns:
        Sound tracks in the file.

    Raises:
        MediaError: a file is damaged, or the result is not exactly what went in.
        WrongUse: a tag or timecode that cannot be written.
    """
    said = _global_tags(tags or {}, timecode or timecode_of(from_master))
    tracks = sound_tracks(from_master)
    expected = [coded_stream(video)]
    if tracks:
        expected += coded_streams(from_master, *(f"a:{track.index}" for track in tracks))
    picture, sound = (ffmpeg.graph.input(ffmpeg.file_url(path)) for path in (video, from_master))
    streams = [picture["v:0"], *(sound[f"a:{track.index}"] for track in tracks)]
    draft = draft_path(out)
    try:
        _mux(streams, draft, out, probe(video).format, [track.title for track in tracks], said, progress)
        _require_streams(draft, out, expected)
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return len(tracks)


def timecode_of(path: Path) -> str | None:
    """Timecode of a file's first frame, from its tag or timecode track; None where it has none.

    Raises:
        MediaError: it cannot be read.
    """
    stated = (track.get("time_code_of_first_frame") for track in technical_metadata(path))
    return next((str(code) for code in stated if code), None)


def _mux(
    streams: Sequence[Any],
    draft: Path,
    out: Path,
    fmt: PictureFormat,
    titles: Sequence[str],
    tags: Sequence[str],
    progress: ffmpeg.Progress | None,
) -> None:
    titled = {f"metadata:s:a:{index}": f"title={title}" for index, title in enumerate(titles) if title}
    # `map_metadata` -1: nothing is carried that was not asked for, such as the names of encoders.
    copied = ffmpeg.graph.output(
        *streams,
        ffmpeg.file_url(draft),
        map_metadata=-1,
        max_interleave_delta=_AHEAD_US,
        **copy_options(fmt),
        **titled,
    )
    ffmpeg.run(copied, about=out, progress=progress, tags=tags)


def _global_tags(tags: Mapping[str, str], timecode: str | None) -> list[str]:
    """The tags of the whole file, in the order of their names."""
    for name, text in tags.items():
        if not _TAG_NAME.fullmatch(name) or name in _WRITTEN_BY_THE_MUXER or not text.strip() or "\0" in text:
            raise WrongUse(
                "this tag cannot be written into a master",
                expected="a name in capitals (none that the file writer keeps for itself) and a text",
                found=f"{name}={text!r}",
                action="choose another name or text",
            )
    if timecode is not None and not _TIMECODE.fullmatch(timecode):
        raise WrongUse("this is no timecode", expected="HH:MM:SS:FF", found=timecode, action="correct the timecode")
    said = [f"{name}={tags[name]}" for name in sorted(tags)]
    return said if timecode is None else [*said, f"{TIMECODE_TAG}={timecode}"]


def _flac_track(path: Path) -> CodedStream:
    tracks = sound_tracks(path)
    if [track.codec for track in tracks] != ["FLAC"]:
        raise WrongUse(
            "a sound file for a master must hold one FLAC track",
            file=path,
            expected="FLAC",
            found=", ".join(track.codec for track in tracks) or "no sound",
            action="code it with sound.flac.encode, or keep it as delivered",
        )
    return coded_streams(path, "a:0")[0]


def _require_streams(draft: Path, out: Path, expected: Sequence[CodedStream]) -> None:
    names = ["v:0", *(f"a:{index}" for index in range(len(expected) - 1))]
    for found, wanted in zip(coded_streams(draft, *names), expected, strict=True):
        require_packets(found, wanted, out)
