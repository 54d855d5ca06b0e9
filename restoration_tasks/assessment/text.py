"""Text on screen: titles, intertitles, subtitles, credits. A finding, not damage: it has no severity.

Every third frame is looked at for lines of letters (`lettering`). A line counts as text if it stands, or rolls by
evenly, for long enough: things of the scene that look like letters in one frame do not in the next, or move as letters
do not. Where there is such a line, others that are less sure are believed as well if they stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
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
FIELDS: Final = 7
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
"""… and so many of them …"""
FADING: Final = 3
"""… or one, of so many on which it steadily comes or goes …"""
FADED: Final = 0.1
"""… by so much of the way from the picture's darkest to its brightest."""
BESIDE_LIKE: Final = 1.7
"""By what factor letters of less sure lines may differ from those of sure ones, to be believed beside them."""
FEWEST: Final = 0.05
"""Share of the sightings of a line that rolls that dirt may put out of its way, above and below …"""
UNEVEN: Final = 1.0
"""… and heights of a letter by which the others may be off an even way; if farther, its box is all it goes through."""
MOST_PAIRED: Final = 300
"""So many of the sightings of a line, evenly spread, are paired to tell how fast it goes."""
ROLLING_S: Final = 0.5
"""Seconds of a roll that share one box."""
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
CENTRED: Final = 0.1
"""Text whose middle is no farther from the picture's, share of the width, may be centred: over a lively picture often
one end of a line only is seen."""


@dataclass(frozen=True)
class TextReading:
    """The lines of one frame."""

    looked: bool
    """Whether it was looked at."""
    lines: tuple[float, ...]
    """Of each line seven numbers: left, top, right, bottom (shares of width and height, 0–1), height of its letters
    (share of the height), whether its looks alone are enough (1 or 0), and its tone (see `Line.tone`)."""


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
    outline: tuple[tuple[float, float], ...] = ()
    """Corners `(x, y)`, shares likewise, of what of the box is its lines'; none: all of it is."""


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
            numbers += [*box, line.letter_px / high, float(_is_sure(line, scale)), line.tone]
        return TextReading(True, tuple(round(number, 5) for number in numbers))

    def judge(self, rows: Sequence[TextReading], shot: ShotFacts) -> Verdict:
        """Where text is, and for how long."""
        regions = text_regions(rows, shot.scan.fps)
        if not regions:
            return Verdict(self.category, 0.0, 1.0, "No text on screen was found.", {"regions": 0})
        first, last = min(one.first for one in regions), max(one.last for one in regions)
        places = sum(not one.rolls for one in regions) + any(one.rolls for one in regions)
        count = "1 place" if places == 1 else f"{places} places"
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
    tone: float


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
    def letter(self) -> float:
        """Height of its letters, share of the picture's height."""
        return float(np.median([one.letter for one in self.seen]))

    @property
    def surely_on(self) -> list[int]:
        """The frames on which its looks alone were enough."""
        return sorted({one.frame for one in self.seen if one.sure})

    @property
    def sure_share(self) -> float:
        """Share of the frames on which its looks alone were enough, of those from the first of them to the last.

        It may fade in and out. Once is not enough, unless it is seen to do so.
        """
        sure = self.surely_on
        if len(sure) < FEWEST_SURE and not self.fades:
            return 0.0
        return len(sure) / len({one.frame for one in self.seen if sure[0] <= one.frame <= sure[-1]})

    @property
    def fades(self) -> bool:
        """Whether it comes, goes or both, and its looks are enough at its strongest: things of a scene do not fade."""
        tones: dict[int, float] = {}
        for one in self.seen:
            tones[one.frame] = max(tones.get(one.frame, 0.0), one.tone)
        if not self.surely_on or len(tones) < FADING:
            return False
        strongest = max(self.surely_on, key=tones.__getitem__)
        comes = [tones[frame] for frame in sorted(tones) if frame <= strongest]
        goes = [tones[frame] for frame in sorted(tones, reverse=True) if frame >= strongest]
        steady = all(one < other for way in (comes, goes) for one, other in pairwise(way))
        return steady and min(tones.values()) <= tones[strongest] - FADED

    @cached_property
    def speed(self) -> float:
        """How far it goes a frame, downwards, share of the picture's height: the median of all pairs (Theil-Sen)."""
        at = np.array([one.frame for one in self.seen])
        down = np.array([(one.box[1] + one.box[3]) / 2 for one in self.seen])
        few = np.unique(np.linspace(0, len(at) - 1, MOST_PAIRED).astype(np.intp))
        one, other = (few[places] for places in np.triu_indices(len(few), 1))
        apart = at[other] != at[one]
        one, other = one[apart], other[apart]
        return float(np.median((down[other] - down[one]) / (at[other] - at[one]))) if len(one) else 0.0

    @property
    def rolls(self) -> bool:
        """Whether it moves."""
        return abs(self.speed) * (self.frames - 1) >= ROLLS * self.letter

    @property
    def is_even(self) -> bool:
        """Whether it goes on evenly: a roll that starts, stops or slows down does not."""
        tops = [one.box[1] - self.speed * one.frame for one in self.seen]
        low, high = np.quantile(tops, [FEWEST, 1 - FEWEST])
        return bool(high - low <= UNEVEN * self.letter)


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
    beside = [one for one in followed if any(_beside(one, other, lead) for other in sure)]
    uneven = [one for one in beside if one.rolls and not one.is_even] if any(one.rolls for one in sure) else []
    rolling = [one for one in sure if one.rolls and one.is_even]
    speed = float(np.median([one.speed for one in rolling])) if rolling else 0.0
    if rolling:
        rolling += [one for one in beside if one not in rolling and abs(one.speed - speed) < abs(speed) / 2]
        rolling += _going_along(rows, speed, looked)
    shares = [_seen_share(one, looked) for one in rolling]
    step = max(round(ROLLING_S * fps), 1)
    rolled = [
        region
        for first in range(0, len(rows), step)
        for region in _rolled(rolling, shares, range(first, min(first + step, len(rows))), lead)
    ]
    standing = [
        _region(one, lead, len(rows), _seen_share(one, looked))
        for one in beside
        if one in uneven or (not one.rolls and one not in rolling)
    ]
    if all(len(one.surely_on) < FEWEST_SURE for one in sure):
        # Where the lines end is seen on one frame only, with the picture behind them.
        standing = [replace(one, left=0.0, right=1.0) for one in standing]
    return sorted([*_joined(standing), *rolled], key=lambda one: (one.first, one.top, one.left))


