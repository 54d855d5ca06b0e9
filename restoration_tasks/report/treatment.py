"""Make `treatment.html`: the documentation of treatment, as conservators keep it for every object they work on.

It says what the object was, what state it was in, what was proposed and who allowed it, what was done to which frames,
how much of the picture that changed, with which means, and how it is taken back (AIC, Guidelines for Practice, 24 to
28; E.C.C.O. Professional Guidelines II, article 10). All of it is read off the hash chain and the plan the chain
names, so that it can be made again from any package. It holds no date of its own and nobody's name unless asked to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from restoration_tasks.assessment.gauge import Category
from restoration_tasks.provenance.chain import LinkedAgent, ReelChain
from restoration_tasks.provenance.vocabulary import (
    CARRIER_TERM,
    DECISION_TERM,
    REVERT_TERM,
    WAIVER_TERM,
    AgentKind,
    ObjectRole,
)
from restoration_tasks.report.condition import GRADES, TITLES
from restoration_tasks.report.page import ROLES, asset, template
from restoration_tasks.report.treatment_record import Entry, ShotRecord, TreatmentRecord, read
from restoration_tasks.restoration.changes import REPAIRS
from restoration_tasks.restoration.plan import Plan, PlannedShot
from restoration_tasks.restoration.regions import Region
from restoration_tasks.restoration.treatment import Fidelity, registry

FIDELITIES: Final = {
    Fidelity.MASKED: "local repair: nothing outside the damage was changed",
    Fidelity.GLOBAL: "the whole picture was corrected, within measured bounds",
    Fidelity.GENERATIVE: "invented: what it shows was never recorded by the camera",
}
ANSWERS: Final = {
    "approve": "approved the restoration",
    "redo": "asked for another pass",
    "reject": "rejected the restoration",
}
AGENTS: Final = {
    AgentKind.SOFTWARE.value: "program",
    AgentKind.MODEL.value: "network",
    AgentKind.DEVICE.value: "device",
}
SAID_OF_THE_SCAN: Final = ("scanner", "transfer", "primaries", "kind", "sound_tracks", "substituted_frames")
"""Figures of ingest that are not there for every delivery, or not in every version's record."""
SETTINGS_MAX: Final = 8
"""A list of numbers longer than this is a curve with a value a frame; the plan holds it, the page says so."""


@dataclass(frozen=True)
class Line:
    """A treatment of a shot in words."""

    title: str
    fidelity: str
    invented: bool
    why: str
    settings: str


@dataclass(frozen=True)
class Treated:
    """A shot as the page shows it."""

    number: int
    first: int
    last: int
    starts: str
    """Time of its first frame, minutes, seconds and frames."""
    record: ShotRecord
    lines: tuple[Line, ...]
    repaired: tuple[tuple[str, float], ...]
    """Kinds of damage repaired, and the mean share of the picture under each, 0–1."""
    by_hand: tuple[str, ...]
    """What people drew into the plan."""
    text: tuple[str, ...] = ()
    """Text on screen that was left alone, and where."""

    @property
    def left_alone(self) -> bool:
        """Whether every frame is the scan's, bit for bit."""
        return self.record.frames_changed == 0


@dataclass(frozen=True)
class Said:
    """Something a person said about the reel."""

    day: str
    who: str
    words: str
    note: str


def render_treatment(
    line: ReelChain, plan: Plan, *, title: str | None = None, names: Mapping[str, str] | None = None
) -> str:
    """The page. The same record gives the same bytes.

    Args:
        line: the reel's chain.
        plan: the plan version the restoration was made by.
        title: the reel's title.
        names: people's names by agent id. Leave it out for whatever outlives the database: a name can be erased
            there, not in a package.

    Raises:
        WrongUse: nothing was restored of this reel.
        ProvenanceBroken: the chain does not say where a part of the restoration comes from.
    """
    record = read(line)
    shots = _shots(record, plan)
    return template("treatment.html.j2").render(
        style=asset("report.css") + asset("treatment.css"),
        reel_id=line.reel_id,
        title=title,
        plan=plan,
        record=record,
        scan=dict.fromkeys(SAID_OF_THE_SCAN) | record.ingested.figures,
        severities=_severities(record.planned),
        urgency=record.planned.figures.get("urgency") if record.planned else None,
        shots=shots,
        totals=_totals(shots),
        invented=_invented(record, shots, plan),
        said=[_said(entry, names or {}) for entry in record.said],
        means=[(AGENTS.get(one.kind, one.kind), one) for one in record.means],
        products=_products(record),
        approver=_approver(record, names or {}),
        waived=_waived(record, names or {}),
    )


def _shots(record: TreatmentRecord, plan: Plan) -> list[Treated]:
    planned = {shot.shot: shot for shot in plan.shots}
    fps, picture = Fraction(record.ingested.figures["fps"]), _pixels(record)
    return [_treated(shot, planned.get(shot.number), fps, picture) for shot in record.shots()]


def _treated(shot: ShotRecord, planned: PlannedShot | None, fps: Fraction, picture_px: int) -> Treated:
    first = planned.start if planned else 0
    whys = {one.name: one.why for one in planned.treatments} if planned else {}
    repaired = {kind: px / (picture_px * max(1, shot.frames)) for kind, px in shot.repaired_px.items() if px}
    return Treated(
        number=shot.number,
        first=first,
        last=first + shot.frames - 1,
        starts=timecode(first, fps),
        record=shot,
        lines=tuple(_line(name, params, whys.get(name, "")) for name, params in shot.treatments),
        repaired=tuple((REPAIRS.get(kind, kind), share) for kind, share in repaired.items()),
        by_hand=tuple(region.why for region in planned.regions if not region.is_text) if planned else (),
        text=tuple(_text(region) for region in planned.regions if region.is_text) if planned else (),
    )


