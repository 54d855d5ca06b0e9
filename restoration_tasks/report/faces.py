"""Faces in the condition report: a sentence, and boxes over the frame where a shot shows them largest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from restoration_tasks.assessment.condition import NO_FACES, ShotCondition
from restoration_tasks.assessment.face_quality import Tier
from restoration_tasks.assessment.faces import Face, ShotFaces
from restoration_tasks.media.picture import Frame
from restoration_tasks.report.stills import STILL_WIDTH_PX, Bgr, Display, fitted, jpeg

PICTURES: Final = 6
"""Shots that get a picture: those with the largest faces."""
COLOURS: Final[dict[Tier, tuple[int, int, int]]] = {
    Tier.POOR: (64, 110, 255),
    Tier.FAIR: (90, 200, 250),
    Tier.GOOD: (200, 220, 120),
}
"""B, G, R of the boxes; the tier is written beside, as colours alone tell not everybody."""


@dataclass(frozen=True)
class FacePicture:
    """A shot's frame with its faces boxed."""

    shot: int
    frame: int
    picture: str
    """JPEG data URI."""
    words: str
    tier: Tier


@dataclass(frozen=True)
class FaceSection:
    """What the page says of faces."""

    summary: str
    pictures: tuple[FacePicture, ...]


def face_section(conditions: Sequence[ShotCondition], display: Display, fetch: Callable[[int], Frame]) -> FaceSection:
    """What the page says of faces, with pictures of the shots that have the largest ones, in order of the reel."""
    pictured = [
        _picture(condition.facts.number, faces, display, fetch)
        for condition in conditions
        if (faces := condition.faces) is not None and condition.facts.number in _pictured(conditions)
    ]
    return FaceSection(summary(conditions), tuple(pictured))


def face_frames(conditions: Sequence[ShotCondition]) -> set[int]:
    """Positions of the frames `face_section` asks for."""
    shots = _pictured(conditions)
    return {
        condition.faces.shown[0].frame
        for condition in conditions
        if condition.faces is not None and condition.facts.number in shots
    }


def summary(conditions: Sequence[ShotCondition]) -> str:
    """A sentence or two for the reel."""
    looked = [one.faces for one in conditions if one.faces is not None]
    missed = len(conditions) - len(looked)
    if not looked:
        return f"{NO_FACES[0].upper()}{NO_FACES[1:]}."
    filled = [faces for faces in looked if faces.most]
    rest = f" In {_shots(missed)} {NO_FACES}." if missed else ""
    if not filled:
        return f"No face was found in the frames looked at.{rest}"
    by_tier = [(tier, sum(faces.tier is tier for faces in filled)) for tier in Tier]
    told = ", ".join(f"{tier} in {count}" for tier, count in by_tier if count)
    return f"Faces were found in {_shots(len(filled))} of {len(looked)}: {told}.{rest}"


def face_words(faces: ShotFaces) -> str:
    """A sentence for a shot."""
    if not faces.most:
        return "No face was found."
    many = "One face" if faces.most == 1 else f"{faces.most} faces at once"
    why = f" ({', '.join(faces.reasons)})" if faces.reasons else ""
    return f"{many}, up to {faces.largest_px:.0f} pixels wide: {faces.tier}{why}."


def _shots(count: int) -> str:
    return f"{count} shot{'' if count == 1 else 's'}"


def _pictured(conditions: Sequence[ShotCondition]) -> set[int]:
    filled = [one for one in conditions if one.faces is not None and one.faces.shown]
    filled.sort(key=lambda one: -(one.faces.largest_px if one.faces else 0.0))
    return {one.facts.number for one in filled[:PICTURES]}


def _picture(shot: int, faces: ShotFaces, display: Display, fetch: Callable[[int], Frame]) -> FacePicture:
    frame = faces.shown[0].frame
    view = display.view(fetch(frame))
    shown = fitted(view, STILL_WIDTH_PX)
    boxed = _boxed(shown, faces.shown, shown.shape[1] / view.shape[1])
    return FacePicture(shot, frame, jpeg(boxed), face_words(faces), faces.tier or Tier.POOR)


def _boxed(view: Bgr, faces: Sequence[Face], scale: float) -> Bgr:
    drawn = np.ascontiguousarray(view)
    for face in faces:
        left, top, right, bottom = (round(scale * at) for at in (face.left, face.top, face.right, face.bottom))
        colour = COLOURS[face.tier]
        cv2.rectangle(drawn, (left, top), (right, bottom), colour, 2)
        place = (left, top - 5 if top >= 18 else bottom + 15)
        for shade, width in (((0, 0, 0), 3), (colour, 1)):
            cv2.putText(drawn, face.tier.value, place, cv2.FONT_HERSHEY_SIMPLEX, 0.5, shade, width, cv2.LINE_AA)
    return drawn
