"""The plan: which treatments each shot gets, with which parameters, and why. Readable YAML in and out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self, cast

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration import plan_yaml
from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.restoration.moves import between
from restoration_tasks.restoration.plan_slice import PlanSlice, touching
from restoration_tasks.restoration.regions import Region, RegionAction, RegionKind
from restoration_tasks.restoration.treatment import TreatmentParams, checked_params, registry
from restoration_tasks.restoration.words import Text
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.identifiers import ReelId
from restoration_tasks.runtime.spec import canonical_json

if TYPE_CHECKING:
    from restoration_tasks.restoration.wires import Wire

FORMAT: Literal["reelkeeper.plan/1"] = "reelkeeper.plan/1"
LARGEST_BYTES = 64 * 1024 * 1024
"""Refuse to parse more: a two-hour reel with a flicker curve on every shot stays under 5 MB."""


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
    regions: tuple[Region, ...] = ()
    """What people drew by hand: damage to add, to take out, and picture to protect."""

    @property
    def title(self) -> str:
        """How messages name it."""
        return f"shot {self.shot}"

    def marked(self, region: Region) -> Self:
        """The shot with one more region.

        Where damage is added that no treatment of the shot would see, one comes along that repairs only that.
        """
        treatments = self.treatments
        needed = repairs_added(region)
        if needed is not None and needed not in {treatment.name for treatment in treatments}:
            why = "Damage was marked by hand; nothing else is repaired."
            treatments += (PlannedTreatment(name=needed, params=ONLY_ADDED[needed], why=why),)
        return self.model_copy(update={"regions": (*self.regions, region), "treatments": treatments})

    def with_new_frames(self, first: int, last: int, why: str) -> Self:
        """The shot with frames to be made anew, besides those that are already."""
        known = next((one for one in self.treatments if one.name == NEW_FRAMES), None)
        params = {} if known is None else dict(known.params)
        before = cast("list[int]", params.get("frames", []))
        anew = sorted({*before, *range(first, last + 1)})
        params["frames"] = cast("JsonValue", anew)
        reason = why if known is None else f"{known.why} {why}"
        kept = tuple(_lying_between(one, anew) for one in self.treatments if one is not known)
        asked = PlannedTreatment(name=NEW_FRAMES, params=params, why=reason)
        return self.model_copy(update={"treatments": (*kept, asked)})

    def with_wire(self, wire: Wire, why: str) -> Self:
        """The shot with one more wire to be taken out."""
        known = next((one for one in self.treatments if one.name == WIRES), None)
        params = {} if known is None else dict(known.params)
        before = cast("list[JsonValue]", params.get("wires", []))
        params["wires"] = [*before, wire.model_dump(mode="json")]
        asked = PlannedTreatment(name=WIRES, params=params, why=why if known is None else f"{known.why} {why}")
        kept = tuple(one for one in self.treatments if one is not known)
        return self.model_copy(update={"treatments": (*kept, asked)})


def _lying_between(treatment: PlannedTreatment, frames: list[int]) -> PlannedTreatment:
    """A treatment of a shot in which frames are made anew: steadied, they lie between the others."""
    if treatment.name != "stabilise":
        return treatment
    return treatment.model_copy(update={"params": between(treatment.params, frames)})


_LEFT_OUT = frozenset({"enlarge", "profile_sha256", "instead_of_profile"})
"""What a plan that has none of it does not write."""
NEW_FRAMES = "frames"
"""The treatment that makes frames anew."""
WIRES = "wires"
"""The treatment that takes out stunt wires."""
ONLY_ADDED: dict[str, dict[str, JsonValue]] = {
    "dirt": {"only_added": True},
    "scratches": {"tracks": []},
    "stains": {"patches": []},
    "tears": {"tears": []},
    "wires": {"wires": []},
}
"""Parameters with which a treatment repairs what people added and nothing else."""


def repairs_added(region: Region) -> str | None:
    """The treatment that repairs what a region adds; None for one that adds nothing."""
    if region.action is not RegionAction.ADD:
        return None
    return "scratches" if region.kind is RegionKind.SCRATCH else "dirt"


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
    """Which treatment profile the plan follows."""
    profile_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Of the profile's file; plans from before there were profiles have none."""
    instead_of_profile: tuple[Text, ...] = ()
    """What a person asked for instead of what the profile says."""
    enlarge: Enlargement | None = None
    """A larger version of the whole reel beside the restoration, as a film has one size; left out of plans without."""
    shots: tuple[PlannedShot, ...] = ()

    @model_serializer(mode="wrap")
    def _without_what_is_not_asked(self, dump: SerializerFunctionWrapHandler) -> dict[str, JsonValue]:
        # A plan that asks for none of these reads, and is signed, as it was before plans could ask for them.
        content: dict[str, JsonValue] = dump(self)
        return {name: value for name, value in content.items() if value or name not in _LEFT_OUT}

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
            last = max((region.frames[1] for region in shot.regions), default=0)
            if last >= shot.stop - shot.start:
                raise ValueError(
                    f"{shot.title} has frames 0 to {shot.stop - shot.start - 1}, counted from its start; a region of "
                    f"it goes on to frame {last}"
                )
        return self

    def with_region(self, number: int, region: Region) -> Self:
        """The plan with one more region.

        Args:
            number: the shot's number.
            region: what a person drew.

        Raises:
            PlanError: there is no such shot, or the region is on frames the shot does not have.
        """
        self._require(number, *region.frames)
        return self._with(number, lambda shot: shot.marked(region))

    def with_new_frames(self, number: int, first: int, last: int, why: str) -> Self:
        """The plan with frames of a shot to be made anew from those beside them. Generative: a person asks for it.

        Args:
            number: the shot's number.
            first: counted from the shot's start.
            last: the last one, included.
            why: in plain words.

        Raises:
            PlanError: there is no such shot or frame, or no frame to make it from.
        """
        self._require(number, first, last)
        changed = self._with(number, lambda shot: shot.with_new_frames(first, last, why))
        changed.validate_treatments()
        return changed

    def with_wire(self, number: int, wire: Wire, why: str) -> Self:
        """The plan with a wire of a shot to be taken out, as it was followed from the points a person set.

        Args:
            number: the shot's number.
            wire: where it runs.
            why: in plain words.

        Raises:
            PlanError: there is no such shot or frame.
        """
        self._require(number, wire.on[0].frame, wire.on[-1].frame)
        changed = self._with(number, lambda shot: shot.with_wire(wire, why))
        changed.validate_treatments()
        return changed

    def require_frame(self, number: int, frame: int) -> PlannedShot:
        """The shot of that number.

        Raises:
            PlanError: there is no such shot, or it has no such frame, counted from its start.
        """
        self._require(number, frame, frame)
        return next(shot for shot in self.shots if shot.shot == number)

    def _require(self, number: int, first: int, last: int) -> None:
        """Refuse a shot or frames the reel does not have."""
        shot = next((shot for shot in self.shots if shot.shot == number), None)
        frames = 0 if shot is None else shot.stop - shot.start
        if shot is None or not 0 <= first <= last < frames:
            raise PlanError(
                "the plan has no such shot" if shot is None else f"shot {number} has no such frame",
                reel=self.reel_id,
                expected=f"shots {', '.join(str(shot.shot) for shot in self.shots)}"
                if shot is None
                else f"frames 0 to {frames - 1}, counted from the shot's start",
                found=number if shot is None else f"frames {first} to {last}",
                action="look the shot up in the plan: reelkeeper plans show",
            )

    def _with(self, number: int, change: Callable[[PlannedShot], PlannedShot]) -> Self:
        """The plan with one shot changed."""
        shots = tuple(change(one) if one.shot == number else one for one in self.shots)
        return self.model_copy(update={"shots": shots})

    def with_asks_of(self, other: Plan) -> Self:
        """The plan with what people asked for in another plan of the same reel, where the shots are the same.

        Regions they drew, frames they had made anew and wires they named stay when a reel is measured and planned anew.
        """
        asked = {(shot.shot, shot.start, shot.stop): shot for shot in other.shots}
        shots = []
        for shot in self.shots:
            kept, before = shot, asked.get((shot.shot, shot.start, shot.stop))
            for region in before.regions if before else ():
                kept = kept if region in kept.regions else kept.marked(region)
            anew = [one for one in before.treatments if one.name == NEW_FRAMES] if before else []
            if anew and NEW_FRAMES not in {one.name for one in kept.treatments}:
                frames = cast("list[int]", anew[0].params.get("frames", []))
                others = tuple(_lying_between(one, frames) for one in kept.treatments)
                kept = kept.model_copy(update={"treatments": (*others, *anew)})
            named = (
                [one for one in before.treatments if one.name == WIRES and one.params.get("wires")] if before else []
            )
            if named:
                kept = kept.model_copy(
                    update={"treatments": (*(one for one in kept.treatments if one.name != WIRES), *named)}
                )
            shots.append(kept)
        return self.model_copy(update={"shots": tuple(shots)})

    def validate_treatments(self) -> None:
        """Check every treatment's name and parameters.

        Raises:
            PlanError: the shot and the parameter are named.
        """
        for shot in self.shots:
            self._require_repair_of_added(shot)
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

    def _require_repair_of_added(self, shot: PlannedShot) -> None:
        names = {treatment.name for treatment in shot.treatments}
        missing = next((name for name in map(repairs_added, shot.regions) if name not in {None, *names}), None)
        if missing is not None:
            raise PlanError(
                f"{shot.title} has damage added by hand, and no treatment that repairs it",
                reel=self.reel_id,
                expected=f"the treatment {missing}",
                found=", ".join(sorted(names)) or "no treatment",
                action=f"add {missing} to the shot (with {ONLY_ADDED[missing]} it repairs nothing else), "
                "or take the region out",
            )

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
        part = PlanSlice(tuple((name, checked[name].sliced(first, stop)) for name in sorted(checked, key=order.index)))
        return replace(part, regions=touching(shot.regions, part, first, stop))

    @property
    def models(self) -> frozenset[str]:
        """Networks from the shelf, beside our own, that carrying it out needs."""
        from restoration_tasks.models.shelf.entry import OurOwn
        from restoration_tasks.models.shelf.known import KNOWN

        used = {name for shot in self.shots for treatment in shot.treatments for name in treatment.checked.models}
        asked = {name for name in used if name in KNOWN and not isinstance(KNOWN[name].source, OurOwn)}
        return frozenset(asked | ({self.enlarge.network} if self.enlarge else set()))

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
        content = self.model_dump(mode="json")
        shots = content.pop("shots")
        # shot by shot: what YAML makes of all of them at once takes twenty times the text in memory (2 MiB of 100 kB)
        body = plan_yaml.dumped(content | {"shots": shots[:1]}) + "".join(plan_yaml.dumped([one]) for one in shots[1:])
        return head + body

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
            plan = cls.model_validate(plan_yaml.loaded(text))
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
