"""Which lines are scratches: one decision a line over the whole shot.

A scratch lies in the film, not in the scene: it keeps its place in the frame, or wanders a few pixels, whatever the
scene does behind it. A door frame, a pole or a string goes along with the scene. Where the scene never moved and the
line never stirred, nothing tells one from the other, and the answer is no.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.evidence import Evidence, TrackLimits
from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.linking import Chain, chains_of, size_of
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.standing import Standing, StandingLimits

Doubles = npt.NDArray[np.float64]


class Reason(StrEnum):
    """What decided about a line."""

    STAYED = "it stays while the scene passes behind it"
    PATH = "it keeps its place while the scene moves"
    STEADY = "it does not tremble with the scene"
    WANDERS = "it wanders of its own accord"
    RUNS_ON = "it leaves one frame where it enters the next, as the film runs"
    FOLLOWS = "it goes along with the scene"
    PASSES = "it passes by"
    STILL = "it stands stiller than film does in the gate"
    UNSURE = "it seems to wander, but shows too little of itself to be told from a line of the scene"
    NOTHING = "nothing moved that could tell it from a line of the scene"
    TOO_LITTLE = "too little of it shows"
    TOO_WIDE = "it is too wide"

    @property
    def is_scratch(self) -> bool:
        """Whether that makes it a scratch."""
        return self in {Reason.STAYED, Reason.PATH, Reason.STEADY, Reason.WANDERS, Reason.RUNS_ON}


@dataclass(frozen=True)
class Knot:
    """Where a track is in one frame."""

    frame: int
    """0-based position in the reel."""
    x_top: float
    x_bottom: float


@dataclass(frozen=True)
class Track:
    """One line over a shot, and what was decided about it."""

    knots: tuple[Knot, ...]
    """In order of time; between them the line runs straight."""
    width_px: float
    seen: int
    """Frames on which it was found."""
    coverage: float
    """Share of the height that shows it, on average."""
    confidence: float
    """Mean confidence where it shows, 0-1."""
    dark: bool
    picture_px: int
    """Width of the picture."""
    reason: Reason

    @property
    def first(self) -> int:
        """First frame it is on."""
        return self.knots[0].frame

    @property
    def last(self) -> int:
        """Last frame it is on, inclusive."""
        return self.knots[-1].frame

    @property
    def is_scratch(self) -> bool:
        """Whether it was taken for a scratch."""
        return self.reason.is_scratch

    @property
    def place(self) -> float:
        """Where it is on average, as a share of the picture's width."""
        return sum(knot.x_top + knot.x_bottom for knot in self.knots) / (2 * len(self.knots) * self.picture_px)

    @property
    def area_px(self) -> float:
        """Pixels a row that it covers, summed over its frames."""
        return self.width_px * self.coverage * (self.last - self.first + 1)


def find_tracks(lines: Iterable[Line], shot: Shot, limits: TrackLimits | None = None) -> list[Track]:
    """The scratches of one shot, from left to right.

    Args:
        lines: of the shot's frames, in any order; lines of other frames are left out.
        shot: the shot.
        limits: what makes a scratch.
    """
    return [track for track in judged_tracks(lines, shot, limits) if track.is_scratch]


def judged_tracks(lines: Iterable[Line], shot: Shot, limits: TrackLimits | None = None) -> list[Track]:
    """Every line of a shot that shows on some frames, with what was decided about it."""
    limits = limits or TrackLimits()
    own = [line for line in lines if shot.start <= line.frame < shot.stop]
    moves = {line.frame: line.whole_px for line in own}
    chains = chains_of(own, limits.links)
    fewest = min(limits.fewest_frames, max(shot.frames, 3))
    tracks = [_judged(chain, limits, moves) for chain in chains if len(chain) >= fewest]
    return sorted(tracks, key=lambda track: (track.knots[0].x_top + track.knots[0].x_bottom, track.first))


