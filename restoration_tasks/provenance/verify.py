"""Verifies hash chains and says which row was changed, removed, inserted or moved."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from restoration_tasks.provenance import chain, recompute, workers
from restoration_tasks.provenance.chain import ChainedEvent, ReelChain
from restoration_tasks.provenance.checkpoints import Line
from restoration_tasks.provenance.models import Checkpoint
from restoration_tasks.runtime.errors import ProvenanceBroken

GUARDED = (
    "agents", "digital_objects", "events", "event_objects", "event_agents", "fixity", "checkpoints",
    "signed_checkpoints", "plans", "decisions", "waivers", "scans", "conditions", "carrier_readings",
)  # fmt: skip
"""Tables that take INSERT and nothing else, by a trigger."""


class Tampering(StrEnum):
    """What was done to a row."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    HEAD = "head"
    """The chain's head is not the one the events lead to."""
    TRUNCATED = "truncated"
    """Newest events are gone that a checkpoint names."""
    CHECKPOINT = "checkpoint"
    """The chain is not the one that was written down at a checkpoint, or a checkpoint itself is not what was signed."""
    GUARD = "guard"
    """What keeps records from being changed or doubled is off or gone; nothing need have been changed yet."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong with one chain."""

    reel_id: str | None
    """None where it is no chain that is wrong, but a checkpoint or the database itself."""
    kind: Tampering
    seq: int | None
    """Place in the chain; where the row stands now for one that was inserted or moved."""
    event_id: str | None
    message: str

    def __str__(self) -> str:
        return self.message if self.reel_id is None else f"reel {self.reel_id}: {self.message}"


@dataclass(frozen=True)
class Anchor:
    """A place and its hash as they were written down earlier."""

    seq: int
    hash: str
    checkpoint: int | None = None
    """The signed checkpoint that says so; None where the database alone does."""

    def __str__(self) -> str:
        return "the database's own note" if self.checkpoint is None else f"checkpoint {self.checkpoint}"


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found."""

    reels: int
    events: int
    findings: tuple[Finding, ...]
    unanchored: int = 0
    """Events newer than their reel's last checkpoint: whole, but not yet vouched for outside the database."""
    checkpoint: int | None = None
    """The newest signed checkpoint they were held against; None where there is none, or none was looked for."""
    checkpoint_taken: datetime | None = None

    @property
    def ok(self) -> bool:
        """Whether every chain is whole."""
        return not self.findings

    def raise_if_broken(self) -> None:
        """Raise with the first findings.

        Raises:
            ProvenanceBroken: there are findings.
        """
        if self.findings:
            more = len(self.findings) - 3
            raise ProvenanceBroken(
                "; ".join(str(finding) for finding in self.findings[:3]) + (f"; and {more} more" if more > 0 else ""),
                action="stop publishing from this database and compare it with its backups and the packages' exports",
            )


def verify(session: Session, reel: str | None = None, *, signed: Line | None = None) -> VerifyReport:
    """Recompute every event of the archive, or of one reel, and follow the chains. Changes nothing.

    Sees what was committed at one moment, in a transaction of its own, so that writers may go on meanwhile.

    Args:
        session: of the database; only what it is connected to is used.
        reel: one reel; all if None.
        signed: the signed checkpoints from outside the database. Without, what the database itself has written down is
            compared, which its owner could have changed as well.
    """
    engine = session.get_bind().engine
    with engine.connect() as connection, connection.begin(), Session(connection) as reading:
        recompute.prepare(connection)
        anchors = _anchors(reading, reel, signed)
        heads = recompute.heads(connection, reel)
        places = {reel_id: {one.seq for one in known} for reel_id, known in anchors.items()}
        events = unanchored = 0
        findings = _guards(connection)
        suspects: dict[str, list[Anchor]] = {}
        met: set[str] = set()
        for passed in workers.passes(connection, reel, places):
            met.add(passed.reel_id)
            known = anchors.get(passed.reel_id, [])
            events += passed.events
            vouched = [one.seq for one in known if signed is None or one.checkpoint is not None]
            unanchored += max(0, passed.events - max(vouched, default=0))
            fits = passed.whole and heads.get(passed.reel_id) == (passed.events, passed.head)
            if not fits or any(passed.hashes.get(one.seq) != one.hash for one in known):
                suspects[passed.reel_id] = known
        for reel_id in {*heads, *anchors} - met:  # no event is left of these
            if anchors.get(reel_id) or heads[reel_id] != (0, chain.genesis(reel_id)):
                suspects[reel_id] = anchors.get(reel_id, [])
        for reel_id, known in sorted(suspects.items()):
            line = next(chain.load(reading, reel_id), ReelChain(reel_id, 0, chain.genesis(reel_id), ()))
            findings += verify_chain(line, known)
    if signed is not None:
        findings += [
            Finding(None, Tampering.CHECKPOINT, None, None, f"checkpoint {number}: {problem}")
            for number, problem in signed.problems
        ]
    newest = None if signed is None or signed.newest is None else signed.newest
    return VerifyReport(
        len(met | set(heads)),
        events,
        tuple(findings),
        unanchored,
        None if newest is None else newest.number,
        None if newest is None else newest.taken,
    )


