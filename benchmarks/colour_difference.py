"""How far apart two colours look: CIEDE2000 between pictures of R, G, B codes, seen as a display shows them.

G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 Color-Difference Formula: Implementation Notes, Supplementary Test Data,
and Mathematical Observations", Color Research and Application 30 (2005). Codes are taken for sRGB (IEC 61966-2-1), the
white is D65.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TO_XYZ = np.array(
    [
        [0.4123907993, 0.3575843394, 0.1804807884],
        [0.2126390059, 0.7151686788, 0.0721923154],
        [0.0193308187, 0.1191947798, 0.9505321522],
    ]
)
"""Linear light of BT.709 primaries to XYZ (IEC 61966-2-1)."""
WHITE = TO_XYZ.sum(axis=1)
"""XYZ of D65, the white of these primaries."""
_EPSILON, _KAPPA = 216.0 / 24389.0, 24389.0 / 27.0


def lab(shares: Floats) -> Floats:
    """CIELAB of R, G, B shares of the code range.

    Args:
        shares: `(N, 3)`, 0–1.

    Returns:
        `(N, 3)`: L* 0–100, a*, b*.
    """
    light = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    xyz = light @ TO_XYZ.T / WHITE
    f = np.where(xyz > _EPSILON, np.cbrt(xyz), (_KAPPA * xyz + 16.0) / 116.0)
    return np.stack((116.0 * f[:, 1] - 16.0, 500.0 * (f[:, 0] - f[:, 1]), 200.0 * (f[:, 1] - f[:, 2])), axis=1)


def delta_e00(one: Floats, other: Floats) -> Floats:
    """CIEDE2000 of pairs of CIELAB colours.

    Args:
        one: `(N, 3)`.
        other: `(N, 3)`.

    Returns:
        `(N,)`: 0 is the same, 1 about what an eye just sees.
    """
    mean_chroma = (np.hypot(one[:, 1], one[:, 2]) + np.hypot(other[:, 1], other[:, 2])) / 2
    stretch = 1.5 - 0.5 * np.sqrt(_seventh(mean_chroma))
    chroma_1, hue_1 = _polar(one[:, 1] * stretch, one[:, 2])
    chroma_2, hue_2 = _polar(other[:, 1] * stretch, other[:, 2])
    colourless = chroma_1 * chroma_2 == 0
    turn = np.where(colourless, 0.0, (hue_2 - hue_1 + 180.0) % 360.0 - 180.0)
    # Half a turn apart, the paper's sums and those of the remainder differ in sign only where it does not count.
    lightness, chroma = (one[:, 0] + other[:, 0]) / 2, (chroma_1 + chroma_2) / 2
    hue = np.where(colourless, hue_1 + hue_2, _mean_hue(hue_1, hue_2))
    t = 1.0 - 0.17 * _cos(hue - 30.0) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6.0) - 0.20 * _cos(4 * hue - 63.0)
    scale_l = 1.0 + 0.015 * (lightness - 50.0) ** 2 / np.sqrt(20.0 + (lightness - 50.0) ** 2)
    scale_c, scale_h = 1.0 + 0.045 * chroma, 1.0 + 0.015 * chroma * t
    blue = 30.0 * np.exp(-(((hue - 275.0) / 25.0) ** 2))
    rotation = -2.0 * np.sqrt(_seventh(chroma)) * np.sin(np.radians(2 * blue))
    by_l = (other[:, 0] - one[:, 0]) / scale_l
    by_c = (chroma_2 - chroma_1) / scale_c
    by_h = 2.0 * np.sqrt(chroma_1 * chroma_2) * np.sin(np.radians(turn / 2)) / scale_h
    return np.sqrt(np.maximum(by_l**2 + by_c**2 + by_h**2 + rotation * by_c * by_h, 0.0))


def _seventh(chroma: Floats) -> Floats:
    square = chroma * chroma
    power = square * square * square * chroma
    return power / (power + 25.0**7)


def _polar(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360.0


def _mean_hue(one: Floats, other: Floats) -> Floats:
    total = one + other
    near = np.abs(one - other) <= 180.0
    return np.where(near, total / 2, np.where(total < 360.0, (total + 360.0) / 2, (total - 360.0) / 2))


def _cos(degrees: Floats) -> Floats:
    return np.cos(np.radians(degrees))
