"""Watches a step's pod from the triggerer: patient with the API server, not with a lost node, its log in words."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import tenacity
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.providers.cncf.kubernetes.utils.pod_manager import AsyncPodManager, PodLaunchTimeoutException
from kubernetes_asyncio.client import CoreV1Api

from reelkeeper_airflow.operators.cluster import api_is_away, patience
from reelkeeper_airflow.operators.ending import overdue
from restoration_tasks.runtime.progress import parse_line

if TYPE_CHECKING:
    from kubernetes_asyncio.client.models import V1Pod
    from pendulum import DateTime


class NodeLost(PodLaunchTimeoutException):
    """The pod's node does not answer. The trigger takes it for a wait that is over: nothing to follow."""


class PatientHook(AsyncKubernetesHook):
    """Waits for an API server that is away, and takes a pod that overstays for lost."""

    async def get_pod(self, name: str, namespace: str) -> V1Pod:
        """Read a pod.

        Raises:
            NodeLost: it was to be gone and is still there.
        """
        pod: V1Pod = await tenacity.AsyncRetrying(**patience())(self._read_pod, name, namespace)
        if pod.status.reason == "NodeLost" or overdue(pod):
            raise NodeLost(f"Pod {namespace}/{name} is lost: its node does not answer.")
        return pod

    async def _read_pod(self, name: str, namespace: str) -> V1Pod:
        async with self.get_conn() as connection:
            return await CoreV1Api(connection).read_namespaced_pod(name=name, namespace=namespace)


class WordingPodManager(AsyncPodManager):
    """Writes a step's progress in words, while it works."""

    async def fetch_container_logs_before_current_sec(
        self, pod: V1Pod, container_name: str, since_time: DateTime | None = None
    ) -> DateTime | None:
        """Write what is new in the log; where the API server is away, leave it for the next time."""
        try:
            return await super().fetch_container_logs_before_current_sec(pod, container_name, since_time)
        except Exception as error:
            if not api_is_away(error):
                raise
            return since_time

    def _emit_container_logs(self, logs: list[str], now: DateTime, container_name: str) -> None:
        super()._emit_container_logs([_in_words(line) for line in logs], now, container_name)


class StepPodTrigger(KubernetesPodTrigger):
    """The provider's trigger with our hook and log."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name this class, not the provider's."""
        _, arguments = super().serialize()
        return f"{type(self).__module__}.{type(self).__qualname__}", arguments

    @cached_property
    def hook(self) -> PatientHook:
        """Reads the cluster."""
        return PatientHook(
            conn_id=self.kubernetes_conn_id,
            in_cluster=self.in_cluster,
            config_dict=self.config_dict,
            cluster_context=self.cluster_context,
            connection_extras=self.connection_extras,
        )

    @cached_property
    def pod_manager(self) -> WordingPodManager:
        """Writes the log."""
        return WordingPodManager(async_hook=self.hook)


def _in_words(line: str) -> str:
    """Turn a log line of the API (moment, blank, text) into words where its text is progress."""
    moment, blank, text = line.partition(" ")
    progress = parse_line(text.strip())
    return f"{moment}{blank}{progress.line()}" if progress else line
