"""Which lines are scratches: one decision a line over the whole shot.

A scratch lies in the film, not in the scene: it keeps its place in the frame, or wanders a few pixels, whatever the
scene does behind it. A door frame, a pole or a string goes along with the scene. Where the scene never moved and the
line never stirred, nothing tells one from the other, and the answer is no.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.linking import Chain, LinkLimits, chains_of, size_of
from restoration_tasks.assessment.shots import Shot

Doubles = npt.NDArray[np.float64]

_DOZEN = 12
_EVEN_SHARE = 0.1
"""An even movement strays by less than this share of its way."""
_RUN_ON_GAIN = (0.35, 2.0)
"""Moves per lean, where one follows from the other (1 without errors of measurement)."""


@dataclass(frozen=True)
class TrackLimits:
    """What makes a scratch. Chosen on simulated scratches and on clean shots full of upright lines.

    Lengths are in pixels of a scan 720 wide and grow with its width.
    """

    links: LinkLimits = field(default_factory=LinkLimits)
    drift_px: float = 1.3
    """How far it may drift in one frame on average: what goes on and on in one direction passes by."""
    fewest_frames: int = 4
    """Frames it must be seen on."""
    heights: float = 2.0
    """Evidence on so many frame heights in all."""
    seen_share: float = 0.3
    """Share of its frames on which it must be seen."""
    widest_px: float = 16.0
    """Wider lines are things (scratches are 3 to 10 px: Kokaram 1998)."""
    stay_heights: float = 0.6
    """So many frame heights where the scene passed behind it and it stayed."""
    passed_px: float = 3.0
    """The scene must have moved so far for its path to say anything."""
    wander_px: float = 1.5
    """A line that wandered so far of its own accord tells itself from the scene."""
    wander_heights: float = 3.0
    """... if it shows on so many frame heights."""
    run_on: float = 0.5
    """Correlation, over eight frames or more, of a line's lean with its move to the next frame."""
    still_px: float = 0.7
    """A line that never strays so far in a dozen frames stands still as no film does in the gate: it is a thing fixed
    to the camera."""


class Reason(StrEnum):
    """What decided about a line."""

    STAYED = "it stays while the scene passes behind it"
    PATH = "it keeps its place while the scene moves"
    WANDERS = "it wanders of its own accord"
    RUNS_ON = "it leaves one frame where it enters the next, as the film runs"
    FOLLOWS = "it goes along with the scene"
    PASSES = "it passes by"
    STILL = "it stands stiller than film does in the gate"
    NOTHING = "nothing moved that could tell it from a line of the scene"
    TOO_LITTLE = "too little of it shows"
    TOO_WIDE = "it is too wide"

    @property
    def is_scratch(self) -> bool:
        """Whether that makes it a scratch."""
        return self in {Reason.STAYED, Reason.PATH, Reason.WANDERS, Reason.RUNS_ON}


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
    chains = chains_of((line for line in lines if shot.start <= line.frame < shot.stop), limits.links)
    fewest = min(limits.fewest_frames, max(shot.frames, 3))
    tracks = [_judged(chain, limits) for chain in chains if len(chain) >= fewest]
    return sorted(tracks, key=lambda track: (track.knots[0].x_top + track.knots[0].x_bottom, track.first))


def _judged(chain: Chain, limits: TrackLimits) -> Track:
    reason = _reason(chain, limits)
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


@dataclass(frozen=True)
class _Evidence:
    """What a chain says, in numbers."""

    seen: int
    seen_share: float
    heights: float
    """Frame heights on which it shows, in all."""
    wide: float
    """Width, at 720 pixels."""
    stays: float
    follows: float
    """Frame heights on which it stayed, or went along, while the scene moved."""
    own: float
    """Range of its way across the frame, px at 720."""
    relative: float
    """Range of its way across the scene."""
    scene: float
    """Range of the scene's way across the frame."""
    run_on: float
    passes: bool

    @classmethod
    def of(cls, chain: Chain, limits: TrackLimits) -> _Evidence:
        """Weigh a chain."""
        size = size_of(chain[0])
        line_path, scene_path = _paths(chain)
        return cls(
            seen=len(chain),
            seen_share=len(chain) / (chain[-1].frame - chain[0].frame + 1),
            heights=sum(line.coverage for line in chain),
            wide=float(np.median([line.width_px for line in chain])) / size,
            stays=sum(line.stays for line in chain),
            follows=sum(line.follows for line in chain),
            own=_range(line_path) / size,
            relative=_range(line_path - scene_path) / size,
            scene=_range(scene_path) / size,
            run_on=_run_on(chain, line_path),
            passes=_passes(chain, line_path / size, limits),
        )


