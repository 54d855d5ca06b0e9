"""Audits: rot and loss are found and named, copies compared, bad files made good and kept; killed, they go on."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from restoration_tasks.catalogue import holdings, queue
from restoration_tasks.catalogue.queue_models import HoldingState, Purpose, QueueState, ReplicaState
from restoration_tasks.provenance.models import Event, Fixity
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import FixityOutcome, Outcome
from restoration_tasks.runtime.errors import SourceChanged, VaultError
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps import audit as audits
from restoration_tasks.steps.audit import audit
from tests.catalogue.queued import entry
from tests.steps.kept import keep

GB = 1e-9
"""A byte, in gigabytes."""


@pytest.fixture
def vault(settings):
    return Vault(settings.vault_root)


@pytest.fixture
def replicated(settings, vault):
    """Settings with a replica vault, and what brings it up to date."""
    there = settings.model_copy(update={"replica_vault": str(settings.home / "replica")})

    def sync():
        shutil.copytree(vault.local_root / "reels", settings.home / "replica" / "reels", dirs_exist_ok=True)

    return there, sync


def age(sessions, days, uri_like="%"):
    """Let files have been read so long ago."""
    with sessions.begin() as session:
        holdings.take_up(session)
        session.execute(
            text(
                "UPDATE reelkeeper.holdings SET checked_at = now() - make_interval(days => :days) WHERE object_id IN"
                " (SELECT id FROM reelkeeper.digital_objects WHERE uri LIKE :like)"
            ),
            {"days": days, "like": uri_like},
        )


def rot(path):
    """Flip a bit of a file that is read-only."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o600)
    path.write_bytes(bytes(content))


def events(sessions, reel_id):
    with sessions() as session:
        query = select(Event).where(Event.reel_id == reel_id, Event.event_type != "modification")
        return list(session.scalars(query.where(Event.event_type != "ingestion").order_by(Event.seq)))


def two_reels(sessions, vault):
    first = keep(sessions, vault, "A", StepName.INGEST, {"master": b"m" * 1000, "scan": b"s" * 10})
    second = keep(sessions, vault, "B", StepName.INGEST, {"master": b"n" * 500})
    return first, second


def test_what_is_whole_leaves_one_event_a_reel_that_names_its_files(settings, sessions, vault):
    two_reels(sessions, vault)
    age(sessions, 100)
    found = audit(sessions, settings, "w1")
    assert (len(found.read), found.bytes, found.bad) == (3, 1510, ())
    found.require_whole()
    (event,) = events(sessions, "A")
    assert (event.event_type, event.outcome, event.detail["files"]) == ("fixity check", Outcome.SUCCESS, 2)
    with sessions() as session:
        rows = session.scalars(select(Fixity).where(Fixity.event_id == event.id)).all()
        assert [row.outcome for row in rows] == [FixityOutcome.PASS] * 2
        assert not verify(session).findings
    assert len(audit(sessions, settings, "w1").read) == 3, "asked again, it tells what it found"
    assert len(events(sessions, "A")) == 1
    assert audit(sessions, settings, "w2").read == (), "nothing is due"


def test_rot_and_loss_are_named_with_reel_file_and_digests_and_come_into_the_queue(settings, sessions, vault):
    first, second = two_reels(sessions, vault)
    age(sessions, 100)
    rot(first["master"])
    second["master"].unlink()
    found = audit(sessions, settings, "w1")
    assert {(one.reel_id, one.role, one.state) for one in found.bad} == {
        ("A", "master", HoldingState.DAMAGED),
        ("B", "master", HoldingState.MISSING),
    }
    with pytest.raises(SourceChanged) as failure:
        found.require_whole()
    said = str(failure.value)
    bad = found.bad[0]
    for part in ("reel A", bad.file.uri, bad.file.sha256, bad.found, "and 1 more", "Next: put it back from a backup"):
        assert part in said
    assert [event.outcome for event in events(sessions, "A")] == [Outcome.FAILURE]
    with sessions() as session:
        waiting = queue.places(session, purpose=Purpose.REPAIR)
        fail = session.scalars(select(Fixity).where(Fixity.outcome == FixityOutcome.FAIL)).one()
    assert {place.reel_id: (place.priority, place.reason.rpartition(" ")[2]) for place in waiting} == {
        "A": (100.0, "damaged"),
        "B": (100.0, "missing"),
    }
    assert fail.digest == bad.found != bad.file.sha256


def test_a_file_put_back_is_found_whole_and_leaves_the_queue(settings, sessions, vault):
    first, _ = two_reels(sessions, vault)
    age(sessions, 100)
    first["master"].unlink()
    assert audit(sessions, settings, "w1").bad
    assert audit(sessions, settings, "w2").bad, "what is bad is looked at every time"
    first["master"].write_bytes(b"m" * 1000)
    assert not audit(sessions, settings, "w3").bad
    assert entry(sessions, "A", Purpose.REPAIR).state is QueueState.DONE


def test_a_bad_file_is_made_good_from_the_replica_and_kept_aside(settings, sessions, vault, replicated):
    there, sync = replicated
    first, second = two_reels(sessions, vault)
    sync()
    age(sessions, 100)
    rot(first["master"])
    rotten = first["master"].read_bytes()
    second["master"].unlink()
    found = audit(sessions, there, "w1")
    assert found.bad == ()
    assert {one.reel_id for one in found.repaired} == {"A", "B"}
    assert first["master"].read_bytes() == b"m" * 1000
    assert second["master"].read_bytes() == b"n" * 500
    (aside,) = (vault.local_root / "aside").rglob("*.bin")
    assert aside.read_bytes() == rotten
    check, repair = events(sessions, "A")
    assert (check.outcome, check.detail["bad"][0]["state"]) == (Outcome.FAILURE, "damaged")
    assert (repair.event_type, repair.outcome) == ("replication", Outcome.SUCCESS)
    assert vault.local_path(repair.detail["files"][0]["kept_aside"]) == aside
    with sessions() as session:
        assert queue.places(session, purpose=Purpose.REPAIR) == []
        assert not verify(session).findings
    assert not audit(sessions, there, "w2").read


