"""Regions of a plan: damage that people add to the map or take out of it, picture they protect, and text on screen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from restoration_tasks.restoration.words import Text

if TYPE_CHECKING:
    from restoration_tasks.restoration.damage_map import DamageMap, Map, Mask

FURTHEST_PX = 65536.0
"""No scan is wider; a place beyond it is a slip of the pen."""

Coordinate = Annotated[float, Field(ge=-FURTHEST_PX, le=FURTHEST_PX, allow_inf_nan=False)]


class RegionAction(StrEnum):
    """What a region does to the damage map."""

    ADD = "add"
    """Its pixels are damage, whatever the detector says; they are repaired."""
    REMOVE = "remove"
    """What was found there of its kind is no damage."""
    PROTECT = "protect"
    """Nothing is repaired there, whatever anybody found or added: it wins over all else."""


class RegionKind(StrEnum):
    """Which kind of damage a region is about."""

    DIRT = "dirt"
    HAIR = "hair"
    SCRATCH = "scratch"
    ANY = "any"
    """All kinds; to add, it counts as dirt."""
    TEXT = "text"
    """No damage but text on screen, to protect: only the treatment of titles repairs anything there."""


class Region(BaseModel):
    """A polygon on some frames of a shot."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: RegionAction
    kind: RegionKind = RegionKind.ANY
    frames: tuple[int, int]
    """First and last frame, both included, counted from the shot's start."""
    polygon: Annotated[tuple[tuple[Coordinate, Coordinate], ...], Field(min_length=3, max_length=1000)]
    """Its corners `(x, y)` in pixels of the scan, from the picture's upper left; its edge belongs to it."""
    why: Text = ""
    """The reason in plain words."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        first, last = self.frames
        if not 0 <= first <= last:
            raise ValueError(f"a region is on frames first to last, counted from 0; found {first} to {last}")
        if self.is_text and self.action is not RegionAction.PROTECT:
            raise ValueError("text on screen is protected; it is no damage to add or to take out")
        return self

    def covers(self, frame: int) -> bool:
        """Whether it is on a frame, counted from the shot's start."""
        return self.frames[0] <= frame <= self.frames[1]

    @property
    def is_text(self) -> bool:
        """Whether it is about text on screen."""
        return self.kind is RegionKind.TEXT

    def as_json(self) -> JsonValue:
        """The region as it stands in a spec: without the reason, which makes no other pixels."""
        return self.model_dump(mode="json", exclude={"why"})

    def mask(self, shape: tuple[int, int]) -> Mask:
        """`(H, W)`: its pixels in a picture of this height and width. Not to be written to."""
        return _drawn(self.polygon, shape)


@lru_cache(maxsize=32)
def _drawn(polygon: tuple[tuple[float, float], ...], shape: tuple[int, int]) -> Mask:
    """A polygon drawn: once for all the frames it is on, which ask one after the other and for several reasons."""
    import cv2
    import numpy as np

    inside = np.zeros(shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(np.asarray(polygon, np.float64)).astype(np.int32)], 1)
    drawn: Mask = inside > 0
    drawn.setflags(write=False)
    return drawn


def edited(found: DamageMap, regions: Iterable[Region], frame: int) -> DamageMap:
    """A damage map as the regions of its shot want it. Without any on this frame it is the map itself.

    Removing comes first, then adding; protecting comes last and wins. Of text on screen the map keeps beside its planes
    what would be damage there.

    Args:
        found: the map as it was measured.
        regions: of the shot.
        frame: which frame, counted from the shot's start.
    """
    on = [region for region in regions if region.covers(frame)]
    if not on:
        return found
    import numpy as np

    shape = (found.dirt.shape[0], found.dirt.shape[1])
    planes: dict[RegionKind, Map] = {
        RegionKind.DIRT: found.dirt.copy(),
        RegionKind.HAIR: found.hair.copy(),
        RegionKind.SCRATCH: found.scratch.copy(),
    }
    added, text = np.zeros(shape, np.bool_), protected(on, frame, shape, text=True)
    for action in (RegionAction.REMOVE, RegionAction.ADD, RegionAction.PROTECT):
        if action is RegionAction.PROTECT and text is not None:
            damaged_text = np.where(text, np.maximum.reduce([*planes.values()]), np.uint8(0))
        for region in on:
            if region.action is not action:
                continue
            inside = region.mask(shape)
            if action is RegionAction.ADD:
                kind = RegionKind.DIRT if region.kind is RegionKind.ANY else region.kind
                planes[kind][inside] = 255
                added |= inside
                continue
            all_kinds = region.kind is RegionKind.ANY or action is RegionAction.PROTECT
            for one in planes if all_kinds else (region.kind,):
                planes[one][inside] = 0
    added &= np.logical_or.reduce([plane == 255 for plane in planes.values()])
    by_hand = protected(on, frame, shape, text=False)
    if text is not None and by_hand is not None:
        damaged_text[by_hand] = 0
    return replace(
        found,
        dirt=planes[RegionKind.DIRT],
        hair=planes[RegionKind.HAIR],
        scratch=planes[RegionKind.SCRATCH],
        added=added if added.any() else None,
        text=None if text is None else damaged_text,
    )


def protected(
    regions: Iterable[Region], frame: int, shape: tuple[int, int], *, text: bool | None = None
) -> Mask | None:
    """`(H, W)`: where nothing may be repaired on a frame; None where everything may.

    Args:
        regions: of the shot.
        frame: which frame, counted from the shot's start.
        shape: height and width of the picture.
        text: text on screen only, or what people protect only; both if None.
    """
    import numpy as np

    on = [
        region.mask(shape)
        for region in regions
        if region.action is RegionAction.PROTECT and region.covers(frame) and text in {None, region.is_text}
    ]
    return np.asarray(np.logical_or.reduce(on), np.bool_) if on else None
