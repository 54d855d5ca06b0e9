"""Describe a picture stream; turn its planes into the (C, H, W) arrays treatments work on, and back, exactly."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from restoration_tasks.runtime.errors import MediaError

Plane = npt.NDArray[np.unsignedinteger[Any]]
"""One `(h, w)` plane of code values, `uint8` or `uint16`."""
Frame = tuple[Plane, ...]
"""The scan's own integer planes in ffmpeg plane order (`gbrp…` is G, B, R; `gbrap…` G, B, R, A; `yuv…` is Y, U, V)."""
Work = npt.NDArray[np.unsignedinteger[Any]]
"""What treatments work on: `(C, H, W)`, C = 1 (grey) or 3 (R, G, B or Y, U, V), code values `0 … max_code`."""

REC709 = (0.2126, 0.7152, 0.0722)
"""Weights of R, G, B in luma (ITU-R BT.709-6, item 3.2); used on code values to get one grey to look at."""
UNKNOWN = "unknown"
PRINTING_DENSITY = "printing-density"
"""Transfer of a film scan in densities (SMPTE ST 268 code 1), which ffmpeg and Matroska have no name for."""

_HALF_CODES = "half-codes"


def half_codes(low: int, high: int) -> str:
    """Transfer of a floating-point scan as codes (`stills.float_coding`), which nobody else has a name for.

    Args:
        low: ordered code that stands as code 0.
        high: ordered code that stands as code 65535.
    """
    return f"{_HALF_CODES}-{low}-{high}"


def half_codes_of(transfer: str) -> tuple[int, int] | None:
    """The two ordered codes of `half_codes`; None for any other transfer."""
    name, _, bounds = transfer.partition(f"{_HALF_CODES}-")
    low, _, high = bounds.partition("-")
    return (int(low), int(high)) if not name and low.isdecimal() and high.isdecimal() else None


def only_ours(transfer: str) -> bool:
    """Whether ffmpeg and Matroska have no name or number for this transfer, so that a tag of ours has to carry it."""
    return transfer == PRINTING_DENSITY or half_codes_of(transfer) is not None


class ColourModel(StrEnum):
    """What the planes of a picture mean."""

    GREY = "grey"
    RGB = "rgb"
    YUV = "yuv"


@dataclass(frozen=True)
class PixelLayout:
    """How one ffmpeg pixel format lays out its samples."""

    model: ColourModel
    bit_depth: int
    """Significant bits a sample; 8 is stored in `uint8`, more in little-endian `uint16`."""
    chroma_shift_x: int = 0
    """log2 of the horizontal chroma subsampling."""
    chroma_shift_y: int = 0
    """log2 of the vertical chroma subsampling."""
    alpha: bool = False
    """Whether a fourth plane of opacity follows. It is carried, never treated."""


def _layouts() -> dict[str, PixelLayout]:
    table = {"gray" if bits == 8 else f"gray{bits}le": PixelLayout(ColourModel.GREY, bits) for bits in (8, 10, 12, 16)}
    table |= {"gbrp" if bits == 8 else f"gbrp{bits}le": PixelLayout(ColourModel.RGB, bits) for bits in (8, 10, 12, 16)}
    table |= {
        "gbrap" if bits == 8 else f"gbrap{bits}le": PixelLayout(ColourModel.RGB, bits, alpha=True)
        for bits in (8, 10, 12, 16)
    }
    for name, shift_x, shift_y in (("yuv420p", 1, 1), ("yuv422p", 1, 0), ("yuv444p", 0, 0)):
        table[name] = PixelLayout(ColourModel.YUV, 8, shift_x, shift_y)
        for bits in (10, 12):
            table[f"{name}{bits}le"] = PixelLayout(ColourModel.YUV, bits, shift_x, shift_y)
    return table


LAYOUTS: dict[str, PixelLayout] = _layouts()
"""Every pixel format Reelkeeper works in, by its ffmpeg name."""


