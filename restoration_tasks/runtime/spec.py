"""The step contract in data: spec, signature, result."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from restoration_tasks.runtime.errors import StepFailed, WrongUse
from restoration_tasks.runtime.identifiers import ReelId
from restoration_tasks.runtime.settings import Device, Settings

SHA256 = r"^[0-9a-f]{64}$"
VAULT_SCHEME = "vault:"


class StepName(StrEnum):
    """The steps that run in a pod or a subprocess, in the order of a reel's way."""

    INGEST = "ingest"
    SHOTS = "shots"
    ASSESS = "assess"
    PLAN = "plan"
    RESTORE = "restore"
    ENLARGE = "enlarge"
    ASSEMBLE = "assemble"
    CHECK = "check"
    PACKAGE = "package"


IN_DEVICE_SLOT = frozenset({StepName.SHOTS, StepName.ASSESS, StepName.RESTORE, StepName.ENLARGE})
"""Steps whose work keeps a GPU busy, or every core where there is none: what a budget of hours counts."""


def canonical_json(value: object) -> bytes:
    """JSON with sorted keys, no spaces, no NaN, UTF-8: one text for one value.

    Raises:
        ValueError: the value holds NaN or an infinity.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reference(_Frozen):
    """A file in the vault and what it must contain."""

    uri: str
    """`vault:` and a path relative to the vault's root, so that a vault can move or be mounted elsewhere."""
    sha256: str = Field(pattern=SHA256)
    bytes: int = Field(ge=0)

    @field_validator("uri")
    @classmethod
    def _inside_the_vault(cls, uri: str) -> str:
        path = uri.removeprefix(VAULT_SCHEME)
        if not uri.startswith(VAULT_SCHEME) or path.startswith("/") or ".." in path.split("/") or "\\" in path:
            raise ValueError(f"{uri!r} is not a path inside the vault")
        return uri


class Source(_Frozen):
    """Something outside the vault that a step reads: the scanner's delivery.

    Where it lies does not enter the signature.
    """

    location: str
    sha256: str = Field(pattern=SHA256)
    """Digest of what identifies its content (for a delivery: its manifest)."""


class NumericProfile(_Frozen):
    """Whatever changes bits without being a parameter."""

    device: Device = Device.CPU
    precision: str = "float32"
    tile_px: int = 0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The profile these settings stand for."""
        return cls(device=settings.device, precision=settings.precision, tile_px=settings.tile_px)


class Spec(_Frozen):
    """One piece of work. What is in the signature decides the bytes; the last three fields do not."""

    step: StepName
    step_version: str
    reel_id: ReelId
    segment: str | None = Field(default=None, pattern=r"^s\d{3,}-\d{2,}$")
    inputs: dict[str, Reference] = Field(default_factory=dict)
    sources: dict[str, Source] = Field(default_factory=dict)
    params: dict[str, JsonValue] = Field(default_factory=dict)
    models: dict[str, str] = Field(default_factory=dict)
    """Weights used: name to sha256."""
    profile: NumericProfile = NumericProfile()

    vault: str
    """Root of the vault the results go to."""
    execution_id: str = Field(min_length=1, max_length=400)
    """Who asks: one provenance event per execution, however often it is retried."""
    fresh: bool = False
    """Work again although a finished result exists (a person cleared a task that had succeeded)."""

    @property
    def signature(self) -> str:
        """sha256 (hex) over step, version, input digests, parameters, model digests and numeric profile."""
        return hashlib.sha256(
            canonical_json(
                {
                    "step": self.step,
                    "step_version": self.step_version,
                    "inputs": {name: reference.sha256 for name, reference in self.inputs.items()},
                    "sources": {name: source.sha256 for name, source in self.sources.items()},
                    "params": self.params,
                    "models": self.models,
                    "profile": self.profile.model_dump(mode="json"),
                }
            )
        ).hexdigest()

    @property
    def label(self) -> str:
        """How staff know this piece of work: `restore s003-01` or `shots`."""
        return f"{self.step} {self.segment}" if self.segment else str(self.step)


class AgentKind(StrEnum):
    """Kinds of agent a step reports."""

    SOFTWARE = "software"
    MODEL = "model"
    DEVICE = "device"


class UsedAgent(_Frozen):
    """Software, a model or a device that took part in a step."""

    kind: AgentKind
    name: str
    version: str
    sha256: str | None = None


class OutputFile(Reference):
    """A file a step made."""

    name: str
    media_type: str

    @property
    def reference(self) -> Reference:
        """The same file as an input of the next step."""
        return Reference(uri=self.uri, sha256=self.sha256, bytes=self.bytes)


class Verdict(StrEnum):
    """Whether work done again gave the same bytes."""

    AGREES = "agrees"
    DIFFERS = "differs"


class Comparison(_Frozen):
    """Work done again, held against the attempt before it."""

    verdict: Verdict
    with_attempt: int
    differing: tuple[str, ...] = ()
    """Names of the outputs whose bytes differ."""


class StepResult(_Frozen):
    """What a step did: `result.json`, written last. Without it, it did not happen."""

    format: str = "reelkeeper.result/1"
    step: StepName
    step_version: str
    reel_id: ReelId
    segment: str | None
    signature: str = Field(pattern=SHA256)
    attempt: int = Field(ge=1)
    execution_id: str
    inputs: dict[str, Reference]
    sources: dict[str, Source] = Field(default_factory=dict)
    params: dict[str, JsonValue]
    models: dict[str, str]
    profile: NumericProfile
    outputs: tuple[OutputFile, ...]
    figures: dict[str, JsonValue]
    agents: tuple[UsedAgent, ...]
    warnings: tuple[str, ...]
    started: datetime
    ended: datetime
    wall_s: float = Field(ge=0)
    cpu_s: float = Field(ge=0)
    """Processor seconds of the step process and its children."""
    compared: Comparison | None = None

    def output(self, name: str) -> OutputFile:
        """The output of that name.

        Raises:
            StepFailed: the step made no such file.
        """
        for output in self.outputs:
            if output.name == name:
                return output
        raise StepFailed(
            f"the {self.step} step made no {name!r}",
            reel=self.reel_id,
            action="run the step again with the present version",
        )

    def reference(self, name: str) -> Reference:
        """The output of that name, as an input of the next step."""
        return self.output(name).reference


class SpecFile(_Frozen):
    """What `reelkeeper step run` reads: one batch of specs of one step, worked one after the other."""

    format: str = "reelkeeper.specs/1"
    specs: tuple[Spec, ...] = Field(min_length=1)

    @classmethod
    def parse(cls, text: str | bytes, *, source: object) -> Self:
        """Read a spec file.

        Raises:
            WrongUse: it is not one, or holds hostile ids or paths.
        """
        try:
            return cls.model_validate_json(text)
        except ValueError as error:
            first = str(error).splitlines()
            raise WrongUse(
                f"not a spec file: {' '.join(first[:4])}",
                file=source,
                action="let the DAG or `reelkeeper run` write the spec",
            ) from error
