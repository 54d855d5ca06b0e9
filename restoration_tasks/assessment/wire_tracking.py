"""Follow a wire through a shot from two points a person set on one frame: where it runs, how wide it is, where it ends.

On the key frame the wire is the line between the two points, straight or bowed, that stands out best. From there it is
followed frame by frame both ways: both ends and the bow may move, more readily on than otherwise; each end is put where
the evidence stops. Where the wire no longer stands out it is lost, and nothing is guessed beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.wire_course import (
    BLOCK_PX,
    Look,
    Points,
    Strip,
    bowed,
    dense,
    normals,
    settled,
    shifted,
    width_px,
)
from restoration_tasks.restoration.motion import Effort, MotionEstimator

SD_WIDTH = 720
TONE_SPREAD = 6.0
"""8-bit codes by which a wire's own tone may differ along it (from its median absolute deviation) to be known. One that
hides all that is behind it has one tone, a thin one that of what is behind it as well …"""
TONE_OFF = 10.0
"""… and by which it may do so where it is hardly told from what is beside it. What is in front has another tone."""
CLICK_PX = 5
"""How far off the wire's end a person may click, pixels."""
CLICK_COST, BOW_COST = 0.15, 0.3
"""What the farthest click and the greatest bow cost, in the score's standard deviations."""
MOST_BOW = 0.18
"""Share of its length by which a wire hangs through at most."""
FASTEST_PX = 12.0
"""How far an end moves from frame to frame at most, at SD width, beyond its going on as before."""
BEND_PX = 3.0
"""How much its bow changes from frame to frame at most, at SD width."""
STRAY_COST = 0.35
"""What an end's moving by `FASTEST_PX` otherwise than before costs, in the score's standard deviations."""
CHANCE, CHANCE_SPREAD = 0.8, 2.4
"""Mean standard deviations that noise shows along the best of many lines, and by how much more, over the root of the
blocks it has. From there on a wire is seen."""
KEY_SCORE = 2.4
"""What it stands out by at least between the points a person set. On the validation clip, thinned, lines that scored
less were others than the wire; on it as it is and on a training clip those that were the wire scored 3.3 and more."""
LEAST_SHARE = 0.6
"""Share of what it stood out by on the frames before that it has to, to be followed on."""
LEAST_LENGTH_PX = 24.0
"""A wire of which less shows is gone, pixels at SD width."""
BEYOND_PX = 24.0
"""How far an end may creep along the wire from frame to frame, at SD width."""
CREEP_COST = 0.8
"""What an end's creeping along the wire by a block costs, in standard deviations of one."""
SHOWS = 1.3
"""Standard deviations above which a place is rather wire than not."""
EDGE_PX = 3.0
"""An end so near the picture's edge leaves the picture there."""
GAP_PX, GAP_ON_FIGURE_PX = 36.0, 8.0
"""Longest part without evidence that is still taken for wire: the scene may just look alike; and on what moves by
itself, which may be in front of the wire. At SD width."""
MOVES_PX = 1.0
"""Movement otherwise than the scene's, pixels a frame at SD width, from which a thing is a moving figure."""
BESIDE_PX = 14.0
"""How far beside the wire that is looked at: next to it motion is the wire's own. At SD width."""


class Ended(StrEnum):
    """Why a wire is not followed farther."""

    SHOT = "the shot ends there"
    LOST = "the wire was not seen any more"
    GONE = "the wire left the picture"


@dataclass(frozen=True)
class OnFrame:
    """The wire on one frame."""

    course: Points
    """Its middle, from the first point's end to the second's, a pixel apart."""
    width_px: float
    score: float
    """Mean standard deviations it stands out by."""
    shows: NDArray[np.bool_]
    """`(n,)`: where it is taken to be seen, and not behind something."""
    leaves: tuple[bool, bool]
    """Whether it goes out of the picture at its first and last point."""

    @property
    def pieces(self) -> list[Points]:
        """The parts that are seen, each at least two points."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.shows.astype(np.int8), [0]])))
        return [self.course[start:stop] for start, stop in edges.reshape(-1, 2) if stop - start >= 2]


@dataclass(frozen=True)
class Followed:
    """A wire through a shot."""

    key: int
    frames: dict[int, OnFrame]
    """By the frame's position in the shot."""
    before: Ended
    """Why not farther back than the first of them …"""
    after: Ended
    """… nor farther on than the last."""

    @property
    def first(self) -> int:
        """The first frame it is on."""
        return min(self.frames)

    @property
    def last(self) -> int:
        """The last one."""
        return max(self.frames)