def test_a_bad_file_is_made_good_from_another_of_the_reel_with_the_same_bytes(settings, sessions, vault):
    first, second = two_reels(sessions, vault)
    bag = keep(sessions, vault, "A", StepName.PACKAGE, {"master": b"m" * 1000})
    keep(sessions, vault, "C", StepName.INGEST, {"master": b"n" * 500})
    age(sessions, 100)
    for path in (bag["master"], second["master"]):
        rot(path)
    found = audit(sessions, settings, "w1")
    assert [one.reel_id for one in found.repaired] == ["A"]
    assert [one.reel_id for one in found.bad] == ["B"], "what another reel has in common with it is chance"
    assert bag["master"].read_bytes() == first["master"].read_bytes() == b"m" * 1000
    assert not bag["master"].samefile(first["master"])


def test_a_bad_copy_is_told_and_never_copied_over_a_bad_file(settings, sessions, vault, replicated):
    there, sync = replicated
    first, second = two_reels(sessions, vault)
    sync()
    age(sessions, 100)
    replica = Vault(str(settings.home / "replica"))
    for place in (first["master"], second["master"]):
        rot(replica.local_root / place.relative_to(vault.local_root))
    rot(first["master"])
    rotten = first["master"].read_bytes()
    found = audit(sessions, there, "w1")
    assert [one.reel_id for one in found.bad] == ["A"]
    assert {one.replica for one in found.bad_copies} == {ReplicaState.DAMAGED}
    assert first["master"].read_bytes() == rotten
    assert not (vault.local_root / "aside").exists()
    assert [event.outcome for event in events(sessions, "B")] == [Outcome.WARNING]


def test_the_budget_is_kept_and_the_oldest_is_read_first(settings, sessions, vault):
    two_reels(sessions, vault)
    age(sessions, 100)
    age(sessions, 150, "%/A/%master%")
    age(sessions, 200, "%/B/%")
    for _ in range(2):  # a second try has no second budget
        assert [one.reel_id for one in audit(sessions, settings, "w1", budget_gb=1200 * GB).read] == ["B"]
    late = audit(sessions, settings, "w2", budget_gb=1 * GB)
    assert len(late.read) == 1, "the first is read even where it alone is more"
    assert late.standing.overdue_files == 1
    assert len(audit(sessions, settings, "w2", budget_gb=1 * GB).read) == 1


def test_what_is_due_before_the_next_audit_is_read_now(settings, sessions, vault):
    two_reels(sessions, vault)
    age(sessions, 80)
    assert audit(sessions, settings, "w1").read == ()
    age(sessions, 84)
    assert len(audit(sessions, settings, "w2").read) == 3
    assert len(audit(sessions, settings, "w3", every_days=7).read) == 3


class Killed(BaseException):
    """As the operating system does it."""


@pytest.mark.parametrize("after", [1, 2, 3])
def test_killed_after_any_file_it_goes_on_and_reads_nothing_twice(settings, sessions, vault, monkeypatch, after):
    two_reels(sessions, vault)
    age(sessions, 100)
    looks = []
    look = audits._look

    def counted(vault, file):
        if len(looks) == after:
            raise Killed
        looks.append(file.uri)
        return look(vault, file)

    monkeypatch.setattr(audits, "_look", counted)
    if after < 3:
        with pytest.raises(Killed):
            audit(sessions, settings, "w1")
    else:
        monkeypatch.setattr(audits, "record", lambda *_: (_ for _ in ()).throw(Killed))
        with pytest.raises(Killed):
            audit(sessions, settings, "w1")
        monkeypatch.undo()
    monkeypatch.setattr(audits, "_look", lambda vault, file: looks.append(file.uri) or look(vault, file))
    found = audit(sessions, settings, "w1")
    assert len(found.read) == 3
    assert len(looks) == len(set(looks)) == 3
    for reel_id, files in (("A", 2), ("B", 1)):
        (event,) = events(sessions, reel_id)
        assert event.detail["files"] == files


def test_a_storage_that_is_not_mounted_is_not_a_loss(settings, sessions, vault):
    two_reels(sessions, vault)
    age(sessions, 100)
    (vault.local_root / "reels").rename(vault.local_root / "unmounted")
    with pytest.raises(VaultError, match="there is no vault here"):
        audit(sessions, settings, "w1")
    with sessions() as session:
        assert holdings.standing(session, 90).files == {HoldingState.HELD: 3}


def test_a_file_that_cannot_be_read_is_damaged_and_not_the_end_of_the_audit(settings, sessions, vault):
    first, _ = two_reels(sessions, vault)
    age(sessions, 100)
    first["master"].unlink()
    first["master"].mkdir()
    found = audit(sessions, settings, "w1")
    assert [(one.state, one.found) for one in found.bad] == [(HoldingState.DAMAGED, None)]
    assert len(found.read) == 3


def test_how_the_archive_stands(settings, sessions, vault):
    two_reels(sessions, vault)
    now = datetime.now(UTC)
    age(sessions, 91, "%/B/%")
    with sessions() as session:
        standing = holdings.standing(session, 90, now)
        assert (standing.overdue_files, standing.overdue_bytes) == (1, 500)
        assert standing.weekly_bytes == -(-1510 * 7 // 90)
        assert now - standing.oldest_check > timedelta(days=90)
