"""A stack's home and environment: private secrets made once, named users, nothing of another Airflow."""

from __future__ import annotations

import base64
import socket
import stat
from pathlib import Path

import pytest
from reelkeeper_airflow.stack import service
from reelkeeper_airflow.stack.environment import Databases, Layout, airflow_environment
from reelkeeper_airflow.stack.errors import StackError
from reelkeeper_airflow.stack.home import USERS, Home

DATABASES = Databases(airflow="postgresql://a", reelkeeper="postgresql://r")


@pytest.fixture
def home(tmp_path: Path) -> Home:
    found = Home(tmp_path / "home")
    found.prepare()
    return found


def test_home_comes_from_the_command_line_then_the_environment(tmp_path: Path) -> None:
    named = {"REELKEEPER_HOME": str(tmp_path / "env")}
    assert Home.find(str(tmp_path / "given"), named).root == tmp_path / "given"
    assert Home.find(None, named).root == tmp_path / "env"
    assert Home.find(None, {}).root.name == ".reelkeeper"


def test_secrets_and_passwords_are_made_once_and_private(home: Home) -> None:
    secrets, passwords = home.secrets(), home.passwords()
    assert (home.secrets(), home.passwords()) == (secrets, passwords)
    assert set(passwords) == set(USERS)
    assert len(set(passwords.values())) == len(USERS)
    assert len(base64.urlsafe_b64decode(secrets.fernet)) == 32
    for file in (home.secrets_file, home.passwords_file):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_users_are_named_and_nobody_is_admin_by_default(home: Home) -> None:
    environment = airflow_environment(home, Layout(), DATABASES, {})
    assert environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS"] == "False"
    roles = dict(user.split(":") for user in environment["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"].split(","))
    assert roles == {"operator": "op", "conservator": "op", "viewer": "viewer", "admin": "admin"}


def test_another_airflow_does_not_leak_in_and_our_settings_stay(home: Home) -> None:
    inherited = {
        "AIRFLOW_HOME": "/elsewhere",
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW_CONN_X": "secret",
        "REELKEEPER_RUNTIME": "kubernetes",
        "PATH": "/bin",
    }
    environment = airflow_environment(home, Layout(port=9999), DATABASES, inherited)
    assert environment["AIRFLOW_HOME"] == str(home.airflow)
    assert environment["AIRFLOW__CORE__EXECUTOR"] == "LocalExecutor"
    assert "AIRFLOW_CONN_X" not in environment
    assert environment["REELKEEPER_RUNTIME"] == "kubernetes"
    assert environment["REELKEEPER_DATABASE_URL"] == DATABASES.reelkeeper
    assert environment["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] == "http://127.0.0.1:9999/execution/"
    assert environment["PATH"].endswith(":/bin")


def test_a_port_in_use_is_one_clear_line_and_nothing_is_started(home: Home) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"Port {port} is in use by another program\. Next: ") as refused:
            service.up(home, Layout(port=port), lambda _line: None)
    assert "\n" not in str(refused.value)
    assert not home.postgres.exists()


def test_two_starts_of_one_home_are_kept_apart(home: Home) -> None:
    with service._alone(home), pytest.raises(StackError, match="Another start or stop of this stack is at work"):
        service.up(home, Layout(), lambda _line: None)


def test_down_without_up_says_so(tmp_path: Path) -> None:
    said: list[str] = []
    service.down(Home(tmp_path / "nowhere"), said.append)
    home = Home(tmp_path / "home")
    home.prepare()
    service.down(home, said.append)
    assert said == ["Nothing is running.", "Nothing was running."]
    assert set(service.status(home).values()) == {"stopped"}
