"""Whether faces are where and as they were scanned: their landmarks in place, and the structure inside their boxes.

Where faces are, and their five landmarks, is read from what the assessment found in the scan (`assessment.faces`): it
looks twice a second, and the frames between are judged by the nearest of those in the same shot. Where a landmark came
to lie in the restored frame is found by following the patch around it, not by looking for faces again: a network's own
landmarks wander with grain by more than a person sees, and a patch is followed to a fraction of a pixel
(`restoration.landmarks`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from restoration_tasks.assessment.faces import Face, Faces
from restoration_tasks.quality.metrics import SSIM_WINDOW_PX, ssim
from restoration_tasks.quality.pixels import Luma, Mask
from restoration_tasks.quality.texture import matched
from restoration_tasks.restoration.landmarks import landmark_shifts

FACE_PX: Final = 64
"""Faces are compared at most so wide: 32 cycles, where people know each other by the first 13 (`face_quality`)."""
AROUND: Final = 0.25
"""Share of a face's box that is looked at beside it on every side."""
NOT_LOOKED: Final = (
    "not measured: faces were not looked for; run `reelkeeper models install centerface`, then assess again"
)
"""Why the rules are idle where the network is not installed."""
NO_FACE: Final = "no face was found in the scan"


@dataclass(frozen=True, slots=True)
class FaceChange:
    """The worst of a frame's faces; the defaults are those of a frame without any, or with none changed."""

    face_shift: float = 0.0
    """How far landmarks lie from where they were scanned, or the plan puts them; share of the face's width. Of what was
    not repaired the landmark that moved most; with what was repaired the middle one of the five, as specks that are
    taken from one or two may pretend a move of those."""
    face_structure: float = 1.0
    """Structural similarity of luma inside the box, 1 where equal; what was repaired there is left out."""


UNCHANGED: Final = FaceChange()


def why_idle(tables: Iterable[Faces | None]) -> str:
    """Why nothing can be said of faces; empty where it can.

    Args:
        tables: the faces of every segment, None where nobody looked.
    """
    listed = list(tables)
    if not listed or any(table is None for table in listed):
        return NOT_LOOKED
    return "" if any(found for table in listed for found in (table or {}).values()) else NO_FACE


class FaceLookup:
    """The faces of every frame, by the nearest frame of its shot that was looked at.

    Args:
        faces: of the whole reel; None where nobody looked.
    """

    def __init__(self, faces: Faces | None) -> None:
        self._faces: Mapping[int, Sequence[Face]] = faces or {}
        self._looked = sorted(self._faces)

    def near(self, frame: int, start: int, stop: int) -> Sequence[Face]:
        """The faces of a frame.

        Args:
            frame: 0-based position in the reel.
            start: first frame of its shot.
            stop: end of its shot.
        """
        place = bisect_left(self._looked, frame)
        near = [one for one in self._looked[max(place - 1, 0) : place + 1] if start <= one < stop]
        return self._faces[min(near, key=lambda one: abs(one - frame))] if near else ()


def face_change(planned: Luma, restored: Luma, mask: Mask, faces: Sequence[Face]) -> FaceChange:
    """Hold the faces of a restored frame against the planned one.

    Args:
        planned: `(H, W)` luma as the plan makes it of the scan, share of the code range.
        restored: `(H, W)` luma of the restored frame.
        mask: `(H, W)`: where local repairs may write; left out of the structure, not of the landmarks: a repair may
            take a speck from an eye, and may not take the eye elsewhere.
        faces: where they are, pixels of the scan.
    """
    found = [_changed(planned, restored, mask, face) for face in faces]
    return FaceChange(
        max((one.face_shift for one in found), default=0.0),
        min((one.face_structure for one in found), default=1.0),
    )


def _changed(planned: Luma, restored: Luma, mask: Mask, face: Face) -> FaceChange:
    height, width = planned.shape
    beside = AROUND * (face.right - face.left), AROUND * (face.bottom - face.top)
    left, right = max(int(face.left - beside[0]), 0), min(int(face.right + beside[0]) + 1, width)
    top, bottom = max(int(face.top - beside[1]), 0), min(int(face.bottom + beside[1]) + 1, height)
    part = (slice(top, bottom), slice(left, right))
    before, after = planned[part], restored[part]
    if min(before.shape) < SSIM_WINDOW_PX or np.array_equal(before, after):
        return UNCHANGED
    scale = min(FACE_PX / max(face.right - face.left, 1.0), 1.0)
    landmarks = (np.array(face.landmarks, np.float32) - (left, top)) * np.float32(scale)
    outside = ~mask[part]
    seen = np.where(outside, after, before)
    even = matched(seen, before, outside) if outside.any() else before
    small, width_px = _sized(before, scale), (face.right - face.left) * scale
    moved = landmark_shifts(small, _sized(after, scale), landmarks, width_px)
    unmasked = landmark_shifts(small, _sized(np.asarray(seen, np.float32), scale), landmarks, width_px)
    return FaceChange(
        max(float(np.median(moved)), float(unmasked[-1])) / max(width_px, 1.0),
        ssim(small, _sized(np.asarray(even, np.float32), scale), 1.0),
    )


def _sized(plane: Luma, scale: float) -> Luma:
    if scale >= 1.0:
        return np.ascontiguousarray(plane, np.float32)
    height, width = plane.shape
    size = (max(round(width * scale), SSIM_WINDOW_PX), max(round(height * scale), SSIM_WINDOW_PX))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float32)
