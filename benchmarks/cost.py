"""What a reel costs, and how long an archive takes: reckoned from measured rates and named assumptions.

    python -m benchmarks.cost

**Measured**, read from docs/benchmarks: frames a second that lanes beside one H100 find and repair dirt in at 2K
(`dirt-gpu.json`); what writing a 2K frame as FFV1 takes (`ingest.json`); seconds of every step on two cores
(`demo.json`, one core a lane).

**Assumed**, in `cost.yaml`: prices, what share of time a GPU works, how often a frame passes a codec; and by the
model itself:

- A GPU's 16 cores are its limit (they were busy throughout when it was measured), so seconds of codec on them add up
  with those of finding and repairing.
- 4K costs four times 2K, as it has four times the pixels. On two cores a pixel cost less, the larger the frame was.
- Other steps cost by pixel what they cost at 640x272. That is too much for large frames, for the same reason.
- Only dirt, hairs and scratches run on the GPU. Treatments of the whole picture (weave, flicker, fade, grain) and
  larger versions were not measured beside one and come on top.

**Simulated**: fleets of 1, 10 and 100 GPUs work through 100,000 reels at 2K, week by week, worst first by what an
archive knows, and first in, first out; what reels lose until their turn comes, by the model of `queue_year.py`.

Writes docs/benchmarks/cost.json. No bar is asked.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.command import run
from benchmarks.queue_year import THIS_YEAR, Collection, Order, collection, orders
from restoration_tasks.runtime.errors import ExitCode, WrongUse
from restoration_tasks.runtime.files import write_atomic

FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
FIGURES = FOLDER / "cost.json"
INPUTS = Path(__file__).with_suffix(".yaml")
HOURS_A_YEAR = 8766.0
WEEKS_A_YEAR = 52
JUDGED_EVERY_WEEKS = 26
"""The order is made anew twice a year."""
MOST_YEARS = 200
GPU_STEPS = frozenset({"assess", "restore"})
"""Of the demo's steps those whose work was measured beside a GPU."""
SEED = 1


@dataclass(frozen=True)
class Measured:
    """Seconds, each from one kept file."""

    gpu_frame_s: float
    """Of one GPU with its cores: a 2K frame found and repaired."""
    gpu_cores: int
    gpu_megapixels: float
    codec_core_s: float
    """Of one core: a 2K frame written as FFV1."""
    step_core_s: Mapping[str, float]
    """Of one core: a frame and megapixel of each step."""

    @classmethod
    def kept(cls, folder: Path = FOLDER) -> Measured:
        """Read what benchmarks have kept.

        Raises:
            WrongUse: one has not been run.
        """
        gpu, ingest, demo = (_read(folder / f"{name}.json") for name in ("dirt-gpu", "ingest", "demo"))
        frames = sum(shot["frames"] for shot in demo["seeds"][0]["score"]["shots"])
        megapixels = 640 * 272 / 1e6
        width, height = gpu["size"]
        encoded, cores = int(ingest["command"].split("--encode-frames ")[1].split()[0]), 2
        return cls(
            gpu_frame_s=1.0 / gpu["fps"],
            gpu_cores=int(gpu["machine"].split(" cores")[0].rsplit(" ", 1)[1]),
            gpu_megapixels=width * height / 1e6,
            codec_core_s=cores * float(np.median(ingest["encode"]["ours_s"])) / encoded,
            step_core_s={name: seconds / frames / megapixels for name, seconds in demo["seeds"][0]["step_s"].items()},
        )

    def gpu_hours(self, frames: int, megapixels: float, codec_passes: int) -> float:
        """Of one GPU, for a reel."""
        larger = megapixels / self.gpu_megapixels
        frame_s = self.gpu_frame_s + codec_passes * self.codec_core_s / self.gpu_cores
        return frames * larger * frame_s / 3600.0

    def core_hours(self, frames: int, megapixels: float, *, gpu: bool = True) -> float:
        """Of one core of other nodes, for a reel: the steps beside the GPU, or all where there is none."""
        seconds = sum(s for name, s in self.step_core_s.items() if not (gpu and name in GPU_STEPS))
        return frames * megapixels * seconds / 3600.0


@dataclass(frozen=True)
class Fleet:
    """How an order fares until every reel is restored."""

    years: float
    lost: float
    """What reels lost from now until their turn, in whole reels of content."""


