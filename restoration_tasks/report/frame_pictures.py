"""Single frames of masters as a screen shows them: the frame itself, what differs between two, and the damage found."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.quality.findings import FrameNumber, RuleResult
from restoration_tasks.report.stills import Bgr, Display, fitted, jpeg
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap
from restoration_tasks.runtime.errors import MediaError, WrongUse

WORST_WIDTH_PX: Final = 480
WORST_GAIN: Final = 16
SHOWN_RULES: Final = 12
"""Broken rules of a report that are shown with their worst frame; the rest name its number."""
OF_PICTURES: Final = ("integrity.", "fidelity.", "benefit.")
"""Rules that speak of the scan and the restored master."""
GAINS: Final = (4, 16, 64)
"""How many times a difference may be enlarged: 64 shows a single code value of 10 bit as 16 of 255."""
DAMAGE_BGR: Final = {Defect.DIRT: (40, 96, 255), Defect.HAIR: (48, 214, 255), Defect.SCRATCH: (255, 190, 60)}
"""Orange, yellow, blue: told apart with any of the usual colour deficiencies, on light and dark pictures."""
DAMAGE_ALPHA: Final = 210
_Shown: TypeAlias = tuple[PictureFormat, Frame]
_QUICK: Final = [cv2.IMWRITE_PNG_COMPRESSION, 1]


def frame_png(master: Path, frame: int, width: int | None = None) -> bytes:
    """One frame of a master as a PNG.

    Args:
        master: a video file whose frames stand alone.
        frame: 0-based position in it.
        width: at most so many pixels wide; every pixel of the scan if None.

    Raises:
        WrongUse: the master has no such frame.
        MediaError: it cannot be read.
    """
    picture, planes = _frame(master, frame)
    return _png(_sized(Display(picture).view(planes), width))


def difference_png(before: Path, after: Path, frame: int, gain: int, width: int | None = None) -> bytes:
    """How far two masters differ in a frame, as a grey PNG: the largest difference of any channel, enlarged.

    Args:
        before: the preservation master.
        after: the restored master.
        frame: 0-based position in both.
        gain: how many times the difference in code values is enlarged; black is no difference at all.
        width: as for `frame_png`. Where it shrinks, the largest difference of the pixels that fall together is shown,
            so that a single changed pixel does not vanish.

    Raises:
        WrongUse: one of them has no such frame.
        MediaError: one cannot be read, or they are pictures of two kinds.
    """
    return _difference(_frame(before, frame), _frame(after, frame), gain, width, file=after.name, frame=frame)


def _difference(before: _Shown, after: _Shown, gain: int, width: int | None, *, file: str, frame: int) -> bytes:
    (picture, one), (other_picture, other) = before, after
    if (picture.plane_shapes, picture.max_code) != (other_picture.plane_shapes, other_picture.max_code):
        raise MediaError(
            "the two masters cannot be compared: they have another size or depth",
            file=file,
            frame=frame,
            action="look at them one by one",
        )
    apart = np.abs(picture.to_work(one).astype(np.int32) - picture.to_work(other).astype(np.int32)).max(axis=0)
    shown = np.minimum(apart * (gain * 255.0 / picture.max_code), 255)
    return _png(_shrunk_to_largest(np.ceil(shown).astype(np.uint8), width))


@dataclass(frozen=True)
class WorstFrame:
    """The frame farthest from what a rule asks, as data URIs."""

    number: FrameNumber
    before: str
    after: str
    difference: str


Drawn: TypeAlias = dict[FrameNumber, WorstFrame | None]
"""Pictures of frames; None of one that cannot be read."""


def worst_frames(
    results: Iterable[RuleResult], master: Path, restored: Path, drawn: Drawn | None = None
) -> dict[str, WorstFrame]:
    """Pictures of broken rules, by rule; none for one whose frame cannot be read, which another rule says.

    Args:
        results: of the check, in order; the first `SHOWN_RULES` broken ones that name a frame are shown.
        master: the preservation master.
        restored: the restored master.
        drawn: pictures that were drawn before; the others are drawn now.
    """
    found: dict[str, WorstFrame] = {}
    drawn = {} if drawn is None else drawn
    for result in results:
        if result.worst is None or not result.broken or not result.id.startswith(OF_PICTURES):
            continue
        if len(found) == SHOWN_RULES:
            break
        if result.worst not in drawn:
            drawn |= draw([result.worst], master, restored)
        if (picture := drawn[result.worst]) is not None:
            found[result.id] = picture
    return found


def draw(numbers: Iterable[FrameNumber], master: Path, restored: Path) -> Drawn:
    """Pictures of frames, of the first `SHOWN_RULES`.

    Args:
        numbers: the frames.
        master: the preservation master.
        restored: the restored master.
    """
    return {number: _worst(number, master, restored) for number in islice(numbers, SHOWN_RULES)}


def _worst(number: FrameNumber, master: Path, restored: Path) -> WorstFrame | None:
    try:
        both = _frame(master, number.frame), _frame(restored, number.frame)
        before, after = (jpeg(fitted(Display(picture).view(planes), WORST_WIDTH_PX)) for picture, planes in both)
        apart = _difference(*both, WORST_GAIN, WORST_WIDTH_PX, file=restored.name, frame=number.frame)
    except (WrongUse, MediaError):
        return None
    return WorstFrame(number, before, after, "data:image/png;base64," + base64.b64encode(apart).decode("ascii"))


def damage_png(damage: Path, frame: int, width: int | None = None) -> bytes:
    """What was found in a frame, as a PNG that is clear where nothing was: orange dirt, yellow hairs, blue scratches.

    Args:
        damage: the damage map of a segment.
        frame: 0-based position in that segment.
        width: as for `difference_png`.

    Raises:
        WrongUse: the map has no such frame.
        MediaError: it cannot be read.
    """
    found = DamageMap.from_frame(_frame(damage, frame)[1])
    planes = {kind: _shrunk_to_largest(found.plane(kind), width) >= CERTAIN for kind in Defect}
    height, wide = planes[Defect.DIRT].shape
    view = np.zeros((height, wide, 4), np.uint8)
    for kind, hit in planes.items():
        view[hit] = (*DAMAGE_BGR[kind], DAMAGE_ALPHA)
    return _png(view)


def _frame(path: Path, frame: int) -> _Shown:
    # Asking MediaInfo about the file costs as much as the frame, so that is done once a file.
    whole = _reader(path, path.stat().st_mtime_ns)
    if not 0 <= frame < len(whole):
        raise WrongUse("there is no such frame", file=path.name, expected=f"0 to {len(whole) - 1}", found=frame)
    reader = copy(whole)
    reader.start, reader.count = frame, 1
    return reader.format, next(iter(reader))


@lru_cache(maxsize=64)
def _reader(path: Path, _changed: int) -> FrameReader:
    return FrameReader(path)


def _sized(picture: Bgr, width: int | None) -> Bgr:
    return picture if width is None else fitted(picture, width)


def _shrunk_to_largest(plane: npt.NDArray[np.uint8], width: int | None) -> npt.NDArray[np.uint8]:
    """A plane at most so many pixels wide; each pixel is the largest of those it stands for."""
    height, wide = plane.shape
    if width is None or wide <= width:
        return plane
    times = -(-wide // width)
    largest = cv2.dilate(plane, np.ones((times, times), np.uint8))
    size = (width, max(1, round(height * width / wide)))
    return np.asarray(cv2.resize(largest, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _png(picture: npt.NDArray[np.uint8]) -> bytes:
    _, encoded = cv2.imencode(".png", picture, _QUICK)
    return bytes(encoded.tobytes())
