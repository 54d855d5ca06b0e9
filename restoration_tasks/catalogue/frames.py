"""Frames on record: which are not what they should be, and which frames of one file were made from which of another."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import delete, exists, select, text
from sqlalchemy.dialects.postgresql import Range, insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import recorded_files, reels, scans
from restoration_tasks.catalogue.models import ScanRecord
from restoration_tasks.catalogue.record_models import ExceptionKind, FrameException, ObjectRelationship
from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.recorder import EventDraft, append_event
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import FRAMES_TERM, AgentRole, Outcome
from restoration_tasks.runtime.errors import VaultError, WrongUse
from restoration_tasks.runtime.spec import StepName, StepResult
from restoration_tasks.runtime.vault import Vault

MASTER: Final = "restoration_master"
LARGER: Final = "enlarged_master"
_COPIES: Final = ("mezzanine", "access")
"""Files of the assemble step with the frames of the restored master, one for one."""
_OF_INGEST: Final = {"missing": ExceptionKind.MISSING, "damaged": ExceptionKind.SUBSTITUTED}
"""Why another file stands in for a frame, as `scan.json` says it."""


@dataclass(frozen=True)
class Origin:
    """Where a frame came from, one step back."""

    role: str
    """The file's name among those of its step: `segment`, `master` …"""
    uri: str
    frame: int
    """Its place in that file, from 0."""


def enter_exceptions(session: Session, event_id: uuid.UUID, result: StepResult, vault: Vault) -> None:
    """Note the places of an ingest where a neighbour stands in; noting the same event again changes nothing.

    Raises:
        VaultError: the record of the scan is gone.
    """
    if not result.figures.get("substituted_frames"):
        return
    if session.scalar(select(exists().where(FrameException.scan_id == event_id))):
        return
    kept = vault.read_bytes(result.output("scan").uri)
    if kept is None:
        raise VaultError("the record of the scan is gone", reel=result.reel_id, action="clear the ingest task")
    scan = Scan.parse(kept)
    places = ((place, file.stands_in) for place, file in enumerate(scan.files) if file.stands_in is not None)
    # neighbours for one reason are one range: their place and their rank differ by the same
    for (_, reason), run in groupby(enumerate(places), key=lambda one: (one[1][0] - one[0], one[1][1])):
        found = [place for _, (place, _) in run]
        session.add(
            FrameException(
                id=uuid.uuid4(),
                scan_id=event_id,
                frames=Range(found[0], found[-1] + 1),
                kind=_OF_INGEST[reason],
                event_id=event_id,
            )
        )
    session.flush()


def enter_relationships(session: Session, event_id: uuid.UUID, result: StepResult) -> None:
    """Note what the files of a restore, enlarge or assemble step were made from; noting it again changes nothing."""
    ids = recorded_files.object_ids(session, event_id)
    files = {name: ids.get((file.uri, file.sha256)) for name, file in result.inputs.items()}
    files |= {output.name: ids.get((output.uri, output.sha256)) for output in result.outputs}
    made = [
        {
            "object_id": files[name],
            "source_id": files[source],
            "frames": frames,
            "source_frames": of,
            "event_id": event_id,
        }
        for name, frames, source, of in _made_from(result)
        if files.get(name) and files.get(source)
    ]
    if made:
        identity = [ObjectRelationship.object_id, ObjectRelationship.source_id]
        session.execute(insert(ObjectRelationship).values(made).on_conflict_do_nothing(index_elements=identity))


def _made_from(result: StepResult) -> Iterator[tuple[str, Range[int], str, Range[int]]]:
    """File made, its frames, the file they come from, and which of its frames."""
    params: dict[str, Any] = result.params
    if result.step is StepName.RESTORE and "segment" in params:
        start, stop = params["segment"]["start"], params["segment"]["stop"]
        yield "segment", Range(0, stop - start), "master", Range(start, stop)
    if result.step is StepName.ASSEMBLE and params.get("segments"):
        for one in params["segments"]:
            length = Range(0, one["stop"] - one["start"])
            yield MASTER, Range(one["start"], one["stop"]), f"segment/{one['id']}", length
        whole = Range(0, params["segments"][-1]["stop"])
        for copy in _COPIES:
            yield copy, whole, MASTER, whole
        yield "scan_access", whole, "master", whole
        if params.get("enlarge"):
            for one in params["segments"]:
                length = Range(0, one["stop"] - one["start"])
                yield LARGER, Range(one["start"], one["stop"]), f"enlarged/{one['id']}", length
            yield "enlarged_access", whole, LARGER, whole
    if result.step is StepName.ENLARGE and "segment" in params:
        one = params["segment"]
        length = Range(0, one["stop"] - one["start"])
        yield "enlarged", length, f"segment/{one['id']}", length


