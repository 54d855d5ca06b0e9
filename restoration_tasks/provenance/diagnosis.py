"""Says what is wrong with one chain: which row was changed, removed, inserted or moved."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ChainedEvent, ReelChain


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
    kept = set[int]()
    one = at[-1] if at else None
    while one is not None:
        kept.add(one)
        one = before[one]
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
