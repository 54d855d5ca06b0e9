"""Splices that show: the picture jumps up or down for a frame or two, or a bar lies along its upper or lower edge.

The jump is measured by phase correlation against how the shot moves on, and must come back: a camera that tilts does
not. The bar must come and go, over nearly the whole width, while the rest of the picture does not change; beside a cut
only its one side can be seen. What a splice does across a cut itself cannot be measured: nothing is there to compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.flashes import Flash
from restoration_tasks.assessment.passage import Course, Figures
from restoration_tasks.assessment.transitions import Joint

LONGEST = 2
"""Frames a splice stands out of place."""
JUMP_PX = 3.0
"""Pixels of a picture 720 wide; less is weave …"""
JUMP_USUAL = 5.0
"""… and so is less than this many times what the shot's frames usually stand off."""
BACK = 0.45
"""What may be left of a jump when it has come back, as a share of it."""
JUMP_MOST_PX = 30.0
"""More is no jump of a splice: the pictures have too little in common to say how far one stands from the other."""
TRUST = 0.3
BAR_CODES = 30.0
BAR_BACK = 0.5
"""A bar that goes takes at least this share of the change with it that it brought."""
BAR_AT_CUT_CODES = 45.0
"""Beside a cut a bar is seen from one side only."""
USUAL_FRAMES = 12
CLEAR = 1
"""Frames beside flashes and joints that are not compared."""
Mask = NDArray[np.bool_]


class Bar(StrEnum):
    """Where a bar lies."""

    NONE = "none"
    TOP = "top"
    BOTTOM = "bottom"


@dataclass(frozen=True)
class Splice:
    """A splice that shows."""

    frame: int
    """The first frame that shows it."""
    jump_px: float
    """How much lower the picture stands there, pixels of a picture 720 wide; 0 where it does not jump."""
    bar: Bar


def find_splices(course: Course, joints: Sequence[Joint], flashes: Sequence[Flash]) -> list[Splice]:
    """Every splice that shows, in the order of the reel.

    Args:
        course: of the reel.
        joints: of it.
        flashes: of it.
    """
    compared = np.ones(course.frames, bool)
    compared[:1] = False
    for joint in joints:
        if joint.stop > joint.first:
            compared[max(joint.first - CLEAR, 0) : joint.stop + CLEAR] = False
        compared[joint.frame] = False
    cuts = {joint.frame for joint in joints if joint.first == joint.stop}
    for flash in flashes:
        compared[max(flash.start, 0) : flash.stop + CLEAR] = False
    jumps, bars = _jumps(course, compared), _bars(course, compared, cuts)
    places = sorted({*jumps, *bars})
    merged = [place for number, place in enumerate(places) if number == 0 or place - places[number - 1] > 1]
    return [
        Splice(
            place,
            jumps.get(place, jumps.get(place + 1, 0.0)),
            bars.get(place, bars.get(place + 1, Bar.NONE)),
        )
        for place in merged
    ]


def _jumps(course: Course, compared: Mask) -> dict[int, float]:
    """First frame of each jump, and its height."""
    off = _off(course.jump_px, compared)
    found: dict[int, float] = {}
    for frame in np.flatnonzero(compared & (np.abs(off) > JUMP_PX) & (np.abs(off) < JUMP_MOST_PX)).tolist():
        if course.jump_trust[frame] < TRUST or frame - 1 in found or frame - 2 in found:
            continue
        window = slice(max(frame - USUAL_FRAMES, 0), frame + USUAL_FRAMES + 1)
        usual = 1.4826 * float(np.median(np.abs(off[window][compared[window]])))
        if abs(off[frame]) > JUMP_USUAL * usual and _comes_back(off, compared, frame):
            found[frame] = round(float(off[frame]), 1)
    return found


def _comes_back(off: Figures, compared: Mask, frame: int) -> bool:
    for count in range(1, LONGEST + 1):
        path = off[frame : frame + count + 1]
        if len(path) == count + 1 and compared[frame : frame + count + 1].all():
            back = np.sign(path[-1]) != np.sign(path[0]) and abs(path[-1]) > BACK * abs(path[0])
            if back and abs(float(path.sum())) < BACK * abs(path[0]):
                return True
    return False


def _off(jump_px: Figures, compared: Mask) -> Figures:
    """How far each frame's step stands off from those around it."""
    steps = np.where(compared, jump_px, np.nan)
    filled = np.pad(steps, 4, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(filled, 9)
    held = np.isfinite(windows).any(axis=1)
    usual = np.zeros(len(jump_px))
    usual[held] = np.nanmedian(windows[held], axis=1)
    return np.where(compared, jump_px - usual, 0.0)


def _bars(course: Course, compared: Mask, cuts: set[int]) -> dict[int, Bar]:
    """First frame that shows each bar, and where it lies."""
    found: dict[int, Bar] = {}
    for place, bar in enumerate((Bar.TOP, Bar.BOTTOM)):
        change = np.where(compared, course.edge_codes[:, place], 0.0)
        for frame in np.flatnonzero(np.abs(change) > BAR_CODES).tolist():
            goes = any(
                change[frame] * after < 0 and abs(after) > BAR_BACK * abs(change[frame])
                for after in change[frame + 1 : frame + 1 + LONGEST]
            )
            came = any(change[frame] * before < 0 for before in change[max(frame - LONGEST, 0) : frame])
            if goes and not came:
                found[frame] = bar
            elif abs(change[frame]) > BAR_AT_CUT_CODES and not came:
                if frame + 1 in cuts:
                    found[frame] = bar
                elif frame - 1 in cuts:
                    found[frame - 1] = bar
    return found
