"""Runs a step as a pod. The task waits in the triggerer and holds no worker; the result file says how it went."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Never

from airflow.providers.cncf.kubernetes.backcompat.backwards_compat_converters import convert_env_vars_or_raise_error
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowException, AirflowRescheduleException
from kubernetes.client.exceptions import ApiException

from reelkeeper_airflow.operators.cluster import API_PATIENCE_S, api_is_away, patiently, require_one_cluster
from reelkeeper_airflow.operators.ending import ending_of, failure
from reelkeeper_airflow.operators.mixin import Asked, StepMixin, staff_language
from reelkeeper_airflow.operators.owner import Owner
from reelkeeper_airflow.operators.pod_template import GRACE_S, pod_arguments
from reelkeeper_airflow.operators.pod_trigger import StepPodTrigger
from restoration_tasks.runtime.errors import OutOfMemory, PodRefused, StepFailed
from restoration_tasks.runtime.launch import (
    MEMORY_SHARE,
    Failure,
    memory_share_now,
    read_failure,
    step_command,
    write_failure,
)
from restoration_tasks.runtime.progress import parse_line
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.triggers.base import BaseTrigger
    from kubernetes.client import V1Pod

QUOTA_PAUSE = timedelta(seconds=60)
"""Until a pod is asked for again where the namespace's quota is used up; meanwhile no worker waits."""
DYING_PATIENCE_S = GRACE_S + 20.0
"""How long a pod that was told to end may take, before it is removed by force: its node must be lost."""
DYING_PAUSE_S = 0.5
MOST_SAID = 200
"""Characters of what the API server says that staff are told."""


