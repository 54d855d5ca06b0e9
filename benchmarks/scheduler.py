"""Does Airflow's scheduler slow down when a thousand reels wait?

    python -m benchmarks.scheduler [--reels 1000] [--passes 40]

- **Reading the DAG files**: each in an interpreter of its own, as the DAG processor reads them; processor seconds
  beyond an interpreter that has loaded Airflow alone.
- **A pass of the scheduler** (`SchedulerJobRunner._do_scheduling`, the real one, on Airflow's own tables in the
  embedded Postgres, with an executor that only takes note): while two reels are in work and nothing waits; with so
  many reels in Reelkeeper's queue, where they wait for a night; and with so many runs of `restore_reel` triggered at
  once, of which 256 become active (`max_active_runs`) and the rest are queued. Each is left to settle before passes
  are timed. Between these a run whose `assess` and `restore` are expanded over the lanes of a reel of 20,000 frames in
  400 shots (`scheduler_lanes`): the passes that expand them, and passes after that.
- **The lanes**: by the batch plan, for pods of several speeds, how many there are and the share of a start in the
  lightest one's work; what a mapped task keeps in Airflow's database as XCom.

Bars: with the queue full a pass takes at most 1.1 x its time with nothing waiting; with lanes expanded or all runs
triggered at most a second, so that a task still starts within seconds; a pod's start is at most 5 % of its work; XCom
of a mapped task stays under 1 KB. Writes docs/benchmarks/scheduler.json; exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bars import bar
from benchmarks.command import run
from benchmarks.scheduler_lanes import FRAMES, RUN, SHOTS, expand, plan_figures
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.files import write_atomic

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "benchmarks" / "scheduler.json"
ROUNDS = 5
"""Each DAG file is read so often; the median counts."""
MOST_RATIO, MOST_PASS_MS = 1.1, 1000.0
MOST_XCOM_BYTES, MOST_SHARE = 1024, 0.05
GPU_SLOTS = 2
IN_WORK = 2
"""Runs that are active throughout."""
SETTLED_PASSES = 60
"""A pass starts at most 20 queued runs and looks at 20 active ones: enough for all 256 to have had several turns."""

READ = """
import sys, time
from airflow.dag_processing.dagbag import DagBag
before = time.process_time()
if len(sys.argv) > 1:
    bag = DagBag(sys.argv[1], known_pools={"gpu", "default_pool"})
    assert bag.dags and not bag.import_errors, bag.import_errors
print(time.process_time() - before)
"""


def main() -> int:
    """Measure and write; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reels", type=int, default=1000)
    parser.add_argument("--passes", type=int, default=40)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.inside:
        print(json.dumps(passes(asked.reels, asked.passes)))
        return ExitCode.DONE
    return outside(asked.reels, asked.passes)


def outside(reels: int, count: int) -> int:
    """Make an Airflow of its own, measure in it, write."""
    from reelkeeper_airflow.stack.environment import Databases, Layout, airflow_environment
    from reelkeeper_airflow.stack.home import Home

    from restoration_tasks.catalogue import embedded, migrate

    with tempfile.TemporaryDirectory(prefix="reelkeeper-scheduler-") as folder:
        home = Home(Path(folder))
        home.root.chmod(0o755)  # the server runs as another user where this is root
        home.prepare()
        with embedded.borrowed(home.postgres) as server:
            databases = Databases(airflow=server.airflow_url, reelkeeper=server.reelkeeper_url)
            environment = airflow_environment(home, Layout(), databases)
            migrate.upgrade(server.reelkeeper_url)
            for words in (["db", "migrate"], ["dags", "reserialize"]):
                subprocess.run(
                    [sys.executable, "-m", "airflow", *words], env=environment, check=True, stdout=subprocess.DEVNULL
                )
            read = {path.name: read_s(path, environment) for path in sorted((ROOT / "dags").glob("*.py"))}
            command = [sys.executable, "-m", "benchmarks.scheduler", "--inside"]
            command += ["--reels", str(reels), "--passes", str(count)]
            told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True).stdout
    return report(reels, read, json.loads(told.strip().splitlines()[-1]))


def read_s(path: Path, environment: dict[str, str]) -> float:
    """Processor seconds to read a DAG file in a fresh interpreter: the median of several."""
    found = []
    for _ in range(ROUNDS):
        command = [sys.executable, "-c", READ, str(path)]
        done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        found.append(float(done.stdout.strip().splitlines()[-1]))
    return round(statistics.median(found), 3)


