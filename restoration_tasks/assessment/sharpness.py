"""Sharpness: how wide the sharpest edges of a shot are, whether motion or focus softened them, and what copies cost.

Nothing in a picture tells how sharp its subject was, but every picture has some edges the lens had in focus. Where even
those are wide, the camera, the printer or the scanner was out of focus, or the film is a copy of copies. They are
measured in pixels of the scan (`assessment.edges`), against what a sharp picture of that width holds:

    allowed = max(2.5 px, 0.15 % of the picture's width)

The pixels' own limit holds for small pictures (a step between two pixels, a low-pass before sampling, a codec's loop
filter: 1 to 1.8 px in the sharp clips of the recipe's training split), the film's own limit for scans: 0.15 % of a
35 mm frame (21.95 mm, SMPTE ST 59) are 33 µm, the edge that a modulation of 50 % at 15 cycles/mm makes, which a print
still holds. A clip from a codec is sharper per pixel than a 2K scan, and neither is soft for it.

Motion widens edges across its own direction only and leaves those along it sharp; a lens out of focus widens all. So
the direction with the sharpest edges is judged, and the difference to the softest is reported as motion. A copy of
copies is soft all the time and hard in tone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.edges import NONE, STEPS, Bytes, EdgeWidths, edge_widths
from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glance, Glances

ALLOWED_PX = 2.5
ALLOWED_SHARE = 0.0015
"""Width of edges that are sharp, in pixels of the scan and as a share of its width; the larger counts."""
SHARP, SOFTEST = 0.3, 6.0
"""Widths, in allowed widths, of severity 0 and 100."""
NOTICED = 5.0
"""Severity at the allowed width."""
COARSER = (2, 4)
"""Where no edge ends within the reach of a profile, the picture is looked at again at these parts of its size."""
MOTION_RATIO = 1.5
MOTION_PX = 1.5
"""The softest direction is that much wider than the sharpest, both ways of counting, where motion is said to blur."""
BREATHES = 0.25
"""Share of the width by which it swings in a shot (10th to 90th percentile) where focus is said to breathe."""
HARD_SHARE = 0.25
"""Share of the pixels at the two ends of the range from which tone is hard. Evenly spread brightness has 0.08."""
END_PART = 0.04
"""What is an end: that part of the range between the 0.2nd and the 99.8th percentile."""
ENOUGH = 100
"""Edges a frame from which confidence is full."""


@dataclass(frozen=True)
class SharpnessReading:
    """Of one frame. Widths are 10–90 % in pixels of the scan, of the sharper edges; 0 where there are too few edges."""

    upright_px: float
    """Across upright edges."""
    level_px: float
    """Across level edges."""
    falling_px: float
    rising_px: float
    """Across edges at 45°, on the way right and down, and left and down."""
    edges: int
    """Edges measured."""
    contrast: float
    """From the 0.2nd to the 99.8th percentile of luma, share of the code range."""
    ends_share: float
    """Share of the pixels at both ends of that range."""

    @property
    def widths(self) -> tuple[float, float, float, float]:
        """By direction."""
        return (self.upright_px, self.level_px, self.falling_px, self.rising_px)


class BlurGauge(Gauge[SharpnessReading]):
    """Reads how wide the edges of a frame are."""

    category: ClassVar[Category] = Category.BLUR
    reading: ClassVar[type[SharpnessReading]] = SharpnessReading

    def read(self, window: Glances) -> SharpnessReading:
        """Read one frame: at the scan's own size in its tiles, and the whole of it at the size it is kept in."""
        glance = window[0]
        whole = _at_any_size(glance.luma8)
        widths, count = [width * glance.scale for width in whole.px], whole.count
        if glance.scale > 1.0:
            fine = _tiles(glance)
            widths = [
                min((width for width in pair if width > 0), default=0.0) for pair in zip(widths, fine.px, strict=True)
            ]
            count += fine.count
        contrast, ends = _tone(glance.luma8)
        upright, level, falling, rising = widths
        return SharpnessReading(upright, level, falling, rising, count, contrast, ends)

    def judge(self, rows: Sequence[SharpnessReading], shot: ShotFacts) -> Verdict:
        """The direction with the sharpest edges, by the median of the sharper half of the frames."""
        widths = [_sharper([row.widths[number] for row in rows]) for number in range(len(STEPS))]
        known = [width for width in widths if width > 0]
        contrast = float(np.median([row.contrast for row in rows]))
        ends = float(np.median([row.ends_share for row in rows]))
        if not known:
            return Verdict(
                self.category, 0.0, 0.0, "No edge to judge sharpness by.", {"contrast": round(contrast, 4)}, None
            )
        sharpest, softest = min(known), max(known)
        severity = blur_severity(sharpest, shot.scan.width)
        own = np.array([min((one for one in row.widths if one > 0), default=0.0) for row in rows])
        swing = float(np.ptp(np.quantile(own[own > 0], (0.1, 0.9))))
        moves = softest > MOTION_RATIO * sharpest and softest - sharpest > MOTION_PX
        breathes = len(rows) > 1 and swing > BREATHES * sharpest and severity > NOTICED
        copied = severity > NOTICED and not breathes and ends > HARD_SHARE
        reasons = [
            text
            for text, holds in (
                ("edges across one direction are softer, as motion makes them", moves),
                ("focus breathes", breathes),
                ("soft throughout and hard in tone, as a copy of copies is", copied),
            )
            if holds
        ]
        words = f"Its sharpest edges are {sharpest:.1f} pixels wide"
        figures: dict[str, float | int | bool | str | None] = {
            "edge_px": round(sharpest, 3),
            "edge_width_share": round(sharpest / shot.scan.width, 6),
            "softest_direction_px": round(softest, 3),
            "motion_blur": bool(moves),
            "breathing_px": round(swing, 3),
            "generation_loss": bool(copied),
            "contrast": round(contrast, 4),
            "ends_share": round(ends, 4),
        }
        confidence = min(1.0, float(np.median([row.edges for row in rows])) / ENOUGH)
        worst = shot.start + int(np.argmax(own)) if severity > NOTICED else None
        text = "; ".join([words, *reasons]) + "."
        return Verdict(self.category, severity, confidence, text, figures, worst)