def _anchors(session: Session, reel: str | None, signed: Line | None) -> dict[str, list[Anchor]]:
    """What was written down of chains, by reel and place: signed, and in the database where that says something else.

    Rows of signed checkpoints in the database say nothing that the signed ones do not, unless somebody changed them.
    """
    found: dict[str, list[Anchor]] = {}
    for reel_id, known in ({} if signed is None else signed.heads).items():
        if reel is None or reel_id == reel:
            found[reel_id] = [Anchor(seq, digest, number) for seq, digest, number in known]
    query = select(Checkpoint.reel_id, Checkpoint.seq, Checkpoint.hash)
    for reel_id, seq, digest in session.execute(query if reel is None else query.where(Checkpoint.reel_id == reel)):
        held = found.setdefault(reel_id, [])
        if not any((one.seq, one.hash) == (seq, digest) for one in held):
            held.append(Anchor(seq, digest))
    return {reel_id: sorted(held, key=lambda one: one.seq) for reel_id, held in found.items()}


def _guards(connection: Connection) -> list[Finding]:
    """Tables whose trigger against changes is off, gone, or can be switched off by a session; ids that can be twice."""
    rows = connection.execute(
        text(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'reelkeeper'::regnamespace"
            " AND c.relname = ANY(:tables) AND NOT EXISTS (SELECT FROM pg_trigger AS t WHERE t.tgrelid = c.oid"
            " AND t.tgname = 'append_only' AND t.tgenabled = 'A') ORDER BY 1"
        ),
        {"tables": list(GUARDED)},
    )
    off = [
        Finding(
            None, Tampering.GUARD, None, None,
            f"table {table}: the trigger that keeps its rows from being changed is off or gone",
        )
        for (table,) in rows
    ]  # fmt: skip
    # `recompute` looks rows up by their ids, and would see one of two
    rows = connection.execute(
        text(
            "SELECT c.relname FROM pg_class AS c WHERE c.relnamespace = 'reelkeeper'::regnamespace"
            " AND c.relname IN ('agents', 'digital_objects', 'events') AND NOT EXISTS (SELECT FROM pg_index AS i"
            " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'id' WHERE i.indrelid = c.oid"
            " AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indnkeyatts = 1"
            " AND i.indkey[0] = a.attnum) ORDER BY 1"
        )
    )
    return off + [
        Finding(None, Tampering.GUARD, None, None, f"table {table}: nothing keeps two rows from having the same id")
        for (table,) in rows
    ]


def verify_chain(line: ReelChain, anchors: Sequence[Anchor] = ()) -> list[Finding]:
    """Everything wrong with one reel's chain.

    Args:
        line: the reel's events in the order of `seq`, and its head.
        anchors: places and hashes that were written down earlier, in order.
    """
    findings = [] if _whole(line) else _diagnose(line)
    return findings + _against(line, anchors)


def _against(line: ReelChain, anchors: Sequence[Anchor]) -> list[Finding]:
    """What the chain says otherwise than was written down of it."""
    hashes = {event.seq: event.hash for event in line.events}
    last, whole_to = max(hashes, default=0), 0
    findings = []
    for one in anchors:
        if hashes.get(one.seq) == one.hash:
            whole_to = one.seq
        elif one.seq > last:
            gone = f"event {one.seq} was" if one.seq == last + 1 else f"events {last + 1} to {one.seq} were"
            findings.append(
                Finding(
                    line.reel_id, Tampering.TRUNCATED, one.seq, None,
                    f"{gone} cut off at the end: {one} names {one.seq} events, {last} are left",
                )
            )  # fmt: skip
        else:
            findings.append(
                Finding(
                    line.reel_id, Tampering.CHECKPOINT, one.seq, None,
                    f"event {one.seq} is not the one {one} wrote down: something in events {whole_to + 1} to {one.seq}"
                    " was written anew",
                )
            )  # fmt: skip
    return findings


def _whole(line: ReelChain) -> bool:
    previous = chain.genesis(line.reel_id)
    for seq, event in enumerate(line.events, start=1):
        if event.seq != seq or event.previous_hash != previous or event.digest() != event.hash:
            return False
        previous = event.hash
    return line.length == len(line.events) and line.head == previous


