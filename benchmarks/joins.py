"""Reels put together from takes, with the truth: joints of all kinds, flashes, splices, and parts without a picture.

What looks like a cut and is none is among it: takes thinned until everything moves fast, a camera that is whipped
round, a lamp that is switched, flashes in the middle of a shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from benchmarks.no_picture import SIZE, Light, bars, black, countdown, leader
from benchmarks.take_marks import GAMMA, Pictures, framed, lay_bar, moved, overexposed, whipped

SD_WIDTH = 720.0
"""Displacements are drawn in pixels of a picture this wide."""
TAKE_FRAMES = (28, 56)
"""Shortest and longest take."""
SHOTS = 8
"""Takes a reel."""
JOINTS = ("cut", "cut", "cut", "dissolve", "dissolve", "fade", "part")
GRADUAL = (5, 30)
"""Frames of the shortest and the longest dissolve or fade; on short takes the longest are rare."""
JOINED_SHARE = 0.25
"""Share of the cuts at which the overlap of the splice shows."""
QUIET_FRAMES = 6
"""Frames of a take between what happens to it."""


class Joint(StrEnum):
    """How one take becomes the next."""

    CUT = "cut"
    DISSOLVE = "dissolve"
    FADE = "fade"


class Part(StrEnum):
    """What is no picture."""

    BLACK = "black"
    LEADER = "leader"
    BARS = "bars"
    COUNTDOWN = "countdown"


@dataclass(frozen=True)
class Span:
    """Frames `first … last` of a reel, both included, and what they are."""

    kind: str
    first: int
    last: int


@dataclass
class Truth:
    """What a reel was made of."""

    joints: list[Span] = field(default_factory=list)
    """A cut's frame is the first of the new take; a dissolve's and a fade's are those that are neither of the two."""
    flashes: list[Span] = field(default_factory=list)
    splices: list[tuple[int, float, bool]] = field(default_factory=list)
    """Frame, how far the picture stands lower there in pixels of a picture 720 wide, and whether a bar shows."""
    parts: list[Span] = field(default_factory=list)


@dataclass
class Reel:
    """One reel."""

    frames: Pictures
    truth: Truth


@dataclass
class Marks:
    """What was done within one take, in its own frames."""

    flashes: list[tuple[int, int]] = field(default_factory=list)
    splices: list[tuple[int, float, bool]] = field(default_factory=list)

    @property
    def frames(self) -> list[int]:
        """Every frame that is marked."""
        return [place for pair in self.flashes for place in pair] + [splice[0] for splice in self.splices]


@dataclass(frozen=True)
class _Room:
    """Frames a joint may take of the take before it and of the one after."""

    before: int
    after: int


