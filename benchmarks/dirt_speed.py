"""How fast the product repairs dirt, hairs and scratches, beside ffmpeg's `nlmeans`, and in how much memory.

As a program it is what is measured, in a process of its own so that its memory can be watched:

    python -m benchmarks.dirt_speed MASTER FOLDER START:STOP [START:STOP …]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import ffmpeg as graph
import numpy as np
import psutil

from benchmarks.dirt_cases import FULL, Codes, Take, clean_frames
from benchmarks.engines import assess, repair, rgb, timed, write_frames
from benchmarks.ingest import held_bytes
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.media import ffmpeg
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.writer import Ffv1Settings
from restoration_tasks.runtime.settings import Device
from restoration_tasks.training.damage import Damage, Dirt, Hair, Scratch

ROUNDS = 3
LONGER = 5
"""How many times as long the long clip is whose memory is compared."""
_DAMAGE = (
    Scratch(lines=1.0, opacity=(0.5, 0.8), seed=2),
    Dirt(area=(0.016, 0.02), opacity=(0.9, 1.0), radius_px=2.6, largest_px=16, seed=1),
    Hair(strands=1.5, seed=3),
)
"""What the timed clips are damaged by: about 2 % of the picture, as in the recipe's middle strengths."""
Result = dict[str, Any]


@dataclass(frozen=True)
class SpeedJob:
    """One clip that is timed."""

    take: Take
    size: tuple[int, int]
    """Width and height it is brought to."""
    frames: int
    device: Device = Device.CPU
    rounds: int = ROUNDS
    memory: bool = False
    """Whether memory is compared instead of time."""

    @property
    def key(self) -> str:
        """Its name in the results."""
        what = "memory" if self.memory else "time"
        return f"{what}/{self.size[0]}x{self.size[1]}/{self.device}"


def speed(job: SpeedJob) -> Result:
    """Time the product and `nlmeans` in turns; the ratio is the median of the rounds' own."""
    with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as name:
        folder = Path(name)
        master, shots = folder / "clip.mkv", [(0, job.frames)]
        write_frames(master, rgb(*job.size), _damaged(job, job.frames))
        ours: list[Result] = []
        theirs: list[float] = []
        for number in range(job.rounds):
            turns = ["ours", "theirs"] if number % 2 == 0 else ["theirs", "ours"]
            for turn in turns if job.device is Device.CPU else ["ours"]:
                if turn == "ours":
                    ours.append(product(master, shots, folder / f"ours-{number}", job.device))
                else:
                    theirs.append(nlmeans(master, folder / "nlmeans.mkv"))
    fps = [job.frames / (one["assess"] + one["restore"]) for one in ours]
    made: Result = {
        "frames": job.frames,
        "ours_s": [{k: round(v, 2) for k, v in one.items() if k != "peak_bytes"} for one in ours],
        "fps": round(statistics.median(fps), 3),
        "peak_bytes": max(one["peak_bytes"] for one in ours),
    }
    if theirs:
        ratios = [(one["assess"] + one["restore"]) / other for one, other in zip(ours, theirs, strict=True)]
        made |= {"nlmeans_s": [round(one, 2) for one in theirs], "times_nlmeans": round(statistics.median(ratios), 3)}
    return made


def memory(job: SpeedJob) -> Result:
    """The most memory the product holds for a clip, and for one `LONGER` times as long."""
    peaks = []
    for frames in (job.frames, LONGER * job.frames):
        with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as name:
            folder = Path(name)
            write_frames(folder / "clip.mkv", rgb(*job.size), _damaged(job, frames))
            done = product(folder / "clip.mkv", [(0, frames)], folder / "ours", job.device)
            peaks.append(done["peak_bytes"])
    return {"frames": [job.frames, LONGER * job.frames], "peak_bytes": peaks, "growth": round(peaks[1] / peaks[0], 3)}


def _damaged(job: SpeedJob, frames: int) -> Iterator[Codes]:
    """The take's longest shot, to and fro, at the size asked for, damaged."""
    start, stop = max(job.take.shots, key=lambda bounds: bounds[1] - bounds[0])
    shot = clean_frames(job.take)[start:stop]
    there = [*range(len(shot)), *range(len(shot) - 2, 0, -1)] or [0]
    way = cv2.INTER_AREA if job.size[0] < shot[0].shape[2] else cv2.INTER_CUBIC
    sized = [
        np.clip(cv2.resize(frame.transpose(1, 2, 0), job.size, interpolation=way), 0, int(FULL)).transpose(2, 0, 1)
        for frame in shot
    ]
    clean = (np.ascontiguousarray(sized[there[number % len(there)]]) for number in range(frames))
    for aged in Damage(_DAMAGE, seed=1).apply(clean, bit_depth=10):
        yield aged.picture


def product(master: Path, shots: Sequence[tuple[int, int]], folder: Path, device: Device) -> Result:
    """Run the product in a process of its own; its seconds by stage, and the most memory it held."""
    folder.mkdir()
    cores = str(len(os.sched_getaffinity(0)))
    precision = "float16" if device is Device.CUDA else "float32"
    environment = os.environ | {
        "REELKEEPER_THREADS": cores,
        "REELKEEPER_DEVICE": str(device),
        "REELKEEPER_PRECISION": precision,
    }
    bounds = [f"{start}:{stop}" for start, stop in shots]
    command = [sys.executable, "-m", "benchmarks.dirt_speed", str(master), str(folder), *bounds]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        peak, over = 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            parent = psutil.Process(process.pid)
            while not over.wait(0.2):
                peak = max(peak, held_bytes(parent))

        watcher = threading.Thread(target=watch)
        watcher.start()
        told, _ = process.communicate()
        over.set()
        watcher.join()
    if process.returncode:
        raise RuntimeError(f"the product failed with exit code {process.returncode}")
    return {**json.loads(told), "peak_bytes": peak}


def nlmeans(master: Path, target: Path) -> float:
    """Seconds of ffmpeg's non-local means at its defaults, from FFV1 to FFV1 written as ours is."""
    picture = FrameReader(master).format
    options = {name: value for name, value in Ffv1Settings().options(picture).items() if name != "f"}
    stream = graph.input(ffmpeg.file_url(master)).filter("nlmeans").output(ffmpeg.file_url(target), **options)
    begun = time.monotonic()
    ffmpeg.run(stream, about=target)
    return time.monotonic() - begun


def main(master: Path, folder: Path, shots: Sequence[tuple[int, int]]) -> None:
    """What is timed: measuring and deciding, then repairing, from a master to restored segments."""
    import torch  # noqa: F401 - a second's start of the library is no speed of ours

    from restoration_tasks.runtime.settings import Settings

    cv2.setNumThreads(Settings().threads)
    seconds: dict[str, float] = {}
    with timed(seconds, "assess"):
        plan = assess(master, shots, Engine.NETWORK, folder)
    with timed(seconds, "restore"):
        repair(master, shots, plan, folder)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main(
        Path(sys.argv[1]),
        Path(sys.argv[2]),
        [(int(start), int(stop)) for start, stop in (bound.split(":") for bound in sys.argv[3:])],
    )
