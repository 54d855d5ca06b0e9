"""Pods that nobody waits for any more: told from what Airflow says of their tasks, and ended after a while.

A task that is marked failed in the moment before the triggerer takes it up leaves its pod to itself, as there is nobody
whom Airflow could tell; so does a worker that is lost between a pod's start and its word of it, if its run is deleted.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from kubernetes.client import CoreV1Api
from kubernetes.client.exceptions import ApiException

from reelkeeper_airflow.operators.cluster import api_is_away
from reelkeeper_airflow.operators.ending import overdue
from reelkeeper_airflow.operators.owner import OURS, PREFIX, Owner
from restoration_tasks.runtime.errors import PodRefused, StepFailed

log = logging.getLogger(__name__)

GRACE = timedelta(minutes=10)
"""How long a pod must be seen without a task: the task's own worker may just be clearing it away."""
LEFT_SINCE = f"{PREFIX}left-since"
"""Annotation that says since when."""
OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States in which a task asks for its pod no more. In every other one its try, or the next, takes the pod up again."""

States = Callable[[str, list[str], list[str]], Mapping[str, Mapping[str, str | None]]]
"""Airflow's answer for a DAG, task ids and run ids: by run, the state of each task (`task`, or `task_7` for lane 7)."""


@dataclass(frozen=True)
class Look:
    """What one look found.

    Attributes:
        pods: all that are ours.
        left: those nobody waits for, found just now or not long enough ago.
        ended: those that were deleted.
        unnamed: those that do not say whose they are; they are left alone.
    """

    pods: int
    left: int
    ended: int
    unnamed: int


def look(api: CoreV1Api, namespace: str, airflow: str, states: States, now: datetime | None = None) -> Look:
    """Look at each pod of a step, note since when nobody waits for it, and delete it `GRACE` later.

    Args:
        api: of the cluster.
        namespace: of the steps' pods.
        airflow: address of this Airflow; pods of another one are not looked at.
        states: asks Airflow.
        now: the moment of the look.

    Raises:
        StepFailed: the API server is away.
        PodRefused: Airflow may not do it.
    """
    now = now or datetime.now(UTC)
    try:
        selector = ",".join(f"{name}={value}" for name, value in OURS.items())
        pods = api.list_namespaced_pod(namespace, label_selector=selector).items
        unnamed = [pod for pod in pods if Owner.read(pod) is None]
        for pod in unnamed:
            log.warning("Pod %s does not say which task started it: it is left alone.", pod.metadata.name)
        owned = [(pod, owner) for pod in pods if (owner := Owner.read(pod)) is not None and owner.airflow == airflow]
        why = _left(owned, states)
        ended = sum(_end_or_note(api, pod, owner, why.get(pod.metadata.name), now) for pod, owner in owned)
    except Exception as error:
        raise _in_words(error) from error
    return Look(len(owned), len(why) - ended, ended, len(unnamed))


def _left(owned: Iterable[tuple[Any, Owner]], states: States) -> dict[str, str]:
    """Say of each pod that nobody waits for why not, by its name."""
    owned = list(owned)
    known = {
        dag_id: states(
            dag_id,
            sorted({owner.task_id for _, owner in owned if owner.dag_id == dag_id}),
            sorted({owner.run_id for _, owner in owned if owner.dag_id == dag_id}),
        )
        for dag_id in sorted({owner.dag_id for _, owner in owned})
    }
    # A try takes up what the one before it started: of a task at work the newest pod counts, not that of its own try.
    newest: dict[tuple[str, str, str, str, int], str] = {}
    for pod, owner in sorted(owned, key=lambda one: (one[1].try_number, one[0].metadata.creation_timestamp)):
        if pod.metadata.deletion_timestamp is None:
            newest[owner.task] = pod.metadata.name
    why = {}
    for pod, owner in owned:
        tasks = known[owner.dag_id].get(owner.run_id, {})
        key = owner.task_id if owner.map_index < 0 else f"{owner.task_id}_{owner.map_index}"
        if key not in tasks:
            why[pod.metadata.name] = "Airflow no longer knows its task"
        elif tasks[key] in OVER:
            why[pod.metadata.name] = f"its task is over ({tasks[key]})"
        elif pod.metadata.deletion_timestamp is None and newest[owner.task] != pod.metadata.name:
            why[pod.metadata.name] = f"its task has a newer pod, {newest[owner.task]}"
    return why


def _end_or_note(api: CoreV1Api, pod: Any, owner: Owner, why: str | None, now: datetime) -> bool:
    """Delete a pod, or note since when it is left; tell whether it was deleted."""
    name, namespace = pod.metadata.name, pod.metadata.namespace
    since = _moment((pod.metadata.annotations or {}).get(LEFT_SINCE))
    try:
        if why is None:
            if since is not None:
                _annotate(api, pod, None)
            return False
        if pod.metadata.deletion_timestamp is not None and not overdue(pod, now):
            return False
        if since is None:
            log.info("Pod %s (%s) is left: %s. It goes in %.0f minutes.", name, owner, why, GRACE.total_seconds() / 60)
            _annotate(api, pod, now.isoformat())
            return False
        if now - since < GRACE:
            return False
        # What does not go when told to is on a node that does not answer.
        force = {"grace_period_seconds": 0} if overdue(pod, now) else {}
        api.delete_namespaced_pod(name, namespace, **force)
    except ApiException as error:
        if error.status == 404:
            return False
        raise
    log.warning("Pod %s (%s) was ended: %s. What it had published counts; nothing else is lost.", name, owner, why)
    return True


def _annotate(api: CoreV1Api, pod: Any, since: str | None) -> None:
    body = {"metadata": {"annotations": {LEFT_SINCE: since}}}
    api.patch_namespaced_pod(pod.metadata.name, pod.metadata.namespace, body)


def _moment(text: str | None) -> datetime | None:
    """Read what was noted; None where nothing was, or nothing that can be read."""
    try:
        found = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return found if found.tzinfo else None


def _in_words(error: Exception) -> Exception:
    if api_is_away(error):
        return StepFailed("the cluster's API server does not answer", action="nothing: the next look is soon")
    if isinstance(error, ApiException):
        return PodRefused(
            f"Airflow may not look after pods in the cluster: {error.reason}",
            action="ask the platform engineer which rights Airflow has in the pods' namespace (rbac.yaml)",
        )
    return error
