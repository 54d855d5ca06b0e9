"""What lanes are mapped over: the value each gets from Airflow, and the work it asks for by it."""

from __future__ import annotations

import json

import pytest
from airflow.sdk.serde import serialize
from reelkeeper_airflow.operators.asks import Ask
from reelkeeper_airflow.operators.outcome import XCOM_LIMIT_BYTES, StepOutcome, summarise
from reelkeeper_airflow.restore_reel import reel as opening

from restoration_tasks.media.segments import cut_segments
from restoration_tasks.restoration.plan import Plan, PlannedShot
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Execution
from tests.catalogue.reel import make_ingested
from tests.provenance.results import REEL, output, step_result

SEGMENTS = cut_segments([(start, start + 50) for start in range(0, 20_000, 50)])
"""A reel of 20,000 frames in 400 shots."""
GIVEN = {"reel_id": REEL, "options": {}}


@pytest.fixture
def shots(sessions, settings, monkeypatch):
    """XCom of the shots step of that reel."""
    monkeypatch.setenv("REELKEEPER_HOME", str(settings.home))
    monkeypatch.setenv("REELKEEPER_RUNTIME", "kubernetes")
    monkeypatch.setattr(opening, "catalogue", lambda *_: sessions)
    monkeypatch.setattr(opening, "get_current_context", lambda: {"run_id": "manual__1"})
    make_ingested(sessions)
    vault = Vault(settings.vault_root)
    listed = output("shots", "shots.json")
    vault.write_bytes(listed.uri, json.dumps({"segments": [one.as_json() for one in SEGMENTS]}).encode())
    result = step_result(StepName.SHOTS, outputs=(listed,))
    uri = f"vault:reels/{REEL}/shots/result.json"
    vault.write_bytes(uri, result.model_dump_json().encode())
    return summarise(uri, [result.execution_id], [result]).xcom()


def plan_version(vault: Vault):
    plan = Plan(reel_id=REEL, shots=tuple(PlannedShot(shot=s.shot, start=s.start, stop=s.stop) for s in SEGMENTS))
    uri = f"vault:reels/{REEL}/plans/v0001.yaml"
    vault.write_bytes(uri, plan.to_yaml().encode())
    return {"version": 1, "plan": {"uri": uri}, "enlarge": None}


def test_every_lane_is_told_in_under_a_kilobyte_and_asks_for_all_its_segments(shots, settings):
    found = opening.batches.function(GIVEN, shots)
    # as slow as two cores were at this size of frame: as many lanes of whole shots as there may be
    assert len(found) == 57
    for lane in found:
        assert len(json.dumps(serialize(lane)).encode()) < 128 < XCOM_LIMIT_BYTES
    way = opening.way_of(GIVEN)
    asked = [Ask(way, Execution, {"shots": shots}, lane).segments() for lane in found]
    assert [segment for lane in asked for segment in lane] == SEGMENTS
    assert found[0]["title"] == f"batch 1 · shots 1–{asked[0][-1].shot}"


def test_one_lane_of_hundreds_of_segments_is_told_as_briefly(shots, settings, monkeypatch):
    monkeypatch.setenv("REELKEEPER_BATCH_FRAMES", "20000")
    (lane,) = opening.batches.function(GIVEN, shots)
    assert lane == {"title": "batch 1 · shots 1–400", "first": "s001-01", "last": "s400-01"}
    results = [
        step_result(execution_id=f"run/restore.batch/0/0/{one.id}", figures={"frames": 50, "note": "x" * 2000})
        for one in SEGMENTS
    ]
    left = summarise("vault:specs/" + "a" * 64, [one.execution_id for one in results], results).xcom()
    assert len(StepOutcome.model_validate(left).model_dump_json().encode()) < XCOM_LIMIT_BYTES


def test_a_plan_that_leaves_every_shot_alone_is_one_lane_to_restore_and_none_to_enlarge(shots, settings):
    version = plan_version(Vault(settings.vault_root))
    assert len(opening.restore_batches.function(GIVEN, shots, version)) == 1
    assert opening.larger_batches.function(GIVEN, shots, version) == []


def test_a_lane_of_segments_that_are_no_more_says_what_to_do(shots, settings):
    lane = {"title": "batch 1", "first": "s001-01", "last": "s999-01"}
    with pytest.raises(StepFailed, match="has no segment s999-01"):
        Ask(opening.way_of(GIVEN), Execution, {"shots": shots}, lane).segments()
