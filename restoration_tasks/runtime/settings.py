"""Settings, read once from `REELKEEPER_*` environment variables."""

from __future__ import annotations

import os
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_QUANTITY = r"^\d+(\.\d+)?(Ki|Mi|Gi|Ti|k|M|G|T)$"
"""An amount as Kubernetes writes it."""


class Runtime(StrEnum):
    """Where steps run."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"


class Device(StrEnum):
    """The device class pixels are computed on; part of the numeric profile."""

    CPU = "cpu"
    CUDA = "cuda"


def _default_home() -> Path:
    """`.reelkeeper` in the checkout the package is run from, else in the user's home."""
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "dags").is_dir() else Path.home()) / ".reelkeeper"


class Settings(BaseSettings):
    """Everything that differs between a laptop and a cluster.

    Each field is the environment variable `REELKEEPER_<FIELD>`; lists are comma-separated.
    """

    model_config = SettingsConfigDict(env_prefix="REELKEEPER_", extra="ignore", frozen=True)

    home: Path = Field(default_factory=_default_home)
    """Folder of everything local: vault, inbox, scratch, the embedded Postgres, logs."""
    vault: str | None = None
    """Root of the vault: a local path or any fsspec URL. Default: `home/vault`."""
    inbox: Path | None = None
    """Folder the scanner delivers to; a reel's delivery is `inbox/<reel_id>`. Default: `home/inbox`."""
    scratch: Path | None = None
    """Local working space of running steps; may be emptied when nothing runs. Default: `home/scratch`."""
    replica_vault: str | None = None
    """Root of a second copy of the vault, kept up to date by other means; audits compare with it and repair from it."""
    models: Path | None = None
    """Folder of the shelf's networks; where steps run in pods, one on the claim they mount. Default: `home/models`."""
    signing_key: Path | None = None
    """File of the private key that signs checkpoints of the record, outside database and vault: in a cluster a mounted
    secret. Default: `home/keys/checkpoints.pem`, made when the first checkpoint is."""
    profiles: Path | None = None
    """Folder of the archive's own treatment profiles, a YAML file each. Default: `home/profiles`."""
    profile: str = "conservation"
    """The treatment profile of runs that name none."""
    database_url: SecretStr | None = None
    """SQLAlchemy URL of the catalogue. Default: the embedded Postgres under `home`."""
    runtime: Runtime = Runtime.LOCAL
    device: Device = Device.CPU
    precision: str = "float32"
    tile_px: int = Field(default=0, ge=0)
    """Largest tile side in pixels for networks; 0 leaves it to the memory at hand."""
    memory_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the memory at hand that a step plans with: frames worked side by side, and the tiles of larger versions.
    A step that ran out of memory is tried again with half of it. The number of frames changes no pixel; how large
    tiles were, stands in the result."""
    threads: int = Field(default=1, ge=1)
    """Threads one step process uses for its pixel work (two lanes run side by side on a two-core machine)."""
    batch_frames: int | None = Field(default=None, ge=1)
    """Frames a batch should hold at least. Default: as many as make its start small against its work
    (`steps/batching.py`)."""
    start_s: float | None = Field(default=None, gt=0)
    """Seconds a batch takes beside its work: until its process or pod works, and from its end until that is noticed.

    Default: 8 for a process of this machine, 30 for a pod (see `lane_start_s`).
    """
    lanes: int = Field(default=2, ge=1)
    """Batches that `reelkeeper run` works side by side: one a core of the smallest machine we support."""
    night_schedule: str = "0 20 * * *"
    """When the night begins by itself: a cron expression, in UTC."""
    night_hours: float = Field(default=8.0, gt=0)
    """Hours of the `gpu` pool that a night may fill, by estimate."""
    night_reels: int = Field(default=2, ge=1)
    """Reels worked on at one time in the night."""
    notify_mail: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """Mail addresses that are told when a decision is needed, a run failed, a night is over. Needs the Airflow
    connection `reelkeeper_mail` (SMTP)."""
    notify_webhook: bool = False
    """Whether a program is told the same by HTTP. Needs the Airflow connection `reelkeeper_webhook`."""
    remind_hours: float = Field(default=72.0, gt=0)
    """How long a question may wait until those who may answer are reminded. Nothing is ever decided by time."""
    catalogue_webhook: SecretStr | None = None
    """Address that is told by HTTP of each restoration that is catalogued (`https://host/path`). Default: nobody is."""
    catalogue_webhook_secret: SecretStr | None = None
    """Shared with whoever listens there; what is told is signed with it."""
    audit_gb: float = Field(default=500.0, gt=0)
    """Gigabytes (10⁹ bytes) that one audit may read."""
    audit_days: int = Field(default=90, ge=1)
    """Days within which every file is read again."""
    log_json: bool = False
    """Whether steps log one JSON object a line, for a log collector, instead of text for people."""
    image: str | None = None
    """The container image this process runs in, as it was asked for. Pods are told; nobody else need be."""
    ffmpeg: Path | None = None
    """ffmpeg binary. Default: the one of imageio-ffmpeg."""
    conservators: Annotated[list[str], NoDecode] = Field(default_factory=lambda: ["conservator"])
    """User ids who may decide about a restoration."""
    makers: Annotated[list[str], NoDecode] = Field(default_factory=list)
    """User ids of the film's makers who may decide as well."""
    kubernetes_namespace: str = "reelkeeper"
    kubernetes_image: str = "reelkeeper/restoration:0.1.0"
    kubernetes_vault_claim: str = "reelkeeper-vault"
    """PersistentVolumeClaim that holds the vault and the inbox, mounted in pods at the paths named here."""
    kubernetes_gpus: int = Field(default=0, ge=0)
    """GPUs a restore pod asks for (0 on a cluster without)."""
    kubernetes_gpu_nodes: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """Labels of the nodes for pods that ask for a GPU: `label=value,…`. Default: any node that has one."""
    kubernetes_nodes: Annotated[dict[str, str], NoDecode] = Field(default_factory=dict)
    """Labels of the nodes for all other pods."""
    kubernetes_memory: str = Field(default="8Gi", pattern=_QUANTITY)
    """Memory a pod may take at most."""
    kubernetes_scratch: str = Field(default="200Gi", pattern=_QUANTITY)
    """Disk of its node that a pod may take at most, for what it keeps while it works."""
    kubernetes_vault_secret: str | None = None
    """Secret whose keys are a pod's environment: how to reach a vault in an object store (AWS_ACCESS_KEY_ID …)."""
    kubernetes_pull_secret: str | None = None
    """Secret with the registry's login, where the image is not public."""
    kubernetes_wait_hours: float = Field(default=6.0, gt=0)
    """How long a pod may wait for a node; the queue for GPUs may be long, and waiting costs nothing."""

    @field_validator("kubernetes_gpu_nodes", "kubernetes_nodes", mode="before")
    @classmethod
    def _labels(cls, value: object) -> object:
        if isinstance(value, str):
            pairs = [label.strip().partition("=") for label in value.split(",") if label.strip()]
            return {name: wanted for name, _, wanted in pairs}
        return value

    @field_validator("conservators", "makers", "notify_mail", mode="before")
    @classmethod
    def _comma_separated(cls, value: object) -> object:
        if isinstance(value, str):
            return [name.strip() for name in value.split(",") if name.strip()]
        return value

    @cached_property
    def vault_root(self) -> str:
        """Root of the vault, as given or the default under `home`."""
        return self.vault or str(self.home / "vault")

    @cached_property
    def inbox_folder(self) -> Path:
        """Folder the scanner delivers to."""
        return self.inbox or self.home / "inbox"

    @cached_property
    def scratch_folder(self) -> Path:
        """Local working space."""
        return self.scratch or self.home / "scratch"

    @cached_property
    def models_folder(self) -> Path:
        """Networks that were fetched or brought."""
        return self.models or self.home / "models"

    @cached_property
    def signing_key_file(self) -> Path:
        """File of the private key that signs checkpoints."""
        return self.signing_key or self.home / "keys" / "checkpoints.pem"

    @cached_property
    def profiles_folder(self) -> Path:
        """The archive's own treatment profiles."""
        return self.profiles or self.home / "profiles"

    @cached_property
    def lane_start_s(self) -> float:
        """Seconds a batch takes beside its work.

        A process: 2.6 s of processor to load libraries and networks on a machine that has read them before, taken three
        times for a busy one; `python -m benchmarks.scaling` measures it (`start_cpu_s`). A pod: as much, and 3 s from
        its creation to its first line and from its end to its task's, seen on a cluster of Kubernetes 1.36 with the
        image at hand. The rest of its 30 s is kept for what was not measured: mounting the vault, taking hold of a GPU.
        """
        return self.start_s or (8.0 if self.runtime is Runtime.LOCAL else 30.0)

    @cached_property
    def step_limits(self) -> dict[str, str]:
        """Environment of every step process.

        Numerical libraries keep to `threads`: two steps at once must not fight for the cores. And all threads share
        one heap: glibc gives each its own and takes little of it back. Restoring 600 frames so held 471 MiB, with one
        heap 431, for the same processor time (96x72, measured in turns).
        """
        libraries = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return {**dict.fromkeys(libraries, str(self.threads)), "MALLOC_ARENA_MAX": "1"}

    def environment(self) -> dict[str, str]:
        """This process's environment, for a step subprocess, without the secrets a step must not have.

        Nothing of Airflow goes along: its options, connections (`AIRFLOW_CONN_…`) and variables all may hold passwords.
        """
        hidden = {
            "REELKEEPER_DATABASE_URL",
            "REELKEEPER_SIGNING_KEY",
            "REELKEEPER_CATALOGUE_WEBHOOK",
            "REELKEEPER_CATALOGUE_WEBHOOK_SECRET",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_")}
        return {name: value for name, value in kept.items() if name not in hidden} | self.step_limits