def blur_severity(edge_px: float, width: int) -> float:
    """0 … 100 of the width of the sharpest edges, by its logarithm.

    0 up to 0.3 of the allowed width, 5 at the allowed width, 42 at twice, 100 at six times.

    Args:
        edge_px: 10–90 %, pixels of the scan.
        width: of the scan, pixels.
    """
    share = edge_px / max(ALLOWED_PX, ALLOWED_SHARE * width)
    if share <= SHARP:
        return 0.0
    return float(np.interp(np.log(share), np.log((SHARP, 1.0, SOFTEST)), (0.0, NOTICED, 100.0)))


def _sharper(widths: Sequence[float]) -> float:
    """The first quartile of those that are known; 0 if fewer than a third are."""
    known = [width for width in widths if width > 0]
    return float(np.quantile(known, 0.25)) if 3 * len(known) >= len(widths) else 0.0


def _at_any_size(luma: Bytes) -> EdgeWidths:
    found = edge_widths(luma)
    for part in COARSER:
        size = (luma.shape[1] // part, luma.shape[0] // part)
        if found.sharpest_px > 0 or min(size) < 1:
            break
        less = edge_widths(np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_AREA), np.uint8))
        upright, level, falling, rising = (part * width for width in less.px)
        found = EdgeWidths((upright, level, falling, rising), less.count)
    return found


def _tiles(glance: Glance) -> EdgeWidths:
    tiles = glance.tile_lumas
    if tiles.shape[1] < 2:
        return NONE
    column = np.ascontiguousarray(tiles.reshape(-1, tiles.shape[2]))
    return edge_widths(np.asarray(cv2.convertScaleAbs(column, alpha=255.0), np.uint8), seam_px=tiles.shape[1])


def _tone(luma: NDArray[np.uint8]) -> tuple[float, float]:
    """Contrast, and the share of the pixels at both ends of the range."""
    counts = cv2.calcHist([luma], [0], None, [256], [0, 256]).ravel()
    total = np.cumsum(counts) / max(float(counts.sum()), 1.0)
    low, high = (int(np.searchsorted(total, share)) for share in (0.002, 0.998))
    high = max(min(high, 255), low)
    end = END_PART * (high - low)
    codes = np.arange(256)
    at_ends = float(counts[(codes <= low + end) | (codes >= high - end)].sum()) / max(float(counts.sum()), 1.0)
    return (high - low) / 255.0, at_ends
