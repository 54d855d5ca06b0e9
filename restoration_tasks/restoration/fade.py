"""Colour fade: give each dye the density back that it has lost, by what was measured over the reel.

What a fade leaves of a density is D' = kept · D + base, dye by dye: cyan holds back red, magenta green, yellow blue. It
is undone in density, D = (D' − base) / kept, for each dye where dyes are pure, and else between the two matrices that
say how much of the other channels each dye holds back too. The law is that of Chatterjee, Trumpy and Ruedel, "Digital
Unfading of Chromogenic Film Informed by Its Spectral Densities", Heritage 6 (2023), with densities of channels instead
of spectra.

Nothing is cut off: what is lighter than the base (noise, dust, a light that shone through) is rolled off between `TOE`
and the scan's white, what comes out darker than the scan can hold between `SHOULDER` and its black. White stays white,
black stays black, and no two densities become one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, ClassVar, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.restoration.densities import Floats, density, is_log, share
from restoration_tasks.restoration.shares import codes, shares
from restoration_tasks.restoration.treatment import Fidelity, FrameByFrame, Shown, TreatmentParams

TOE = 0.01
"""Density over the base under which lights are rolled off: two per cent of light."""
SHOULDER, LOG_SHOULDER = 0.6, 0.85
"""Share of the scan's deepest density from which darks are rolled off: code 2 of 255, code 7 of 1023; of a log scan
code 103 of 1023, beside the black of 95."""
FINE = 1 << 16
"""Steps of the curve that pixels of YUV are looked up in: sixteen to a code of 12 bits."""
LEAST_KEPT, MOST_KEPT, MOST_FOG = 0.1, 1.2, 0.6
"""What is left of less than a tenth is mostly noise; more than all is a person's correction."""
SPREAD = 0.15
"""Density between the lightest and the darkest neutral place from which they tell a share and a fog each."""
PURE = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

Kept = Annotated[float, Field(ge=LEAST_KEPT, le=MOST_KEPT, allow_inf_nan=False)]
Base = Annotated[float, Field(ge=0.0, le=MOST_FOG, allow_inf_nan=False)]
Absorption = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]
Triple = tuple[Absorption, Absorption, Absorption]
Code = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Colour = tuple[Code, Code, Code]


class FadeParams(TreatmentParams):
    """How far the dyes of a shot have gone."""

    kept: tuple[Kept, Kept, Kept] = Field(
        description="Share of its density each dye still keeps: cyan, magenta, yellow; 1 leaves it alone."
    )
    base: tuple[Base, Base, Base] = Field(
        default=(0.0, 0.0, 0.0), description="Density that clear film has gained in red, green and blue; 0 is none."
    )
    absorption: tuple[Triple, Triple, Triple] = Field(
        default=PURE,
        description="How much of red, green and blue (rows) cyan, magenta and yellow (columns) hold back; 1 on the "
        "diagonal. As it stands, each dye holds back its own channel only.",
    )
    neutral: tuple[Colour, ...] = Field(
        default=(),
        max_length=64,
        description="Red, green and blue of places that were grey, as the scan shows them, divided by the largest code "
        "value: cyan and yellow are then set so that these places come out grey.",
    )
    amount: float = Field(
        default=1.0, gt=0.0, le=1.0, description="How much of the loss is made good; 1 is all of it, 0.5 half."
    )

    @model_validator(mode="after")
    def _dyes_told_apart(self) -> Self:
        for row, values in enumerate(self.absorption):
            if values[row] != 1.0 or sum(values) >= 2.0:
                raise ValueError("absorption has 1 on its diagonal, and less than 1 beside it in each row")
        return self


class Unfade(FrameByFrame[FadeParams]):
    """Applies the law to every frame of a shot alike; it knows no neighbours and no place in the picture."""

    name: ClassVar[str] = "fade"
    title: ClassVar[str] = "Colour fade"
    fidelity: ClassVar[Fidelity] = Fidelity.GLOBAL
    order: ClassVar[int] = 300
    params_model: ClassVar[type[TreatmentParams]] = FadeParams

    def treated(self, shown: Shown) -> Work:
        """The frame with its dyes' densities made good, rounded once; a grey frame as it is (silver stays)."""
        picture = shown.picture
        if picture.is_grey:
            return shown.work.copy()
        if picture.is_rgb and self.params.absorption == PURE:
            tables = _tables(self.params, picture)
            treated: Work = np.stack([table[plane] for table, plane in zip(tables, shown.work, strict=True)])
            return treated
        rows = shares(shown.work, picture)
        if self.params.absorption == PURE:
            flat = _by_curve(rows.reshape(-1, 3), self.params, picture.transfer)
        else:
            flat = np.ascontiguousarray(_made(rows, self.params, picture.transfer).reshape(-1, 3).T)
        return np.asarray(codes(flat, picture).reshape(shown.work.shape), shown.work.dtype)


