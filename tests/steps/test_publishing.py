"""Publishing: what the check of the run did not pass, and nobody waived, is not catalogued, whoever approved it."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from restoration_tasks.provenance.models import Event
from restoration_tasks.runtime.errors import CheckRefused
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.asked import RunOptions
from restoration_tasks.steps.publishing import publish_restoration
from restoration_tasks.steps.way import Way
from tests.catalogue.reel import RUN, make_decided
from tests.provenance.results import REEL, output, step_result


def test_an_approved_restoration_without_a_passed_check_is_not_catalogued(sessions, settings):
    make_decided(sessions)
    with sessions() as session:
        before = session.scalar(select(func.count()).select_from(Event))
    with pytest.raises(CheckRefused, match="no check on record"):
        publish_restoration(
            sessions, Way(REEL, settings, RunOptions()), run_id=RUN, execution_id=f"{RUN}/catalogue/-1/0",
            ingested=step_result(StepName.INGEST), assembled=step_result(StepName.ASSEMBLE),
            checked=step_result(StepName.CHECK), plan=output("plan").reference, plan_version=1,
        )  # fmt: skip
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == before
