"""The damage map of one frame: how sure we are of dirt, of hairs and of scratches, pixel by pixel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.models.defects.kinds import Defect

Map = npt.NDArray[np.uint8]
"""`(H, W)` uint8: confidence × 255; 0 is taken for clean."""
Mask = npt.NDArray[np.bool_]

CERTAIN = 128
"""Map value from which a pixel counts as damaged in the figures, and is repaired by default."""
PIX_FMT = "gbrp"
"""ffmpeg's planes are G, B, R: hairs, scratches, dirt. In the order of work (R, G, B) they are that of `Defect`."""
_PLANE = {Defect.DIRT: 2, Defect.HAIR: 0, Defect.SCRATCH: 1}


@dataclass(frozen=True)
class DamageMap:
    """What was found in one frame, in the scan's geometry.

    Dirt and hairs: a connected piece and its soft edge carry one confidence. Scratches: evidence pixel by pixel, of
    this frame alone; which lines are scratches is decided over the whole shot and stands in the plan.
    """

    dirt: Map
    hair: Map
    scratch: Map
    added: Mask | None = None
    """`(H, W)`: what a person added to any kind by a region of the plan; no part of the file."""
    text: Map | None = None
    """`(H, W)`: what was found or added on text on screen, which no plane above has any more; no part of the file."""

    @classmethod
    def empty(cls, shape: tuple[int, int]) -> DamageMap:
        """A map without damage; `shape` is height and width."""
        nothing = np.zeros(shape, np.uint8)
        return cls(nothing, nothing, nothing)

    @classmethod
    def of(cls, planes: Mapping[Defect, Map]) -> DamageMap:
        """A map from planes by kind."""
        return cls(planes[Defect.DIRT], planes[Defect.HAIR], planes[Defect.SCRATCH])

    @classmethod
    def from_frame(cls, frame: Frame) -> DamageMap:
        """A map as it is read from its file."""
        return cls.of({kind: frame[place].astype(np.uint8, copy=False) for kind, place in _PLANE.items()})

    def as_frame(self) -> Frame:
        """The map as it is written to its file."""
        planes = {place: self.plane(kind) for kind, place in _PLANE.items()}
        return tuple(planes[place] for place in sorted(planes))

    def plane(self, kind: Defect) -> Map:
        """The plane of one kind of damage, `(H, W)`."""
        return {Defect.DIRT: self.dirt, Defect.HAIR: self.hair, Defect.SCRATCH: self.scratch}[kind]

    @property
    def any(self) -> Map:
        """`(H, W)`: the most of all kinds, on text on screen as well."""
        most = np.maximum(np.maximum(self.dirt, self.hair), self.scratch)
        return np.asarray(most if self.text is None else np.maximum(most, self.text), np.uint8)


def map_format(picture: PictureFormat) -> PictureFormat:
    """The format of the map's file for a scan of this format: its size, three planes of 8 bits, no colour tags."""
    return replace(picture, pix_fmt=PIX_FMT, transfer="unknown", primaries="unknown", matrix="unknown", full_range=None)
