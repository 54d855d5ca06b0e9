"""What is kept of every frame to tell how a reel goes on: a few hundred numbers, less than a kilobyte a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709, Frame, PictureFormat
from restoration_tasks.models.transnet import SmallFrame

CELLS = (16, 9)
"""Columns and rows of the coarse picture kept of a frame: fine enough to know a picture again, coarse enough that what
moves in a few frames changes little."""
WIDTH_PX = 256
"""Jumps, bars and rings are looked for in pictures this wide."""
SD_WIDTH = 720.0
EDGE_SHARE = 0.06
"""Share of the height at the top and at the bottom in which the bar of a splice is looked for."""
EDGE_COLUMNS = 32
AGREEING = 0.2
"""Share of the width (or of a ring) that may say otherwise."""
ANGLES = 72
RING_RADII = (0.5, 0.98)
"""Rings of a countdown leader, in halves of the height (SMPTE ST 55: both lie in the outer half)."""
STRIPES_SHARE = 0.6
"""Colour bars fill the upper two thirds of the picture at least (SMPTE EG 1)."""
Plane = NDArray[np.float32]


@dataclass(frozen=True)
class Trace:
    """What is kept of one frame. Codes are 8-bit code values."""

    cells: NDArray[np.uint8]
    """`(9, 16, 3)`: the frame's means, R, G, B."""
    spread: float
    """Standard deviation of the luma of a picture 48 wide, codes: grain is averaged away, a picture is not."""
    jump_px: float
    """How much lower the picture stands than in the frame before, pixels of a picture 720 wide; 0 where that cannot be
    told."""
    jump_trust: float
    """How much of the picture moved as one, 0–1."""
    edge_codes: tuple[float, float]
    """At the top and at the bottom: how far a strip over the whole width changed from the frame before beyond the
    rest of the picture, codes, with its sign."""
    ring_codes: float
    """The strongest edge along a ring round the middle, codes."""
    stripes: float
    """How far the picture consists of upright stripes, 0–1."""


Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Course:
    """The traces of a whole reel as arrays, one row a frame; codes are 8-bit code values."""

    cells: NDArray[np.float32]
    """`(N, 432)`: the coarse pictures, R, G, B."""
    ranks: NDArray[np.float32]
    """`(N, 144)`: ranks of the cells by luma, without their mean, of length 1: the product of two frames' ranks is
    Spearman's correlation, which no change of brightness or contrast alters."""
    tones: NDArray[np.float32]
    """`(N, 144)`: lumas of the cells in order, codes: what is left if one does not ask where they are."""
    level: Figures
    """Mean luma, codes."""
    reach: Figures
    """From the darkest cell to the brightest, codes."""
    spread: Figures
    jump_px: Figures
    jump_trust: Figures
    edge_codes: Figures
    """`(N, 2)`."""
    ring_codes: Figures
    stripes: Figures

    @classmethod
    def of(cls, traces: Sequence[Trace]) -> Course:
        """Put traces together."""
        from scipy.stats import rankdata

        cells = np.array([trace.cells for trace in traces], np.float32).reshape(-1, CELLS[0] * CELLS[1], 3)
        luma = cells @ np.array(REC709, np.float32)
        ranks = rankdata(luma, axis=1).astype(np.float32) if len(traces) else luma
        ranks -= ranks.mean(axis=1, keepdims=True)
        ranks /= np.maximum(np.linalg.norm(ranks, axis=1, keepdims=True), np.float32(1e-6))
        return cls(
            cells=cells.reshape(len(traces), CELLS[0] * CELLS[1] * 3),
            ranks=ranks,
            tones=np.sort(luma, axis=1),
            level=luma.mean(axis=1, dtype=np.float64),
            reach=np.ptp(luma, axis=1).astype(np.float64),
            spread=np.array([trace.spread for trace in traces]),
            jump_px=np.array([trace.jump_px for trace in traces]),
            jump_trust=np.array([trace.jump_trust for trace in traces]),
            edge_codes=np.array([trace.edge_codes for trace in traces]).reshape(-1, 2),
            ring_codes=np.array([trace.ring_codes for trace in traces]),
            stripes=np.array([trace.stripes for trace in traces]),
        )

    @property
    def frames(self) -> int:
        """How many frames."""
        return len(self.level)

    def likeness(self, one: int, other: int) -> float:
        """How like two frames are whatever their brightness, −1 to 1; about 0 for pictures of different things."""
        return float(self.ranks[one] @ self.ranks[other])

    def apart_in_tone(self, one: int, other: int) -> float:
        """How far the tones of two frames differ wherever they are, codes (mean): motion changes little of it."""
        return float(np.abs(self.tones[one] - self.tones[other]).mean())

    @property
    def steps(self) -> Figures:
        """`(N,)`: likeness of each frame and the one before; 1 for the first."""
        along = np.einsum("ij,ij->i", self.ranks[1:], self.ranks[:-1], dtype=np.float64)
        return np.concatenate([np.ones(min(self.frames, 1)), along])


