"""What a step sees while it works: its parameters, its inputs as local paths, and where its outputs go."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, JsonValue, ValidationError

from restoration_tasks.runtime.errors import StepFailed, WrongUse
from restoration_tasks.runtime.progress import Reporter, StepProgress
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import AgentKind, NumericProfile, Spec, StepName, UsedAgent
from restoration_tasks.runtime.vault import Vault

log = logging.getLogger(__name__)

Params = TypeVar("Params", bound=BaseModel)

OUTPUT_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]*(/[A-Za-z0-9_][A-Za-z0-9._ -]*)*")


@dataclass(frozen=True)
class StepDefinition:
    """A step as the registry knows it.

    `version` changes whenever the same inputs and parameters would give other bytes.
    """

    name: StepName
    version: str
    run: Callable[[StepWork], None]


@dataclass
class DraftOutput:
    """A file a step is making."""

    path: Path
    file: str
    media_type: str


@dataclass
class StepWork:
    """One running piece of work.

    Attributes:
        spec: what was asked for.
        settings: this machine's settings (threads, ffmpeg); nothing in them may change the bytes.
        folder: scratch folder of this signature; `out/` for outputs, `parts/` for what survives a kill.
    """

    spec: Spec
    settings: Settings
    folder: Path
    report: Reporter
    outputs: dict[str, DraftOutput] = field(default_factory=dict)
    figures: dict[str, JsonValue] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    agents: list[UsedAgent] = field(default_factory=list)

    @property
    def params(self) -> dict[str, JsonValue]:
        """The spec's parameters as JSON; `parse_params` gives them a type."""
        return self.spec.params

    def parse_params(self, model: type[Params]) -> Params:
        """The parameters as the step's own pydantic model.

        Raises:
            WrongUse: they do not fit the model.
        """
        try:
            return model.model_validate(self.spec.params)
        except ValidationError as error:
            problem = error.errors()[0]
            raise WrongUse(
                f"parameter {'.'.join(map(str, problem['loc'])) or '?'} of {self.spec.label}: {problem['msg']}",
                reel=self.reel_id,
                action="correct the plan or the trigger form",
            ) from error

    @property
    def reel_id(self) -> str:
        """The reel."""
        return self.spec.reel_id

    @property
    def profile(self) -> NumericProfile:
        """Device class and precision to compute with."""
        return self.spec.profile

    @property
    def input_names(self) -> list[str]:
        """Names of the inputs, sorted."""
        return sorted(self.spec.inputs)

    def input(self, name: str) -> Path:
        """Local path of an input; its digest is checked.

        Raises:
            StepFailed: the spec names no such input.
            SourceChanged: the file is not what was recorded.
        """
        if name not in self.spec.inputs:
            raise StepFailed(f"the spec of {self.spec.label} names no input {name!r}", reel=self.reel_id)
        return Vault(self.spec.vault).fetch(self.spec.inputs[name], self.settings.scratch_folder)

    def source(self, name: str) -> Path:
        """Local path of a source outside the vault (the step itself checks what it reads against the digest).

        Raises:
            StepFailed: the spec names no such source.
        """
        if name not in self.spec.sources:
            raise StepFailed(f"the spec of {self.spec.label} names no source {name!r}", reel=self.reel_id)
        return Path(self.spec.sources[name].location)

    def output(self, name: str, file: str, *, media_type: str) -> Path:
        """Local path to write an output to; it is hashed and published when the step returns.

        Args:
            name: the role other steps ask for.
            file: file name inside the result folder (may hold folders).
            media_type: such as `video/x-matroska`.
        """
        if not OUTPUT_NAME.fullmatch(file):
            raise StepFailed(f"{file!r} may not name an output", reel=self.reel_id)
        if name in self.outputs:
            raise StepFailed(f"{self.spec.label} makes {name!r} twice", reel=self.reel_id)
        path = self.folder / "out" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        self.outputs[name] = DraftOutput(path=path, file=file, media_type=media_type)
        return path

    def part(self, file: str) -> Path:
        """Local path of a resumable part: it is still there when killed work starts again.

        Write it under another name and rename it when it is whole; what stands here is taken for finished.
        """
        if not OUTPUT_NAME.fullmatch(file):
            raise StepFailed(f"{file!r} may not name a part", reel=self.reel_id)
        path = self.folder / "parts" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def figure(self, name: str, value: JsonValue) -> None:
        """Report a small figure of the result."""
        self.figures[name] = value

    def warn(self, text: str) -> None:
        """Report something staff should know although the work went on."""
        log.warning("%s: %s", self.spec.label, text)
        self.warnings.append(text)

    def note(self, text: str) -> None:
        """Write something down in the log that nobody has to act on."""
        log.info("%s: %s", self.spec.label, text)

    def agent(self, kind: AgentKind, name: str, version: str, sha256: str | None = None) -> None:
        """Report software, a model or a device that took part."""
        agent = UsedAgent(kind=kind, name=name, version=version, sha256=sha256)
        if agent not in self.agents:
            self.agents.append(agent)

    def progress(self, done: int, total: int, unit: str = "frames") -> None:
        """Report how far the work is."""
        self.report(StepProgress(label=self.spec.label, done=done, total=total, unit=unit))
