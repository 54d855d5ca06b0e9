"""Signed checkpoints: whatever an owner of the database does is found, and what was never signed is said to be so."""

from __future__ import annotations

import shutil
import stat

import pytest
from sqlalchemy import text

from restoration_tasks.provenance import anchoring, checkpoints, signing
from restoration_tasks.provenance.chain import load
from restoration_tasks.provenance.checkpoints import Head
from restoration_tasks.provenance.verify import Tampering
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.vault import Vault
from tests.provenance.archive import OTHER, record, remove, rewrite, tamper
from tests.provenance.results import REEL


@pytest.fixture
def archive(sessions, settings):
    """Six events of one reel and two of another, signed in two checkpoints, and one more event that is not."""
    record(sessions, range(4))
    record(sessions, range(2), OTHER)
    assert anchoring.take(sessions, settings).checkpoint.number == 1
    record(sessions, range(4, 6))
    assert anchoring.take(sessions, settings).checkpoint.number == 2
    record(sessions, range(6, 7))
    return sessions


@pytest.fixture
def vault(settings):
    return Vault(settings.vault_root)


def named(report):
    return {(finding.kind, finding.seq) for finding in report.findings}


def test_a_whole_archive_verifies_and_says_what_is_not_anchored_yet(archive, settings):
    report = anchoring.verify_archive(archive, settings)
    assert (report.ok, report.reels, report.events, report.unanchored) == (True, 2, 9, 1)
    assert report.checkpoint == 2
    one = anchoring.verify_archive(archive, settings, OTHER)
    assert (one.reels, one.events, one.unanchored) == (1, 2, 0)


def test_a_checkpoint_names_what_has_grown_and_nothing_new_is_no_checkpoint(archive, settings, vault):
    first, second = checkpoints.find(vault, 1), checkpoints.find(vault, 2)
    assert [(head.reel_id, head.seq) for head in first.heads] == [(REEL, 4), (OTHER, 2)]
    assert [(head.reel_id, head.seq) for head in second.heads] == [(REEL, 6)]
    assert second.previous == first.sha256
    assert anchoring.take(archive, settings).checkpoint.number == 3
    assert anchoring.take(archive, settings).checkpoint is None


CUT_OFF = [
    *remove("reel_id = :reel AND seq > 4"),
    "UPDATE reelkeeper.chains SET length = 4, head = (SELECT hash FROM reelkeeper.events"
    " WHERE reel_id = :reel AND seq = 4) WHERE reel_id = :reel",
]
SWAP = [
    "UPDATE reelkeeper.events SET seq = 100 WHERE reel_id = :reel AND seq = 2",
    "UPDATE reelkeeper.events SET seq = 2 WHERE reel_id = :reel AND seq = 5",
    "UPDATE reelkeeper.events SET seq = 5 WHERE reel_id = :reel AND seq = 100",
]
FORGE = (
    "INSERT INTO reelkeeper.events SELECT gen_random_uuid(), reel_id, 8, event_type, 'forged', 'forged', started,"
    " ended, recorded_at, outcome, detail, hash, repeat('b', 64) FROM reelkeeper.events"
    " WHERE reel_id = :reel AND seq = 7"
)
WHOLE_REEL = [
    *remove("reel_id = :other"),
    "DELETE FROM reelkeeper.checkpoints WHERE reel_id = :other",
    "DELETE FROM reelkeeper.digital_objects WHERE reel_id = :other",
    "DELETE FROM reelkeeper.chains WHERE reel_id = :other",
]


@pytest.mark.parametrize(
    ("done", "found"),
    [
        pytest.param(["UPDATE reelkeeper.events SET outcome = 'failure' WHERE reel_id = :reel AND seq = 3"],
                     {(Tampering.CHANGED, 3)}, id="value"),
        pytest.param(["UPDATE reelkeeper.digital_objects SET bytes = bytes + 1 WHERE uri LIKE '%HK%/2/%'"],
                     {(Tampering.CHANGED, 3)}, id="value of an object"),
        pytest.param(SWAP, {(Tampering.REORDERED, 2), (Tampering.REORDERED, 5)}, id="order"),
        pytest.param(remove("reel_id = :reel AND seq = 3"), {(Tampering.REMOVED, 3)}, id="delete"),
        pytest.param([FORGE], {(Tampering.INSERTED, 8)}, id="insert"),
        pytest.param(CUT_OFF, {(Tampering.TRUNCATED, 6)}, id="newest events cut off"),
        pytest.param([*CUT_OFF, "DELETE FROM reelkeeper.checkpoints WHERE seq = 6"], {(Tampering.TRUNCATED, 6)},
                     id="newest events cut off, and the database's own note"),
        pytest.param(WHOLE_REEL, {(Tampering.TRUNCATED, 2)}, id="a whole reel gone"),
    ],
)  # fmt: skip
def test_what_is_done_to_the_rows_is_found_and_named(archive, settings, done, found):
    tamper(archive, *done)
    report = anchoring.verify_archive(archive, settings)
    assert found <= named(report)
    assert {kind for kind, _ in named(report)} <= {kind for kind, _ in found} | {Tampering.CHECKPOINT}
    assert {finding.reel_id for finding in report.findings} == {OTHER if done is WHOLE_REEL else REEL}


