"""A reel as the exports describe it, put together from the catalogue as it stood at an event of the reel's chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.models import ConditionRecord, Decision, ScanRecord
from restoration_tasks.catalogue.work_models import Item, Manifestation, Work, WorkMaker, WorkTitle
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.description import (
    CheckFound,
    Condition,
    DecisionTaken,
    KeptFile,
    Maker,
    ReelDescription,
    Scan,
    Title,
    kept_files,
    on_record,
)
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.vocabulary import STEP_TERMS, Outcome
from restoration_tasks.runtime.spec import StepName

Recorded = TypeVar("Recorded", ScanRecord, ConditionRecord)


def describe(session: Session, line: ReelChain, files: Iterable[KeptFile] | None = None) -> ReelDescription:
    """Describe a reel.

    Args:
        session: of the catalogue.
        line: the reel's chain, or its beginning: scan, condition, check and decisions are those recorded by its last
            event, so that an older record is described as it was.
        files: the files to name; by default those the chain says are kept.

    Raises:
        UnknownReel: no such reel.
    """
    reel = reels.require(session, line.reel_id)
    item = None if reel.item_id is None else session.get_one(Item, reel.item_id)
    described = ReelDescription(
        reel_id=line.reel_id,
        titles=(Title(reel.title),),
        item=None if item is None else item.identifier,
        scan=_scan(_newest(session, line, ScanRecord)),
        condition=_condition(_newest(session, line, ConditionRecord)),
        check=_check(session, line),
        decisions=_decisions(session, line),
        files=kept_files(line) if files is None else on_record(line, files),
    )
    return described if item is None else _of_work(session, described, item)


def _of_work(session: Session, reel: ReelDescription, item: Item) -> ReelDescription:
    """The same reel with what is known of its film. Its own title, where it has one, stands behind the film's."""
    work = session.get_one(Work, session.get_one(Manifestation, item.manifestation_id).work_id)
    titles = session.scalars(select(WorkTitle).where(WorkTitle.work_id == work.id).order_by(WorkTitle.position))
    makers = session.scalars(select(WorkMaker).where(WorkMaker.work_id == work.id).order_by(WorkMaker.position))
    own = [one for one in reel.titles if one.text not in {work.title, reel.reel_id}]
    years = [str(year) for year in dict.fromkeys((work.year_from, work.year_to)) if year is not None]
    return replace(
        reel,
        titles=(
            Title(work.title),
            *own,
            *(Title(one.title, one.kind.value, one.language) for one in titles),
        ),
        work_id=str(work.id),
        year="/".join(years) or None,
        countries=tuple(work.countries),
        languages=tuple(work.languages),
        makers=tuple(Maker(one.role, one.name) for one in makers),
    )


def _newest(session: Session, line: ReelChain, row: type[Recorded]) -> Recorded | None:
    """The row of the newest event up to the chain's last."""
    return session.scalar(
        select(row)
        .join(Event, Event.id == row.event_id)
        .where(row.reel_id == line.reel_id, Event.seq <= _last(line))
        .order_by(Event.seq.desc())
        .limit(1)
    )


def _last(line: ReelChain) -> int:
    return line.events[-1].seq if line.events else 0


def _scan(row: ScanRecord | None) -> Scan | None:
    return None if row is None else Scan(**{column.name: getattr(row, column.name) for column in fields(Scan)})


def _condition(row: ConditionRecord | None) -> Condition | None:
    return None if row is None else Condition(row.urgency, row.severities)


def _check(session: Session, line: ReelChain) -> CheckFound | None:
    term = STEP_TERMS[StepName.CHECK]
    detail = session.scalar(
        select(Event.detail)
        .where(
            Event.reel_id == line.reel_id,
            Event.event_type == term.type.value,
            Event.subtype == term.subtype,
            Event.outcome != Outcome.FAILURE,
            Event.seq <= _last(line),
        )
        .order_by(Event.seq.desc())
        .limit(1)
    )
    figures = (detail or {}).get("figures", {})
    if "passed" not in figures:
        return None
    return CheckFound(bool(figures["passed"]), tuple(figures.get("failed_rules", ())))


def _decisions(session: Session, line: ReelChain) -> tuple[DecisionTaken, ...]:
    rows = session.scalars(
        select(Decision)
        .join(Event, Event.id == Decision.event_id)
        .where(Decision.reel_id == line.reel_id, Event.seq <= _last(line))
        .order_by(Event.seq)
    )
    return tuple(DecisionTaken(row.answer.value, row.role.value, row.plan_version, row.decided_at) for row in rows)
