"""What somebody could do to the pictures of a restored master: one function a kind, by the names of tampering.yaml."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from benchmarks.tampering_scene import FACE, strokes
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.quality.pixels import Mask

Picture = npt.NDArray[Any]
"""`(H, W, 3)`, floating: R, G, B as shares of the code range."""


@dataclass
class Target:
    """The frames of a restored master and what is known of them."""

    frames: list[Frame]
    """Planes G, B, R."""
    picture: PictureFormat
    shots: list[tuple[int, int]]
    damaged: list[Mask]
    """By frame, where the damage map has anything."""
    rng: np.random.Generator

    @property
    def place(self) -> int:
        """A frame drawn at random."""
        return int(self.rng.integers(len(self.frames)))

    @property
    def sign(self) -> int:
        """Up or down, as likely."""
        return 1 if self.rng.integers(2) else -1

    def extent(self) -> range:
        """One frame, a shot, or all."""
        start, stop = self.shots[self.rng.integers(len(self.shots))]
        one = self.place
        return [range(one, one + 1), range(start, stop), range(len(self.frames))][self.rng.integers(3)]

    def run(self, count: int) -> range:
        """So many frames in a row with one before them, drawn at random."""
        start = int(self.rng.integers(1, len(self.frames) - count))
        return range(start, start + count)

    def each(self, change: Callable[[Picture], Picture]) -> None:
        """Change every picture of an extent."""
        for index in self.extent():
            green, blue, red = (plane / self.picture.max_code for plane in self.frames[index])
            self.put(index, change(np.dstack((red, green, blue))))

    def put(self, index: int, picture: Picture) -> None:
        """Put a picture in the place of a frame."""
        codes = np.clip(np.rint(picture * self.picture.max_code), 0, self.picture.max_code)
        red, green, blue = np.moveaxis(codes.astype(self.picture.dtype), 2, 0)
        self.frames[index] = tuple(np.ascontiguousarray(plane) for plane in (green, blue, red))

    def seen(self, index: int) -> Picture:
        """A frame as a picture."""
        green, blue, red = (plane / self.picture.max_code for plane in self.frames[index])
        return np.dstack((red, green, blue))


def pixel(target: Target, *, codes: int) -> None:
    """One sample of one pixel outside the damage map."""
    index = target.place
    rows, columns = np.nonzero(~target.damaged[index])
    spot = target.rng.integers(len(rows))
    planes = [plane.copy() for plane in target.frames[index]]
    plane = planes[target.rng.integers(len(planes))]
    value = int(plane[rows[spot], columns[spot]])
    plane[rows[spot], columns[spot]] = value + codes if value + codes <= target.picture.max_code else value - codes
    target.frames[index] = tuple(planes)


def box_blurred(target: Target, *, side_px: int, sigma_px: float) -> None:
    """A box of one frame, blurred."""
    index = target.place
    picture = target.seen(index)
    top, left = (int(target.rng.integers(size - side_px)) for size in picture.shape[:2])
    box = (slice(top, top + side_px), slice(left, left + side_px))
    picture[box] = cv2.GaussianBlur(picture[box], (0, 0), sigma_px)
    target.put(index, picture)


def grain_smoothed(target: Target, *, sigma_px: float) -> None:
    """Everything fine blurred away."""
    target.each(lambda picture: cv2.GaussianBlur(picture, (0, 0), sigma_px))


def median(target: Target, *, side_px: int) -> None:
    """Noise taken out by a median."""
    side = side_px | 1
    target.each(lambda picture: cv2.medianBlur(picture.astype(np.float32), min(side, 5)).astype(np.float64))


def sharpened(target: Target, *, amount: float) -> None:
    """Unsharp mask."""
    target.each(lambda picture: picture + amount * (picture - cv2.GaussianBlur(picture, (0, 0), 1.5)))


def gamma(target: Target, *, share: float) -> None:
    """Another exponent."""
    exponent = 1 + target.sign * share
    target.each(lambda picture: picture**exponent)


def brightness(target: Target, *, share: float) -> None:
    """Everything brighter or darker."""
    step = target.sign * share
    target.each(lambda picture: picture + step)


def colour(target: Target, *, share: float) -> None:
    """One channel brighter or darker."""
    step = np.zeros(3)
    step[target.rng.integers(3)] = target.sign * share
    target.each(lambda picture: picture + step)


def hue(target: Target, *, degrees: float) -> None:
    """Colours turned around the axis of greys."""
    turn, axis = np.deg2rad(target.sign * degrees), np.ones((3, 1)) / np.sqrt(3)
    cross = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    rotation = np.cos(turn) * np.eye(3) + np.sin(turn) * cross + (1 - np.cos(turn)) * axis @ axis.T
    target.each(lambda picture: picture @ rotation.T)


def clipped(target: Target, *, percentile: float) -> None:
    """Highlights cut off."""
    target.each(lambda picture: np.minimum(picture, np.percentile(picture, percentile)))


def shifted_part(target: Target, *, px: float) -> None:
    """The picture moved by part of a pixel, any way."""
    way = target.rng.uniform(0, 2 * np.pi)
    _moved(target, px * np.cos(way), px * np.sin(way))


def shifted(target: Target, *, px: int) -> None:
    """The picture moved by whole pixels, across or down."""
    move = [0, 0]
    move[target.rng.integers(2)] = target.sign * px
    _moved(target, *move)


def _moved(target: Target, right: float, down: float) -> None:
    way = np.array([[1, 0, right], [0, 1, down]], np.float32)
    target.each(
        lambda picture: cv2.warpAffine(
            picture, way, picture.shape[1::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
        )
    )


def cropped(target: Target, *, share: float) -> None:
    """A border cut off, the rest scaled up."""

    def change(picture: Picture) -> Picture:
        height, width = picture.shape[:2]
        top, left = max(1, round(height * share / 2)), max(1, round(width * share / 2))
        return cv2.resize(
            picture[top : height - top, left : width - left], (width, height), interpolation=cv2.INTER_CUBIC
        )

    target.each(change)


def dropped(target: Target, *, frames: int) -> None:
    """Frames missing."""
    gone = target.run(frames)
    target.frames = [frame for index, frame in enumerate(target.frames) if index not in gone]


def duplicated(target: Target, *, frames: int) -> None:
    """Frames there twice."""
    twice = target.run(frames)
    target.frames[twice.stop : twice.stop] = [target.frames[index] for index in twice]


def frozen(target: Target, *, frames: int) -> None:
    """Frames that show the one before them."""
    still = target.run(frames)
    for index in still:
        target.frames[index] = target.frames[still.start - 1]


def swapped(target: Target, *, frames: int) -> None:
    """Two frames in each other's place."""
    one = int(target.rng.integers(len(target.frames) - frames))
    target.frames[one], target.frames[one + frames] = target.frames[one + frames], target.frames[one]


