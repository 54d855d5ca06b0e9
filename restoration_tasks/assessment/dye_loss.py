"""What the dyes of a whole reel have lost, so that every shot of it is given the same back.

Dyes fade by the stock and the can, not by the shot: what one shot says is coloured by what it shows (a green field, a
blue haze), what many shots say together is not. The readings of all shots that are colour film are put together, each
by its certainty; a shot that is surely otherwise (another stock, spliced in) forms a group with others like it. So a
sunset or a night in a reel that has not faded is left alone, and in one that has it stays a sunset.

    ln kept_magenta = MAGENTA · ln kept_cyan

One picture says nothing of what magenta lost (`dyes`). It is the steadiest in the dark and loses little (J. Reilly,
"Storage Guide for Color Photographic Materials", 1998); the share is a guess that a person may correct in the plan.

Base fog is what the reel's lightest places show, less what the scene may have held back there. For each channel

    lightest = kept · (light + colour) + fog

with the lightest place (`light`, the same in all channels) and its fog exponential, its colour of Cauchy's law, for
there are scenes without anything white; the more shots, the less of either is to be expected. The mean of what the fog
may then be is taken. The scales were chosen on faded training clips, put together to reels of one to eight.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.fade import ENOUGH, FadeGauge, FadeReading, fade_severity
from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.unfading import DyeLoss, Triple
from restoration_tasks.restoration.fade import LEAST_KEPT

Floats = NDArray[np.float64]

MAGENTA = 0.2
"""Log loss of magenta beside that of cyan."""
SCENE_SD = 0.2
"""How far what a shot shows carries its reading away, natural logarithms: of thirty faded scenes, 0.22 of cyan and 0.12
of yellow (root mean square)."""
READING_SD = 0.14
"""The part of it that no reading's own uncertainty tells of."""
OTHERWISE = 3.0
"""Standard deviations from which a shot is surely otherwise than the reel."""
FOG_A_LOSS, LEAST_FOG = 0.1, 0.005
"""Mean fog to be expected, density: so much a unit of cyan's log loss, and so much without any. Stain grows as dyes go.
"""
COLOURED = 0.03
"""Usual departure of a channel's lightest place from the lightest of all channels, density; by the number of shots."""
LIGHT = 0.15
"""Mean density of the lightest place; by the number of shots."""
MOST_SHOTS = 8
"""Shots from which more say nothing new of the lightest place."""
DECIMALS = 4


@dataclass(frozen=True, eq=False)
class _Read:
    """What one shot says."""

    number: int
    logs: Floats
    """`(2,)`: cyan and yellow against magenta."""
    sd: float
    lightest: Floats
    """`(3,)` densities."""
    certainty: float
    """0–1, as the gauge says."""

    @property
    def weight(self) -> float:
        return 1.0 / (self.sd**2 + READING_SD**2)


def dye_losses(shots: Iterable[Shot], readings: Iterable[FrameReadings], scan: Scanned) -> dict[int, DyeLoss]:
    """The loss of each shot by its number; none for parts without a picture and for grey, tinted and toned film.

    Args:
        shots: of the reel.
        readings: of every frame of the reel, in order; they are taken shot by shot.
        scan: what was scanned.
    """
    told, silent = [], []
    for shot, rows in _by_shot(shots, readings):
        if shot.kind is not PartKind.PICTURE or not rows:
            continue
        read = _read(ShotFacts(shot.number, shot.start, shot.start + len(rows), scan), rows)
        if isinstance(read, _Read):
            told.append(read)
        elif read:
            silent.append(shot.number)
    groups = _groups(told)
    found = {read.number: _loss(group, otherwise=place > 0) for place, group in enumerate(groups) for read in group}
    # Too little picture to read by (a title): as the rest of the reel.
    return found | ({number: _loss(groups[0], otherwise=False) for number in silent} if groups else {})


def _by_shot(shots: Iterable[Shot], readings: Iterable[FrameReadings]) -> Iterator[tuple[Shot, list[FadeReading]]]:
    coming = iter(readings)
    row = next(coming, None)
    for shot in shots:
        rows = []
        while row is not None and row.frame < shot.stop:
            if row.frame >= shot.start:
                rows.append(row.by[Category.FADE])
            row = next(coming, None)
        yield shot, rows