class PodStepOperator(StepMixin, KubernetesPodOperator):
    """A step on Kubernetes.

    Args:
        step_name: the step.
        reel: XCom of `open_reel`.
        inputs: XComs of the tasks before, by step.
        batch: what a lane works on.
    """

    template_fields: Sequence[str] = ("reel", "inputs", "batch")

    def __init__(
        self, *, step_name: str, reel: Any, inputs: Mapping[str, Any] | None = None, batch: Any = None, **kwargs: Any
    ) -> None:
        name = StepName(step_name)
        super().__init__(**pod_arguments(name, Settings(), kwargs.get("execution_timeout")), **kwargs)
        self.step_name = name
        self.reel = reel
        self.inputs = dict(inputs or {})
        self.batch = batch

    def execute(self, context: Context) -> None:
        """Start the pod and let go of the worker, or find the work done without starting one."""
        with staff_language():
            asked = self.ask(context)
        if asked.all_finished():
            self._clear_away(context)
            self._conclude(context, asked)
            return
        with staff_language():
            require_one_cluster(self.hook.conn_extras)  # type: ignore[attr-defined]
        self.arguments = step_command(asked.vault, asked.spec_uri)
        self._plan_memory(asked)

        def start() -> None:
            self._see_off(context)
            KubernetesPodOperator.execute(self, context)

        # Ends by deferring, so what follows runs only when the pod had already ended (a task taken up again).
        self._pod_ended(context, start)

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> V1Pod:
        """Write onto the pod whose it is, for whoever looks after pods that were left."""
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        if context is not None:
            pod.metadata.annotations = {**(pod.metadata.annotations or {}), **Owner.of(context).annotations()}
        return pod

    def defer(self, *, trigger: BaseTrigger, **arguments: Any) -> Never:
        """Wait with our trigger instead of the provider's."""
        if type(trigger) is KubernetesPodTrigger:
            trigger = StepPodTrigger(**trigger.serialize()[1])
        super().defer(trigger=trigger, **arguments)

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Take the pod's end, or one more portion of its log, from the triggerer."""
        self._pod_ended(context, lambda: KubernetesPodOperator.trigger_reentry(self, context, event))

    def _plan_memory(self, asked: Asked) -> None:
        """Let a pod that follows one without enough memory plan with half of what that one had."""
        share = memory_share_now(asked.settings, read_failure(asked.vault, asked.spec_uri))
        if share < asked.settings.memory_share:
            self.log.warning("The try before ran out of memory: this one plans with %.3g of what there is.", share)
        # A mapping until Airflow has rendered the task, a list after.
        self.env_vars = convert_env_vars_or_raise_error(self.env_vars)
        for variable in self.env_vars:
            if variable.name == MEMORY_SHARE:
                variable.value = str(share)

    def _see_off(self, context: Context) -> None:
        """Wait until a pod of this task that was told to end is gone, so that it is not taken for the one to follow.

        A task cleared while its pod ran starts anew within a second, and its pod takes up to its grace to end.
        """
        selector = self._build_find_pod_label_selector(context, exclude_checked=False)
        given_up = time.monotonic() + DYING_PATIENCE_S
        while dying := [
            pod
            for pod in self.client.list_namespaced_pod(self.namespace, label_selector=selector).items
            if pod.metadata.deletion_timestamp
        ]:
            if time.monotonic() < given_up:
                time.sleep(DYING_PAUSE_S)
                continue
            for pod in dying:
                # Nothing is lost: a result counts when its file is whole, whoever wrote it.
                self.log.warning("Pod %s does not end, its node must be lost: removing it.", pod.metadata.name)
                self.client.delete_namespaced_pod(pod.metadata.name, self.namespace, grace_period_seconds=0)

    def _pod_ended(self, context: Context, watch: Any) -> None:
        """Watch the pod; when it has ended, believe the result file over the pod.

        A pod can be gone, or its node lost, after the result was published; and a pod can look finished without one.
        """
        try:
            patiently(watch)
        except Exception as error:
            if not isinstance(error, AirflowException | ApiException) and not api_is_away(error):
                raise
            with staff_language():
                asked = self.ask(context)
                if not asked.all_finished():
                    self._fail(asked, error)
            self.log.warning("The pod was lost after its result had been published; the result counts.")
        with staff_language():
            asked = self.ask(context)
        self._conclude(context, asked)

    def _clear_away(self, context: Context) -> None:
        """Delete the pod of an earlier try whose end nobody saw; a cluster that is away does not undo finished work."""
        if context["ti"].try_number == 1:
            return
        try:
            pod = self.find_pod(self.namespace, context, exclude_checked=False)
        except (ApiException, AirflowException) as error:
            self.log.warning("Could not look for the pod of an earlier try: %s", error)
            return
        if pod is not None:
            self.process_pod_deletion(pod, reraise=False)

    def _conclude(self, context: Context, asked: Asked) -> None:
        with staff_language():
            outcome = self.take_in(asked)
        # KubernetesPodOperator drops what execute returns unless it reads it from a side-car; push it ourselves.
        context["ti"].xcom_push(key=BaseXCom.XCOM_RETURN_KEY, value=outcome.xcom())

    def _fail(self, asked: Asked, error: Exception) -> None:
        told = read_failure(asked.vault, asked.spec_uri)
        share = memory_share_now(asked.settings, told)
        if self.pod is not None and told is not None and told.kind != OutOfMemory.__name__:
            raise told.error()
        reel = asked.specs[0].reel_id
        self._refuse(error, reel)
        ending = ending_of(self.pod, self.base_container_name)
        failed = failure(ending, self.step_name, reel, asked.settings.kubernetes_wait_hours, str(_cause(error)))
        if isinstance(failed, OutOfMemory):
            # For the next try: what the kernel ended could not say it.
            write_failure(
                asked.vault, asked.spec_uri, Failure(kind=type(failed).__name__, text=str(failed), memory_share=share)
            )
        raise failed

    def _refuse(self, error: Exception, reel: str) -> None:
        """Say what the API server said, where there is no pod to look at."""
        if api_is_away(error):
            raise StepFailed(
                f"the cluster's API server did not answer for {API_PATIENCE_S / 60:.0f} minutes",
                reel=reel,
                action="ask the platform engineer; the pod, if there is one, is found again by the next try",
            )
        if not isinstance(error, ApiException) or error.status == 404:
            return
        if error.status == 403 and "exceeded quota" in str(error.body):
            self.log.warning("The namespace's quota is used up; asking again in %s.", QUOTA_PAUSE)
            raise AirflowRescheduleException(datetime.now(UTC) + QUOTA_PAUSE)  # type: ignore[no-untyped-call]
        what = "may not do what it needs to" if error.status in (401, 403) else "was refused"
        raise PodRefused(
            f"Airflow {what} in the cluster: {_said(error)}",
            reel=reel,
            action="ask the platform engineer which rights Airflow has in the pods' namespace, then clear the task",
        )

    def _write_logs(self, pod: V1Pod, follow: bool = False, since_time: Any = None) -> None:  # type: ignore[override]
        """As the provider does, but with the step's progress in words."""
        since_s = None
        if since_time is not None:
            moment = datetime.fromisoformat(since_time) if isinstance(since_time, str) else since_time
            since_s = math.ceil((datetime.now(UTC) - moment).total_seconds())
        for raw in self.client.read_namespaced_pod_log(
            name=pod.metadata.name,
            namespace=pod.metadata.namespace,
            container=self.base_container_name,
            follow=follow,
            since_seconds=since_s,
            _preload_content=False,
        ):
            line = raw.decode("utf-8", errors="backslashreplace").rstrip("\n")
            progress = parse_line(line)
            if line:
                self.log.info(progress.line() if progress else line)


def _said(error: ApiException) -> str:
    """Give the API server's own sentence: it answers with a `Status` object, a proxy before it with anything."""
    try:
        told = json.loads(error.body)["message"]
    except (TypeError, ValueError, LookupError):
        told = error.body
    return (str(told or error.reason or "").splitlines() or ["no reason given"])[0][:MOST_SAID]


def _cause(error: BaseException) -> BaseException:
    """Find the provider's first complaint: its clean-up raises another one on top, which says nothing."""
    first = error
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
        if isinstance(error, AirflowException):
            first = error
    return first
