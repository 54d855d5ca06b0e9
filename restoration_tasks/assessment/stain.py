"""Stains: soft patches of added density that come, stay for some frames where they are on the frame, and go.

Each frame is laid over the one four before and the one four after along the motion found between them (dense inverse
search, Kroeger et al. 2016), in density, where a stain is a sum whatever it lies on. The tone the whole frame gained is
taken away, cells whose detail does not fit are trusted little, and the rest is smoothed to the size of a stain. The
patch that gained most towards each side is read: how much, where, how large, of which colour, and three things that
tell it from what a scene does by itself:

- *kept*: below a stain the detail of the picture stays what it was; below a thing that came or went it does not;
- *inside*: a stain fits at least as well inside as at its rim; what is left of misplaced edges does not;
- *shear*: how unevenly things move there. Where they do, motion is not known well enough to say anything.

A shot is judged by patches that are seen in the same place over three frames in a row, small ones over four. A stain
that does not change within a shot is part of the picture as far as this sees. Shadows keep detail, but hold back blue
no more than red. On grey film colour tells nothing: only what came and also went in the same place counts, and the
confidence is halved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, NamedTuple

import cv2
import numpy as np

from restoration_tasks.assessment.gained import DETAIL_DENSITY, Floats, Gained, reduced_density
from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances

LAG = 4
"""Frames between those that are compared; the shortest stains stay for eight."""
SMALLEST_SIDE = 24
TINT = (0.833, 0.958, 1.208)
"""Density of a yellow-brown stain in red, green and blue, mean 1: the middle of what the simulator knows."""
LEAST_BLUE = 0.9
"""A patch counts only as far as its density in blue passes this share of that in red; a shadow has 1 or less …"""
BLUE_WEIGHS = 5.0
"""… by so many times the excess, and by no more than its whole density."""
COLOURS = (0.95, 2.2)
"""Density in blue over that in red of a patch on a single frame …"""
COLOUR = 1.05
"""… and at least this on average."""
AREAS = (0.009, 0.4)
"""Least and largest share of the picture: a patch of radius 40 px in 720 is 0.009 down to half its depth."""
SMOOTH_CELLS = 1.5
NOISE_TIMES = 2.0
"""Times the usual gain (1.48 median absolute) of the frame that a patch must reach."""
LEAST_TRUST = 0.06
"""Mean trust over a patch and its rim below which it was not compared at all."""
SHEAR = 0.12
"""Shear (pixels a pixel) beyond which a cell does not count as seen."""
LARGE = 0.025
"""Share of the picture from which a patch is taken for large, mean over its frames: what a scene uncovers by itself is
seldom as large and as soft."""
FAINTEST, FAINT = 0.03, 0.044
"""Gain of density (mean of the channels) below which nothing is taken for a stain, and below which a patch must be
large and keep its detail (`FAINT_BAR`): small soft shadows gained 0.041."""
STEADY = 0.7
"""What outlines on frames in a row must have in common on average, share of what they cover together: a stain grows
denser where it is, a limb comes in. Of stains in training clips 0.76 to 0.98, of what moves 0.4 to 0.9."""
OUTLINE_CELLS = 96
"""Width at which outlines are compared."""
SAME_PLACE = 0.1
"""How far a patch may be from where it was first seen, share of the picture's sides."""
FREE_DENSITY, FULL_DENSITY = 0.03, 0.6
"""Gain at which severity is 0 and 100 for a patch of a twentieth of the picture; between them by octaves."""
ONSET = 2
"""Frames before a stain is first seen and after it is last seen that it is already, and still, on."""
RIM = 0.15
"""Share of the gain at its top that a patch's outline reaches out to …"""
WIDER_CELLS = 2
"""… and cells it is widened by: what is outside a stain loses nothing when a stain is taken off."""
FINER = 4
"""Steps of an outline to a cell."""
USUAL_AREA, BY_AREA = 0.05, 0.1
"""The gain is weighed with the area against a twentieth, to the power of 0.1."""


class _Bar(NamedTuple):
    """What a patch must be on average over the frames it is seen on."""

    frames: int
    """Frames in a row, at least."""
    kept: float
    inside: float
    """At least …"""
    shear: float
    """… and at most."""

    def holds(self, frames: int, mean: _Patch) -> bool:
        """Whether a patch seen on so many frames, and on average so, passes it."""
        fits = mean.kept >= self.kept and mean.inside >= self.inside
        return frames >= self.frames and fits and mean.shear <= self.shear


