"""What is proved of a large archive's record: a dump put back verifies, and whatever its owner does to it is found.

Every tampering is done to a reel of its own, triggers off and on again, after a checkpoint was signed; one verification
of the whole archive then has to name each of those reels with what was done, and no other reel.
"""

from __future__ import annotations

import subprocess
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import text

from restoration_tasks.catalogue.embedded import EmbeddedPostgres
from restoration_tasks.catalogue.engine import Sessions, open_sessions, short_engine
from restoration_tasks.provenance import anchoring
from restoration_tasks.provenance.verify import Tampering
from restoration_tasks.runtime.settings import Settings
from tests.provenance.archive import remove, rewrite, tamper

RESTORED = "restored"
EVENTS = "reelkeeper.events"


def _swap(reel: str) -> list[str]:
    """Events 2 and 5 change places."""
    return [
        f"UPDATE {EVENTS} SET seq = {new} WHERE reel_id = '{reel}' AND seq = {old}"
        for old, new in ((2, 1000), (5, 2), (1000, 5))
    ]


def _forge(reel: str) -> list[str]:
    """One more event after the newest."""
    return [
        f"INSERT INTO {EVENTS} SELECT gen_random_uuid(), reel_id, seq + 1, event_type, 'forged', 'forged ' || reel_id,"
        " started, ended, recorded_at, outcome, detail, hash, encode(sha256(hash::bytea), 'hex')"
        f" FROM {EVENTS} WHERE reel_id = '{reel}' ORDER BY seq DESC LIMIT 1"
    ]


def _cut_off(reel: str) -> list[str]:
    """The newest events gone, the head set back, and the database's own notes of checkpoints with them."""
    return [
        *remove(f"reel_id = '{reel}' AND seq > 4"),
        f"UPDATE reelkeeper.chains SET length = 4, head = (SELECT hash FROM {EVENTS} WHERE reel_id = '{reel}'"
        f" AND seq = 4) WHERE reel_id = '{reel}'",
        f"DELETE FROM reelkeeper.checkpoints WHERE reel_id = '{reel}'",
    ]


def _third(change: str) -> Any:
    return lambda reel: [f"UPDATE {EVENTS} SET {change} WHERE reel_id = '{reel}' AND seq = 3"]


def _linked(statement: str) -> Any:
    third = f"(SELECT id FROM {EVENTS} WHERE reel_id = '{{}}' AND seq = 3)"
    return lambda reel: [statement.format(third.format(reel))]


TAMPERINGS = {
    "an event's outcome": (_third("outcome = 'failure'"), Tampering.CHANGED),
    "an event's time": (_third("ended = ended + interval '1 microsecond'"), Tampering.CHANGED),
    "an event's detail, by a space": (_third("detail = (detail::text || ' ')::json"), Tampering.CHANGED),
    "the size of a file": (
        _linked(
            "UPDATE reelkeeper.digital_objects SET bytes = bytes + 1 WHERE id ="
            " (SELECT object_id FROM reelkeeper.event_objects WHERE event_id = {} LIMIT 1)"
        ),
        Tampering.CHANGED,
    ),
    "a link to a file removed": (
        _linked("DELETE FROM reelkeeper.event_objects WHERE role = 'source' AND event_id = {}"),
        Tampering.CHANGED,
    ),
    "an agent's part": (
        _linked("UPDATE reelkeeper.event_agents SET role = 'implementer' WHERE event_id = {}"),
        Tampering.CHANGED,
    ),
    "the order": (_swap, Tampering.REORDERED),
    "an event removed": (lambda reel: remove(f"reel_id = '{reel}' AND seq = 3"), Tampering.REMOVED),
    "an event inserted": (_forge, Tampering.INSERTED),
    "the newest events cut off": (_cut_off, Tampering.TRUNCATED),
    "the head set back": (
        lambda reel: [f"UPDATE reelkeeper.chains SET length = length - 1 WHERE reel_id = '{reel}'"],
        Tampering.HEAD,
    ),
}
REWRITTEN = "the whole chain written anew by who knows our code"
LEFT_OFF = "a trigger left off"


def checkpointed(sessions: Sessions, settings: Settings) -> dict[str, Any]:
    """A checkpoint of the archive, signed: seconds, with the verification it begins with."""
    began = time.perf_counter()
    taken = anchoring.take(sessions, settings)
    heads = 0 if taken.checkpoint is None else len(taken.checkpoint.heads)
    return {"heads": heads, "seconds": round(time.perf_counter() - began, 1), "passed": taken.report.ok and heads > 0}


def restored(server: EmbeddedPostgres, settings: Settings, folder: Path, events: int) -> dict[str, Any]:
    """Dump the database, put it back as another, verify that one against what was signed before."""
    programs = Path(psutil.Process(server.pid).exe()).parent
    where = ["--host", str(server.socket_folder), "--username", "postgres"]
    dump = folder / "reelkeeper.dump"
    began = time.perf_counter()
    subprocess.run([programs / "pg_dump", *where, "--format=custom", f"--file={dump}", "reelkeeper"], check=True)
    dumped = time.perf_counter()
    with short_engine(server.url("postgres")) as engine, engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text(f"CREATE DATABASE {RESTORED}"))
    subprocess.run([programs / "pg_restore", *where, "--exit-on-error", f"--dbname={RESTORED}", dump], check=True)
    put_back = time.perf_counter()
    report = anchoring.verify_archive(open_sessions(server.url(RESTORED)), settings)
    return {
        "dump_s": round(dumped - began, 1), "restore_s": round(put_back - dumped, 1),
        "verify_s": round(time.perf_counter() - put_back, 1), "events": report.events,
        "passed": report.ok and report.events == events and report.unanchored == 0,
    }  # fmt: skip


def tampered(sessions: Sessions, settings: Settings, reels: list[str]) -> dict[str, Any]:
    """Do all there is to an archive; what one verification finds of it.

    Args:
        sessions: of an archive with a signed checkpoint.
        settings: where vault and key are.
        reels: of at least six events each, one for every tampering.
    """
    done: dict[str, tuple[str, Tampering]] = {}
    for (name, (statements, kind)), reel in zip(TAMPERINGS.items(), reels[1:], strict=False):
        tamper(sessions, *statements(reel))
        done[name] = (reel, kind)
    rewrite(sessions, reels[0], notes_too=True)
    done[REWRITTEN] = (reels[0], Tampering.CHECKPOINT)
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE reelkeeper.fixity DISABLE TRIGGER append_only"))
    report = anchoring.verify_archive(sessions, settings)
    found = defaultdict[str | None, set[Tampering]](set)
    for finding in report.findings:
        found[finding.reel_id].add(finding.kind)
    missed = [name for name, (reel, kind) in done.items() if kind not in found[reel]]
    missed += [LEFT_OFF] if Tampering.GUARD not in found[None] else []
    strange = sorted(str(reel) for reel in found.keys() - {reel for reel, _ in done.values()} - {None})
    count = len(done) + 1
    return {
        "done": [*done, LEFT_OFF], "found": count - len(missed), "of": count, "missed": missed,
        "named_though_untouched": strange, "passed": not missed and not strange,
    }  # fmt: skip
