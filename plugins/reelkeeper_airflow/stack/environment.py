"""The environment that Airflow's processes, and through them the steps, run in on one machine."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reelkeeper_airflow.stack.home import REPOSITORY, USERS, Home
from reelkeeper_airflow.stack.processes import MARK

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Databases:
    """The two databases of the embedded Postgres, as SQLAlchemy URLs."""

    airflow: str
    reelkeeper: str


@dataclass(frozen=True)
class Layout:
    """What differs from one stack to the next, beside its home."""

    port: int = 8080
    """Port of the UI and the REST API."""
    task_slots: int = 4
    """Tasks at work at one time; each is a process of about 100 MB beside its step."""
    dags: Path = REPOSITORY / "dags"
    plugins: Path = REPOSITORY / "plugins"

    @property
    def url(self) -> str:
        """Where the UI answers."""
        return f"http://{HOST}:{self.port}"


def airflow_environment(
    home: Home, layout: Layout, databases: Databases, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Build the environment of the stack's processes.

    Settings of Reelkeeper that are already in the environment stay (`REELKEEPER_RUNTIME`, `REELKEEPER_CONSERVATORS` …);
    Airflow's own that are already set are dropped, so that another Airflow on the same machine does not leak in; but
    for the connections that are ours (`AIRFLOW_CONN_REELKEEPER_…`).
    """
    base = dict(os.environ if inherited is None else inherited)
    environment = {
        name: value
        for name, value in base.items()
        if name.startswith("AIRFLOW_CONN_REELKEEPER_") or not name.startswith("AIRFLOW_")
    }
    keys = home.secrets()
    environment |= {
        "AIRFLOW_HOME": str(home.airflow),
        "REELKEEPER_HOME": str(home.root),
        MARK: str(home.root),
        "REELKEEPER_DATABASE_URL": databases.reelkeeper,
        # The step runner is started by name; the virtual environment need not be active.
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), base.get("PATH", os.defpath)]),
        "PYTHONUNBUFFERED": "1",
    }
    options: dict[str, object] = {
        "CORE__DAGS_FOLDER": layout.dags,
        "CORE__PLUGINS_FOLDER": layout.plugins,
        "CORE__LOAD_EXAMPLES": False,
        "CORE__DAGS_ARE_PAUSED_AT_CREATION": False,
        "CORE__EXECUTOR": "LocalExecutor",
        "CORE__PARALLELISM": layout.task_slots,
        "CORE__MAX_ACTIVE_TASKS_PER_DAG": layout.task_slots,
        "CORE__FERNET_KEY": keys.fernet,
        "CORE__EXECUTION_API_SERVER_URL": f"{layout.url}/execution/",
        "CORE__AUTH_MANAGER": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
        "CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": False,
        "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
        "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": home.passwords_file,
        "DATABASE__SQL_ALCHEMY_CONN": databases.airflow,
        "API__HOST": HOST,
        "API__PORT": layout.port,
        "API__BASE_URL": layout.url,
        "API__WORKERS": 1,
        "API__SECRET_KEY": keys.session,
        "API__INSTANCE_NAME": "Reelkeeper",
        "API_AUTH__JWT_SECRET": keys.jwt,
        "LOGGING__BASE_LOG_FOLDER": home.logs / "tasks",
        "LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": home.logs / "dags",
        "LOGGING__COLORED_CONSOLE_LOG": False,
        # Short waits between tasks: a stage is looked for four times a second, at a few per cent of one core.
        "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": 0.25,
        "SCHEDULER__SCHEDULER_HEARTBEAT_SEC": 2,
        "SCHEDULER__CATCHUP_BY_DEFAULT": False,
        # A worker that died is noticed in a minute, not in five.
        "SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": 60,
        "DAG_PROCESSOR__PARSING_PROCESSES": 1,
        "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 60,
        "DAG_PROCESSOR__REFRESH_INTERVAL": 30,
        "TRIGGERER__CAPACITY": 100,
    }
    return environment | {f"AIRFLOW__{name}": str(value) for name, value in options.items()}