# Set on the recipe's stains over thirteen takes of training clips and photographs, against the takes as they are and
# under rain, snow, fireworks and glitter. Small patches that came by themselves (limbs, things uncovered) had kept 0.1
# to 0.85 or shear beyond 0.1; of the large ones none had kept over 0.4 with inside over 0.5.
LARGE_BAR = _Bar(frames=3, kept=0.45, inside=0.85, shear=0.2)
FAINT_BAR = _Bar(frames=3, kept=0.85, inside=1.0, shear=0.12)
SMALL_BAR = _Bar(frames=4, kept=0.88, inside=1.0, shear=0.1)


@dataclass(frozen=True)
class StainReading:
    """The patch that gained most density since four frames before, and the one that will lose most until four after.

    Where nothing was found, or there is no such frame in the shot, its figures are 0.
    """

    came: float
    """Density gained, mean of the channels, 0 or more."""
    came_x: float
    came_y: float
    """Middle of the patch, shares of width and height, 0–1."""
    came_area: float
    """Share of the picture that gained at least half as much, 0–1."""
    came_colour: float
    """Density gained in blue over that in red, 0–9; 1 on grey film."""
    came_kept: float
    """How far detail stayed the same there, up to 1 (all of it)."""
    came_inside: float
    """How well it fits inside the patch against its rim, 0–9."""
    came_shear: float
    """How unevenly the picture moves there, pixels a pixel."""
    goes: float
    """Density that will be lost; the others as above."""
    goes_x: float
    goes_y: float
    goes_area: float
    goes_colour: float
    goes_kept: float
    goes_inside: float
    goes_shear: float
    seen: float
    """Share of the picture that could be compared, 0–1."""
    came_outline: tuple[float, ...] = ()
    """Corners of the patch and what is soft about it, x and y in turn, shares of width and height."""
    goes_outline: tuple[float, ...] = ()


class _Patch(NamedTuple):
    """One side of a reading, in its order."""

    gain: float = 0.0
    x: float = 0.0
    y: float = 0.0
    area: float = 0.0
    colour: float = 0.0
    kept: float = 0.0
    inside: float = 0.0
    shear: float = 0.0


@dataclass(frozen=True)
class _Stain:
    """A patch that was seen over several frames."""

    gain: float
    area: float
    frame: int
    """Position in the shot of the frame that shows it best."""
    x: float
    y: float
    first: int
    last: int
    """Positions of the frames that show it in a row, the last included."""

    @property
    def places(self) -> range:
        """The frames that show it."""
        return range(self.first, self.last + 1)

    @property
    def weighed(self) -> float:
        """The gain, weighed with the area."""
        return float(self.gain * (self.area / USUAL_AREA) ** BY_AREA)


class StainGauge(Gauge[StainReading]):
    """Reads what grew denser up to a frame, and what will grow lighter after it."""

    category: ClassVar[Category] = Category.STAIN
    reading: ClassVar[type[StainReading]] = StainReading
    radius: ClassVar[int] = LAG

    def read(self, window: Glances) -> StainReading:
        """Compare a frame with those four frames away."""
        here = reduced_density(window[0])
        sides = [_Patch(), _Patch()]
        outlines: list[tuple[float, ...]] = [(), ()]
        seen = [0.0]
        for place, at in enumerate((-LAG, LAG)):
            if at in window and min(here[0].shape) >= SMALLEST_SIDE and window[at].rows.shape == window[0].rows.shape:
                change = Gained.between(here, reduced_density(window[at]))
                sides[place], outlines[place], share = _most_gained(change)
                seen.append(share)
        return StainReading(*sides[0], *sides[1], max(seen), *outlines)

    def judge(self, rows: Sequence[StainReading], shot: ShotFacts) -> Verdict:
        """Look for patches that stay in their place."""
        came, goes = (_stains(rows, side, shot.scan.grey) for side in ("came", "goes"))
        if shot.scan.grey:
            came, goes = _both(came, goes)
        worst = max((*came, *goes), key=lambda stain: stain.weighed, default=None)
        severity = stain_severity(worst.gain, worst.area) if worst else 0.0
        seen = float(np.mean([row.seen for row in rows]))
        confidence = min(2.0 * seen, 1.0) * (0.5 if shot.scan.grey else 1.0)
        words = (
            f"A stain darkens {100 * worst.area:.0f} % of the picture by {worst.gain:.2f} density within {LAG} frames."
            if worst
            else "No soft patch of density comes or goes."
        )
        figures = {
            "came": len(came),
            "went": len(goes),
            "gain_density": round(worst.gain, 4) if worst else 0.0,
            "area_share": round(worst.area, 4) if worst else 0.0,
            "x_share": round(worst.x, 3) if worst else None,
            "y_share": round(worst.y, 3) if worst else None,
        }
        return Verdict(self.category, severity, confidence, words, figures, shot.start + worst.frame if worst else None)


