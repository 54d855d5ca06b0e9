"""What the tampered reel's last shot shows besides the clip: a face and a title, so that they can be tampered with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.training.clips import fetch
from restoration_tasks.training.defects.material import PHOTOGRAPHS
from restoration_tasks.training.demo_reel import BIT_DEPTH, View

CODES: Final = 2**BIT_DEPTH - 1
PORTRAIT: Final = (140, 460)
"""Top and left of the photograph laid into the picture, half its size."""
PART: Final = (slice(0, 240), slice(40, 256))
"""Of the photograph at that size."""
FACE: Final = (PORTRAIT[0] + 36, PORTRAIT[1] + 52, 54, 44)
"""Top, left, height and width of its face in the picture; of the photograph (36, 92)."""
TITLE: Final = "THE FLEET LEFT"
TITLE_AT: Final = (30, 30)
HIGH, WIDE, STROKE, STEP = 28, 18, 4, 26
LETTERS: Final = {
    "T": ((7, 0, 4, HIGH), (0, 0, WIDE, STROKE)),
    "H": ((0, 0, STROKE, HIGH), (WIDE - STROKE, 0, STROKE, HIGH), (0, 12, WIDE, STROKE)),
    "E": ((0, 0, STROKE, HIGH), (0, 0, WIDE, STROKE), (0, 12, WIDE, STROKE), (0, HIGH - STROKE, WIDE, STROKE)),
    "F": ((0, 0, STROKE, HIGH), (0, 0, WIDE, STROKE), (0, 12, WIDE, STROKE)),
    "L": ((0, 0, STROKE, HIGH), (0, HIGH - STROKE, WIDE, STROKE)),
}
"""Strokes of block letters: left, top, width, height."""
GROUND, INK = 0.12, 0.88
"""Of the title's ground and its letters, share of the code range."""


@dataclass(frozen=True)
class Titled(View):
    """A view with a portrait laid into it, and a title on a dark ground."""

    def of(self, frame: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
        """The view of a frame, `(3, H, W)` 10-bit codes R, G, B."""
        seen = super().of(frame)
        portrait = _portrait()
        top, left = PORTRAIT
        seen[:, top : top + portrait.shape[1], left : left + portrait.shape[2]] = portrait
        top, left = TITLE_AT
        seen[:, top - 10 : top + HIGH + 10, left - 10 : left + STEP * len(TITLE)] = round(GROUND * CODES)
        for rows, columns in strokes():
            seen[:, rows, columns] = round(INK * CODES)
        return seen


def strokes() -> list[tuple[slice, slice]]:
    """Rows and columns of every stroke of the title."""
    top, left = TITLE_AT
    return [
        (slice(top + y, top + y + high), slice(left + STEP * place + x, left + STEP * place + x + wide))
        for place, letter in enumerate(TITLE)
        for x, y, wide, high in LETTERS.get(letter, ())
    ]


@cache
def _portrait() -> npt.NDArray[np.uint16]:
    photograph = next(one for one in PHOTOGRAPHS if one.name == "astronaut")
    found = cv2.imread(str(fetch(photograph)))
    assert found is not None
    half = cv2.resize(found, (256, 256), interpolation=cv2.INTER_AREA)[PART][..., ::-1]
    return np.ascontiguousarray(np.moveaxis(half.astype(np.uint32) * CODES // 255, 2, 0).astype(np.uint16))