def _read(facts: ShotFacts, rows: Sequence[FadeReading]) -> _Read | bool:
    """What a shot says; True where it is colour film but says nothing, False where it is none."""
    verdict = FadeGauge().judge(rows, facts)
    figures = verdict.figures
    if "cyan_gamma" not in figures:
        return not figures["grey"]
    seen = [row for row in rows if row.evidence >= ENOUGH]
    logs = np.log([float(figures[f"{dye}_gamma"] or 1.0) for dye in ("cyan", "yellow")])
    lightest = np.array([float(figures[f"base_{name}_density"] or 0.0) for name in ("red", "green", "blue")])
    unsure = float(np.median([row.unsure for row in seen]))
    return _Read(facts.number, logs, unsure, lightest, verdict.confidence)


def _groups(told: Sequence[_Read]) -> list[list[_Read]]:
    """Shots that agree with each other, the group with most certainty first."""
    groups, left = [], list(told)
    while left:
        centre = _centre(left)
        near = [read for read in left if _apart(read, centre) <= OTHERWISE] or left
        centre = _mean(near)
        near = [read for read in left if _apart(read, centre) <= OTHERWISE] or left
        groups.append(near)
        left = [read for read in left if read not in near]
    return sorted(groups, key=lambda group: -sum(read.weight for read in group))


def _apart(read: _Read, centre: Floats) -> float:
    return float(np.abs(read.logs - centre).max() / np.hypot(read.sd, SCENE_SD))


def _mean(group: Sequence[_Read]) -> Floats:
    weights = np.array([read.weight for read in group])
    return np.asarray(np.average([read.logs for read in group], axis=0, weights=weights), np.float64)


def _centre(group: Sequence[_Read]) -> Floats:
    """Weighted medians: what a few shots of another stock do not move."""
    weights = np.array([read.weight for read in group])
    logs = np.array([read.logs for read in group])
    order = np.argsort(logs, axis=0)
    passed = np.cumsum(weights[order], axis=0) >= weights.sum() / 2
    return np.array([logs[order[passed[:, dye].argmax(), dye], dye] for dye in (0, 1)])


def _loss(group: Sequence[_Read], *, otherwise: bool) -> DyeLoss:
    cyan, yellow = np.minimum(_mean(group), 0.0)
    magenta = MAGENTA / (1.0 - MAGENTA) * cyan
    kept = np.maximum(np.exp([cyan + magenta, magenta, yellow + magenta]), LEAST_KEPT)
    lightest = np.maximum(np.min([read.lightest for read in group], axis=0), 0.0)
    return DyeLoss(
        kept=_triple(kept),
        base=_triple(base_fog(lightest, kept, len(group))),
        severity=fade_severity(float(np.sqrt(cyan * yellow))),
        certainty=float(np.average([read.certainty for read in group], weights=[read.weight for read in group])),
        shots=len(group),
        otherwise=otherwise,
    )


def base_fog(lightest: Floats, kept: Floats, shots: int) -> Floats:
    """`(3,)`: the fog to be expected behind the lightest densities of a reel, see above.

    Args:
        lightest: `(3,)` red, green, blue, 0 or more.
        kept: `(3,)` share of density the dyes keep.
        shots: how many shots have none lighter.
    """
    shots = min(shots, MOST_SHOTS)
    light = np.linspace(0.0, 0.6, 61)[:, None]
    fog = np.linspace(0.0, 0.4, 161)[None]
    scale = LEAST_FOG + FOG_A_LOSS * -np.log(kept[0])
    chance, means = np.exp(-light[:, 0] * shots / LIGHT), []
    for channel in range(3):
        held_back = (lightest[channel] - fog) / kept[channel]
        odds = np.exp(-fog / scale) / (1 + np.square((held_back - light) * shots / COLOURED)) * (held_back >= 0)
        total = np.maximum(odds.sum(axis=1), 1e-300)
        chance = chance * total
        means.append((odds * fog).sum(axis=1) / total)
    return np.asarray([(chance * mean).sum() / chance.sum() for mean in means], np.float64)


def _triple(values: Floats) -> Triple:
    first, second, third = (round(float(value), DECIMALS) for value in values)
    return first, second, third