def main() -> int:
    """Reckon and write."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    inputs = yaml.safe_load(INPUTS.read_text(encoding="utf-8"))
    measured = Measured.kept()
    reels = {name: reel(measured, size, inputs) for name, size in inputs["sizes"].items()}
    figures = {
        "benchmark": "cost",
        "date": datetime.now(UTC).date().isoformat(),
        "assumed": inputs,
        "measured": {
            "gpu_frame_s": round(measured.gpu_frame_s, 4),
            "codec_core_s": round(measured.codec_core_s, 4),
            "step_core_s_a_megapixel": {name: round(one, 3) for name, one in measured.step_core_s.items()},
        },
        "reel": reels,
        "fleets": fleets(inputs, reels["2K"]["gpu_hours"]),
    }
    write_atomic(FIGURES, (json.dumps(figures, indent=1, ensure_ascii=False) + "\n").encode())
    for name, one in reels.items():
        low, usual, high = one["cents"]
        print(f"{name}: {one['gpu_hours']} GPU-hours, {one['core_hours']} core-hours, {usual} ({low} to {high}) cents")
    for fleet in figures["fleets"]:
        print(fleet)
    return ExitCode.DONE


def reel(measured: Measured, size: tuple[int, int], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Hours and cents of one reel; the three prices go together."""
    frames, megapixels = inputs["reel_frames"], size[0] * size[1] / 1e6
    gpu_h = measured.gpu_hours(frames, megapixels, inputs["codec_passes"])
    core_h = measured.core_hours(frames, megapixels)
    prices = list(zip(inputs["gpu_hour_cents"], inputs["core_hour_cents"], strict=True))
    alone_h = measured.core_hours(frames, megapixels, gpu=False)
    return {
        "gpu_hours": round(gpu_h, 2),
        "core_hours": round(core_h, 1),
        "cents": [round(gpu_h * gpu + core_h * core) for gpu, core in prices],
        "of_it_gpu_cents": [round(gpu_h * gpu) for gpu, _ in prices],
        "core_hours_without_gpu": round(alone_h, 1),
        "cents_without_gpu": [round(alone_h * core) for _, core in prices],
    }


def fleets(inputs: Mapping[str, Any], gpu_hours: float) -> list[dict[str, Any]]:
    """Every archive, number of GPUs and order."""
    found = []
    for archive in inputs["archives"]:
        reels = collection(inputs["archive_reels"], SEED, **archive)
        compared = {name: order for name, order in orders(reels, SEED).items() if name != "knows every loss"}
        for gpus in inputs["gpus"]:
            a_week = gpus * inputs["busy_share"] * HOURS_A_YEAR / WEEKS_A_YEAR / gpu_hours
            lived = {name: worked_through(reels, order, a_week) for name, order in compared.items()}
            found.append(
                {
                    **archive,
                    "gpus": gpus,
                    "years": round(lived["worst first"].years, 2),
                    "lost_reels": {name: round(fleet.lost) for name, fleet in lived.items()},
                }
            )
    return found


def worked_through(reels: Collection, order: Order, reels_a_week: float) -> Fleet:
    """Restore every reel, so many a week; all are of one length.

    Raises:
        WrongUse: it would take more than `MOST_YEARS`.
    """
    count = len(reels.base)
    if count / reels_a_week > MOST_YEARS * WEEKS_A_YEAR:
        raise WrongUse(f"the archive would take more than {MOST_YEARS} years")
    restored_at = np.full(count, np.nan)
    waiting = np.arange(count)
    week, done = 0, 0
    while done < count:
        if week % JUDGED_EVERY_WEEKS == 0:
            priority = order(reels, THIS_YEAR + week / WEEKS_A_YEAR)
            waiting = waiting[np.argsort(-priority[waiting], kind="stable")]
        week += 1
        upto = min(count, int(week * reels_a_week))
        # within the week one after the other
        turns = (week - 1 + (np.arange(done, upto) + 1 - (week - 1) * reels_a_week) / reels_a_week) / WEEKS_A_YEAR
        restored_at[waiting[: upto - done]] = THIS_YEAR + turns
        waiting, done = waiting[upto - done :], upto
    lost = reels.lost(restored_at) - reels.lost(THIS_YEAR)
    return Fleet(years=float(restored_at.max() - THIS_YEAR), lost=float(lost.sum()))


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        raise WrongUse(f"no {path.name} is kept", file=path, action=f"run `make bench BENCH={path.stem}` first")
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return kept


if __name__ == "__main__":
    run(main, "cost")
