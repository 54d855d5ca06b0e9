"""A refused check on the command line: nothing goes on until a decider has named each rule and said why."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from restoration_tasks.catalogue import plans, waivers
from restoration_tasks.catalogue.models import WaivedFinding
from restoration_tasks.provenance.agents import PROGRAM
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.quality.findings import Status
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import CheckRefused, WrongUse
from restoration_tasks.runtime.progress import silent
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import PlanFile, RunOptions
from restoration_tasks.steps.conductor import Conductor
from restoration_tasks.steps.way import Way
from tests.catalogue.checked import PASSED, REFUSED, SIZE, SPECKS, TEXT, Checked
from tests.provenance.results import REEL, output

RUN = "cli-1"
BOTH = REFUSED.model_copy(update={"results": (TEXT, SIZE.model_copy(update={"status": Status.CRASHED}), SPECKS)})
"""Refused by two rules; a third was broken and refuses nothing."""
ALL = (SIZE.id, TEXT.id)


@pytest.fixture
def conduct(sessions, settings):
    """Take a run as far as its check."""
    deciders = settings.model_copy(update={"conservators": ["ana"]})
    checked = Checked(sessions, Vault(settings.vault_root))

    def make(report=BOTH) -> Conductor:
        checked.record(report, RUN)
        with sessions.begin() as session:
            plans.save(session, REEL, "shots: []\n", author=PROGRAM, reason="first look")
        conductor = Conductor(Way(REEL, deciders, RunOptions()), sessions, RUN, report=silent, say=lambda _: None)
        plan = PlanFile(1, Plan(reel_id=REEL, shots=()), output("plan").reference)
        conductor.__dict__ |= {"checked": checked.result, "plan": plan}
        return conductor

    return make


def approve(conductor, login="ana", note="the caption was painted over in 1931", waive=()) -> None:
    conductor.decide(DecisionAnswer.APPROVE, login, note, waive=waive)


def test_rules_waived_by_name_let_the_run_go_on_to_the_catalogue(conduct, sessions):
    conductor = conduct()
    with sessions() as session, pytest.raises(CheckRefused, match="neither redone nor waived"):
        waivers.require_passed_or_waived(session, REEL, RUN)
    approve(conductor, waive=ALL)
    with sessions() as session:
        waivers.require_passed_or_waived(session, REEL, RUN)
        said = session.execute(select(WaivedFinding.finding, WaivedFinding.reason)).all()
        assert sorted(said) == [(rule, "the caption was painted over in 1931") for rule in sorted(ALL)]
        details = session.scalars(select(Event.detail).order_by(Event.seq)).all()
        sha256 = conductor.checked.output("check").sha256
        assert [one["check_sha256"] for one in details if "finding" in one] == [sha256] * 2
        assert sorted(details[-1]["waived"]) == sorted(ALL), "the approval says what it passes over"


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"waive": ()}, CheckRefused, r"the check refused the restoration: .*--waive-rule RULE --note WHY"),
        ({"waive": (TEXT.id,)}, CheckRefused, rf"not every rule.*then waive {SIZE.id} as well"),
        ({"waive": (*ALL, SPECKS.id)}, WrongUse, rf"no rule of that name refused the reel: {SPECKS.id}"),
        ({"waive": ALL, "note": " "}, WrongUse, "not waived without a reason"),
        ({"waive": ALL, "login": "mallory"}, WrongUse, "may not decide"),
    ],
)
def test_what_is_not_named_or_not_said_why_or_said_by_another_is_refused_and_leaves_nothing(
    conduct, sessions, asked, error, said
):
    conductor = conduct()
    with pytest.raises(error, match=said):
        approve(conductor, **asked)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 1, "the check's own"
        with pytest.raises(CheckRefused):
            waivers.require_passed_or_waived(session, REEL, RUN)


def test_a_check_that_passed_is_approved_and_not_waived(conduct):
    conductor = conduct(PASSED)
    with pytest.raises(WrongUse, match="no rule of that name refused the reel"):
        approve(conductor, waive=(TEXT.id,))
    approve(conductor)
