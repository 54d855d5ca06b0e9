"""The whole way of reels of different length: does time grow in step with their frames, and memory not at all?

    python -m benchmarks.scaling [--frames 500 2000]

Each reel is a delivery of small 10-bit DPX frames (96x72, shots of 50 frames, two of three aged), taken from ingest to
package by `reelkeeper run` in a home of its own. Memory is the most that the processes of one batch of a step held
together, looked at ten times a second. Time is processor time, as the machine may be busy with other work.

Bars: per frame, the longest reel takes at most 1.1 x the processor time of the shortest, and no step more than 1.15 x
its memory. Writes docs/benchmarks/scaling.json, where lengths measured before are kept; exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.bars import bar
from benchmarks.soak_home import REEL, Home
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.spec import SpecFile
from tests.integration.reels import deliver

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "scaling.json"
FRAMES_A_SHOT = 50
MOST_TIME, MOST_MEMORY = 1.1, 1.15
"""Of the longest reel over the shortest: processor time a frame; memory of any step (sampling, not growth)."""
LOOK_S = 0.1

console = Console()


def main() -> int:
    """Measure what is asked for and not kept; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description="Time and memory against the length of a reel.")
    parser.add_argument("--frames", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--folder", type=Path, default=None, help="where to work")
    asked = parser.parse_args()
    kept: dict[str, Any] = json.loads(FIGURES.read_text())["reels"] if FIGURES.exists() else {}
    for frames in sorted(asked.frames):
        kept[str(frames)] = measure(frames, asked.folder)
        write(kept)
        console.print(f"{frames} frames: {kept[str(frames)]['cpu_s_a_frame']:.3f} s of processor a frame")
    return show(kept)


def measure(frames: int, folder: Path | None) -> dict[str, Any]:
    """Take one reel its whole way.

    Returns:
        Seconds and, by step, processor seconds a frame and the most bytes its processes held together.
    """
    with tempfile.TemporaryDirectory(prefix="reelkeeper-scaling-", dir=folder) as name:
        home = Home(Path(name))
        deliver(home.folder / "inbox", REEL, shots=frames // FRAMES_A_SHOT, frames_a_shot=FRAMES_A_SHOT)
        try:
            begun = time.monotonic()
            run = home.start_reel()
            peaks = watch(run)
            wall_s = time.monotonic() - begun
            if run.returncode != 0:
                raise SystemExit(f"the run failed: {home.log_end()}")
            cpu: dict[str, float] = {}
            for step, results in home.results().items():
                cpu[step] = sum(result.cpu_s for result in results) / frames
        finally:
            home.stop_database()
    return {
        "wall_s": round(wall_s, 1),
        "cpu_s_a_frame": round(sum(cpu.values()), 4),
        "steps": {
            step: {"cpu_s_a_frame": round(seconds, 5), "memory_bytes": peaks.get(step, 0)}
            for step, seconds in cpu.items()
        },
        "conductor_bytes": peaks.get("conductor", 0),
        "load": round(os.getloadavg()[0], 1),
    }


def watch(run: subprocess.Popen[bytes]) -> dict[str, int]:
    """The most bytes held together by the processes of each step, and by the conductor itself, while a run lasts."""
    peaks: dict[str, int] = {}
    labels: dict[int, str] = {}
    while run.poll() is None:
        try:
            conductor = psutil.Process(run.pid)
            held = {"conductor": [conductor]}
            for child in conductor.children():
                if child.pid not in labels:
                    labels[child.pid] = _step_of(child)
                if labels[child.pid]:
                    # two lanes of a step are two processes: each by itself must stay small
                    held[f"{labels[child.pid]}/{child.pid}"] = [child, *child.children(recursive=True)]
            for name, family in held.items():
                label = name.partition("/")[0]
                peaks[label] = max(peaks.get(label, 0), sum(one.memory_info().rss for one in family))
        except (psutil.NoSuchProcess, FileNotFoundError):
            pass  # it ended between two looks
        time.sleep(LOOK_S)
    return peaks


def _step_of(process: psutil.Process) -> str:
    """The step a child of the conductor works on; empty where it is none (the database)."""
    line = process.cmdline()
    if "step" not in line:
        return ""
    return SpecFile.parse(Path(line[-1]).read_bytes(), source="spec").specs[0].step.value


def judged(reels: dict[str, Any]) -> list[dict[str, Any]]:
    """The bars, by the shortest and the longest reel measured."""
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


def write(reels: dict[str, Any]) -> None:
    """Keep what there is."""
    head = {
        "benchmark": "scaling",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "picture": "96x72, 10-bit RGB",
        "bars": judged(reels),
        "reels": dict(sorted(reels.items(), key=lambda one: int(one[0]))),
    }
    FIGURES.write_text(json.dumps(head, indent=1, ensure_ascii=False) + "\n")


def show(reels: dict[str, Any]) -> int:
    """Print the table and the bars."""
    table = Table("step", *(f"{key} frames: ms a frame, MB" for key in reels))
    for step in next(iter(reels.values()))["steps"]:
        cells = [one["steps"][step] for one in reels.values()]
        table.add_row(step, *(f"{1000 * c['cpu_s_a_frame']:.1f}, {c['memory_bytes'] / 1e6:.0f}" for c in cells))
    console.print(table)
    bars = judged(reels)
    for one in bars:
        console.print(f"{one['bar']}: {one['measured']} (asked at most {one['asked']})", highlight=False)
    return ExitCode.DONE if all(one["met"] for one in bars) else ExitCode.FAILED


if __name__ == "__main__":
    sys.exit(main())
