"""What the record says was done to a reel: the one restoration its newest catalogue entry names, read off the chain.

A reel may have been worked many times. Which of that counts is told by digests alone: the catalogue names the
restoration master, the event that made this master names the segments it joined, and each segment leads to the event
that made it, in whatever run that was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject, ReelChain
from restoration_tasks.provenance.vocabulary import (
    CARRIER_TERM,
    CATALOGUE_TERM,
    DECISION_TERM,
    REVERT_TERM,
    STEP_TERMS,
    WAIVER_TERM,
    AgentKind,
    AgentRole,
    EventTerm,
    ObjectRole,
    Outcome,
)
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.spec import StepName

_SAID_BY_PEOPLE: Final = (WAIVER_TERM, REVERT_TERM, DECISION_TERM, CARRIER_TERM)


@dataclass(frozen=True)
class Entry:
    """An event with its detail read."""

    event: ChainedEvent
    detail: dict[str, Any]

    @property
    def figures(self) -> dict[str, Any]:
        """What its step measured."""
        return dict(self.detail.get("figures") or {})

    @property
    def day(self) -> str:
        """When it ended, UTC, to the minute."""
        return f"{self.event.ended:%Y-%m-%d %H:%M} UTC"

    def is_a(self, term: EventTerm) -> bool:
        """Whether it is of this kind."""
        return (self.event.event_type, self.event.subtype) == (term.type.value, term.subtype)

    def objects(self, link: ObjectRole, role: str) -> list[LinkedObject]:
        """Its objects of one role."""
        return [one for one in self.event.objects if (one.link, one.role) == (link.value, role)]

    @property
    def people(self) -> list[LinkedAgent]:
        """Who took part; ids alone, as the chain holds no names."""
        return [one for one in self.event.agents if one.kind == AgentKind.PERSON.value]

    @property
    def means(self) -> list[LinkedAgent]:
        """The programs, models and devices it was done with."""
        return [one for one in self.event.agents if one.link == AgentRole.EXECUTING_PROGRAM.value]


@dataclass(frozen=True)
class ShotRecord:
    """What was done to one shot, over all its segments."""

    number: int
    frames: int
    frames_changed: int
    changed_share: float
    """Share of the picture changed, 0–1, mean over its frames."""
    repaired_px: dict[str, int]
    """By kind of damage."""
    treatments: tuple[tuple[str, dict[str, Any]], ...]
    """Name and parameters as they were carried out, in order; parameters of a shot worked in parts are the first's."""


@dataclass(frozen=True)
class TreatmentRecord:
    """The restoration of a reel as its chain tells it."""

    line: ReelChain
    ingested: Entry
    assessed: tuple[Entry, ...]
    """What found the damage that was repaired."""
    planned: Entry | None
    """The assessment joined: the condition before treatment."""
    restored: tuple[Entry, ...]
    enlarged: tuple[Entry, ...]
    assembled: Entry
    checked: Entry | None
    said: tuple[Entry, ...]
    """What people said about the reel up to then: readings, waivers, treatments taken back, decisions."""
    catalogued: Entry | None

    @property
    def master(self) -> LinkedObject:
        """The restoration master."""
        return self.assembled.objects(ObjectRole.OUTCOME, "restoration_master")[0]

    @property
    def source(self) -> LinkedObject:
        """The preservation master everything was made from."""
        return self.assembled.objects(ObjectRole.SOURCE, "master")[0]

    @property
    def plan_version(self) -> int | None:
        """The version of the plan that was carried out; None where neither catalogue nor a person has named it."""
        for entry in (self.catalogued, *reversed(self.said)):
            if entry is not None and isinstance(entry.detail.get("plan_version"), int):
                return int(entry.detail["plan_version"])
        return None

    @property
    def means(self) -> list[LinkedAgent]:
        """Programs and models used from the scan to the check, each once."""
        joined = [one for one in (self.planned, self.checked) if one is not None]
        used = (self.ingested, *self.assessed, *self.restored, *self.enlarged, self.assembled, *joined)
        found = {(one.kind, one.name, one.version, one.sha256): one for entry in used for one in entry.means}
        return [found[key] for key in sorted(found, key=lambda key: tuple(part or "" for part in key))]

    @property
    def machines(self) -> list[str]:
        """How the pixels were computed: device, precision, tile, each once."""
        return sorted({_machine(entry.detail.get("profile") or {}) for entry in (*self.restored, *self.enlarged)})

    def shots(self) -> list[ShotRecord]:
        """Every shot of the reel, in order."""
        numbered: dict[int, list[Entry]] = {}
        for entry in self.restored:
            numbered.setdefault(int(entry.detail["params"]["segment"]["shot"]), []).append(entry)
        return [_shot(number, sorted(entries, key=_start)) for number, entries in sorted(numbered.items())]


