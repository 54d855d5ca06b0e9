"""What a line shows over a whole shot, in numbers: how it moves, how the scene moves, and how the two go together."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.linking import Chain, LinkLimits, size_of

Doubles = npt.NDArray[np.float64]

_EVEN_SHARE = 0.1
"""An even movement strays by less than this share of its way."""
_ALONG = (0.5, 1.8)
"""Slope of what may go along with the scene. A strong line over a flat scene draws the flow beside it along a little:
then it seems to move several times as far."""
_EVEN_DRIFT = 0.25
"""Share of the drift limit from which an even movement passes by (a camera that turns moves its lines so)."""
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
    stay_heights: float = 1.0
    """So many frame heights where the scene passed behind it and it stayed: less may be one piece of a flow gone wrong
    (on training clips, four lines of the scene showed 0.6 to 0.7, one scratch in sixteen less than 1.2)."""
    passed_px: float = 3.0
    """The scene must have moved so far, beside going to and fro, for its path to say anything."""
    wander_px: float = 1.5
    """A line that wandered so far of its own accord tells itself from the scene."""
    wander_heights: float = 3.0
    """... if it shows on so many frame heights."""
    strength: float = 0.2
    """Coverage times confidence that a line must have where only its way speaks for it: of faint lines the way is
    measured badly."""
    trembling_px: float = 0.2
    """How much the scene must move to and fro from frame to frame (standard deviation, px of the scan) to say
    anything."""
    sure: float = 2.0
    """Standard errors by which a line must tremble with the scene; half as many again for it not to."""
    run_on: float = 0.5
    """Correlation, over eight frames or more, of a line's lean with its move to the next frame."""
    still_px: float = 0.7
    """A line that never strays so far in several frames stands still as no film does in the gate: it is a thing fixed
    to the camera."""


@dataclass(frozen=True)
class Trembling:
    """Whether a line moves to and fro with the scene, from frame to frame.

    Film weaves in the gate, and with it the scene, but not what lies on the film.
    """

    slope: float
    """Pixels that the line moves for a pixel of the scene: 1 for a line of the scene, 0 for a scratch."""
    error: float
    """Its standard error; infinite where too few frames say."""
    scene_px: float
    """Standard deviation of the scene's moves."""

    @classmethod
    def of(cls, chain: Chain, path: Doubles) -> Trembling:
        """Regress the line's moves on the scene's, clearer sightings counting more."""
        next_ = np.flatnonzero(np.diff([line.frame for line in chain]) == 1)
        if len(next_) < 6:
            return cls(0.0, np.inf, 0.0)
        coverage = np.array([line.coverage for line in chain])
        weight = np.minimum(coverage[next_], coverage[next_ + 1])
        moves, scene = np.diff(path)[next_], np.array([line.scene_px for line in chain])[next_ + 1]
        moves, scene = moves - np.average(moves, weights=weight), scene - np.average(scene, weights=weight)
        most = 3 * (1.4826 * float(np.median(np.abs(moves))) + 0.2)
        moves = np.clip(moves, -most, most)  # sightings of something else
        spread = float(np.average(np.square(scene), weights=weight)) + 1e-6
        slope = float(np.average(moves * scene, weights=weight)) / spread
        left = float(np.average(np.square(moves - slope * scene), weights=weight)) + 0.02
        count = float(weight.sum() ** 2 / np.square(weight).sum())
        return cls(slope, float(np.sqrt(left / (count * spread))), float(np.sqrt(spread)))

    def along(self, limits: TrackLimits) -> bool:
        """It moves with the scene, and as far."""
        if self.scene_px < limits.trembling_px or not _ALONG[0] <= self.slope <= _ALONG[1]:
            return False
        return self.slope > limits.sure * self.error and abs(self.slope - 1) <= limits.sure * self.error

    def apart(self, limits: TrackLimits) -> bool:
        """The scene moves to and fro and it does not."""
        if self.scene_px < limits.trembling_px or abs(self.slope) > limits.sure * self.error:
            return False
        return 1 - self.slope > 1.5 * limits.sure * self.error


@dataclass(frozen=True)
class Evidence:
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
    strength: float
    """Coverage times confidence."""
    run_on: float
    passes: bool
    trembles: Trembling

    @classmethod
    def of(cls, chain: Chain, limits: TrackLimits) -> Evidence:
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
            strength=float(np.mean([line.coverage * line.confidence for line in chain])),
            run_on=_run_on(chain, line_path),
            passes=_passes(chain, line_path / size, limits),
            trembles=Trembling.of(chain, line_path),
        )


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
    return abs(float(speed)) > limits.drift_px * (_EVEN_DRIFT if even and span >= 8 else 1.0)


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