def _diagnose(line: ReelChain) -> list[Finding]:
    """Follow the chain from its head backwards, by hash, and name every row that does not fit.

    From the head backwards every row is named by the hash in its successor, so a row slipped in is never met, and a
    row that is missing leaves a place nobody fills.
    """
    findings: list[Finding] = []
    placed: dict[int, ChainedEvent] = {}
    waiting = {event.id: event for event in line.events}
    expected, position = _start(line, findings)
    while position >= 1:
        event = _next(waiting, expected, position)
        if event is None:
            findings.append(_removed(line.reel_id, position))
            # the hash before the missing row is lost with it: go on with a row whose own columns vouch for the place
            position -= 1
            expected = next((e.hash for e in waiting.values() if e.digest(position) == e.hash), "")
            continue
        del waiting[event.id]
        placed[position] = event
        if event.hash != expected or event.digest(position) != event.hash:
            findings.append(_changed(event, position))
        expected, position = _named_before(event, position, waiting), position - 1
    inserted = sorted(waiting.values(), key=lambda event: event.seq)
    findings += [_inserted(event) for event in inserted]
    findings += _reordered(placed, pushed=any(f.kind in (Tampering.REMOVED, Tampering.INSERTED) for f in findings))
    if not findings:  # rows and links fit, so it is the head that does not
        findings.append(_head(line, "the chain's head does not fit its events"))
    return sorted(findings, key=lambda finding: finding.seq or 0)


def _start(line: ReelChain, findings: list[Finding]) -> tuple[str, int]:
    """The hash and the place to begin at: the head's, unless the head itself was tampered with."""
    if line.head is None or line.length is None:
        findings.append(_head(line, "the row with the chain's head was removed"))
        return (line.events[-1].hash, line.events[-1].seq) if line.events else ("", 0)
    named = next((event for event in line.events if event.hash == line.head), None)
    if named is not None and named.digest(line.length) != named.hash:
        # the event may vouch for another place than the head gives it
        for place in range(1, line.length + len(line.events) + 1):
            if named.digest(place) == named.hash:
                findings.append(_head(line, f"the chain's head gives {line.length} events where there were {place}"))
                return line.head, place
    return line.head, line.length


def _next(waiting: dict[str, ChainedEvent], expected: str, position: int) -> ChainedEvent | None:
    """The row that stands at this place: the one its successor names, or else the one that claims the place.

    A row that is named but stands elsewhere has been moved; one that claims the place without being named was changed.
    """
    named = next((event for event in waiting.values() if event.hash == expected), None)
    return named or next((event for event in waiting.values() if event.seq == position), None)


def _named_before(event: ChainedEvent, position: int, waiting: dict[str, ChainedEvent]) -> str:
    """The hash of the row before: what the event says, unless its own hash vouches for the row that stands there."""
    if event.digest(position) != event.hash:
        for row in waiting.values():
            if row.seq == position - 1 and replace(event, seq=position, previous_hash=row.hash).digest() == event.hash:
                return row.hash
    return event.previous_hash


def _reordered(placed: dict[int, ChainedEvent], *, pushed: bool) -> Iterator[Finding]:
    """Rows whose order by `seq` is not their order in the chain.

    Args:
        placed: rows by the place they belong at.
        pushed: whether rows were inserted or removed; rows only pushed along by that are not named.
    """
    in_chain = [event for _, event in sorted(placed.items())]
    stayed = _in_order([event.seq for event in in_chain])
    for place, (position, event) in enumerate(sorted(placed.items())):
        if place not in stayed or (event.seq != position and not pushed):
            yield Finding(
                event.reel_id, Tampering.REORDERED, event.seq, event.id,
                f"event {event.id} was moved: it stands at {event.seq} and belongs at {position}",
            )  # fmt: skip


def _in_order(seqs: Sequence[int]) -> set[int]:
    """Indexes of a longest ascending run, gaps allowed: the fewest possible are left out (patience sorting)."""
    tops: list[int] = []
    at: list[int] = []
    before: list[int | None] = []
    for index, seq in enumerate(seqs):
        pile = bisect_left(tops, seq)
        before.append(at[pile - 1] if pile else None)
        tops[pile : pile + 1], at[pile : pile + 1] = [seq], [index]
    kept, index = set[int](), at[-1] if at else None
    while index is not None:
        kept.add(index)
        index = before[index]
    return kept


def _head(line: ReelChain, message: str) -> Finding:
    return Finding(line.reel_id, Tampering.HEAD, line.length, None, message)


def _changed(event: ChainedEvent, position: int) -> Finding:
    return Finding(
        event.reel_id, Tampering.CHANGED, position, event.id,
        f"event {position} ({event.event_type}, {event.subtype}; {event.id}) was changed: its columns, objects or "
        "agents no longer give the hash the chain holds",
    )  # fmt: skip


def _removed(reel_id: str, position: int) -> Finding:
    return Finding(reel_id, Tampering.REMOVED, position, None, f"event {position} was removed")


def _inserted(event: ChainedEvent) -> Finding:
    return Finding(
        event.reel_id, Tampering.INSERTED, event.seq, event.id,
        f"event {event.id} ({event.event_type}, {event.subtype}) was inserted at {event.seq}: no hash names it",
    )  # fmt: skip
