"""What one read of each delivered file found, kept small: a reel has tens of thousands of frames."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.sequence import SequenceFrame
from restoration_tasks.media.stills.still import StillHeader

_COUNTERS = (
    "file_name",
    "source_file_name",
    "creation_time",
    "source_time",
    "frame_position",
    "sequence_length",
    "frame_id",
    "timecode",
    "user_bits",
    "film_count",
    "film_offset_perforations",
)
"""Fields of a DPX header that differ from frame to frame; without them neighbours share one header."""
_MD5_BYTES, _SHA256_BYTES = 16, 32
_UPRIGHT_DPX, _UPRIGHT_TIFF = 0, 1
"""Left to right, top to bottom: ST 268 table 2, TIFF 6.0 section 8."""


@dataclass(frozen=True, slots=True)
class FrameCounters:
    """What a frame's header counts; each None where its writer did not fill it in (only DPX counts)."""

    position: int | None = None
    """Place in the sequence."""
    length: int | None = None
    """Frames of the sequence."""
    timecode: str | None = None
    """`HH:MM:SS:FF`."""
    edge_count: int | None = None
    """Count of the film's edge code: feet of 35 mm, half feet of 16 mm."""
    edge_perforations: int | None = None
    """Perforations from the edge code's mark."""
    file_name: str | None = None
    """Name the file had when it was written."""


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """What one read of a frame file found."""

    frame: SequenceFrame
    name: str
    """Name of the file that was read, relative to the delivery."""
    digests: bytes
    """md5 and sha256 of the file, then that of the picture where there is one, as bytes: as text they would take most
    of the record. See `packed_digests`."""
    bytes: int
    header: StillHeader
    """The frame's header without what it counts and without a TIFF's table of strips; shared between like frames."""
    counters: FrameCounters = FrameCounters()
    turned: int | None = None
    """Orientation by the header's own code, where it is not upright."""

    @property
    def md5(self) -> str:
        """Of the file, hex."""
        return self.digests[:_MD5_BYTES].hex()

    @property
    def sha256(self) -> str:
        """Of the file, hex."""
        return self.digests[_MD5_BYTES : _MD5_BYTES + _SHA256_BYTES].hex()

    @property
    def picture_md5(self) -> str | None:
        """Of the raw decoded planes, as ffmpeg's framemd5 gives it, from our own readers; of an EXR, of its codes."""
        return self.digests[_MD5_BYTES + _SHA256_BYTES :].hex() or None


@dataclass(frozen=True, slots=True)
class FileRecord:
    """Digests of a delivered file that is no frame of the sequence, or whose frame cannot be used."""

    name: str
    """Relative to the delivery."""
    role: FileRole
    path: Path
    bytes: int
    modified_ns: int
    md5: str
    sha256: str


def packed_digests(md5: str, sha256: str, picture_md5: str | None) -> bytes:
    """`FrameRecord.digests` of hex texts."""
    return bytes.fromhex(md5 + sha256 + (picture_md5 or ""))


def counters_of(header: StillHeader, name: str) -> FrameCounters:
    """What a header counts.

    Args:
        header: of a frame file.
        name: of that file; where the header repeats it, it is not held twice.
    """
    found = header.dpx
    if found is None:
        return FrameCounters()
    return FrameCounters(
        found.frame_position,
        found.sequence_length,
        found.timecode,
        _whole(found.film_count),
        _whole(found.film_offset_perforations),
        name if found.file_name == name else found.file_name,
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def turned(header: StillHeader) -> int | None:
    """Orientation by the header's own code, or None where the picture lies upright or nothing is said."""
    if header.dpx is not None and header.dpx.orientation not in (None, _UPRIGHT_DPX):
        return header.dpx.orientation
    if header.tiff is not None and header.tiff.orientation != _UPRIGHT_TIFF:
        return header.tiff.orientation
    return None


class SharedHeaders:
    """Headers without what they count, each kept once."""

    def __init__(self) -> None:
        self._known: dict[StillHeader, StillHeader] = {}

    def of(self, header: StillHeader) -> StillHeader:
        """The shared header of a frame."""
        found = header.dpx
        uncounted: dict[str, Any] = dict.fromkeys(_COUNTERS)
        slim = replace(header, tiff=None, dpx=None if found is None else replace(found, **uncounted))
        return self._known.setdefault(slim, slim)
