"""The manifests for Kubernetes: every field is one the API has, and they agree with the pods that our code makes."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName
from tests.docker.kubernetes_types import MANIFESTS, REPOSITORY, documents, manifests, problems, problems_of
from tests.plugins.rendered_pods import CASES, FOLDER

PODS = {case.name: yaml.safe_load(case.path.read_text(encoding="utf-8")) for case in CASES}
VALUES = documents(MANIFESTS / "airflow-values.yaml")[0]
UNITS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} | {
    unit: 2.0 ** (10 * power) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), start=1)
}


def one(kind: str, file: str, name: str | None = None) -> dict[str, Any]:
    (found,) = [
        document
        for document in documents(MANIFESTS / file)
        if document["kind"] == kind and name in (None, document["metadata"]["name"])
    ]
    return found


def amount(quantity: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)([A-Za-z]*)", quantity).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


@pytest.mark.parametrize(("name", "document"), list(manifests()), ids=[name for name, _ in manifests()])
def test_the_api_takes_it(name: str, document: dict[str, Any]) -> None:
    assert problems_of(document) == []


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("spec", "podSelectors"), {}, "no such field"),
        (("spec", "podSelector", "matchLabel"), {"a": "b"}, "no such field"),
        (("spec", "policyTypes"), "Ingress", "no list"),
        (("spec", "podSelector", "matchLabels"), {"a": 1}, "no str"),
        (("apiVersion",), "networking.k8s.io/v1beta1", "is none of"),
        (("kind",), "NetworkPolicies", "has no"),
        (("metadata",), {"name": "x"}, "missing"),
    ],
)
def test_what_the_api_would_refuse_is_found(path: tuple[str, ...], value: Any, told: str) -> None:
    document = copy.deepcopy(one("NetworkPolicy", "network-policy.yaml"))
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert any(told in problem for problem in problems_of(document)), problems_of(document)


def test_what_must_be_there_is_missed() -> None:
    document = copy.deepcopy(one("RoleBinding", "rbac.yaml", "reelkeeper-watcher"))
    del document["roleRef"]
    assert any("role_ref" in problem for problem in problems_of(document))


def test_everything_of_ours_is_in_the_steps_namespace_or_airflows() -> None:
    named = {document["metadata"].get("namespace") for _, document in manifests()}
    assert named == {Settings(home=REPOSITORY).kubernetes_namespace, "airflow", None}
    assert one("Namespace", "namespace.yaml")["metadata"]["name"] == Settings(home=REPOSITORY).kubernetes_namespace


def test_the_network_policy_reaches_every_pod_and_opens_nothing() -> None:
    policy = one("NetworkPolicy", "network-policy.yaml")["spec"]
    assert sorted(policy["policyTypes"]) == ["Egress", "Ingress"]
    assert "ingress" not in policy
    assert "egress" not in policy
    for file in ("network-policy.yaml", "vault-s3.yaml"):
        wanted = one("NetworkPolicy", file)["spec"]["podSelector"]["matchLabels"]
        for name, pod in PODS.items():
            assert wanted.items() <= pod["metadata"]["labels"].items(), name


@pytest.mark.parametrize("name", PODS)
def test_the_quota_and_the_limits_admit_the_pod(name: str) -> None:
    hard = one("ResourceQuota", "resource-quota.yaml")["spec"]["hard"]
    (limits,) = one("LimitRange", "resource-quota.yaml")["spec"]["limits"]
    (container,) = PODS[name]["spec"]["containers"]
    asked, most = container["resources"]["requests"], container["resources"]["limits"]
    needs = {f"requests.{what}": amount(much) for what, much in (most | asked).items()}
    needs |= {f"limits.{what}": amount(much) for what, much in most.items()}
    for what, much in hard.items():
        if what.startswith("limits.") and what not in needs:
            pytest.fail(f"the quota counts {what}, which the pod does not have: it would be refused")
        assert needs.get(what, 0) <= amount(much), what
    for what, much in limits["max"].items():
        assert amount(most[what]) <= amount(much), what


@pytest.mark.parametrize("name", PODS)
def test_the_claims_and_secrets_a_pod_names_are_made(name: str) -> None:
    made = {
        (document["kind"], document["metadata"]["name"])
        for _, document in manifests()
        if document["metadata"].get("namespace") == PODS[name]["metadata"]["namespace"]
    }
    spec = PODS[name]["spec"]
    for volume in spec["volumes"]:
        if claim := volume.get("persistentVolumeClaim"):
            assert ("PersistentVolumeClaim", claim["claimName"]) in made
    for source in spec["containers"][0]["envFrom"]:
        assert ("Secret", source["secretRef"]["name"]) in made


def test_the_example_secret_holds_no_secret() -> None:
    secret = one("Secret", "vault-s3.yaml")["stringData"]
    assert {value for key, value in secret.items() if "KEY" in key} == {"change-me"}


def images() -> Iterator[tuple[str, str]]:
    yield "pods", PODS["restore"]["spec"]["containers"][0]["image"]
    yield "job", one("Job", "catalogue-job.yaml")["spec"]["template"]["spec"]["containers"][0]["image"]
    yield "values", f"{VALUES['defaultAirflowRepository']}:{VALUES['defaultAirflowTag']}"
    yield "logins", VALUES["apiServer"]["extraInitContainers"][0]["image"]
    yield "settings", Settings(home=REPOSITORY).kubernetes_image


@pytest.mark.parametrize(("where", "image"), list(images()), ids=[where for where, _ in images()])
def test_images_are_those_the_dockerfiles_make(where: str, image: str) -> None:
    name = image.partition(":")[0].removeprefix("reelkeeper/")
    dockerfile = (REPOSITORY / "docker" / f"{name}.Dockerfile").read_text(encoding="utf-8")
    assert f"-t {image} ." in dockerfile, "the command in its head"
    version = image.partition(":")[2]
    assert f"ARG VERSION={version}" in dockerfile
    assert f'version = "{version}"' in (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")


def test_the_catalogue_job_is_locked_down_as_a_pod_is() -> None:
    spec = one("Job", "catalogue-job.yaml")["spec"]["template"]["spec"]
    assert not spec["automountServiceAccountToken"]
    pod = PODS["restore"]["spec"]
    assert spec["containers"][0]["securityContext"] == pod["containers"][0]["securityContext"]
    assert spec["securityContext"].items() <= pod["securityContext"].items()


@pytest.mark.parametrize("name", PODS)
def test_a_rendered_pod_is_one_the_api_takes(name: str) -> None:
    assert problems(PODS[name], "V1Pod", "Pod") == []


def test_there_is_a_file_for_each_step_and_none_without_one() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {case.path.name for case in CASES}
    assert {case.step for case in CASES} == set(StepName)
