"""The compose file: one the compose specification takes, with settings that exist and secrets from outside only."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from compose_spec import PyCompose, PyOptions

from restoration_tasks.runtime.settings import Settings
from tests.docker.kubernetes_types import REPOSITORY

FILE = REPOSITORY / "docker" / "compose.yaml"
TEXT = FILE.read_text(encoding="utf-8")
EXAMPLE = (REPOSITORY / "docker" / "compose.env.example").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
AIRFLOW = [name for name in SERVICES if name != "postgres"]
WITH_DEFAULT = {"PORT", "TORCH_BUILD", "TORCH_INDEX"}


def parsed(text: str) -> PyCompose:
    """Read it strictly, after filling variables in as compose does."""
    filled = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)
    return PyOptions(apply_merge=True).from_yaml(re.sub(r"\$\{\w+:\?[^}]*\}", "/filled", filled))


def test_compose_takes_it() -> None:
    compose = parsed(TEXT)
    compose.validate()
    assert sorted(compose.service_names()) == sorted(SERVICES)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("stop_grace_period:", "stop_grace_periods:"),
        ("service_completed_successfully", "service_completed"),
        ("start_period: 60s", "start_period: soon"),
        ("profiles: [gpu]", "profiles: gpu"),
    ],
)
def test_what_compose_would_refuse_is_found(right: str, wrong: str) -> None:
    assert right in TEXT
    with pytest.raises(ValueError, match=r".+"):
        parsed(TEXT.replace(right, wrong)).validate()


def test_every_variable_is_asked_for_and_none_is_a_secret_with_a_value() -> None:
    asked = dict(re.findall(r"\$\{(\w+)(:[-?][^}]*)?\}", TEXT))
    assert {name for name, default in asked.items() if default.startswith(":-")} == WITH_DEFAULT
    assert {name for name, default in asked.items() if default.startswith(":?")} == asked.keys() - WITH_DEFAULT
    lines = [line for line in EXAMPLE.splitlines() if line and not line.startswith("#")]
    assert {line.rstrip("=") for line in lines} == asked.keys() - WITH_DEFAULT, "named in the example, without a value"
    assert "/.env" in (REPOSITORY / ".gitignore").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", AIRFLOW)
def test_settings_exist(name: str) -> None:
    from airflow.configuration import conf

    environment = SERVICES[name]["environment"]
    for variable in environment:
        if variable.startswith("REELKEEPER_"):
            assert variable.removeprefix("REELKEEPER_").lower() in Settings.model_fields
        elif variable.startswith("AIRFLOW__"):
            section, option = variable.removeprefix("AIRFLOW__").lower().split("__")
            known = conf.configuration_description[section]["options"]
            assert option in known or option == "execution_api_server_url", variable
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"


@pytest.mark.parametrize("name", AIRFLOW)
def test_components_are_as_confined_as_they_can_be(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]
    assert SERVICES[name]["volumes"][-1].endswith(":/srv/reelkeeper/inbox:ro")


def test_only_init_knows_the_owner_of_the_tables() -> None:
    knows = {name for name in AIRFLOW if "OWNER_PASSWORD" in str(SERVICES[name]["environment"])}
    assert knows == {"init"}


def test_there_is_one_scheduler_a_profile_and_every_part_of_airflow_has_a_check() -> None:
    schedulers = {tuple(service["profiles"]) for service in SERVICES.values() if "profiles" in service}
    assert schedulers == {("cpu",), ("gpu",)}
    for runner in ("scheduler", "dag_processor", "triggerer"):
        found = find_spec(f"airflow.jobs.{runner}_job_runner")
        assert found is not None
        assert found.origin is not None
        (kind,) = re.findall(r'^    job_type = "(\w+)"', Path(found.origin).read_text(encoding="utf-8"), re.MULTILINE)
        assert f"--job-type, {kind}, --local" in TEXT
    assert all("healthcheck" in SERVICES[name] for name in SERVICES if name != "init")


def test_ports_are_open_to_this_machine_only() -> None:
    assert [port for service in SERVICES.values() for port in service.get("ports", [])] == [
        "127.0.0.1:${PORT:-8080}:8080"
    ]
    assert "image: reelkeeper/airflow-with-steps:0.1.0" in TEXT
