"""End pods that nobody waits for any more.

**What it does.** A step on Kubernetes runs in a pod, and its task waits for that pod and removes it. In rare moments
there is nobody who could: a task was marked failed, or its run deleted, just after its pod had started and before
anybody watched it; a scheduler or worker was lost. Such a pod would hold its GPU until its time is up. This DAG looks
at the steps' pods every quarter of an hour and asks Airflow how the task of each stands. Where it is over, gone, or has
a newer pod, it notes so on the pod; where that is still so ten minutes or more later, it deletes the pod.

**What it leaves alone.** Pods whose task runs, waits or will be tried again: its next try takes the pod up. Pods that
are not a step's, or that another Airflow started. Pods that do not say whose they are: the log names them.

**What is lost.** Nothing: what a step published counts, whoever started it, and what it had not finished is done again
when its task is cleared.

**Switch it on.** It runs by itself where steps run as pods, and not at all elsewhere. The log of its task says of each
pod that was deleted whose it was, and why. When it is red, the last line of the log says what the cluster refused.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag
from reelkeeper_airflow.tidy_pods import end_left_pods, when_to_look


@dag(
    dag_id="tidy_pods",
    dag_display_name="End pods nobody waits for",
    doc_md=__doc__,
    description="Deletes steps' pods whose task is over, gone, or has a newer pod",
    schedule=when_to_look(),
    catchup=False,
    is_paused_upon_creation=False,
    max_active_runs=1,
    tags=["kubernetes"],
    default_args={
        "owner": "restoration",
        "retries": 2,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=10),
    },
)
def tidy_pods() -> None:
    """Look, and end."""
    end_left_pods()


tidy_pods()
