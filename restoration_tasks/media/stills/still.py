"""Single frames on disk, whatever their kind (DPX, TIFF, EXR, PNG): headers and pictures, by our own readers."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from restoration_tasks.media.picture import UNKNOWN, Frame
from restoration_tasks.media.stills import dpx, exr, png, tiff
from restoration_tasks.media.stills.errors import truncated
from restoration_tasks.media.stills.exr import ExrHeader
from restoration_tasks.media.stills.png import PngHeader
from restoration_tasks.media.stills.tiff_header import Compression, TiffHeader, parse_tiff
from restoration_tasks.runtime.errors import DeliveryError


class StillKind(StrEnum):
    """Kinds of frame file a sequence may be made of."""

    DPX = "dpx"
    TIFF = "tiff"
    EXR = "exr"
    PNG = "png"

    @classmethod
    def of(cls, name: str) -> StillKind | None:
        """The kind a file name's ending stands for, or None."""
        return _ENDINGS.get(Path(name).suffix.lower())


_ENDINGS = {
    ".dpx": StillKind.DPX,
    ".tif": StillKind.TIFF,
    ".tiff": StillKind.TIFF,
    ".exr": StillKind.EXR,
    ".png": StillKind.PNG,
}
_RUNS_ON_BY_NAME = ("Scanity", "Lasergraphics Inc.")
"""Beginnings of the device's and the creator's name from which ffmpeg concludes that 10-bit words run on over lines."""


@dataclass(frozen=True)
class StillHeader:
    """What one frame file says of its picture."""

    kind: StillKind
    width: int
    height: int
    pix_fmt: str
    """The ffmpeg pixel format the frame decodes to without loss; of an EXR, that of its ordered codes."""
    transfer: str = UNKNOWN
    primaries: str = UNKNOWN
    dpx: dpx.DpxHeader | None = None
    """The full header of a DPX."""
    tiff: TiffHeader | None = None
    """The full header of a TIFF."""
    exr: ExrHeader | None = None
    """The full header of an EXR."""
    png: PngHeader | None = None
    """The full header of a PNG."""
    packing: str = ""
    """How samples fill words, where a kind has a choice: `packed`, `filled A`, `filled B`."""
    rebuilds: bool = False
    """Whether the very file can be rebuilt from its picture and what `rebuild.remainder_of` keeps beside it."""
    exact: bool = True
    """Whether the decoded codes hold every bit of the samples; 32-bit floats are rounded to halves."""
    fps: float | None = None
    """Frames a second, where the file says."""

    @property
    def common(self) -> tuple[StillKind, int, int, str, str, str, str]:
        """The part that must be the same in every frame (a DPX also counts its frames, which must not)."""
        return (self.kind, self.width, self.height, self.pix_fmt, self.packing, self.transfer, self.primaries)

    def __str__(self) -> str:
        """As staff read it."""
        packing = f" {self.packing}" if self.packing else ""
        colours = f"transfer {self.transfer}, primaries {self.primaries}"
        return f"{self.width}x{self.height} {self.pix_fmt}{packing} {self.kind}, {colours}"


def read_still(path: Path) -> StillHeader:
    """Header of a frame file.

    Raises:
        TruncatedFrame: it ends before its picture does.
        DeliveryError: it is damaged or of a kind Reelkeeper does not read.
    """
    if StillKind.of(path.name) is StillKind.DPX:
        return _of_dpx(dpx.read_header(path))
    return parse_still(path.read_bytes(), path.name)


def parse_still(raw: bytes | memoryview, name: str) -> StillHeader:
    """Header of a frame file whose bytes are at hand.

    Args:
        raw: the whole file.
        name: its name; the ending says its kind.

    Raises:
        TruncatedFrame: it ends before its picture does.
        DeliveryError: it is damaged or of a kind Reelkeeper does not read.
    """
    kind = StillKind.of(name)
    try:
        match kind:
            case StillKind.DPX:
                return _of_dpx(dpx.parse_header(raw[: dpx.PARSED_BYTES], file_bytes=len(raw), name=name))
            case StillKind.TIFF:
                return _of_tiff(parse_tiff(raw, name))
            case StillKind.EXR:
                return _of_exr(exr.parse_exr(raw, name))
            case StillKind.PNG:
                found = png.parse_png(raw, name)
                return StillHeader(StillKind.PNG, found.width, found.height, found.pix_fmt, png=found)
    except (struct.error, IndexError) as error:
        raise truncated(name, str(kind).upper(), "a whole header", f"{len(raw)} bytes") from error
    raise DeliveryError(
        "this is not a frame", file=name, expected="DPX, TIFF, EXR or PNG", found=Path(name).suffix, action="remove it"
    )


def decode_still(raw: bytes | memoryview, header: StillHeader, name: str) -> Frame:
    """Planes of a frame file in ffmpeg order (G, B, R, A; or grey), in `uint8` or native `uint16`.

    Of an EXR they are ordered codes (see `float_coding`) without opacity.

    Args:
        raw: the whole file.
        header: of this very file, from `parse_still`.
        name: file name for messages.

    Raises:
        TruncatedFrame: it ends before its picture does.
        DeliveryError: the picture is damaged.
    """
    if header.dpx is not None:
        return dpx.unpack(header.dpx, raw)
    if header.exr is not None:
        return exr.decode(raw, header.exr, name)
    if header.tiff is not None:
        return tiff.decode(raw, name)
    return png.decode(raw, header.png or png.parse_png(raw, name), name)


def ffmpeg_reads(header: StillHeader) -> bool:
    """Whether ffmpeg reads a file like this as we do, so that it can stand as the independent second reader.

    Established variant by variant in `test_dpx_variants.py`, `test_tiff.py` and `test_still.py`, with ffmpeg 9.0 run as
    `reader.sequence_input` does (it would turn pictures by their orientation otherwise).
    """
    if header.kind is StillKind.EXR:
        # ffmpeg gives light values as 32-bit floats, not codes.
        return False
    if header.tiff is not None:
        # ffmpeg refuses BigTIFF and gets tiles at the edge wrong.
        return not header.tiff.big_tiff and not header.tiff.tiled
    return header.dpx is None or _ffmpeg_reads_dpx(header.dpx)


def _ffmpeg_reads_dpx(header: dpx.DpxHeader) -> bool:
    """See the notes of `dpx_layout`: no packed 10 bit, no padding between lines, words that run on by names alone."""
    if header.stated_offset != header.offset or (header.bit_depth == 10 and header.packing_name == "packed"):
        return False
    device, creator = _RUNS_ON_BY_NAME
    by_name = (header.input_device or "").startswith(device) or (header.creator or "").startswith(creator)
    if header.bit_depth == 10 and header.line_samples % 3 and (header.run_on or by_name):
        return False
    return header.run_on or header.stride in (header.line_bytes, -(-header.line_bytes // 4) * 4)


def _of_dpx(header: dpx.DpxHeader) -> StillHeader:
    return StillHeader(
        StillKind.DPX,
        header.width,
        header.height,
        header.pix_fmt,
        header.transfer,
        header.primaries,
        dpx=header,
        packing=header.packing_name,
        rebuilds=True,
        fps=header.fps,
    )


def _of_tiff(header: TiffHeader) -> StillHeader:
    return StillHeader(
        StillKind.TIFF,
        header.width,
        header.height,
        header.pix_fmt,
        tiff=header,
        rebuilds=header.compression is Compression.NONE and header.separable,
    )


def _of_exr(header: ExrHeader) -> StillHeader:
    return StillHeader(
        StillKind.EXR, header.width, header.height, header.pix_fmt, exr=header, exact=header.exact, fps=header.fps
    )