def read(line: ReelChain) -> TreatmentRecord:
    """Find the restoration a chain tells of: the one catalogued last, or, where none is, the one made last.

    Raises:
        WrongUse: no restoration was made of this reel.
        ProvenanceBroken: the chain does not say where a part of the restoration comes from.
    """
    entries = [_entry(event, line.reel_id) for event in line.events]

    def last(term: EventTerm, fits: Callable[[Entry], bool] = lambda _: True) -> Entry | None:
        return next((one for one in reversed(entries) if one.is_a(term) and _happened(one) and fits(one)), None)

    catalogued = last(CATALOGUE_TERM, lambda one: "restoration_master" in (one.detail.get("products") or {}))
    sha256 = catalogued.detail["products"]["restoration_master"] if catalogued else None
    assembled = last(STEP_TERMS[StepName.ASSEMBLE], lambda one: sha256 in (None, *_made(one, "restoration_master")))
    if assembled is None:
        raise WrongUse("nothing was restored of this reel yet", reel=line.reel_id, action="run the reel first")
    (ingested,) = _parts(line, _makers(entries, StepName.INGEST, "master"), (assembled,), "master")
    restored = _parts(line, _makers(entries, StepName.RESTORE, "segment"), (assembled,), "segment")
    result = assembled.objects(ObjectRole.OUTCOME, "restoration_master")[0].sha256
    end = (catalogued or entries[-1]).event.seq
    return TreatmentRecord(
        line=line,
        ingested=ingested,
        assessed=_parts(line, _makers(entries, StepName.ASSESS, "map"), restored, "map"),
        planned=last(STEP_TERMS[StepName.PLAN], lambda one: one.event.seq < assembled.event.seq),
        restored=restored,
        enlarged=_parts(line, _makers(entries, StepName.ENLARGE, "enlarged"), (assembled,), "enlarged"),
        assembled=assembled,
        checked=last(
            STEP_TERMS[StepName.CHECK],
            lambda one: result in {made.sha256 for made in one.objects(ObjectRole.SOURCE, "restoration_master")},
        ),
        said=tuple(one for one in entries if one.event.seq <= end and any(map(one.is_a, _SAID_BY_PEOPLE))),
        catalogued=catalogued,
    )


def _makers(entries: Sequence[Entry], step: StepName, role: str) -> dict[str, Entry]:
    """Which event made each object of a role, by the object's id."""
    makers: dict[str, Entry] = {}
    for entry in entries:
        if entry.is_a(STEP_TERMS[step]) and _happened(entry):
            for made in entry.objects(ObjectRole.OUTCOME, role):
                makers.setdefault(made.id, entry)  # who came after has reused it
    return makers


def _parts(line: ReelChain, makers: Mapping[str, Entry], uses: Sequence[Entry], role: str) -> tuple[Entry, ...]:
    """The events that made what others used as this role, each once, in the order of the record."""
    found = {}
    for part in (part for use in uses for part in use.objects(ObjectRole.SOURCE, role)):
        if part.id not in makers:
            raise ProvenanceBroken(
                f"no event says how {part.uri} was made",
                reel=line.reel_id,
                action="run `reelkeeper provenance verify`",
            )
        found[makers[part.id].event.seq] = makers[part.id]
    return tuple(found[seq] for seq in sorted(found))


def _made(entry: Entry, role: str) -> list[str]:
    return [one.sha256 for one in entry.objects(ObjectRole.OUTCOME, role)]


def _happened(entry: Entry) -> bool:
    return entry.event.outcome != Outcome.FAILURE.value


def _start(entry: Entry) -> int:
    return int(entry.detail["params"]["segment"]["start"])


def _shot(number: int, entries: Sequence[Entry]) -> ShotRecord:
    frames = sum(int(entry.figures["frames"]) for entry in entries)
    shares = sum(float(entry.figures["changed_share"]) * int(entry.figures["frames"]) for entry in entries)
    kinds = sorted({name for entry in entries for name in entry.figures if name.startswith("repaired_")})
    return ShotRecord(
        number=number,
        frames=frames,
        frames_changed=sum(int(entry.figures["frames_changed"]) for entry in entries),
        changed_share=shares / max(1, frames),
        repaired_px={
            name.removeprefix("repaired_").removesuffix("_px"): sum(int(e.figures.get(name, 0)) for e in entries)
            for name in kinds
            if name != "repaired_px"
        },
        treatments=tuple(
            (str(one["name"]), dict(one["params"])) for one in entries[0].detail["params"]["plan"]["treatments"]
        ),
    )


def _machine(profile: dict[str, Any]) -> str:
    tile = profile.get("tile_px")
    return f"{profile.get('device', 'unknown')}, {profile.get('precision', 'unknown')}" + (
        f", tiles of {tile} px" if tile else ""
    )


def _entry(event: ChainedEvent, reel_id: str) -> Entry:
    try:
        detail = json.loads(event.detail)
        if not isinstance(detail, dict):
            raise ValueError("it is no object")
    except ValueError as error:
        raise ProvenanceBroken(
            f"the detail of event {event.seq} cannot be read: {error}",
            reel=reel_id,
            action="run `reelkeeper provenance verify`",
        ) from error
    return Entry(event, detail)
