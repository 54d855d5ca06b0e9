"""The plan editor: treatments of single shots on or off, and their settings; every save is a new version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field, JsonValue

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.pages import reel_view
from reelkeeper_airflow.pages.access import Drafter, Looker, may_draft
from reelkeeper_airflow.pages.look import page
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment

ADDABLE = ("dirt", "titles")
"""Treatments a person may add to a shot: those that need nothing that only the plan step measures."""

router = APIRouter()


@dataclass(frozen=True)
class Setting:
    """One parameter a person may set: a number, a choice or a yes; curves and tracks are measured, not typed."""

    name: str
    kind: str
    """`number`, `integer`, `boolean` or `choice`."""
    default: Any
    help: str
    least: float | None
    most: float | None
    least_itself: bool
    """Whether the least value is one of those that may be set, or only what is above it."""
    most_itself: bool
    choices: tuple[str, ...]

    @property
    def title(self) -> str:
        """As staff read it."""
        return self.name.replace("_", " ")

    @property
    def rule(self) -> str:
        """What may be set, as a sentence.

        >>> Setting("keep", "number", 0.5, "", 0, 1, True, False, ()).rule
        'A number, at least 0 and less than 1.'
        """
        if self.kind == "choice":
            return f"One of {', '.join(self.choices)}."
        if self.kind == "boolean":
            return "Yes or no."
        ends = []
        if self.least is not None:
            ends.append(f"{'at least' if self.least_itself else 'more than'} {self.least:g}")
        if self.most is not None:
            ends.append(f"{'at most' if self.most_itself else 'less than'} {self.most:g}")
        what = "A whole number" if self.kind == "integer" else "A number"
        return f"{what}, {' and '.join(ends)}." if ends else f"{what}."

    def allows(self, value: JsonValue) -> bool:
        """Whether a person may set this value."""
        if self.kind == "choice":
            return value in self.choices
        if self.kind == "boolean":
            return isinstance(value, bool)
        if isinstance(value, bool) or not isinstance(value, int if self.kind == "integer" else int | float):
            return False
        if self.least is not None and (value < self.least or (value == self.least and not self.least_itself)):
            return False
        return self.most is None or value < self.most or (value == self.most and self.most_itself)


class WrongSetting(PlanError):
    """A value that may not be set: the message is for the field it was typed into."""

    def __init__(self, shot: int, treatment: str, setting: Setting) -> None:
        super().__init__(f"shot {shot}, {treatment}, {setting.title}: {setting.rule}")
        self.at = {"shot": shot, "treatment": treatment, "param": setting.name, "rule": setting.rule}


class Treated(BaseModel):
    """A treatment a shot is to have, and the settings that were shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=64)
    params: dict[str, JsonValue] = Field(default_factory=dict, max_length=40)


class ShotChange(BaseModel):
    """What one shot is to get: all of it; what is not named is taken off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shot: int = Field(ge=1)
    treatments: tuple[Treated, ...] = Field(max_length=40)


class PlanChange(BaseModel):
    """A change of a plan: the shots that change, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_version: int = Field(ge=1, le=2**31 - 1)
    reason: str = Field(min_length=3, max_length=2000)
    shots: tuple[ShotChange, ...] = Field(min_length=1, max_length=100_000)


class Saved(BaseModel):
    """The version that holds the change now."""

    version: int


@router.get("/reels/{reel_id}/plan")
def show_plan(reel_id: str, request: Request, user: Looker) -> Response:
    """The newest plan of a reel, to look at or to change."""
    from restoration_tasks.catalogue import plans, reels
    from restoration_tasks.restoration.treatment import registry

    with catalogue().begin() as session:
        status = reels.status(session, reel_id)
        newest = plans.latest(session, reel_id)
    return page(
        request,
        "plan.html.j2",
        user,
        status=status,
        newest=newest,
        plan=reel_view.parsed_plan(newest.yaml) if newest else None,
        titles={name: treatment.title for name, treatment in registry().items()},
        settings={name: settings_of(name) for name in registry()},
        written=written,
        addable=ADDABLE,
        may_draft=may_draft(user),
    )