def stain_severity(gain: float, area_share: float = USUAL_AREA) -> float:
    """0 … 100 of the density gained within four frames, by octaves: 0 up to 0.03, 50 at 0.13, 100 from 0.6.

    Args:
        gain: mean of the channels.
        area_share: of the picture, 0–1; ten times the area weighs as a gain 1.26 times as large.
    """
    if gain <= 0 or area_share <= 0:
        return 0.0
    weighed = gain * (area_share / USUAL_AREA) ** BY_AREA
    return float(np.clip(100.0 * np.log(weighed / FREE_DENSITY) / np.log(FULL_DENSITY / FREE_DENSITY), 0.0, 100.0))


@dataclass(frozen=True)
class LastingStain:
    """A stain that was seen to come and to go in one place."""

    first: int
    last: int
    """Positions in the shot of the frames it is on, the last included."""
    gain: float
    """Density, mean of the channels."""
    area: float
    """Share of the picture, 0–1."""
    outlines: tuple[tuple[float, ...], ...]
    """As it came and as it went; see `StainReading.came_outline`."""


def lasting_stains(rows: Sequence[StainReading], grey: bool) -> list[LastingStain]:
    """The stains of a shot that both came and went within it: nothing that moves by itself was seen to do so.

    Args:
        rows: of every frame of the shot, in order.
        grey: whether the scan has one channel only.
    """
    came, goes = (_stains(rows, side, grey) for side in ("came", "goes"))
    found = []
    for one in came:
        after = [other for other in goes if other.last > one.first and _same_place(one, other)]
        if not after:
            continue
        other = min(after, key=lambda stain: stain.last)
        outlines = (rows[one.frame].came_outline, rows[other.frame].goes_outline)
        found.append(
            LastingStain(
                max(one.first - ONSET, 0),
                min(other.last + ONSET, len(rows) - 1),
                max(one.gain, other.gain),
                max(one.area, other.area),
                tuple(outline for outline in outlines if outline),
            )
        )
    return found


def _same_place(one: _Stain, other: _Stain) -> bool:
    return bool(np.hypot(one.x - other.x, one.y - other.y) <= SAME_PLACE)


def _side(row: StainReading, name: str) -> tuple[float, ...]:
    return (getattr(row, name), *(getattr(row, f"{name}_{field}") for field in _Patch._fields[1:]))


def _stains(rows: Sequence[StainReading], side: str, grey: bool) -> list[_Stain]:
    """Patches that stay in their place and are what a stain is; the side is `came` or `goes`."""
    patches = [_Patch(*_side(row, side)) for row in rows]
    found: list[_Stain] = []
    for faintest in (FAINT, FAINTEST):
        for run in _runs(patches, faintest):
            seen = [patches[place] for place in run]
            mean = _Patch(*np.mean(seen, axis=0))
            bar = FAINT_BAR if faintest < FAINT else LARGE_BAR if mean.area >= LARGE else SMALL_BAR
            if (mean.area < LARGE and faintest < FAINT) or any(set(run) & set(one.places) for one in found):
                continue
            outlines = [getattr(rows[place], f"{side}_outline") for place in run]
            if not bar.holds(len(run), mean) or (not grey and mean.colour < COLOUR) or _in_common(outlines) < STEADY:
                continue
            best = max(run, key=lambda place: patches[place].gain)
            area = max(one.area for one in seen)
            found.append(_Stain(patches[best].gain, area, best, float(mean.x), float(mean.y), run[0], run[-1]))
    return sorted(found, key=lambda one: one.first)


def _runs(patches: Sequence[_Patch], faintest: float) -> list[list[int]]:
    """Frames in a row whose patch stays where it was on the first of them."""
    runs: list[list[int]] = []
    for place, patch in enumerate(patches):
        if patch.gain < faintest:
            continue
        first = patches[runs[-1][0]] if runs and runs[-1][-1] == place - 1 else None
        if first is not None and np.hypot(patch.x - first.x, patch.y - first.y) <= SAME_PLACE:
            runs[-1].append(place)
        else:
            runs.append([place])
    return runs


