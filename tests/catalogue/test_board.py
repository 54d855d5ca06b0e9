"""The board as the database gives it: order, filter, search, progress, and what a reel has by its record."""

from __future__ import annotations

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import executions, lock, recorded_files, reels
from restoration_tasks.catalogue.board import BoardQuery, Order, board
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.vocabulary import Outcome
from restoration_tasks.runtime.spec import StepName
from tests.provenance.results import REEL, START, output, step_result

RUN = "manual__2026-01-01T00:00:00+00:00"


@pytest.fixture
def archive(sessions: sessionmaker[Session]) -> sessionmaker[Session]:
    """Three reels: one at work on its second of three segments, one assessed twice, one never."""
    recorder = Recorder(sessions)
    found = {"shots": 2, "segments": 3}
    shots = recorder.record(step_result(StepName.SHOTS, f"{RUN}/shots/-1/0", figures=found))
    with sessions.begin() as session:
        reels.register(session, REEL, title="Zoo")
        reels.register(session, "B-1", title="Aquarium 50%_")
        reels.register(session, "B-2", title="circus")
        reels.set_state(session, REEL, ReelState.IN_WORK)
        lock.acquire(session, REEL, RUN)
        for generation, segment in ((0, "s001-01"), (1, "s001-01"), (0, "s002-01")):
            executions.record(
                session, executions.TaskInstance(RUN, "restore.batch", 0), generation, result_uri="vault:r",
                signature="s", segment=segment,
            )  # fmt: skip
        for urgency, hour in ((90.0, 1), (20.0, 2)):
            event = recorder.record(step_result(StepName.PLAN, f"{RUN}/plan/-1/{hour}"))
            session.execute(
                text(
                    "INSERT INTO reelkeeper.conditions (event_id, reel_id, run_id, result_uri, frames, urgency,"
                    " severities, carrier, shots, recorded_at) VALUES (:event, 'B-1', '', '', 1, :urgency, '{}', '{}',"
                    " '[]', CAST('2026-01-01' AS timestamptz) + :hour * interval '1 hour')"
                ),
                {"event": event.id, "urgency": urgency, "hour": hour},
            )
    assert isinstance(shots.id, uuid.UUID)
    return sessions


def ids(sessions: sessionmaker[Session], **asked: object) -> list[str]:
    with sessions() as session:
        return [row.reel_id for row in board(session, BoardQuery(**asked)).rows]


def test_the_order_is_the_one_asked_for(archive: sessionmaker[Session]) -> None:
    # Of B-1 the newest condition counts; those nobody assessed come last.
    assert ids(archive, order=Order.URGENCY) == ["B-1", "B-2", REEL]
    assert ids(archive, order=Order.TITLE) == ["B-1", "B-2", REEL]
    assert ids(archive, order=Order.REEL) == ["B-1", "B-2", REEL]
    assert ids(archive, order=Order.CHANGED)[0] in {REEL, "B-1", "B-2"}


def test_words_are_looked_for_as_they_begin(archive: sessionmaker[Session]) -> None:
    assert ids(archive, words="zOO") == [REEL]
    assert ids(archive, words="50%_") == ["B-1"]
    assert ids(archive, words="b-") == ["B-1", "B-2"]
    assert ids(archive, words="oo") == ids(archive, words="%_") == []
    assert ids(archive, states=frozenset({ReelState.IN_WORK})) == [REEL]


def test_progress_counts_a_segment_once(archive: sessionmaker[Session]) -> None:
    with archive() as session:
        page = board(session, BoardQuery())
    assert page.counts == {ReelState.IN_WORK: 1, ReelState.REGISTERED: 2}
    progress = page.progress[REEL]
    assert (progress.shots, progress.segments, dict(progress.done)) == (2, 3, {StepName.RESTORE: 2})
    assert progress.step is StepName.RESTORE
    assert "B-1" not in page.progress


def test_the_newest_event_that_did_not_fail_is_what_a_reel_has(sessions: sessionmaker[Session]) -> None:
    recorder, made = Recorder(sessions), (output("map"),)
    recorder.record(step_result(StepName.ASSESS, f"{RUN}/assess.batch/0/0/s001-01", outputs=made))
    inputs = {"map/s001-01": output("map").reference, "plan": output("plan", "plans/v0002.yaml").reference}
    recorder.record(step_result(StepName.CHECK, f"{RUN}/check/-1/0", inputs=inputs, outputs=(output("check"),)))
    recorder.record_failure(
        REEL, StepName.CHECK, execution_id=f"{RUN}/check/-1/1", started=START, ended=START, message="x"
    )
    with sessions() as session:
        found = recorded_files.newest(session, REEL, StepName.CHECK)
        assert found is not None
        assert (found.outcome, found.run_id, found.plan_version) == (Outcome.SUCCESS, RUN, 2)
        assert [(one.role, one.segment) for one in found.files("map")] == [("map", "s001-01")]
        assert recorded_files.newest(session, REEL, StepName.ASSEMBLE) is None
        held = recorded_files.object_of(session, REEL, output("check").sha256)
        assert held is not None
        assert held.role == "check"
        assert recorded_files.object_of(session, "OTHER", output("check").sha256) is None
        assert recorded_files.last_run(session, REEL) == RUN
