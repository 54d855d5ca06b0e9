"""CenterFace, a network that finds faces and their eyes, nose and mouth, run on the processor by OpenCV.

Y. Xu, W. Yan, G. Yang, J. Luo, T. Li, J. He: "CenterFace: Joint Face Detection and Alignment Using Face as Point", 2019
(arXiv 1911.03599). For every cell of four pixels the network says how likely it is the middle of a face, how far beside
the cell's own middle that is, how high and wide the face is, and where its five landmarks lie. The weights come from
the shelf.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.runtime.errors import ModelError

NAME = "centerface"
"""On the shelf."""
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"
"""Digest of the weights; it enters the signature of every step that looks for faces."""
CELL_PX = 4
"""Pixels of the picture a cell of the network's maps stands for (section 3.1 of the paper)."""
MULTIPLE_PX = 32
"""Both sides of what the network is shown are multiples of this: it halves five times."""
SCORE = 0.5
"""Score from which a cell is the middle of a face."""
OVERLAP = 0.3
"""Intersection over union from which two boxes are one face; the better one stays."""
LANDMARKS = 5
"""Eye, eye, tip of the nose, corner and corner of the mouth; left to right as the picture shows a frontal face."""
OUTPUTS = ("537", "538", "539", "540")
"""Names of the network's maps: score, size, offset, landmarks."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """A face in a picture. Coordinates in pixels of that picture, 0 at its left or upper edge."""

    left: float
    top: float
    right: float
    bottom: float
    """The box: hair line to chin, cheek to cheek. Inside the picture."""
    score: float
    """0–1."""
    landmarks: tuple[tuple[float, float], ...]
    """x and y of the `LANDMARKS`."""


class CenterFace:
    """The loaded network. One a thread: it keeps working memory.

    Args:
        weights: its file, from `Shelf.require(NAME)`.

    Raises:
        ModelError: the file is none OpenCV can read.
    """

    def __init__(self, weights: Path) -> None:
        try:
            # The engine is named: the classic one, asked for two sizes in turn, gives other scores for the second.
            self._network: Any = cv2.dnn.readNetFromONNX(str(weights), engine=cv2.dnn.ENGINE_NEW)
        except cv2.error as error:
            raise ModelError(
                "the weights of CenterFace cannot be read",
                file=weights,
                found=str(error).splitlines()[0],
                action=f"run `reelkeeper models verify {NAME}`",
            ) from error

    def faces(self, picture: NDArray[np.uint8], score: float = SCORE) -> list[Found]:
        """Find the faces in a picture, the surest first.

        Args:
            picture: `(H, W, 3)` R, G, B as a screen shows them; any size. Faces from about 8 pixels wide are found.
            score: from which a face counts.
        """
        height, width = picture.shape[:2]
        shape = tuple(-(-side // MULTIPLE_PX) * MULTIPLE_PX for side in (height, width))
        shown = np.zeros((*shape, 3), np.uint8)
        shown[:height, :width] = picture
        self._network.setInput(cv2.dnn.blobFromImage(shown))
        maps = [np.asarray(one[0], np.float32) for one in self._network.forward(list(OUTPUTS))]
        return decoded(maps[0], maps[1], maps[2], maps[3], (height, width), score)


def decoded(
    scores: Floats, sizes: Floats, offsets: Floats, landmarks: Floats, shape: tuple[int, int], least: float = SCORE
) -> list[Found]:
    """Faces from the network's maps (section 3.2 of the paper), the surest first, each once.

    Args:
        scores: `(1, h, w)`, 0–1; `h` and `w` are a quarter of what the network was shown.
        sizes: `(2, h, w)`: logarithm of height and width in cells.
        offsets: `(2, h, w)`: how far down and right of the cell's middle the face's is, in cells.
        landmarks: `(10, h, w)`: y and x of each landmark from the box's upper left corner, shares of its height and
            width.
        shape: height and width of the picture itself; boxes are cut to it.
        least: score from which a cell counts.
    """
    rows, columns = np.nonzero(scores[0] >= least)
    if not len(rows):
        return []
    sure = scores[0, rows, columns]
    high, wide = (CELL_PX * np.exp(np.minimum(sizes[side, rows, columns], 10.0)) for side in (0, 1))
    middle_y = CELL_PX * (rows + offsets[0, rows, columns] + 0.5)
    middle_x = CELL_PX * (columns + offsets[1, rows, columns] + 0.5)
    top, left = middle_y - high / 2, middle_x - wide / 2
    kept = cv2.dnn.NMSBoxes(
        np.stack([left, top, wide, high], axis=1).tolist(), sure.tolist(), float(least) - 1e-6, OVERLAP
    )
    found = []
    for at in np.asarray(kept, np.intp).ravel():
        points = landmarks[:, rows[at], columns[at]].reshape(LANDMARKS, 2)
        x, y = left[at] + points[:, 1] * wide[at], top[at] + points[:, 0] * high[at]
        box = (
            max(float(left[at]), 0.0),
            max(float(top[at]), 0.0),
            min(float(left[at] + wide[at]), float(shape[1])),
            min(float(top[at] + high[at]), float(shape[0])),
        )
        if box[2] - box[0] >= 1 and box[3] - box[1] >= 1:
            found.append(Found(*box, float(sure[at]), tuple(zip(x.tolist(), y.tolist(), strict=True))))
    return found
