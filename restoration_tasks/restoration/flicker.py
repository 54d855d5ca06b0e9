"""Deflicker: bring each frame to the light of its surroundings in time, by curves and patterns measured over the shot.

Light is moved in density, as exposure and development move it: D' = contrast · D + density, for all channels alike or
with a difference for red and blue; and where flicker differs over the picture, patterns of density are added, each a
grid of four by four nodes from edge to edge with cubic polynomials between them, so that nothing has a seam. Codes
become densities by the scan's transfer (`densities.py`). Plans of before hold `gain` and `offset` on code values
instead.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from restoration_tasks.media.picture import REC709, PictureFormat, Work
from restoration_tasks.restoration.densities import density, is_log, share
from restoration_tasks.restoration.shares import codes, shares
from restoration_tasks.restoration.treatment import Fidelity, FrameByFrame, Shown, TreatmentParams

SIDE = 4
"""Nodes of a pattern each way."""
MOST_PATTERNS = 4
DITHERED_BITS = 8
"""Bits up to which rounding is dithered where light differs over the picture: a step of one code in 255 shows in an
even sky, one in 1023 does not."""
Floats = NDArray[np.float32]
Curve = Annotated[float, Field(allow_inf_nan=False)]
Density = Annotated[float, Field(ge=-0.7, le=0.7, allow_inf_nan=False)]


class Pattern(TreatmentParams):
    """What is added where, and how much of it each frame gets."""

    nodes: tuple[tuple[Annotated[float, Field(ge=-1.0, le=1.0, allow_inf_nan=False)], ...], ...] = Field(
        min_length=SIDE, max_length=SIDE, description="Rows of a grid over the whole picture, −1 to 1."
    )
    density: tuple[Density, ...] = Field(
        min_length=1, description="What each frame gets of it, density; over 0 is darker where the grid is over 0."
    )

    @model_validator(mode="after")
    def _square(self) -> Self:
        if any(len(row) != SIDE for row in self.nodes):
            raise ValueError(f"each row of nodes has {SIDE} entries")
        return self


class DeflickerParams(TreatmentParams):
    """The curves that take flicker away, one entry a frame of the shot each."""

    gain: tuple[Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)], ...] = Field(
        default=(), description="In older plans: what each frame's code values are multiplied by; 1 leaves it alone."
    )
    offset: tuple[Annotated[float, Field(ge=-0.5, le=0.5, allow_inf_nan=False)], ...] = Field(
        default=(), description="In older plans: what is then added, as a share of the code range."
    )
    density: tuple[Density, ...] = Field(
        default=(), description="Density each frame is given: 0 leaves it alone, 0.03 takes 7 % of its light."
    )
    contrast: tuple[Annotated[float, Field(ge=0.5, le=2.0, allow_inf_nan=False)], ...] = Field(
        default=(), description="What each frame's densities are multiplied by before; 1 leaves it alone."
    )
    red: tuple[Density, ...] = Field(
        default=(), description="Density red is given beyond that, where colours flicker apart; green makes up for it."
    )
    blue: tuple[Density, ...] = Field(default=(), description="Density blue is given beyond that.")
    patterns: tuple[Pattern, ...] = Field(
        default=(), max_length=MOST_PATTERNS, description="Light that differs over the picture; none as it stands."
    )
    amount: float = Field(
        default=1.0, gt=0.0, le=1.0, description="How much of the measured flicker is taken away; 1 is all of it."
    )

    @property
    def _curves(self) -> dict[str, tuple[float, ...]]:
        named = {name: getattr(self, name) for name in ("gain", "offset", "density", "contrast", "red", "blue")}
        return {**named, **{f"pattern {n}": one.density for n, one in enumerate(self.patterns, 1)}}

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        lengths = {name: len(curve) for name, curve in self._curves.items() if curve}
        if not lengths:
            raise ValueError("there is no curve: give density and contrast, one entry a frame each")
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ValueError(f"{told} entries; one each a frame")
        for one, other in (("gain", "offset"), ("density", "contrast"), ("red", "blue")):
            if bool(getattr(self, one)) != bool(getattr(self, other)):
                raise ValueError(f"{one} and {other} go together")
        return self

    @property
    def frames(self) -> int:
        """How many frames the curves cover."""
        return max(len(curve) for curve in self._curves.values())

    def sliced(self, first: int, stop: int) -> Self:
        """The part of the curves that covers frames `first ≤ i < stop` of the shot."""
        names = ("gain", "offset", "density", "contrast", "red", "blue")
        update: dict[str, object] = {name: getattr(self, name)[first:stop] for name in names}
        cut = [one.model_copy(update={"density": one.density[first:stop]}) for one in self.patterns]
        return self.model_copy(update={**update, "patterns": tuple(cut)})

    def require_frames(self, frames: int) -> None:
        """Refuse curves of another length than the shot's.

        Raises:
            ValueError: the lengths differ.
        """
        if self.frames != frames:
            raise ValueError(f"the curve has {self.frames} entries for a shot of {frames} frames")


class Deflicker(FrameByFrame[DeflickerParams]):
    """Applies the curves to the code values, and the patterns where there are any."""

    name: ClassVar[str] = "flicker"
    title: ClassVar[str] = "Deflicker"
    fidelity: ClassVar[Fidelity] = Fidelity.GLOBAL
    order: ClassVar[int] = 200
    params_model: ClassVar[type[TreatmentParams]] = DeflickerParams

    def treated(self, shown: Shown) -> Work:
        """The frame with its own entries of the curves applied, rounded once and kept in the scan's code range."""
        place, picture = shown.index - self.origin, shown.picture
        if self.params.gain:
            return self._by_codes(shown, place)
        field = self._field(place, picture)
        if not (picture.is_rgb or picture.is_grey):
            return self._yuv(shown, place, field)
        # One table of all code values a channel: exact, and faster than arithmetic on every pixel.
        tables = [self._table(place, channel, picture) for channel in range(len(shown.work))]
        if field is None:
            made: Work = np.stack(
                [_rounded(table, picture)[plane] for table, plane in zip(tables, shown.work, strict=True)]
            )
            return made
        lit = [_lit(table[plane], field, picture) for table, plane in zip(tables, shown.work, strict=True)]
        return np.stack([_rounded(plane, picture, shown.index) for plane in lit])

    def _by_codes(self, shown: Shown, place: int) -> Work:
        full = float(shown.picture.max_code)
        gain = 1.0 + self.params.amount * (self.params.gain[place] - 1.0)
        offset = self.params.amount * self.params.offset[place] * full
        every = np.arange(shown.picture.max_code + 1, dtype=np.float64)
        table = np.clip(np.rint(every * gain + offset), 0, full).astype(shown.work.dtype)
        treated: Work = table[shown.work]
        return treated

    def _curve(self, place: int, channel: int | None) -> tuple[float, float]:
        """Contrast and density of a frame; of one channel of three, or of what is seen in grey."""
        params = self.params
        given = params.density[place] if params.density else 0.0
        if channel is not None and params.red:
            red, blue = params.red[place], params.blue[place]
            # As a whole the picture stays as light as it is made.
            green = -(REC709[0] * red + REC709[2] * blue) / REC709[1]
            given += (red, green, blue)[channel]
        contrast = params.contrast[place] if params.contrast else 1.0
        return 1.0 + params.amount * (contrast - 1.0), params.amount * given

    def _table(self, place: int, channel: int, picture: PictureFormat) -> Floats:
        """What each code value becomes, share of the code range, not rounded."""
        every = np.arange(picture.max_code + 1, dtype=np.float32) / np.float32(picture.max_code)
        return self._moved(every, place, None if picture.is_grey else channel, picture.transfer)

    def _moved(self, values: Floats, place: int, channel: int | None, transfer: str) -> Floats:
        contrast, given = self._curve(place, channel)
        if contrast == 1.0 and given == 0.0:
            return values
        moved = share(density(values, transfer) * np.float32(contrast) + np.float32(given), transfer)
        # Black has no density that could be followed: what is beyond the deepest keeps its share of it.
        return moved if is_log(transfer) else np.where(values > 0, moved, np.float32(0))

    def _field(self, place: int, picture: PictureFormat) -> Floats | None:
        """`(H, W)` density that the patterns add to a frame; None where they add nothing."""
        nodes = sum(
            (
                one.density[place] * self.params.amount * np.asarray(one.nodes, np.float64)
                for one in self.params.patterns
            ),
            np.zeros((SIDE, SIDE)),
        )
        if not nodes.any():
            return None
        down, across = (_between(length) for length in (picture.height, picture.width))
        return np.asarray(down @ nodes @ across.T, np.float32)

    def _yuv(self, shown: Shown, place: int, field: Floats | None) -> Work:
        """The same in red, green and blue, where Y, U and V were made of them."""
        picture = shown.picture
        rows = shares(shown.work, picture)
        inside = np.clip(rows, 0, 1)
        made = np.empty((3, *rows.shape[:2]), np.float32)
        for channel in range(3):
            lit = self._moved(np.ascontiguousarray(inside[..., channel]), place, channel, picture.transfer)
            # What YUV holds beyond black and white stays as far beyond.
            made[channel] = _lit(lit, field, picture) + (rows[..., channel] - inside[..., channel])
        back = codes(made.reshape(3, -1), picture).reshape(shown.work.shape)
        return np.asarray(back, shown.work.dtype)


