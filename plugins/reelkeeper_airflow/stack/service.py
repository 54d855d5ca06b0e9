"""Start, look at and stop the stack of one home."""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reelkeeper_airflow.stack import processes
from reelkeeper_airflow.stack.environment import HOST, Databases, Layout, airflow_environment
from reelkeeper_airflow.stack.errors import StackError
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestClient, RestError

AIRFLOW = [sys.executable, "-m", "airflow"]
COMPONENTS: Mapping[str, list[str]] = {
    # --skip-serve-logs: the log servers bind every address; the API server reads the files itself.
    "api-server": ["api-server"],
    "scheduler": ["scheduler", "--skip-serve-logs"],
    "dag-processor": ["dag-processor"],
    "triggerer": ["triggerer", "--skip-serve-logs"],
}
HEALTH = {
    "api-server": "metadatabase",
    "scheduler": "scheduler",
    "dag-processor": "dag_processor",
    "triggerer": "triggerer",
}
"""Our name of a process → its name in `/api/v2/monitor/health`."""
GPU_POOL = "gpu"
GPU_SLOTS = 2
START_PATIENCE_S = 120.0

Say = Callable[[str], None]


@dataclass(frozen=True)
class Running:
    """A stack that is up."""

    layout: Layout
    home: Home
    databases: Databases

    @property
    def environment(self) -> dict[str, str]:
        """What its processes run with."""
        return airflow_environment(self.home, self.layout, self.databases)

    def client(self, user: str) -> RestClient:
        """Give a REST client signed in as `user`."""
        return RestClient(self.layout.url, user, self.home.passwords()[user])


def up(home: Home, layout: Layout, say: Say) -> Running:
    """Start the stack and wait until every part is healthy.

    Raises:
        StackError: already running, port taken, or a part did not start; what had been started is stopped again.
    """
    home.prepare()
    with _alone(home):
        present = processes.records(home.run)
        alive = [record for record in present if record.leader()]
        if alive and len(alive) == len(COMPONENTS):
            port = remembered_port(home)
            raise StackError(f"Already running at http://{HOST}:{port}. Next: open it, or stop it with `make down`.")
        if any(record.family() for record in present):
            say("An earlier start was left half-dead: stopping what is left of it first.")
        _stop_processes(home)
        _require_free_port(layout.port)
        say("Starting the database …")
        databases = _start_databases(home, say)
        running = Running(layout, home, databases)
        try:
            _start_airflow(running, say)
        except BaseException:
            _stop_processes(home)
            _stop_database(home)
            raise
        return running


def down(home: Home, say: Say) -> None:
    """Stop exactly what `up` of this home started. Safe to repeat."""
    if not home.run.exists():
        say("Nothing is running.")
        return
    with _alone(home):
        stopped = _stop_processes(home)
        database = _stop_database(home)
        _port_file(home).unlink(missing_ok=True)
        parts = stopped + (["database"] if database else [])
        say(f"Stopped {', '.join(parts)}." if parts else "Nothing was running.")


def status(home: Home) -> dict[str, str]:
    """Tell each part's state: `healthy`, `running` (not healthy yet), `dead` (started, gone) or `stopped`."""
    known = {record.name.removesuffix(processes.SUFFIX): record for record in processes.records(home.run)}
    health = _health(remembered_port(home)) if known else {}
    states = {}
    for name in COMPONENTS:
        if name not in known:
            states[name] = "stopped"
        elif known[name].leader() is None:
            states[name] = "dead"
        else:
            states[name] = "healthy" if health.get(HEALTH[name]) == "healthy" else "running"
    return states


def logins(running: Running) -> str:
    """Write the lines `up` ends with: where to look, and who may sign in."""
    people = "\n".join(f"  {user:<12} {password}" for user, password in running.home.passwords().items())
    return f"Reelkeeper is up at {running.layout.url}\n{people}\nLogs: {running.home.logs}   Stop: make down"


