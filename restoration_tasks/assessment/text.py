"""Text on screen: titles, intertitles, subtitles, credits. A finding, not damage: it has no severity.

Every third frame is looked at for lines of letters (`lettering`). A line counts as text if it stands, or rolls by
evenly, for long enough: things of the scene that look like letters in one frame do not in the next, or move as letters
do not. Where there is such a line, others that are less sure are believed as well if they stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances
from restoration_tasks.assessment.lettering import WIDTH_PX, Line, lines_of

EVERY: Final = 3
"""Frames of the reel from one that is looked at to the next: nobody reads what is there for less."""
SMALL_PX: Final = 600
"""Pictures less wide are looked at enlarged as well: strokes of letters a few pixels high are thinner than a pixel, and
touch. Of ten titled scenes on each of two clips at 176 px none was found as it is, all but one of each enlarged."""
LARGER: Final = (1.0, 1.5)
"""How wide they are enlarged to, over the width that letters are told at (Chinese subtitles need the larger one)."""
THIN_PX: Final = 12.0
"""Strokes of letters lower than that, in a picture not enlarged, are thinner than a pixel or two …"""
THIN_TONE: Final = 0.75
"""… and so go no farther towards the picture's brightest than that (titled clips 176 px wide: 0.77 to 0.93)."""
FIELDS: Final = 6
"""Numbers that a reading holds of a line."""
GAP_S: Final = 0.3
"""Seconds a line may not be seen for and be the same one: dirt and light hide it."""
OVERLAP: Final = 0.5
"""Share of the lower of two boxes that must be common to both for them to be one line …"""
LIKE: Final = 1.7
"""… and the factor by which the heights of their letters may differ."""
SHORTEST_S: Final = 0.3
"""Text that stands for less can be read by nobody; in a shot that is shorter it must be on …"""
OF_SHOT: Final = 0.6
"""… this share of its frames."""
SEEN: Final = 0.5
"""Share of its frames on which a line must have been seen …"""
SEEN_SURELY: Final = 0.4
"""… and share of those on which its looks alone were enough."""
FEWEST_SURE: Final = 2
"""… and so many of them."""
ROLLS: Final = 1.0
"""Heights of a letter that a line must have gone to be rolling."""
LEAD_S: Final = 1.0
"""So long before and after it was seen a line is taken to be there: it fades in and out."""
FEW: Final = 0.2
"""Share of the frames that a region need not be as wide or as high for, where text stands."""
BESIDE: Final = 1.0
"""What a region is wider to each side than the lines that were seen, in heights of letters …"""
BLOCK: Final = 0.7
"""Lines are of one block if no more lies between their regions, over the height of the lower one."""
ABOVE: Final = 0.5
"""… and what it is higher and lower."""


@dataclass(frozen=True)
class TextReading:
    """The lines of one frame."""

    looked: bool
    """Whether it was looked at."""
    lines: tuple[float, ...]
    """Of each line six numbers: left, top, right, bottom (shares of width and height, 0–1), height of its letters
    (share of the height), and whether its looks alone are enough (1 or 0)."""


@dataclass(frozen=True)
class TextRegion:
    """Where text is on screen: a box on some frames of a shot. Shares of the picture's width and height."""

    first: int
    """Its first frame, counted from the shot's start."""
    last: int
    """Its last, included."""
    left: float
    top: float
    right: float
    bottom: float
    sureness: float
    """Share of the frames looked at on which it was seen, of those it was seen between, 0–1."""
    rolls: bool
    """Whether it moves through the box."""


class TextGauge(Gauge[TextReading]):
    """Reads where lines of letters are."""

    category: ClassVar[Category] = Category.TEXT
    reading: ClassVar[type[TextReading]] = TextReading

    def read(self, window: Glances) -> TextReading:
        """Read one frame, if it is one of those."""
        if window[0].index % EVERY:
            return TextReading(False, ())
        luma = window[0].luma8
        height, width = luma.shape
        numbers: list[float] = []
        for scale, line in _lines(luma):
            wide, high = scale * width, scale * height
            box = (line.left / wide, line.top / high, line.right / wide, line.bottom / high)
            numbers += [*box, line.letter_px / high, float(_is_sure(line, scale))]
        return TextReading(True, tuple(round(number, 5) for number in numbers))

    def judge(self, rows: Sequence[TextReading], shot: ShotFacts) -> Verdict:
        """Where text is, and for how long."""
        regions = text_regions(rows, shot.scan.fps)
        if not regions:
            return Verdict(self.category, 0.0, 1.0, "No text on screen was found.", {"regions": 0})
        first, last = min(one.first for one in regions), max(one.last for one in regions)
        count = "1 place" if len(regions) == 1 else f"{len(regions)} places"
        words = f"Text on screen in {count}, frames {first}–{last} of the shot."
        figures = {"regions": len(regions), "first_frame": shot.start + first, "last_frame": shot.start + last}
        return Verdict(
            self.category,
            0.0,
            round(float(np.mean([one.sureness for one in regions])), 3),
            words,
            figures,
            shot.start + (first + last) // 2,
        )