@dataclass(frozen=True)
class _Moving:
    """A wire on its way: where it is, and how it last moved."""

    on: OnFrame
    way: tuple[float, float]
    """How its ends last moved aside, pixels a frame."""
    usual: float
    """What it stood out by on the frames before, decaying."""


def follow(look: Callable[[int], Look], frames: int, key: int, ends: Points) -> Followed | None:
    """Find a wire between two points and follow it both ways.

    Args:
        look: a frame of the shot, by its position in it.
        frames: of the shot.
        key: the frame the points are on.
        ends: `(2, 2)`: x and y of the wire's two ends, roughly.

    Returns:
        the wire; None if there is no line between the points.
    """
    start = found_between(look(key), ends)
    if start is None:
        return None
    found = {key: _with_gaps(start, look(key), look(key + 1 if key + 1 < frames else max(key - 1, 0)))}
    ended = {}
    for step in (-1, 1):
        at, state, why = key, _Moving(start, (0.0, 0.0), start.score), Ended.SHOT
        while 0 <= at + step < frames:
            before, here = look(at), look(at + step)
            moved = followed_on(here, state)
            if moved is None:
                why = Ended.LOST
                break
            if not _long_enough(moved.on.course, here.shape):
                why = Ended.GONE
                break
            at, state = at + step, moved
            found[at] = _with_gaps(moved.on, here, before)
        ended[step] = why
    return Followed(key, found, ended[-1], ended[1])


def found_between(look: Look, ends: Points) -> OnFrame | None:
    """The line between two points that stands out best; None if none does."""
    base = dense(np.asarray(ends, np.float64))
    length = len(base)
    if length < 2 * BLOCK_PX:
        return None
    most = max(round(MOST_BOW * length), 2)
    strip = Strip.of(look, base, most + CLICK_PX + 1)
    off = [
        (float(first), float(last), float(bow))
        for first in range(-CLICK_PX, CLICK_PX + 1)
        for last in range(-CLICK_PX, CLICK_PX + 1)
        for bow in range(-most, most + 1)
    ]
    best, top = None, -1.0
    for part in _parts(off):
        lines = np.stack([bowed(length, *one) for one in part])
        unlikely = [
            CLICK_COST * (one[0] ** 2 + one[1] ** 2) / CLICK_PX**2 + BOW_COST * abs(one[2]) / most for one in part
        ]
        scores = strip.score(lines) - np.asarray(unlikely, np.float32)
        place = int(scores.argmax())
        if scores[place] > top:
            best, top = part[place], float(scores[place])
    if best is None or top < max(_by_chance(length), KEY_SCORE):
        return None
    course = dense(settled(look, shifted(base, bowed(length, *best))))
    # Who clicks on where a wire leaves the picture clicks a little inside it.
    leaves = [_at_edge(course[end], look.shape, CLICK_PX) for end in (0, -1)]
    return _measured(look, _to_edges(course, look.shape, (leaves[0], leaves[1])))


