"""Runs a step as a pod. The task waits in the triggerer and holds no worker; the result file says how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.bases.xcom import BaseXCom
from airflow.sdk.exceptions import AirflowException
from kubernetes.client.exceptions import ApiException

from reelkeeper_airflow.operators.mixin import Asked, StepMixin, staff_language
from reelkeeper_airflow.operators.pod_template import pod_arguments
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.launch import read_failure, step_command
from restoration_tasks.runtime.progress import parse_line
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName

if TYPE_CHECKING:
    from airflow.sdk import Context
    from kubernetes.client import V1Pod

FIRST_LINE_LIMIT = 200


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
        self.arguments = step_command(asked.vault, asked.spec_uri)
        # Ends by deferring, so what follows runs only when the pod had already ended (a task taken up again).
        self._pod_ended(context, lambda: KubernetesPodOperator.execute(self, context))

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """Take the pod's end, or one more portion of its log, from the triggerer."""
        self._pod_ended(context, lambda: KubernetesPodOperator.trigger_reentry(self, context, event))

    def _pod_ended(self, context: Context, watch: Any) -> None:
        """Watch the pod; when it has ended, believe the result file over the pod.

        A pod can be gone, or its node lost, after the result was published; and a pod can look finished without one.
        """
        try:
            watch()
        except AirflowException as error:
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

    def _fail(self, asked: Asked, error: AirflowException) -> None:
        failure = read_failure(asked.vault, asked.spec_uri)
        if failure is not None:
            raise failure.error()
        reel = asked.specs[0].reel_id
        if (ended := _ending(self.pod, self.base_container_name)) is not None:
            reason, code = ended
            if reason == "OOMKilled":
                raise StepFailed(
                    f"the pod of {self.step_name} ran out of memory",
                    reel=reel,
                    action="raise its memory limit or use smaller batches, then clear the task",
                )
            if code < 0:
                raise StepFailed(
                    f"the pod of {self.step_name} could not start ({reason})",
                    reel=reel,
                    action="check the image's name and the registry with the platform engineer, then clear the task",
                )
            raise StepFailed(
                f"the pod of {self.step_name} ended with exit code {code} ({reason})",
                reel=reel,
                action="see the log above, then clear the task to go on",
            )
        lines = str(_cause(error)).strip().splitlines()
        raise StepFailed(
            f"the pod of {self.step_name} did not do its work: {(lines or ['no reason given'])[0][:FIRST_LINE_LIMIT]}",
            reel=reel,
            action="check image, nodes and quota with the platform engineer, then clear the task",
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


def _cause(error: BaseException) -> BaseException:
    """Find the provider's first complaint: its clean-up raises another one on top, which says nothing."""
    first = error
    while (earlier := error.__cause__ or error.__context__) is not None:
        error = earlier
        if isinstance(error, AirflowException):
            first = error
    return first


def _ending(pod: V1Pod | None, container: str) -> tuple[str, int] | None:
    """Give reason and exit code of the pod's container, if it ended; -1 for one that could not start."""
    statuses = (pod.status.container_statuses if pod is not None and pod.status else None) or []
    for status in statuses:
        if status.name == container and status.state and status.state.terminated:
            return status.state.terminated.reason or "Error", status.state.terminated.exit_code
        if status.name == container and status.state and status.state.waiting and status.state.waiting.message:
            return f"{status.state.waiting.reason}: {status.state.waiting.message}", -1
    return None
