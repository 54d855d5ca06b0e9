"""XCom of a step: small, and honest about how the result came about."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from reelkeeper_airflow.operators.outcome import XCOM_LIMIT_BYTES, Did, StepOutcome, how, summarise

from restoration_tasks.runtime.spec import Comparison, NumericProfile, StepName, StepResult, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def result(execution: str, verdict: Verdict | None = None, **figures: object) -> StepResult:
    return StepResult(
        step=StepName.RESTORE,
        step_version="1",
        reel_id="R1",
        segment="s001-01",
        signature="0" * 64,
        attempt=1,
        execution_id=execution,
        inputs={},
        params={},
        models={},
        profile=NumericProfile(),
        outputs=(),
        figures=figures,
        agents=(),
        warnings=("dusty",),
        started=NOW,
        ended=NOW,
        wall_s=1.25,
        cpu_s=1.0,
        compared=None if verdict is None else Comparison(verdict=verdict, with_attempt=1),
    )


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ([result("mine")], Did.WORKED),
        ([result("other")], Did.REUSED),
        ([result("other"), result("mine")], Did.WORKED),
        ([result("mine", Verdict.AGREES), result("other")], Did.AGREES),
        ([result("mine", Verdict.AGREES), result("mine", Verdict.DIFFERS)], Did.DIFFERS),
        # somebody else's comparison is no news about this task
        ([result("other", Verdict.DIFFERS)], Did.REUSED),
    ],
)
def test_how_a_task_came_to_its_result(results: list[StepResult], expected: Did) -> None:
    assert how(["mine"] * len(results), results) is expected


def test_a_batch_is_summed_up_without_the_figures_of_one_segment() -> None:
    outcome = summarise("vault:x", ["mine"] * 2, [result("mine", frames=3), result("mine", frames=4)])
    assert (outcome.work, outcome.wall_s, outcome.warnings, outcome.figures) == (2, 2.5, 2, {})


def test_only_plain_figures_travel() -> None:
    outcome = summarise("vault:x", ["mine"], [result("mine", frames=3, share=0.5, rules=["a"], none=None)])
    assert outcome.figures == {"frames": 3, "share": 0.5, "none": None}


def test_xcom_stays_small_whatever_a_step_reports() -> None:
    figures = {f"figure_{number:03d}": float(number) for number in range(500)}
    outcome = summarise("vault:" + "x" * 120, ["mine"], [result("mine", **figures)])
    sent = StepOutcome.model_validate(outcome.xcom())
    assert len(sent.model_dump_json()) <= XCOM_LIMIT_BYTES
    assert sent.uri == outcome.uri
    assert 0 < len(sent.figures) < 500