def _lines(luma: NDArray[np.uint8]) -> list[tuple[float, Line]]:
    """Lines of letters, each with how many times larger the picture was that it was seen in."""
    found = [(1.0, line) for line in lines_of(luma)]
    width = luma.shape[1]
    for wider in LARGER if width < SMALL_PX else ():
        scale = wider * WIDTH_PX / width
        larger = _enlarged(luma, scale)
        found += [(larger.shape[1] / width, line) for line in lines_of(larger)]
    return found


def _enlarged(luma: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """A picture enlarged; nowhere brighter or darker than the pixels around were, as cubic interpolation alone is."""
    size = (round(luma.shape[1] * scale), round(luma.shape[0] * scale))
    larger = cv2.resize(luma, size, interpolation=cv2.INTER_CUBIC)
    around = np.ones((3, 3), np.uint8)
    lowest, highest = (
        cv2.resize(one, size, interpolation=cv2.INTER_NEAREST)
        for one in (cv2.erode(luma, around), cv2.dilate(luma, around))
    )
    return np.asarray(np.clip(larger, lowest, highest), np.uint8)


def _is_sure(line: Line, scale: float) -> bool:
    """Whether the looks of a line are enough, seen in a picture so many times enlarged."""
    thin = scale > 1.0 and line.letter_px / scale < THIN_PX
    return line.is_sure_from(THIN_TONE) if thin else line.is_sure


@dataclass(frozen=True)
class _Seen:
    """A line in one frame."""

    frame: int
    box: tuple[float, float, float, float]
    letter: float
    sure: bool


@dataclass(frozen=True)
class _Followed:
    """One line over time."""

    seen: tuple[_Seen, ...]

    @property
    def last(self) -> _Seen:
        """As it was seen last."""
        return self.seen[-1]

    @property
    def frames(self) -> int:
        """From the first to the last it was seen on."""
        return self.last.frame - self.seen[0].frame + 1

    @property
    def sure_share(self) -> float:
        """Share of the frames on which its looks alone were enough, of those from the first of them to the last.

        It may fade in and out. Once is not enough.
        """
        sure = sorted({one.frame for one in self.seen if one.sure})
        if len(sure) < FEWEST_SURE:
            return 0.0
        return len(sure) / len({one.frame for one in self.seen if sure[0] <= one.frame <= sure[-1]})

    @property
    def rolls(self) -> bool:
        """Whether it moves."""
        return abs(self.last.box[1] - self.seen[0].box[1]) >= ROLLS * self.last.letter


def text_regions(rows: Sequence[TextReading], fps: float) -> list[TextRegion]:
    """Where text is in a shot.

    Args:
        rows: its readings, one a frame in order.
        fps: frames a second.
    """
    shortest = min(max(round(SHORTEST_S * fps), 3), max(round(OF_SHOT * len(rows)), 1))
    looked = np.cumsum([row.looked for row in rows])
    followed = [
        one
        for one in _followed(rows, max(round(GAP_S * fps), EVERY))
        if one.frames > shortest - EVERY and _seen_share(one, looked) >= SEEN
    ]
    sure = [one for one in followed if one.sure_share >= SEEN_SURELY]
    if not sure:
        return []
    lead = round(LEAD_S * fps)
    beside = [one for one in followed if any(_at_the_same_time(one, other, lead) for other in sure)]
    return _joined([_region(one, lead, len(rows), _seen_share(one, looked)) for one in beside])


def _seen_share(one: _Followed, looked: NDArray[np.intp]) -> float:
    """Share of the frames looked at on which a line was seen, of those it was seen between.

    Args:
        one: the line over time.
        looked: how many frames were looked at up to each frame of the shot, itself included.
    """
    first = one.seen[0].frame
    return len({seen.frame for seen in one.seen}) / float(looked[one.last.frame] - looked[first] + 1)


def _followed(rows: Sequence[TextReading], gap: int) -> list[_Followed]:
    """The lines of a shot, each over time."""
    tracks: list[_Followed] = []
    for frame, row in enumerate(rows):
        numbers = np.asarray(row.lines, np.float64).reshape(-1, FIELDS)
        for left, top, right, bottom, letter, sure in numbers.tolist():
            line = _Seen(frame, (left, top, right, bottom), letter, sure > 0)
            near = [at for at, one in enumerate(tracks) if frame - one.last.frame <= gap and _same(one.last, line)]
            if near:
                tracks[near[0]] = replace(tracks[near[0]], seen=(*tracks[near[0]].seen, line))
            else:
                tracks.append(_Followed((line,)))
    return tracks


def _same(one: _Seen, other: _Seen) -> bool:
    (left, top, right, bottom), (left_2, top_2, right_2, bottom_2) = one.box, other.box
    common = min(bottom, bottom_2) - max(top, top_2)
    return (
        common >= OVERLAP * min(bottom - top, bottom_2 - top_2)
        and min(right, right_2) > max(left, left_2)
        and max(one.letter, other.letter) <= LIKE * min(one.letter, other.letter)
    )


def _at_the_same_time(one: _Followed, other: _Followed, lead: int) -> bool:
    return one.seen[0].frame <= other.last.frame + lead and other.seen[0].frame <= one.last.frame + lead


def _region(one: _Followed, lead: int, frames: int, seen_share: float) -> TextRegion:
    by_frame: dict[int, list[tuple[float, float, float, float]]] = {}
    for seen in one.seen:
        by_frame.setdefault(seen.frame, []).append(seen.box)
    boxes = np.array([[*np.min(found, axis=0)[:2], *np.max(found, axis=0)[2:]] for found in by_frame.values()])
    # Of text that stands, dirt beside a line or on it makes the line longer or shorter in some frames.
    few = 0 if one.rolls else FEW
    edges = [*np.quantile(boxes[:, :2], few, axis=0), *np.quantile(boxes[:, 2:], 1 - few, axis=0)]
    letter = float(np.median([seen.letter for seen in one.seen]))
    return TextRegion(
        first=max(one.seen[0].frame - lead, 0),
        last=min(one.last.frame + lead, frames - 1),
        left=float(edges[0]) - BESIDE * letter,
        top=float(edges[1]) - ABOVE * letter,
        right=float(edges[2]) + BESIDE * letter,
        bottom=float(edges[3]) + ABOVE * letter,
        sureness=seen_share,
        rolls=one.rolls,
    )


def _joined(regions: Iterable[TextRegion]) -> list[TextRegion]:
    """Regions that overlap in place and time made one, the earliest first."""
    left = list(regions)
    while True:
        pair = next(
            ((at, to) for at in range(len(left)) for to in range(at + 1, len(left)) if _overlap(left[at], left[to])),
            None,
        )
        if pair is None:
            break
        other = left.pop(pair[1])
        left[pair[0]] = _both(left[pair[0]], other)
    return sorted(map(_inside, _as_wide_as_their_blocks(left)), key=lambda one: (one.first, one.top, one.left))


def _as_wide_as_their_blocks(regions: Sequence[TextRegion]) -> list[TextRegion]:
    """Regions as wide as those above and below: of a line over a lively picture often a part only is seen."""
    wide, before = list(regions), None
    while wide != before:
        before = wide
        around = [[other for other in wide if _stacked(one, other)] for one in wide]
        wide = [
            replace(one, left=min(other.left for other in near), right=max(other.right for other in near))
            for one, near in zip(wide, around, strict=True)
        ]
    return wide


def _stacked(one: TextRegion, other: TextRegion) -> bool:
    """Whether two regions are lines of one block, or the same."""
    in_time = min(one.last, other.last) >= max(one.first, other.first)
    apart = max(one.top, other.top) - min(one.bottom, other.bottom)
    lower = min(one.bottom - one.top, other.bottom - other.top)
    return in_time and apart <= BLOCK * lower and min(one.right, other.right) > max(one.left, other.left)


def _inside(one: TextRegion) -> TextRegion:
    """A region that does not reach out of the picture."""
    left, top, right, bottom = (min(max(edge, 0.0), 1.0) for edge in (one.left, one.top, one.right, one.bottom))
    return replace(one, left=left, top=top, right=right, bottom=bottom)


def _overlap(one: TextRegion, other: TextRegion) -> bool:
    in_time = min(one.last, other.last) >= max(one.first, other.first)
    common = min(one.bottom, other.bottom) - max(one.top, other.top)
    lower = min(one.bottom - one.top, other.bottom - other.top)
    across = min(one.right, other.right) > max(one.left, other.left)
    rolling = one.rolls and other.rolls and common > 0
    return in_time and (rolling or (common >= OVERLAP * lower and (across or not (one.rolls or other.rolls))))


def _both(one: TextRegion, other: TextRegion) -> TextRegion:
    return TextRegion(
        first=min(one.first, other.first),
        last=max(one.last, other.last),
        left=min(one.left, other.left),
        top=min(one.top, other.top),
        right=max(one.right, other.right),
        bottom=max(one.bottom, other.bottom),
        sureness=max(one.sureness, other.sureness),
        rolls=one.rolls or other.rolls,
    )
