"""Complete text on screen from other frames of the same title: what damage hides of it, and nothing else.

A title stands still for seconds, so what dirt or a scratch hides of it on one frame, others show. Frames around are
laid over the frame by the sub-pixel move of the strokes (phase correlation), brought to its brightness, and what they
show undamaged is compared: where they agree, the nearest of them that shows the place is copied, grain and all. Where
they do not agree the picture moves behind the letters and nothing is known; where none shows the place, it stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.restoration.boxes import Box, boxes_around
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.treatment import Fidelity, Shown, Treatment, TreatmentParams

STILL_PX: Final = 0.1
"""Moves under this are none: pixels are then copied, not resampled."""
FARTHEST_PX: Final = 12.0
"""A title that has gone farther is another one, or rolls."""
LIKE: Final = 0.2
"""Peak of the phase correlation under which two frames do not show the same title."""
SAME_BOX: Final = 0.8
"""Share of the box that must be text in the other frame too."""
STROKE_SHARE: Final = 0.08
"""Contrast of a stroke to what is around it, share of the code range, to follow it by."""
EXTREMES: Final = (1, 50, 99)
"""Percentiles of a box that stand for its darkest, its ground and its brightest."""
STRONG: Final = 95
"""Percentile of contrast by which the strongest strokes are told from others."""
SURELY: Final = 0.7
"""Share of the strongest strokes' contrast (`STRONG`) from which brightness is read by them."""
STROKE_PX: Final = 25
"""Side of the square of the top-hats that strokes are taken out by."""
SAME_LIGHT: Final = 0.004
"""Difference in brightness, as a share of it, under which two frames are lit alike and codes are copied."""
LIGHT: Final = (0.6, 1.67)
"""Beyond these factors the title fades, and tells little."""
AGREE: Final = 0.75
"""Share of the frames that must say what their median says, within …"""
AGREE_SHARE: Final = 0.04
"""… this share of the code range, or …"""
GRAINS: Final = 3.0
"""… so many standard deviations of the grain on the letters; and this much more at the edges of letters:"""
MISPLACED_PX: Final = 0.35
"""what frames laid over one another to so much of a pixel differ by there."""
EDGE_PX: Final = 1
"""Damage is taken to reach so much farther in the frames that are copied from."""


class TitleParams(TreatmentParams):
    """Where damage on text is completed from other frames."""

    threshold: float = Field(
        default=0.5,
        ge=0.1,
        le=0.95,
        description="Confidence from which damage on text is repaired; lower repairs more, also what was none.",
    )
    reach: int = Field(
        default=12, ge=2, le=24, description="Frames before and after that are looked at for what damage hides."
    )


@dataclass(frozen=True)
class _Laid:
    """Another frame laid over the one that is mended, in a box."""

    codes: NDArray[np.float32]
    """`(C, h, w)` code values, at the frame's brightness."""
    clean: Mask
    """`(h, w)`: where it shows the title undamaged."""
    letters: Mask
    """`(h, w)`: its letters and what is next to them."""
    grain: float
    """Standard deviation of one frame's codes on strokes that both show."""


