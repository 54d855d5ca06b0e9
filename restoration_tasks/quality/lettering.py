"""Whether lettering keeps its strokes: titles, intertitles and subtitles stand still, and every stroke of them stays.

Lettering is told by its looks alone: strokes much brighter or darker than what is around them, in pieces of like height
side by side, in the same place in the frames before and after. It is looked for only where a change took away what the
neighbouring frames show in the same place, which dirt never does; so a reel without lettering costs next to nothing.
Where damage that lasts was repaired (scratches, stains, what people drew) nothing is told: it lies in one place as
lettering does. Nor of titles that roll by.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from restoration_tasks.assessment.lettering import STROKE_CONTRAST, WIDTH_PX, pieces_of, raised
from restoration_tasks.quality.pixels import Luma, Mask
from restoration_tasks.quality.policy import Policy

STILL: Final = 0.5
"""Share of its contrast above which a stroke is still there."""
LASTS: Final = 0.5
"""Share of a change by which the neighbouring frames may differ, for the frame to show what they show."""
LOST_PX: Final = 4
"""Fewer pixels are no stroke."""


@dataclass(frozen=True, slots=True)
class _Seen:
    frame: int
    planned: Luma
    restored: Luma
    lasting: Mask | None
    judged: bool


class LetteringMeter:
    """Takes the frames of a reel in order; it holds three, made small."""

    def __init__(self, policy: Policy) -> None:
        self._contrast = policy.limit("spike_contrast_min")
        self._recent: deque[_Seen] = deque(maxlen=3)
        self.lost: dict[int, float] = {}
        """By frame, the share of a letter's strokes that is gone, of the letter that lost most; frames with none are
        not among them."""

    def add(self, frame: int, planned: Luma, restored: Luma, lasting: Mask | None = None, *, judged: bool) -> None:
        """Take the next frame.

        Args:
            frame: 0-based position in the reel.
            planned: `(H, W)` luma as the plan makes it of the scan, share of the code range.
            restored: `(H, W)` luma of the restored frame; the same array where nothing was changed.
            lasting: `(H, W)`: where damage was repaired that stays for longer than a frame; nowhere if None.
            judged: whether the frame is to be one of the scan's at all.
        """
        small = _small(planned)
        after = small if restored is planned else _small(restored)
        over = None if lasting is None else _small(lasting.astype(np.float32)) > 0
        self._recent.append(_Seen(frame, small, after, over, judged))
        if len(self._recent) == 2:
            self._judge(self._recent[0], [self._recent[1]])
        elif len(self._recent) == 3:
            self._judge(self._recent[1], [self._recent[0], self._recent[2]])

    def cut(self) -> None:
        """Forget the frames before: a new shot begins, or the reel is over."""
        if len(self._recent) >= 2:
            self._judge(self._recent[-1], [self._recent[-2]])
        self._recent.clear()

    def _judge(self, here: _Seen, others: list[_Seen]) -> None:
        if not here.judged or here.restored is here.planned:
            return
        change = here.planned - here.restored
        gone = np.abs(change) > self._contrast
        if here.lasting is not None:
            gone &= ~here.lasting
        if np.count_nonzero(gone) < LOST_PX:
            return
        for other in others:
            gone &= np.abs(here.planned - other.planned) < LASTS * np.abs(change)
        if np.count_nonzero(gone) < LOST_PX:
            return
        worst = max(
            _lost_share(sign * here.planned, sign * here.restored, gone & (sign * change > 0)) for sign in (1, -1)
        )
        if worst > 0:
            self.lost[here.frame] = worst


def _small(plane: Luma) -> Luma:
    height, width = plane.shape
    if width <= WIDTH_PX:
        return plane
    size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)


def _lost_share(planned: Luma, restored: Luma, gone: Mask) -> float:
    """Of the letter that lost most, the share of its strokes that is gone; 0 where that is no stroke.

    Args:
        planned: `(h, w)`, strokes bright.
        restored: `(h, w)`, likewise.
        gone: `(h, w)`: pixels that were taken away, and that the frames beside show as this one does.
    """
    if np.count_nonzero(gone) < LOST_PX:
        return 0.0
    rise = raised(planned)
    strokes = rise > STROKE_CONTRAST
    # A pixel further a stroke is still one: lettering weaves, and a speck at its edge leaves the edge of this frame.
    left = cv2.dilate((raised(restored) > STILL * rise).astype(np.uint8) * strokes, np.ones((3, 3), np.uint8)) > 0
    pieces = pieces_of(strokes)
    lost = np.bincount(pieces.labels[gone & strokes & ~left], minlength=len(pieces.stats))
    areas = pieces.stats[:, cv2.CC_STAT_AREA]
    return max((float(lost[one]) / float(areas[one]) for one in pieces.letters if lost[one] >= LOST_PX), default=0.0)
