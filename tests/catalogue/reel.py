"""A reel on its way, in the database."""

from __future__ import annotations

from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import decisions, executions, lock, plans, reels
from restoration_tasks.catalogue.models import DeciderRole
from restoration_tasks.provenance.agents import Participant, Person
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.vocabulary import AgentKind, DecisionAnswer
from tests.provenance.results import REEL, START, step_result

RUN = "manual__1"
PROGRAM = Participant(AgentKind.SOFTWARE, "reelkeeper", "0.1.0")
ANA = Person("ana", "Ana Petrova")


def make_decided(sessions: sessionmaker[Session], answer: DecisionAnswer = DecisionAnswer.APPROVE) -> None:
    """Register a reel, record a step, save a plan, decide: every writing path but publishing."""
    Recorder(sessions).record(step_result())
    with sessions.begin() as session:
        reels.register(session, REEL, title="Reel three", delivery_uri="/inbox/x")
        lock.acquire(session, REEL, RUN)
        lock.heartbeat(session, REEL, RUN)
        plans.save(session, REEL, "shots: []\n", author=PROGRAM, reason="first look")
        executions.record(
            session,
            executions.TaskInstance(RUN, "restore", 0),
            0,
            result_uri="vault:r",
            signature="s",
            segment="s001-01",
        )
    with sessions.begin() as session:
        decisions.decide(
            session, REEL, run_id=RUN, execution_id=f"{RUN}/decide/-1/0", plan_version=1, answer=answer, person=ANA,
            role=DeciderRole.CONSERVATOR, note="good", at=START,
        )  # fmt: skip
    with sessions.begin() as session:
        lock.release(session, REEL, RUN)