class Maker:
    """Makes reels of takes.

    Args:
        takes: pictures by name; takes of one name are never joined to each other.
        seed: the same seed gives the same reel.
    """

    def __init__(self, takes: Sequence[tuple[str, Pictures]], seed: int) -> None:
        self._takes, self._rng = takes, np.random.default_rng(seed)

    def reel(self) -> Reel:
        """One reel: takes in any order, each joined to the next in one of the ways, with parts between."""
        rng, truth = self._rng, Truth()
        made: list[Light] = []
        name, free = "", 0
        for number in range(SHOTS):
            name, shot = self._take(name)
            shot, marks = self._spoilt(shot)
            joint = "start" if number == 0 else str(rng.choice(JOINTS))
            # What lies in a mixture is nothing by itself: joints keep away from flashes, splices and each other.
            room = _Room(free, min((*marks.frames, len(shot) // 2)) - QUIET_FRAMES)
            start = self._join(made, shot, joint, truth, room)
            taken = truth.joints[-1].last - start + 1 if truth.joints else 0
            free = len(shot) - max((*marks.frames, taken, 0)) - QUIET_FRAMES
            truth.flashes += [Span("flash", start + first, start + last) for first, last in marks.flashes]
            truth.splices += [(start + at, dy, bar) for at, dy, bar in marks.splices]
        aged = self._aged(np.concatenate(made))
        return Reel(np.rint(aged * 255).astype(np.uint8), truth)

    # -- takes ---------------------------------------------------------------------------------------------------------

    def _take(self, before: str) -> tuple[str, Light]:
        """A take of another name than the one before, at its own speed, mirrored or not, cropped anew."""
        rng = self._rng
        choice = [pair for pair in self._takes if pair[0] != before]
        name, pictures = choice[int(rng.integers(len(choice)))]
        every = int(rng.choice([1, 1, 1, 2, 4]))
        frames = int(rng.integers(TAKE_FRAMES[0], TAKE_FRAMES[1] + 1))
        every = min(every, max(len(pictures) // TAKE_FRAMES[0], 1))
        frames = min(frames, len(pictures) // every)
        first = int(rng.integers(len(pictures) - frames * every + 1))
        chosen = pictures[first : first + frames * every : every]
        if rng.random() < 0.5:
            chosen = chosen[:, :, ::-1]
        return name, whipped(chosen, rng) if rng.random() < 0.12 else framed(chosen, rng)

    def _spoilt(self, shot: Light) -> tuple[Light, Marks]:
        """Flashes within or at the head, lamps that are switched, splices."""
        rng, marks = self._rng, Marks()
        draw = rng.random()
        if draw < 0.22:
            count = int(rng.integers(1, 4))
            at = int(rng.integers(6, len(shot) - 6 - count))
            shot = overexposed(shot, at, [float(rng.uniform(2.0, 6.0))] * count, rng)
            marks.flashes.append((at, at + count - 1))
        elif draw < 0.34:
            gains = [float(gain) for gain in rng.uniform(3, 6) ** np.linspace(1, 0.45, int(rng.integers(1, 4)))]
            shot = overexposed(shot, 0, gains, rng)
            marks.flashes.append((0, len(gains) - 1))
        elif draw < 0.42:
            shot = shot.copy()
            shot[int(rng.integers(6, len(shot) - 6)) :] *= np.float32(rng.uniform(0.45, 0.75))
        elif draw < 0.62:
            shot = self._spliced(shot, marks)
        return shot, marks

    def _spliced(self, shot: Light, marks: Marks) -> Light:
        rng = self._rng
        at = int(rng.integers(6, len(shot) - 6))
        gone = int(rng.integers(0, 4))
        shot = np.concatenate([shot[:at], shot[at + gone :]])
        if len(shot) - at < 4:
            return shot
        dy = float(rng.uniform(3, 14) * rng.choice([-1, 1])) if rng.random() < 0.8 else 0.0
        bar = rng.random() < 0.6 or dy == 0.0
        count = int(rng.integers(1, 3))
        for place in range(at, at + count):
            shot[place] = moved(shot[place], dy * SIZE[0] / SD_WIDTH)
        if bar:
            lay_bar(shot[at], rng)
        marks.splices.append((at, dy, bar))
        return shot

    # -- joints --------------------------------------------------------------------------------------------------------

    def _join(self, made: list[Light], shot: Light, joint: str, truth: Truth, room: _Room) -> int:
        """Append a take; the number of its first frame in the reel."""
        start = sum(len(one) for one in made)
        if joint == "dissolve" and (length := self._length(min(room.before, room.after))):
            return self._dissolved(made, shot, length, truth)
        if joint == "fade" and (out := self._length(room.before)) and (into := self._length(room.after)):
            return self._faded(made, shot, (out, into), truth)
        if joint == "part":
            return self._parted(made, shot, truth)
        if made:
            truth.joints.append(Span(Joint.CUT, start, start))
            if self._rng.random() < JOINED_SHARE:
                shot = self._cemented(made, shot, start, truth)
        made.append(shot)
        return start

    def _cemented(self, made: list[Light], shot: Light, start: int, truth: Truth) -> Light:
        """A cut whose overlap shows on the last frame before it, or on the first behind it."""
        before = self._rng.random() < 0.5
        shot = shot if before else shot.copy()
        if before:
            made[-1] = made[-1].copy()
        lay_bar(made[-1][-1] if before else shot[0], self._rng)
        truth.splices.append((start - 1 if before else start, 0.0, True))
        return shot

    def _length(self, room: int) -> int:
        """Frames of a dissolve or a fade; 0 where there is no room for one."""
        return 0 if room < GRADUAL[0] else min(int(self._rng.integers(GRADUAL[0], GRADUAL[1] + 1)), room)

    def _dissolved(self, made: list[Light], shot: Light, length: int, truth: Truth) -> int:
        start = sum(len(one) for one in made) - length
        share = (np.arange(1, length + 1, dtype=np.float32) / (length + 1))[:, None, None, None]
        power = np.float32(GAMMA if self._rng.random() < 0.5 else 1.0)
        mixed = (made[-1][-length:] ** power * (1 - share) + shot[:length] ** power * share) ** (1 / power)
        made[-1] = made[-1][:-length]
        made += [np.asarray(mixed, np.float32), shot[length:]]
        truth.joints.append(Span(Joint.DISSOLVE, start, start + length - 1))
        return start

    def _faded(self, made: list[Light], shot: Light, lengths: tuple[int, int], truth: Truth) -> int:
        """Out to black or white, some frames of it perhaps, and in again."""
        rng, (out, into) = self._rng, lengths
        ground = np.float32(0.0 if rng.random() < 0.75 else 1.0)
        hold = int(rng.choice([0, 1, 4, 16, 24]))
        down = (1 - np.arange(1, out + 1, dtype=np.float32) / (out + 1))[:, None, None, None]
        up = (np.arange(1, into + 1, dtype=np.float32) / (into + 1))[:, None, None, None]
        made[-1] = np.concatenate([made[-1][:-out], ground + (made[-1][-out:] - ground) * down])
        held = np.full((hold, *shot.shape[1:]), ground, np.float32)
        start = sum(len(one) for one in made)
        shot = np.concatenate([ground + (shot[:into] - ground) * up, shot[into:]])
        truth.joints.append(Span(Joint.FADE, start - out, start + hold + into - 1))
        if hold >= 12:
            truth.parts.append(Span(Part.BLACK if ground == 0 else Part.LEADER, start, start + hold - 1))
        made += [held, shot] if hold else [shot]
        return start + hold

    def _parted(self, made: list[Light], shot: Light, truth: Truth) -> int:
        """A part that is no picture between two takes, cut on both sides."""
        rng = self._rng
        kind = Part(str(rng.choice(list(Part))))
        frames = int(rng.integers(14, 41))
        part = {Part.BLACK: black, Part.LEADER: leader, Part.BARS: bars, Part.COUNTDOWN: countdown}[kind](frames, rng)
        start = sum(len(one) for one in made)
        truth.joints += [Span(Joint.CUT, start, start), Span(Joint.CUT, start + frames, start + frames)]
        truth.parts.append(Span(kind, start, start + frames - 1))
        made += [part, shot]
        return start + frames

    def _aged(self, frames: Light) -> Light:
        """As a print of some age: grey or coloured, unsteady light, grain, weave."""
        rng = self._rng
        if rng.random() < 0.35:
            frames = np.repeat(frames @ np.array([[0.2126], [0.7152], [0.0722]], np.float32), 3, axis=3)
        grain, flicker, weave = (
            rng.uniform(0, 0.03),
            rng.choice([0.0, 0.0, 0.015, 0.04]),
            rng.choice([0.0, 0.0, 0.5, 1.0]),
        )
        aged = np.empty_like(frames)
        for number, frame in enumerate(frames):
            x, y = rng.normal(0, weave, 2) * SIZE[0] / SD_WIDTH
            one = moved(frame, float(y), float(x)) if weave else frame
            gain = 10 ** rng.normal(0, flicker)
            aged[number] = np.clip(one * np.float32(gain) + rng.normal(0, grain, (*frame.shape[:2], 1)), 0, 1)
        return aged
