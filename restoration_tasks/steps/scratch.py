"""Letting go of working files: the restored segments of reels whose joined master is made, checked and packaged.

What is let go can be made again from the preservation master and the plan, and is: a step that needs a segment that is
gone works it anew. Everything else stays: masters, copies, damage maps (`revert` reads them), plans, figures, results,
reports, packages. A reel is left alone while a run works on it, while a file of it is damaged or gone, and until
what it needs to be made again and what was made of it is there in its full size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import holdings, lock, reels
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.models import ActiveRun, Reel, ReelState
from restoration_tasks.catalogue.queue_models import Holding, HoldingState
from restoration_tasks.provenance.agents import PROGRAM
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.models import DigitalObject, Event, EventObject
from restoration_tasks.provenance.vocabulary import RELEASE_TERM, STEP_TERMS, ObjectRole, Outcome
from restoration_tasks.runtime.errors import ReelBusy
from restoration_tasks.runtime.files import disk_errors
from restoration_tasks.runtime.spec import OutputFile, StepName
from restoration_tasks.runtime.vault import Vault

WORKING = {StepName.RESTORE: "segment", StepName.ENLARGE: "enlarged"}
"""Step → the role of its files that are only needed until they are joined."""
NEEDED = ("master", "restoration_master")
"""Roles that must be there before anything is let go: what it can be made from, and what was made of it."""


@dataclass(frozen=True)
class Releasable:
    """The working files of one reel."""

    reel_id: str
    files: tuple[DigitalObject, ...]

    @property
    def bytes(self) -> int:
        """What letting them go frees."""
        return sum(one.bytes for one in self.files)


def releasable(session: Session, vault: Vault, reel_id: str | None = None) -> list[Releasable]:
    """What could be let go, by reel, the most first.

    Args:
        session: of the catalogue.
        vault: where the files lie.
        reel_id: only this reel.

    Raises:
        UnknownReel: no such reel.
    """
    if reel_id is not None:
        reels.require(session, reel_id)
    holdings.take_up(session)
    query = select(Reel.id).where(Reel.state == ReelState.RESTORED, ~exists().where(ActiveRun.reel_id == Reel.id))
    found = []
    for one in session.scalars(query if reel_id is None else query.where(Reel.id == reel_id)):
        files = _working_files(session, one)
        if (
            files
            and _packaged_since(session, one)
            and not holdings.bad(session, one)
            and _all_there(session, vault, one)
        ):
            found.append(Releasable(one, tuple(files)))
    return sorted(found, key=lambda each: (-each.bytes, each.reel_id))


def release(sessions: Sessions, vault: Vault, reel_id: str, run_id: str) -> Releasable | None:
    """Let go of a reel's working files, and record which; None where nothing could be let go (any more).

    The event is written before the first file goes: killed in between, the files that are left over are recorded as
    let go, and `remove_left_over` removes them.

    Raises:
        ReelBusy: a run works on the reel.
        VaultError: a file cannot be removed.
    """
    with sessions.begin() as session:
        _require_free(session, reel_id)
        holdings.take_up(session)
        files = _allowed(session, vault, reel_id)
        if not files:
            return None
        moment = datetime.now(UTC)
        append_event(
            session,
            EventDraft(
                reel_id=reel_id,
                execution_id=f"release/{run_id}/{reel_id}",
                term=RELEASE_TERM,
                started=moment,
                ended=moment,
                outcome=Outcome.SUCCESS,
                detail={"run_id": run_id, "files": len(files), "bytes": sum(one.bytes for one in files)},
                participants=(PROGRAM,),
                sources=tuple((one.role, _file(one)) for one in files),
            ),
        )
        holdings.release(session, [one.id for one in files])
    _remove(sessions, vault, reel_id, files)
    return Releasable(reel_id, tuple(files))


def remove_left_over(sessions: Sessions, vault: Vault, reel_id: str | None = None) -> int:
    """Remove files that are recorded as let go and still lie there, since a release was killed; how many.

    Those of a reel that a run works on stay until another time.
    """
    query = (
        select(DigitalObject)
        .join(Holding, Holding.object_id == DigitalObject.id)
        .where(Holding.state == HoldingState.RELEASED, ~exists().where(ActiveRun.reel_id == DigitalObject.reel_id))
        .order_by(DigitalObject.reel_id, DigitalObject.uri)
    )
    with sessions.begin() as session:
        files = list(session.scalars(query if reel_id is None else query.where(DigitalObject.reel_id == reel_id)))
    there = [one for one in files if vault.path(one.uri).exists()]
    for reel, of_reel in groupby(there, key=lambda one: one.reel_id):
        _remove(sessions, vault, reel, list(of_reel))
    return len(there)


def _remove(sessions: Sessions, vault: Vault, reel_id: str, files: Sequence[DigitalObject]) -> None:
    """Remove files while no run can take the reel."""
    with sessions.begin() as session:
        _require_free(session, reel_id)
        for one in files:
            with disk_errors(vault.local_path(one.uri) or Path(one.uri)):
                vault.path(one.uri).unlink(missing_ok=True)


def _require_free(session: Session, reel_id: str) -> None:
    """Keep runs from taking the reel until the transaction ends: their lock refers to the row that is locked here.

    Raises:
        ReelBusy: one has it.
    """
    reels.require(session, reel_id, lock=True)
    if (holder := lock.holder(session, reel_id)) is not None:
        raise ReelBusy(
            "a run works on this reel",
            reel=reel_id,
            expected="no active run",
            found=f"run {holder.run_id} since {holder.since:%Y-%m-%d %H:%M}",
            action="let its files go when the run is over",
        )


def _allowed(session: Session, vault: Vault, reel_id: str) -> list[DigitalObject]:
    """The working files of a reel, if they may go."""
    files = _working_files(session, reel_id)
    may = (
        files
        and reels.require(session, reel_id).state is ReelState.RESTORED
        and _packaged_since(session, reel_id)
        and not holdings.bad(session, reel_id)
        and _all_there(session, vault, reel_id)
    )
    return files if may else []


def _working_files(session: Session, reel_id: str) -> list[DigitalObject]:
    """Segments that are held, by the steps that made them."""
    made_by = [STEP_TERMS[step] for step in WORKING]
    query = (
        select(DigitalObject)
        .join(Holding, Holding.object_id == DigitalObject.id)
        .join(EventObject, EventObject.object_id == DigitalObject.id)
        .join(Event, Event.id == EventObject.event_id)
        .where(
            DigitalObject.reel_id == reel_id,
            DigitalObject.role.in_(WORKING.values()),
            Holding.state == HoldingState.HELD,
            EventObject.role == ObjectRole.OUTCOME,
            Event.event_type.in_([term.type.value for term in made_by]),
            Event.subtype.in_([term.subtype for term in made_by]),
        )
        .order_by(DigitalObject.uri)
        .distinct()
    )
    return list(session.scalars(query))


def _packaged_since(session: Session, reel_id: str) -> bool:
    """Whether the reel was packaged after the last segment was worked."""
    packed = _last(session, reel_id, StepName.PACKAGE)
    worked = max(_last(session, reel_id, step) for step in WORKING)
    return packed > worked > 0


def _last(session: Session, reel_id: str, step: StepName) -> int:
    """Place of the step's last event in the chain that went well; 0 where there is none."""
    term = STEP_TERMS[step]
    query = select(func.max(Event.seq)).where(
        Event.reel_id == reel_id,
        Event.event_type == term.type.value,
        Event.subtype == term.subtype,
        Event.outcome != Outcome.FAILURE,
    )
    return int(session.scalar(query) or 0)


def _all_there(session: Session, vault: Vault, reel_id: str) -> bool:
    """Whether what must stay is there, in the size it was recorded with."""
    for role in NEEDED:
        newest = session.scalar(
            select(DigitalObject)
            .where(DigitalObject.reel_id == reel_id, DigitalObject.role == role)
            .order_by(DigitalObject.created_at.desc())
            .limit(1)
        )
        if newest is None or vault.missing_file(_file(newest)):
            return False
    return True


def _file(one: DigitalObject) -> OutputFile:
    return OutputFile(name=one.role, uri=one.uri, sha256=one.sha256, bytes=one.bytes, media_type=one.media_type)
