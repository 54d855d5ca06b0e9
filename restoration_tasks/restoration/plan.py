"""The plan: which treatments each shot gets, with which parameters, and why. Readable YAML in and out."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.treatment import Treatment, TreatmentParams, checked_params, registry
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.identifiers import ReelId
from restoration_tasks.runtime.spec import canonical_json

FORMAT: Literal["reelkeeper.plan/1"] = "reelkeeper.plan/1"
LARGEST_BYTES = 64 * 1024 * 1024
"""Refuse to parse more: a two-hour reel with a flicker curve on every shot stays under 5 MB."""

Text = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]*$")]
"""Words of people: no control characters, which terminals and YAML take for something else."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PlannedTreatment(_Frozen):
    """One treatment of one shot."""

    name: str = Field(max_length=64)
    params: dict[str, JsonValue] = Field(default_factory=dict)
    why: Text
    """The reason in plain words, for the people who review the plan."""

    @property
    def checked(self) -> TreatmentParams:
        """The parameters, in range.

        Raises:
            PlanError: unknown treatment, or a parameter unknown or out of range.
        """
        return checked_params(self.name, self.params)


class PlannedShot(_Frozen):
    """What one shot gets; nothing, where nothing was measured."""

    shot: int = Field(ge=1)
    start: int = Field(ge=0)
    stop: int = Field(ge=1)
    treatments: tuple[PlannedTreatment, ...] = ()

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"shot {self.shot}"