def _going_along(rows: Sequence[TextReading], speed: float, looked: NDArray[np.intp]) -> list[_Followed]:
    """Lines that go along with others that roll, also those seen now and then only: over a lively picture most are.

    Args:
        rows: of the shot.
        speed: of the others, see `_Followed.speed`.
        looked: see `_seen_share`.
    """
    still = [_moved_down(row, -speed * at) for at, row in enumerate(rows)]
    found = []
    # No line is longer in the picture than it takes to go through it.
    for one in _followed(still, min(len(rows), int(np.ceil(1 / abs(speed))))):
        goes = abs(speed) * (one.frames - 1) >= ROLLS * one.letter
        if goes and not one.rolls and (len(one.surely_on) >= FEWEST_SURE or _seen_share(one, looked) >= SEEN):
            found.append(_Followed(tuple(_box_down(seen, speed * seen.frame) for seen in one.seen)))
    return found


def _moved_down(row: TextReading, by: float) -> TextReading:
    numbers = np.asarray(row.lines, np.float64).reshape(-1, FIELDS).copy()
    numbers[:, [1, 3]] += by
    return TextReading(row.looked, tuple(numbers.ravel().tolist()))


def _box_down(seen: _Seen, by: float) -> _Seen:
    left, top, right, bottom = seen.box
    return replace(seen, box=(left, top + by, right, bottom + by))


