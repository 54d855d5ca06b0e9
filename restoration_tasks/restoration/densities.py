"""Shares of the code range as optical densities and back, by the scan's transfer: what measures and mends dyes shares.

Codes of a scan in linear light or with a display's gamma are taken for transmission: D = −log10(share). A gamma scales
all densities alike, which neither the share of density a dye keeps nor the law that gives it back is changed by; base
densities are then in the same scaled unit. Codes of a log scan are densities already.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import PRINTING_DENSITY

Floats = NDArray[np.float32]

CLEAREST = 1.0 / 4096.0
"""Share below which density is not followed: 3.6, past what a print holds."""
_WHITE_CODE, _DENSITY_A_CODE, _CODES = 685.0, 0.002, 1023.0
"""Printing density at 10 bit: reference white, whose density is the zero, and the step of a code (SMPTE RP 180)."""
_LOG = {
    PRINTING_DENSITY: (_WHITE_CODE / _CODES, _DENSITY_A_CODE * _CODES),
    "log100": (1.0, 2.0),
    "log316": (1.0, 2.5),
}
"""By log transfer: the share at density 0, and the density of the whole code range (ITU-T H.273, table 3)."""


def is_log(transfer: str) -> bool:
    """Whether codes of this transfer are densities."""
    return transfer in _LOG


def density(shares: NDArray[np.floating], transfer: str) -> Floats:
    """Density of shares, of any shape.

    Args:
        shares: of the code range.
        transfer: as `PictureFormat` has it.

    Returns:
        0 to 3.6; of a log scan as far as its codes go, under 0 for what is lighter than reference white.
    """
    if is_log(transfer):
        clear, reach = _LOG[transfer]
        return np.asarray((clear - shares) * reach, np.float32)
    seen = np.ascontiguousarray(np.maximum(shares, CLEAREST), np.float32)
    return np.asarray(cv2.log(seen).reshape(seen.shape) * np.float32(-1 / np.log(10)), np.float32)


def share(densities: Floats, transfer: str) -> Floats:
    """Shares of the code range of densities: the inverse of `density`; over 1 and under 0 where codes end."""
    if is_log(transfer):
        clear, reach = _LOG[transfer]
        return np.asarray(clear - densities / reach, np.float32)
    powers = np.ascontiguousarray(densities * np.float32(-np.log(10)), np.float32)
    return np.asarray(cv2.exp(powers).reshape(powers.shape), np.float32)
