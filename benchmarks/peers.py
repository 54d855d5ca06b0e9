"""What others do about dirt, on the same frames: ffmpeg's filters, Telea, a motion-compensated median, SDI and ROD."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import ffmpeg as graph
import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import Shots, as_frame, fill, rgb
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.media.ffmpeg import child, compile_graph
from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.models.defects.candidates import NEIGHBOURS, Sheet, Surroundings, paper_over
from restoration_tasks.models.defects.motion import FlowFinder, Following, to_rows
from restoration_tasks.restoration.motion import Effort, Luma, MotionEstimator, analysis_luma
from restoration_tasks.restoration.neighbours import align

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
FULL = np.float32(1023)
REMOVEGRAIN_MODE = 1
"""The mode of the 24 that leaves the least error on the validation clip: clip to the range of the eight neighbours."""
SDI_THRESHOLD = 35.0
"""8-bit codes; the best of 12 to 35 on the validation clip."""
ROD_THRESHOLDS = (39.0, 53.0, 57.0)
"""8-bit codes, as in Kokaram, *Motion Picture Restoration* (1998), after Nadenau & Mitra (1996)."""
_RING_PX = 41
"""How much of the surround judges a neighbour: the best of 15, 25 and 41 on the validation clip."""
_BOX = np.ones((3, 3), np.uint8)


def by_shot(work: Callable[[Sequence[Work]], list[Work]], frames: Sequence[Work], shots: Shots) -> list[Work]:
    """A filter over each shot by itself, so that none looks across a cut."""
    return [frame for start, stop in shots for frame in work(frames[start:stop])]


def tmedian(frames: Sequence[Work]) -> list[Work]:
    """The temporal median of ffmpeg over three frames (its default); the shot is mirrored at its ends.

    The filter gives no frame for the first and the last it is fed.
    """
    if len(frames) < 2:
        return list(frames)
    return filtered([frames[1], *frames, frames[-2]], "tmedian")


def atadenoise(frames: Sequence[Work]) -> list[Work]:
    """Adaptive temporal averaging of ffmpeg, at its defaults."""
    return filtered(frames, "atadenoise")


def removegrain(frames: Sequence[Work]) -> list[Work]:
    """`removegrain` of ffmpeg, in its mildest mode: each pixel is clipped to the range of its eight neighbours.

    It takes 8 bits only. What it leaves alone at 8 bits keeps its 10-bit code, so that it does not pay for that.
    """
    eight = [np.asarray(np.rint(frame / FULL * 255), np.uint8) for frame in frames]
    made = filtered(eight, "removegrain", bits=8, m0=REMOVEGRAIN_MODE, m1=REMOVEGRAIN_MODE, m2=REMOVEGRAIN_MODE)
    return [
        np.where(after == before, frame, np.rint(after * (FULL / np.float32(255)))).astype(np.uint16)
        for frame, before, after in zip(frames, eight, made, strict=True)
    ]


def filtered(frames: Sequence[Work], name: str, *, bits: int = 10, **options: float) -> list[Work]:
    """Frames `(3, H, W)` through one filter of ffmpeg, which may not change their number or size."""
    _, height, width = frames[0].shape
    picture = rgb(width, height, bits)
    # removegrain knows no planar R, G, B: it takes the planes as they are under another name.
    called = "yuv444p" if bits == 8 else picture.pix_fmt
    stream = graph.input("pipe:0", format="rawvideo", pix_fmt=called, s=f"{width}x{height}", r=25).filter(
        name, **options
    )
    command = compile_graph(stream.output("pipe:1", format="rawvideo", pix_fmt=called, fps_mode="passthrough"))
    with child(command, about=name, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as running:
        feeder = threading.Thread(target=_feed, args=(running.stdin, picture, frames))
        feeder.start()
        raw = running.stdout.read()
        feeder.join()
    size = picture.frame_bytes
    assert len(raw) % size == 0
    return [picture.to_work(picture.frame_from_bytes(raw[n : n + size])) for n in range(0, len(raw), size)]


def _feed(pipe: object, picture: PictureFormat, frames: Sequence[Work]) -> None:
    with pipe:  # type: ignore[attr-defined]
        for frame in frames:
            pipe.write(picture.frame_to_bytes(as_frame(frame)))  # type: ignore[attr-defined]


def telea(frames: Sequence[Work], masks: Sequence[Mask]) -> list[Work]:
    """OpenCV's Telea inpainting, each frame by itself, with the true mask."""
    return [
        _codes(paper_over(to_rows(np.asarray(frame / FULL, np.float32)), mask), frame, mask)
        for frame, mask in zip(frames, masks, strict=True)
    ]


def weighted_median(frames: Sequence[Work], masks: Sequence[Mask]) -> list[Work]:
    """A motion-compensated weighted median with the true mask, Telea where no neighbour shows a place clean.

    Neighbours ±1 and ±2 are carried by dense inverse search flow found on papered-over pictures and matched in
    brightness. A neighbour's weight at a pixel is the inverse square of its mean difference to the clean picture around
    that pixel, so that the one whose surround fits best decides.

    Args:
        frames: `(C, H, W)` 10-bit codes of one shot.
        masks: `(H, W)`, the true damage.
    """
    finder = FlowFinder(Following.STIFF)
    sheets = [Sheet((frame / FULL).astype(np.float32), mask) for frame, mask in zip(frames, masks, strict=True)]
    restored = []
    for place, (frame, sheet) in enumerate(zip(frames, sheets, strict=True)):
        before = [sheets[n] for n in (place - 1, place - 2) if n >= 0]
        after = [sheets[n] for n in (place + 1, place + 2) if n < len(sheets)]
        made = Surroundings(sheet, before, after, finder).whole()
        carried, spatial = made.candidates[:NEIGHBOURS], made.candidates[-1]
        weights = np.stack([_fit(one, sheet, usable) for one, usable in zip(carried, made.usable, strict=True)])
        filled = _weighted_median(carried[:, :, sheet.mask], weights[:, sheet.mask], spatial[:, sheet.mask])
        rows = sheet.rows.copy()
        rows[sheet.mask] = filled.T
        restored.append(_codes(rows, frame, sheet.mask))
    return restored