@dataclass(frozen=True)
class PlanSlice:
    """The part of a plan that one segment is restored by.

    Reasons are left out: other words do not make other pixels.
    """

    treatments: tuple[tuple[str, TreatmentParams], ...]
    """Name and parameters, in the order of work; per-frame curves hold the segment's frames only."""

    def as_json(self) -> dict[str, JsonValue]:
        """The slice as it stands in a spec; equal slices give equal text."""
        return {
            "treatments": [{"name": name, "params": params.model_dump(mode="json")} for name, params in self.treatments]
        }

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Read a slice from a spec.

        Raises:
            PlanError: it is not one.
        """
        if not isinstance(value, dict) or set(value) != {"treatments"} or not isinstance(value["treatments"], list):
            raise PlanError(
                "not a slice of a plan", expected='{"treatments": […]}', action="let the plan step write the spec"
            )
        found = []
        for item in value["treatments"]:
            if not isinstance(item, dict) or set(item) != {"name", "params"} or not isinstance(item["params"], dict):
                raise PlanError("not a slice of a plan", expected="name and params", found=item)
            found.append((str(item["name"]), checked_params(str(item["name"]), item["params"])))
        return cls(tuple(found))

    def build(self) -> list[Treatment[TreatmentParams]]:
        """The treatments, ready to work, in order."""
        known = registry()
        return [known[name](params) for name, params in self.treatments]


class Plan(_Frozen):
    """One numbered version of a reel's plan. A version is never changed: another opinion is the next version."""

    format: Literal["reelkeeper.plan/1"] = FORMAT
    reel_id: ReelId
    version: int = Field(default=1, ge=1)
    parent: int | None = Field(default=None, ge=1)
    """The version this one was made from."""
    author: Text = "reelkeeper"
    reason: Text = "first plan, from the damage measured"
    profile: Annotated[str, Field(max_length=64)] = "archive"
    """Which house rules the plan follows."""
    shots: tuple[PlannedShot, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.parent is not None and self.parent >= self.version:
            raise ValueError(f"version {self.version} cannot come from version {self.parent}")
        end = 0
        numbers = set()
        for shot in self.shots:
            if not end <= shot.start < shot.stop:
                raise ValueError(f"{shot.title} is frames {shot.start} to {shot.stop}: shots must follow one another")
            if shot.shot in numbers:
                raise ValueError(f"{shot.title} is there twice")
            numbers.add(shot.shot)
            end = shot.stop
            names = [treatment.name for treatment in shot.treatments]
            if len(set(names)) < len(names):
                raise ValueError(f"{shot.title} names a treatment twice")
        return self

    def validate_treatments(self) -> None:
        """Check every treatment's name and parameters.

        Raises:
            PlanError: the shot and the parameter are named.
        """
        for shot in self.shots:
            for treatment in shot.treatments:
                try:
                    treatment.checked.require_frames(shot.stop - shot.start)
                except PlanError as error:
                    raise PlanError(
                        f"{shot.title}: {error.message}",
                        reel=self.reel_id,
                        expected=error.expected,
                        found=error.found,
                        action=error.action,
                    ) from error
                except ValueError as error:
                    raise PlanError(
                        f"{shot.title}, {treatment.name}: {error}",
                        reel=self.reel_id,
                        action="let the plan step measure it",
                    ) from error

    def slice_for(self, segment: Segment) -> PlanSlice:
        """What a segment is restored by.

        Raises:
            PlanError: the plan has no such shot, or bounds it otherwise.
        """
        shot = next((shot for shot in self.shots if shot.shot == segment.shot), None)
        if shot is None or (shot.start, shot.stop) != (segment.shot_start, segment.shot_stop):
            raise PlanError(
                f"the plan does not fit the reel at shot {segment.shot}",
                reel=self.reel_id,
                expected=f"frames {segment.shot_start} to {segment.shot_stop}",
                found="no such shot" if shot is None else f"frames {shot.start} to {shot.stop}",
                action="make the plan from this reel's own shots",
            )
        order = list(registry())
        checked = {treatment.name: treatment.checked for treatment in shot.treatments}
        first, stop = segment.start - shot.start, segment.stop - shot.start
        return PlanSlice(tuple((name, checked[name].sliced(first, stop)) for name in sorted(checked, key=order.index)))

    @property
    def treated(self) -> int:
        """How many shots get any treatment."""
        return sum(bool(shot.treatments) for shot in self.shots)

    @property
    def sha256(self) -> str:
        """Digest over the canonical content; layout and comments of the YAML do not enter."""
        return hashlib.sha256(canonical_json(self.model_dump(mode="json"))).hexdigest()

    def to_yaml(self) -> str:
        """The plan as staff read it."""
        head = (
            f"# Restoration plan of {self.reel_id}, version {self.version}.\n"
            "# A version is never edited: save changes as the next one.\n"
        )
        return head + yaml.dump(
            self.model_dump(mode="json"), Dumper=_Readable, sort_keys=False, allow_unicode=True, width=120
        )

    @classmethod
    def from_yaml(cls, text: str | bytes, *, source: object = None) -> Self:
        """Read a plan, checked whole.

        Args:
            text: YAML.
            source: the file's name, for messages.

        Raises:
            PlanError: not a plan, or not a valid one; it says where.
        """
        if len(text) > LARGEST_BYTES:
            raise PlanError("the plan is too large", file=source, expected=f"{LARGEST_BYTES} bytes", found=len(text))
        try:
            plan = cls.model_validate(yaml.load(text, Loader=_Strict))  # noqa: S506 - _Strict is a SafeLoader
        except (yaml.YAMLError, RecursionError) as error:
            raise PlanError(
                f"the plan is not readable YAML: {' '.join(str(error).split())[:300]}",
                file=source,
                action="correct the file",
            ) from error
        except ValidationError as error:
            problem = error.errors()[0]
            where = ".".join(map(str, problem["loc"]))
            raise PlanError(
                f"the plan is not valid: {where + ': ' if where else ''}{problem['msg']}",
                file=source,
                action="correct the file",
            ) from error
        plan.validate_treatments()
        return plan


class _Strict(yaml.SafeLoader):
    """Plain YAML only.

    No tags that make objects, no aliases (a few lines of them unfold to gigabytes), no key twice.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("a plan may not use aliases (*name)")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if any(not isinstance(key, str) for key in keys) or len(set(keys)) < len(keys):
            raise yaml.YAMLError(f"names must be plain words, each once (line {node.start_mark.line + 1})")
        return super().construct_mapping(node, deep=deep)


class _Readable(yaml.SafeDumper):
    """Curves on few lines, everything else one entry a line."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - never write what we refuse to read
        return True


def _numbers_in_a_row(dumper: _Readable, values: list[Any]) -> yaml.Node:
    flat = bool(values) and all(isinstance(value, int | float) for value in values)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=flat)


_Readable.add_representer(list, _numbers_in_a_row)
