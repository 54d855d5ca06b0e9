"""Steady the picture: move each frame back to where the gate should have held it, by what was measured over the shot.

A frame is resampled once, by a windowed sinc along its rows and one along its columns. A turn as small as a gate's is a
shear along the rows and one along the columns (E. Catmull, A. R. Smith, "3-D transformations of images in scanline
order", SIGGRAPH 1980): every row, and then every column, moves by an amount of its own. What the two leave out of a
turn, its square, is 0.01 px at 0.3° and 720 px width.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, NamedTuple, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from restoration_tasks.media.picture import ColourModel, Frame, PictureFormat, Plane, Work
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.treatment import Fidelity, FrameByFrame, Shown, TreatmentParams

FURTHEST_PX, MOST_TURN_DEG = 256.0, 1.0
"""What a frame may be moved and turned at most; no gate is so loose."""
TAPS, BETA = 16, 6.0
"""Samples that a sample is made of along a row or a column, and the shape of the Kaiser window. Measured on simulated
grain: its power stays within 0.1 % up to 0.375 cycles a sample, where cubic sampling loses and adds up to 10 % and
Lanczos-4 1 %; over the rest, up to 0.5, 3 to 12 % are lost, 11 to 23 % by Lanczos-4 and 33 to 43 % by cubic sampling.
"""
BORDER = TAPS // 2
BLOCK = 1 << 18
"""Samples worked at a time."""
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

Px = Annotated[float, Field(ge=-FURTHEST_PX, le=FURTHEST_PX, allow_inf_nan=False)]
Degrees = Annotated[float, Field(ge=-MOST_TURN_DEG, le=MOST_TURN_DEG, allow_inf_nan=False)]
Margin = Annotated[int, Field(ge=0, le=2 * int(FURTHEST_PX))]


class Edges(StrEnum):
    """What is shown where a moved frame has nothing; its size is always the scan's, and nothing is ever enlarged."""

    FILL = "fill"
    """The outermost samples of the frame, repeated."""
    PAD = "pad"
    """Black, as far as that frame was moved."""
    CROP = "crop"
    """Black on every frame of the shot, as far as any of them was moved: an edge that stands still."""


class StabiliseParams(TreatmentParams):
    """How far each frame of a shot is moved."""

    x: tuple[Px, ...] = Field(
        default=(),
        description="How far each frame moves to the right, pixels of the scan; empty leaves the shot alone.",
    )
    y: tuple[Px, ...] = Field(default=(), description="How far each frame moves down, pixels of the scan.")
    turn: tuple[Degrees, ...] = Field(
        default=(), description="How far each frame turns about its middle, degrees against the clock."
    )
    amount: float = Field(
        default=1.0, gt=0.0, le=1.0, description="How much of the weave is taken away; 1 is all of it."
    )
    edges: Edges = Field(
        default=Edges.FILL,
        description="What is shown where a moved frame has nothing: fill repeats its edge, pad is black, crop is black "
        "on every frame alike, as far as margin says. The frame keeps its size.",
    )
    margin: tuple[Margin, Margin] = Field(
        default=(0, 0), description="With crop: columns left and right, and rows above and below, that are black."
    )

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if not len(self.x) == len(self.y) == len(self.turn):
            lengths = f"{len(self.x)}, {len(self.y)} and {len(self.turn)}"
            raise ValueError(f"x, y and turn have {lengths} entries; one each a frame")
        return self

    def sliced(self, first: int, stop: int) -> Self:
        """The part that moves frames `first ≤ i < stop` of the shot."""
        part = {name: getattr(self, name)[first:stop] for name in ("x", "y", "turn")}
        return self.model_copy(update=part)

    def require_frames(self, frames: int) -> None:
        """Refuse numbers for another count of frames than the shot's.

        Raises:
            ValueError: the lengths differ.
        """
        if len(self.x) not in (0, frames):
            raise ValueError(f"{len(self.x)} frames are to be moved, in a shot of {frames}")


