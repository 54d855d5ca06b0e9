"""Shots without a scratch whose scene has upright lines: railings, blinds, bookcases, door frames, lamp posts.

Not those a network was shown in training: each thing is a strip of its own material, rendered once, wider than the
picture, at twice its size with light and shade, and then filmed over a clean clip: by a standing camera, by one in a
gate that weaves, or panned. What stands nearer than the clip's scene moves faster when panned.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.dirt_cases import FULL, Codes, Take, clean_frames
from restoration_tasks.training.damage import Grain

Strip = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Colour `(H, W, 3)` and cover `(H, W)`, 0–1, at `_FINE` times the picture's size."""
WIDTH_PX = 640
"""Width the clean clips are brought to."""
SHOT_FRAMES = 24
_FINE = 2
_MARGIN = 0.6
"""How much wider than the picture a strip is, on each side, in picture widths."""


class Camera(StrEnum):
    """How the shot is filmed."""

    STILL = "still"
    """Nothing moves but the clip's own scene: nothing in it tells an upright from a scratch but its look."""
    WEAVING = "weaving"
    """The film weaves in the gate: scene and uprights move together by fractions of a pixel to two."""
    PANNING = "panning"
    """The camera follows something: the uprights pass."""


@dataclass(frozen=True)
class UprightShot:
    """One shot without a scratch."""

    number: int
    thing: str
    camera: Camera
    take: Take

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.number:02d}/{self.thing}/{self.camera}/{self.take.name}"


def shots(takes: Sequence[Take]) -> Iterator[UprightShot]:
    """All of them: every thing before every camera twice, on clips that take turns, 30 shots."""
    number = 0
    for _ in range(2):
        for camera in Camera:
            for thing in THINGS:
                yield UprightShot(number, thing, camera, takes[number % len(takes)])
                number += 1


def filmed(shot: UprightShot) -> list[Codes]:
    """The frames of a shot, 10-bit codes; half of them with grain."""
    rng = np.random.default_rng((7001, shot.number))
    background = [_resized(frame) for frame in _first_scene(shot.take)[:SHOT_FRAMES]]
    height, width = background[0].shape[:2]
    colour, cover = THINGS[shot.thing](height * _FINE, round((1 + 2 * _MARGIN) * width) * _FINE, rng)
    places = _camera(shot.camera, len(background), rng)
    frames = []
    for frame, (x, y) in zip(background, places, strict=True):
        at = (_MARGIN * width + x, y)
        shown, share = (_seen(layer, at, (width, height)) for layer in (colour, cover))
        behind = frame
        if shot.camera is Camera.WEAVING:
            behind = _seen(np.repeat(np.repeat(frame, _FINE, 0), _FINE, 1), (x, y), (width, height))
        mixed = behind * (1 - share[..., None]) + shown * share[..., None]
        codes = np.rint(np.clip(mixed, 0, 1) * FULL).astype(np.uint16)
        frames.append(np.ascontiguousarray(codes.transpose(2, 0, 1)))
    if shot.number % 2:
        grain = Grain(sigma=0.012, seed=shot.number)
        frames = [aged.picture for aged in grain.apply(frames, bit_depth=10)]
    return frames


def _first_scene(take: Take) -> Sequence[Codes]:
    start, stop = max(take.shots, key=lambda bounds: bounds[1] - bounds[0])
    return clean_frames(take)[start:stop]


def _resized(frame: Codes) -> NDArray[np.float32]:
    rows = np.asarray(frame.transpose(1, 2, 0) / np.float32(FULL), np.float32)
    height = round(rows.shape[0] * WIDTH_PX / rows.shape[1] / 2) * 2
    way = cv2.INTER_AREA if rows.shape[1] > WIDTH_PX else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(rows, (WIDTH_PX, height), interpolation=way), np.float32)


def _camera(camera: Camera, frames: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Where the camera looks, `(frames, 2)` in pixels."""
    if camera is Camera.STILL:
        return np.zeros((frames, 2))
    if camera is Camera.WEAVING:
        shocks = rng.normal(0, 1, (frames + 20, 2)) * (0.7, 0.5)
        return np.stack([np.convolve(column, 0.75 ** np.arange(21), "valid") for column in shocks.T], axis=1)
    speed = rng.choice([-1, 1]) * rng.uniform(1.5, 12.0)
    eased = np.cumsum(speed * (1 + 0.2 * np.sin(np.linspace(0, 3, frames))))
    return np.stack([eased - eased.mean(), rng.normal(0, 0.15, frames)], axis=1)


def _seen(layer: NDArray[np.float32], at: tuple[float, float], size: tuple[int, int]) -> NDArray[np.float32]:
    """What the camera sees of a strip, at the picture's size."""
    fine = (size[0] * _FINE, size[1] * _FINE)
    matrix = np.array([[1, 0, at[0] * _FINE], [0, 1, at[1] * _FINE]], np.float32)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(layer, matrix, fine, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(moved, size, interpolation=cv2.INTER_AREA), np.float32)


def _blank(height: int, width: int) -> Strip:
    return np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)


def _tint(rng: np.random.Generator, low: float, high: float) -> NDArray[np.float32]:
    return np.clip(rng.uniform(low, high) * (1 + rng.normal(0, 0.12, 3)), 0, 1).astype(np.float32)


