"""What a line's look says for it, and how its way goes together with that of the whole scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.evidence import Evidence, TrackLimits, Trembling
from restoration_tasks.assessment.linking import CLEAR_RIDGE, Chain, size_of


@dataclass(frozen=True)
class StandingLimits:
    """What a line must show before its own way is believed.

    Chosen on simulated scratches over training clips, on upright lines before training clips and the validation clip,
    and by looking at real film; never on the test's clips.
    """

    strength: float = 0.5
    """Coverage times confidence of a line that nothing but its wandering speaks for. Of 48 simulated scratches three
    had less; the panel of a door on real film, which seemed to wander, had 0.34."""
    far_strength: float = 0.3
    """... of one that strays by `far_px` and more, farther than a place is ever measured wrong, ..."""
    far_px: float = 5.0
    far_times: float = 2.5
    """... and so many times as far as the scene goes to and fro, ..."""
    far_seen_share: float = 0.5
    """... and is seen on so many of its frames: what comes and goes may each time be another line."""
    alike: float = 0.8
    """Share of its clear sightings that must be bright, or dark, as most of them are."""
    step: float = 2.5
    """How many times as much its two sides may differ as it stands out from them: more is the edge of something."""
    farther: float = 1.5
    """How many times as far as the scene goes to and fro a line must go that is not seen to stay behind; ..."""
    doubted_farther: float = 3.0
    """... and one that rather seems to tremble with it."""
    run_on_t: float = 2.5
    """Student's t of the correlation of leans with moves: few frames correlate by chance."""
    run_on_strength: float = 0.3
    """Coverage times confidence of a line that is believed to run on from frame to frame."""
    wander_px: float = 3.0
    """How far a line must go that nothing but its wandering speaks for: of simulated scratches none was told by less,
    lines of a scene that trembles were."""
    hop_px: float = 6.0
    """Second difference of its way, in the median, from which it does not wander but hops from one thing to another.
    Simulated scratches, sighted as badly as they are, show up to 4.7."""
    path_heights: float = 3.0
    """Frame heights that a line must show on to be told by the length of the scene's way."""
    still_px: float = 0.5
    """A line whose way stays within so much, but for a fifth of its sightings, stands stiller than film in the gate."""
    still_frames: int = 8
    """... on so many frames."""
    along: float = 0.4
    """Pixels that a line surely moves for a pixel of the whole scene, from which it is one of the scene's."""
    sure: float = 2.0
    """Standard errors that make it sure."""


@dataclass(frozen=True)
class Standing:
    """One line's look and way beside the whole scene's, in numbers."""

    whole: Trembling
    """How it moves to and fro with the whole scene. Weave moves every line of the scene, however flat its surround."""
    scene: float
    """Range of the whole scene's way across the frame, px at 720 wide."""
    weave: float
    """The same but for an even drift: how far the scene goes to and fro."""
    relative: float
    """Range of its way across the whole scene, px at 720."""
    core: float
    """Range of the middle eight tenths of its way, px at 720: a sighting of something else now and then has no say."""
    hops: float
    """Median second difference of its way, sighting by sighting, px at 720."""
    alike: float
    """Share of its clear sightings that are bright, or dark, as most are; 1 where none is clear."""
    step: float
    """How much its two sides differ, in shares of what it stands out from them."""
    run_on_t: float
    """Student's t of how its leans and its moves correlate."""

    @classmethod
    def of(cls, chain: Chain, one: Evidence, moves: Mapping[int, float]) -> Standing:
        """Weigh a chain.

        Args:
            chain: the line.
            one: what it shows otherwise.
            moves: by frame of the shot, how far the whole scene moved to it from the frame before, px; frames that
                nothing is known of are left out.
        """
        path, size = np.array([line.x_middle for line in chain]), size_of(chain[0])
        first, last = chain[0].frame, chain[-1].frame
        way = np.cumsum([0.0] + [moves.get(frame, 0.0) for frame in range(first + 1, last + 1)])
        beside = path - way[[line.frame - first for line in chain]]
        ridges = np.array([line.ridge for line in chain])
        clear = ridges[np.abs(ridges) >= CLEAR_RIDGE]
        bright = float(np.mean(clear > 0)) if len(clear) else 1.0
        pairs = sum(line.frame - before.frame == 1 for before, line in pairwise(chain))
        return cls(
            whole=Trembling.of([replace(line, scene_px=line.whole_px) for line in chain], path),
            scene=_spread(way, 90) / size,
            weave=_spread(_without_drift(way), 90) / size,
            relative=_spread(beside, 90) / size,
            core=_spread(path, 80) / size,
            hops=float(np.median(np.abs(np.diff(path, 2)))) / size if len(path) > 2 else 0.0,
            alike=max(bright, 1 - bright),
            step=float(np.median([line.step for line in chain])) / max(1.0, abs(float(np.median(ridges)))),
            run_on_t=one.run_on * float(np.sqrt(max(pairs - 2, 0) / max(1 - one.run_on**2, 1e-6))),
        )

    def follows(self, limits: TrackLimits, own: StandingLimits) -> bool:
        """It surely trembles with the whole scene, about as far."""
        whole = self.whole
        least, most = whole.slope - own.sure * whole.error, whole.slope + own.sure * whole.error
        return whole.scene_px >= limits.trembling_px and least >= own.along and most >= 1 and least <= 2

    def behind(self, limits: TrackLimits, own: StandingLimits) -> bool:
        """The whole scene trembles, and the line surely does not do so with it."""
        whole = self.whole
        return whole.scene_px >= limits.trembling_px and 1 - whole.slope > own.sure * whole.error

    def passed(self, one: Evidence, limits: TrackLimits) -> bool:
        """The whole scene went by, not only to and fro, and not only what lies close to the line."""
        return self.scene - self.weave >= limits.passed_px and one.own < 0.5 * self.relative

    def wanders(self, one: Evidence, own: StandingLimits) -> bool:
        """It goes far enough for that to be no error of measurement, and does not hop."""
        return one.own >= own.wander_px and self.hops <= own.hop_px

    def shows(self, one: Evidence, own: StandingLimits) -> bool:
        """Enough of it shows, a ridge of one polarity, for its wandering to be believed."""
        far = one.own >= max(own.far_px, own.far_times * self.weave) and one.seen_share >= own.far_seen_share
        ridge = self.alike >= own.alike and self.step <= own.step
        return ridge and one.strength >= (own.far_strength if far else own.strength)

    def apart(self, one: Evidence, limits: TrackLimits, own: StandingLimits) -> bool:
        """The whole scene stands still, or the line does not tremble with it, or goes farther."""
        if self.weave < limits.still_px or self.behind(limits, own):
            return True
        doubted = self.whole.scene_px >= limits.trembling_px and self.whole.slope >= max(0.5, self.whole.error)
        return one.own >= (own.doubted_farther if doubted else own.farther) * self.weave


def _without_drift(way: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """A way less its straight line over time: a pan is no weave."""
    times = np.arange(len(way))
    drift, start = np.polyfit(times, way, 1)
    return np.asarray(way - start - drift * times)


def _spread(values: npt.NDArray[np.float64], percent: float) -> float:
    """How far apart the ends of the middle of some values are."""
    low, high = np.percentile(values, (50 - percent / 2, 50 + percent / 2))
    return float(high - low)
