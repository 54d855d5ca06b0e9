"""Audit: recorded files read whole again, so that rot and loss are found while there is still a copy to repair from."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from restoration_tasks.catalogue import holdings
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.holdings import BAD, Held
from restoration_tasks.catalogue.queue_models import HoldingState, ReplicaState
from restoration_tasks.runtime.errors import SourceChanged, VaultError
from restoration_tasks.runtime.files import CHUNK_BYTES, atomic_file, link_or_copy, sha256_stream
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Reference
from restoration_tasks.runtime.vault import READ_ONLY, Vault
from restoration_tasks.steps.audit_record import aside_uri, record

logger = logging.getLogger(__name__)

WEEK = timedelta(days=7)
"""From one audit to the next: a file that would be late by then is read now."""

Progress = Callable[[int, int], object]
"""Bytes read, bytes to read."""


@dataclass(frozen=True)
class Audited:
    """What an audit found, over all its tries."""

    run_id: str
    read: tuple[Held, ...]
    """Files read, as they stand now."""
    standing: holdings.Standing
    """Of the whole archive, after it."""

    @property
    def bad(self) -> tuple[Held, ...]:
        """Files that are damaged or gone, and could not be repaired."""
        return tuple(one for one in self.read if one.state in BAD)

    @property
    def repaired(self) -> tuple[Held, ...]:
        """Files that were bad and are good again."""
        return tuple(one for one in self.read if one.replica is ReplicaState.REPAIRED_FROM)

    @property
    def bad_copies(self) -> tuple[Held, ...]:
        """Files whose copy in the replica vault is damaged or not there."""
        return tuple(one for one in self.read if one.replica in (ReplicaState.DAMAGED, ReplicaState.MISSING))

    @property
    def bytes(self) -> int:
        """Read of our own copies."""
        return sum(one.file.bytes for one in self.read)

    def require_whole(self) -> None:
        """Speak up for what is lost.

        Raises:
            SourceChanged: files are damaged or gone; it names the first.
        """
        if not self.bad:
            return
        first, more = self.bad[0], len(self.bad) - 1
        gone = first.state is HoldingState.MISSING
        raise SourceChanged(
            ("a recorded file is gone" if gone else "a recorded file has rotted or been changed")
            + (f", and {more} more (all in the log)" if more else ""),
            reel=first.reel_id,
            file=first.file.uri,
            expected=f"sha256 {first.file.sha256}, {first.file.bytes} bytes",
            found="nothing there" if gone else f"sha256 {first.found}" if first.found else "a file that cannot be read",
            action="put it back from a backup with these bytes and audit again; or, if it can be made again, clear the"
            f" task that made it; then `reelkeeper queue release {first.reel_id} --purpose repair`",
        )


def audit(
    sessions: Sessions,
    settings: Settings,
    run_id: str,
    *,
    budget_gb: float | None = None,
    every_days: int | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Audited:
    """Read what is due, the oldest check first, within a budget; repair what a good replica allows.

    Run again under the same id, it goes on where it stopped, and once through reads nothing.

    Args:
        sessions: of the catalogue.
        settings: vault, replica vault, and what is not given here.
        run_id: names the audit in the provenance.
        budget_gb: gigabytes it may read, copies included.
        every_days: within how many days every file is to be read.
        progress: told now and then.

    Raises:
        VaultError: vault or replica vault is not there at all.
    """
    vault = _there(settings.vault_root)
    replica = None if settings.replica_vault is None else _there(settings.replica_vault)
    days = every_days or settings.audit_days
    budget = int((budget_gb or settings.audit_gb) * 1e9)
    before = datetime.now(UTC) - max(timedelta(days=days) - WEEK, timedelta(0))
    with sessions.begin() as session:
        holdings.take_up(session)
        chosen = holdings.due(session, run_id, budget, before, copies=1 if replica is None else 2)
        left_over = {one.reel_id for one in holdings.unrecorded(session, run_id)}
    total, done = sum(one.file.bytes for one in chosen), 0
    for reel_id, files in _by_reel(chosen, left_over):
        started = datetime.now(UTC)
        for one in files:
            _read(sessions, vault, replica, run_id, one)
            done += one.file.bytes
            progress(done, total)
        with sessions.begin() as session:
            record(session, run_id, reel_id, started)
    with sessions.begin() as session:
        return Audited(run_id, tuple(holdings.of_run(session, run_id)), holdings.standing(session, days))


def _by_reel(chosen: Iterable[Held], left_over: Iterable[str]) -> list[tuple[str, list[Held]]]:
    """Files by reel, the reel with the oldest check first; reels a killed try had not recorded come too."""
    reels: dict[str, list[Held]] = {reel_id: [] for reel_id in sorted(left_over)}
    for one in chosen:
        reels.setdefault(one.reel_id, []).append(one)
    return list(reels.items())


def _there(root: str) -> Vault:
    """A vault that can be read: without its storage mounted, every file would be counted as lost.

    Raises:
        VaultError: it has no reels.
    """
    vault = Vault(root)
    if not (vault.root / "reels").is_dir():
        raise VaultError(
            "there is no vault here", file=root, action="check that the storage is mounted, then clear the task"
        )
    return vault


def _read(sessions: Sessions, vault: Vault, replica: Vault | None, run_id: str, one: Held) -> None:
    """Read a file and its copy, repair it where that can be, and note what was found."""
    state, found = _look(vault, one.file)
    copy: ReplicaState | None = None
    if replica is not None:
        theirs, _ = _look(replica, one.file)
        copy = {HoldingState.HELD: ReplicaState.AGREES, HoldingState.MISSING: ReplicaState.MISSING}.get(
            theirs, ReplicaState.DAMAGED
        )
        if state in BAD and copy is ReplicaState.AGREES and _repair(vault, replica, run_id, one.file, one.file):
            state, copy = HoldingState.HELD, ReplicaState.REPAIRED_FROM
    if state in BAD and _repair_from_a_twin(sessions, vault, run_id, one):
        state, copy = HoldingState.HELD, ReplicaState.REPAIRED_FROM
    if state in BAD:
        logger.error(
            "reel %s, file %s: %s (expected sha256 %s, found %s)",
            one.reel_id,
            one.file.uri,
            state,
            one.file.sha256,
            found,
        )
    with sessions.begin() as session:
        holdings.note(session, one.object_id, run_id, state, found=found, replica=copy, at=datetime.now(UTC))


def _look(vault: Vault, file: Reference) -> tuple[HoldingState, str | None]:
    """How a file stands and the sha256 it has; None where it is gone or cannot be read."""
    try:
        with vault.open(file) as stream:
            digest, size = sha256_stream(stream)
    except FileNotFoundError:
        return HoldingState.MISSING, None
    except OSError as error:
        logger.error("file %s cannot be read: %s", file.uri, error)
        return HoldingState.DAMAGED, None
    return HoldingState.HELD if (digest, size) == (file.sha256, file.bytes) else HoldingState.DAMAGED, digest


def _repair_from_a_twin(sessions: Sessions, vault: Vault, run_id: str, bad: Held) -> bool:
    """Make a bad file good from another of the vault with the same bytes, if one is whole; the two share none then."""
    with sessions.begin() as session:
        twins = holdings.twins(session, bad.reel_id, bad.file)
    whole = (twin for twin in twins if _look(vault, twin)[0] is HoldingState.HELD)
    return any(_repair(vault, vault, run_id, bad.file, twin) for twin in whole)


def _repair(vault: Vault, other: Vault, run_id: str, file: Reference, copy: Reference) -> bool:
    """Put a copy in the place of a bad file, which is kept aside. False where the vault is not on a local disk."""
    target, aside = vault.local_path(file.uri), vault.local_path(aside_uri(run_id, file))
    if target is None or aside is None:
        logger.error("file %s: a vault in an object store is not repaired; copy it from %s", file.uri, other.root)
        return False
    with atomic_file(target) as sink, other.open(copy) as source:
        digest = hashlib.sha256()
        while chunk := source.read(CHUNK_BYTES):
            digest.update(chunk)
            sink.write(chunk)
        if digest.hexdigest() != file.sha256:
            raise VaultError(
                "the copy changed while it was read", file=copy.uri, action="check the storage it is on; audit again"
            )
        if target.exists() and not aside.exists():
            aside.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(target, aside)
    target.chmod(READ_ONLY)
    logger.warning("file %s: made good from %s; what was there is kept as %s", file.uri, other.path(copy.uri), aside)
    return True
