"""What a frame file holds beside its samples, so that the very file can be rebuilt from the master, byte for byte.

A file is cut into three: its head, the span its picture takes, and its tail. Head and tail are kept as they are. Of the
span only the difference (exclusive or) to what `pack` makes of the samples is kept, compressed; mostly there is none.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills import dpx, tiff
from restoration_tasks.media.stills.still import StillHeader, StillKind
from restoration_tasks.media.stills.tiff_header import read_tiff
from restoration_tasks.runtime.errors import MediaError


@dataclass(frozen=True)
class Remainder:
    """One file without its samples."""

    name: str
    kind: StillKind
    picture_bytes: int
    """Length of the span the picture takes."""
    head: bytes
    """Everything before that span."""
    tail: bytes
    """Everything behind it."""
    padding: bytes
    """zlib-compressed exclusive or of the span and `pack` of the samples; empty where they are the same."""


def remainder_of(raw: bytes, header: StillHeader, frame: Frame, name: str = "") -> Remainder:
    """What must be kept of a file beside its samples: `rebuilt(remainder_of(raw, header, frame), frame) == raw`.

    Args:
        raw: the whole file.
        header: of this file; its `rebuilds` must be true.
        frame: its decoded planes, from `decode_still`.
        name: name of the file.

    Raises:
        MediaError: a file of this kind cannot be taken apart; it has to be kept whole.
    """
    if not header.rebuilds:
        raise MediaError(
            "a frame of this kind cannot be rebuilt from its picture",
            file=name,
            expected="DPX or uncompressed TIFF",
            found=header.kind.value,
            action="keep the delivered file",
        )
    if header.dpx is not None:
        begin, end = header.dpx.offset, header.dpx.offset + header.dpx.image_bytes
        canonical = dpx.is_canonical(header.dpx, raw)
    else:
        found, blocks = read_tiff(raw, name)
        begin, end = tiff.span(blocks)
        canonical = tiff.is_canonical(found, blocks)
    padding = b""
    if not canonical:
        ours = dpx.pack(header.dpx, frame) if header.dpx is not None else tiff.pack(found, blocks, frame)
        differs = _exclusive_or(ours, raw[begin:end])
        padding = zlib.compress(differs, 1) if any(differs) else b""
    return Remainder(name, header.kind, end - begin, raw[:begin], raw[end:], padding)


def _exclusive_or(one: bytes, other: bytes) -> bytes:
    return (np.frombuffer(one, np.uint8) ^ np.frombuffer(other, np.uint8)).tobytes()


def rebuilt(remainder: Remainder, frame: Frame) -> bytes:
    """The file again, with the samples of `frame`.

    With the frame the remainder was taken from it is the original file; with another, the same file with other samples
    (what stood between the samples is put back as it was).

    Args:
        remainder: from `remainder_of`.
        frame: planes in ffmpeg order, of the file's size and depth.

    Raises:
        DeliveryError: the remainder's header cannot be read (it is damaged).
        MediaError: the frame does not fit it, or the remainder is damaged.
    """
    file_bytes = len(remainder.head) + remainder.picture_bytes + len(remainder.tail)
    differs = _unpacked(remainder)
    if remainder.kind is StillKind.DPX:
        header = dpx.parse_header(remainder.head[: dpx.PARSED_BYTES], file_bytes=file_bytes, name=remainder.name)
        picture = dpx.pack(header, frame)
    else:
        # A directory between strips is in the difference: it lies apart from the samples, where `pack` leaves zeros.
        hollow = remainder.head + (differs or bytes(remainder.picture_bytes)) + remainder.tail
        found, blocks = read_tiff(hollow, remainder.name)
        _require_frame(found.pix_fmt, (found.height, found.width), found.samples, frame, remainder.name)
        picture = tiff.pack(found, blocks, frame)
    if len(picture) != remainder.picture_bytes:
        raise _broken(remainder, f"{len(picture)} bytes of picture", f"{remainder.picture_bytes}")
    return remainder.head + (_exclusive_or(picture, differs) if differs else picture) + remainder.tail


def _unpacked(remainder: Remainder) -> bytes:
    if not remainder.padding:
        return b""
    try:
        differs = zlib.decompress(remainder.padding)
    except zlib.error as error:
        raise _broken(remainder, "a compressed difference", str(error)) from error
    if len(differs) != remainder.picture_bytes:
        raise _broken(remainder, f"{remainder.picture_bytes} bytes of difference", f"{len(differs)}")
    return differs


def _broken(remainder: Remainder, expected: str, found: str) -> MediaError:
    return MediaError(
        "what was kept of this frame file is damaged",
        file=remainder.name,
        expected=expected,
        found=found,
        action="fetch the header side-car of the master again from another copy",
    )


def _require_frame(pix_fmt: str, shape: tuple[int, int], samples: int, frame: Frame, name: str) -> None:
    kind = np.uint8 if not pix_fmt.endswith("le") else np.uint16
    if len(frame) != samples or any(plane.shape != shape or plane.dtype != kind for plane in frame):
        raise MediaError(
            "the picture does not fit the frame file",
            file=name,
            expected=f"{samples} planes of {shape[0]}x{shape[1]} {np.dtype(kind)}",
            found=", ".join(f"{plane.shape} {plane.dtype}" for plane in frame),
            action="rebuild the file from the master it belongs to",
        )
