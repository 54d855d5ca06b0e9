"""What a step's pod looks like: locked down, bounded in time, memory and devices, with the vault and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from kubernetes.client import models as k8s

from reelkeeper_airflow.operators.owner import OURS
from restoration_tasks.runtime.launch import MEMORY_SHARE
from restoration_tasks.runtime.settings import Device, Settings
from restoration_tasks.runtime.spec import StepName

USER = 10001
"""User and group in the restoration image; also the group that owns the vault's claim."""
ON_GPU = frozenset({StepName.SHOTS, StepName.ASSESS, StepName.RESTORE, StepName.ENLARGE})
"""Steps that use a GPU where there is one."""
WAIT_FOR_IMAGE_S = 900
"""From a node found to the first process: an image with CUDA is several gigabytes."""
LONGEST = timedelta(hours=12)
"""Deadline of a pod whose task names none."""
LOG_EVERY_S = 15
GRACE_S = 10
"""Between TERM and KILL; what a step keeps, it keeps as it goes."""
GPU = "nvidia.com/gpu"
SHARED_MEMORY = "1Gi"
"""Size of /dev/shm, which processes of torch pass frames through; a container's own has 64 MiB."""


def pod_arguments(step: StepName, settings: Settings, longest: timedelta | None) -> dict[str, Any]:
    """Build what `KubernetesPodOperator` is given for a step."""
    return {
        "name": f"reelkeeper-{step.value}",
        "namespace": settings.kubernetes_namespace,
        "image": settings.kubernetes_image,
        "image_pull_policy": "IfNotPresent",
        "cmds": ["reelkeeper"],
        "image_pull_secrets": _named(settings.kubernetes_pull_secret),
        "env_vars": _environment(settings),
        "env_from": [
            k8s.V1EnvFromSource(secret_ref=k8s.V1SecretEnvSource(name=secret.name))
            for secret in _named(settings.kubernetes_vault_secret)
        ],
        "volumes": _volumes(settings),
        "volume_mounts": _mounts(settings),
        "container_resources": _resources(step, settings),
        "node_selector": settings.kubernetes_gpu_nodes if _uses_gpu(step, settings) else settings.kubernetes_nodes,
        "tolerations": [k8s.V1Toleration(key=GPU, operator="Exists", effect="NoSchedule")]
        if _uses_gpu(step, settings)
        else [],
        "security_context": k8s.V1PodSecurityContext(
            run_as_non_root=True,
            run_as_user=USER,
            run_as_group=USER,
            fs_group=USER,
            # The vault may hold millions of files: do not walk it at each start when its root is right already.
            fs_group_change_policy="OnRootMismatch",
            seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
        ),
        "container_security_context": k8s.V1SecurityContext(
            allow_privilege_escalation=False,
            read_only_root_filesystem=True,
            capabilities=k8s.V1Capabilities(drop=["ALL"]),
        ),
        "automount_service_account_token": False,
        "labels": OURS | {"reelkeeper/step": step.value},
        "deferrable": True,
        "do_xcom_push": False,
        "poll_interval": 2,
        "startup_check_interval_seconds": 1,
        "startup_timeout_seconds": WAIT_FOR_IMAGE_S,
        "schedule_timeout_seconds": int(settings.kubernetes_wait_hours * 3600),
        "logging_interval": LOG_EVERY_S,
        "log_events_on_failure": True,
        # The whole pod as text would bury the one line staff need.
        "log_pod_spec_on_failure": False,
        "active_deadline_seconds": int((longest or LONGEST).total_seconds()),
        "termination_grace_period": GRACE_S,
        "termination_message_policy": "FallbackToLogsOnError",
        "on_finish_action": "delete_pod",
        "on_kill_action": "delete_pod",
    }


def _uses_gpu(step: StepName, settings: Settings) -> bool:
    return settings.kubernetes_gpus > 0 and settings.device is Device.CUDA and step in ON_GPU


def _environment(settings: Settings) -> dict[str, str]:
    """Build the pod's settings. No database address and no credential is among them."""
    return {
        "REELKEEPER_IMAGE": settings.kubernetes_image,
        "REELKEEPER_VAULT": settings.vault_root,
        "REELKEEPER_INBOX": str(settings.inbox_folder),
        "REELKEEPER_SCRATCH": str(settings.scratch_folder),
        "REELKEEPER_HOME": str(settings.scratch_folder),
        "REELKEEPER_MODELS": str(settings.models_folder),
        "REELKEEPER_DEVICE": settings.device.value,
        "REELKEEPER_PRECISION": settings.precision,
        "REELKEEPER_TILE_PX": str(settings.tile_px),
        MEMORY_SHARE: str(settings.memory_share),
        "REELKEEPER_THREADS": str(settings.threads),
        "PYTHONUNBUFFERED": "1",
        **settings.step_limits,
        # The root file system is read-only; whatever writes to its home writes to scratch.
        "HOME": str(settings.scratch_folder),
        "TMPDIR": str(settings.scratch_folder),
    }


def _volumes(settings: Settings) -> list[k8s.V1Volume]:
    claim = k8s.V1PersistentVolumeClaimVolumeSource(claim_name=settings.kubernetes_vault_claim)
    return [
        k8s.V1Volume(name="archive", persistent_volume_claim=claim),
        k8s.V1Volume(name="scratch", empty_dir=k8s.V1EmptyDirVolumeSource()),
        k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource()),
        # Counts as memory of the pod.
        k8s.V1Volume(name="shm", empty_dir=k8s.V1EmptyDirVolumeSource(medium="Memory", size_limit=SHARED_MEMORY)),
    ]


def _named(secret: str | None) -> list[k8s.V1LocalObjectReference]:
    return [k8s.V1LocalObjectReference(name=secret)] if secret else []


def _mounts(settings: Settings) -> list[k8s.V1VolumeMount]:
    mounts = [
        k8s.V1VolumeMount(name="archive", mount_path=str(settings.inbox_folder), sub_path="inbox", read_only=True),
        k8s.V1VolumeMount(name="scratch", mount_path=str(settings.scratch_folder)),
        k8s.V1VolumeMount(name="tmp", mount_path="/tmp"),  # noqa: S108 -- the pod's own, emptied with it
        k8s.V1VolumeMount(name="shm", mount_path="/dev/shm"),  # noqa: S108 -- the same
    ]
    if not settings.models_folder.is_relative_to(settings.vault_root):
        models = str(settings.models_folder)
        mounts.append(k8s.V1VolumeMount(name="archive", mount_path=models, sub_path="models", read_only=True))
    if "://" not in settings.vault_root:
        mounts.append(k8s.V1VolumeMount(name="archive", mount_path=settings.vault_root, sub_path="vault"))
    return mounts


def _resources(step: StepName, settings: Settings) -> k8s.V1ResourceRequirements:
    """Requests are what a step was seen to use, limits what stops a runaway; a GPU is asked for whole."""
    memory = "2Gi" if step in (StepName.PLAN, StepName.PACKAGE) else "4Gi"
    requests = {"cpu": str(settings.threads), "memory": memory, "ephemeral-storage": "4Gi"}
    limits = {"memory": settings.kubernetes_memory, "ephemeral-storage": settings.kubernetes_scratch}
    if _uses_gpu(step, settings):
        limits[GPU] = str(settings.kubernetes_gpus)
    return k8s.V1ResourceRequirements(requests=requests, limits=limits)
