"""Write delivered samples as FLAC, exactly, into a file whose bytes repeat."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.sound import pcm
from restoration_tasks.media.sound.header import FLAC_RATES_HZ, MAX_CHANNELS, SoundHeader, why_not_flac
from restoration_tasks.media.sound.tracks import SoundTrack, canonical_track_bits, samples_of, track_md5
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import MediaError, WrongUse

FLAC: dict[str, Any] = {
    "c:a": "flac",
    "compression_level": 8,
    "f": "matroska",
    "fflags": "+bitexact",
    "flags:a": "+bitexact",
}
"""Output options of every FLAC file. The level changes the bytes, never the samples."""
_LAYOUTS = {3: "3.0", 4: "quad"}
"""What FLAC takes three and four channels for (RFC 9639, section 9.1.3); ffmpeg's own guess is another. It names the
channels only; their order is kept."""
_IN_TIME_S = 0.001
"""A track that begins later or earlier than this beside its picture would lose its place as a track of the master."""


def encode(path: Path, header: SoundHeader, out: Path, *, progress: ffmpeg.Progress | None = None) -> str:
    """Write a sound file's samples as FLAC in Matroska, and prove that they are all there.

    Args:
        path: the sound file.
        header: of it.
        out: file to write (`.mka`); it takes its name only when it is whole.
        progress: called with the samples (of each channel) done.

    Returns:
        MD5 (hex) of the samples in the common form (see `sound.pcm`).

    Raises:
        WrongUse: FLAC does not hold these samples exactly.
        DeliveryError: the file became shorter while it was read.
        MediaError: ffmpeg failed, or the FLAC does not hold exactly the samples.
    """
    _require_fit(path, why_not_flac(header))
    blocks = (pcm.to_canonical(block, header.layout) for block in pcm.delivered_blocks(path, header))
    form = _Form(pcm.canonical_bits(header.layout), header.channels, header.rate_hz, header.name)
    return _encode(blocks, form, path, out, progress)


def encode_track(path: Path, track: SoundTrack, out: Path, *, progress: ffmpeg.Progress | None = None) -> str:
    """Write a container's own sound track as FLAC in Matroska, and prove that its samples are all there.

    Args:
        path: the container.
        track: of it.
        out: file to write (`.mka`); it takes its name only when it is whole.
        progress: called with the samples (of each channel) done.

    Returns:
        MD5 (hex) of the samples in the common form (see `sound.pcm`).

    Raises:
        WrongUse: FLAC does not hold this track exactly.
        MediaError: the track is damaged, or the FLAC does not hold exactly its samples.
    """
    _require_fit(path, why_not_flac_track(track))
    form = _Form(canonical_track_bits(track), track.channels, track.rate_hz, track.title or path.name)
    return _encode(samples_of(path, track), form, path, out, progress)


def why_not_flac_track(track: SoundTrack) -> str | None:
    """Why a track stays in its container only; None where FLAC holds it exactly and in its place."""
    if track.codec not in ("PCM", "FLAC"):
        return f"it is {track.codec}, which decoded would be another sound than the delivered one"
    if track.floating or not 0 < (track.bits or 0) <= 24:
        return f"its samples are {track.bits}-bit {'floating point' if track.floating else 'integers'}"
    if not 1 <= track.channels <= MAX_CHANNELS or not FLAC_RATES_HZ[0] <= track.rate_hz <= FLAC_RATES_HZ[1]:
        return f"FLAC is not written with {track.channels} channels at {track.rate_hz} Hz"
    if abs(track.delay_s) > _IN_TIME_S:
        return f"it begins {track.delay_s:g} s after the picture"
    return None


@dataclass(frozen=True)
class _Form:
    """Canonical samples as FLAC is to hold them."""

    bits: int
    channels: int
    rate_hz: int
    title: str


def _require_fit(path: Path, reason: str | None) -> None:
    if reason:
        raise WrongUse("this sound cannot be kept as FLAC", file=path, found=reason, action="keep it as delivered")


def _encode(blocks: Iterable[bytes], form: _Form, about: Path, out: Path, progress: ffmpeg.Progress | None) -> str:
    draft = draft_path(out)
    raw = ffmpeg.graph.input(
        "pipe:0", f=f"s{form.bits}le", ar=form.rate_hz, ch_layout=_LAYOUTS.get(form.channels, f"{form.channels}c")
    )
    coded = raw.output(ffmpeg.file_url(draft), **{"metadata:s:a:0": f"title={form.title}"}, **FLAC)
    digest, done, block_bytes = hashlib.md5(usedforsecurity=False), 0, form.channels * form.bits // 8
    try:
        with ffmpeg.child(ffmpeg.compile_graph(coded), about=about, stdin=subprocess.PIPE) as running:
            for samples in blocks:
                digest.update(samples)
                running.stdin.write(samples)
                done += len(samples)
                if progress:
                    progress(done // block_bytes)
        found = track_md5(draft)
        if found != digest.hexdigest():
            raise MediaError(
                "the FLAC does not hold exactly the delivered samples",
                file=about,
                expected=digest.hexdigest(),
                found=found,
                action="run the step again; if it fails twice, check the disk and memory",
            )
        draft.replace(out)
    finally:
        draft.unlink(missing_ok=True)
    return found
