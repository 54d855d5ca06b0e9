"""Count what changed in a frame, where, and how: plain functions on planes of code values."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame

Mask = npt.NDArray[np.bool_]
"""`(H, W)`: true where something is allowed or found."""
Luma = npt.NDArray[np.float32]
"""`(H, W)` as a share of the code range."""

PROBABLY: Final = 127
"""Above this value of a map (probability × 255) a pixel is damaged more likely than not."""


def changes(master: Frame, restored: Frame, mask: Mask, *, within: float = 0.0) -> tuple[int, int]:
    """Pixels changed, by more than so many code values, and those of them outside the mask.

    A subsampled chroma sample stands for a block of pixels: it may change where the mask touches its block.
    """
    shape = (mask.shape[0], mask.shape[1])
    changed, outside = np.zeros(shape, np.bool_), np.zeros(shape, np.bool_)
    for before, after in zip(master, restored, strict=True):
        differs = before != after if within <= 0 else np.abs(before.astype(np.int64) - after) > within
        if not differs.any():
            continue
        if differs.shape != shape:
            steps = (-(-shape[0] // differs.shape[0]), -(-shape[1] // differs.shape[1]))
            changed |= _spread(differs, steps, shape)
            outside |= _spread(differs & ~_blocks_touched(mask, steps), steps, shape)
        else:
            changed |= differs
            outside |= differs & ~mask
    return int(np.count_nonzero(changed)), int(np.count_nonzero(outside))


def off_curve(master: Frame, restored: Frame, mask: Mask, max_code: int) -> int:
    """Samples outside the mask, of the plane with most, that left the frame's tone curve.

    A change of brightness is a function of the code value: the same code becomes the same code all over a plane.
    Whatever else happened to a pixel shows as a code that became two codes. The curve is taken from the pixels met
    last, so the count is at least 1 where there is a stray, and most often exact. A code that only one pixel of the
    plane holds cannot be told apart from a curve.
    """
    worst = 0
    for before, after in zip(master, restored, strict=True):
        steps = (-(-mask.shape[0] // before.shape[0]), -(-mask.shape[1] // before.shape[1]))
        outside = ~(mask if steps == (1, 1) else _blocks_touched(mask, steps))
        if not outside.any():
            continue
        # Pixels inside the mask are stood in for by one outside it: whole planes are faster than picked pixels.
        place = np.unravel_index(int(outside.argmax()), outside.shape)
        old = np.where(outside, before, before[place]).ravel()
        new = np.where(outside, after, after[place]).ravel()
        curve = np.zeros(max_code + 1, new.dtype)
        curve[old] = new
        worst = max(worst, int(np.count_nonzero(curve.take(old) != new)))
    return worst


def spike_count(earlier: Luma, middle: Luma, later: Luma, contrast_min: float) -> int:
    """Pixels of the middle frame that differ from both neighbours in the same direction by more than a contrast.

    The neighbours' mean brightness is matched first, so that flicker alone makes no spikes. No motion compensation:
    what moves counts too, in the scan as in the restoration.

    Source: spike detection index SDIa, Kokaram, "Motion Picture Restoration", Springer 1998, chapter 6.

    >>> still = np.full((4, 4), 0.5, np.float32)
    >>> dirty = still.copy()
    >>> dirty[1, 2] = 0.1
    >>> spike_count(still, dirty, still, 0.08)
    1
    """
    present = middle - middle.mean()
    forward, backward = present - (earlier - earlier.mean()), present - (later - later.mean())
    bright = (forward > contrast_min) & (backward > contrast_min)
    dark = (forward < -contrast_min) & (backward < -contrast_min)
    return int(np.count_nonzero(bright | dark))


def damaged_share(found: npt.NDArray[np.uint8]) -> float:
    """Share of a damage map's pixels that are damaged more likely than not, 0 … 1.

    >>> damaged_share(np.array([[0, 127], [128, 255]], np.uint8))
    0.5
    """
    return float(np.count_nonzero(found > PROBABLY)) / found.size


def _blocks_touched(mask: Mask, steps: tuple[int, int]) -> Mask:
    """Blocks of `steps` rows by columns in which any pixel of the mask is set; edges may be ragged."""
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], steps[0]), axis=0)
    return np.asarray(np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], steps[1]), axis=1))


def _spread(blocks: Mask, steps: tuple[int, int], shape: tuple[int, int]) -> Mask:
    return np.repeat(np.repeat(blocks, steps[0], axis=0), steps[1], axis=1)[: shape[0], : shape[1]]
