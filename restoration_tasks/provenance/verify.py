"""Verifies hash chains and says which row was changed, removed, inserted or moved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ChainedEvent, ReelChain
from restoration_tasks.provenance.models import Checkpoint
from restoration_tasks.runtime.errors import ProvenanceBroken


class Tampering(StrEnum):
    """What was done to a row."""

    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    REORDERED = "reordered"
    HEAD = "head"
    """The chain's head is not the one the events lead to."""
    CHECKPOINT = "checkpoint"
    """The chain is whole, but not the one that was written down at a checkpoint."""


@dataclass(frozen=True)
class Finding:
    """One thing wrong with one chain."""

    reel_id: str
    kind: Tampering
    seq: int | None
    """Place in the chain; where the row stands now for one that was inserted or moved."""
    event_id: str | None
    message: str

    def __str__(self) -> str:
        return f"reel {self.reel_id}: {self.message}"


@dataclass(frozen=True)
class VerifyReport:
    """What a verification found."""

    reels: int
    events: int
    findings: tuple[Finding, ...]
    unanchored: int = 0
    """Events newer than their reel's last checkpoint: whole, but not yet vouched for outside the database."""

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


def verify(session: Session, reel: str | None = None) -> VerifyReport:
    """Recompute every event of the archive, or of one reel, and follow the chains. Changes nothing."""
    reels = events = unanchored = 0
    findings: list[Finding] = []
    anchors: dict[str, list[tuple[int, str]]] = {}
    query = select(Checkpoint.reel_id, Checkpoint.seq, Checkpoint.hash).order_by(Checkpoint.seq)
    for reel_id, seq, digest in session.execute(query if reel is None else query.where(Checkpoint.reel_id == reel)):
        anchors.setdefault(reel_id, []).append((seq, digest))
    for line in chain.load(session, reel):
        reels, events = reels + 1, events + len(line.events)
        anchored = anchors.get(line.reel_id, [])
        unanchored += sum(event.seq > (anchored[-1][0] if anchored else 0) for event in line.events)
        findings += verify_chain(line, anchored)
    return VerifyReport(reels, events, tuple(findings), unanchored)


def verify_chain(line: ReelChain, checkpoints: Iterable[tuple[int, str]] = ()) -> list[Finding]:
    """Everything wrong with one reel's chain.

    Args:
        line: the reel's events in the order of `seq`, and its head.
        checkpoints: places and hashes that were written down earlier.
    """
    hashes = {event.seq: event.hash for event in line.events}
    findings = [] if _whole(line) else _diagnose(line)
    return findings + [
        Finding(
            line.reel_id, Tampering.CHECKPOINT, seq, None,
            f"event {seq} is not the one the checkpoint of that event wrote down",
        )
        for seq, digest in checkpoints
        if hashes.get(seq) != digest
    ]  # fmt: skip


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
        expected, position = event.previous_hash, position - 1
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


def _reordered(placed: dict[int, ChainedEvent], *, pushed: bool) -> Iterator[Finding]:
    """Rows whose order by `seq` is not their order in the chain.

    Args:
        placed: rows by the place they belong at.
        pushed: whether rows were inserted or removed; rows only pushed along by that are not named.
    """
    in_chain = [event.id for _, event in sorted(placed.items())]
    in_table = [event.id for event in sorted(placed.values(), key=lambda event: event.seq)]
    moved = {one for one, other in zip(in_chain, in_table, strict=True) if one != other}
    for position, event in sorted(placed.items()):
        if event.id in moved or (event.seq != position and not pushed):
            yield Finding(
                event.reel_id, Tampering.REORDERED, event.seq, event.id,
                f"event {event.id} was moved: it stands at {event.seq} and belongs at {position}",
            )  # fmt: skip


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