@pytest.mark.parametrize("notes_too", [False, True])
def test_a_chain_rewritten_as_a_whole_does_not_fit_what_was_signed(archive, settings, notes_too):
    rewrite(archive, REEL, notes_too=notes_too)
    report = anchoring.verify_archive(archive, settings)
    assert {(Tampering.CHECKPOINT, 4), (Tampering.CHECKPOINT, 6)} <= named(report)
    assert "events 1 to 4" in str(report.findings[0])
    with pytest.raises(ProvenanceBroken, match="was written anew"):
        report.raise_if_broken()
    # a broken chain is never signed again
    taken = anchoring.take(archive, settings)
    assert not taken.report.ok
    assert taken.checkpoint is None


def test_a_trigger_that_is_off_is_found_and_one_that_was_off_meanwhile_hides_nothing(archive, settings):
    with archive.begin() as session:
        session.execute(text("ALTER TABLE reelkeeper.events DISABLE TRIGGER append_only"))
        session.execute(text("UPDATE reelkeeper.events SET subtype = 'x' WHERE reel_id = :reel AND seq = 1"),
                        {"reel": REEL})  # fmt: skip
    assert named(anchoring.verify_archive(archive, settings)) == {(Tampering.GUARD, None), (Tampering.CHANGED, 1)}
    with archive.begin() as session:
        # on again, but not ALWAYS: a session could still go round it
        session.execute(text("ALTER TABLE reelkeeper.events ENABLE TRIGGER append_only"))
    assert (Tampering.GUARD, None) in named(anchoring.verify_archive(archive, settings))
    with archive.begin() as session:
        session.execute(text("ALTER TABLE reelkeeper.events ENABLE ALWAYS TRIGGER append_only"))
    assert named(anchoring.verify_archive(archive, settings)) == {(Tampering.CHANGED, 1)}


def _changed(vault, tmp_path):
    path = vault.local_path(checkpoints.uri_of(2))
    path.write_bytes(path.read_bytes().replace(b",6,", b",5,"))


def _gone(vault, tmp_path):
    vault.local_path(checkpoints.uri_of(1)).unlink()


def _signed_by_another(vault, tmp_path):
    key = signing.make(tmp_path / "theirs.pem")
    old = checkpoints.find(vault, 2)
    heads = [Head(reel_id=REEL, seq=6, hash="0" * 64)]
    checkpoints.write(vault, checkpoints.sign(key, 2, old.previous, old.taken, heads), key.public)


def _an_older_one_in_its_place(vault, tmp_path):
    for suffix in (".json", ".sig"):
        path = vault.local_path(checkpoints.uri_of(2)).with_suffix(suffix)
        shutil.copyfile(vault.local_path(checkpoints.uri_of(1)).with_suffix(suffix), path)


@pytest.mark.parametrize(
    ("done", "said"),
    [
        (_changed, "its signature does not fit"),
        (_gone, "it is gone from the vault"),
        (_signed_by_another, "a key that is not trusted"),
        (_an_older_one_in_its_place, "put in the place of another"),
    ],
)
def test_what_is_done_to_a_checkpoint_itself_is_found(archive, settings, vault, tmp_path, done, said):
    done(vault, tmp_path)
    found = [finding for finding in anchoring.verify_archive(archive, settings).findings if finding.reel_id is None]
    assert said in found[0].message
    # and gone from the database as well, the line in the vault still shows it
    tamper(archive, "DELETE FROM reelkeeper.checkpoints", "DELETE FROM reelkeeper.signed_checkpoints")
    assert any(said in str(finding) for finding in anchoring.verify_archive(archive, settings).findings)


def test_a_checkpoint_the_database_could_not_note_any_more_is_taken_up(archive, settings, vault):
    with archive() as session:
        (line,) = load(session, OTHER)
    key = signing.load(settings.signing_key_file)
    second = checkpoints.find(vault, 2)
    heads = [Head(reel_id=OTHER, seq=2, hash=line.head)]
    checkpoints.write(vault, checkpoints.sign(key, 3, second.sha256, second.taken, heads), key.public)
    assert anchoring.take(archive, settings).checkpoint.number == 4
    assert anchoring.verify_archive(archive, settings).ok


def test_a_database_put_back_from_an_older_backup_signs_nothing(archive, settings):
    tamper(
        archive,
        *CUT_OFF,
        "DELETE FROM reelkeeper.checkpoints WHERE number = 2",
        "DELETE FROM reelkeeper.signed_checkpoints WHERE number = 2",
    )
    record(archive, range(20, 23), OTHER)
    assert (Tampering.TRUNCATED, 6) in named(anchoring.verify_archive(archive, settings))
    with pytest.raises(ProvenanceBroken, match="checkpoint 2, which this database knows nothing of"):
        anchoring.take(archive, settings)


def test_the_key_is_its_owners_alone_and_never_made_twice(archive, settings, tmp_path):
    path = settings.signing_key_file
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = path.rename(tmp_path / "kept.pem")
    with pytest.raises(ProvenanceBroken, match="key that signs checkpoints is gone"):
        anchoring.take(archive, settings)
    kept.rename(path)
    path.chmod(0o644)
    with pytest.raises(WrongUse, match="everybody on this machine"):
        anchoring.take(archive, settings)


def test_a_new_key_goes_on_and_the_old_one_stays_trusted_for_what_it_signed(archive, settings):
    old = signing.load(settings.signing_key_file).public
    new = signing.replace(settings.signing_key_file).public
    assert old.fingerprint != new.fingerprint
    assert anchoring.take(archive, settings).checkpoint.key == new.fingerprint
    assert anchoring.verify_archive(archive, settings).ok
