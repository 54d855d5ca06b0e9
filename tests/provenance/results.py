"""Step results as the runtime writes them, for recording."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from restoration_tasks.runtime.spec import (
    AgentKind,
    NumericProfile,
    OutputFile,
    Reference,
    StepName,
    StepResult,
    UsedAgent,
)

REEL = "HK-1967-012_r3"
START = datetime(2026, 11, 22, 12, 0, 0, 123456, tzinfo=UTC)


def digest(text: str) -> str:
    """A sha256 that belongs to a name."""
    return hashlib.sha256(text.encode()).hexdigest()


def output(name: str, file: str = "", *, media_type: str = "video/x-matroska") -> OutputFile:
    """A file a step made."""
    uri = f"vault:reels/{REEL}/{file or name}"
    return OutputFile(name=name, uri=uri, sha256=digest(name), bytes=1000 + len(name), media_type=media_type)


def step_result(
    step: StepName = StepName.RESTORE,
    execution_id: str = "run-1/restore/0/0/s001-01",
    *,
    minute: int = 0,
    outputs: tuple[OutputFile, ...] | None = None,
    inputs: dict[str, Reference] | None = None,
    **changes: Any,
) -> StepResult:
    """What a step left; `changes` replace any field."""
    started = START + timedelta(minutes=minute)
    fields: dict[str, Any] = {
        "step": step,
        "step_version": "1",
        "reel_id": REEL,
        "segment": "s001-01" if step in (StepName.RESTORE, StepName.ASSESS) else None,
        "signature": digest(f"{step} {execution_id}"),
        "attempt": 1,
        "execution_id": execution_id,
        "inputs": {"master": output("master").reference} if inputs is None else inputs,
        "params": {"treatments": ["dirt"], "strength": 0.5},
        "models": {},
        "profile": NumericProfile(),
        "outputs": (output("segment", f"{execution_id}/segment.mkv"),) if outputs is None else outputs,
        "figures": {"frames_changed": 12, "share": 0.0125},
        "agents": (
            UsedAgent(kind=AgentKind.SOFTWARE, name="reelkeeper", version="0.1.0"),
            UsedAgent(kind=AgentKind.MODEL, name="dirt-small", version="1", sha256=digest("weights")),
        ),
        "warnings": (),
        "started": started,
        "ended": started + timedelta(seconds=42),
        "wall_s": 42.0,
        "cpu_s": 40.5,
    }
    return StepResult(**(fields | changes))
