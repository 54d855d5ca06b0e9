"""The pods of the steps as a cluster would be sent them, with the settings of the chart's values we hand out.

`python -m tests.plugins.rendered_pods` writes them anew to `tests/plugins/pods/`, one file a step: read what changed,
then commit it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from kubernetes.client import ApiClient

from restoration_tasks.runtime.launch import step_command
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault

REPOSITORY = Path(__file__).resolve().parents[2]
VALUES = REPOSITORY / "docker" / "kubernetes" / "airflow-values.yaml"
FOLDER = Path(__file__).parent / "pods"
SPEC = "vault:reels/REEL/specs/0000.json"
SECRET = "planted-password"
ADDRESS = f"postgresql+psycopg2://writer:{SECRET}@db/reelkeeper"
"""The catalogue as the components of Airflow are told it; it has no place in a pod."""


@dataclass(frozen=True)
class Case:
    """A pod that is kept as a file."""

    step: StepName
    name: str
    other: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Settings that differ from the chart's values."""

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / f"{self.name}.yaml"


CPU = {"REELKEEPER_DEVICE": "cpu", "REELKEEPER_KUBERNETES_GPUS": "0"}
STORE = {"REELKEEPER_VAULT": "s3://archive/vault", "REELKEEPER_KUBERNETES_VAULT_SECRET": "reelkeeper-vault-s3"}
CASES = (
    *(Case(step, step.value) for step in StepName),
    Case(StepName.RESTORE, "restore-without-gpu", CPU),
    Case(StepName.RESTORE, "restore-vault-in-store", STORE),
)


def values_environment() -> dict[str, str]:
    """The environment that the chart's values give to Airflow's components, as far as it is plain."""
    return {one["name"]: one["value"] for one in yaml.safe_load(VALUES.read_text(encoding="utf-8"))["env"]}


@contextmanager
def environment(other: Mapping[str, str]) -> Iterator[None]:
    """Nothing of Reelkeeper in this process's environment but the chart's values and what differs from them."""
    before = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("REELKEEPER_")}
    wanted = {name: value for name, value in values_environment().items() if name.startswith("REELKEEPER_")}
    os.environ.update(wanted | {"REELKEEPER_DATABASE_URL": ADDRESS} | other)
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("REELKEEPER_")]:
            del os.environ[name]
        os.environ.update(before)


def rendered(step: StepName, other: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Build a step's pod with our operator; what Airflow adds of a run (its labels) is not there."""
    from reelkeeper_airflow.operators.factory import LONGEST
    from reelkeeper_airflow.operators.pod import PodStepOperator

    with environment(other or {}):
        operator = PodStepOperator(
            task_id=step.value, step_name=step.value, reel=None, execution_timeout=timedelta(hours=12)
        )
        assert timedelta(hours=12) == LONGEST
        operator.random_name_suffix = False
        # The provider asks its hook for nothing but this, for a label; there is no cluster to ask.
        operator.__dict__["hook"] = SimpleNamespace(is_in_cluster=True)
        operator.arguments = step_command(Vault(Settings().vault_root), SPEC)
        pod = operator.build_pod_request_obj()
    document: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return document


@cache
def text(case: Case) -> str:
    """Write a pod as the text of its file."""
    return yaml.safe_dump(rendered(case.step, case.other), sort_keys=True, width=120)


def main() -> None:
    """Write every file."""
    FOLDER.mkdir(exist_ok=True)
    for case in CASES:
        case.path.write_text(text(case), encoding="utf-8")


if __name__ == "__main__":
    main()
