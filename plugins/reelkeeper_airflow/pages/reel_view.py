"""What the pages show of one reel: put together from the catalogue, the record and small files of the vault."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException

from reelkeeper_airflow.pages.files import local_file
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from restoration_tasks.catalogue.drafts import Draft
    from restoration_tasks.catalogue.models import ConditionRecord, ScanRecord
    from restoration_tasks.catalogue.recorded_files import HeldFile, StepEvent
    from restoration_tasks.catalogue.reels import ReelStatus
    from restoration_tasks.restoration.plan import Plan, PlannedShot

PARSED_PLANS = 32
"""Plans kept in memory: reading the YAML of a long reel's takes longer than the rest of a page."""


@dataclass(frozen=True)
class ShotView:
    """One shot as the pages show it."""

    number: int
    start: int
    stop: int
    treatments: tuple[tuple[str, str], ...]
    """Title and reason of each treatment."""
    generative: bool
    """Whether a treatment invents detail."""
    findings: tuple[Mapping[str, Any], ...]
    """What was found wrong with it, the worst first: category, severity and words."""
    changed: int | None
    """Frames the restoration changed; None where it is not restored."""

    @property
    def middle(self) -> int:
        """The frame that stands for the shot."""
        return (self.start + self.stop - 1) // 2


@dataclass(frozen=True)
class ReelView:
    """One reel."""

    status: ReelStatus
    scan: ScanRecord | None
    condition: ConditionRecord | None
    ingest: StepEvent | None
    shots_found: StepEvent | None
    assembled: StepEvent | None
    checked: StepEvent | None
    last_run: str | None
    plan: Plan | None
    """The plan of the restoration shown, or the newest where none is made yet."""
    plan_version: int | None
    shots: tuple[ShotView, ...]
    drafts: tuple[Draft, ...]

    @property
    def master(self) -> HeldFile | None:
        """The preservation master: the one the restoration was made of, or else the newest."""
        found = self.assembled.file("master") if self.assembled else None
        return found or (self.ingest.file("master") if self.ingest else None)

    @property
    def restored(self) -> HeldFile | None:
        """The restored master."""
        return self.assembled.file("restoration_master") if self.assembled else None


def view(session: Session, vault: Vault, reel_id: str) -> ReelView:
    """Put a reel together.

    Raises:
        UnknownReel: no such reel.
    """
    from restoration_tasks.catalogue import conditions, drafts, plans, recorded_files, reels, scans

    status = reels.status(session, reel_id)
    events = {
        step: recorded_files.newest(session, reel_id, step)
        for step in (StepName.INGEST, StepName.SHOTS, StepName.ASSEMBLE, StepName.CHECK)
    }
    assembled, checked = events[StepName.ASSEMBLE], _of(events[StepName.CHECK], events[StepName.ASSEMBLE])
    version = (checked.plan_version if checked else None) or status.plan_version
    plan = None if version is None else parsed_plan(plans.get(session, reel_id, version).yaml)
    condition = conditions.newest(session, reel_id)
    return ReelView(
        status=status,
        scan=scans.newest(session, reel_id),
        condition=condition,
        ingest=events[StepName.INGEST],
        shots_found=events[StepName.SHOTS],
        assembled=assembled,
        checked=checked,
        last_run=status.active_run or recorded_files.last_run(session, reel_id),
        plan=plan,
        plan_version=version,
        shots=_shots(vault, plan, condition, events[StepName.SHOTS], checked),
        drafts=tuple(drafts.of_version(session, reel_id, version)) if version else (),
    )


def _of(checked: StepEvent | None, assembled: StepEvent | None) -> StepEvent | None:
    """The check of the restoration that is shown: one of an earlier restoration says nothing of it."""
    restored = assembled.file("restoration_master") if assembled else None
    if checked is None or restored is None or restored.sha256 not in {one.sha256 for one in checked.read}:
        return None
    return checked


@lru_cache(maxsize=PARSED_PLANS)
def parsed_plan(text: str) -> Plan:
    """A plan from its YAML; a version is never changed, so its text is all that decides."""
    from restoration_tasks.restoration.plan import Plan

    return Plan.from_yaml(text)


