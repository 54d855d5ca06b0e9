"""What a restoration changed in each frame, kept as Parquet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self

import numpy as np

from restoration_tasks.media.table import write_rows
from restoration_tasks.restoration.damage_map import DamageMap, Mask


@dataclass(frozen=True, slots=True)
class FrameChange:
    """What the restoration changed in one frame. The fields are the columns of `changes.parquet`."""

    frame: int
    """0-based position in the reel."""
    changed_px: int
    """Pixels with another code value in any channel."""
    changed_share: float
    """The same as a share of the picture, 0 … 1."""
    repaired_px: int
    """Pixels the masked treatments changed."""
    repaired_dirt_px: int
    """Those of them that the map has as dirt at least as surely as anything else."""
    repaired_hair_px: int
    """Those it has as hair more surely than as dirt."""
    repaired_scratch_px: int
    """Pixels of scratches that were changed."""
    outside_map_px: int
    """Pixels a masked treatment changed outside its mask: always 0, counted all the same."""
    repaired_stain_px: int = 0
    """Pixels from which a stain was taken off."""
    repaired_tear_px: int = 0
    """Pixels of torn frames that were moved back or filled."""
    repaired_text_px: int = 0
    """Pixels of text on screen that were completed from other frames."""
    repaired_wire_px: int = 0
    """Pixels of stunt wires that were filled."""
    repaired_face_px: int = 0
    """Pixels of faces that were made clearer."""
    faces_clearer: int = 0
    """Faces of which something was taken of what was made of them."""
    faces_left: int = 0
    """Faces that were left alone, as what was made of them was not the face."""
    face_blend: float = 1.0
    """How much was taken, of the face of which least was; 1 where there is none."""

    @classmethod
    def nothing(cls, frame: int) -> Self:
        """A frame nothing touched."""
        return cls(frame, 0, 0.0, 0, 0, 0, 0, 0)


REPAIRS = {
    "dirt": "Dirt repaired",
    "hair": "Hairs repaired",
    "scratch": "Scratches repaired",
    "stain": "Stains taken off",
    "tear": "Torn frames mended",
    "text": "Text on screen completed",
    "wire": "Wires taken out",
    "face": "Faces made clearer",
}
"""Kinds of repair that are counted, each in a column `repaired_KIND_px`, and what staff read of it."""
_OWN = {"stains": "stain_px", "tears": "tear_px", "titles": "text_px", "wires": "wire_px", "portraits": "face_px"}
"""Treatments whose repairs are counted by themselves, whatever kind of damage the map has there."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """Pixels of one frame that masked treatments changed, by kind of damage."""

    dirt_px: int = 0
    hair_px: int = 0
    scratch_px: int = 0
    stain_px: int = 0
    tear_px: int = 0
    text_px: int = 0
    wire_px: int = 0
    face_px: int = 0
    blends: tuple[float, ...] = ()
    """How much was taken of what was made of each face, 0–1."""

    @property
    def any_px(self) -> int:
        """All of them."""
        return sum(getattr(self, field.name) for field in fields(self) if field.name.endswith("_px"))

    def and_by(self, treatment: str, changed: Mask, found: DamageMap | None) -> Self:
        """These and what one more treatment changed.

        Args:
            treatment: its name.
            changed: `(H, W)`: the pixels.
            found: the frame's damage map.
        """
        count = int(np.count_nonzero(changed))
        if treatment in _OWN:
            field = _OWN[treatment]
            return replace(self, **{field: getattr(self, field) + count})
        if treatment == "scratches" or found is None:
            return replace(self, scratch_px=self.scratch_px + count)
        hairs = int(np.count_nonzero(changed & (found.hair > found.dirt)))
        return replace(self, dirt_px=self.dirt_px + count - hairs, hair_px=self.hair_px + hairs)


def write_changes(path: Path, changes: Iterable[FrameChange]) -> None:
    """Write the table; the same rows give the same bytes."""
    write_rows(path, FrameChange, changes)
