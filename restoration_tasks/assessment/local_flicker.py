"""Measure flicker that differs over the picture: a lamp or a shutter that lights one side more, another frame another.

What the cells of a frame gain beyond the whole (`light.py`) is made of few smooth shapes, by each cell's certainty, so
that a cell in which something moves that cannot be followed has little say. Their shares are chained over the shot and
taken apart as the light of the whole is (`lasting.py`). What comes and goes is brought onto as few patterns as it takes
(principal components of the shot: a picture that breathes has one, one that is lit unevenly by chance has several). A
pattern is believed where the next frame takes it back as flicker does: what moves, and errors that add up, go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from restoration_tasks.assessment.lasting import FEWEST_FRAMES, Doubles, lasting
from restoration_tasks.assessment.light import SHAPES, SIDE, LightRelation, shape_values

TAKEN_BACK = 0.15
"""Share of the variance of all patterns' steps that the next frame must take back: flicker with a memory of 0.35 takes
0.33, without any 0.5; what moves takes about none. No single pattern may go on rather than come back."""
LEAST_CODES = 0.3
"""Root mean square over the picture and the shot, 8-bit code values, from which a pattern is believed."""
MOST_PATTERNS = 4
"""A plan keeps as many numbers a frame; the simulator's light takes four, real pulsing one or two."""
FEWEST_TO_TELL = 12
"""Frames without which a pattern cannot be told from what moves."""


@dataclass(frozen=True)
class LocalFlicker:
    """Corrections of a shot that differ over the picture, as natural logarithms of light."""

    patterns: Doubles
    """`(K, 4, 4)`: what each adds at nodes from edge to edge, at most 1 or −1; between them bicubic."""
    weights: Doubles
    """`(T, K)`: how much of each a frame is to be given."""
    amplitude: float
    """What they take away, root mean square over picture and shot, 8-bit code values at the shot's mean level."""


NONE = LocalFlicker(np.zeros((0, SIDE, SIDE)), np.zeros((0, 0)), 0.0)


def local_flicker(
    relations: Sequence[LightRelation], level: float, otherwise: frozenset[int] = frozenset()
) -> LocalFlicker:
    """The corrections for one whole shot; `NONE` where nothing differs over the picture.

    Args:
        relations: for each frame what its light does beside the frame before; the first frame's is not looked at.
        level: the shot's mean level, share of the code range.
        otherwise: places in the shot of frames that were meant to be lit otherwise, or are mixtures.
    """
    frames = len(relations)
    known = np.array([place not in otherwise for place in range(frames)], np.bool_)
    if np.count_nonzero(known) < max(FEWEST_TO_TELL, FEWEST_FRAMES):
        return NONE
    steps = np.array([one.shapes for one in relations])
    steps[~(known & np.roll(known, 1))] = 0.0
    steps[0] = 0.0
    chained = np.cumsum(steps, axis=0)
    apart = np.stack([lasting(one, known).course - one for one in chained.T], axis=1)
    apart[~known] = 0.0
    powers = np.array(SHAPES)
    size = 1.0 / np.sqrt(np.prod(2 * powers + 1, axis=1))
    courses, strengths, patterns = np.linalg.svd(apart * size, full_matrices=False)
    codes = 255.0 * level * strengths / np.sqrt(frames)
    back = [_taken_back(course, known) for course in courses.T]
    kept = [
        place for place in range(min(MOST_PATTERNS, len(codes))) if codes[place] >= LEAST_CODES and back[place] >= 0
    ]
    if not kept or np.average([back[place] for place in kept], weights=np.square(codes[kept])) < TAKEN_BACK:
        return NONE
    places = np.linspace(-1, 1, SIDE)
    nodes = np.stack([shape_values(places, places) @ (patterns[place] / size) for place in kept])
    most = np.abs(nodes).max(axis=(1, 2))
    return LocalFlicker(
        nodes / most[:, None, None],
        (courses[:, kept] * strengths[kept]) * most,
        float(np.sqrt(np.square(codes[kept]).sum())),
    )


def _taken_back(course: Doubles, known: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> float:
    """Share of the variance of a course's steps that the next step takes back."""
    steps = np.diff(course)[known[1:] & known[:-1]]
    return -float(np.mean(steps[1:] * steps[:-1])) / max(float(np.mean(np.square(steps))), 1e-12)