def _text(region: Region) -> str:
    first, last = region.frames
    return f"Frames {first}–{last} of the shot: {region.why}"


def _line(name: str, params: Mapping[str, Any], why: str) -> Line:
    known = registry().get(name)
    if known is None:  # a treatment of another version of the program
        return Line(name, "", invented=False, why=why, settings=_settings(params))
    return Line(
        known.title,
        FIDELITIES[known.fidelity],
        invented=known.fidelity is Fidelity.GENERATIVE,
        why=why,
        settings=_settings(params),
    )


def _settings(params: Mapping[str, Any]) -> str:
    """Parameters in a line; long curves are named and counted."""
    return "; ".join(f"{name.replace('_', ' ')} {_setting(value)}" for name, value in params.items() if value != [])


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return f"({len(value)} values, in the plan)" if len(value) > SETTINGS_MAX else ", ".join(map(_setting, value))
    return f"({len(value)} values, in the plan)" if isinstance(value, dict) else str(value)


def timecode(frame: int, fps: Fraction) -> str:
    """When a frame is shown, without drop frames, as minutes, seconds and frames.

    >>> timecode(0, Fraction(24)), timecode(1500, Fraction(24)), timecode(60, Fraction(30000, 1001))
    ('0:00:00', '1:02:12', '0:02:00')
    """
    rate = round(fps)
    seconds, frames = divmod(frame, max(1, rate))
    return f"{seconds // 60}:{seconds % 60:02d}:{frames:02d}"


def _pixels(record: TreatmentRecord) -> int:
    return int(record.ingested.figures["width"]) * int(record.ingested.figures["height"])


def _severities(planned: Entry | None) -> list[tuple[str, float, str]]:
    """Title, severity 0–100 and grade of every category the condition record gave, the worst first."""
    known = planned.figures.get("severities", {}) if planned else {}
    found = [(TITLES[category], float(known[category])) for category in Category if category in known]
    return [
        (name, severity, next(word for below, word in GRADES if severity < below))
        for name, severity in sorted(found, key=lambda one: -one[1])
    ]


def _totals(shots: Sequence[Treated]) -> dict[str, float]:
    frames = sum(shot.record.frames for shot in shots)
    return {
        "shots": len(shots),
        "left_alone": sum(shot.left_alone for shot in shots),
        "frames": frames,
        "frames_changed": sum(shot.record.frames_changed for shot in shots),
    }


def _invented(record: TreatmentRecord, shots: Sequence[Treated], plan: Plan) -> list[str]:
    """Where detail was invented, in words; empty where none was."""
    found = [f"shot {shot.number}: {line.title.lower()}" for shot in shots for line in shot.lines if line.invented]
    if record.enlarged and plan.enlarge is not None and plan.enlarge.generative:
        found.append(f"the larger version: {plan.enlarge.words}")
    return found


def _products(record: TreatmentRecord) -> list[tuple[str, str, str]]:
    """Title, sha256 and size of what was kept, the source first."""
    made = sorted(
        (one for one in record.assembled.event.objects if one.link == "outcome" and one.role in ROLES),
        key=lambda one: list(ROLES).index(one.role),
    )
    return [(ROLES[one.role], one.sha256, one.bytes) for one in (record.source, *made)]  # type: ignore[misc]


def _said(entry: Entry, names: Mapping[str, str]) -> Said:
    detail = entry.detail
    if entry.is_a(DECISION_TERM):
        answer, capacity = str(detail["answer"]), f" as {detail['role']}" if detail.get("role") else ""
        over = " although the check refused it" if detail.get("waived") else ""
        words = f"{ANSWERS.get(answer, answer)}{over}{capacity}, plan version {detail['plan_version']}"
        note = detail.get("note")
    elif entry.is_a(REVERT_TERM):
        words, note = "took treatments back", detail.get("reason")
    elif entry.is_a(CARRIER_TERM):
        words, note = "read the carrier", detail.get("note")
    else:
        found_by = "the check" if detail.get("check_sha256") else "ingest"
        words, note = f"let a finding of {found_by} pass: {detail.get('finding')}", detail.get("reason")
    return Said(entry.day, _who(entry, names), words, str(note or ""))


def _waived(record: TreatmentRecord, names: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Rule, reason and person for what was waived of the check that is told."""
    if record.checked is None:
        return []
    made = {one.sha256 for one in record.checked.objects(ObjectRole.OUTCOME, "check")}
    return [
        (str(entry.detail.get("finding")), str(entry.detail.get("reason")), _who(entry, names))
        for entry in record.said
        if entry.is_a(WAIVER_TERM) and entry.detail.get("check_sha256") in made
    ]


def _who(entry: Entry, names: Mapping[str, str]) -> str:
    return ", ".join(person_words(one, names) for one in entry.people) or "unknown"


def person_words(agent: LinkedAgent, names: Mapping[str, str]) -> str:
    """A person by name, or by the id the catalogue knows them under."""
    return names.get(agent.id) or f"person {agent.id}"


def _approves(entry: Entry) -> bool:
    return entry.is_a(DECISION_TERM) and entry.detail.get("answer") == "approve"


def _approver(record: TreatmentRecord, names: Mapping[str, str]) -> str | None:
    last = next((entry for entry in reversed(record.said) if entry.is_a(DECISION_TERM)), None)
    return _who(last, names) if last is not None and _approves(last) else None
