"""The task that ends pods nobody waits for."""

from __future__ import annotations

from dataclasses import asdict

from airflow.sdk import get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from reelkeeper_airflow.notify import site
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.settings import Runtime, Settings

EVERY_QUARTER = "*/15 * * * *"


def when_to_look() -> str | None:
    """Every quarter of an hour where steps run as pods, as cron; never where they do not."""
    return EVERY_QUARTER if Settings().runtime is Runtime.KUBERNETES else None


@task
def end_left_pods() -> dict[str, int]:
    """Look at every pod of a step once."""
    settings = Settings()
    if settings.runtime is not Runtime.KUBERNETES:
        raise AirflowSkipException("Steps do not run as pods here (REELKEEPER_RUNTIME)")
    # The Kubernetes client takes a second to import: only where it is used.
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    from reelkeeper_airflow.operators.cluster import require_one_cluster
    from reelkeeper_airflow.operators.left_pods import look

    ti = get_current_context()["ti"]
    hook = KubernetesHook(conn_id="kubernetes_default")
    with staff_language():
        require_one_cluster(hook.conn_extras)
        found = look(
            hook.core_v1_client,
            settings.kubernetes_namespace,
            site(),
            lambda dag_id, task_ids, run_ids: ti.get_task_states(dag_id, task_ids=task_ids, run_ids=run_ids),
        )
    return asdict(found)
