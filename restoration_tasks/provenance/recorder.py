"""Records what happened: one PREMIS event for each execution, with objects and agents, chained to the reel's last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.provenance.agents import Participant, Person
from restoration_tasks.provenance.events import EventDraft, RecordedEvent, append_event
from restoration_tasks.provenance.vocabulary import (
    DECISION_TERM,
    STEP_TERMS,
    AgentKind,
    DecisionAnswer,
    FixityOutcome,
    Outcome,
)
from restoration_tasks.runtime.spec import Reference, StepName, StepResult, Verdict

__all__ = ["EventDraft", "RecordedEvent", "Recorder", "append_event", "decision_draft"]


class Recorder:
    """Records into one database. Every method is a transaction of its own and may be repeated.

    Args:
        sessions: a maker of sessions, such as `catalogue.engine.open_sessions` gives.
    """

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions

    def record(
        self,
        result: StepResult,
        *,
        execution_id: str | None = None,
        outcome: Outcome | None = None,
        participants: Iterable[Participant | Person] = (),
    ) -> RecordedEvent:
        """Record a finished step.

        Args:
            result: what the step left.
            execution_id: the execution to record; by default the one that made the result. Another one means that the
                result was reused, and the event says so.
            outcome: by default `warning` when the step warned or work done again differs, else `success`.
            participants: agents beside those the result names.
        """
        execution_id = execution_id or result.execution_id
        reused = execution_id != result.execution_id
        now = datetime.now(UTC)
        if outcome is None:
            differs = result.compared is not None and result.compared.verdict is Verdict.DIFFERS
            outcome = Outcome.WARNING if result.warnings or differs else Outcome.SUCCESS
        detail = result.model_dump(
            mode="python",
            include={
                "step_version", "segment", "signature", "attempt", "params", "models",
                "figures", "warnings", "wall_s", "cpu_s",
            },
        )  # fmt: skip
        detail |= {
            "step": str(result.step),
            "sources": {name: source.model_dump(mode="json") for name, source in result.sources.items()},
            "profile": result.profile.model_dump(mode="json"),
            "compared": None if result.compared is None else result.compared.model_dump(mode="json"),
            "digest_algorithm": "sha256",
            "reused_from": result.execution_id if reused else None,
        }
        return self.record_event(
            EventDraft(
                reel_id=result.reel_id,
                execution_id=execution_id,
                term=STEP_TERMS[result.step],
                started=now if reused else result.started,
                ended=now if reused else result.ended,
                outcome=outcome,
                detail=detail,
                participants=(
                    *(Participant(AgentKind(a.kind.value), a.name, a.version, a.sha256) for a in result.agents),
                    *participants,
                ),
                sources=tuple(result.inputs.items()),
                outcomes=tuple((output.name, output) for output in result.outputs),
                fixity=None if reused else FixityOutcome.COMPUTED,
            )
        )

    def record_failure(
        self,
        reel_id: str,
        step: StepName,
        *,
        execution_id: str,
        started: datetime,
        ended: datetime,
        message: str,
        segment: str | None = None,
        participants: Iterable[Participant | Person] = (),
    ) -> RecordedEvent:
        """Record that a step failed for good, with the line staff saw."""
        return self.record_event(
            EventDraft(
                reel_id=reel_id,
                execution_id=execution_id,
                term=STEP_TERMS[step],
                started=started,
                ended=ended,
                outcome=Outcome.FAILURE,
                detail={"step": str(step), "segment": segment, "message": message},
                participants=tuple(participants),
            )
        )

    def record_decision(
        self,
        reel_id: str,
        *,
        execution_id: str,
        answer: DecisionAnswer,
        person: Person,
        role: str,
        plan_version: int,
        plan_sha256: str,
        note: str = "",
        at: datetime | None = None,
        objects: Iterable[tuple[str, Reference]] = (),
    ) -> RecordedEvent:
        """Record what a person decided; `catalogue.decisions.decide` does so and fills the decisions table as well."""
        with self.sessions.begin() as session:
            return append_event(
                session,
                decision_draft(
                    reel_id,
                    execution_id=execution_id,
                    answer=answer,
                    person=person,
                    role=role,
                    plan_version=plan_version,
                    plan_sha256=plan_sha256,
                    note=note,
                    at=at,
                    objects=objects,
                ),
            )

    def record_event(self, draft: EventDraft) -> RecordedEvent:
        """Record any event, in a transaction of its own."""
        with self.sessions.begin() as session:
            return append_event(session, draft)


def decision_draft(
    reel_id: str,
    *,
    execution_id: str,
    answer: DecisionAnswer,
    person: Person,
    role: str,
    plan_version: int,
    plan_sha256: str,
    note: str = "",
    shots: Sequence[Mapping[str, Any]] = (),
    waived: Sequence[str] = (),
    at: datetime | None = None,
    objects: Iterable[tuple[str, Reference]] = (),
) -> EventDraft:
    """The event of a decision. The person enters as an id.

    `shots` are what they marked shot by shot, `waived` the rules of the check they let pass, `objects` what they looked
    at.
    """
    moment = at or datetime.now(UTC)
    return EventDraft(
        reel_id=reel_id,
        execution_id=execution_id,
        term=DECISION_TERM,
        started=moment,
        ended=moment,
        outcome=Outcome.SUCCESS,
        detail={
            "answer": answer.value,
            "role": role,
            "plan_version": plan_version,
            "plan_sha256": plan_sha256,
            "note": note,
        }
        | ({"shots": list(shots)} if shots else {})
        | ({"waived": list(waived)} if waived else {}),
        participants=(person,),
        sources=tuple(objects),
    )