class TitleRepair(Treatment[TitleParams]):
    """Completes strokes that are damaged on some frames of a title from the others."""

    name: ClassVar[str] = "titles"
    title: ClassVar[str] = "Text on screen"
    fidelity: ClassVar[Fidelity] = Fidelity.MASKED
    order: ClassVar[int] = 140
    params_model: ClassVar[type[TreatmentParams]] = TitleParams
    mends_text: ClassVar[bool] = True

    @property
    def radius(self) -> int:
        """As far as it was asked to look."""
        return self.params.reach

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: where damage lies on text on screen."""
        if shown.map is None or shown.map.text is None:
            return np.zeros(shown.work.shape[1:], np.bool_)
        return np.asarray(shown.map.text >= max(1, int(np.ceil(self.params.threshold * 255))), np.bool_)

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The frames with their titles completed."""
        return [self._completed(window) for window in windows]

    def _completed(self, window: Mapping[int, Shown]) -> Work:
        shown = window[0]
        done = shown.work.copy()
        damaged = self.mask(shown)
        if not damaged.any() or shown.text is None:
            return done
        for box in boxes_around(shown.text, 0):
            if damaged[box].any():
                done[(slice(None), *box)] = self._in_box(window, box, damaged[box])
        return done

    def _in_box(self, window: Mapping[int, Shown], box: Box, damaged: Mask) -> Work:
        """`(C, h, w)` code values of a box of the frame, completed."""
        shown = window[0]
        here = shown.work[(slice(None), *box)]
        laid = [
            one
            for at in sorted((at for at in window if at), key=lambda at: (abs(at), at))
            for one in [self._laid(shown, window[at], box, damaged)]
            if one is not None
        ]
        done = here.copy()
        if not laid:
            return done
        rows, columns = np.nonzero(damaged)
        shows = np.stack([one.clean[rows, columns] for one in laid])
        values = np.stack([one.codes[:, rows, columns] for one in laid])
        hidden = np.where(shows[:, None], values, np.nan)
        known = shows.any(axis=0)
        if not known.any():
            return done
        rows, columns, hidden = rows[known], columns[known], hidden[:, :, known]
        middle = np.nanmedian(hidden, axis=0)
        apart = np.abs(hidden - middle).max(axis=1)
        limit = (
            max(AGREE_SHARE * shown.picture.max_code, GRAINS * laid[0].grain)
            + MISPLACED_PX * _slope(laid)[rows, columns]
        )
        agree = (apart <= limit).sum(axis=0) >= AGREE * shows[:, known].sum(axis=0)
        # The nearest frame that says what most say; the frames stand nearest first.
        nearest = np.argmax(np.nan_to_num(apart, nan=np.inf) <= limit, axis=0)
        chosen = np.take_along_axis(hidden, nearest[None, None], axis=0)[0]
        codes = np.clip(np.rint(chosen[:, agree]), 0, shown.picture.max_code).astype(here.dtype)
        done[:, rows[agree], columns[agree]] = codes
        return done

    def _laid(self, shown: Shown, other: Shown, box: Box, damaged: Mask) -> _Laid | None:
        """Another frame over this one in a box; None where it does not show the same title."""
        if other.text is None or other.text[box].mean() < SAME_BOX:
            return None
        picture = shown.picture
        ring = np.ones((2 * EDGE_PX + 1, 2 * EDGE_PX + 1), np.uint8)
        bad = cv2.dilate(self.mask(other)[box].astype(np.uint8), ring) > 0
        one, two = _strokes(shown, box, damaged), _strokes(other, box, bad)
        moved = _moved(one, two, ~damaged)
        if moved is None:
            return None
        x, y = moved
        codes = np.asarray(other.work[(slice(None), *box)], np.float32)
        move, size = np.array([[1, 0, x], [0, 1, y]], np.float64), (codes.shape[2], codes.shape[1])
        laid = np.asarray(cv2.warpAffine(two, move, size, flags=cv2.INTER_LINEAR), np.float32)
        seen = ~(damaged | bad)
        # What is no nearer moved than as it is stands still, whatever dirt makes the measure say.
        if np.hypot(x, y) >= STILL_PX and np.abs(one - laid)[seen].sum() < np.abs(one - two)[seen].sum():
            codes = np.stack([cv2.warpAffine(plane, move, size, flags=cv2.INTER_CUBIC) for plane in codes])
            two = laid
            bad = cv2.warpAffine((~bad).astype(np.float32), move, size, flags=cv2.INTER_LINEAR) < 1 - 1e-4
        strokes = _surely(one) & _surely(two) & ~bad
        light = _light(np.asarray(shown.work[(slice(None), *box)], np.float32), codes, strokes, picture)
        if light is None:
            return None
        if light != 1.0:
            codes = codes.copy()
            codes[: 1 if not (picture.is_rgb or picture.is_grey) else None] *= np.float32(light)
        apart = codes[:, strokes] - shown.work[(slice(None), *box)][:, strokes]
        letters = cv2.dilate(_surely(two).astype(np.uint8), ring) > 0
        return _Laid(codes, ~bad, letters, float(1.4826 * np.median(np.abs(apart)) / np.sqrt(2)))


