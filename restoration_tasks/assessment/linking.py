"""Link the lines of a shot's frames to chains: one and the same line, seen again and again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from restoration_tasks.assessment.lines import Line

NEAREST_PX = 3.0
"""Lines are measured to about a pixel, whatever the picture's width."""
SD_WIDTH = 720
"""Lengths are given for a picture so wide and grow with the width."""

CLEAR_RIDGE = 4.0
"""8-bit code values from which a line is bright, or dark, beyond grain and the scene behind it."""

Chain = list[Line]
"""One line over time, one sighting a frame at most, in order."""


@dataclass(frozen=True)
class LinkLimits:
    """What may be the same line."""

    jump_px: float = 6.0
    """How far a line may be from where it is expected, a frame on; never under `NEAREST_PX`."""
    gap_frames: int = 12
    """A broken scratch may be gone for so long."""
    fastest_px: float = 4.0
    """How far a scratch may wander in one frame."""


def size_of(line: Line) -> float:
    """How many times wider than `SD_WIDTH` the picture is."""
    return line.picture_px / SD_WIDTH


def chains_of(lines: Iterable[Line], limits: LinkLimits) -> list[Chain]:
    """The chains of one shot's lines, in any order, those that show most first."""
    by_frame: dict[int, list[Line]] = {}
    for line in lines:
        by_frame.setdefault(line.frame, []).append(line)
    return _merged(_linked(by_frame, limits), limits)


@dataclass
class _Chain:
    """A line while it is followed."""

    lines: list[Line]
    speed_px: float = 0.0

    def expected(self, frame: int) -> float:
        last = self.lines[-1]
        # The further on, the less is its speed believed: scratches swing back.
        gap = frame - last.frame
        return last.x_middle + self.speed_px * min(gap, 2)

    def take(self, line: Line, fastest: float) -> None:
        last = self.lines[-1]
        speed = (line.x_middle - last.x_middle) / (line.frame - last.frame)
        self.speed_px = float(np.clip(0.5 * (self.speed_px + speed), -fastest, fastest))
        self.lines.append(line)


def _linked(by_frame: dict[int, list[Line]], limits: LinkLimits) -> list[Chain]:
    """Lines linked from frame to frame, nearest pairs first."""
    ended: list[_Chain] = []
    going: list[_Chain] = []
    for frame in sorted(by_frame):
        ended += [chain for chain in going if frame - chain.lines[-1].frame > limits.gap_frames]
        going = [chain for chain in going if frame - chain.lines[-1].frame <= limits.gap_frames]
        lines = by_frame[frame]
        pairs = sorted(
            (abs(line.x_middle - chain.expected(frame)), place, number)
            for place, chain in enumerate(going)
            for number, line in enumerate(lines)
        )
        used: set[int] = set()
        linked: set[int] = set()
        for distance, place, number in pairs:
            line, chain = lines[number], going[place]
            reach = _reach(line, limits) * (1 + 0.15 * (frame - chain.lines[-1].frame - 1))
            if (
                distance <= reach
                and _alike(line.ridge, chain.lines[-1].ridge)
                and place not in used
                and number not in linked
            ):
                used.add(place)
                linked.add(number)
                chain.take(line, limits.fastest_px * size_of(line))
        going += [_Chain([line]) for number, line in enumerate(lines) if number not in linked]
    return [chain.lines for chain in ended + going]


def _merged(chains: list[Chain], limits: LinkLimits) -> list[Chain]:
    """Chains of one and the same line put together: it was found twice in a frame, or lost for a while."""
    merged: list[Chain] = []
    for chain in sorted(chains, key=lambda c: (-sum(line.coverage for line in c), c[0].frame)):
        home = next((other for other in merged if _are_one(other, chain, limits)), None)
        if home is None:
            merged.append(list(chain))
            continue
        best = {line.frame: line for line in home}
        for line in chain:
            best.setdefault(line.frame, line)
        home[:] = [best[frame] for frame in sorted(best)]
    return merged


def _reach(line: Line, limits: LinkLimits) -> float:
    return max(NEAREST_PX, limits.jump_px * size_of(line))


def _alike(one: float, other: float) -> bool:
    """Whether ridges may be of one line: a scratch is bright or dark, and does not change from one to the other."""
    return one * other >= 0 or min(abs(one), abs(other)) < CLEAR_RIDGE


def _are_one(one: Sequence[Line], other: Sequence[Line], limits: LinkLimits) -> bool:
    """Whether a chain lies on the way of another, or goes on where it ends."""
    gap = max(other[0].frame - one[-1].frame, one[0].frame - other[-1].frame)
    ridges = (float(np.median([line.ridge for line in chain])) for chain in (one, other))
    if gap > limits.gap_frames or not _alike(*ridges):
        return False
    frames = np.array([line.frame for line in one], float)
    way = np.interp([line.frame for line in other], frames, [line.x_middle for line in one])
    apart = np.abs(way - np.array([line.x_middle for line in other]))
    reach = _reach(one[0], limits)
    return float(np.median(apart)) <= (reach if gap > 0 else 1.2 * reach)
