"""What a step's task says to the tasks after it (XCom) and to people: where the result is, how it came about."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, JsonValue

from restoration_tasks.runtime.spec import StepResult, Verdict
from restoration_tasks.runtime.vault import Vault

XCOM_LIMIT_BYTES = 1024
"""A mapped task with a thousand lanes must not fill Airflow's database."""


class Did(StrEnum):
    """How a task came to its result."""

    WORKED = "worked"
    REUSED = "reused"
    AGREES = "fresh: agrees"
    DIFFERS = "fresh: differs"


class StepOutcome(BaseModel):
    """A task's XCom. Everything else is in the vault, where `uri` points."""

    model_config = ConfigDict(frozen=True)

    uri: str
    """Of a reel's step: its `result.json`. Of a batch: its spec file, which names every piece of work by signature."""
    did: Did
    work: int
    """Pieces of work: 1, or the segments of the batch."""
    wall_s: float
    """Seconds the results took to make, whenever that was."""
    figures: dict[str, JsonValue]
    """The few figures worth a glance."""
    warnings: int

    def xcom(self) -> dict[str, Any]:
        """Give JSON of at most `XCOM_LIMIT_BYTES`; figures that would not fit stay in the vault."""
        slim = self
        while len(slim.model_dump_json().encode()) > XCOM_LIMIT_BYTES and slim.figures:
            slim = slim.model_copy(update={"figures": dict(list(slim.figures.items())[:-1])})
        return slim.model_dump(mode="json")


def how(execution_ids: Sequence[str], results: Sequence[StepResult]) -> Did:
    """Tell how results came about: one bad comparison outweighs all else, work outweighs reuse."""
    own = [result for result, id_ in zip(results, execution_ids, strict=True) if result.execution_id == id_]
    verdicts = {result.compared.verdict for result in own if result.compared is not None}
    if Verdict.DIFFERS in verdicts:
        return Did.DIFFERS
    if Verdict.AGREES in verdicts:
        return Did.AGREES
    return Did.WORKED if own else Did.REUSED


def summarise(uri: str, execution_ids: Sequence[str], results: Sequence[StepResult]) -> StepOutcome:
    """Sum up the results of one task."""
    only = results[0] if len(results) == 1 else None
    figures: dict[str, JsonValue] = {
        name: value
        for name, value in (only.figures if only else {}).items()
        if value is None or isinstance(value, int | float | bool | str)
    }
    return StepOutcome(
        uri=uri,
        did=how(execution_ids, results),
        work=len(results),
        wall_s=round(sum(result.wall_s for result in results), 1),
        figures=figures,
        warnings=sum(len(result.warnings) for result in results),
    )


def result_at(vault: Vault, xcom: Any) -> StepResult:
    """Fetch the result an earlier task's XCom points to.

    Raises:
        VaultError: it is gone.
    """
    return vault.result_at(StepOutcome.model_validate(xcom).uri)
