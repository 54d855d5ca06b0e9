"""`make demo`: age a free clip, run the whole DAG on it, decide as the demo conservator, print what was gained."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from reelkeeper_airflow.stack import service
from reelkeeper_airflow.stack.environment import Databases, Layout
from reelkeeper_airflow.stack.errors import StackError
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestClient
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName, StepResult
from restoration_tasks.runtime.vault import Vault

DAG = "restore_reel"
LEAST_GAIN_DB = 3.0
"""The demo is green only if the damaged shots gained this much PSNR against the known truth."""
PATIENCE_S = 1800
BATCH_FRAMES = 40
"""Small, so that the demo shows lanes side by side."""
LEISURE_S = 3
"""An answer before the scheduler has seen the asking process end makes it ask again (a race in Airflow 3.3)."""
FINAL = frozenset({"success", "failed"})
SETTLED = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})

console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 0 only if the run succeeded, the gain is there and the clean shot is bit-identical."""
    options = _options(arguments)
    home = Home.find(options.home, os.environ)
    home.prepare()
    os.environ["REELKEEPER_HOME"] = str(home.root)
    try:
        return _demo(home, options)
    except (ReelkeeperError, StackError) as error:
        console.print(f"[bold red]demo:[/] {error}", highlight=False)
        return 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", help="home folder (default: REELKEEPER_HOME, else .reelkeeper)")
    parser.add_argument("--port", type=int, default=8080, help="port of the Airflow UI")
    parser.add_argument("--reel-id", default="demo-reel")
    parser.add_argument("--seed", type=int, default=1, help="seed of the damage")
    return parser.parse_args(arguments)


def _demo(home: Home, options: argparse.Namespace) -> int:
    from restoration_tasks.training.demo_reel import build_demo_reel

    truth = home.root / "demo" / options.reel_id
    console.rule("A damaged reel")
    with _timed("Cutting and ageing the clip"):
        build_demo_reel(options.reel_id, home.inbox, truth, seed=options.seed, cache=home.root / "cache")
    console.print(f"Delivery: {home.inbox / options.reel_id}", soft_wrap=True)
    console.rule("Airflow")
    running = _running(home, options.port)
    client = running.client("operator")
    console.rule("The reel's way")
    run_id = f"demo-{datetime.now(UTC):%Y%m%dT%H%M%S}"
    form = {"reel_id": options.reel_id, "fps": "25", "batch_frames": BATCH_FRAMES}
    client.post(f"/api/v2/dags/{DAG}/dagRuns", {"dag_run_id": run_id, "logical_date": None, "conf": form})
    state = _watch(client, running.client("conservator"), run_id)
    if state != "success":
        console.print(f"[bold red]The run ended as {state}.[/] {_first_failure(client, run_id)}", highlight=False)
        console.print(f"Look at {running.layout.url}/dags/{DAG}/runs/{run_id}")
        console.print(service.logins(running), soft_wrap=True)
        return 1
    return _report(client, running, home, options.reel_id, truth, run_id)


def _running(home: Home, port: int) -> service.Running:
    """The stack of this home: found healthy, or started."""
    if set(service.status(home).values()) == {"healthy"}:
        from restoration_tasks.catalogue import embedded

        server = embedded.connect(home.postgres)
        layout = Layout(port=service.remembered_port(home))
        console.print(f"Airflow is up already at {layout.url}")
        return service.Running(layout, home, Databases(airflow=server.airflow_url, reelkeeper=server.reelkeeper_url))
    with _timed("Starting Airflow and Postgres"):
        return service.up(home, Layout(port=port), console.print)


def _watch(client: RestClient, conservator: RestClient, run_id: str) -> str:
    """Show the run until it ends; answer the decision when it waits. Returns the run's final state."""
    deadline = time.monotonic() + PATIENCE_S
    show = _LiveBoard() if console.is_terminal else _Lines()
    asked: dict[tuple[str, int], float] = {}
    with show:
        while time.monotonic() < deadline:
            tasks = _tasks(client, run_id)
            show.update(tasks)
            for task in tasks:
                if task["state"] == "awaiting_input":
                    since = asked.setdefault((task["task_id"], task["try_number"]), time.monotonic())
                    if time.monotonic() - since > LEISURE_S:
                        _approve(conservator, run_id, task["task_id"])
            state = str(client.get(f"/api/v2/dags/{DAG}/dagRuns/{run_id}")["state"])
            if state in FINAL:
                show.update(_tasks(client, run_id))
                return state
            time.sleep(0.5)
    return "not finished in time"


