from __future__ import annotations

from datetime import UTC, datetime

from reelkeeper_airflow.demo import accepted

from restoration_tasks.runtime.spec import StepName


def at(minute):
    return datetime(2026, 11, 26, 12, minute, tzinfo=UTC)


def test_a_restoration_is_accepted_when_it_was_packaged_after_its_check():
    assert accepted({StepName.CHECK: at(1), StepName.PACKAGE: at(2)})
    assert not accepted({StepName.CHECK: at(1)})
    assert not accepted({StepName.PACKAGE: at(1), StepName.CHECK: at(2)}), "the package of an earlier run"
    assert not accepted({})
