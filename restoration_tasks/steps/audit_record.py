"""What an audit leaves on record of a reel: one event that names every file read, repairs, and the queue's entry.

One PREMIS event a reel and audit (PREMIS lets an event link to any number of objects), with a row of `fixity` for each
file. An event a file would be a million a year that say nothing more, and each would wait for the reel's chain. The
chain's hash covers the links, so what was read and when is as much on record.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import holdings, queue
from restoration_tasks.catalogue.holdings import BAD, Held
from restoration_tasks.catalogue.queue import Worth
from restoration_tasks.catalogue.queue_models import Basis, HoldingState, Purpose, QueueEntry, QueueState, ReplicaState
from restoration_tasks.provenance.agents import PROGRAM, ensure_agents
from restoration_tasks.provenance.events import EventDraft, FixityReading, append_event
from restoration_tasks.provenance.vocabulary import FIXITY_TERM, REPAIR_TERM, FixityOutcome, Outcome
from restoration_tasks.runtime.identifiers import folder_name
from restoration_tasks.runtime.spec import VAULT_SCHEME, Reference

ASIDE = "aside"
"""Folder of the vault that keeps what was bad, by audit."""


def aside_uri(run_id: str, file: Reference) -> str:
    """Where an audit keeps what it found in the place of a file."""
    return f"{VAULT_SCHEME}{ASIDE}/{folder_name(run_id)}/{file.uri.removeprefix(VAULT_SCHEME)}"


def record(session: Session, run_id: str, reel_id: str, started: datetime) -> None:
    """Write the event of a reel, that of repairs, and the queue's entry, all at once."""
    found = holdings.unrecorded(session, run_id, reel_id)
    if not found:
        return
    lost = [one for one in found if one.state in BAD]
    repaired = [one for one in found if one.replica is ReplicaState.REPAIRED_FROM]
    copies = [one for one in found if one.replica in (ReplicaState.DAMAGED, ReplicaState.MISSING)]
    ended = datetime.now(UTC)
    append_event(
        session,
        EventDraft(
            reel_id=reel_id,
            execution_id=f"fixity/{run_id}/{reel_id}",
            term=FIXITY_TERM,
            started=min(started, *(one.checked_at for one in found)),
            ended=ended,
            outcome=Outcome.FAILURE if lost or repaired else Outcome.WARNING if copies else Outcome.SUCCESS,
            detail={
                "run_id": run_id,
                "files": len(found),
                "bytes": sum(one.file.bytes for one in found),
                "digest_algorithm": "sha256",
                "bad": [_said(one) for one in (*lost, *repaired)],
                "bad_copies": [{"uri": one.file.uri, "replica": one.replica} for one in copies],
            },
            participants=(PROGRAM,),
            readings=tuple(
                FixityReading(
                    one.role,
                    one.file,
                    one.found,
                    one.checked_at,
                    FixityOutcome.PASS if one.found == one.file.sha256 else FixityOutcome.FAIL,
                )
                for one in found
            ),
        ),
    )
    if repaired:
        _record_repairs(session, run_id, reel_id, repaired, ended)
    _say_to_the_queue(session, reel_id)
    holdings.recorded(session, run_id, reel_id)


def _said(one: Held) -> dict[str, str | None]:
    state = HoldingState.DAMAGED if one.state is HoldingState.HELD else one.state
    return {"uri": one.file.uri, "state": state.value, "expected": one.file.sha256, "found": one.found}


def _record_repairs(session: Session, run_id: str, reel_id: str, repaired: list[Held], ended: datetime) -> None:
    append_event(
        session,
        EventDraft(
            reel_id=reel_id,
            execution_id=f"fixity/{run_id}/{reel_id}/repair",
            term=REPAIR_TERM,
            started=min(one.checked_at for one in repaired),
            ended=ended,
            outcome=Outcome.SUCCESS,
            detail={
                "run_id": run_id,
                "files": [
                    {"uri": one.file.uri, "found": one.found, "kept_aside": aside_uri(run_id, one.file)}
                    for one in repaired
                ],
            },
            participants=(PROGRAM,),
            outcomes=tuple((one.role, one.file) for one in repaired),
            fixity=FixityOutcome.PASS,
        ),
    )


def _say_to_the_queue(session: Session, reel_id: str) -> None:
    """Put a reel with bad files into the queue of repairs; take one whose files are all good again out of it."""
    still = holdings.bad(session, reel_id)
    entry = session.get(QueueEntry, (reel_id, Purpose.REPAIR), populate_existing=True)
    if still:
        first = still[0]
        more = f" and {len(still) - 1} more" if len(still) > 1 else ""
        reason = f"{first.file.uri} is {first.state}{more}"
        by = ensure_agents(session, [PROGRAM])[PROGRAM]
        if not queue.enter(session, reel_id, Worth(100.0, Basis.FIXITY), by=by, purpose=Purpose.REPAIR, reason=reason):
            session.get_one(QueueEntry, (reel_id, Purpose.REPAIR)).reason = reason
    elif entry is not None and entry.state is not QueueState.DONE:
        entry.state, entry.state_since = QueueState.DONE, datetime.now(UTC)
    session.flush()