def _judged(chain: Chain, limits: TrackLimits, moves: Mapping[int, float]) -> Track:
    reason = _reason(chain, limits, moves)
    weight = np.array([line.coverage for line in chain])
    return Track(
        knots=_knots(chain),
        width_px=float(np.percentile([line.width_px for line in chain], 75)),
        seen=len(chain),
        coverage=float(weight.mean()),
        confidence=float(np.average([line.confidence for line in chain], weights=weight)),
        picture_px=chain[0].picture_px,
        dark=float(np.median([line.ridge for line in chain])) < 0,
        reason=reason,
    )


def _reason(chain: Chain, limits: TrackLimits, moves: Mapping[int, float]) -> Reason:
    """What decides, the first that holds."""
    one, own = Evidence.of(chain, limits), StandingLimits()
    look = Standing.of(chain, one, moves)
    wanders, strong = one.own >= limits.wander_px, one.strength >= limits.strength
    passed = one.scene >= limits.passed_px and one.own < 0.5 * one.relative and one.follows <= one.stays
    runs_on = one.run_on >= limits.run_on and look.run_on_t >= own.run_on_t and one.strength >= own.run_on_strength
    strays = strong and wanders and one.relative >= 0.7 * one.own and one.heights >= limits.wander_heights
    clear = look.wanders(one, own) and look.shows(one, own) and look.apart(one, limits, own)
    reasons = (
        (Reason.TOO_LITTLE, one.heights < limits.heights or one.seen_share < limits.seen_share),
        (Reason.TOO_WIDE, one.wide > limits.widest_px),
        (Reason.FOLLOWS, look.follows(limits, own) and one.stays < limits.stay_heights),
        (Reason.RUNS_ON, wanders and runs_on and not one.passes),
        (Reason.FOLLOWS, one.scene >= limits.wander_px and one.relative < 0.5 * one.own),
        (
            Reason.FOLLOWS,
            one.trembles.along(limits) and one.stays < limits.stay_heights and not look.behind(limits, own),
        ),
        (Reason.FOLLOWS, one.follows > max(2 * one.stays, limits.stay_heights)),
        (Reason.PASSES, one.passes),
        (Reason.STILL, one.seen >= own.still_frames and (one.own < limits.still_px or look.core < own.still_px)),
        (Reason.STAYED, one.stays >= max(limits.stay_heights, 2 * one.follows)),
        (Reason.STEADY, strong and one.trembles.apart(limits)),
        (Reason.PATH, strong and passed and look.passed(one, limits) and one.heights >= own.path_heights),
        (Reason.WANDERS, strays and clear),
        (Reason.UNSURE, strays),
    )
    return next((reason for reason, holds in reasons if holds), Reason.NOTHING)


def _knots(chain: Chain) -> tuple[Knot, ...]:
    """The line's course in few knots: smoothed over three sightings, then as many as a pixel asks for."""
    tolerance_px = max(0.75, size_of(chain[0]))
    frames = np.array([line.frame for line in chain])
    tops, bottoms = (_smooth(np.array([getattr(line, name) for line in chain])) for name in ("x_top", "x_bottom"))
    kept = {0, len(chain) - 1}
    open_ = [(0, len(chain) - 1)]
    while open_:
        first, last = open_.pop()
        if last - first < 2:
            continue
        inner = np.arange(first + 1, last)
        away = np.zeros(len(inner))
        for values in (tops, bottoms):
            straight = np.interp(frames[inner], frames[[first, last]], values[[first, last]])
            away = np.maximum(away, np.abs(values[inner] - straight))
        if away.max() > tolerance_px:
            worst = int(inner[away.argmax()])
            kept.add(worst)
            open_ += [(first, worst), (worst, last)]
    return tuple(Knot(int(frames[i]), round(float(tops[i]), 2), round(float(bottoms[i]), 2)) for i in sorted(kept))


def _smooth(values: Doubles) -> Doubles:
    """Each value the median of itself and its two neighbours; the ends stay."""
    if len(values) < 3:
        return values
    middle = np.median(np.stack([values[:-2], values[1:-1], values[2:]]), axis=0)
    return np.concatenate([values[:1], middle, values[-1:]])