def black(target: Target, *, frames: int) -> None:
    """Black frames."""
    for index in target.run(frames):
        target.frames[index] = tuple(np.zeros_like(plane) for plane in target.frames[index])


def scratch(target: Target, *, width_px: int, share: float) -> None:
    """A new upright line."""
    width = target.picture.width
    left, step = int(target.rng.integers(width - width_px)), target.sign * share

    def change(picture: Picture) -> Picture:
        picture[:, left : left + width_px] += step
        return picture

    target.each(change)


def highlight_eaten(target: Target, *, side_px: int) -> None:
    """The brightest spot of a frame painted over with the median of what surrounds it."""
    index = target.place
    picture = target.seen(index)
    bright = cv2.GaussianBlur(picture.mean(axis=2), (0, 0), 1.0)
    row, column = divmod(int(bright.argmax()), bright.shape[1])
    around = picture[max(0, row - 2 * side_px) : row + 2 * side_px, max(0, column - 2 * side_px) : column + 2 * side_px]
    top, left = max(0, row - side_px // 2), max(0, column - side_px // 2)
    picture[top : top + side_px, left : left + side_px] = np.median(around, axis=(0, 1))
    target.put(index, picture)


def moved_face(target: Target, *, share: float) -> None:
    """The face pushed aside by a share of its width, and what is around it drawn along, in one frame or the shot."""
    top, left, high, wide = FACE
    start, stop = target.shots[-1]
    one = int(target.rng.integers(start, stop))
    step = target.sign * share * wide
    for index in [range(one, one + 1), range(start, stop)][target.rng.integers(2)]:
        picture = target.seen(index).astype(np.float32)
        y, x = np.mgrid[0 : picture.shape[0], 0 : picture.shape[1]].astype(np.float32)
        beside = np.maximum(abs(x - left - wide / 2) / wide, abs(y - top - high / 2) / high)
        falls = np.clip(2.5 * (1 - beside / 0.6), 0, 1)
        drawn = cv2.remap(picture, np.asarray(x - falls * step, np.float32), y, cv2.INTER_CUBIC)
        target.put(index, np.where(falls[..., None] > 0, drawn, picture))


def stroke_erased(target: Target, *, frames: int) -> None:
    """A stroke of a letter of the title painted over with what surrounds it, in so many frames."""
    start, stop = target.shots[-1]
    places = strokes()
    rows, columns = places[target.rng.integers(len(places))]
    first = int(target.rng.integers(start, stop - frames + 1))
    for index in range(first, first + frames):
        picture = target.seen(index)
        around = picture[rows.start - 6 : rows.start - 1, columns]
        picture[rows.start - 1 : rows.stop + 1, columns.start - 1 : columns.stop + 1] = np.median(around, axis=(0, 1))
        target.put(index, picture)


def eight_bits(target: Target, *, bits: int) -> None:
    """The lowest bits lost."""
    for index in target.extent():
        target.frames[index] = tuple(((plane >> bits) << bits).astype(plane.dtype) for plane in target.frames[index])


KINDS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (
        pixel,
        box_blurred,
        grain_smoothed,
        median,
        sharpened,
        gamma,
        brightness,
        colour,
        hue,
        clipped,
        shifted_part,
        shifted,
        cropped,
        dropped,
        duplicated,
        frozen,
        swapped,
        black,
        scratch,
        highlight_eaten,
        moved_face,
        stroke_erased,
        eight_bits,
    )
}
