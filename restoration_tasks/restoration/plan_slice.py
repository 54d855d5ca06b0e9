"""The part of a plan that one segment is restored by: what enters the signature of its restoration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from pydantic import JsonValue, TypeAdapter, ValidationError

from restoration_tasks.restoration.regions import Region
from restoration_tasks.restoration.treatment import (
    Fidelity,
    Means,
    Treatment,
    TreatmentParams,
    checked_params,
    registry,
)
from restoration_tasks.runtime.errors import PlanError


@dataclass(frozen=True)
class PlanSlice:
    """The part of a plan that one segment is restored by.

    Reasons are left out: other words do not make other pixels.
    """

    treatments: tuple[tuple[str, TreatmentParams], ...]
    """Name and parameters, in the order of work; per-frame curves hold the segment's frames only."""
    regions: tuple[Region, ...] = ()
    """Those that touch the segment or the frames looked at beside it, counted from the *shot's* start."""

    def as_json(self) -> dict[str, JsonValue]:
        """The slice as it stands in a spec; equal slices give equal text."""
        treatments: list[JsonValue] = [
            {"name": name, "params": params.model_dump(mode="json")} for name, params in self.treatments
        ]
        if not self.regions:
            return {"treatments": treatments}
        return {"treatments": treatments, "regions": [region.as_json() for region in self.regions]}

    @property
    def models(self) -> dict[str, str]:
        """Weights its treatments use: name to sha256."""
        return {name: sha256 for _, params in self.treatments for name, sha256 in params.models.items()}

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a slice from a spec.

        Raises:
            PlanError: it is not one.
        """
        known = isinstance(value, dict) and {"treatments"} <= set(value) <= {"treatments", "regions"}
        if not known or not isinstance(value, dict) or not isinstance(value["treatments"], list):
            raise PlanError(
                "not a slice of a plan",
                expected='{"treatments": […], "regions": […]}',
                action="let the plan step write the spec",
            )
        try:
            regions = TypeAdapter(tuple[Region, ...]).validate_python(value.get("regions", []))
        except ValidationError as error:
            raise PlanError("not a slice of a plan", expected="regions", found=error.errors()[0]["msg"]) from error
        found = []
        for item in value["treatments"]:
            if not isinstance(item, dict) or set(item) != {"name", "params"} or not isinstance(item["params"], dict):
                raise PlanError("not a slice of a plan", expected="name and params", found=item)
            found.append((str(item["name"]), checked_params(str(item["name"]), item["params"])))
        return cls(tuple(found), regions)

    def build(self, *, origin: int = 0, means: Means | None = None) -> list[Treatment[TreatmentParams]]:
        """The treatments, ready to work, in order.

        Args:
            origin: position in the reel of the segment's first frame, from which per-frame parameters count.
            means: what they may compute with.
        """
        known = registry()
        return [known[name](params, origin=origin, means=means) for name, params in self.treatments]


def touching(regions: tuple[Region, ...], part: PlanSlice, first: int, stop: int) -> tuple[Region, ...]:
    """Regions on frames `first ≤ i < stop` of a shot or on those a slice's treatments look at beside them."""
    treatments = part.build()
    if all(treatment.fidelity is not Fidelity.MASKED for treatment in treatments):
        return ()
    reach = sum(treatment.radius for treatment in treatments)
    near = [one for one in regions if one.frames[1] >= first - reach and one.frames[0] < stop + reach]
    return tuple(region.model_copy(update={"why": ""}) for region in near)
