"""A real Airflow on a real Postgres for the whole session, and what tests ask it."""

from __future__ import annotations

import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from reelkeeper_airflow.stack.environment import Layout
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestClient
from reelkeeper_airflow.stack.service import Running, down, up

from restoration_tasks.catalogue.engine import Sessions, open_sessions
from tests.fixtures.receivers import MailBox, mail_box, text_of

DAG = "restore_reel"
LEISURE_S = 2.0
"""No person answers sooner; Airflow 3.3 asks again if its scheduler has not yet seen the asking process end."""
LOST_S = 30.0
"""How long an answered question may take to be seen, or asked again, on a busy machine."""
OVER = frozenset({"success", "failed"})
PATIENCE_S = 480.0


@dataclass(frozen=True)
class Stack:
    """A running stack and the questions tests put to it."""

    running: Running
    operator: RestClient
    conservator: RestClient
    viewer: RestClient
    mails: MailBox = field(default_factory=MailBox)
    """What staff were told by mail."""
    dag: str = DAG
    """Whose runs are asked about."""

    @property
    def inbox(self) -> Path:
        """Where deliveries go."""
        return self.running.home.inbox

    @property
    def vault(self) -> Path:
        """Where results lie."""
        return self.running.home.vault

    @property
    def sessions(self) -> Sessions:
        """The catalogue."""
        return open_sessions(self.running.databases.reelkeeper)

    def of(self, dag: str) -> Stack:
        """Ask the same stack about another DAG's runs."""
        return replace(self, dag=dag)

    def start(self, **form: Any) -> str:
        """Start a run with a form and give its id."""
        body = {"logical_date": None, "conf": form}
        return str(self.operator.post(f"/api/v2/dags/{self.dag}/dagRuns", body)["dag_run_id"])

    def trigger(self, reel_id: str, **form: Any) -> str:
        """Start a reel's run and give its id."""
        return self.start(reel_id=reel_id, **form)

    def run(self, run_id: str) -> dict[str, Any]:
        """Describe a run."""
        return self.operator.get(self._path(run_id))

    def tasks(self, run_id: str) -> dict[tuple[str, int], dict[str, Any]]:
        """Task instances by task id and map index."""
        found = self.operator.get(f"{self._path(run_id)}/taskInstances?limit=100")["task_instances"]
        return {(task["task_id"], task["map_index"]): task for task in found}

    def wait_over(self, run_id: str) -> str:
        """Wait until a run has ended; give its state."""
        return self._wait(lambda: state if (state := self.run(run_id)["state"]) in OVER else None, run_id, "to end")

    def wait_task(self, run_id: str, task: str, state: str) -> None:
        """Wait until a task that is not mapped has reached a state."""

        def reached() -> bool | None:
            if self.run(run_id)["state"] in OVER:
                pytest.fail(f"the run ended; {self.failures(run_id)}")
            return True if self.tasks(run_id).get((task, -1), {}).get("state") == state else None

        self._wait(reached, run_id, f"to bring {task} to {state}")

    def wait_run(self, beginning: str) -> str:
        """Wait for a run whose id begins so; give its id."""
        path = f"/api/v2/dags/{self.dag}/dagRuns?order_by=-start_date&limit=20"
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            found = [str(run["dag_run_id"]) for run in self.operator.get(path)["dag_runs"]]
            if mine := [run_id for run_id in found if run_id.startswith(beginning)]:
                return mine[0]
            time.sleep(0.5)
        pytest.fail(f"waited {PATIENCE_S:.0f} s for a run {beginning}…")

    def wait_mail(self, subject: str, run_id: str) -> str:
        """Wait until staff are told this about a run; give the text."""

        def told() -> str | None:
            mails = (text_of(mail) for mail in self.mails.mails if mail["Subject"] == subject)
            return next((text for text in mails if quote(run_id, safe="") in text), None)

        return str(self._wait(told, run_id, f"to be told by mail: {subject}"))

    def pause(self, dag: str, paused: bool) -> None:
        """Switch a DAG off or on."""
        self.operator.patch(f"/api/v2/dags/{dag}", {"is_paused": paused})

    def end(self, run_id: str) -> None:
        """End a run whose rest does not matter."""
        self.operator.patch(self._path(run_id), {"state": "failed"})

    def wait_asked(self, run_id: str, task: str = "decide", tries: int = 1) -> dict[str, Any]:
        """Wait until a person is asked; give the question."""

        def asked() -> dict[str, Any] | None:
            found = self.tasks(run_id).get((task, -1), {})
            if self.run(run_id)["state"] in OVER:
                pytest.fail(f"the run ended without asking; {self.failures(run_id)}")
            if found.get("state") != "awaiting_input" or found["try_number"] < tries:
                return None
            details = self.operator.get(f"{self._path(run_id)}/hitlDetails")["hitl_details"]
            return next(detail for detail in details if detail["task_instance"]["task_id"] == task)

        question: dict[str, Any] = self._wait(asked, run_id, f"to ask in {task}")
        time.sleep(LEISURE_S)
        return question

    def answer(
        self, run_id: str, option: str, *, client: RestClient | None = None, task: str = "decide", **form: Any
    ) -> Any:
        """Answer as the conservator, or as another user; again, if Airflow lost the answer and asks anew (its race)."""
        body = {"chosen_options": [option], "params_input": form}
        path = f"{self._path(run_id)}/taskInstances/{task}/-1/hitlDetails"
        tries = self.tasks(run_id)[task, -1]["try_number"]
        answered = (client or self.conservator).patch(path, body)
        deadline = time.monotonic() + LOST_S
        while time.monotonic() < deadline:
            now = self.tasks(run_id)[task, -1]
            if now["state"] in OVER | {"skipped"}:
                break
            if now["state"] == "awaiting_input" and now["try_number"] > tries:
                time.sleep(LEISURE_S)
                tries, answered = now["try_number"], (client or self.conservator).patch(path, body)
            time.sleep(0.5)
        return answered

    def xcom(self, run_id: str, task: str, map_index: int = -1) -> Any:
        """What a task handed on."""
        path = f"{self._path(run_id)}/taskInstances/{task}/xcomEntries/return_value"
        return self.operator.get(f"{path}?map_index={map_index}&deserialize=true")["value"]

    def clear(self, run_id: str, *tasks: tuple[str, int]) -> list[tuple[str, int]]:
        """Clear tasks and what follows them, as the UI does; give what was cleared."""
        body = {
            "dry_run": False,
            "dag_run_id": run_id,
            "task_ids": [list(task) for task in tasks],
            "include_downstream": True,
            "only_failed": False,
            "reset_dag_runs": True,
        }
        cleared = self.operator.post(f"/api/v2/dags/{self.dag}/clearTaskInstances", body)["task_instances"]
        return sorted((task["task_id"], task["map_index"]) for task in cleared)

    def mark(self, run_id: str, task: str, state: str) -> None:
        """Mark a task as failed or succeeded, as the UI does."""
        self.operator.patch(f"{self._path(run_id)}/taskInstances/{task}", {"new_state": state})

    def log(self, run_id: str, task: str, map_index: int = -1, tries: int = 1) -> str:
        """A task's log: the events, and the messages of errors."""
        path = f"{self._path(run_id)}/taskInstances/{task}/logs/{tries}?map_index={map_index}"
        lines = []
        for entry in self.operator.get(path)["content"]:
            lines.append(str(entry.get("event")))
            lines += [f"{error['exc_type']}: {error['exc_value']}" for error in entry.get("error_detail") or []]
        return "\n".join(lines)

    def failures(self, run_id: str) -> str:
        """Last lines of the logs of failed tasks, for a test's message."""
        return "\n".join(
            f"{name}[{index}]: {self.log(run_id, name, index, task['try_number'])[-1500:]}"
            for (name, index), task in self.tasks(run_id).items()
            if task["state"] == "failed"
        )

    def _wait(self, look: Callable[[], Any], run_id: str, what: str) -> Any:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if (found := look()) is not None:
                return found
            time.sleep(0.5)
        states = {f"{name}[{index}]": task["state"] for (name, index), task in self.tasks(run_id).items()}
        pytest.fail(f"waited {PATIENCE_S:.0f} s for {run_id} {what}: {states}")

    def _path(self, run_id: str) -> str:
        return f"/api/v2/dags/{self.dag}/dagRuns/{quote(run_id, safe='')}"


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Airflow's four processes and the embedded Postgres, in a home and on a port of their own."""
    # Not pytest's own temporary folder: another pytest of the same user closes that to Postgres' system user.
    with tempfile.TemporaryDirectory(prefix="reelkeeper-stack-") as folder, mail_box() as box:
        home = Home(Path(folder))
        # for the stack's processes alone: other tests of this process have no mail
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("REELKEEPER_NOTIFY_MAIL", "staff@archive.example")
            environment.setenv("AIRFLOW_CONN_REELKEEPER_MAIL", box.connection)
            # no night begins by itself: the tests may run at any hour
            environment.setenv("REELKEEPER_NIGHT_SCHEDULE", "0 0 29 2 *")
            running = up(home, Layout(port=_free_port()), lambda _line: None)
        try:
            stack = Stack(running, *(running.client(user) for user in ("operator", "conservator", "viewer")), box)
            _wait_parsed(stack)
            yield stack
        finally:
            down(home, lambda _line: None)


def _wait_parsed(stack: Stack) -> None:
    """Wait until the DAG has been read in for the first time."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if DAG in {dag["dag_id"] for dag in stack.operator.get("/api/v2/dags")["dags"]}:
            return
        time.sleep(0.5)
    pytest.fail(f"{DAG} was not read in: {stack.operator.get('/api/v2/importErrors')}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
