"""The pod of each step as the cluster gets it, held to a file that people can read."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.plugins.rendered_pods import CASES, SECRET, Case, text

ADVICE = "if the change is meant, write the files anew with `python -m tests.plugins.rendered_pods` and read them"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_pod_is_the_one_on_file(case: Case) -> None:
    assert text(case) == case.path.read_text(encoding="utf-8"), ADVICE


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kubernetes_calls_it_restricted(case: Case) -> None:
    """What the label `pod-security.kubernetes.io/enforce: restricted` of the namespace asks, and more."""
    spec: dict[str, Any] = yaml.safe_load(case.path.read_text(encoding="utf-8"))["spec"]
    (container,) = spec["containers"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"]["type"] == "RuntimeDefault"
    assert container["securityContext"]["capabilities"]["drop"] == ["ALL"]
    assert not container["securityContext"]["allowPrivilegeEscalation"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert not spec["automountServiceAccountToken"]
    assert not spec["hostNetwork"]
    assert {kind for volume in spec["volumes"] for kind in volume if kind != "name"} <= {
        "emptyDir",
        "persistentVolumeClaim",
    }
    assert "/dev/shm" in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_secret_is_written_in_it(case: Case) -> None:
    """The operator was given a database address and a key's place (see `rendered_pods.environment`)."""
    for word in (SECRET, "DATABASE", "SIGNING", "/etc/reelkeeper"):
        assert word not in text(case)