def _round_bar(strip: Strip, left: float, wide: float, rows: slice, tint: NDArray[np.float32], gleam: float) -> None:
    """A round bar, lit from one side: darker towards its edges, a line of light along it."""
    colour, cover = strip
    columns = np.arange(max(int(left), 0), min(int(left + wide) + 1, cover.shape[1]))
    if not len(columns):
        return
    across = np.clip((columns + 0.5 - left) / wide * 2 - 1, -1, 1)
    shade = 0.35 + 0.65 * np.sqrt(1 - across**2) + gleam * np.exp(-np.square((across + 0.35) / 0.18))
    box = (rows, slice(int(columns[0]), int(columns[-1]) + 1))
    colour[box] = np.clip(shade[None, :, None] * tint, 0, 1)
    cover[box] = 1


def _board(strip: Strip, box: tuple[slice, slice], tint: NDArray[np.float32]) -> None:
    colour, cover = strip
    colour[box], cover[box] = tint, 1


def railing(height: int, width: int, rng: np.random.Generator) -> Strip:
    """Round bars between two rails over the lower part of the picture."""
    strip = _blank(height, width)
    tint, gleam = _tint(rng, 0.05, 0.8), rng.uniform(0, 0.5)
    pitch, wide = rng.uniform(24, 90) * _FINE, rng.uniform(2, 9) * _FINE
    top, bottom = int(rng.uniform(0.0, 0.45) * height), int(rng.uniform(0.85, 1.0) * height)
    for left in np.arange(rng.uniform(0, pitch), width, pitch):
        _round_bar(strip, float(left), wide, slice(top, bottom), tint, gleam)
    for row in (top, bottom - 8 * _FINE):
        _board(strip, (slice(row, row + 8 * _FINE), slice(0, width)), np.asarray(tint * 0.9, np.float32))
    return strip


def blinds(height: int, width: int, rng: np.random.Generator) -> Strip:
    """Upright slats with gaps of light between them, each turned a little differently."""
    strip = _blank(height, width)
    tint, pitch = _tint(rng, 0.35, 0.85), rng.uniform(16, 40) * _FINE
    left = 0.0
    while left < 0.7 * width:
        wide = pitch * rng.uniform(0.75, 0.93)
        columns = slice(int(left), min(int(left + wide), width))
        ramp = np.linspace(1, rng.uniform(0.55, 0.9), max(columns.stop - columns.start, 1), dtype=np.float32)
        strip[0][:, columns] = (
            ramp[None, : columns.stop - columns.start, None] * tint * np.float32(rng.uniform(0.85, 1))
        )
        strip[1][:, columns] = 1
        left += pitch
    return strip


def bookcase(height: int, width: int, rng: np.random.Generator) -> Strip:
    """Shelves of books: spines of many colours and widths, dark gaps, some with a light stripe or a title."""
    strip = _blank(height, width)
    _board(strip, (slice(0, height), slice(0, width)), _tint(rng, 0.02, 0.08))
    shelf = height // int(rng.integers(2, 4))
    for floor in range(shelf, height + 1, shelf):
        left = 0.0
        while left < width:
            wide, tall = rng.uniform(6, 26) * _FINE, rng.uniform(0.62, 0.93) * shelf
            rows = slice(max(int(floor - tall), 0), floor - 5 * _FINE)
            _round_bar(strip, left, wide, rows, _tint(rng, 0.08, 0.85), rng.uniform(0, 0.25))
            if rng.random() < 0.4:
                stripe = slice(int(left + wide * 0.4), int(left + wide * 0.6) + 1)
                _board(
                    strip, (slice(rows.start + 8, max(rows.stop - 8, rows.start + 8)), stripe), _tint(rng, 0.6, 0.95)
                )
            left += wide + rng.uniform(0.3, 2.0) * _FINE
        _board(strip, (slice(floor - 5 * _FINE, floor), slice(0, width)), _tint(rng, 0.2, 0.4))
    return strip


def door_frames(height: int, width: int, rng: np.random.Generator) -> Strip:
    """Walls with door frames: mouldings of flat boards, a thin shadow on one side and a thin light on the other."""
    strip = _blank(height, width)
    for left in np.arange(rng.uniform(20, 120), width / _FINE, rng.uniform(140, 260)) * _FINE:
        tint, wide = _tint(rng, 0.25, 0.95), rng.uniform(5, 18) * _FINE
        place = int(left)
        for step, shade in ((0.0, 0.9), (0.35, 1.0), (0.7, 0.8)):
            columns = slice(int(place + step * wide), min(int(place + (step + 0.35) * wide), width))
            _board(strip, (slice(0, height), columns), np.asarray(tint * np.float32(shade), np.float32))
        line = round(rng.uniform(1, 2.5) * _FINE)
        end = int(place + 1.05 * wide)
        _board(strip, (slice(0, height), slice(place - line, place)), np.asarray(tint * np.float32(0.25), np.float32))
        _board(strip, (slice(0, height), slice(end, end + line)), np.minimum(tint * np.float32(1.5), 1))
    return strip


def lamp_posts(height: int, width: int, rng: np.random.Generator) -> Strip:
    """A few thin posts, cables and drainpipes from the top of the picture to its foot, far apart."""
    strip = _blank(height, width)
    for left in np.cumsum(rng.uniform(70, 330, 12)) * _FINE:
        wide = rng.uniform(1.5, 7) * _FINE
        top = 0 if rng.random() < 0.6 else int(rng.uniform(0.05, 0.4) * height)
        _round_bar(strip, float(left), wide, slice(top, height), _tint(rng, 0.03, 0.9), rng.uniform(0, 0.6))
    return strip


THINGS: dict[str, Callable[[int, int, np.random.Generator], Strip]] = {
    "railing": railing,
    "blinds": blinds,
    "bookcase": bookcase,
    "door frames": door_frames,
    "lamp posts": lamp_posts,
}
"""What stands upright, by name."""