def origins(session: Session, object_id: uuid.UUID, frame: int) -> list[Origin]:
    """The frames that a frame of a file was made from, the nearest first, down to the preservation master."""
    rows = session.execute(
        text(
            "WITH RECURSIVE made AS ("
            " SELECT CAST(:object AS uuid) AS object_id, CAST(:frame AS int) AS frame, 0 AS depth"
            " UNION ALL SELECT link.source_id, lower(link.source_frames) + made.frame - lower(link.frames), depth + 1"
            " FROM made JOIN reelkeeper.object_relationships AS link"
            " ON link.object_id = made.object_id AND link.frames @> made.frame)"
            " SELECT held.role, held.uri, made.frame FROM made"
            " JOIN reelkeeper.digital_objects AS held ON held.id = made.object_id WHERE depth > 0 ORDER BY depth"
        ),
        {"object": object_id, "frame": frame},
    )
    return [Origin(row.role, row.uri, row.frame) for row in rows]


def exceptions(session: Session, reel_id: str) -> list[FrameException]:
    """What is unusual about frames of the reel's newest scan, in their order; nothing where it was never taken in.

    Raises:
        UnknownReel: no such reel.
    """
    reels.require(session, reel_id)
    scan = scans.newest(session, reel_id)
    if scan is None:
        return []
    query = select(FrameException).where(FrameException.scan_id == scan.event_id)
    return sorted(session.scalars(query), key=lambda one: one.frames.lower or 0)


def name_exception(
    session: Session, reel_id: str, frames: Range[int], kind: ExceptionKind, *, reason: str, person: Person
) -> None:
    """Say that frames of the newest scan are not what they should be.

    Raises:
        UnknownReel: no such reel.
        WrongUse: the reel was never taken in, has no such frames, or something is said of some of them already.
    """
    scan = _require_frames(session, reel_id, frames)
    if taken := [one for one in exceptions(session, reel_id) if one.frames.overlaps(frames)]:
        raise WrongUse(
            "something is said of these frames already",
            reel=reel_id,
            found=f"{taken[0].kind.value}, frames {shown(taken[0].frames)}",
            expected="frames of which nothing is said",
            action="withdraw that first, if a person said it",
        )
    event = _record(session, reel_id, frames, {"kind": kind.value, "reason": reason}, person)
    session.add(
        FrameException(
            id=uuid.uuid4(),
            scan_id=scan.event_id,
            frames=frames,
            kind=kind,
            reason=storable(reason),
            event_id=event,
        )
    )
    session.flush()


def withdraw_exception(session: Session, reel_id: str, frames: Range[int], *, reason: str, person: Person) -> None:
    """Take back what a person said of exactly these frames.

    Raises:
        UnknownReel: no such reel.
        WrongUse: no person said anything of exactly these.
    """
    scan = _require_frames(session, reel_id, frames)
    said = select(FrameException).where(
        FrameException.scan_id == scan.event_id,
        FrameException.frames == frames,
        FrameException.event_id != scan.event_id,
    )
    found = session.scalar(said)
    if found is None:
        raise WrongUse(
            "no person said anything of exactly these frames",
            reel=reel_id,
            found=shown(frames),
            expected="frames as they were named",
            action="look at them with `reelkeeper catalogue frames`",
        )
    _record(session, reel_id, frames, {"kind": found.kind.value, "withdrawn": True, "reason": reason}, person)
    session.execute(delete(FrameException).where(FrameException.id == found.id))


def shown(frames: Range[int]) -> str:
    """Frames as people write them: the first and the last.

    >>> shown(Range(5, 8)), shown(Range(5, 6))
    ('5-7', '5')
    """
    assert frames.lower is not None
    assert frames.upper is not None
    return str(frames.lower) if frames.upper == frames.lower + 1 else f"{frames.lower}-{frames.upper - 1}"


def _require_frames(session: Session, reel_id: str, frames: Range[int]) -> ScanRecord:
    reels.require(session, reel_id)
    scan = scans.newest(session, reel_id)
    if scan is None:
        raise WrongUse("the reel was never taken in", reel=reel_id, action="ingest it first")
    if not Range(0, scan.frames).contains(frames) or frames.is_empty:
        raise WrongUse(
            "the reel has no such frames",
            reel=reel_id,
            expected=f"frames from 0 to {scan.frames - 1}",
            found=shown(frames),
            action="count from 0, as the pages do",
        )
    return scan


def _record(session: Session, reel_id: str, frames: Range[int], told: dict[str, Any], person: Person) -> uuid.UUID:
    moment = datetime.now(UTC)
    draft = EventDraft(
        reel_id=reel_id,
        execution_id=f"frames/{reel_id}/{moment.isoformat()}",
        term=FRAMES_TERM,
        started=moment,
        ended=moment,
        outcome=Outcome.SUCCESS,
        detail=told | {"first": frames.lower, "stop": frames.upper},
        participants=(Person(person.login, person.name, AgentRole.IMPLEMENTER),),
    )
    return append_event(session, draft).id
