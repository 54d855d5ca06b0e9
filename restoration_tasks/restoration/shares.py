"""Code values as shares of red, green and blue, which networks work on, and back: exact to the code value."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import PictureFormat, Work

Rows = NDArray[np.float32]
"""`(H, W, C)` shares of the code range, C is 3 (red, green, blue) or 1 (grey); beyond 0–1 where YUV does."""

_KR_KB = {
    "bt709": (0.2126, 0.0722),
    "smpte170m": (0.299, 0.114),
    "bt470bg": (0.299, 0.114),
    "fcc": (0.30, 0.11),
    "smpte240m": (0.212, 0.087),
    "bt2020nc": (0.2627, 0.0593),
    "bt2020c": (0.2627, 0.0593),
}
"""Weights of red and blue in luma: ITU-T H.273, table 4."""
_HD_HEIGHT = 720
"""From this height on, a file that does not name its matrix is taken for BT.709, under it for BT.601."""


@dataclass(frozen=True)
class _Yuv:
    """`rgb = matrix · yuv + offset`, with code values in and shares out."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]


def shares(work: Work, picture: PictureFormat) -> Rows:
    """A frame's code values `(C, H, W)` as shares."""
    rows = np.asarray(cv2.merge([np.asarray(plane, np.float32) for plane in work]), np.float32)
    rows = rows.reshape(*work.shape[1:], work.shape[0])
    if picture.is_grey or picture.is_rgb:
        return rows * np.float32(1.0 / picture.max_code)
    yuv = _yuv(picture)
    return np.asarray(cv2.transform(rows, np.column_stack((yuv.matrix, yuv.offset))), np.float32)


def codes(values: NDArray[np.float32], picture: PictureFormat) -> NDArray[np.unsignedinteger]:
    """Shares `(C, N)` of some pixels as code values, rounded and kept in the scan's code range."""
    if picture.is_grey or picture.is_rgb:
        scaled = values * np.float32(picture.max_code)
    else:
        yuv = _yuv(picture)
        scaled = np.linalg.inv(yuv.matrix) @ (values - yuv.offset[:, None])
    return np.asarray(np.clip(np.rint(scaled), 0, picture.max_code), picture.dtype)


def matrix_of(picture: PictureFormat) -> str:
    """The matrix a YUV picture is read by: the one its file names, else that of its size."""
    if picture.matrix in _KR_KB:
        return picture.matrix
    return "bt709" if picture.height >= _HD_HEIGHT else "smpte170m"


def _yuv(picture: PictureFormat) -> _Yuv:
    kr, kb = _KR_KB[matrix_of(picture)]
    step = 1 << (picture.bit_depth - 8)
    black, luma, chroma = (
        (0, picture.max_code, picture.max_code)
        if picture.full_range
        else (
            16 * step,
            219 * step,
            224 * step,
        )
    )
    kg = 1.0 - kr - kb
    rgb = np.array(
        [
            [1.0, 0.0, 2 * (1 - kr)],
            [1.0, -2 * kb * (1 - kb) / kg, -2 * kr * (1 - kr) / kg],
            [1.0, 2 * (1 - kb), 0.0],
        ]
    )
    matrix = rgb / np.array([luma, chroma, chroma])
    return _Yuv(matrix, -matrix @ np.array([black, 128 * step, 128 * step]))