def followed_on(look: Look, state: _Moving) -> _Moving | None:
    """The wire on the next frame; None if it is lost."""
    size = look.shape[1] / SD_WIDTH
    base = state.on.course
    length = len(base)
    reach = max(round(FASTEST_PX * size), 5)
    bend = max(round(BEND_PX * size), 1)
    ahead = [float(np.clip(0.9 * one, -2 * reach, 2 * reach)) for one in state.way]
    base = shifted(base, bowed(length, ahead[0], ahead[1], 0.0))
    strip = Strip.of(look, base, reach + bend + 1)
    step = max(round(reach / 8), 1)
    best = _best(strip, length, reach, range(-reach, reach + 1, step), (0.0, 0.0, 0.0), range(-bend, bend + 1))
    if step > 1:
        best = _best(strip, length, reach, range(-step + 1, step), best, range(-1, 2))
    course = settled(look, shifted(base, bowed(length, *best)))
    course = _with_ends(look, dense(course), state.on.leaves, max(BEYOND_PX * size, 2.0 * BLOCK_PX))
    if len(course) < 2 * BLOCK_PX:
        return None
    on = _measured(look, course, state.on)
    if on.score < max(_by_chance(len(on.course)), LEAST_SHARE * state.usual):
        return None
    way = (0.5 * state.way[0] + 0.5 * (ahead[0] + best[0]), 0.5 * state.way[1] + 0.5 * (ahead[1] + best[1]))
    return _Moving(on, way, 0.8 * state.usual + 0.2 * on.score)


def _best(
    strip: Strip, length: int, reach: int, tried: range, about: tuple[float, float, float], bows: range
) -> tuple[float, float, float]:
    """Which moves of both ends and of the bow stand out best, less what straying from going on as before costs."""
    off = [(about[0] + first, about[1] + last, about[2] + bow) for first in tried for last in tried for bow in bows]
    best, top = about, -np.inf
    for part in _parts(off):
        lines = np.stack([bowed(length, *one) for one in part])
        apart = np.array([(one[0] ** 2 + one[1] ** 2) / 2 for one in part]) / reach**2
        scores = strip.score(lines) - STRAY_COST * apart
        place = int(scores.argmax())
        if scores[place] > top:
            best, top = part[place], float(scores[place])
    return best


def _parts(off: list[tuple[float, float, float]]) -> Iterator[list[tuple[float, float, float]]]:
    """Some hundred at a time, so that memory stays small."""
    for first in range(0, len(off), 512):
        yield off[first : first + 512]


def _by_chance(length: int) -> float:
    """The score of the best of many lines where there is none."""
    return CHANCE + CHANCE_SPREAD / float(np.sqrt(max(length / BLOCK_PX, 1.0)))


def _measured(look: Look, course: Points, before: OnFrame | None = None) -> OnFrame:
    """What is to be known of a wire on a frame."""
    strip = Strip.of(look, course, 12)
    shows = strip.shown > SHOWS
    wide = width_px(look.luma, course, shows)
    if before is not None:
        # A wire does not change its width; what is measured of it does.
        wide = 0.8 * before.width_px + 0.2 * wide
    leaves = (_at_edge(course[0], look.shape), _at_edge(course[-1], look.shape))
    return OnFrame(course, wide, float(strip.score(np.zeros(len(course)))), shows, leaves)


def _with_ends(look: Look, course: Points, leaves: tuple[bool, bool], beyond: float) -> Points:
    """A course cut, or carried on, to where the evidence ends; where it leaves the picture, to the picture's edge."""
    course = _to_edges(course, look.shape, leaves)
    if len(course) < 2 * BLOCK_PX:
        return course
    reach = round(beyond)
    before, after = (0 if leaves[0] else reach), (0 if leaves[1] else reach)
    longer = _carried_on(course, before, after)
    strip = Strip.of(look, longer, 12)
    gain = np.where(strip.inside, strip.shown - SHOWS, -SHOWS) / BLOCK_PX
    middle = len(longer) // 2
    last = len(longer) if leaves[1] else middle + _end(gain[middle:], len(longer) - after - middle, reach)
    first = 0 if leaves[0] else middle - _end(gain[:middle][::-1], middle - before, reach)
    return longer[first:last]


def _end(gain: NDArray[np.float64], usual: int, reach: int) -> int:
    """How many pixels from the middle on are wire: to where most evidence is gathered, near where it ended before."""
    places = np.arange(1, len(gain) + 1)
    near = np.abs(places - usual) <= reach
    total = np.cumsum(gain) - CREEP_COST / BLOCK_PX * np.abs(places - usual)
    total[~near] = -np.inf
    return int(total.argmax()) + 1 if near.any() else len(gain)


