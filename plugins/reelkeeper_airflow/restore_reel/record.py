"""What is written down on the worker: the plan's version, the decision and where it leads, the catalogue."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.sdk import get_current_context, task

from reelkeeper_airflow.journal import catalogue, task_of
from reelkeeper_airflow.operators.mixin import staff_language
from reelkeeper_airflow.operators.outcome import result_at
from reelkeeper_airflow.restore_reel.form import next_form
from reelkeeper_airflow.restore_reel.people import Answer
from reelkeeper_airflow.restore_reel.reel import way_of
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


log = logging.getLogger(__name__)

REASON_SHOWN = 200
"""Characters of a plan's reason that travel in XCom; the whole stands in the catalogue."""
NEXT_RUN = "next_run"
"""XCom key of the form the next run is triggered with."""
REASON_CHARACTERS = 2000
"""As the form's field holds at most."""
LEADS_TO = {
    Answer.APPROVE: "catalogue",
    Answer.WAIVE: "catalogue",
    Answer.REDO: "redo",
    Answer.REJECT: "rejected",
}
"""By answer, the task the run goes on with."""
REDO_DEFAULT_REASON = "another pass was asked for"


@task
def record_plan(reel: Mapping[str, Any], planned: Mapping[str, Any]) -> dict[str, Any]:
    """Give the plan its number; one that asks for what the newest version asks for is that version."""
    from restoration_tasks.provenance.agents import PROGRAM
    from restoration_tasks.steps import plan_versions

    with staff_language():
        way = way_of(reel)
        reason = get_current_context()["params"]["reason"]
        with catalogue(way.settings).begin() as session:
            if way.options.plan_version is not None:
                file = plan_versions.named(session, way, way.options.plan_version)
                way.require_models(file.plan.models)
            else:
                file = plan_versions.adopt(
                    session,
                    way,
                    way.draft(result_at(way.vault, planned)),
                    author=PROGRAM,
                    reason=reason or f"from the damage measured; {way.rules.words}",
                )
    return {
        "version": file.version,
        "reason": file.plan.reason[:REASON_SHOWN],
        "plan": file.reference.model_dump(mode="json"),
        "enlarge": file.plan.enlarge.choice if file.plan.enlarge else None,
    }


@task.branch
def record_decision(
    reel: Mapping[str, Any], version: Mapping[str, Any], checked: Mapping[str, Any], answered: Mapping[str, Any]
) -> str:
    """Check again that the person may decide, record the decision, and lead on."""
    from restoration_tasks.catalogue import decisions, drafts, reels
    from restoration_tasks.catalogue.models import ReelState
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.provenance.vocabulary import DecisionAnswer
    from restoration_tasks.steps import deciding

    context = get_current_context()
    person, form = answered["responded_by_user"] or {}, answered["params_input"]
    answer = Answer(answered["chosen_options"][0])
    reel_id = reel["reel_id"]
    with staff_language():
        settings = Settings()
        role = decisions.role_of(str(person.get("id", "nobody")), settings)
        _require_same_version(reel_id, form, version)
        judged = result_at(Vault(settings.vault_root), checked)
        note = (form.get("note") or "").strip()
        with catalogue(settings).begin() as session:
            # What they marked on the pages while they looked goes with their answer, and only theirs.
            marks = drafts.of_person(session, reel_id, int(version["version"]), str(person["id"]))
            deciding.decide(
                session,
                judged,
                run_id=context["run_id"],
                execution_id=task_of(context).execution_id,
                plan_version=int(version["version"]),
                answer=DecisionAnswer.APPROVE if answer is Answer.WAIVE else DecisionAnswer(answer.value.lower()),
                waive=answer is Answer.WAIVE,
                person=Person(person["id"], person.get("name")),
                role=role,
                note=note,
                shots=marks,
                at=datetime.fromisoformat(str(answered["responded_at"])),
            )
            if answer is Answer.REJECT:
                reels.set_state(session, reel_id, ReelState.REJECTED)
            by_hand = _saved_meanwhile(session, reel_id, int(version["version"]))
    following = next_form(context["params"], form["strength"], redo_reason(note, [mark.words for mark in marks]))
    if by_hand is not None:
        log.info("Redo carries out plan version %s, which a person saved meanwhile, as it is.", by_hand)
        following["use_plan_version"] = by_hand
    context["ti"].xcom_push(key=NEXT_RUN, value=following)
    return LEADS_TO[answer]


