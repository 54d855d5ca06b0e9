"""Frames in PNG (ISO/IEC 15948): strict headers, pixels by OpenCV."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np

from restoration_tasks.media.picture import Frame
from restoration_tasks.media.stills.errors import damaged, truncated, unread
from restoration_tasks.runtime.errors import MediaError

_MAGIC = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 6: 4}
"""Samples a pixel, by colour type: grey, RGB, RGBA."""
_TO_FFMPEG = {1: (0,), 3: (1, 0, 2), 4: (1, 0, 2, 3)}
"""Which sample of OpenCV's B, G, R, A makes which plane: G, B, R, A."""
_TO_OPENCV = {1: (0,), 3: (1, 0, 2), 4: (1, 0, 2, 3)}


@dataclass(frozen=True)
class PngHeader:
    """What a PNG says of its picture, checked."""

    width: int
    height: int
    samples: int
    """Samples a pixel: 1, 3 or 4."""
    bit_depth: int
    """8 or 16."""

    @property
    def pix_fmt(self) -> str:
        """The ffmpeg pixel format the frame decodes to without loss."""
        return {1: "gray", 3: "gbrp", 4: "gbrap"}[self.samples] + ("" if self.bit_depth == 8 else "16le")


def parse_png(raw: bytes | memoryview, name: str) -> PngHeader:
    """Read the header and check every chunk's length and checksum.

    Decoders go on after a damaged chunk with what they have, so damage has to be found here.

    Args:
        raw: the whole file.
        name: file name for messages.

    Raises:
        TruncatedFrame: the file ends before its end mark.
        DeliveryError: damaged, or of a variant Reelkeeper does not read.
    """
    if bytes(raw[:8]) != _MAGIC:
        raise damaged(name, "this is not a PNG file")
    kinds: list[bytes] = []
    header = b""
    at = 8
    while not kinds or kinds[-1] != b"IEND":
        if at + 12 > len(raw):
            raise truncated(name, "PNG", "an end mark", f"{len(raw)} bytes without one")
        size, kind = struct.unpack_from(">I4s", raw, at)
        end = at + 12 + size
        if end > len(raw):
            raise truncated(name, "PNG", f"at least {end} bytes", f"{len(raw)} bytes")
        if zlib.crc32(raw[at + 4 : end - 4]) != struct.unpack_from(">I", raw, end - 4)[0]:
            raise damaged(name, f"a part of the PNG ({kind.decode('latin-1')}) does not have its checksum")
        if not kinds:
            header = bytes(raw[at + 8 : end - 4])
        kinds.append(kind)
        at = end
    if kinds[0] != b"IHDR" or len(header) != 13 or b"IDAT" not in kinds:
        raise damaged(name, "this is not a PNG file")
    width, height, bits, colour = struct.unpack_from(">IIBB", header)
    if not width or not height:
        raise damaged(name, "the PNG has an impossible size", "1 or more", f"{width}x{height}")
    if colour not in _SAMPLES or bits not in (8, 16) or b"tRNS" in kinds:
        found = f"PNG colour type {colour} of {bits} bit" + (" with a transparent colour" if b"tRNS" in kinds else "")
        raise unread(name, found, "8 or 16 bit grey, RGB or RGBA", "deliver the frames as plain RGB or grey")
    return PngHeader(width, height, _SAMPLES[colour], bits)


def decode(raw: bytes | memoryview, header: PngHeader, name: str) -> Frame:
    """Planes in ffmpeg order (G, B, R, A or grey), `uint8` or `uint16`.

    Raises:
        DeliveryError: the picture cannot be decoded.
    """
    import cv2

    try:
        pixels = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        pixels = None
    shape = (header.height, header.width) + ((header.samples,) if header.samples > 1 else ())
    if pixels is None or pixels.shape != shape:
        raise damaged(name, "the picture of the PNG cannot be decoded")
    planes = pixels.reshape(header.height, header.width, header.samples)
    return tuple(np.array(planes[..., place], order="C") for place in _TO_FFMPEG[header.samples])


def encode(frame: Frame, name: str) -> bytes:
    """A PNG of planes in ffmpeg order.

    Raises:
        MediaError: it cannot be written.
    """
    import cv2

    ordered = [frame[place] for place in _TO_OPENCV[len(frame)]]
    done, encoded = cv2.imencode(".png", ordered[0] if len(ordered) == 1 else np.dstack(ordered))
    if not done:
        raise MediaError("the frame cannot be written", file=name, action="choose another kind of output")
    return encoded.tobytes()