def _in_common(outlines: Sequence[tuple[float, ...]]) -> float:
    """What outlines in a row have in common with the next one, on average, 0–1."""
    drawn = []
    for outline in outlines:
        plane = np.zeros((OUTLINE_CELLS, OUTLINE_CELLS), np.uint8)
        corners = np.round(np.reshape(np.array(outline), (-1, 2)) * OUTLINE_CELLS).astype(np.int32)
        drawn.append(cv2.fillPoly(plane, [corners], 1) > 0 if len(corners) else plane > 0)
    shares = [float((one & other).sum()) / max(int((one | other).sum()), 1) for one, other in pairwise(drawn)]
    return float(np.mean(shares))


def _both(came: Sequence[_Stain], went: Sequence[_Stain]) -> tuple[list[_Stain], list[_Stain]]:
    """Those that came and later went in the same place."""
    pairs = [(one, other) for one in came for other in went if one.frame < other.frame and _same_place(one, other)]
    return [one for one in came if any(one is pair[0] for pair in pairs)], [
        other for other in went if any(other is pair[1] for pair in pairs)
    ]


def _most_gained(change: Gained) -> tuple[_Patch, tuple[float, ...], float]:
    """The patch that gained most as a stain would, its outline, and the share of the picture that could be compared."""
    channels = change.gain.shape[2]
    tint = np.array(TINT if channels == 3 else (1.0,), np.float32)
    weight = change.trust
    seen = float(weight[change.shear <= SHEAR].sum()) / weight.size
    reached = _soft(weight) + np.float32(0.1)
    smooth = np.stack([_soft(change.gain[..., one] * weight) / reached for one in range(channels)], axis=2)
    gain = smooth @ tint / (tint @ tint)
    if channels == 3:
        blue = BLUE_WEIGHS * (smooth[..., 2] - LEAST_BLUE * smooth[..., 0])
        gain = np.minimum(gain, np.minimum(2 * smooth.min(axis=2), blue))
    top = np.unravel_index(int(np.argmax(gain)), gain.shape)
    noise = 1.48 * float(np.median(np.abs(gain)))
    if gain[top] <= 0:
        return _Patch(), (), seen
    _, labels = cv2.connectedComponents((gain > gain[top] / 2).astype(np.uint8))
    patch = (labels == labels[top]).astype(np.uint8)
    wide = cv2.dilate(patch, np.ones((5, 5), np.uint8)) > 0
    rim = wide & (cv2.erode(patch, np.ones((3, 3), np.uint8)) == 0)
    core = patch > 0
    depth = float(np.quantile(change.gain[core] @ tint / (tint @ tint), 0.9))
    mean = weight[core] @ change.gain[core] / max(float(weight[core].sum()), 1e-3)
    colour = float(mean[-1] / max(float(mean[0]), 1e-3)) if channels == 3 else 1.0
    area = float(core.mean())
    as_a_stain = AREAS[0] <= area <= AREAS[1] and (channels == 1 or COLOURS[0] <= colour <= COLOURS[1])
    if depth <= NOISE_TIMES * noise or not as_a_stain or float(weight[wide].mean()) < LEAST_TRUST:
        return _Patch(), (), seen
    y, x = np.nonzero(core)
    detail = float((change.detail[wide] + np.float32(DETAIL_DENSITY**2)).sum())
    kept = 1.0 - float(change.misfit[wide].sum()) / detail
    fits = float(weight[core].mean()) / max(float(weight[rim].mean()), 1e-3)
    middle = (float(x.mean() + 0.5) / gain.shape[1], float(y.mean() + 0.5) / gain.shape[0])
    found = _Patch(depth, *middle, area, colour, kept, min(fits, 9.0), float(change.shear[wide].mean()))
    return found, _outline(gain, (int(top[0]), int(top[1]))), seen


def _outline(gain: Floats, top: tuple[int, int]) -> tuple[float, ...]:
    """Corners of all that gained a share of what the top gained and hangs together with it, a little widened."""
    _, labels = cv2.connectedComponents((gain > RIM * gain[top]).astype(np.uint8))
    patch = (labels == labels[top]).astype(np.uint8)
    wide = cv2.dilate(patch, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * WIDER_CELLS + 1,) * 2))
    grown = cv2.resize(wide, None, fx=FINER, fy=FINER, interpolation=cv2.INTER_NEAREST)
    curves, _ = cv2.findContours(grown, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    curve = cv2.approxPolyDP(max(curves, key=cv2.contourArea), FINER, True)[:, 0]
    size = np.array([grown.shape[1], grown.shape[0]], np.float64)
    return tuple(np.round((curve + 0.5) / size, 4).ravel().tolist()) if len(curve) >= 3 else ()


def _soft(plane: Floats) -> Floats:
    return np.asarray(cv2.GaussianBlur(np.ascontiguousarray(plane), (0, 0), SMOOTH_CELLS), np.float32).reshape(
        plane.shape
    )
