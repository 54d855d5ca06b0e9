"""A reel on its way, in the database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import decisions, executions, lock, plans, reels, scans, waivers
from restoration_tasks.catalogue.models import DeciderRole, ReelState
from restoration_tasks.catalogue.publish import Published, publish
from restoration_tasks.media.delivery.findings import Waiver
from restoration_tasks.provenance.agents import Participant, Person
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.vocabulary import AgentKind, DecisionAnswer
from restoration_tasks.runtime.spec import OutputFile, StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from tests.provenance.results import REEL, START, step_result

RUN = "manual__1"
PROGRAM = Participant(AgentKind.SOFTWARE, "reelkeeper", "0.1.0")
ANA = Person("ana", "Ana Petrova")
WAIVER = Waiver(finding="missing-frames:105-107", reason="burnt, never to be had")


def ingest_result() -> StepResult:
    """An ingest with every figure the catalogue has a column for, but for one nobody knew."""
    figures = {
        "frames": 240, "width": 2048, "height": 1556, "fps": "24", "duration_s": 10.0, "bit_depth": 10,
        "pix_fmt": "gbrp10le", "transfer": "printing-density", "scanner": "Scanner 7", "substituted_frames": 3,
        "sound_tracks": 1, "sound_channels": 2, "sound_rate_hz": 48000, "sound_bits": 24, "master_bytes": 2**33,
        "kind": "dpx", "warnings": 2, "not_a_column": True,
    }  # fmt: skip
    return step_result(step=StepName.INGEST, figures=figures, execution_id=f"{RUN}/ingest/-1/0")


def make_decided(sessions: sessionmaker[Session], answer: DecisionAnswer = DecisionAnswer.APPROVE) -> None:
    """Register a reel, record a step, save a plan, decide."""
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


def make_ingested(sessions: sessionmaker[Session]) -> None:
    """Register a reel, waive a finding, take it in."""
    with sessions.begin() as session:
        reels.register(session, REEL, title="Reel three", delivery_uri="/inbox/x")
        waivers.record(session, REEL, run_id=RUN, waivers=(WAIVER,), person=ANA)
    taken_in = Recorder(sessions).record(ingest_result())
    with sessions.begin() as session:
        scans.enter(session, taken_in.id, ingest_result(), result_uri="vault:r/result.json")


def catalogue(
    sessions: sessionmaker[Session],
    vault: Vault,
    products: Sequence[OutputFile],
    *,
    run: str = RUN,
    state: ReelState = ReelState.RESTORED,
    **more: Any,
) -> Published:
    """Publish what a run of the decided reel made."""
    return publish(
        sessions, vault, REEL, run_id=run, execution_id=f"{run}/catalogue", state=state, products=products,
        plan_version=1, participants=[PROGRAM], signing_key=vault.local_root.parent / "keys" / "key.pem", **more,
    )  # fmt: skip