def _start_airflow(running: Running, say: Say) -> None:
    home, environment = running.home, running.environment
    # Made before Airflow looks for it, so that it never writes passwords into a log.
    home.passwords()
    say("Bringing the databases up to date …")
    _migrate(running)
    say("Starting Airflow …")
    _port_file(home).write_text(json.dumps({"port": running.layout.port}))
    for name, arguments in COMPONENTS.items():
        processes.start(name, [*AIRFLOW, *arguments], environment, home.logs / f"{name}.log", home.run)
    _wait_healthy(running)
    _make_pool(running.client("admin"))


def _migrate(running: Running) -> None:
    """Bring both databases' tables to the installed versions."""
    from restoration_tasks.catalogue.migrate import upgrade

    log = running.home.logs / "migrate.log"
    with log.open("ab") as output:
        done = subprocess.Popen([*AIRFLOW, "db", "migrate"], env=running.environment, stdout=output, stderr=output)
        # Ours meanwhile, on the other core.
        upgrade(running.databases.reelkeeper)
        if done.wait() != 0:
            raise StackError(f"Airflow's database could not be brought up to date. Next: read {log}.")


def _wait_healthy(running: Running) -> None:
    deadline = time.monotonic() + START_PATIENCE_S
    while True:
        for record in processes.records(running.home.run):
            if record.leader() is None:
                name = record.name.removesuffix(processes.SUFFIX)
                raise StackError(f"{name} ended while starting. Next: read {running.home.logs / name}.log.")
        health = _health(running.layout.port)
        waiting = [name for name, key in HEALTH.items() if health.get(key) != "healthy"]
        if not waiting:
            return
        if time.monotonic() > deadline:
            raise StackError(
                f"{', '.join(waiting)} not healthy after {START_PATIENCE_S:.0f} s."
                f" Next: read the logs in {running.home.logs}."
            )
        time.sleep(0.3)


def _make_pool(client: RestClient) -> None:
    """Make the pool of the GPU work. Deferred tasks count: their pods hold the device, though no worker waits."""
    body = {
        "name": GPU_POOL,
        "slots": GPU_SLOTS,
        "description": "Steps that use a GPU (on a laptop: that use every core); one slot each",
        "include_deferred": True,
    }
    try:
        client.post("/api/v2/pools", body)
    except RestError as error:
        if error.status != 409:  # there already: its slots may have been set by the archive, so they stay
            raise


def _start_databases(home: Home, say: Say) -> Databases:
    from restoration_tasks.catalogue import embedded

    server = embedded.start(home.postgres)
    for note in server.notes:
        say(f"Note: {note}.")
    return Databases(airflow=server.airflow_url, reelkeeper=server.reelkeeper_url)


def _stop_processes(home: Home) -> list[str]:
    return processes.stop(processes.records(home.run), home.run, others=processes.strays(home.root))


def _stop_database(home: Home) -> bool:
    from restoration_tasks.catalogue import embedded

    return embedded.stop(home.postgres)


def _health(port: int) -> dict[str, str]:
    """Ask the API server how the parts are; an empty answer when it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/api/v2/monitor/health", timeout=5) as response:
            return {part: str((state or {}).get("status")) for part, state in json.loads(response.read()).items()}
    except (OSError, ValueError):
        return {}


def _require_free_port(port: int) -> None:
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StackError(
                f"Port {port} is in use by another program."
                f" Next: stop it, or choose another port (`make up PORT={port + 1}`)."
            ) from error


@contextlib.contextmanager
def _alone(home: Home) -> Iterator[None]:
    """Keep two `up`s and `down`s of one home apart. The kernel drops the lock when its holder ends, however it ends."""
    with (home.root / "stack.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StackError(
                "Another start or stop of this stack is at work. Next: wait until it has ended."
            ) from error
        yield


def _port_file(home: Home) -> Path:
    return home.run / "port.json"


def remembered_port(home: Home) -> int:
    """Give the port of the stack that was started last in this home (the usual one if none was)."""
    try:
        return int(json.loads(_port_file(home).read_text())["port"])
    except (OSError, ValueError, KeyError):
        return Layout().port