def _tasks(client: RestClient, run_id: str) -> list[dict[str, Any]]:
    """The run's task instances in the order they started."""
    found = client.get(f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances?limit=500")["task_instances"]
    return sorted(found, key=lambda task: (task["start_date"] or "9999", task["map_index"]))


class _LiveBoard:
    """The run as a table that redraws itself, for a terminal."""

    def __init__(self) -> None:
        self._live = Live(console=console, refresh_per_second=4)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def update(self, tasks: list[dict[str, Any]]) -> None:
        """Draw the run anew."""
        self._live.update(_board(tasks))


class _Lines:
    """The run as a line for each task that has ended, for a log."""

    def __init__(self) -> None:
        self._said: set[tuple[str, int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing to close."""

    def update(self, tasks: list[dict[str, Any]]) -> None:
        """Say what has ended since the last time."""
        for task in tasks:
            key = (task["task_id"], task["map_index"])
            if task["state"] in SETTLED - {"skipped", "removed"} and key not in self._said:
                self._said.add(key)
                lane = f" ({task['rendered_map_index']})" if task.get("rendered_map_index") else ""
                console.print(f"{task['state']:>8}  {_step_name(task)}{lane}  {task['duration'] or 0:.1f} s")


def _step_name(task: dict[str, Any]) -> str:
    """`restore` for the task `restore.batch` of a lane."""
    return str(task["task_id"]).removesuffix(".batch")


def _approve(conservator: RestClient, run_id: str, task_id: str) -> None:
    base = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task_id}/-1/hitlDetails"
    detail = conservator.get(base)
    if detail.get("response_received"):
        return
    answers: dict[str, Any] = {name: param.get("value") for name, param in detail["params"].items()}
    if "note" in answers:
        answers["note"] = "Seen in the demo."
    conservator.patch(base, {"chosen_options": [detail["options"][0]], "params_input": answers})


def _board(tasks: list[dict[str, Any]]) -> Table:
    """One line a step: lanes done of lanes, what is being worked, seconds."""
    board = Table.grid(padding=(0, 2))
    steps: dict[str, list[dict[str, Any]]] = {}
    for task in tasks:
        steps.setdefault(_step_name(task), []).append(task)
    for name, lanes in steps.items():
        done = sum(lane["state"] in SETTLED for lane in lanes)
        at_work = [str(lane.get("rendered_map_index") or "") for lane in lanes if lane["state"] == "running"]
        states = {lane["state"] for lane in lanes}
        mark, style = _mark(states)
        seconds = sum(lane["duration"] or 0 for lane in lanes)
        board.add_row(
            f"[{style}]{mark} {name}[/]",
            f"[{style}]{'━' * (20 * done // len(lanes)):<20}[/] {done}/{len(lanes)}",
            f"{seconds:6.1f} s" if seconds else "",
            ", ".join(filter(None, at_work)),
        )
    return board


def _mark(states: set[str | None]) -> tuple[str, str]:
    if states & {"failed", "upstream_failed"}:
        return "✗", "red"
    if "awaiting_input" in states:
        return "?", "yellow"
    if states <= {"success"}:
        return "✓", "green"
    if states <= {"skipped", "removed"}:
        return "–", "dim"
    return ("▶", "cyan") if states & {"running", "deferred", "queued"} else ("·", "dim")


def _first_failure(client: RestClient, run_id: str) -> str:
    """What the first failed task of a run said, as its log has it."""
    failed = [task for task in _tasks(client, run_id) if task["state"] == "failed"]
    if not failed:
        return "no task says why"
    task = failed[0]
    base = f"/api/v2/dags/{DAG}/dagRuns/{run_id}/taskInstances/{task['task_id']}/logs/{task['try_number']}"
    log = client.get(f"{base}?full_content=true&map_index={task['map_index']}")["content"]
    errors = [entry["error_detail"][0]["exc_value"] for entry in log if entry.get("error_detail")]
    return f"{_step_name(task)}: {errors[-1] if errors else 'failed'}"


def accepted(ended: Mapping[StepName, datetime]) -> bool:
    """Whether a reel's newest restoration was packaged, by when each step last ended; an older one's package stays."""
    package, check = ended.get(StepName.PACKAGE), ended.get(StepName.CHECK)
    return package is not None and (check is None or package > check)


def _refused(running: service.Running, vault: Vault, newest: dict[StepName, StepResult], run_id: str) -> int:
    """Say that nothing was packaged, and where to read why. Only a check that failed, or a person, ends a run so."""
    console.print("[bold red]The restoration was not accepted[/], so it was not packaged.")
    if StepName.CHECK in newest:
        report = _on_disk(vault, newest[StepName.CHECK], "report")
        console.print(f"What the check found: {report}", soft_wrap=True)
    console.print(f"In the UI:   {running.layout.url}/dags/{DAG}/runs/{run_id}", soft_wrap=True)
    console.print(service.logins(running), soft_wrap=True)
    return 1


def _on_disk(vault: Vault, result: StepResult, output: str) -> Path:
    path = vault.local_path(result.output(output).uri)
    if path is None:
        raise StackError(f"the demo shows files on disk; REELKEEPER_VAULT is {vault.root}: unset it and run it again")
    return path


def _report(client: RestClient, running: service.Running, home: Home, reel_id: str, truth: Path, run_id: str) -> int:
    from restoration_tasks.quality.demo_score import score

    vault = Vault(Settings(home=home.root).vault_root)
    newest = _newest_results(vault, reel_id)
    if not accepted({step: result.ended for step, result in newest.items()}):
        return _refused(running, vault, newest, run_id)
    files = {
        name: _on_disk(vault, newest[step], output)
        for name, step, output in (
            ("master", StepName.INGEST, "master"),
            ("condition", StepName.PLAN, "condition_report"),
            ("restored", StepName.ASSEMBLE, "restoration_master"),
            ("comparison", StepName.ASSEMBLE, "comparison"),
            ("report", StepName.CHECK, "report"),
            ("bag", StepName.PACKAGE, "bagit.txt"),
        )
    }
    with _timed("Measuring against the truth"):
        result = score(truth, files["master"], files["restored"])
    figures = Table(title="Against the known truth, damaged shots", title_justify="left")
    for column in ("", "before", "after", "gain"):
        figures.add_column(column, justify="left" if not column else "right")
    for name, before, after, unit in (
        ("PSNR", result.before.psnr_db, result.after.psnr_db, " dB"),
        ("SSIM", result.before.ssim, result.after.ssim, ""),
        ("VMAF", result.before.vmaf, result.after.vmaf, ""),
    ):
        digits = 4 if name == "SSIM" else 2
        figures.add_row(
            name, f"{before:.{digits}f}{unit}", f"{after:.{digits}f}{unit}", f"{after - before:+.{digits}f}"
        )
    console.print(figures)
    clean = "bit-identical" if result.clean_identical else "CHANGED"
    console.print(f"The clean shot came out [bold]{clean}[/].")
    console.print(_seconds(client, vault, reel_id, run_id))
    console.print(f"Condition:   {files['condition']}", soft_wrap=True)
    console.print(f"Report:      {files['report']}", soft_wrap=True)
    console.print(f"Comparison:  {files['comparison']}", soft_wrap=True)
    console.print(f"Package:     {files['bag'].parent}", soft_wrap=True)
    console.print(f"In the UI:   {running.layout.url}/dags/{DAG}/runs/{run_id}", soft_wrap=True)
    console.print(service.logins(running), soft_wrap=True)
    gain = result.after.psnr_db - result.before.psnr_db
    if gain < LEAST_GAIN_DB or not result.clean_identical:
        console.print(
            f"[bold red]Not good enough:[/] the demo asks for {LEAST_GAIN_DB} dB and an untouched clean shot."
        )
        return 1
    console.print(f"[bold green]The reel gained {gain:.2f} dB.[/]")
    return 0


def _newest_results(vault: Vault, reel_id: str) -> dict[StepName, StepResult]:
    """The newest result of each reel-level step of this reel."""
    newest: dict[StepName, StepResult] = {}
    for step in StepName:
        folder = vault.path(vault.uri("reels", reel_id, step))
        for path in folder.glob("*/result.json"):
            result = StepResult.model_validate_json(path.read_bytes())
            if step not in newest or result.ended > newest[step].ended:
                newest[step] = result
    return newest


def _seconds(client: RestClient, vault: Vault, reel_id: str, run_id: str) -> Table:
    """Seconds per step of the run, and how long no step was at work."""
    tasks = [task for task in _tasks(client, run_id) if task["state"] == "success"]
    table = Table(title="Seconds", title_justify="left")
    for column in ("step", "lanes", "seconds"):
        table.add_column(column, justify="left" if column == "step" else "right")
    for name in dict.fromkeys(_step_name(task) for task in tasks):
        lanes = [task for task in tasks if _step_name(task) == name]
        table.add_row(name, str(len(lanes)), f"{sum(task['duration'] or 0 for task in lanes):.1f}")
    run = client.get(f"/api/v2/dags/{DAG}/dagRuns/{run_id}")
    whole = (_moment(run["start_date"]), _moment(run["end_date"]))
    waits = [(_moment(task["start_date"]), _moment(task["end_date"])) for task in tasks if task["task_id"] == "decide"]
    at_work = [(result.started, result.ended) for result in _results(vault, reel_id, run_id)]
    table.add_section()
    table.add_row("the whole run", "", f"{(whole[1] - whole[0]).total_seconds():.1f}")
    table.add_row("of it, no step at work", "", f"{_uncovered_s(whole, [*at_work, *waits]):.1f}")
    return table


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _results(vault: Vault, reel_id: str, run_id: str) -> Iterator[StepResult]:
    """What was worked in this run (reused results carry another run's name)."""
    for path in vault.path(vault.uri("reels", reel_id)).glob("*/*/result.json"):
        result = StepResult.model_validate_json(path.read_bytes())
        if result.execution_id.startswith(f"{run_id}/"):
            yield result


def _uncovered_s(whole: tuple[datetime, datetime], spans: list[tuple[datetime, datetime]]) -> float:
    """Seconds of `whole` that none of the spans covers."""
    uncovered, reached = 0.0, whole[0]
    for start, end in sorted(spans):
        uncovered += max(0.0, (start - reached).total_seconds())
        reached = max(reached, end)
    return uncovered + max(0.0, (whole[1] - reached).total_seconds())


@contextmanager
def _timed(what: str) -> Iterator[None]:
    started = time.monotonic()
    with console.status(what):
        yield
    console.print(f"{what}: {time.monotonic() - started:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