def _fit(carried: Floats, sheet: Sheet, usable: Floats) -> Floats:
    """A neighbour's weight, `(H, W)`: how well it fits the clean picture around a pixel; 0 where it is not usable."""
    clean = usable * (~sheet.mask).astype(np.float32)
    difference = np.abs(carried - sheet.rows.transpose(2, 0, 1)).mean(axis=0) * clean
    size = (_RING_PX, _RING_PX)
    # In the middle of a large speck there is no clean surround: all neighbours weigh alike.
    error = cv2.blur(difference, size) / np.maximum(cv2.blur(clean, size), np.float32(1e-3))
    return np.asarray((usable > 0) / (np.square(error) + np.float32(1 / 255) ** 2), np.float32)


def _weighted_median(values: Floats, weights: Floats, otherwise: Floats) -> Floats:
    """Where half the weight lies below, read off between the values on both sides.

    Args:
        values: `(neighbours, C, N)`.
        weights: `(neighbours, N)`.
        otherwise: `(C, N)`, taken where all weights are 0.
    """
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    shares = np.take_along_axis(np.broadcast_to(weights[:, None], values.shape), order, axis=0)
    total = shares.sum(axis=0)
    places = (np.cumsum(shares, axis=0) - shares / 2) / np.maximum(total, np.float32(1e-9))
    low, high = np.full(total.shape, -1.0), np.full(total.shape, 2.0)
    below, above = np.zeros(total.shape), np.zeros(total.shape)
    for place, value, share in zip(places, ordered, shares, strict=True):
        nearer = (share > 0) & (place <= 0.5) & (place >= low)
        low, below = np.where(nearer, place, low), np.where(nearer, value, below)
        nearer = (share > 0) & (place > 0.5) & (place < high)
        high, above = np.where(nearer, place, high), np.where(nearer, value, above)
    middle = below + (above - below) * (0.5 - low) / np.maximum(high - low, 1e-9)
    middle = np.where(low < 0, above, np.where(high > 1, below, middle))
    return np.asarray(np.where(total > 0, middle, otherwise), np.float32)


def _codes(rows: Floats, frame: Work, mask: Mask) -> Work:
    """The frame with the mask's pixels taken from `(H, W, 3)` shares of the code range."""
    filled = frame.copy()
    codes = np.clip(np.rint(rows.transpose(2, 0, 1) * FULL), 0, FULL).astype(frame.dtype)
    filled[:, mask] = codes[: len(frame), mask]
    return filled


def sdi(luma: Luma, before: Floats, after: Floats) -> Mask:
    """SDIp: the frame differs from both carried neighbours in one direction by a threshold (Kokaram, 1998)."""
    first, second = luma - before, luma - after
    weakest = np.minimum(np.abs(first), np.abs(second))
    return np.asarray((first * second > 0) & (weakest > SDI_THRESHOLD), np.bool_)


def rod(luma: Luma, before: Floats, after: Floats) -> Mask:
    """Rank ordered differences to three pixels of each carried neighbour (Nadenau & Mitra, 1996)."""
    stack = np.stack([np.roll(plane, shift, axis=0) for plane in (before, after) for shift in (-1, 0, 1)])
    ranks = np.sort(stack, axis=0)
    current = luma.astype(np.float32)
    above = current > 0.5 * (ranks[2] + ranks[3])
    found = np.zeros(luma.shape, np.bool_)
    for place, threshold in enumerate(ROD_THRESHOLDS):
        difference = np.where(above, current - ranks[5 - place], ranks[place] - current)
        found |= difference > threshold
    return found


def detected(frames: Sequence[Work], detect: Callable[[Luma, Floats, Floats], Mask]) -> list[Mask]:
    """A textbook detector on one shot, its mask grown by a pixel; at the shot's ends it sees two frames of one side."""
    lumas = [analysis_luma(frame, int(FULL), rgb=True) for frame in frames]
    motion = MotionEstimator(Effort.FOLLOW)
    masks = []
    for place, luma in enumerate(lumas):
        near = sorted((n for n in range(len(lumas)) if n != place), key=lambda n: (abs(n - place), n))[:2]
        if len(near) < 2:
            masks.append(np.zeros(luma.shape, np.bool_))
            continue
        first, second = (align(luma, lumas[n], n - place, motion).luma for n in near)
        masks.append(cv2.dilate(detect(luma, first, second).astype(np.uint8), _BOX) > 0)
    return masks


def textbook(
    frames: Sequence[Work], shots: Shots, detect: Callable[[Luma, Floats, Floats], Mask], folder: Path
) -> list[Work]:
    """A textbook detector, and our classical fill of what it found."""
    masks = [mask for start, stop in shots for mask in detected(frames[start:stop], detect)]
    _, height, width = frames[0].shape
    return fill(frames, masks, shots, Engine.CLASSICAL, folder, picture=rgb(width, height))
