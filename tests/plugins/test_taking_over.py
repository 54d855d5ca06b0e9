"""What Airflow takes for a run that is over, when its reel was never given back."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from reelkeeper_airflow.restore_reel.reel import dead_holder

from restoration_tasks.catalogue import lock
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps.liveness import alive
from tests.catalogue.queued import put

REEL = "A-1"


@pytest.fixture
def held(sessions, settings, monkeypatch):
    """Says whom Airflow takes for dead where the reel is held by a run, and Airflow knows this much of it."""
    monkeypatch.setenv("REELKEEPER_HOME", str(settings.home))
    assert Settings().scratch_folder == settings.scratch_folder
    put(sessions, REEL, 50.0)

    def found(run_id: str, state: str | None):
        with sessions.begin() as session:
            if lock.holder(session, REEL) is None:
                lock.acquire(session, REEL, run_id)
            context = {
                "run_id": "manual__2",
                "dag": SimpleNamespace(dag_id="restore_reel"),
                "ti": SimpleNamespace(get_dagrun_state=lambda dag_id, run: state),
            }
            return dead_holder(session, REEL, context)  # type: ignore[arg-type]

    return found


@pytest.mark.parametrize(("state", "over"), [("failed", True), ("success", True), ("running", False), (None, False)])
def test_a_run_of_airflow_is_over_when_airflow_says_so(held, state, over):
    dead = held("manual__1", state)
    assert (dead is not None) is over
    if dead is not None:
        assert (dead.run_id, dead.evidence) == ("manual__1", f"Airflow says the run ended with {state}")


def test_a_run_of_the_command_line_is_over_when_its_process_is(held, settings):
    def work() -> None:
        with alive(settings, "cli-1") as life:
            life.holds_the_reel = True
            assert held("cli-1", None) is None, "it is at work"
            raise StepFailed("the database went away")

    with pytest.raises(StepFailed):
        work()
    assert held("cli-1", None).run_id == "cli-1"
