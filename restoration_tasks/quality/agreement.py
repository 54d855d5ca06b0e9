"""Whether what the check is given is what the steps before it worked with: the plan, and the damage maps."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.quality.frame_record import area_column
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.spec import canonical_json

if TYPE_CHECKING:
    from pydantic import JsonValue

    from restoration_tasks.media.segments import Segment
    from restoration_tasks.restoration.plan import Plan

AS_CARRIED_OUT: Final = "as carried out"
AS_ASSESSED: Final = "as assessed"
NAMED: Final = 8
"""So many segments or frames are named."""


def slice_digest(part: JsonValue) -> str:
    """sha256 of a segment's slice of a plan, as it stands in the spec of its restoration."""
    return hashlib.sha256(canonical_json(part)).hexdigest()


def plan_found(plan: Plan, segments: Sequence[Segment], carried_out: Mapping[str, str]) -> str:
    """What the fact *plan* says: `AS_CARRIED_OUT`, or which segments were restored by another.

    Args:
        plan: the plan the check was given.
        segments: of the whole reel.
        carried_out: by segment, `slice_digest` of what its restoration was asked for.
    """
    others = [segment.id for segment in segments if _asked(plan, segment) != carried_out.get(segment.id)]
    return AS_CARRIED_OUT if not others else f"another plan for {_listed(others)}"


def maps_found(differing: Sequence[int]) -> str:
    """What the fact *damage maps* says: `AS_ASSESSED`, or at which frames one has other areas than were recorded."""
    return AS_ASSESSED if not differing else f"other damage in frame {_listed([str(frame) for frame in differing])}"


def map_agrees(found: DamageMap, recorded: Mapping[str, Any]) -> bool:
    """Whether a map holds as much damage of each kind as was recorded with it (nothing: there is no record)."""
    if not recorded:
        return False
    shares = {kind: np.count_nonzero(found.plane(kind) >= CERTAIN) / found.dirt.size for kind in Defect}
    return all(abs(share - recorded[area_column(kind)]) < 0.5 / found.dirt.size for kind, share in shares.items())


def _asked(plan: Plan, segment: Segment) -> str | None:
    try:
        return slice_digest(plan.slice_for(segment).as_json())
    except PlanError:
        return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (" …" if len(names) > NAMED else "")
