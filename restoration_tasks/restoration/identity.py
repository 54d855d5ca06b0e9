"""The identity guard: what an engine made of a face must still be that face, or less of it is taken, or nothing.

Both are looked at where the source can tell: blurred, so that detail that was added beyond it does not count, and what
was changed within it does. There everything in the face must be drawn in the source already: more or less contrast at
this or that width explains it (a regression on the source and its blurs), and what that does not explain is somebody
else's. And the patches around the landmarks must lie where they lay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.landmarks import landmark_shifts

FACE_PX: Final = 64
"""Faces are compared at most so wide, as in the check."""
LEAST_PX: Final = 8
"""Of a side of what is compared."""
HALVED: Final = 0.1874
"""A Gaussian of deviation 1 halves the contrast at so many cycles a pixel: √(ln 2 / 2) / π."""
TOLD_CYCLES: Final = 4.0
"""Cycles across the face at which the blur halves the contrast: half of what faces are told apart by at least
(`assessment.face_quality`). Of 3, 4, 6, 8 and 10 one of the two that part a clearer face best from a fifth
of another."""
WIDTHS_PX: Final = (1.0, 2.0, 4.0)
"""Deviations of the blurs of the source that explain more or less contrast."""
SHIFT_MOST: Final = 0.03
"""Share of the face's width that all but one landmark may move by; the check allows 0.05."""
STRUCTURE_LEAST: Final = 0.996
"""Share of the source's power by which a face may not go unexplained is 1 less this. On the training faces of
benchmarks/portraits.yaml clearer faces come to 0.9985 and more, a fifth of another person's face laid on to 0.9926 and
less."""
BLENDS: Final = (1.0, 0.75, 0.5)
"""How much of what was made is tried, the most first. What needs less than half of it to look like the face is not the
face: then nothing is taken."""

Luma = NDArray[np.float32]
"""`(h, w)`, shares of the code range."""


@dataclass(frozen=True)
class Likeness:
    """How like its source a face is."""

    shift: float
    """Share of the face's width that a landmark moved by: the second farthest, as one may be lost in grain."""
    structure: float
    """1 where all of it is drawn in the source."""

    @property
    def holds(self) -> bool:
        """Whether it is the same face."""
        return self.shift <= SHIFT_MOST and self.structure >= STRUCTURE_LEAST


@dataclass(frozen=True)
class Source:
    """A face as it was scanned."""

    luma: Luma
    """Of the face and a little around it."""
    mask: Luma
    """`(h, w)`, 0–1: where the face is."""
    landmarks: Sequence[tuple[float, float]]
    """x and y in that part."""
    width_px: float
    """Of the face."""
    cycles: float
    """Its detail, cycles across the face."""


def likeness(source: Source, made: Luma) -> Likeness:
    """Hold a face `(h, w)` against its source."""
    scale = min(FACE_PX / source.width_px, 1.0)
    height, width = (max(round(side * scale), LEAST_PX) for side in source.luma.shape)
    blur = HALVED / min(source.cycles, TOLD_CYCLES) * source.width_px

    def small(plane: Luma) -> Luma:
        return np.asarray(cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA), np.float32)

    def told(plane: Luma) -> Luma:
        return small(np.asarray(cv2.GaussianBlur(plane, (0, 0), blur), np.float32))

    before, after = told(source.luma), told(made)
    places = np.array(source.landmarks, np.float32) * np.float32(scale)
    shifts = landmark_shifts(small(source.luma), small(made), places, source.width_px * scale)
    return Likeness(float(shifts[-2]) / (source.width_px * scale), _explained(before, after, small(source.mask)))


def _explained(before: Luma, after: Luma, mask: Luma) -> float:
    """1 less what the source and its blurs leave unexplained of a face, over the source's own power."""
    planes = [np.ones_like(before), before, *(cv2.GaussianBlur(before, (0, 0), width) for width in WIDTHS_PX)]
    weight = np.sqrt(mask, dtype=np.float64).ravel()
    known = np.stack([plane.ravel() for plane in planes], axis=1) * weight[:, None]
    wanted = after.ravel() * weight
    found, *_ = np.linalg.lstsq(known, wanted, rcond=None)
    left = float(np.square(wanted - known @ found).sum())
    own = float(np.square((before.ravel() - np.average(before, weights=mask)) * weight).sum())
    return 1.0 - left / max(own, 1e-9)


def blend_that_holds(source: Source, made: Luma) -> float:
    """How much of what was made of a face, `(h, w)`, may be taken: 0, or 0.5 to 1."""
    for blend in BLENDS:
        mixed = np.asarray(source.luma + np.float32(blend) * (made - source.luma), np.float32)
        if likeness(source, mixed).holds:
            return blend
    return 0.0
