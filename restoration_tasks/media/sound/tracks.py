"""The sound tracks of a video file, and their samples."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.probe import technical_metadata
from restoration_tasks.media.sound.pcm import BLOCK_BYTES
from restoration_tasks.runtime.errors import WrongUse


@dataclass(frozen=True)
class SoundTrack:
    """One sound track of a video or sound file."""

    index: int
    """Place among the file's sound tracks, from 0."""
    codec: str
    """MediaInfo's name, such as `FLAC`, `PCM`, `AAC`."""
    channels: int
    rate_hz: int
    bits: int | None
    """Bits a sample; None where the codec has none (AAC)."""
    floating: bool
    title: str
    """Of a master's track, the delivered file's name."""
    delay_s: float
    """Seconds the track begins after the picture."""


def sound_tracks(path: Path) -> tuple[SoundTrack, ...]:
    """The sound tracks of a file, in its order.

    Raises:
        MediaError: it cannot be read.
    """
    found = [track for track in technical_metadata(path) if track.get("track_type") == "Audio"]
    return tuple(_track(index, track) for index, track in enumerate(found))


def _track(index: int, track: dict[str, Any]) -> SoundTrack:
    bits = track.get("bit_depth")
    return SoundTrack(
        index=index,
        codec=str(track.get("format", "unknown")),
        channels=int(track.get("channel_s") or 0),
        rate_hz=int(float(str(track.get("sampling_rate") or 0).split("/", maxsplit=1)[0])),
        bits=int(bits) if bits else None,
        floating=_is_float(track),
        title=str(track.get("title", "")),
        delay_s=float(track.get("delay_relative_to_video") or 0) / 1000,
    )


def _is_float(track: dict[str, Any]) -> bool:
    """Whether PCM is floating point, by MediaInfo's profile, Matroska's codec name or QuickTime's code."""
    said = " ".join(str(track.get(name, "")) for name in ("format_profile", "format_settings", "codec_id"))
    return "float" in said.lower() or str(track.get("codec_id", "")).lower() in ("fl32", "fl64")


def canonical_track_bits(track: SoundTrack) -> int:
    """Bits a sample that a PCM or FLAC track's samples take in the common form: 16 or 24."""
    return 24 if (track.bits or 0) > 16 else 16


def samples_of(path: Path, track: SoundTrack, bits: int | None = None) -> Iterator[bytes]:
    """A PCM or FLAC track's samples in the common form (see `sound.pcm`), in blocks of `BLOCK_BYTES` and a rest.

    Args:
        path: file.
        track: one of its tracks.
        bits: a sample, 16 or 24; as many as the track has by default.

    Raises:
        MediaError: the track is damaged.
    """
    bits = bits or canonical_track_bits(track)
    source = ffmpeg.graph.input(ffmpeg.file_url(path))
    decoded = source.output("pipe:1", map=f"0:a:{track.index}", f=f"s{bits}le", **{"c:a": f"pcm_s{bits}le"})
    with ffmpeg.child(ffmpeg.compile_graph(decoded), about=path, stdout=subprocess.PIPE) as running:
        while block := running.stdout.read(BLOCK_BYTES):
            yield block


def track_md5(path: Path, index: int = 0) -> str:
    """MD5 (hex) of a PCM or FLAC track's samples in the common form: what FLAC states in its own header.

    Raises:
        MediaError: the track is damaged, or the file cannot be read.
        WrongUse: there is no such track.
    """
    digest = hashlib.md5(usedforsecurity=False)
    for block in samples_of(path, the_track(path, index)):
        digest.update(block)
    return digest.hexdigest()


def samples_digest(path: Path, track: SoundTrack) -> tuple[str, float]:
    """MD5 (hex) of a track's samples at 24 bits, whatever its own depth, and how long they last, seconds.

    So a track of 16 bits can be held against its copy in 24.

    Raises:
        MediaError: the track is damaged.
    """
    digest, size = hashlib.md5(usedforsecurity=False), 0
    for block in samples_of(path, track, bits=24):
        digest.update(block)
        size += len(block)
    return digest.hexdigest(), size / (3 * max(track.channels, 1) * max(track.rate_hz, 1))


def the_track(path: Path, index: int) -> SoundTrack:
    """One sound track of a file.

    Raises:
        WrongUse: there is no such track.
    """
    tracks = sound_tracks(path)
    if not 0 <= index < len(tracks):
        raise WrongUse(
            "the file has no such sound track",
            file=path,
            expected=f"one of {len(tracks)} tracks, counted from 0",
            found=index,
            action="name a track that is there",
        )
    return tracks[index]
