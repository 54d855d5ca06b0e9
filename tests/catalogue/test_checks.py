"""What checks found, in the database: a row an execution, bound to its file, and the broken rules as staff ask."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from restoration_tasks.catalogue import checks, migrate, waivers
from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.catalogue.record_models import CheckRecord
from restoration_tasks.provenance.models import DigitalObject, Event, EventObject
from restoration_tasks.quality.findings import CheckReport, RuleResult
from restoration_tasks.runtime.errors import SourceChanged, VaultError
from restoration_tasks.runtime.vault import Vault
from tests.catalogue.checked import PASSED, REFUSED, SPECKS, TEXT, Checked
from tests.catalogue.reel import ANA
from tests.provenance.results import REEL


@pytest.fixture
def checked(sessions, tmp_path):
    return Checked(sessions, Vault(str(tmp_path / "vault")))


def broken(sessions, where: str = "true"):
    with sessions() as session:
        rows = session.execute(
            text(f"SELECT * FROM reelkeeper.v_broken_rules WHERE {where} ORDER BY run_id, rule DESC")
        )
        return [row._mapping for row in rows]


def test_a_check_leaves_one_row_with_all_its_rules_however_often_it_is_recorded(checked, sessions):
    event = checked.record()
    checked.record()
    with sessions() as session:
        (row,) = session.scalars(select(CheckRecord))
        assert (row.event_id, row.reel_id, row.run_id, row.policy_version) == (event.id, REEL, "run-1", "7")
        assert (row.frames, row.passed) == (240, False)
        assert [RuleResult.model_validate(one) for one in row.findings] == list(REFUSED.results)
        of_event = select(DigitalObject.sha256).join(EventObject).where(EventObject.event_id == event.id)
        assert row.sha256 in session.scalars(of_event.where(DigitalObject.role == "check")).all()
        assert checks.record_of(session, event.id) is row
        assert session.scalar(select(func.count()).select_from(Event)) == 1


def test_a_run_that_reuses_a_check_has_a_row_of_its_own(checked, sessions):
    first = checked.record()
    again = checked.record(run="run-2", made_by="run-1/check/-1/0")
    with sessions() as session:
        rows = session.execute(select(CheckRecord.run_id, CheckRecord.event_id).order_by(CheckRecord.run_id)).all()
        assert rows == [("run-1", first.id), ("run-2", again.id)]
    assert [(one["run_id"], one["rule"]) for one in broken(sessions, "newest")] == [
        ("run-2", TEXT.id),
        ("run-2", SPECKS.id),
    ]


def test_staff_see_the_rules_that_broke_with_their_frames_and_not_those_that_held(checked, sessions):
    event = checked.record()
    text_kept, specks = broken(sessions)
    assert (text_kept["rule"], text_kept["severity"], text_kept["status"]) == (TEXT.id, "fail", "failed")
    assert (text_kept["reel_id"], text_kept["title"], text_kept["run_id"]) == (REEL, "Reel three", "run-1")
    assert (text_kept["sentence"], text_kept["detail"]) == (TEXT.sentence, TEXT.detail)
    assert (text_kept["count"], text_kept["frames"], text_kept["worst_frame"]) == (2, [9, 8], 8)
    assert (text_kept["event_id"], text_kept["passed"]) == (event.id, False)
    assert (specks["status"], specks["frames"], specks["worst_frame"], specks["subjects"]) == (
        "crashed", [], None, ["3", "1"],
    )  # fmt: skip
    checked.record(PASSED, run="run-2")
    assert broken(sessions, "newest") == []
    assert len(broken(sessions)) == 2


def test_a_waiver_shows_beside_the_rule_of_the_check_it_was_given_for(checked, sessions):
    checked.record()
    (before, _) = broken(sessions)
    with sessions.begin() as session:
        waivers.record_check(
            session, REEL, run_id="run-1", execution_id="run-1/record_decision/-1/0", rules=[TEXT.id],
            reason="so it was", person=ANA, check_sha256=before["check_sha256"],
        )  # fmt: skip
    assert (before["waived"], [one["waived"] for one in broken(sessions)]) == (False, [True, False])
    checked.record(REFUSED.model_copy(update={"frames": 241}), generation=1)
    with sessions.begin() as session:
        waivers.record_check(
            session, REEL, run_id="run-1", execution_id="run-1/record_decision/-1/1", rules=[TEXT.id],
            reason="and again", person=ANA, check_sha256=before["check_sha256"],
        )  # fmt: skip
    assert [one["waived"] for one in broken(sessions, "newest")] == [False, False], "of another check"


def test_a_file_that_is_not_what_the_check_wrote_is_refused(checked, sessions):
    softer = REFUSED.model_dump_json().replace('"fail"', '"note"').encode()
    with pytest.raises(SourceChanged, match="changed after it was written"):
        checked.record(content=softer)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(CheckRecord)) == 0


@pytest.mark.parametrize("content", ['{"passed": true}', "", "no JSON"])
def test_a_file_that_says_too_little_is_refused(checked, monkeypatch, content):
    monkeypatch.setattr(CheckReport, "model_dump_json", lambda _: content)
    with pytest.raises(VaultError, match=r"what the check found cannot be read.*Next: clear the check"):
        checked.record()


def test_a_check_without_rules_cannot_have_passed(checked, sessions):
    checked.record()
    with sessions.begin() as session, pytest.raises(IntegrityError, match="ck_check_results_passed_by_rules"):
        session.execute(
            text(
                "INSERT INTO reelkeeper.check_results (event_id, reel_id, run_id, sha256, policy_version, frames,"
                " passed, findings) SELECT gen_random_uuid(), reel_id, run_id, sha256, policy_version, frames,"
                " true, '[]' FROM reelkeeper.check_results"
            )
        )


def test_going_back_takes_table_and_view_away_and_keeps_the_verdict(empty_database, tmp_path):
    migrate.upgrade(empty_database)
    sessions = open_sessions(empty_database)
    Checked(sessions, Vault(str(tmp_path / "vault"))).record()
    migrate.downgrade(empty_database, "0009")
    with sessions() as session:
        assert session.scalar(text("SELECT to_regclass('reelkeeper.check_results')")) is None
        assert checks.of_run(session, REEL, "run-1").failed == (TEXT.id,)
    migrate.upgrade(empty_database)
    assert broken(sessions) == []
