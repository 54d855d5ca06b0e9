"""The whole way of reels of different length: does time grow in step with their frames, and memory not at all?

    python -m benchmarks.scaling [--frames 500 2000 20000] [--lanes 1 2] [--lanes-frames 500]

Each reel is a delivery of small 10-bit DPX frames (96x72, shots of 50 frames, two of three aged), taken from ingest to
package by `reelkeeper run` in a home of its own. Memory is the most that the processes of one batch of a step held
together, looked at ten times a second. Time is processor time, as the machine may be busy with other work. Each length
is measured once and kept; `--again` measures it anew. A made reel that the check refuses has gone its way up to there:
its package is missing, and the rules that refused it are kept beside its figures.

Beside it: one reel with one lane and with two, by the clock; and what a lane takes beside its work: processor time of
its process less that of its results, and what its first segment took more than the median of the others, as libraries
and networks are loaded with it.

Bars: per frame, the longest reel takes at most 1.1 x the processor time of the shortest, and no step more than 1.1 x
its memory. Writes docs/benchmarks/scaling.json; exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.bars import bar
from benchmarks.command import run
from benchmarks.soak_home import REEL, Home
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.runtime.spec import SpecFile, StepName, StepResult
from tests.integration.reels import deliver

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "scaling.json"
FRAMES_A_SHOT = 50
MOST_TIME, MOST_MEMORY = 1.1, 1.1
"""Of the longest reel over the shortest: processor time a frame; memory of any step."""
LOOK_S = 0.1
LANES_BATCH_FRAMES = 250
"""Of a batch where lanes are compared: several for each."""

console = Console()


@dataclass
class Seen:
    """What was seen of one process of a step."""

    step: StepName
    segments: tuple[str, ...]
    cpu_s: float = 0.0
    most_bytes: int = 0


@dataclass
class Watched:
    """What was seen of a run."""

    processes: dict[int, Seen] = field(default_factory=dict)
    conductor_bytes: int = 0

    def peaks(self) -> dict[StepName, int]:
        """The most bytes a process of each step held. Two lanes are two: each by itself must stay small."""
        found: dict[StepName, int] = {}
        for one in self.processes.values():
            found[one.step] = max(found.get(one.step, 0), one.most_bytes)
        return found


def main() -> int:
    """Measure what is asked for and not kept; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description="Time and memory against the length of a reel.")
    parser.add_argument("--frames", type=int, nargs="*", default=[500, 2000, 20_000])
    parser.add_argument("--lanes", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--lanes-frames", type=int, default=500, help="frames of the reel that lanes are compared by")
    parser.add_argument("--again", action="store_true", help="measure what is kept anew")
    parser.add_argument("--folder", type=Path, default=None, help="where to work")
    asked = parser.parse_args()
    kept: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    wanted: list[tuple[str, str, int, dict[str, str]]] = [
        ("reels", str(frames), frames, {}) for frames in sorted(asked.frames)
    ]
    for lanes in asked.lanes:
        settings = {"REELKEEPER_LANES": str(lanes), "REELKEEPER_BATCH_FRAMES": str(LANES_BATCH_FRAMES)}
        wanted.append(("lanes", str(lanes), asked.lanes_frames, settings))
    for part, key, frames, settings in wanted:
        if asked.again or key not in kept.setdefault(part, {}):
            kept.setdefault(part, {})[key] = measure(frames, settings, asked.folder)
            write(kept)
    return show(kept)


def measure(frames: int, settings: Mapping[str, str], folder: Path | None) -> dict[str, Any]:
    """Take one reel its whole way.

    Returns:
        Seconds and, by step, processor seconds a frame and the most bytes its processes held together.
    """
    with tempfile.TemporaryDirectory(prefix="reelkeeper-scaling-", dir=folder) as name:
        home = Home(Path(name), settings)
        deliver(home.folder / "inbox", REEL, shots=frames // FRAMES_A_SHOT, frames_a_shot=FRAMES_A_SHOT)
        load = os.getloadavg()[0]
        try:
            begun = time.monotonic()
            command = home.start_reel()
            try:
                watched = watch(command)
            finally:
                command.terminate()
            wall_s = time.monotonic() - begun
            if command.returncode not in (ExitCode.DONE, ExitCode.CHECK_REFUSED):
                raise SystemExit(f"the run failed: {home.log_end()}")
            results = home.results()
        finally:
            home.stop_database()
    cpu = {step: sum(result.cpu_s for result in of_it) / frames for step, of_it in results.items()}
    peaks = watched.peaks()
    return {
        "frames": frames,
        "wall_s": round(wall_s, 1),
        "cpu_s_a_frame": round(sum(cpu.values()), 4),
        "steps": {
            step.value: {"cpu_s_a_frame": round(seconds, 5), "memory_bytes": peaks.get(step, 0)}
            for step, seconds in cpu.items()
        },
        "batches": sum(one.step is StepName.ASSESS for one in watched.processes.values()),
        "start_cpu_s": starts(watched, results),
        "refused_by": results[StepName.CHECK][0].figures.get("failed_rules"),
        "conductor_bytes": watched.conductor_bytes,
        "load_before": round(load, 1),
    }


def watch(command: subprocess.Popen[bytes]) -> Watched:
    """Look at the processes of a run while it lasts."""
    watched = Watched()
    while command.poll() is None:
        try:
            conductor = psutil.Process(command.pid)
            watched.conductor_bytes = max(watched.conductor_bytes, conductor.memory_info().rss)
            for child in conductor.children():
                one = watched.processes.get(child.pid) or _begun(child)
                if one is not None:
                    watched.processes[child.pid] = one
                    one.most_bytes = max(one.most_bytes, sum(member.memory_info().rss for member in _family(child)))
                    spent = child.cpu_times()
                    one.cpu_s = spent.user + spent.system + spent.children_user + spent.children_system
        except (psutil.NoSuchProcess, FileNotFoundError):
            pass  # it ended between two looks
        time.sleep(LOOK_S)
    return watched


def _family(process: psutil.Process) -> list[psutil.Process]:
    """A process and those it started.

    One that was forked a moment ago and has not become another program yet still lies in its parent's memory, which is
    not to be counted twice: its command line is still the parent's, or none while it becomes one.
    """
    own = process.cmdline()
    return [process, *(child for child in process.children(recursive=True) if child.cmdline() not in (own, []))]


def _begun(process: psutil.Process) -> Seen | None:
    """What a child of the conductor works on; None where it is no step (the database)."""
    line = process.cmdline()
    if "step" not in line:
        return None
    specs = SpecFile.parse(Path(line[-1]).read_bytes(), source="spec").specs
    return Seen(specs[0].step, tuple(spec.segment or "" for spec in specs))


def starts(watched: Watched, results: Mapping[StepName, Sequence[StepResult]]) -> dict[str, Any]:
    """Seconds of processor that lanes of assess took beside their work: the median and the longest."""
    took = {result.segment or "": result.cpu_s for result in results[StepName.ASSESS]}
    found = []
    for one in watched.processes.values():
        if one.step is StepName.ASSESS and len(one.segments) > 2:
            first, *others = (took[segment] for segment in one.segments)
            usual = statistics.median(others)
            found.append(one.cpu_s - sum(others) - min(first, usual))
    if not found:
        return {}
    return {"lanes": len(found), "median": round(statistics.median(found), 2), "longest": round(max(found), 2)}


def judged(reels: dict[str, Any]) -> list[dict[str, Any]]:
    """The bars, by the shortest and the longest reel measured; none before there are two."""
    if len(reels) < 2:
        return []
    short, long = (reels[key] for key in (min(reels, key=int), max(reels, key=int)))
    growth = {
        step: one["memory_bytes"] / short["steps"][step]["memory_bytes"]
        for step, one in long["steps"].items()
        if short["steps"].get(step, {}).get("memory_bytes")
    }
    worst = max(growth, key=lambda step: growth[step])
    lengths = f"{min(reels, key=int)} → {max(reels, key=int)} frames"
    return [
        bar(f"processor time a frame, {lengths}", long["cpu_s_a_frame"] / short["cpu_s_a_frame"], MOST_TIME, most=True),
        bar(f"memory of the step that grows most ({worst}), {lengths}", growth[worst], MOST_MEMORY, most=True),
    ]


def write(kept: dict[str, Any]) -> None:
    """Keep what there is."""
    head = {
        "benchmark": "scaling",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "picture": "96x72, 10-bit RGB",
        "bars": judged(kept.get("reels", {})),
        **{part: dict(sorted(kept.get(part, {}).items(), key=lambda one: int(one[0]))) for part in ("reels", "lanes")},
    }
    write_atomic(FIGURES, (json.dumps(head, indent=1, ensure_ascii=False) + "\n").encode())


def show(kept: dict[str, Any]) -> int:
    """Print the table and the bars."""
    reels = kept["reels"]
    table = Table("step", *(f"{key} frames: ms a frame, MB" for key in reels))
    for step in next(iter(reels.values()))["steps"]:
        cells = [one["steps"].get(step) for one in reels.values()]
        told = (
            f"{1000 * c['cpu_s_a_frame']:.1f}, {c['memory_bytes'] / 1e6:.0f}" if c else "not reached" for c in cells
        )
        table.add_row(step, *told)
    console.print(table)
    for lanes, one in kept.get("lanes", {}).items():
        console.print(f"{lanes} lanes: {one['wall_s']} s for {one['frames']} frames", highlight=False)
    bars = judged(reels)
    for one in bars:
        console.print(f"{one['bar']}: {one['measured']} (asked at most {one['asked']})", highlight=False)
    return ExitCode.DONE if all(one["met"] for one in bars) else ExitCode.FAILED


if __name__ == "__main__":
    run(main, "scaling")
