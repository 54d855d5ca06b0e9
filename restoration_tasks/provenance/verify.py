"""Verifies the hash chains of the archive, or of one reel, and what keeps their rows from being changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text
from sqlalchemy.orm import Session

from restoration_tasks.provenance import chain, recompute, workers
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.checkpoints import Line
from restoration_tasks.provenance.diagnosis import Anchor, Finding, Tampering, verify_chain
from restoration_tasks.provenance.models import Checkpoint
from restoration_tasks.runtime.errors import ProvenanceBroken

__all__ = ["Anchor", "Finding", "Tampering", "VerifyReport", "verify", "verify_chain"]

GUARDED = (
    "agents", "digital_objects", "events", "event_objects", "event_agents", "fixity", "checkpoints",
    "signed_checkpoints", "plans", "decisions", "waivers", "scans", "conditions", "carrier_readings",
    "object_relationships", "policies", "check_results", "restorations",
)  # fmt: skip
"""Tables that take INSERT and nothing else, by a trigger."""


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
