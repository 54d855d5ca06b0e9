"""The condition of reels in the catalogue: a row for each run, the reel's urgency, what the package takes along."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import func, select

from restoration_tasks.catalogue import conditions, journal, migrate, reels
from restoration_tasks.catalogue.engine import open_sessions, short_engine
from restoration_tasks.catalogue.models import ConditionRecord
from restoration_tasks.provenance.models import Event
from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.spec import Spec, StepName
from restoration_tasks.runtime.vault import Vault
from tests.provenance.results import REEL, output, step_result

CONTENT = {
    "format": "reelkeeper.condition/1",
    "frames": 240,
    "severities": {"fade": 61.5, "dirt": 12.0},
    "carrier": {"ad_strip_level": 1.5},
    "urgency": 72.4,
    "shots": [{"shot": 1, "start": 0, "stop": 240, "verdicts": [{"category": "fade", "severity": 61.5}]}],
}
OUTPUTS = tuple(output(name, media_type="application/json") for name in ("plan", "condition", "condition_report"))


@pytest.fixture
def vault(tmp_path):
    vault = Vault(str(tmp_path / "vault"))
    vault.write_bytes(OUTPUTS[1].uri, json.dumps(CONTENT).encode())
    return vault


def planned(sessions, vault, run="run-1", outputs=OUTPUTS):
    """Record a plan step of a run as a worker does; its event."""
    task = journal.Task(run, "plan")
    result = step_result(StepName.PLAN, task.execution_id, outputs=outputs)
    folder = vault.work_uri(REEL, StepName.PLAN, result.signature)
    vault.write_bytes(f"{folder}/result.json", result.model_dump_json().encode())
    spec = Spec(
        step=StepName.PLAN, step_version="1", reel_id=REEL, vault=str(vault.root), execution_id=task.execution_id
    )  # fmt: skip
    with sessions.begin() as session:
        reels.register(session, REEL)
    return journal.record(sessions, task, spec, result)


def test_a_run_leaves_one_row_with_its_event_however_often_it_is_recorded(sessions, vault):
    event = planned(sessions, vault)
    planned(sessions, vault)
    with sessions() as session:
        (row,) = session.scalars(select(ConditionRecord))
        assert (row.event_id, row.run_id, row.frames, row.urgency) == (event.id, "run-1", 240, 72.4)
        assert (row.severities, row.carrier, row.shots) == (
            CONTENT["severities"],
            CONTENT["carrier"],
            CONTENT["shots"],
        )
        assert session.get_one(Event, row.event_id).detail["step"] == "plan"
        fading = select(func.count()).where(ConditionRecord.severities["fade"].as_float() > 50)
        assert session.scalar(fading) == 1, "severities can be asked for"


def test_the_newest_run_says_how_urgent_a_reel_is(sessions, vault):
    with sessions.begin() as session:
        reels.register(session, REEL)
        assert reels.status(session, REEL).urgency is None
    planned(sessions, vault)
    vault.write_bytes(OUTPUTS[1].uri, json.dumps(CONTENT | {"urgency": 15.0}).encode())
    planned(sessions, vault, run="run-2")
    with sessions() as session:
        assert reels.status(session, REEL).urgency == 15.0
        assert conditions.newest(session, REEL).run_id == "run-2"


def test_the_package_takes_record_and_page(sessions, vault):
    with sessions() as session:
        assert conditions.documents(session, vault, REEL) == {}
    planned(sessions, vault)
    with sessions() as session:
        assert conditions.documents(session, vault, REEL) == {one.name: one.reference for one in OUTPUTS[1:]}


def test_a_plan_without_a_record_leaves_no_row(sessions, vault):
    planned(sessions, vault, outputs=OUTPUTS[:1])
    with sessions() as session:
        assert conditions.newest(session, REEL) is None


@pytest.mark.parametrize("text", [b"", b"{}", b"[]"])
def test_a_record_that_is_none_is_refused(sessions, vault, text):
    vault.write_bytes(OUTPUTS[1].uri, text)
    with pytest.raises(VaultError, match="condition record"):
        planned(sessions, vault)


def test_going_back_takes_the_table_and_the_column_away_and_keeps_the_rest(empty_database):
    migrate.upgrade(empty_database)
    sessions = open_sessions(empty_database)
    with sessions.begin() as session:
        reels.register(session, REEL)
    migrate.downgrade(empty_database, "0002")
    with short_engine(empty_database) as engine, engine.connect() as connection:
        shown = connection.exec_driver_sql("SELECT * FROM reelkeeper.v_reel_status")
        assert "urgency" not in shown.keys()  # noqa: SIM118 - a result has no other way to its columns
        assert len(shown.all()) == 1
    migrate.upgrade(empty_database)
    with sessions() as session:
        assert reels.status(session, REEL).urgency is None
