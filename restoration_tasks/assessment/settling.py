"""What the frames around leave of what one frame shows: part of the scene, falling, or on this frame only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.dirt import CALM, raised
from restoration_tasks.assessment.lights import LightLimits, Lit, light_bar, rain
from restoration_tasks.assessment.network import Found, Gathered
from restoration_tasks.assessment.onward import Going, going
from restoration_tasks.assessment.recurrence import (
    NO_DOUBT,
    Company,
    Doubles,
    Doubt,
    RecurrenceLimits,
    in_company,
    recurring,
)
from restoration_tasks.assessment.unrest import UnrestLimits, counted, spread_evenly
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap

PASSING_PX = 8
"""How far to the side, at 720 pixels width, a neighbour's scratch may lie to be the same one."""
PASSING_SHARE = 0.2
"""A line is on one frame only if so much of it at most is found in a neighbour."""
PRESENT = 51
"""Map value from which a neighbour shows something (a fifth)."""
TOGETHER = 2
"""Frames each way whose pieces are counted together to see whether something falls."""
_RECURRENCE = RecurrenceLimits()
_UNREST = UnrestLimits()
_LIGHT = LightLimits()


def with_going(around: Mapping[int, Found]) -> Found:
    """The middle frame of a window, with how many of its pieces go on their way from the frame before to that after."""
    seen = {offset: found.gathered.seen for offset, found in around.items() if found.gathered is not None}
    if 0 not in seen:
        return around[0]
    return replace(around[0], going=going(seen[0], seen.get(-1), seen.get(1), _RECURRENCE))


def settle(around: Mapping[int, Found]) -> tuple[Found, Doubt]:
    """The middle frame of a window as the frames around leave it, and what of it is taken for part of the scene.

    Args:
        around: frames of one shot, up to `REACH` each way, each from `with_going`.
    """
    found = around[0]
    if found.gathered is None or found.lonely is None:
        return found, NO_DOUBT
    together = (around[offset].going for offset in range(-TOGETHER, TOGETHER + 1) if offset in around)
    way = rain([other.lights for other in around.values() if other.lights is not None], _LIGHT)
    if Going.together(together).falls(_RECURRENCE):
        left, alone = (np.zeros_like(one.pieces.confidence) for one in (found.gathered, found.lonely))
    else:
        left = _among_lights(around, found.gathered, _recurring(around, 0, found.gathered), way)
        company = [one for offset in (-1, 1) if (one := _company(around, offset)) is not None]
        company.append(Company.of(found.gathered.pieces.confidence, left, found.gathered.seen))
        left = in_company(left, found.gathered.seen, company, _RECURRENCE)
        alone = _among_lights(around, found.lonely, _recurring(around, 0, found.lonely), way)
        company.append(Company.of(found.lonely.pieces.confidence, alone, found.lonely.seen))
        alone = in_company(alone, found.lonely.seen, company, _RECURRENCE)
        near = [one for other in around.values() for one in (other.gathered, other.lonely) if one is not None]
        counts = counted(one.pieces for one in near)
        left = spread_evenly(left, found.gathered.pieces, counts, _UNREST)
        alone = spread_evenly(alone, found.lonely.pieces, counts, _UNREST)
    gathered, doubt = found.gathered.left_with(left)
    doubt = replace(doubt, raining=way is not None)
    # Not counted: these would be scratches of one frame only if no neighbour showed a line there.
    lonely, _ = found.lonely.left_with(alone)
    if gathered is not found.gathered:
        dirt, hair = gathered.planes
        found = replace(found, damage=replace(found.damage, dirt=dirt, hair=hair))
    found = replace(found, calm=_calm(gathered))
    if lonely is not found.lonely:
        found = replace(found, passing=np.where(lonely.planes[0] >= CERTAIN, lonely.planes[0], np.uint8(0)))
    return found, doubt


def _calm(own: Gathered) -> float:
    """Share of the area of what counts that lies in the calm half of the picture."""
    area = np.where(own.pieces.confidence >= CERTAIN / 255, own.seen.area, 0.0)
    total = float(area.sum())
    return float(area[own.pieces.unrest < CALM].sum()) / total if total else CALM


def _recurring(around: Mapping[int, Found], offset: int, own: Gathered) -> Doubles:
    """Confidences of pieces of one frame of a window, as its neighbours in the window leave them."""
    found, middle = around[offset], around[0].index
    near = (around.get(position - middle) for position in found.around)
    others = [other.gathered.seen for other in near if other is not None and other.gathered is not None]
    return recurring(own.pieces, own.seen, others, _RECURRENCE, one_sided=len(found.near) == 1)


def _lit(found: Found, own: Gathered | None) -> Lit | None:
    if own is None or found.lights is None:
        return None
    return Lit(own.pieces, own.seen, found.lights)


def _among_lights(around: Mapping[int, Found], own: Gathered, after: Doubles, way: complex | None) -> Doubles:
    """Confidences of pieces of the middle frame of a window, less where they stand among lights."""
    middle = _lit(around[0], own)
    if middle is None:
        return after
    beside = (_lit(other, other.gathered) for offset, other in around.items() if offset)
    return raised(after, light_bar(middle, [one for one in beside if one is not None], _LIGHT, way))


def _company(around: Mapping[int, Found], offset: int) -> Company | None:
    own = around[offset].gathered if offset in around else None
    if own is None:
        return None
    return Company.of(own.pieces.confidence, _recurring(around, offset, own), own.seen)


def with_passing(found: Found, others: Sequence[Found]) -> DamageMap:
    """The frame's map with scratches of one frame (rain, cinch marks) moved from the scratches to the dirt.

    Args:
        found: the frame.
        others: its nearest distinct neighbours, as `found.near` names them. With none, nothing can be said.
    """
    if not others or not found.passing.any():
        return found.damage
    size = found.passing.shape[1] / 720
    reach = 2 * max(2, round(PASSING_PX * size)) + 1
    near = np.ones((2 * max(1, round(2 * size)) + 1, reach), np.uint8)
    count, labels = cv2.connectedComponents((found.passing > 0).astype(np.uint8), connectivity=8)
    area = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    alone = np.ones(count, np.bool_)
    alone[0] = False
    for other in others:
        shown = (other.damage.scratch >= PRESENT).astype(np.uint8)
        there = cv2.dilate(shown, near) > 0
        alone &= np.bincount(labels[there], minlength=count) <= PASSING_SHARE * area
    if not alone.any():
        return found.damage
    moved: npt.NDArray[np.bool_] = alone[labels]
    return DamageMap(
        dirt=np.where(moved, np.maximum(found.damage.dirt, found.passing), found.damage.dirt),
        hair=found.damage.hair,
        scratch=np.where(moved, np.uint8(0), found.damage.scratch),
    )