def _reason(chain: Chain, limits: TrackLimits) -> Reason:
    """What decides, the first that holds."""
    one = _Evidence.of(chain, limits)
    wanders = one.own >= limits.wander_px
    reasons = (
        (Reason.TOO_LITTLE, one.heights < limits.heights or one.seen_share < limits.seen_share),
        (Reason.TOO_WIDE, one.wide > limits.widest_px),
        (Reason.RUNS_ON, wanders and one.run_on >= limits.run_on and not one.passes),
        (Reason.FOLLOWS, one.scene >= limits.wander_px and one.relative < 0.5 * one.own),
        (Reason.FOLLOWS, one.follows > max(2 * one.stays, limits.stay_heights)),
        (Reason.PASSES, one.passes),
        (Reason.STILL, one.own < limits.still_px and one.seen >= _DOZEN),
        (Reason.STAYED, one.stays >= max(limits.stay_heights, 2 * one.follows)),
        (Reason.PATH, one.scene >= limits.passed_px and one.own < 0.5 * one.relative and one.follows <= one.stays),
        (Reason.WANDERS, wanders and one.relative >= 0.7 * one.own and one.heights >= limits.wander_heights),
    )
    return next((reason for reason, holds in reasons if holds), Reason.NOTHING)


def _paths(chain: Chain) -> tuple[Doubles, Doubles]:
    """Where the line was, and how far the scene had gone by then, px across."""
    line_path = np.array([line.x_middle for line in chain])
    steps = [line.scene_px * (line.frame - before.frame) for before, line in pairwise(chain)]
    return line_path, np.concatenate([[0.0], np.cumsum(steps)])


def _range(path: Doubles) -> float:
    """How far apart the ends of a path's middle nine tenths are."""
    low, high = np.percentile(path, (5, 95))
    return float(high - low)


def _passes(chain: Chain, path: Doubles, limits: TrackLimits) -> bool:
    """Whether the line goes on and on in one direction, fast, or slower and as evenly as things do.

    Args:
        chain: the line.
        path: where it was, px at 720.
        limits: what is fast.
    """
    frames = np.array([line.frame for line in chain], float)
    span = float(frames[-1] - frames[0])
    if span < 3:
        return False
    speed, start = np.polyfit(frames, path, 1)
    even = float(np.std(path - start - speed * frames)) < _EVEN_SHARE * abs(speed) * span
    return abs(float(speed)) > limits.drift_px * (0.4 if even and span >= 8 else 1.0)


def _run_on(chain: Chain, path: Doubles) -> float:
    """Correlation of how a line leans in a frame with how far it is moved in the next one; 0 where too few say.

    What scratches the film does so while it runs: where the line leaves one frame it enters the next. A line of the
    scene leans as it leans.
    """
    frames = np.array([line.frame for line in chain])
    next_ = np.flatnonzero(np.diff(frames) == 1)
    if len(next_) < 8:
        return 0.0
    moves = np.diff(path)[next_]
    leans = np.array([line.x_bottom - line.x_top for line in chain])[next_]
    if moves.std() < 0.1 or leans.std() < 0.1:
        return 0.0
    correlation = float(np.corrcoef(moves, leans)[0, 1])
    gain = correlation * float(moves.std() / leans.std())
    return correlation if _RUN_ON_GAIN[0] <= gain <= _RUN_ON_GAIN[1] else 0.0


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