def passes(reels: int, count: int) -> dict[str, Any]:
    """Time passes with nothing waiting, with a full queue, and with all runs triggered. Runs inside Airflow's own."""
    from airflow.executors.base_executor import BaseExecutor
    from airflow.jobs.job import Job
    from airflow.jobs.scheduler_job_runner import SchedulerJobRunner

    class TakesNote(BaseExecutor):
        """Takes tasks and does nothing: what is timed is deciding, not working."""

        def sync(self) -> None:
            """Nothing has happened."""

    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    Pool.create_or_update_pool("gpu", GPU_SLOTS, "as the stack makes it", True)
    job = Job()  # type: ignore[no-untyped-call]
    scheduler = SchedulerJobRunner(job, executors=[TakesNote(parallelism=100_000)])
    found: dict[str, Any] = {}
    trigger(range(IN_WORK))
    found["nothing waits"] = timed(scheduler, count)
    queue_up(reels)
    found["reels in the queue"] = timed(scheduler, count)
    trigger_run(RUN, "B-LONG")
    lanes = expand(lambda: one_pass(scheduler)[0], create_session)
    found["a long reel's lanes"] = timed(scheduler, count) | lanes
    trigger(range(IN_WORK, reels + IN_WORK))
    found["runs triggered"] = timed(scheduler, count)
    return found


def trigger(numbers: range) -> None:
    """Ask for a run of `restore_reel` for each number."""
    for number in numbers:
        trigger_run(f"bench__{number}", f"B-{number:05d}")


def trigger_run(run_id: str, reel_id: str) -> None:
    """Ask for a run of `restore_reel`."""
    from airflow.api.common.trigger_dag import trigger_dag
    from airflow.utils.types import DagRunTriggeredByType

    trigger_dag("restore_reel", triggered_by=DagRunTriggeredByType.TEST, run_id=run_id, conf={"reel_id": reel_id})


def queue_up(reels: int) -> None:
    """Put reels into Reelkeeper's queue."""
    from benchmarks.queue_rows import fill_database
    from restoration_tasks.catalogue.engine import open_sessions

    fill_database(open_sessions(os.environ["REELKEEPER_DATABASE_URL"]), reels)


def one_pass(scheduler: Any) -> tuple[float, float]:
    """Make a pass. Returns the milliseconds it took, and those of processor."""
    from airflow.utils.session import create_session

    began, cpu_began = time.perf_counter(), time.process_time()
    with create_session() as session:
        scheduler._do_scheduling(session)
        session.expunge_all()
    return 1000 * (time.perf_counter() - began), 1000 * (time.process_time() - cpu_began)


def timed(scheduler: Any, count: int) -> dict[str, Any]:
    """Let it settle, then time passes; what stands in Airflow's tables beside it."""
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    took, cpu = [], 0.0
    for number in range(SETTLED_PASSES + count):
        ms, cpu_ms = one_pass(scheduler)
        if number >= SETTLED_PASSES:
            took.append(ms)
            cpu += cpu_ms
    with create_session() as session:
        states = session.execute(select(DagRun.state, func.count()).group_by(DagRun.state))
        runs = {str(state): int(many) for state, many in states}
        tasks = session.scalar(select(func.count()).select_from(TaskInstance))
    return {
        "median_ms": round(statistics.median(took), 1),
        "slowest_ms": round(max(took), 1),
        "cpu_ms": round(cpu / count, 1),
        "runs": runs,
        "tasks": tasks,
        "load": round(os.getloadavg()[0], 1),
    }


def report(reels: int, read: dict[str, float], found: dict[str, Any]) -> int:
    """Write the figures, say them."""
    usual, long, plan = found["nothing waits"]["cpu_ms"], found["a long reel's lanes"], plan_figures()
    bars = [
        bar(
            f"a pass with {reels} reels in the queue, × its processor time with nothing waiting",
            found["reels in the queue"]["cpu_ms"] / usual,
            MOST_RATIO,
            most=True,
        ),
        bar(
            f"a pass with {reels} runs triggered at once, median ms",
            found["runs triggered"]["median_ms"],
            MOST_PASS_MS,
            most=True,
        ),
        bar(
            f"a pass with a run expanded over {long['lanes']} lanes twice, median ms",
            long["median_ms"],
            MOST_PASS_MS,
            most=True,
        ),
        bar(
            f"a pod's start, share of its work, the most of any lane ({FRAMES} frames, {SHOTS} shots)",
            max(one["start_share"] for one in plan),
            MOST_SHARE,
            most=True,
        ),
        bar(
            "XCom of a mapped task, what it is given and leaves, bytes at most",
            long["xcom_bytes"]["given_mean"] + long["xcom_bytes"]["left_most"],
            MOST_XCOM_BYTES,
            most=True,
        ),
    ]
    figures = {
        "benchmark": "scheduler",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {"airflow": version("apache-airflow")},
        "bars": bars,
        "read_cpu_s": read,
        "passes": found,
        "plan": plan,
    }
    write_atomic(FIGURES, (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
    for name, seconds in read.items():
        print(f"{name}: {seconds} s of processor to read")
    for name, one in found.items():
        print(f"{name}: {one['median_ms']} ms a pass, {one['cpu_ms']} ms of processor, {one['runs']}")
    for one in bars:
        print(f"{one['bar']}: {one['measured']} (asked at most {one['asked']})")
    return ExitCode.DONE if all(one["met"] for one in bars) else ExitCode.FAILED


if __name__ == "__main__":
    run(main, "scheduler")