class Move(NamedTuple):
    """How far one frame moves: its own picture's right and down in pixels, and against the clock in degrees."""

    x: float
    y: float
    turn: float

    def of_plane(self, shape: tuple[int, int], whole: tuple[int, int]) -> Move:
        """The same move of a plane that has fewer samples."""
        return Move(self.x * shape[1] / whole[1], self.y * shape[0] / whole[0], self.turn)


class Stabilise(FrameByFrame[StabiliseParams]):
    """Moves every frame by its own numbers; frames whose numbers are all 0 stay as they are, bit by bit."""

    name: ClassVar[str] = "stabilise"
    title: ClassVar[str] = "Steady the picture"
    fidelity: ClassVar[Fidelity] = Fidelity.GLOBAL
    order: ClassVar[int] = 160
    params_model: ClassVar[type[TreatmentParams]] = StabiliseParams

    def touches(self, index: int) -> bool:
        """Whether the frame at a position in the reel is moved, or gets the black edge of its shot."""
        cropped = self.params.edges is Edges.CROP and any(self.params.margin) and bool(self.params.x)
        return cropped or any(self.move(index))

    def move(self, index: int) -> Move:
        """How far the frame at a position in the reel moves."""
        if not self.params.x:
            return Move(0.0, 0.0, 0.0)
        place, amount = index - self.origin, self.params.amount
        return Move(amount * self.params.x[place], amount * self.params.y[place], amount * self.params.turn[place])

    def treated(self, shown: Shown) -> Work:
        """The frame moved, rounded once."""
        if not self.touches(shown.index):
            return shown.work.copy()
        picture, move = shown.picture, self.move(shown.index)
        whole = (picture.height, picture.width)
        made = tuple(
            _rounded(moved(plane, move.of_plane(_shape(plane), whole)), picture)
            for plane in planes_of(shown.work, picture)
        )
        return work_of(self._edged(made, move, picture), picture)

    def reach(self, mask: Mask, index: int, picture: PictureFormat) -> Mask:
        """`(H, W)`: where pixels of a mask have a say once the frame of an index is moved.

        Args:
            mask: `(H, W)`, in the frame before it is moved.
            index: 0-based position in the reel.
            picture: the frame's format; chroma of fewer samples reaches farther.
        """
        move = self.move(index)
        if not any(move):
            return mask
        height, width = mask.shape
        side = 2 * (BORDER + 2) * max(_steps(picture)) + 1
        grown = cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8))
        return np.asarray(
            cv2.warpAffine(
                grown,
                _matrix(mask.shape, move),
                (width, height),
                flags=cv2.INTER_NEAREST,
                borderMode=cv2.BORDER_REPLICATE,
            )
            > 0
        )

    def _edged(self, planes: Frame, move: Move, picture: PictureFormat) -> Frame:
        """The planes with black where the frame has nothing, as the edges ask."""
        if self.params.edges is Edges.FILL:
            return planes
        whole = (picture.height, picture.width)
        made = []
        for channel, plane in enumerate(planes):
            shape = _shape(plane)
            if self.params.edges is Edges.PAD:
                bare = _uncovered(shape, move.of_plane(shape, whole))
            else:
                bare = _edge(shape, self.params.margin, whole)
            made.append(np.where(bare, np.asarray(_black(picture, channel), plane.dtype), plane))
        return tuple(made)


def planes_of(work: Work, picture: PictureFormat) -> Frame:
    """The channels of a work array as planes of their own size: where chroma has fewer samples, its blocks' means."""
    down, across = _steps(picture)
    if down == across == 1:
        return tuple(work)
    return picture.from_work(work, (work[0], *(np.ascontiguousarray(plane[::down, ::across]) for plane in work[1:])))


def work_of(planes: Frame, picture: PictureFormat) -> Work:
    """The reverse of `planes_of`."""
    return np.stack(planes) if max(_steps(picture)) == 1 else picture.to_work(planes)


def moved(plane: Plane, move: Move) -> Floats:
    """A plane moved, `(h, w)` float32; beyond its edges its outermost samples are repeated.

    Args:
        plane: `(h, w)` code values.
        move: in samples of the plane.
    """
    height, width = _shape(plane)
    turn = np.radians(move.turn)
    along_rows = -move.x - np.tan(turn) * (np.arange(height) - (height - 1) / 2)
    along_columns = -move.y + np.sin(turn) * (np.arange(width) - (width - 1) / 2 - move.x)
    rows = _shifted(np.asarray(plane, np.float32), along_rows)
    return np.ascontiguousarray(_shifted(rows.T, along_columns).T)