@router.post("/reels/{reel_id}/plan", response_model=Saved)
def save_plan(reel_id: str, change: PlanChange, user: Drafter) -> Saved | Response:
    """Save the change as the next version, through the same code as `reelkeeper plans save`; none is overwritten."""
    from restoration_tasks.catalogue import plans
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.steps.plan_versions import adopt
    from restoration_tasks.steps.way import Way

    with catalogue().begin() as session:
        base = plans.get(session, reel_id, change.from_version)
        newest = plans.latest(session, reel_id)
        if newest is not None and newest.version != base.version:
            raise HTTPException(
                409, f"Version {newest.version} was saved meanwhile. Next: load the page again and look at it first."
            )
        try:
            draft = changed(reel_view.parsed_plan(base.yaml), change).to_yaml()
            way = Way(reel_id, Settings())
            saved = adopt(session, way, draft, author=Person(user.get_name()), reason=change.reason.strip())
        except WrongSetting as error:
            return JSONResponse({"detail": str(error), "at": error.at}, 422, headers={"Cache-Control": "no-store"})
        except PlanError as error:
            raise HTTPException(422, str(error)) from error
    return Saved(version=saved.version)


def changed(plan: Plan, change: PlanChange) -> Plan:
    """The plan with the change; what was measured stays with each treatment.

    Raises:
        PlanError: the plan has no such shot, or a treatment may not be added to it.
    """
    known = {shot.shot: shot for shot in plan.shots}
    wanted = {one.shot: one for one in change.shots}
    if strange := sorted(set(wanted) - set(known)):
        raise PlanError("the plan has no such shot", reel=plan.reel_id, found=strange[0], action="load the page again")
    shots = tuple(_shot(shot, wanted[shot.shot], change.reason) if shot.shot in wanted else shot for shot in plan.shots)
    return plan.model_copy(update={"shots": shots})


def _shot(shot: PlannedShot, asked: ShotChange, reason: str) -> PlannedShot:
    known = {one.name: one for one in shot.treatments}
    treatments = tuple(_treatment(known.get(one.name), one, shot, reason) for one in asked.treatments)
    return shot.model_copy(update={"treatments": treatments})


def _treatment(known: PlannedTreatment | None, asked: Treated, shot: PlannedShot, reason: str) -> PlannedTreatment:
    from restoration_tasks.restoration.plan import PlannedTreatment

    where = shot.title
    if known is None and asked.name not in ADDABLE:
        raise PlanError(f"{where}: {asked.name!r} cannot be added by hand, it has to be measured first")
    settable = {one.name: one for one in settings_of(asked.name)}
    if strange := sorted(set(asked.params) - set(settable)):
        raise PlanError(f"{where}, {asked.name}: {strange[0]!r} cannot be set by hand")
    for name, value in asked.params.items():
        if not settable[name].allows(value):
            raise WrongSetting(shot.shot, asked.name, settable[name])
    before: Mapping[str, JsonValue] = known.params if known else {}
    # What stands at its usual value and was not written before stays unwritten: the plan reads as it did.
    said = {name: one for name, one in asked.params.items() if name in before or one != settable[name].default}
    why = known.why if known else f"Added by hand: {reason}"
    return PlannedTreatment(name=asked.name, params={**before, **said}, why=why)


@lru_cache(maxsize=64)
def settings_of(treatment: str) -> tuple[Setting, ...]:
    """The parameters of a treatment that a person may set, with their ranges as the model holds them.

    Raises:
        PlanError: there is no such treatment.
    """
    from restoration_tasks.restoration.treatment import registry

    if treatment not in registry():
        raise PlanError("there is no such treatment", found=treatment, expected=", ".join(registry()))
    schema = registry()[treatment].params_model.model_json_schema()
    found = []
    for name, one in schema["properties"].items():
        chosen = schema.get("$defs", {}).get(one.get("$ref", "").rsplit("/", 1)[-1], {})
        kind = "choice" if "enum" in chosen else one.get("type")
        if kind not in {"number", "integer", "boolean", "choice"} or "default" not in one:
            continue
        least, most = one.get("minimum", one.get("exclusiveMinimum")), one.get("maximum", one.get("exclusiveMaximum"))
        itself = "exclusiveMinimum" not in one, "exclusiveMaximum" not in one
        choices = tuple(chosen.get("enum", ()))
        found.append(Setting(name, kind, one["default"], one.get("description", ""), least, most, *itself, choices))
    return tuple(found)


def written(treatment: str, params: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Those of a plan's parameters that a person may set: curves and tracks are long, and nobody types them."""
    return {one.name: params[one.name] for one in settings_of(treatment) if one.name in params}
