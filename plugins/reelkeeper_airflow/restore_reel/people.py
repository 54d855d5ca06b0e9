"""The two questions to people: is the plan right (if the form asked for it), and what becomes of the restoration."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict
from airflow.sdk.exceptions import AirflowFailException

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.notify import Occasion, TellStaff
from reelkeeper_airflow.operators.mixin import staff_language
from reelkeeper_airflow.operators.outcome import result_at
from reelkeeper_airflow.restore_reel.describe import decision_body, plan_body
from reelkeeper_airflow.restore_reel.form import BY_PROFILE, STRENGTHS
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.execution_time.hitl import HITLUser


class Answer(StrEnum):
    """What a person may say about a restoration, as the buttons read."""

    APPROVE = "Approve"
    WAIVE = "Waive"
    """What the check refused passes all the same, on this person's word and for their reason."""
    REDO = "Redo"
    REJECT = "Reject"


AFTER_A_PASS = (Answer.APPROVE, Answer.REDO, Answer.REJECT)
AFTER_A_REFUSAL = (Answer.REDO, Answer.WAIVE, Answer.REJECT)


class PlanAnswer(StrEnum):
    """What a person may say about a plan, as the buttons read."""

    GO_ON = "Go on"
    STOP = "Stop here"


def deciders(settings: Settings) -> list[HITLUser]:
    """List who may answer: the conservators and makers of the settings, each once."""
    return [{"id": user, "name": user} for user in dict.fromkeys([*settings.conservators, *settings.makers])]


def note_param() -> Param:
    """A note that may stay empty (a plain string parameter would block every button until it is filled)."""
    return Param(
        None,
        type=["null", "string"],
        maxLength=2000,
        title="Note",
        description_md="Why, in your own words. It is kept with the decision. *Waive* is not taken without it.",
        source="task",
    )


class PlanReview(HITLOperator, SkipMixin):
    """Shows the plan before any pixel is touched, when the form asked for it; otherwise goes straight on.

    Where the profile restores nothing, the run ends here: all that follows is skipped but giving the reel back.
    """

    inherits_from_skipmixin = True

    template_fields: Sequence[str] = ("subject", "body", "reel", "plan", "version")

    def __init__(self, *, reel: Any, plan: Any, version: Any, **kwargs: Any) -> None:
        super().__init__(
            **kwargs
            | {
                "subject": "Is the plan for reel {{ params.reel_id }} right?",
                "options": [answer.value for answer in PlanAnswer],
                "params": {"note": note_param()},
                "assigned_users": deciders(Settings()),
                "notifiers": TellStaff(Occasion.DECISION),
            }
        )
        self.reel = reel
        self.plan = plan
        self.version = version

    def execute(self, context: Context) -> Any:
        """Ask, if a person wanted to be asked."""
        from reelkeeper_airflow.restore_reel.reel import way_of

        if not way_of(self.reel).rules.restores:
            self._end_with_the_condition(context)
            return None
        if not context["params"]["review_plan"]:
            self.log.info("The form did not ask for a review of the plan: going on.")
            return None
        with staff_language():
            vault = Vault(Settings().vault_root)
            self.body = plan_body(vault, result_at(vault, self.plan), self.version)
        return super().execute(context)

    def _end_with_the_condition(self, context: Context) -> None:
        self.log.info("The profile measures and restores nothing: the run ends with the condition report.")
        following = context["task"].get_flat_relatives(upstream=False)
        self.skip(ti=context["ti"], tasks=[task for task in following if not task.is_teardown])

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Any:
        """Go on, or end the run on a person's word."""
        answered = super().execute_complete(context, event)
        if answered["chosen_options"] != [PlanAnswer.GO_ON.value]:
            person = (answered["responded_by_user"] or {}).get("name", "a person")
            note = answered["params_input"].get("note") or "no note"
            raise AirflowFailException(
                f"reel {self.reel['reel_id']}: {person} stopped the run at the plan ({note})."
                " Next: trigger the reel again with other treatments or another strength."
            )
        return answered


class Decision(HITLOperator):
    """Asks a named person about the restoration. There is no default answer and no time limit."""

    template_fields: Sequence[str] = ("subject", "body", "reel", "version", "assembled", "checked")

    def __init__(self, *, reel: Any, version: Any, assembled: Any, checked: Any, **kwargs: Any) -> None:
        super().__init__(
            **kwargs
            | {
                "subject": "Reel {{ params.reel_id }}: is the restoration good?",
                "options": [answer.value for answer in AFTER_A_PASS],
                "params": _decision_params(None),
                "assigned_users": deciders(Settings()),
                "notifiers": TellStaff(Occasion.DECISION),
            }
        )
        self.reel = reel
        self.version = version
        self.assembled = assembled
        self.checked = checked

    def execute(self, context: Context) -> Any:
        """Put the question, with what a person needs to answer it."""
        from restoration_tasks.catalogue import nights, reels
        from restoration_tasks.catalogue.models import ReelState

        with staff_language():
            vault = Vault(Settings().vault_root)
            checked = result_at(vault, self.checked)
            self.body = decision_body(vault, self.version, result_at(vault, self.assembled), checked)
            with catalogue().begin() as session:
                reels.set_state(session, self.reel["reel_id"], ReelState.AWAITING_DECISION)
                nights.worked(session, self.reel["reel_id"], context["run_id"])
        if not checked.figures["passed"]:
            # What the check refused cannot be approved, only waived with a reason; `record_decision` holds to the same.
            self.options = [answer.value for answer in AFTER_A_REFUSAL]
        # The form names the version that was looked at, and no other.
        self.params = ParamsDict(_decision_params(int(self.version["version"])))
        return super().execute(context)


def _decision_params(version: int | None) -> dict[str, Param]:
    """Build the fields beside the buttons. Until the question is put, the plan version is a stand-in."""
    shown: dict[str, Any] = {} if version is None else {"enum": [version]}
    return {
        "plan_version": Param(
            version or 1,
            type="integer",
            minimum=1,
            title="Plan version",
            description_md="The version the answer is about.",
            source="task",
            **shown,
        ),
        "note": note_param(),
        "strength": Param(
            BY_PROFILE,
            type="string",
            enum=list(STRENGTHS),
            values_display=STRENGTHS,
            title="Strength of the next pass",
            description_md="Only read with *Redo*.",
            source="task",
        ),
    }