def _lit(values: Floats, field: Floats | None, picture: PictureFormat) -> Floats:
    """Shares of the code range with a density added at each place."""
    if field is None:
        return values
    if is_log(picture.transfer):
        return share(density(values, picture.transfer) + field, picture.transfer)
    return values * cv2.exp(field * np.float32(-np.log(10))).reshape(field.shape)


def _rounded(values: Floats, picture: PictureFormat, dithered: int | None = None) -> Work:
    """Code values of shares; shallow pictures are dithered by a fixed pattern a frame, so that it can be made again.

    A share that is a code value is that code value either way.
    """
    full = np.float32(picture.max_code)
    threshold: Floats | np.float32 = np.float32(0.5)
    if dithered is not None and picture.bit_depth <= DITHERED_BITS:
        threshold = np.roll(_noise(*values.shape), (37 * dithered, 17 * dithered), axis=(0, 1))
    return np.asarray(np.clip(np.floor(values * full + threshold), 0, full), picture.dtype)


@lru_cache(maxsize=2)
def _noise(height: int, width: int) -> Floats:
    """`(height, width)` thresholds in 0.002 … 0.998, spread evenly over every neighbourhood.

    Interleaved gradient noise (J. Jimenez: "Next generation post processing in Call of Duty: Advanced Warfare",
    SIGGRAPH 2014).
    """
    y, x = np.arange(height, dtype=np.float64)[:, None], np.arange(width, dtype=np.float64)[None, :]
    inner = np.modf(0.06711056 * x + 0.00583715 * y)[0]
    return np.asarray(0.002 + 0.996 * np.modf(52.9829189 * inner)[0], np.float32)


@lru_cache(maxsize=4)
def _between(length: int) -> NDArray[np.float64]:
    """`(length, 4)`: what each node counts at each pixel, the cubic polynomial through four nodes from edge to edge."""
    at = (np.arange(length) + 0.5) * 2 / length - 1
    nodes = np.linspace(-1, 1, SIDE)
    weights = np.empty((length, SIDE))
    for one in range(SIDE):
        others = np.delete(nodes, one)
        weights[:, one] = np.prod((at[:, None] - others) / (nodes[one] - others), axis=1)
    return weights
