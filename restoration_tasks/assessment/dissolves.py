"""Dissolves: frames that are a mixture of two pictures, frame ≈ (1 − t) · before + t · after, t rising from 0 to 1."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.flashes import SAME_LIKENESS
from restoration_tasks.assessment.passage import Course, Figures

CUT_LIKENESS = 0.6
"""Frames that are no more alike show different things (`Course.likeness`)."""
SHORTEST = 4
"""Frames between which nothing can be fitted."""
WAY_CODES = 5.0
"""Codes between two pictures (root mean square) under which nothing can be told of what lies between them."""
WAY_LIKENESS = 0.85
"""Pictures more alike than this are one in another light."""
OFF_THE_WAY = 0.7
"""How far frames of a dissolve lie off the way, as a share of it (median): people move while pictures mix."""
STRAY = 0.3
"""Share of the way by which no frame of a dissolve goes back, or too far."""
LEAP = 0.3
"""Share of the way that is more than a step of a dissolve."""
RISING = (0.12, 0.88)
"""Shares of the way a straight line is laid through, to find where the dissolve begins and ends."""
BEYOND = 4
"""Frames by which a dissolve may be longer than the scores say."""
Shares = NDArray[np.float32]


def mixture(course: Course, steps: Figures, run: tuple[int, int], shot: tuple[int, int]) -> range | None:
    """The frames of a dissolve; None if what lies there is none.

    Args:
        course: of the reel.
        steps: `course.steps`.
        run: frames `start ≤ i < stop` that may be mixed.
        shot: frames `start ≤ i < stop` between the joints that are known.
    """
    first, last = max(run[0] - 1, shot[0]), min(run[1], shot[1] - 1)
    if last - first < SHORTEST:
        return None
    cells = course.cells
    before = cells[max(first - 1, shot[0]) : first + 1].mean(axis=0)
    after = cells[last : min(last + 2, shot[1])].mean(axis=0)
    way = after - before
    length = float(np.sqrt(np.mean(np.square(way))))
    if length < WAY_CODES or course.likeness(first, last) > WAY_LIKENESS:
        return None
    passed = cells[first : last + 1] - before
    share = passed @ way / float(way @ way)
    off = np.sqrt(np.mean(np.square(passed - share[:, None] * way), axis=1)) / length
    strays = share.min() < -STRAY or share.max() > 1 + STRAY
    if float(np.median(off)) > OFF_THE_WAY or strays or _is_broken(course, steps, share, first):
        return None
    return _extent(share, first, run, shot)


def _is_broken(course: Course, steps: Figures, share: Shares, first: int) -> bool:
    """Whether most of the way is one step, with the same picture on either side of it: a cut with a flash."""
    for place in np.flatnonzero(np.diff(share) > LEAP).tolist():
        step, last = first + place + 1, first + len(share) - 1
        sides = ((first, step - 1), (step, last))
        alike = all(end - start < 2 or course.likeness(start, end) > SAME_LIKENESS for start, end in sides)
        if steps[step] < CUT_LIKENESS and alike:
            return True
    return False


def _extent(share: Shares, first: int, run: tuple[int, int], shot: tuple[int, int]) -> range:
    """From how far each frame has come: where the dissolve begins and ends."""
    places = np.arange(first, first + len(share))
    rising = (share > RISING[0]) & (share < RISING[1])
    begin, end = float(run[0] - 1), float(run[1])
    if np.count_nonzero(rising) >= 3:
        slope, offset = np.polyfit(places[rising], share[rising], 1)
        if slope > 0:
            begin = float(np.clip(-offset / slope, run[0] - 1 - BEYOND, run[0] + BEYOND))
            end = float(np.clip((1 - offset) / slope, run[1] - BEYOND, run[1] + BEYOND))
    start = int(np.clip(round(begin) + 1, shot[0] + 1, shot[1] - 1))
    return range(start, int(np.clip(round(end), start, shot[1] - 1)))
