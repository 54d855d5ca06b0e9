"""Which faces of a shot are made clearer, and how it is said: the plan's entry.

Faces are looked for twice a second and followed in between (`faces`). A face and the next one looked at are one where
the path of the first leads to the second, of about its size; between the two its place is read off both paths, the
nearer one the more. Where a face was not found again its path counts for half the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from restoration_tasks.assessment.face_path import Step
from restoration_tasks.assessment.face_quality import Tier
from restoration_tasks.assessment.faces import Face, Faces
from restoration_tasks.assessment.less_grain import GrainFound
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.restoration.plan import PlannedTreatment
from restoration_tasks.restoration.portraits import Portrayed

NEAR = 0.35
"""Shares of its width that a face may lie from where its path leads."""
GROWN = 1.5
"""Times its size may differ from what its path says."""
_NAMED = 4
"""Faces named one by one in a plan's reason; the rest are counted."""
Place = tuple[float, float, float]
"""x and y of a face's middle and its width, pixels of the scan."""
SMOOTH_FRAMES = 1.0
"""Standard deviation of the bell by which places are smoothed in time: what is followed trembles with grain."""


@dataclass(frozen=True)
class PortraitTrack:
    """One face through a shot."""

    first: int
    """Counted from the shot's start."""
    places: tuple[tuple[float, float, float], ...]
    """x and y of the middle, width; one a frame."""
    looks: tuple[Face, ...]

    @property
    def tier(self) -> Tier:
        """The median of its looks, the worse of two."""
        ranked = sorted((look.tier for look in self.looks), key=lambda tier: tier.rank)
        return ranked[(len(ranked) - 1) // 2]

    @property
    def cycles(self) -> float:
        """Its detail, the median of its looks."""
        return float(np.median([look.quality.detail_cycles for look in self.looks]))

    @property
    def reasons(self) -> tuple[str, ...]:
        """What makes it no better than it is, in the order of how often."""
        said = [reason for look in self.looks if look.tier is self.tier for reason in look.quality.reasons]
        return tuple(sorted(set(said), key=lambda reason: (-said.count(reason), reason)))

    @property
    def width_px(self) -> float:
        """Its median width."""
        return float(np.median([width for _, _, width in self.places]))


def portrait_tracks(shots: Iterable[Shot], faces: Faces | None) -> dict[int, tuple[PortraitTrack, ...]]:
    """The faces of each shot, by its number; nothing for parts without a picture.

    Args:
        shots: of the reel.
        faces: of the whole reel; None where nobody looked.
    """
    found = {}
    for shot in shots:
        own = {frame: seen for frame, seen in (faces or {}).items() if shot.start <= frame < shot.stop}
        if shot.kind is PartKind.PICTURE and own:
            found[shot.number] = tuple(_track(looks, sorted(own), shot) for looks in _linked(own))
    return found


def planned_portraits(
    tracks: Sequence[PortraitTrack], grain: GrainFound | None, asked: Mapping[str, JsonValue]
) -> PlannedTreatment | None:
    """The treatment that makes a shot's faces clearer, or suggests it; None where all of them are good.

    Args:
        tracks: the faces of the shot.
        grain: its grain; None where it could not be read.
        asked: what the profile sets; without it the treatment is only suggested.
    """
    unclear = [track for track in tracks if track.tier is not Tier.GOOD and len(track.places) > 1]
    if not unclear:
        return None
    fair = [track for track in unclear if track.tier is Tier.FAIR]
    params: dict[str, JsonValue] = {"tracks": [_as_params(track) for track in unclear]}
    if grain is not None:
        params |= {"sigma": list(grain.sigma), "radius_px": round(grain.radius_px, 2)}
    if fair and asked.get("faces") == Portrayed.FAIR:
        poor = [track for track in unclear if track.tier is Tier.POOR]
        why = (
            f"{_counted(fair)} made clearer from the frames around, inside its mask: {_told(fair)}. What is not the "
            "same face any more is taken back frame by frame."
        )
        if poor:
            why += f" Left alone: {_told(poor)}; a person who wants poor ones treated as well sets faces to all."
    else:
        why = (
            f"Left alone, suggested only: {_told(unclear)}. They can be made clearer from the frames around: a person "
            "who wants that sets faces to fair, or to all for poor ones."
        )
    return PlannedTreatment(name="portraits", params=params, why=why)


def _as_params(track: PortraitTrack) -> JsonValue:
    middles = [_middle(look) for look in track.looks]
    landmarks = np.median(
        [(np.array(look.landmarks) - (x, y)) / width for look, (x, y, width) in zip(track.looks, middles, strict=True)],
        axis=0,
    )
    height = float(np.median([(look.bottom - look.top) / (look.right - look.left) for look in track.looks]))
    return {
        "first": track.first,
        "tier": track.tier.value,
        "cycles": round(min(max(track.cycles, 1.0), 16.0), 1),
        "places": [list(place) for place in track.places],
        "height": round(min(max(height, 0.25), 4.9), 2),
        "landmarks": [[round(float(x), 3), round(float(y), 3)] for x, y in landmarks],
    }


def _counted(tracks: Sequence[PortraitTrack]) -> str:
    return "1 face is" if len(tracks) == 1 else f"{len(tracks)} faces are"


def _told(tracks: Sequence[PortraitTrack]) -> str:
    told = ", ".join(
        f"frames {track.first}–{track.first + len(track.places) - 1}, {track.width_px:.0f} px wide, {track.tier}"
        + (f" ({', '.join(track.reasons)})" if track.reasons else "")
        for track in sorted(tracks, key=lambda track: -track.width_px)[:_NAMED]
    )
    return told + (f" and {len(tracks) - _NAMED} more" if len(tracks) > _NAMED else "")


def _linked(faces: Faces) -> list[list[Face]]:
    """The looks of each face, in order."""
    closed: list[list[Face]] = []
    going: list[list[Face]] = []
    for frame in sorted(faces):
        left, ahead = list(faces[frame]), []
        for looks in sorted(going, key=lambda one: -one[-1].quality.width_px):
            apart = [_apart(looks[-1], face) for face in left]
            if apart and min(apart) <= NEAR:
                ahead.append([*looks, left.pop(int(np.argmin(apart)))])
            else:
                closed.append(looks)
        going = ahead + [[face] for face in left]
    return closed + going


def _apart(last: Face, face: Face) -> float:
    """How far a face is from where another's path leads, in its widths; infinite where it leads nowhere near."""
    step = next((one for one in last.path if one.offset == face.frame - last.frame), None)
    if step is None:
        return float("inf")
    x, y, width = _middle(last)
    there = _middle(face)
    grown = there[2] / (width * step.size)
    if not 1 / GROWN <= grown <= GROWN:
        return float("inf")
    return float(np.hypot(there[0] - x - step.x, there[1] - y - step.y) / there[2])


def _middle(face: Face) -> tuple[float, float, float]:
    return (face.left + face.right) / 2, (face.top + face.bottom) / 2, face.right - face.left


def _track(looks: Sequence[Face], looked: Sequence[int], shot: Shot) -> PortraitTrack:
    """The places of a face on every frame it is known on.

    Args:
        looks: of the face, in order.
        looked: the frames of the shot that were looked at, in order.
        shot: the shot.
    """
    known: dict[int, list[tuple[float, Place]]] = {}
    frames = [look.frame for look in looks]
    for look in looks:
        x, y, width = _middle(look)
        for step in (Step(0, 0.0, 0.0, 1.0), *look.path):
            reach = _reach(look.frame, -1 if step.offset < 0 else 1, looked, frames)
            if shot.start <= look.frame + step.offset < shot.stop and abs(step.offset) <= reach:
                weight = max(1.0 - abs(step.offset) / max(reach, 1.0), 1e-3)
                place = (x + step.x, y + step.y, width * step.size)
                known.setdefault(look.frame + step.offset, []).append((weight, place))
    run = _run_with(frames[0], known)
    weighed = [np.average([one for _, one in known[at]], axis=0, weights=[own for own, _ in known[at]]) for at in run]
    rounded = [(round(float(x), 1), round(float(y), 1), round(float(w), 1)) for x, y, w in _smoothed(np.array(weighed))]
    return PortraitTrack(run[0] - shot.start, tuple(rounded), tuple(looks))


def _reach(frame: int, side: int, looked: Sequence[int], found: Sequence[int]) -> float:
    """Frames up to which a path counts on a side: to the next look, half the way where the face was not found there."""
    far = [abs(one - frame) for one in looked if (one - frame) * side > 0]
    if not far:
        return float("inf")
    return float(min(far)) if frame + side * min(far) in found else min(far) / 2


def _run_with(frame: int, known: Mapping[int, object]) -> list[int]:
    """The frames around one that follow one another without a gap."""
    low = high = frame
    while low - 1 in known:
        low -= 1
    while high + 1 in known:
        high += 1
    return list(range(low, high + 1))


def _smoothed(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Places `(T, 3)` in time, smoothed; beyond the ends they go on as they came."""
    reach = round(3 * SMOOTH_FRAMES)
    if len(places) <= reach:
        return places
    bell = np.exp(-0.5 * np.square(np.arange(-reach, reach + 1) / SMOOTH_FRAMES))
    before = 2 * places[:1] - places[reach:0:-1]
    after = 2 * places[-1:] - places[-2 : -reach - 2 : -1]
    wide = np.concatenate([before, places, after])
    return np.stack([np.convolve(column, bell / bell.sum(), mode="valid") for column in wide.T], axis=1)