def _carried_on(course: Points, before: int, after: int) -> Points:
    """A course with so many pixels more at its ends, straight on."""
    part = min(20, len(course) - 1)
    one, other = course[0] - course[part], course[-1] - course[-1 - part]
    head = course[0] + one / max(float(np.hypot(*one)), 1e-9) * np.arange(before, 0, -1)[:, None]
    tail = course[-1] + other / max(float(np.hypot(*other)), 1e-9) * np.arange(1, after + 1)[:, None]
    return np.concatenate([head, course, tail])


def _to_edges(course: Points, shape: tuple[int, ...], leaves: tuple[bool, bool]) -> Points:
    """A course that reaches the picture's edge where it leaves the picture; cut to what is inside it."""
    longer = _carried_on(course, 40 if leaves[0] else 0, 40 if leaves[1] else 0)
    inside = (longer[:, 0] > -1) & (longer[:, 0] < shape[1]) & (longer[:, 1] > -1) & (longer[:, 1] < shape[0])
    if not inside.any():
        return longer[:1]
    places = np.flatnonzero(inside)
    return longer[places[0] : places[-1] + 1]


def _at_edge(point: Points, shape: tuple[int, ...], farther: float = 0.0) -> bool:
    x, y = point
    near = EDGE_PX * max(shape[1] / SD_WIDTH, 1.0) + farther
    return bool(x < near or y < near or x > shape[1] - 1 - near or y > shape[0] - 1 - near)


def _long_enough(course: Points, shape: tuple[int, ...]) -> bool:
    return len(course) >= max(LEAST_LENGTH_PX * shape[1] / SD_WIDTH, 2 * BLOCK_PX)


def _with_gaps(on: OnFrame, look: Look, beside: Look) -> OnFrame:
    """The wire with short gaps in what shows of it closed: shorter ones where it crosses what moves by itself."""
    size = max(look.shape[1] / SD_WIDTH, 0.5)
    figure = on_figure(on.course, look, beside)
    shows = on.shows & ~(figure & ~_steadily(on.shows))
    shows |= _in_its_tone(look, on.course, shows)
    for start, stop in _runs(~shows):
        longest = (GAP_ON_FIGURE_PX if figure[start:stop].mean() > 0.5 else GAP_PX) * size
        # An end without evidence is no wire, a gap between two parts of it may be.
        if stop - start <= longest or (not figure[start:stop].any() and stop - start <= BLOCK_PX * 3):
            shows[start:stop] = True
    if not shows.any():
        shows = on.shows
    return OnFrame(on.course, on.width_px, on.score, shows, on.leaves)


def _steadily(shows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where most of what is around shows: noise shows here and there."""
    share = cv2.blur(shows.astype(np.float32)[:, None], (1, 2 * BLOCK_PX + 1)).reshape(-1)
    return np.asarray(share > 0.6)


def _in_its_tone(look: Look, course: Points, shows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a course has the tone that the wire has where it shows, nowhere if that is no one tone."""
    at = course.astype(np.float32)
    tone = cv2.remap(look.luma, at[:, :1], at[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    tone = tone.reshape(-1).astype(np.float32)
    if not shows.any():
        return shows
    own = float(np.median(tone[shows]))
    if 1.4826 * float(np.median(np.abs(tone[shows] - own))) > TONE_SPREAD:
        return np.zeros_like(shows)
    return _steadily(np.abs(tone - own) <= TONE_OFF)


def on_figure(course: Points, look: Look, beside: Look) -> NDArray[np.bool_]:
    """`(n,)`: where both sides of a course move otherwise than the scene as a whole."""
    flow = MotionEstimator(Effort.FOLLOW).flow(look.luma, beside.luma)
    odd = np.hypot(*np.moveaxis(flow - np.median(flow.reshape(-1, 2), axis=0), 2, 0)).astype(np.float32)
    size = max(look.shape[1] / SD_WIDTH, 0.5)
    side = normals(course) * BESIDE_PX * size
    moving = np.ones(len(course), np.bool_)
    for sign in (-1, 1):
        at = (course + sign * side).astype(np.float32)
        seen = cv2.remap(odd, at[:, :1], at[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        moving &= seen.reshape(-1) > MOVES_PX * size
    return moving


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], mask.astype(np.int8), [0]])))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