def _shots(
    vault: Vault,
    plan: Plan | None,
    condition: ConditionRecord | None,
    found: StepEvent | None,
    checked: StepEvent | None,
) -> tuple[ShotView, ...]:
    planned: Iterable[PlannedShot | Mapping[str, int]]
    planned = plan.shots if plan else _cut(vault, found)
    verdicts = {one["shot"]: one.get("verdicts", ()) for one in condition.shots} if condition else {}
    runs = changed_frames(vault, checked)
    shown = []
    for one in planned:
        number, start, stop = (
            (one["shot"], one["start"], one["stop"]) if isinstance(one, Mapping) else (one.shot, one.start, one.stop)
        )
        shown.append(
            ShotView(
                number,
                start,
                stop,
                () if isinstance(one, Mapping) else _named(one),
                not isinstance(one, Mapping) and _invents(one),
                _worst_first(verdicts.get(number, ())),
                None if runs is None else _frames_within(runs, start, stop),
            )
        )
    return tuple(shown)


def segments(vault: Vault, found: StepEvent | None) -> list[dict[str, Any]]:
    """The reel's segments as the list of shots has them; none before there is one, or where its file is gone."""
    listed = found.file("shots") if found else None
    content = vault.read_bytes(listed.uri) if listed else None
    return [] if content is None else list(json.loads(content)["segments"])


def _cut(vault: Vault, found: StepEvent | None) -> list[dict[str, int]]:
    """Shots before there is a plan, from the list of cuts."""
    first = {one["shot"]: one for one in reversed(segments(vault, found))}
    return [
        {"shot": number, "start": one["shot_start"], "stop": one["shot_stop"]} for number, one in sorted(first.items())
    ]


def _named(shot: PlannedShot) -> tuple[tuple[str, str], ...]:
    from restoration_tasks.restoration.treatment import registry

    titles = {name: treatment.title for name, treatment in registry().items()}
    return tuple((titles.get(one.name, one.name), one.why) for one in shot.treatments)


def _invents(shot: PlannedShot) -> bool:
    from restoration_tasks.restoration.treatment import Fidelity, registry

    known = registry()
    return any(known[one.name].fidelity is Fidelity.GENERATIVE for one in shot.treatments if one.name in known)


def _worst_first(verdicts: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    from restoration_tasks.assessment.condition import NOTHING

    seen = [one for one in verdicts if one["severity"] > NOTHING]
    return tuple(sorted(seen, key=lambda one: -one["severity"]))


def _frames_within(runs: Sequence[tuple[int, int]], start: int, stop: int) -> int:
    """Frames of runs, given by first and last in order, from `start` until before `stop`."""
    begin = bisect_left(runs, start, key=lambda run: run[1])
    end = bisect_left(runs, stop, key=lambda run: run[0])
    return sum(min(last + 1, stop) - max(first, start) for first, last in runs[begin:end])


def changed_frames(vault: Vault, checked: StepEvent | None) -> list[tuple[int, int]] | None:
    """Runs of frames the restoration changed; None where it is not checked yet, or the tables are not here."""
    tables = checked.files("changes") if checked else ()
    if not tables:
        return None
    try:
        return _runs(str(vault.root), tables)
    except HTTPException:
        return None


@lru_cache(maxsize=64)
def _runs(vault: str, tables: tuple[HeldFile, ...]) -> list[tuple[int, int]]:
    # By their digests: what was once read need not be looked for again.
    from restoration_tasks.report.timeline import changed_runs

    return changed_runs(local_file(Vault(vault), table) for table in tables)


def reel_timeline(session: Session, vault: Vault, reel_id: str) -> bytes | None:
    """The reel along its length as JSON, of the newest check or, before one, of what the plan was made from."""
    from restoration_tasks.catalogue import recorded_files

    assembled = recorded_files.newest(session, reel_id, StepName.ASSEMBLE)
    checked = _of(recorded_files.newest(session, reel_id, StepName.CHECK), assembled)
    source = checked or recorded_files.newest(session, reel_id, StepName.PLAN)
    if source is None:
        return None
    return _timeline(str(vault.root), source.files("figures"), source.files("changes"))


@lru_cache(maxsize=32)
def _timeline(vault: str, figures: tuple[HeldFile, ...], changes: tuple[HeldFile, ...]) -> bytes:
    from restoration_tasks.report.timeline import timeline

    shelf = Vault(vault)
    line = timeline((local_file(shelf, table) for table in figures), (local_file(shelf, table) for table in changes))
    return json.dumps(asdict(line), separators=(",", ":")).encode()
