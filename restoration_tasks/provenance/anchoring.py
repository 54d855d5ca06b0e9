"""Takes checkpoints: verifies chains, signs their heads, writes the statement into the vault, notes it on record."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.provenance import checkpoints, signing
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.checkpoints import Head, Line
from restoration_tasks.provenance.models import Chain, Event, SignedCheckpoint
from restoration_tasks.provenance.models import Checkpoint as CheckpointRow
from restoration_tasks.provenance.signing import PublicKey, SigningKey
from restoration_tasks.provenance.verify import Anchor, VerifyReport, verify, verify_chain
from restoration_tasks.runtime.errors import ProvenanceBroken
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.vault import Vault

Checkpoint = checkpoints.Checkpoint

_LOCK_KEY = 0x616E6368  # "anch": one checkpoint at a time, so that each follows the one before
_ROWS_AT_ONCE = 5000


@dataclass(frozen=True)
class Taken:
    """What taking a checkpoint of the archive came to."""

    report: VerifyReport
    """Of the verification before it."""
    checkpoint: Checkpoint | None
    """None where there was nothing new to sign."""


def trusted_keys(settings: Settings, more: Collection[Path] = ()) -> tuple[PublicKey, ...]:
    """Public keys whose signatures count on this machine.

    Raises:
        WrongUse: one is no key.
        VaultError: one cannot be read.
    """
    return signing.trusted(settings.signing_key_file, more)


def signed_line(session: Session, vault: Vault, keys: Collection[PublicKey]) -> Line:
    """Every signed checkpoint of the archive, read from the vault and held against what the database knows of them."""
    rows = session.execute(select(SignedCheckpoint.number, SignedCheckpoint.sha256))
    return checkpoints.read_line(vault, keys, {row.number: row.sha256 for row in rows})


def verify_archive(
    sessions: sessionmaker[Session], settings: Settings, reel: str | None = None, *, keys: Collection[Path] = ()
) -> VerifyReport:
    """Verify the archive, or one reel, against the signed checkpoints in the vault. Changes nothing.

    Args:
        sessions: of the catalogue.
        settings: where vault and key are.
        reel: one reel; its checkpoints are read like all others.
        keys: files of public keys to trust beside those on this machine.
    """
    with sessions() as session:
        line = signed_line(session, Vault(settings.vault_root), trusted_keys(settings, keys))
        return verify(session, reel, signed=line)


def take(sessions: sessionmaker[Session], settings: Settings) -> Taken:
    """Verify the whole archive and sign the heads of all chains that have grown since they were last signed.

    A chain that is broken is left out; the report names it.

    Raises:
        ProvenanceBroken: the key is gone, or the vault holds checkpoints this database knows nothing of.
    """
    report = verify_archive(sessions, settings)
    broken = {finding.reel_id for finding in report.findings}
    vault = Vault(settings.vault_root)
    with sessions.begin() as session:
        newest = (
            select(CheckpointRow.reel_id, func.max(CheckpointRow.seq).label("seq"))
            .where(CheckpointRow.number.is_not(None))
            .group_by(CheckpointRow.reel_id)
            .subquery()
        )
        _one_at_a_time(session)
        rows = session.execute(
            select(Chain.reel_id, Chain.length, Chain.head)
            .outerjoin(newest, newest.c.reel_id == Chain.reel_id)
            .where(Chain.length > func.coalesce(newest.c.seq, 0))
        )
        heads = [Head(reel_id=row.reel_id, seq=row.length, hash=row.head) for row in rows if row.reel_id not in broken]
        return Taken(report, _sign(session, vault, settings.signing_key_file, heads) if heads else None)


def take_of(sessions: sessionmaker[Session], vault: Vault, key_file: Path, line: ReelChain) -> Checkpoint:
    """Verify one chain and sign its head, which may be an earlier one than the newest; for a package.

    Args:
        sessions: of the catalogue.
        vault: where checkpoints lie.
        key_file: of the private key.
        line: the chain; it has a head.

    Raises:
        ProvenanceBroken: the chain is broken or contradicts an earlier checkpoint, or as for `take`.
    """
    assert line.length is not None
    assert line.head is not None
    with sessions.begin() as session:
        _one_at_a_time(session)
        earlier = session.execute(
            select(CheckpointRow.seq, CheckpointRow.hash)
            .where(CheckpointRow.reel_id == line.reel_id, CheckpointRow.seq <= line.length)
            .order_by(CheckpointRow.seq)
        )
        findings = verify_chain(line, [Anchor(seq, digest) for seq, digest in earlier])
        VerifyReport(1, len(line.events), tuple(findings)).raise_if_broken()
        head = Head(reel_id=line.reel_id, seq=line.length, hash=line.head)
        return _sign(session, vault, key_file, [head])


def _one_at_a_time(session: Session) -> None:
    session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})


def _sign(session: Session, vault: Vault, key_file: Path, heads: Sequence[Head]) -> Checkpoint:
    newest = _newest(session)
    key = signing.require(key_file, first=newest is None and checkpoints.highest(vault) == 0)
    newest = _take_up(session, vault, key, newest)
    number, previous = (1, None) if newest is None else (newest[0] + 1, newest[1])
    made = checkpoints.sign(key, number, previous, datetime.now(UTC), heads)
    # the file before the row: what the database knows of is always there
    checkpoints.write(vault, made, key.public)
    _note(session, made)
    return made


def _newest(session: Session) -> tuple[int, str] | None:
    row = session.execute(
        select(SignedCheckpoint.number, SignedCheckpoint.sha256).order_by(SignedCheckpoint.number.desc()).limit(1)
    ).one_or_none()
    return None if row is None else (row.number, row.sha256)


def _take_up(session: Session, vault: Vault, key: SigningKey, newest: tuple[int, str] | None) -> tuple[int, str] | None:
    """Note checkpoints that were written when the database, killed, could not say so any more.

    Raises:
        ProvenanceBroken: one there does not follow ours, or names events this database does not have.
    """
    number, previous = (0, None) if newest is None else newest
    while (found := checkpoints.find(vault, number + 1)) is not None:
        wrong = found.broken([key.public])
        if wrong is None and (found.number != number + 1 or found.previous != previous):
            wrong = "it does not follow the newest that the database knows"
        if wrong is None and (strange := _strange(session, found.heads)) is not None:
            wrong = f"the database has no event {strange.seq} of reel {strange.reel_id} with the hash it names"
        if wrong is not None:
            raise ProvenanceBroken(
                f"the vault holds checkpoint {number + 1}, which this database knows nothing of, and {wrong}",
                file=found.uri,
                action="a database put back from an older backup looks like this: put the newest back, and verify",
            )
        _note(session, found)
        number, previous = found.number, found.sha256
    return None if previous is None else (number, previous)


def _strange(session: Session, heads: Iterable[Head]) -> Head | None:
    for head in heads:
        known = select(Event.id).where(Event.reel_id == head.reel_id, Event.seq == head.seq, Event.hash == head.hash)
        if session.scalar(known) is None:
            return head
    return None


def _note(session: Session, made: Checkpoint) -> None:
    session.execute(
        insert(SignedCheckpoint).values(
            number=made.number,
            sha256=made.sha256,
            key=made.key,
            heads=len(made.heads),
            taken_at=made.taken,
            uri=made.uri,
        )
    )
    for start in range(0, len(made.heads), _ROWS_AT_ONCE):
        session.execute(
            insert(CheckpointRow),
            [
                {
                    "id": uuid.uuid4(),
                    "reel_id": head.reel_id,
                    "seq": head.seq,
                    "hash": head.hash,
                    "taken_at": made.taken,
                    "uri": made.uri,
                    "number": made.number,
                }
                for head in made.heads[start : start + _ROWS_AT_ONCE]
            ],
        )
