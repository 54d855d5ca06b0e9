"""What one delivered sound file is: its samples' layout, where they lie, and what its recorder wrote down."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

MAX_CHANNELS = 8
"""Most channels of one file; FLAC holds as many (RFC 9639, section 9.1.3)."""
FLAC_RATES_HZ = (1_000, 655_350)
"""Sampling rates written as FLAC. RFC 9639 (section 9.1.2) goes a little higher, but not every decoder follows."""
FLAC_FEWEST_SAMPLES = 16
"""A FLAC stream's largest block has at least as many (RFC 9639, section 8.2)."""
MAX_BESIDE_BYTES = 16 << 20
"""Most bytes around the samples that are kept apart from them. Recorders write kilobytes."""


class SoundContainer(StrEnum):
    """How a sound file is built."""

    WAVE = "WAVE"
    """RIFF WAVE, with or without the chunks of the Broadcast Wave Format (EBU Tech 3285)."""
    RIFX = "RIFX"
    """WAVE with its numbers and samples big-endian."""
    RF64 = "RF64"
    """WAVE beyond 4 GiB (EBU Tech 3306)."""
    BW64 = "BW64"
    """WAVE beyond 4 GiB (ITU-R BS.2088)."""
    WAVE64 = "Wave64"
    """Sony Wave64: 64-bit sizes, GUIDs for chunk names."""
    AIFF = "AIFF"
    AIFC = "AIFF-C"


class SampleCoding(StrEnum):
    """How a sample is written."""

    INTEGER = "integer"
    FLOAT = "float"


@dataclass(frozen=True)
class SampleLayout:
    """How the bytes of one sample lie in a file."""

    coding: SampleCoding
    sample_bytes: int
    """Bytes of one channel's sample, 1 to 8."""
    big_endian: bool
    signed: bool
    """False for 8-bit WAVE and AIFF-C `raw`, whose silence is 128."""


@dataclass(frozen=True)
class Recording:
    """What the recorder wrote beside the samples; empty where it wrote nothing."""

    description: str = ""
    originator: str = ""
    originator_reference: str = ""
    originated: str = ""
    """Date and time as written, `2026-03-01 14:05:00`."""
    time_reference_samples: int | None = None
    """First sample, counted in samples since midnight (`bext`)."""
    coding_history: str = ""
    ixml: str = ""


@dataclass(frozen=True)
class SoundHeader:
    """A delivered sound file, apart from its samples."""

    name: str
    """File name without folders."""
    container: SoundContainer
    layout: SampleLayout
    bits: int
    """Significant bits a sample (20 of a 24-bit word, 12 of 16 …); of float, all."""
    channels: int
    """1 to 8."""
    rate_hz: int
    """Samples a second, of each channel."""
    samples: int
    """Samples of each channel."""
    data_offset: int
    """Byte of the file the first sample begins at."""
    file_bytes: int
    trailing_bytes: int = 0
    """Bytes after the end that the file's header states; kept, but no part of the sound."""
    recording: Recording = Recording()

    @property
    def block_bytes(self) -> int:
        """Bytes of one moment: a sample of every channel."""
        return self.channels * self.layout.sample_bytes

    @property
    def pcm_bytes(self) -> int:
        """Bytes of all samples."""
        return self.samples * self.block_bytes

    @property
    def beside_bytes(self) -> int:
        """Bytes of the file that are no samples."""
        return self.file_bytes - self.pcm_bytes

    @property
    def duration_s(self) -> Fraction:
        """Exact length in seconds."""
        return Fraction(self.samples, self.rate_hz)

    @property
    def time_reference_s(self) -> Fraction | None:
        """Seconds since midnight the sound begins at; None where the recorder did not say."""
        samples = self.recording.time_reference_samples
        return None if samples is None else Fraction(samples, self.rate_hz)


def why_not_flac(header: SoundHeader) -> str | None:
    """Why a file's samples are kept as delivered instead of as FLAC in the master; None where FLAC holds them exactly.

    FLAC holds integers; the encoder writes up to 24 bit. Eight-bit samples go in shifted up and come out as they were.
    """
    layout = header.layout
    if layout.coding is not SampleCoding.INTEGER:
        return f"its samples are {layout.sample_bytes * 8}-bit floating point, and FLAC holds integers"
    if layout.sample_bytes > 3:
        return f"its samples are {layout.sample_bytes * 8}-bit integers, and FLAC is written up to 24 bit"
    if not FLAC_RATES_HZ[0] <= header.rate_hz <= FLAC_RATES_HZ[1]:
        return f"{header.rate_hz} Hz is outside what FLAC is written at, {FLAC_RATES_HZ[0]} to {FLAC_RATES_HZ[1]} Hz"
    if header.samples < FLAC_FEWEST_SAMPLES:
        return f"it has only {header.samples} samples, and FLAC needs {FLAC_FEWEST_SAMPLES}"
    if header.beside_bytes > MAX_BESIDE_BYTES:
        return (
            f"{header.beside_bytes} bytes beside its samples are more than the {MAX_BESIDE_BYTES} kept apart from them"
        )
    return None


def fits_flac(header: SoundHeader) -> bool:
    """Whether the master holds this file's samples exactly, as FLAC."""
    return why_not_flac(header) is None
