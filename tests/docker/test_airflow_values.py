"""The values for the official Airflow chart: only keys the chart knows, settings that exist, and no secret.

No package carries the chart or its `values.schema.json`, which Helm itself holds values to (`helm template`,
`helm install`). So `KEYS` names each key we use with its type there, as the schema of chart 1.19 has it; what the chart
hands on to Kubernetes as it is, is held to the client's types.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from reelkeeper_airflow.operators.pod_template import USER

from restoration_tasks.runtime.settings import Runtime, Settings
from tests.docker.kubernetes_types import MANIFESTS, REPOSITORY, documents, problems
from tests.plugins.rendered_pods import environment, values_environment

VALUES = documents(MANIFESTS / "airflow-values.yaml")[0]
COMPONENT = {"enabled": bool, "replicas": int, "resources": "V1ResourceRequirements"}
VOLUMES = {"extraVolumes": "list[V1Volume]", "extraVolumeMounts": "list[V1VolumeMount]"}
KEYS: Mapping[str, Any] = {
    "defaultAirflowRepository": str,
    "defaultAirflowTag": str,
    "airflowVersion": str,
    "images": {"airflow": {"pullPolicy": str}},
    "executor": str,
    "uid": int,
    "gid": int,
    "securityContexts": {"pod": "V1PodSecurityContext", "containers": "V1SecurityContext"},
    "rbac": {"create": bool},
    "allowPodLaunching": bool,
    "data": {"metadataSecretName": str},
    "fernetKeySecretName": str,
    "apiSecretKeySecretName": str,
    "jwtSecretName": str,
    "secret": [{"envName": str, "secretName": str, "secretKey": str}],
    "env": "list[V1EnvVar]",
    "config": Mapping,
    "dags": {"persistence": {"enabled": bool}, "gitSync": {"enabled": bool}},
    "logs": {"persistence": {"enabled": bool, "size": str}},
    "volumes": "list[V1Volume]",
    "volumeMounts": "list[V1VolumeMount]",
    "migrateDatabaseJob": {"enabled": bool},
    "createUserJob": {"defaultUser": {"enabled": bool}},
    "scheduler": COMPONENT | VOLUMES,
    "triggerer": COMPONENT,
    "dagProcessor": COMPONENT,
    "apiServer": COMPONENT | VOLUMES | {"extraInitContainers": "list[V1Container]"},
    "postgresql": {"enabled": bool},
    "redis": {"enabled": bool},
    "statsd": {"enabled": bool},
}


def misfits(value: Any, known: Any, where: str = "values") -> list[str]:
    """What the chart would not understand."""
    if isinstance(known, str):
        return problems(value, known, where)
    if isinstance(known, list):
        return [found for index, one in enumerate(value) for found in misfits(one, known[0], f"{where}[{index}]")]
    if isinstance(known, dict):
        if not isinstance(value, dict):
            return [f"{where}: {value!r} is no mapping"]
        strange = [f"{where}.{key}: the chart has no such key" for key in value if key not in known]
        return strange + [
            found for key, one in value.items() if key in known for found in misfits(one, known[key], f"{where}.{key}")
        ]
    fits = isinstance(value, known) and (known is not int or not isinstance(value, bool))
    return [] if fits else [f"{where}: {value!r} is no {known.__name__}"]


def test_the_chart_understands_the_values() -> None:
    assert misfits(VALUES, KEYS) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("executer",), "LocalExecutor"),
        (("uid",), "10001"),
        (("scheduler", "extraVolumeMount"), []),
        (("scheduler", "resources"), {"request": {}}),
        (("volumes",), {"name": "archive"}),
        (("rbac", "create"), "false"),
    ],
)
def test_what_the_chart_does_not_understand_is_found(path: tuple[str, ...], value: Any) -> None:
    values = copy.deepcopy(VALUES)
    place = values
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert misfits(values, KEYS)


def test_every_setting_exists_and_makes_sense() -> None:
    names = {name for name in values_environment() if name.startswith("REELKEEPER_")}
    assert {name.removeprefix("REELKEEPER_").lower() for name in names} <= set(Settings.model_fields)
    with environment({}):
        settings = Settings()
    assert settings.runtime is Runtime.KUBERNETES
    assert settings.conservators == ["conservator"]


def test_airflow_knows_every_option() -> None:
    from airflow.configuration import conf

    for section, options in VALUES["config"].items():
        known = conf.configuration_description[section]["options"]
        assert set(options) <= set(known), section
        assert all(isinstance(value, str) for value in options.values()), "airflow.cfg holds text"


def test_the_cluster_is_configured_once() -> None:
    assert "KUBECONFIG" not in values_environment()
    connection = json.loads(values_environment()["AIRFLOW_CONN_KUBERNETES_DEFAULT"])
    assert connection == {"conn_type": "kubernetes", "extra": {"in_cluster": True}}


def test_airflow_and_the_steps_write_as_the_same_user() -> None:
    context = VALUES["securityContexts"]["pod"]
    assert (VALUES["uid"], context["runAsUser"], context["fsGroup"]) == (USER, USER, USER)


def test_folders_are_mounted_where_the_settings_say() -> None:
    mounted = {mount["mountPath"]: mount for mount in VALUES["volumeMounts"]}
    given = values_environment()
    for folder in ("VAULT", "INBOX", "MODELS", "SCRATCH", "HOME"):
        assert given[f"REELKEEPER_{folder}"] in mounted
    for part in ("inbox", "vault", "models"):
        assert mounted[f"/{part}"]["subPath"] == part, "as in the pods"
    (key,) = VALUES["scheduler"]["extraVolumeMounts"]
    assert given["REELKEEPER_SIGNING_KEY"].startswith(key["mountPath"] + "/")
    (signing,) = VALUES["scheduler"]["extraVolumes"]
    assert signing["secret"]["defaultMode"] == 0o440, "what provenance/signing.py accepts"


def test_the_versions_are_ours() -> None:
    pins = (REPOSITORY / "constraints.txt").read_text(encoding="utf-8")
    assert f"apache-airflow=={VALUES['airflowVersion']}\n" in pins
    dockerfile = (REPOSITORY / "docker" / "airflow.Dockerfile").read_text(encoding="utf-8")
    assert f"ARG AIRFLOW_VERSION={VALUES['airflowVersion']}" in dockerfile


def test_no_secret_stands_in_the_values_and_each_is_explained() -> None:
    text = (MANIFESTS / "airflow-values.yaml").read_text(encoding="utf-8")
    assert not re.search(r"\w+://[^/\s]*:[^/\s]*@", text)
    named = set(re.findall(r"[sS]ecretName: (\S+)", text))
    assert len(named) == 7
    runbook = (REPOSITORY / "docs" / "kubernetes.md").read_text(encoding="utf-8")
    assert not {name for name in named if f"`{name}`" not in runbook}