@lru_cache(maxsize=8)
def _tables(params: FadeParams, picture: PictureFormat) -> Work:
    """`(3, codes)`: what each code value of red, green and blue becomes; exact, and faster than pixels."""
    every = np.arange(picture.max_code + 1, dtype=np.float32) / np.float32(picture.max_code)
    grey = np.repeat(every[:, None], 3, axis=1)
    return codes(np.ascontiguousarray(_made(grey, params, picture.transfer).T), picture)


@lru_cache(maxsize=8)
def _curve(params: FadeParams, transfer: str) -> Floats:
    """`(3, 65536)`: what shares from 0 to 1 become."""
    every = np.linspace(0, 1, FINE, dtype=np.float32)
    return np.ascontiguousarray(_made(np.repeat(every[:, None], 3, axis=1), params, transfer).T)


def _by_curve(pixels: Floats, params: FadeParams, transfer: str) -> Floats:
    """`(3, N)` of shares `(N, 3)`, looked up; what YUV holds beyond black and white stays as far beyond."""
    made = np.empty((3, len(pixels)), np.float32)
    for channel, table in enumerate(_curve(params, transfer)):
        values = pixels[:, channel]
        inside = np.clip(values, 0, 1)
        made[channel] = table[(inside * np.float32(FINE - 1) + np.float32(0.5)).astype(np.uint16)]
        made[channel] += values - inside
    return made


def _made(rows: Floats, params: FadeParams, transfer: str) -> Floats:
    return share(restored_densities(density(rows, transfer), params, transfer), transfer)


def restored_densities(densities: Floats, params: FadeParams, transfer: str) -> Floats:
    """Densities `(…, 3)` of red, green and blue, as they were before the dyes went.

    Args:
        densities: as `densities.density` gives them.
        params: how far the dyes have gone.
        transfer: the scan's. In log scans, what is lighter than the base stays that much lighter.
    """
    kept, base = guided(params, transfer)
    over = densities - base
    absorption = np.asarray(params.absorption, np.float64)
    if params.absorption != PURE:
        over = _mixed(over, np.asarray(np.linalg.inv(absorption), np.float64))
    if not is_log(transfer):
        over = _toe(over, base)
    darkest = float(density(np.zeros(1, np.float32), transfer)[0])
    start = (LOG_SHOULDER if is_log(transfer) else SHOULDER) * darkest
    made = _shoulder(np.where(over > 0, over / kept, over), start, darkest, (darkest - base) / kept)
    if params.absorption != PURE:
        made = _mixed(made, absorption)
    return np.asarray(densities + np.float32(params.amount) * (made - densities), np.float32)


def guided(params: FadeParams, transfer: str) -> tuple[Floats, Floats]:
    """What the dyes keep and the base has gained, `(3,)` each, after what a person named as neutral.

    Magenta stays as it is, and each of the others is brought onto it: by the straight line through the places, where
    these are light and dark; else by its share alone, or by its fog, where the places are nearly clear.
    """
    kept, base = np.array(params.kept, np.float32), np.array(params.base, np.float32)
    if not params.neutral:
        return kept, base
    seen = density(np.asarray(params.neutral, np.float32), transfer).astype(np.float64)
    grey = (seen[:, 1] - base[1]) / kept[1]
    for channel in (0, 2):
        if np.ptp(grey) >= SPREAD:
            kept[channel], base[channel] = np.polyfit(grey, seen[:, channel], 1)
        elif grey.mean() >= SPREAD:
            kept[channel] = (seen[:, channel].mean() - base[channel]) / grey.mean()
        else:
            base[channel] = seen[:, channel].mean() - kept[channel] * grey.mean()
    return np.clip(kept, LEAST_KEPT, MOST_KEPT), np.clip(base, 0.0, MOST_FOG)


def _toe(over: Floats, base: Floats) -> Floats:
    """Densities over the base: what lies from clear film to `TOE` over the base is brought between 0 and that."""
    span = TOE + base
    left = np.clip((over + base) / span, 0, 1)
    return np.asarray(np.where(over < TOE, TOE * left ** (span / TOE), over), np.float32)


def _shoulder(made: Floats, start: float, darkest: float, would_be: Floats) -> Floats:
    """Densities of which the darkest would be `would_be`: from `start` on brought under `darkest`."""
    reach, room = np.maximum(would_be, darkest) - start, darkest - start
    left = np.clip(1 - (made - start) / reach, 0, 1)
    return np.asarray(np.where(made > start, darkest - room * left ** (reach / room), made), np.float32)


def _mixed(densities: Floats, matrix: NDArray[np.float64]) -> Floats:
    """Each pixel's three densities multiplied by a matrix."""
    rows = np.ascontiguousarray(densities.reshape(-1, 1, 3), np.float32)
    return np.asarray(cv2.transform(rows, matrix).reshape(densities.shape), np.float32)