@dataclass(frozen=True)
class PictureFormat:
    """What every frame of a stream has in common.

    Raises:
        MediaError: the pixel format is not one of `LAYOUTS`, or a size or rate is not positive.
    """

    width: int
    height: int
    pix_fmt: str
    """ffmpeg's name, one of `LAYOUTS`."""
    fps: Fraction = Fraction(24)
    """Frames a second, exact."""
    transfer: str = UNKNOWN
    """ffmpeg's name of the transfer characteristic, or `PRINTING_DENSITY`."""
    primaries: str = UNKNOWN
    """ffmpeg's name of the colour primaries."""
    matrix: str = UNKNOWN
    """ffmpeg's name of the YUV matrix."""
    full_range: bool | None = None
    """Whether YUV uses the whole code range; None where the file does not say (RGB and grey scans always do)."""

    def __post_init__(self) -> None:
        if self.pix_fmt not in LAYOUTS:
            raise MediaError(
                "this pixel format is not supported",
                expected=", ".join(LAYOUTS),
                found=self.pix_fmt,
                action="convert the file without loss to one of the supported formats",
            )
        if self.width < 1 or self.height < 1 or self.fps <= 0:
            raise MediaError(
                "a picture needs a positive size and frame rate",
                found=f"{self.width}x{self.height} at {self.fps}",
                action="check the file with a media player; it may be damaged",
            )

    @property
    def layout(self) -> PixelLayout:
        """The layout of `pix_fmt`."""
        return LAYOUTS[self.pix_fmt]

    @property
    def bit_depth(self) -> int:
        """Significant bits a sample."""
        return self.layout.bit_depth

    @property
    def max_code(self) -> int:
        """The largest code value, e.g. 1023 for 10 bit."""
        return (1 << self.bit_depth) - 1

    @property
    def is_grey(self) -> bool:
        """Whether there is one plane of luminance only."""
        return self.layout.model is ColourModel.GREY

    @property
    def is_rgb(self) -> bool:
        """Whether the planes are G, B, R (and perhaps A)."""
        return self.layout.model is ColourModel.RGB

    @property
    def has_alpha(self) -> bool:
        """Whether a fourth plane of opacity follows."""
        return self.layout.alpha

    @property
    def channels(self) -> int:
        """Channels of a work array: 1 or 3."""
        return 1 if self.is_grey else 3

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:
        """`uint8` for 8 bit, else `uint16`."""
        return np.dtype(np.uint8) if self.bit_depth == 8 else np.dtype(np.uint16)

    @property
    def plane_shapes(self) -> tuple[tuple[int, int], ...]:
        """`(h, w)` of each plane; odd sizes round chroma up, as ffmpeg does."""
        full = (self.height, self.width)
        if self.is_grey:
            return (full,)
        step_x, step_y = 1 << self.layout.chroma_shift_x, 1 << self.layout.chroma_shift_y
        chroma = (-(-self.height // step_y), -(-self.width // step_x))
        return (full, chroma, chroma, full) if self.has_alpha else (full, chroma, chroma)

    @property
    def frame_bytes(self) -> int:
        """Bytes of one raw frame."""
        return sum(h * w for h, w in self.plane_shapes) * self.dtype.itemsize

    def frame_from_bytes(self, raw: bytes | bytearray | memoryview) -> Frame:
        """Planes over one raw frame, without copying; writable only if `raw` is."""
        flat: Plane = np.frombuffer(raw, dtype=self.dtype)
        planes: list[Plane] = []
        begin = 0
        for h, w in self.plane_shapes:
            planes.append(flat[begin : begin + h * w].reshape(h, w))
            begin += h * w
        return tuple(planes)

    def frame_to_bytes(self, frame: Frame) -> bytes:
        """One raw frame as ffmpeg's `rawvideo` writes it.

        Raises:
            MediaError: a plane's shape or type is not this format's.
        """
        self.require(frame)
        return b"".join(np.ascontiguousarray(plane).tobytes() for plane in frame)

    def require(self, frame: Frame) -> None:
        """Refuse a frame that is not of this format.

        Raises:
            MediaError: a plane's shape or type is not this format's.
        """
        shapes = tuple(plane.shape for plane in frame)
        if shapes != self.plane_shapes or any(plane.dtype != self.dtype for plane in frame):
            raise MediaError(
                "a frame does not have the stream's format",
                expected=f"{self.pix_fmt} planes {self.plane_shapes} {self.dtype}",
                found=f"planes {shapes} {', '.join(sorted({str(plane.dtype) for plane in frame}))}",
                action="report this as a fault of the treatment that made the frame",
            )

    def to_work(self, frame: Frame) -> Work:
        """A new `(C, H, W)` array of the frame's own code values.

        R, G, B; grey alone; or Y, U, V with chroma repeated to full size. Opacity is left out: it is no film.
        """
        if self.is_grey:
            return frame[0][None].copy()
        if self.is_rgb:
            green, blue, red = frame[:3]
            return np.stack((red, green, blue))
        return np.stack((frame[0], self._spread(frame[1]), self._spread(frame[2])))

    def from_work(self, work: Work, original: Frame) -> Frame:
        """The original's planes with only those samples replaced that differ in `work`.

        A subsampled chroma sample is touched only where its block differs from the original's repeated value; it then
        becomes the block's rounded mean. So what no treatment touched stays bit-identical, and
        `from_work(to_work(f), f) == f` always.

        Args:
            work: `(C, H, W)` integers in `0 … max_code`.
            original: the frame `work` was made from.

        Raises:
            MediaError: `work` has another shape, is not of integers, or leaves the code range.
        """
        self._require_work(work)
        if self.is_grey:
            return (_replace(original[0], work[0]),)
        if self.is_rgb:
            green, blue, red = original[:3]
            opacity = tuple(plane.copy() for plane in original[3:])
            return (_replace(green, work[1]), _replace(blue, work[2]), _replace(red, work[0]), *opacity)
        return (
            _replace(original[0], work[0]),
            self._replace_chroma(original[1], work[1]),
            self._replace_chroma(original[2], work[2]),
        )

    def _require_work(self, work: Work) -> None:
        expected = (self.channels, self.height, self.width)
        if work.shape != expected or not np.issubdtype(work.dtype, np.integer):
            raise MediaError(
                "a treated frame has another shape or type than the scan",
                expected=f"{expected} integers",
                found=f"{work.shape} {work.dtype}",
                action="report this as a fault of the treatment that made the frame",
            )
        if work.dtype != self.dtype or self.max_code < np.iinfo(self.dtype).max:
            low, high = int(work.min()), int(work.max())
            if low < 0 or high > self.max_code:
                raise MediaError(
                    "a treated frame leaves the scan's code range",
                    expected=f"0 to {self.max_code}",
                    found=f"{low} to {high}",
                    action="report this as a fault of the treatment that made the frame",
                )

    def _spread(self, chroma: Plane) -> Plane:
        """Repeat each chroma sample over its block, cut to the picture's size."""
        shift_x, shift_y = self.layout.chroma_shift_x, self.layout.chroma_shift_y
        spread = chroma
        if shift_y:
            spread = np.repeat(spread, 1 << shift_y, axis=0)
        if shift_x:
            spread = np.repeat(spread, 1 << shift_x, axis=1)
        return spread[: self.height, : self.width]

    def _replace_chroma(self, original: Plane, work: Plane) -> Plane:
        step_x, step_y = 1 << self.layout.chroma_shift_x, 1 << self.layout.chroma_shift_y
        if step_x == step_y == 1:
            return _replace(original, work)
        differs = work != self._spread(original)
        if not differs.any():
            return original.copy()
        rows = np.arange(0, self.height, step_y)
        columns = np.arange(0, self.width, step_x)
        # reduceat sums blocks at the right and lower edge over the samples that exist, so odd sizes need no padding.
        changed = np.logical_or.reduceat(np.logical_or.reduceat(differs, rows, axis=0), columns, axis=1)
        total = np.add.reduceat(np.add.reduceat(work.astype(np.int64), rows, axis=0), columns, axis=1)
        tall = np.minimum(rows + step_y, self.height) - rows
        wide = np.minimum(columns + step_x, self.width) - columns
        samples = np.outer(tall, wide)
        mean = (2 * total + samples) // (2 * samples)
        replaced = original.copy()
        replaced[changed] = mean[changed].astype(original.dtype)
        return replaced


def frame_md5(frame: Frame) -> str:
    """md5 (hex) of a frame's planes one after the other, little-endian, as ffmpeg's framemd5 of raw video gives it."""
    digest = hashlib.md5(usedforsecurity=False)
    for plane in frame:
        digest.update(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).data)
    return digest.hexdigest()


def _replace(original: Plane, work: Plane) -> Plane:
    """A copy of `original` that takes `work` where the two differ."""
    differs = work != original
    replaced = original.copy()
    replaced[differs] = work[differs].astype(original.dtype)
    return replaced