def _rolled(rolling: Sequence[_Followed], shares: Sequence[float], frames: range, lead: int) -> list[TextRegion]:
    """The box of the lines that roll through the picture on some frames, if there are any then."""
    boxes, seen = [], []
    for one, share in zip(rolling, shares, strict=True):
        first, last = max(one.seen[0].frame - lead, frames[0]), min(one.last.frame + lead, frames[-1])
        if first > last:
            continue
        up, down = sorted((one.speed * first, one.speed * last))
        left, top, right, bottom = np.add(_edges(one, one.speed), (0, up, 0, down)).tolist()
        if bottom > 0 and top < 1:
            across, along = BESIDE * one.letter, ABOVE * one.letter
            boxes.append((left - across, top - along, right + across, bottom + along))
            seen.append(share)
    if not boxes:
        return []
    inside = np.round(np.clip(boxes, 0, 1), 5)
    (left, top), (right, bottom) = inside[:, :2].min(axis=0).tolist(), inside[:, 2:].max(axis=0).tolist()
    return [
        TextRegion(
            frames[0], frames[-1], left, top, right, bottom, float(np.mean(seen)), rolls=True, outline=_outline(inside)
        )
    ]


def _outline(boxes: NDArray[np.float64]) -> tuple[tuple[float, float], ...]:
    """The corners of boxes one below the other, each as wide as it is; between two, as wide as both.

    Args:
        boxes: `(n, 4)`: left, top, right, bottom.
    """
    heights = np.unique(boxes[:, [1, 3]])
    sides = []
    for top, bottom in pairwise(heights):
        middle = (top + bottom) / 2
        above, below = boxes[:, 3] <= middle, boxes[:, 1] >= middle
        across = ~above & ~below
        if not across.any():
            across = (boxes[:, 3] == boxes[above, 3].max()) | (boxes[:, 1] == boxes[below, 1].min())
        sides.append((float(top), float(bottom), float(boxes[across, 0].min()), float(boxes[across, 2].max())))
    right = [(x, y) for top, bottom, _, x in sides for y in (top, bottom)]
    left = [(x, y) for top, bottom, x, _ in reversed(sides) for y in (bottom, top)]
    return (*right, *left)


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
        for left, top, right, bottom, letter, sure, tone in numbers.tolist():
            line = _Seen(frame, (left, top, right, bottom), letter, sure > 0, tone)
            near = [at for at, one in enumerate(tracks) if frame - one.last.frame <= gap and _same(one.last, line)]
            if near:
                nearest = min(near, key=lambda at: _apart(tracks[at].last, line))
                tracks[nearest] = replace(tracks[nearest], seen=(*tracks[nearest].seen, line))
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


def _apart(one: _Seen, other: _Seen) -> float:
    """How far the edges of two boxes are apart."""
    return float(np.abs(np.subtract(one.box, other.box)).sum())


def _beside(one: _Followed, other: _Followed, lead: int) -> bool:
    """Whether a line is there with another, in letters of about its size."""
    together = one.seen[0].frame <= other.last.frame + lead and other.seen[0].frame <= one.last.frame + lead
    return together and max(one.letter, other.letter) <= BESIDE_LIKE * min(one.letter, other.letter)


def _edges(one: _Followed, down: float = 0.0) -> NDArray[np.float64]:
    """`(4,)`: left, top, right, bottom of a line that stands, or on frame 0 of one that goes `down` a frame.

    Of a line that rolls, no matter how fast, they are those of all it goes through.

    Dirt beside a line makes it longer where it is seen with it; of one that fades the ends are seen at its strongest.
    """
    if one.rolls and not down:
        boxes = np.array([seen.box for seen in one.seen])
        return np.array([*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)])
    fades = one.fades
    boxes = np.array([_box_down(seen, -down * seen.frame).box for seen in one.seen if seen.sure or not fades])
    return np.array([*np.quantile(boxes[:, :2], FEW, axis=0), *np.quantile(boxes[:, 2:], 1 - FEW, axis=0)])


def _region(one: _Followed, lead: int, frames: int, seen_share: float) -> TextRegion:
    edges, letter = _edges(one), one.letter
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
    return [_inside(_to_both_sides(one)) for one in _as_wide_as_their_blocks(left)]


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


def _to_both_sides(one: TextRegion) -> TextRegion:
    """A region as far to the one side of the picture's middle as to the other, if its text may be centred."""
    if abs((one.left + one.right) / 2 - 0.5) > CENTRED:
        return one
    far = max(0.5 - one.left, one.right - 0.5)
    return replace(one, left=0.5 - far, right=0.5 + far)


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
    return in_time and common >= OVERLAP * lower


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
