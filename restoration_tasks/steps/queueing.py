"""What brings a reel to its place in the queue: condition, carrier and age, and what working it is likely to take."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import queue, rates, reels
from restoration_tasks.catalogue.models import ConditionRecord, ScanRecord
from restoration_tasks.catalogue.nights import Wanted
from restoration_tasks.catalogue.queue import Worth
from restoration_tasks.catalogue.queue_models import (
    Basis,
    CarrierReading,
    EstimatedFrom,
    Purpose,
    QueueEntry,
    QueueState,
)
from restoration_tasks.provenance.agents import Participant, Person, ensure_agents
from restoration_tasks.restoration import profile as profiles
from restoration_tasks.restoration.tuning import ALL_TREATMENTS
from restoration_tasks.runtime.errors import ReelkeeperError, WrongUse
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps.carrier import readings_of
from restoration_tasks.steps.inbox import delivery_of, is_delivery, look

if TYPE_CHECKING:
    pass

NOBODY_NEED_LOOK = 5.0
"""Severity up to which a category gets no treatment (docs/condition.md)."""
TREATED_BY = {"dirt": "dirt", "scratch": "scratches", "flicker": "flicker", "fade": "fade"}
"""Category of damage → treatment."""
_AT_ONCE = 2000


@dataclass(frozen=True)
class Known:
    """What the catalogue knows of a reel."""

    condition: ConditionRecord | None = None
    carrier: CarrierReading | None = None
    scan: ScanRecord | None = None


def put(
    session: Session,
    settings: Settings,
    reel_id: str,
    *,
    by: Person | Participant,
    delivery: Path | None = None,
    frames: int | None = None,
    form: Mapping[str, Any] | None = None,
) -> bool:
    """Put a reel into the queue of restorations; one that is in it is judged anew. True when it was not.

    Args:
        session: of the catalogue, in a transaction.
        settings: the inbox and the device.
        reel_id: the reel; one nobody knows is registered.
        by: who puts it there.
        delivery: its folder, if the catalogue does not know it.
        frames: how many it has, where the catalogue does not know.
        form: fields of the trigger form its run is started with.

    Raises:
        WrongUse: the id is no reel id.
    """
    agent = ensure_agents(session, [by])[by]
    reels.register(session, reel_id, delivery_uri="" if delivery is None else str(delivery))
    asked = dict(form or {}) | ({} if delivery is None else {"delivery": str(delivery)})
    known = known_of(session, [reel_id]).get(reel_id, Known())
    found = frames or (_delivered_frames(settings, reel_id, delivery) if known.scan is None else None)
    worth = judge(known, rates.learned(session), settings, form=asked, frames=found)
    if queue.enter(session, reel_id, worth, by=agent, form=asked):
        return True
    queue.assess_anew(session, reel_id, worth)
    if asked:
        queue.ask(session, reel_id, asked)
    return False


def gather(session: Session, settings: Settings, *, by: Participant) -> list[str]:
    """Put every reel of a delivery that the scanner has marked, and that nobody knows yet, into the queue; their ids.

    Raises:
        DeliveryError: the inbox cannot be read.
    """
    if not settings.inbox_folder.is_dir():
        return []
    marked = {reel.reel_id: reel.delivery for reel in look(settings.inbox_folder).waiting}
    known = reels.known(session, marked)
    new = [reel_id for reel_id in marked if reel_id not in known]
    for reel_id in new:
        put(session, settings, reel_id, by=by, delivery=marked[reel_id])
    return new


def judge_all(session: Session, settings: Settings) -> int:
    """Judge every reel anew that waits or is held back; how many changed."""
    learned = rates.learned(session)
    rows = session.execute(
        select(QueueEntry.reel_id, QueueEntry.urgency, QueueEntry.basis, QueueEntry.frames, QueueEntry.device_h,
               QueueEntry.worker_h, QueueEntry.estimated_from, QueueEntry.form)
        .where(
            QueueEntry.purpose == Purpose.RESTORATION,
            QueueEntry.state.in_((QueueState.WAITING, QueueState.HELD_BACK)),
        )
        .order_by(QueueEntry.reel_id)
    ).all()  # fmt: skip
    changed = 0
    for part in _parts(rows):
        known = known_of(session, [row.reel_id for row in part])
        for row in part:
            given = None if row.estimated_from is EstimatedFrom.TYPICAL else row.frames
            worth = judge(known.get(row.reel_id, Known()), learned, settings, form=row.form, frames=given)
            before = Worth(row.urgency, row.basis, row.frames, row.device_h, row.worker_h, row.estimated_from)
            if worth != before:
                queue.assess_anew(session, row.reel_id, worth)
                changed += 1
    return changed


def judge(
    known: Known,
    learned: rates.Rates,
    settings: Settings,
    *,
    form: Mapping[str, Any] | None = None,
    frames: int | None = None,
    today: date | None = None,
) -> Worth:
    """How urgent a reel is, on what that rests, and what working it is likely to take.

    Args:
        known: of the reel.
        learned: what work takes.
        settings: the device.
        form: fields of the trigger form; treatments it leaves out are not reckoned with.
        frames: how many the reel has, where there is no scan.
        today: for its age.
    """
    urgency, basis = _urgency(known, today or datetime.now(UTC).date())
    if known.scan is not None:
        many, megapixels = known.scan.frames, known.scan.width * known.scan.height / 1e6
        source = EstimatedFrom.SCAN
    else:
        many, megapixels = frames or rates.TYPICAL_FRAMES, rates.TYPICAL_MEGAPIXELS
        source = EstimatedFrom.TYPICAL if frames is None else EstimatedFrom.DELIVERY
    hours = learned.hours(
        many,
        megapixels,
        _treatments(known.condition, learned, _allowed(form or {}, settings)),
        device=str(settings.device),
    )
    return Worth(urgency, basis, many, round(hours.device_h, 4), round(hours.worker_h, 4), source)


def _urgency(known: Known, today: date) -> tuple[float, Basis]:
    from restoration_tasks.assessment import unseen
    from restoration_tasks.assessment.gauge import Category
    from restoration_tasks.assessment.urgency import urgency

    carrier = readings_of(known.carrier)
    if known.condition is not None:
        if known.carrier is None:
            return known.condition.urgency, Basis.CONDITION
        ours = {one.value: one for one in Category}
        severities = {ours[name]: value for name, value in known.condition.severities.items() if name in ours}
        return urgency(severities, carrier), Basis.CONDITION
    if carrier.known:
        return unseen.by_carrier(carrier), Basis.CARRIER
    if known.carrier is not None and known.carrier.made_year is not None:
        years = today.year - known.carrier.made_year
        return unseen.by_age(years, known.carrier.base, known.carrier.uniqueness), Basis.AGE
    return unseen.NOTHING_KNOWN, Basis.NOTHING


def _allowed(form: Mapping[str, Any], settings: Settings) -> Collection[str]:
    """The treatments its run may use, by the form and the profile."""
    if form.get("treatments"):
        return tuple(form["treatments"])
    return _of_profile(settings.profiles_folder, form.get("profile") or settings.profile)


@lru_cache(maxsize=64)
def _of_profile(folder: Path, name: str) -> Collection[str]:
    # An estimate may be a profile's change behind: 100,000 rows do not read it 100,000 times.
    try:
        return profiles.load(folder, name).treatments.names
    except WrongUse:
        return ALL_TREATMENTS  # what is wrong with it, its run says


def _treatments(condition: ConditionRecord | None, learned: rates.Rates, allowed: Collection[str]) -> float:
    """How many treatments a frame is likely to get: those its condition calls for, else as many as past reels got."""
    if condition is None:
        return min(learned.treatments, float(len(allowed)))
    damaged = {name for name, severity in condition.severities.items() if severity > NOBODY_NEED_LOOK}
    return float(sum(TREATED_BY.get(name) in allowed for name in damaged))


def known_of(session: Session, reel_ids: Sequence[str]) -> dict[str, Known]:
    """The newest condition, carrier reading and scan of these reels."""
    conditions = {row.reel_id: row for row in session.scalars(_newest(ConditionRecord, reel_ids))}
    carriers = {row.reel_id: row for row in session.scalars(_newest(CarrierReading, reel_ids))}
    scans = {row.reel_id: row for row in session.scalars(_newest(ScanRecord, reel_ids))}
    return {reel_id: Known(conditions.get(reel_id), carriers.get(reel_id), scans.get(reel_id)) for reel_id in reel_ids}


def _newest(table: Any, reel_ids: Sequence[str]) -> Select[Any]:
    at = table.read_at if table is CarrierReading else table.recorded_at
    query = select(table).where(table.reel_id.in_(reel_ids)).ext(distinct_on(table.reel_id))
    if table is ConditionRecord:
        from sqlalchemy.orm import defer

        query = query.options(defer(ConditionRecord.shots))  # every verdict of every shot: large, and not needed here
    return query.order_by(table.reel_id, at.desc())


def delivered(settings: Settings) -> Callable[[Wanted], bool]:
    """A question: can this reel be worked, because its delivery is there?"""
    marked: dict[str, Path] = {}
    if settings.inbox_folder.is_dir():
        marked = {reel.reel_id: reel.delivery for reel in look(settings.inbox_folder).waiting}

    def is_there(reel: Wanted) -> bool:
        given = Path(reel.delivery) if reel.delivery else settings.inbox_folder / reel.reel_id
        return reel.reel_id in marked or is_delivery(given)

    return is_there


def _delivered_frames(settings: Settings, reel_id: str, delivery: Path | None) -> int | None:
    """How many frames a delivery holds by the names of its files; None where it holds none, or cannot be read."""
    from restoration_tasks.media.delivery.delivery import find_delivery

    folder = delivery or delivery_of(settings.inbox_folder, reel_id)
    if not is_delivery(folder):
        return None
    try:
        sequence = find_delivery(folder).sequence
    except ReelkeeperError:
        return None  # what is wrong with it, ingest says
    return None if sequence is None else len(sequence.frames)


def _parts(rows: Sequence[Any]) -> Iterator[Iterable[Any]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]