@dataclass(frozen=True)
class _Held:
    """What the next frame is compared with."""

    luma: Plane
    edges: tuple[Plane, Plane]


class Tracer:
    """Traces frame after frame; it holds one frame."""

    def __init__(self, picture: PictureFormat) -> None:
        width = min(WIDTH_PX, picture.width)
        self._size = (width, max(round(width * picture.height / picture.width), 1))
        self._scale = 255.0 / picture.max_code
        self._window = cv2.createHanningWindow(self._size, cv2.CV_32F) if min(self._size) > 8 else None
        self._before: _Held | None = None

    def trace(self, frame: Frame, small: SmallFrame) -> Trace:
        """Trace the next frame.

        Args:
            frame: its planes.
            small: the same as the shot network sees it.
        """
        resized = cv2.resize(frame[0], self._size, interpolation=cv2.INTER_AREA)
        luma = np.asarray(resized, np.float32).reshape(self._size[::-1]) * np.float32(self._scale)
        here = _Held(luma, _edges(luma))
        before, self._before = self._before, here
        grey = small.astype(np.float32) @ np.array(REC709, np.float32)
        jump, trust = (0.0, 0.0) if before is None else self._jump(before.luma, luma)
        return Trace(
            cells=np.asarray(cv2.resize(small, CELLS, interpolation=cv2.INTER_AREA), np.uint8),
            spread=float(grey.std()),
            jump_px=jump * SD_WIDTH / self._size[0],
            jump_trust=trust,
            edge_codes=(0.0, 0.0) if before is None else _edge_change(before, here),
            ring_codes=_ring(luma),
            stripes=_stripes(grey),
        )

    def _jump(self, before: Plane, luma: Plane) -> tuple[float, float]:
        """Rows the picture moved down by, and how far it moved as one (phase correlation: Kuglin and Hines, 1975)."""
        if self._window is None:
            return 0.0, 0.0
        # Copies: OpenCV 5.0 lays the window over its arguments in place.
        (_, down), response = cv2.phaseCorrelate(before.copy(), luma.copy(), self._window)
        sound = np.isfinite(down) and np.isfinite(response)
        return (float(down), float(np.clip(response, 0, 1))) if sound else (0.0, 0.0)


def _edges(luma: Plane) -> tuple[Plane, Plane]:
    """The strips at the top and at the bottom, in as many columns as agreement is asked of."""
    height = luma.shape[0]
    rows = max(round(EDGE_SHARE * height), 1)
    wide = np.asarray(cv2.resize(luma, (EDGE_COLUMNS, height), interpolation=cv2.INTER_AREA), np.float32)
    return wide[:rows], wide[-rows:]


def _edge_change(before: _Held, here: _Held) -> tuple[float, float]:
    overall = float(np.median(here.luma - before.luma))
    top, bottom = (_agreed(one - other - overall) for one, other in zip(here.edges, before.edges, strict=True))
    return top, bottom


def _agreed(change: Plane) -> float:
    """Of the rows of a strip the one that changed most over its whole width: as far as nearly all of it agrees."""
    low, high = np.quantile(change, (AGREEING, 1 - AGREEING), axis=1)
    up, down = float(low.max()), float(high.min())
    return max(up, 0.0) if up > -down else min(down, 0.0)


def _ring(luma: Plane) -> float:
    """The strongest edge that goes round the middle; the middle may be off by a few pixels."""
    height, width = luma.shape
    if min(height, width) < 48:
        return 0.0
    half = height / 2
    best = 0.0
    smooth = cv2.blur(luma, (3, 3))
    for y in (-2, 0, 2):
        for x in (-2, 0, 2):
            centre = ((width - 1) / 2 + x, (height - 1) / 2 + y)
            polar = cv2.warpPolar(smooth, (int(half), ANGLES), centre, half, cv2.INTER_LINEAR + cv2.WARP_FILL_OUTLIERS)
            outward = polar[:, 2:] - polar[:, :-2]
            ring = outward[:, int(RING_RADII[0] * half) : int(RING_RADII[1] * half) - 2]
            if ring.size:
                low, high = np.quantile(ring, (AGREEING, 1 - AGREEING), axis=0)
                best = max(best, float(low.max()), float(-high.min()))
    return best


def _stripes(grey: Plane) -> float:
    """Share of what varies in the upper part of a small picture that does so from column to column only."""
    upper = grey[: max(round(STRIPES_SHARE * grey.shape[0]), 1)]
    whole = float(upper.var())
    return float(upper.mean(axis=0).var()) / whole if whole > 1.0 else 0.0
