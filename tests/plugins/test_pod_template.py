"""A step's pod: locked down, bounded, with the vault and without any credential."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from reelkeeper_airflow.operators.pod_template import GPU, pod_arguments

from restoration_tasks.runtime.settings import Device, Settings
from restoration_tasks.runtime.spec import StepName

SECRET = "postgresql://reelkeeper:hush@db/reelkeeper"


def arguments(step: StepName = StepName.RESTORE, **settings: Any) -> dict[str, Any]:
    base = {"home": Path("/srv/reelkeeper"), "database_url": SECRET}
    return pod_arguments(step, Settings(**base | settings), timedelta(hours=2))


def test_pods_are_locked_down() -> None:
    made = arguments()
    pod, container = made["security_context"], made["container_security_context"]
    assert (pod.run_as_non_root, pod.seccomp_profile.type) == (True, "RuntimeDefault")
    assert pod.run_as_user > 0
    assert container.read_only_root_filesystem
    assert container.allow_privilege_escalation is False
    assert container.capabilities.drop == ["ALL"]
    assert made["automount_service_account_token"] is False
    assert made["do_xcom_push"] is False


def test_pods_look_for_models_where_the_worker_does() -> None:
    made = arguments(models=Path("/srv/vault/models"))
    assert made["env_vars"]["REELKEEPER_MODELS"] == "/srv/vault/models"


def test_no_credential_enters_a_pod() -> None:
    made = arguments()
    assert "hush" not in str(made)
    assert not [name for name in made["env_vars"] if "DATABASE" in name or "PASSWORD" in name]


@pytest.mark.parametrize("step", list(StepName))
def test_every_pod_is_bounded(step: StepName) -> None:
    made = arguments(step)
    assert made["active_deadline_seconds"] == 2 * 3600
    assert made["schedule_timeout_seconds"] > made["startup_timeout_seconds"]
    assert made["logging_interval"]
    assert made["log_events_on_failure"]
    resources = made["container_resources"]
    assert {"cpu", "memory", "ephemeral-storage"} <= set(resources.requests)
    assert {"memory", "ephemeral-storage"} <= set(resources.limits)


def test_every_place_a_step_writes_to_is_a_volume() -> None:
    made = arguments()
    mounted = {mount.mount_path: mount for mount in made["volume_mounts"]}
    environment = made["env_vars"]
    for name in ("REELKEEPER_VAULT", "REELKEEPER_SCRATCH", "HOME", "TMPDIR"):
        assert not mounted[environment[name]].read_only
    assert mounted[environment["REELKEEPER_INBOX"]].read_only
    names = {volume.name for volume in made["volumes"]}
    assert {mount.name for mount in mounted.values()} <= names


def test_a_vault_in_an_object_store_is_not_mounted() -> None:
    made = arguments(vault="s3://archive/vault")
    assert "s3://archive/vault" not in {mount.mount_path for mount in made["volume_mounts"]}
    assert made["env_vars"]["REELKEEPER_VAULT"] == "s3://archive/vault"


@pytest.mark.parametrize(
    ("step", "device", "gpus", "asks"),
    [
        (StepName.RESTORE, Device.CUDA, 1, True),
        (StepName.ASSESS, Device.CUDA, 1, True),
        (StepName.PACKAGE, Device.CUDA, 1, False),
        (StepName.RESTORE, Device.CPU, 1, False),
        (StepName.RESTORE, Device.CUDA, 0, False),
    ],
)
def test_a_gpu_is_asked_for_only_where_it_is_used(step: StepName, device: Device, gpus: int, asks: bool) -> None:
    made = arguments(step, device=device, kubernetes_gpus=gpus)
    assert (made["container_resources"].limits.get(GPU) == "1") is asks
    assert bool(made["tolerations"]) is asks
