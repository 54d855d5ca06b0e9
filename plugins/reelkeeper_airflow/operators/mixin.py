"""What both step operators share: ask for specs, verify what came back, record it, say it in the staff's language."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowException, AirflowFailException

from reelkeeper_airflow.journal import catalogue, task_of
from reelkeeper_airflow.operators.outcome import Did, StepOutcome, summarise
from restoration_tasks.runtime.errors import ReelkeeperError, StepFailed
from restoration_tasks.runtime.launch import write_specs
from restoration_tasks.runtime.runner import finished
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Spec, StepName, StepResult
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from airflow.sdk import Context

    from restoration_tasks.catalogue.journal import Task


@contextlib.contextmanager
def staff_language() -> Iterator[None]:
    """Turn our errors into Airflow's, with the one line for staff as their message.

    Raises:
        AirflowFailException: trying again would not help.
        AirflowException: it may; Airflow tries again as often as the DAG says.
    """
    try:
        yield
    except ReelkeeperError as error:
        kind = AirflowException if error.retry_helps else AirflowFailException
        raise kind(str(error)) from None


@dataclass(frozen=True)
class Asked:
    """The work of one try of a task."""

    settings: Settings
    task: Task
    specs: tuple[Spec, ...]
    spec_uri: str

    @property
    def vault(self) -> Vault:
        """Where results lie."""
        return Vault(self.settings.vault_root)

    def all_finished(self) -> bool:
        """Tell whether there is nothing left to do."""
        return all(finished(spec, self.vault) is not None for spec in self.specs)


class StepMixin:
    """Builds the specs of a step, and takes in its results.

    Attributes:
        step_name: the step.
        reel: XCom of `open_reel`: the reel id and the form's options.
        inputs: XComs of the tasks before, by step.
        batch: what a lane works on; None for a reel's step.
    """

    step_name: StepName
    reel: Any
    inputs: dict[str, Any]
    batch: Any

    def ask(self, context: Context) -> Asked:
        """Build the specs of this try and write them to the vault. The same try asks for the same every time.

        Raises:
            ReelkeeperError: an earlier result is gone or does not fit.
        """
        # Not at the top: the way knows the treatments and so loads OpenCV, which the DAG file must not.
        from reelkeeper_airflow.operators.asks import Ask, specs_of
        from restoration_tasks.catalogue.journal import earlier_success
        from restoration_tasks.steps.asked import Execution, RunOptions
        from restoration_tasks.steps.way import Way

        settings = Settings()
        task, sessions = task_of(context), catalogue(settings)
        way = Way(self.reel["reel_id"], settings, RunOptions.model_validate(self.reel["options"]))

        def execution(segment: str) -> Execution:
            return Execution(task.execution_id, fresh=earlier_success(sessions, task, segment))

        specs = specs_of(self.step_name, Ask(way, execution, self.inputs or {}, self.batch))
        return Asked(settings, task, specs, write_specs(way.vault, specs))

    def take_in(self, asked: Asked) -> StepOutcome:
        """Verify the results in the vault, record each as one event, and sum up. Safe to repeat.

        Raises:
            ReelkeeperError: a result is missing or not whole.
        """
        from restoration_tasks.catalogue.journal import record

        sessions = catalogue(asked.settings)
        results = [self._verified(spec, asked.vault) for spec in asked.specs]
        for spec, result in zip(asked.specs, results, strict=True):
            record(sessions, asked.task, spec, result)
        # XCom points to the result of a reel's step; a batch is named by its spec file.
        uri = asked.spec_uri
        if self.batch is None:
            uri = f"{asked.vault.work_uri(results[0].reel_id, results[0].step, results[0].signature)}/result.json"
        outcome = summarise(uri, [spec.execution_id for spec in asked.specs], results)
        self._tell(outcome, results)
        return outcome

    @staticmethod
    def _verified(spec: Spec, vault: Vault) -> StepResult:
        result = finished(spec, vault)
        if result is None or result.signature != spec.signature:
            raise StepFailed(
                f"{spec.label} ended without leaving a whole result",
                reel=spec.reel_id,
                action="clear the task to go on where it stopped",
            )
        return result

    def _tell(self, outcome: StepOutcome, results: Sequence[StepResult]) -> None:
        """Write the last lines of the task's log."""
        for result in results:
            for warning in result.warnings:
                self.log.warning("%s: %s", result.segment or result.step, warning)  # type: ignore[attr-defined]
            if result.compared is not None and result.compared.differing:
                names = ", ".join(result.compared.differing)
                self.log.warning("%s: other bytes than before in %s", result.segment or result.step, names)  # type: ignore[attr-defined]
        said = {
            Did.WORKED: "worked",
            Did.REUSED: "reused: finished before, nothing to do",
            Did.AGREES: "worked afresh; the bytes agree with those before",
            Did.DIFFERS: "worked afresh; the bytes DIFFER from those before, both are kept",
        }[outcome.did]
        self.log.info("%s: %s", self.step_name.value, said)  # type: ignore[attr-defined]
