"""How a pod ended, told from what the cluster still says of it: a cause, and what it means to staff. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from restoration_tasks.runtime.errors import OutOfMemory, PodRefused, StepFailed
from restoration_tasks.runtime.spec import StepName

OVERDUE = timedelta(seconds=30)
"""A pod that is still there so much later than it should be is on a node that does not answer."""
FIRST_LINE_LIMIT = 200
IMAGE_TROUBLE = frozenset({"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"})


WITH_LESS: Mapping[str, str] = {
    StepName.ASSESS: ", with fewer frames at once",
    StepName.RESTORE: ", with fewer frames at once",
    StepName.ENLARGE: ", with smaller tiles",
}
"""What steps do with half the memory. Fewer frames at once change no pixel; tiles do, and are part of the record."""


class Cause(StrEnum):
    """Why a pod ended, or was given up."""

    EVICTED = "evicted"
    """Its node needed memory or disk back, or was drained."""
    NODE_LOST = "node lost"
    OUT_OF_MEMORY = "out of memory"
    IMAGE = "image"
    """Its image cannot be had."""
    NO_NODE = "no node"
    """None had room, or the device, for as long as it may wait."""
    DEADLINE = "deadline"
    """It ran longer than a task may."""
    NOT_STARTED = "not started"
    """A node took it, and its container could not be made."""
    EXITED = "exited"
    GONE = "gone"
    """The cluster no longer knows it."""


@dataclass(frozen=True)
class Ending:
    """What became of a pod."""

    cause: Cause
    told: str = ""
    """The cluster's own words, one line."""
    code: int | None = None
    """Exit code of its first process, if it came to that."""


def overdue(pod: Any, now: datetime | None = None) -> bool:
    """Tell whether a pod was to be gone a while ago and is not: its node is lost.

    Kubernetes writes into `deletionTimestamp` when the pod is to be gone, its grace included.
    """
    leaves = pod.metadata.deletion_timestamp
    return leaves is not None and (now or datetime.now(UTC)) > leaves + OVERDUE


def ending_of(pod: Any, container: str) -> Ending:
    """Tell how a pod ended, from the last that was seen of it (None: nothing).

    Args:
        pod: of the client or the asynchronous client of Kubernetes.
        container: name of the one that works.
    """
    if pod is None or pod.status is None:
        return Ending(Cause.GONE)
    status = pod.status
    state = next((one.state for one in status.container_statuses or [] if one.name == container and one.state), None)
    ended, waiting = (state.terminated, state.waiting) if state else (None, None)
    if status.reason == "Evicted" or _condition(pod, "DisruptionTarget") == "True":
        ending = Ending(Cause.EVICTED, _first_line(status.message) or _said(pod, "DisruptionTarget"))
    elif status.reason == "NodeLost" or overdue(pod):
        ending = Ending(Cause.NODE_LOST, _first_line(status.message))
    elif status.reason == "DeadlineExceeded":
        ending = Ending(Cause.DEADLINE, _first_line(status.message))
    elif ended is not None:
        cause = Cause.OUT_OF_MEMORY if ended.reason == "OOMKilled" else Cause.EXITED
        ending = Ending(cause, _first_line(ended.reason or "Error"), ended.exit_code)
    elif waiting is not None and waiting.message:
        cause = Cause.IMAGE if waiting.reason in IMAGE_TROUBLE else Cause.NOT_STARTED
        ending = Ending(cause, _first_line(f"{waiting.reason}: {waiting.message}"))
    elif status.phase == "Pending" and _condition(pod, "PodScheduled") == "False":
        ending = Ending(Cause.NO_NODE, _said(pod, "PodScheduled"))
    else:
        ending = Ending(Cause.GONE, _first_line(status.message))
    return ending


def failure(ending: Ending, step: str, reel: str, waited_hours: float, complaint: str) -> StepFailed:
    """Say an ending in the staff's language.

    Args:
        ending: what became of the pod.
        step: of the work.
        reel: the reel id.
        waited_hours: how long a pod may wait for a node.
        complaint: what the operator said, for an ending that nothing else explains.
    """
    what, action = _WORDS[ending.cause]
    what = what.format(
        told=f" ({ending.told})" if ending.told else "",
        hours=waited_hours,
        code=ending.code,
        complaint=_first_line(complaint) or "no reason given",
    )
    action = action.format(smaller=WITH_LESS.get(step, ""))
    return _KINDS.get(ending.cause, StepFailed)(f"the pod of {step} {what}", reel=reel, action=action)


_KINDS: Mapping[Cause, type[StepFailed]] = {
    Cause.OUT_OF_MEMORY: OutOfMemory,
    Cause.IMAGE: PodRefused,
    Cause.NO_NODE: PodRefused,
    Cause.DEADLINE: PodRefused,
}
"""What is more than a failed try: `PodRefused` is not tried again."""

_WORDS: Mapping[Cause, tuple[str, str]] = {
    Cause.EVICTED: (
        "was evicted from its node{told}",
        "wait for the next try; if it stays so, allow it more disk or memory",
    ),
    Cause.NODE_LOST: (
        "is lost, as its node does not answer{told}",
        "wait for the next try, on another node",
    ),
    Cause.OUT_OF_MEMORY: (
        "ran out of memory",
        "wait for the next try{smaller}; if it stays so, raise its memory limit or use smaller batches, then"
        " clear the task",
    ),
    Cause.IMAGE: (
        "could not start, as its image cannot be had{told}",
        "check the image's name and the registry with the platform engineer, then clear the task",
    ),
    Cause.NO_NODE: (
        "found no node in {hours:g} hours{told}",
        "free or add a node that has what it asks for, then clear the task",
    ),
    Cause.DEADLINE: (
        "ran longer than its task may, and was ended",
        "use smaller batches or raise the task's execution time-out, then clear the task",
    ),
    Cause.NOT_STARTED: (
        "could not start{told}",
        "check volumes and secrets with the platform engineer, then clear the task",
    ),
    Cause.EXITED: (
        "ended with exit code {code}{told}",
        "see the log above, then clear the task to go on",
    ),
    Cause.GONE: (
        "did not do its work: {complaint}",
        "check image, nodes and quota with the platform engineer, then clear the task",
    ),
}
"""What happened, and what to do."""


def _condition(pod: Any, kind: str) -> str | None:
    return next((one.status for one in pod.status.conditions or [] if one.type == kind), None)


def _said(pod: Any, kind: str) -> str:
    return next((_first_line(one.message) for one in pod.status.conditions or [] if one.type == kind), "")


def _first_line(text: str | None) -> str:
    lines = (text or "").strip().splitlines()
    return lines[0][:FIRST_LINE_LIMIT] if lines else ""