def _slope(laid: Sequence[_Laid]) -> NDArray[np.float32]:
    """`(h, w)`: how steep letters' edges are, codes a pixel; 0 elsewhere.

    It is the median of the nearest frames, so that dirt on one is no edge.
    """
    slopes = []
    for one in laid[:3]:
        across, down = (cv2.Sobel(one.codes.max(axis=0), cv2.CV_32F, *way, scale=1 / 8) for way in ((1, 0), (0, 1)))
        slopes.append(np.where(one.letters, np.hypot(across, down), np.float32(0)))
    return np.asarray(np.median(slopes, axis=0), np.float32)


def _strokes(shown: Shown, box: Box, damaged: Mask) -> NDArray[np.float32]:
    """`(h, w)`: how far strokes, bright or dark ones, stand out of their surround; 0 elsewhere and where damaged.

    Most of a box around lines is the ground; the letters are on that side of it to which the codes go farther. The
    top-hats do not tell: what lies between bright letters stands out as dark as they do bright.
    """
    luma = np.ascontiguousarray(shown.luma[box])
    lowest, ground, highest = np.percentile(luma[~damaged] if not damaged.all() else luma, EXTREMES)
    hat = cv2.MORPH_TOPHAT if highest - ground >= ground - lowest else cv2.MORPH_BLACKHAT
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (STROKE_PX, STROKE_PX))
    rise = cv2.morphologyEx(luma, hat, kernel).astype(np.float32)
    return np.where((rise > 255 * STROKE_SHARE) & ~damaged, rise, np.float32(0))


def _moved(here: NDArray[np.float32], there: NDArray[np.float32], seen: Mask) -> tuple[float, float] | None:
    """How far right and down the strokes of another frame go to lie on this one's; None where they are others.

    By phase correlation, then to a few hundredths of a pixel by the enhanced correlation coefficient (Evangelidis and
    Psarakis, IEEE PAMI 2008).
    """
    # OpenCV reads the peak half a pixel wrong where the size it works at is odd.
    rows, columns = (_even_size(side) for side in here.shape)
    padding = (0, rows - here.shape[0], 0, columns - here.shape[1])
    (x, y), alike = cv2.phaseCorrelate(
        *(cv2.copyMakeBorder(one, *padding, cv2.BORDER_CONSTANT, value=0.0) for one in (there, here))
    )
    if alike < LIKE or np.hypot(x, y) > FARTHEST_PX:
        return None
    start = np.array([[1, 0, -x], [0, 1, -y]], np.float32)
    steps = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 1e-4)
    try:
        _, warp = cv2.findTransformECC(here, there, start, cv2.MOTION_TRANSLATION, steps, seen.astype(np.uint8), 1)
    except cv2.error:
        return None  # it does not settle: not the same title
    x, y = -float(warp[0, 2]), -float(warp[1, 2])
    return (x, y) if np.hypot(x, y) <= FARTHEST_PX else None


def _even_size(side: int) -> int:
    size = cv2.getOptimalDFTSize(side)
    while size % 2:
        size = cv2.getOptimalDFTSize(size + 1)
    return size


def _surely(strokes: NDArray[np.float32]) -> Mask:
    """`(h, w)`: where strokes stand out as letters do, not as the picture behind them may."""
    rise = strokes[strokes > 0]
    return np.asarray(strokes > SURELY * float(np.percentile(rise, STRONG) if rise.size else np.inf), np.bool_)


def _light(
    here: NDArray[np.float32], there: NDArray[np.float32], strokes: Mask, picture: PictureFormat
) -> float | None:
    """By what the other frame's codes are multiplied to be as bright; None where that says nothing of it."""
    if np.count_nonzero(strokes) < 20:
        return None
    one, two = (codes[1 if picture.is_rgb else 0][strokes] for codes in (here, there))
    light = float(np.median(one / np.maximum(two, 1.0)))
    if not LIGHT[0] <= light <= LIGHT[1]:
        return None
    return 1.0 if abs(light - 1) <= SAME_LIGHT else light