def _saved_meanwhile(session: Session, reel_id: str, carried_out: int) -> int | None:
    """The newest plan version, where a person saved it after the one that was carried out; else None."""
    from restoration_tasks.catalogue import plans

    newest = plans.latest(session, reel_id)
    if newest is None or newest.version <= carried_out or not plans.made_by_person(session, reel_id, newest.version):
        return None
    return newest.version


def redo_reason(note: str, marks: Sequence[str]) -> str:
    """Why another pass, as the next plan version keeps it: the note, and what was marked on single shots.

    >>> redo_reason("grain looks washed", ["shot 3: redo"])
    'grain looks washed; shot 3: redo'
    """
    said = "; ".join([*([note] if note else []), *marks]) or REDO_DEFAULT_REASON
    return said if len(said) <= REASON_CHARACTERS else said[: REASON_CHARACTERS - 1] + "…"


@task
def rejected(reel: Mapping[str, Any]) -> None:
    """Mark, in the grid, that this run ended with a rejection: nothing is catalogued or packaged."""
    log.info("Reel %s was rejected. Its masters stay in the vault; the decision is on record.", reel["reel_id"])


@task(task_id="catalogue")
def catalogue_reel(
    reel: Mapping[str, Any],
    version: Mapping[str, Any],
    ingested: Mapping[str, Any],
    assembled: Mapping[str, Any],
    checked: Mapping[str, Any],
) -> dict[str, Any]:
    """Enter the masters and copies into the catalogue and write the provenance records the package takes along."""
    from restoration_tasks.runtime.spec import Reference
    from restoration_tasks.steps.publishing import publish_restoration

    context = get_current_context()
    with staff_language():
        way = way_of(reel)
        made = result_at(way.vault, assembled)
        documents = publish_restoration(
            catalogue(way.settings),
            way,
            run_id=context["run_id"],
            execution_id=task_of(context).execution_id,
            ingested=result_at(way.vault, ingested),
            assembled=made,
            checked=result_at(way.vault, checked),
            plan=Reference.model_validate(version["plan"]),
            plan_version=int(version["version"]),
        )
    return {
        "documents": {name: document.model_dump(mode="json") for name, document in documents.items()},
        # The day the restoration was made, not the day of this run: the same content gives the same bag.
        "info": way.bag_info(made.ended.date(), int(version["version"])),
    }


class Redo(TriggerDagRunOperator):
    """Ends this run as superseded and starts the next one, which makes the next plan version."""

    template_fields = ("conf", "reel")

    def __init__(self, *, reel: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.reel = reel

    def execute(self, context: Any) -> Any:
        """Hand the reel over: the lock is given back first, or the next run would find it taken."""
        from restoration_tasks.catalogue import lock, reels
        from restoration_tasks.catalogue.models import ReelState

        with staff_language(), catalogue().begin() as session:
            reels.set_state(session, self.reel["reel_id"], ReelState.SUPERSEDED)
            lock.release(session, self.reel["reel_id"], context["run_id"])
        return super().execute(context)


def _require_same_version(reel_id: str, form: Mapping[str, Any], version: Mapping[str, Any]) -> None:
    if form.get("plan_version") != version["version"]:
        raise WrongUse(
            "the decision names another plan version than the one that was carried out",
            reel=reel_id,
            expected=version["version"],
            found=form.get("plan_version"),
            action="clear the task 'decide' and answer again",
        )
