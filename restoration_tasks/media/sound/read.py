"""Read a sound file's header, whatever its kind. The samples are never loaded."""

from __future__ import annotations

from pathlib import Path

from restoration_tasks.media.sound.aiff import is_aiff, read_aiff
from restoration_tasks.media.sound.header import SoundHeader
from restoration_tasks.media.sound.wave import is_wave, read_wave
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.files import disk_errors

SOUND_ENDINGS = frozenset({".wav", ".bwf", ".rf64", ".bw64", ".w64", ".aif", ".aiff", ".aifc"})
"""Endings of the files `read_sound` reads; what counts is what is inside."""


def read_sound(path: Path) -> SoundHeader:
    """Header of a WAVE (RIFF, RIFX, RF64, BW64, Wave64) or AIFF (AIFF, AIFF-C) file with 1 to 8 channels of PCM.

    Raises:
        DeliveryError: it is damaged, truncated, was never finished by its recorder, holds no sound, is coded otherwise
            than as integer or floating-point PCM, or is no such file at all.
        VaultError: it cannot be read.
    """
    with disk_errors(path), path.open("rb") as stream:
        file_bytes = stream.seek(0, 2)
        stream.seek(0)
        magic = stream.read(16)
        if is_wave(magic):
            return read_wave(stream, name=path.name, file_bytes=file_bytes)
        if is_aiff(magic):
            return read_aiff(stream, name=path.name, file_bytes=file_bytes)
    raise DeliveryError(
        "this is no sound file that Reelkeeper reads" if file_bytes else "the sound file is empty",
        file=path.name,
        expected="WAVE, RF64, Wave64, AIFF or AIFF-C",
        found=f"a file that begins {magic[:4]!r}" if file_bytes else "0 bytes",
        action="have the sound delivered as Broadcast Wave",
    )
