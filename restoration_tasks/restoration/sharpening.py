"""Give back contrast that blur took from a face, by the measured blur, and no more than the noise left bears.

A Wiener filter (N. Wiener, "Extrapolation, Interpolation, and Smoothing of Stationary Time Series", 1949) for a
Gaussian blur whose width is known: each frequency is raised by what the blur took of it, up to what a good face shows,
less where there is little left to raise. No frequency is lowered.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.restoration.identity import HALVED

GOOD_CYCLES: Final = 16.0
"""Detail that is aimed for, cycles across the face: the most that is measured of one."""
FEWEST_CYCLES: Final = 6.0
"""Blurrier faces are taken for no blurrier: what blur took of them is lost in noise."""
NOISE_SHARE: Final = 0.2
"""Power of the noise over that of the face, at one cycle a pixel; a face's falls with the square of the frequency.
Chosen on the training faces of benchmarks/portraits.yaml."""
MOST: Final = 3.0
"""Times a frequency is raised at most."""
EDGE_PX: Final = 16

Luma = NDArray[np.float32]


def detail_lost(face: Luma, width_px: float, cycles: float) -> Luma:
    """What blur took from a face: `(h, w)`, to be added to it.

    Args:
        face: its luma, averaged until little noise is left; shares of the code range.
        width_px: width of the face.
        cycles: its detail, cycles across that width at which blur halves the contrast.
    """
    blur, aim = (HALVED / count * width_px for count in (max(cycles, FEWEST_CYCLES), GOOD_CYCLES))
    wide = cv2.copyMakeBorder(face, EDGE_PX, EDGE_PX, EDGE_PX, EDGE_PX, cv2.BORDER_REFLECT)
    height, width = wide.shape
    squared = np.square(np.fft.fftfreq(height))[:, None] + np.square(np.fft.rfftfreq(width))[None]
    kept, wanted = (np.exp(-2 * np.pi**2 * deviation**2 * squared) for deviation in (blur, aim))
    gain = np.clip(wanted * kept / (np.square(kept) + NOISE_SHARE * squared), 1.0, MOST)
    raised = np.fft.irfft2(np.fft.rfft2(wide) * (gain - 1.0), s=wide.shape)
    return np.asarray(raised[EDGE_PX:-EDGE_PX, EDGE_PX:-EDGE_PX], np.float32)