def _shifted(rows: Floats, places: Doubles) -> Floats:
    """Rows `(n, m)`, each read from so many samples farther on; `(n,)` may differ from row to row."""
    if not places.any():
        return rows
    whole = np.floor(places).astype(np.intp)
    weights = _weights(places - whole)
    made = np.empty_like(rows)
    # Blocks of rows that go by as many whole samples, and that are small enough to stay near the processor.
    block = max(BLOCK // rows.shape[1], 1)
    begins = np.union1d(np.flatnonzero(np.diff(whole)) + 1, np.arange(0, len(rows), block))
    for start, stop in zip(begins, (*begins[1:], len(rows)), strict=True):
        first = int(whole[start]) - BORDER + 1
        before, after = max(-first, 0), max(first + TAPS - 1, 0)
        wide = np.pad(rows[start:stop], ((0, 0), (before, after)), mode="edge")
        begin, length = first + before, rows.shape[1]
        part = weights[start:stop, 0, None] * wide[:, begin : begin + length]
        for tap in range(1, TAPS):
            part += weights[start:stop, tap, None] * wide[:, begin + tap : begin + tap + length]
        made[start:stop] = part
    return made


def _weights(fractions: Doubles) -> Floats:
    """`(n, TAPS)`: what samples around weigh, for places this far (0 … 1) after the middle left one; each sums to 1."""
    apart = np.arange(TAPS) - (BORDER - 1) - fractions[:, None]
    window = np.i0(BETA * np.sqrt(np.clip(1 - np.square(apart / BORDER), 0, None))) / np.i0(BETA)
    weights = np.sinc(apart) * window
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _rounded(plane: Floats, picture: PictureFormat) -> Plane:
    codes: Plane = np.clip(np.rint(plane), 0, picture.max_code).astype(picture.dtype)
    return codes


def _shape(plane: Plane) -> tuple[int, int]:
    return plane.shape[0], plane.shape[1]


def _steps(picture: PictureFormat) -> tuple[int, int]:
    """Rows and columns of the picture that a sample of chroma stands for."""
    return 1 << picture.layout.chroma_shift_y, 1 << picture.layout.chroma_shift_x


def _black(picture: PictureFormat, channel: int) -> int:
    if picture.layout.model is not ColourModel.YUV:
        return 0
    if channel:
        return 1 << (picture.bit_depth - 1)
    return 0 if picture.full_range else 16 << (picture.bit_depth - 8)


def _matrix(shape: tuple[int, ...], move: Move) -> Doubles:
    """`(2, 3)`: where a sample of a plane `(h, w)` comes to lie."""
    matrix = cv2.getRotationMatrix2D(((shape[1] - 1) / 2, (shape[0] - 1) / 2), move.turn, 1.0)
    return np.asarray(matrix + np.array([[0.0, 0.0, move.x], [0.0, 0.0, move.y]]), np.float64)


def _uncovered(shape: tuple[int, int], move: Move) -> Mask:
    """`(h, w)`: where a moved plane shows what lies beyond its edges."""
    height, width = shape
    back = cv2.invertAffineTransform(_matrix(shape, move))
    rows, columns = np.mgrid[:height, :width]
    x = back[0, 0] * columns + back[0, 1] * rows + back[0, 2]
    y = back[1, 0] * columns + back[1, 1] * rows + back[1, 2]
    return np.asarray((x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5))


def _edge(shape: tuple[int, int], margin: tuple[int, int], whole: tuple[int, int]) -> Mask:
    """`(h, w)`: a plane's outermost columns and rows, `margin` of them where it has as many samples as the picture."""
    beside, above = -(-margin[0] * shape[1] // whole[1]), -(-margin[1] * shape[0] // whole[0])
    edge = np.ones(shape, np.bool_)
    edge[above : shape[0] - above, beside : shape[1] - beside] = False
    return edge
