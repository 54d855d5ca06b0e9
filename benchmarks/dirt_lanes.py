"""How many frames a second a machine finds and repairs dirt in, with its lanes side by side as batches run on a node.

Frames lie in memory and stay there: decoding and encoding, which need processors and no GPU, are measured by
`benchmarks.dirt_speed`.

    python -m benchmarks.dirt_lanes --lanes 8 --threads 2 --frames 16 --device cuda --size 2048x1556
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.command import run
from restoration_tasks.assessment.network import Found, NetworkDetector
from restoration_tasks.assessment.seen import Seen
from restoration_tasks.assessment.settling import with_passing
from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.dirt import DirtRepair, DirtRepairParams
from restoration_tasks.restoration.neighbours import REACH
from restoration_tasks.restoration.treatment import Means, Shown
from restoration_tasks.runtime.in_order import in_order
from restoration_tasks.runtime.settings import Device
from restoration_tasks.training.clips import BIKES, fetch, read_clip
from restoration_tasks.training.damage import Damage, Dirt, Hair

BITS = 10
WARM_UP_FRAMES = 4
_DAMAGE = (
    Dirt(area=(0.016, 0.02), opacity=(0.9, 1.0), radius_px=2.6, largest_px=16, seed=1),
    Hair(strands=1.5, seed=3),
)
"""About 2 % of the picture, as in the recipe's middle strengths."""


@dataclass(frozen=True)
class Lane:
    """What one process does."""

    number: int
    size: tuple[int, int]
    """Width and height."""
    frames: int
    means: Means


def aged_frames(lane: Lane, frames: int) -> list[Work]:
    """Consecutive damaged frames of a clip with fast motion, brought to the size asked for: `(3, H, W)` 10 bit."""
    first, clean = 4 * lane.number, []
    for number, picture in enumerate(read_clip(BIKES, fetch(BIKES))):
        if first <= number < first + frames:
            rows = cv2.resize(picture.transpose(1, 2, 0), lane.size, interpolation=cv2.INTER_CUBIC)
            clean.append(np.ascontiguousarray(np.clip(rows, 0, 2**BITS - 1).transpose(2, 0, 1)))
    return [frame.picture for frame in Damage(_DAMAGE, seed=lane.number).apply(clean, bit_depth=BITS)]


def found_and_repaired(frames: Sequence[Work], means: Means) -> tuple[int, int]:
    """Find and repair the dirt of a shot.

    Returns:
        frames, and pixels that were repaired.
    """
    height, width = frames[0].shape[1:]
    picture = PictureFormat(width=width, height=height, pix_fmt=f"gbrp{BITS}le")
    detector = NetworkDetector(means)

    def detect(window: Mapping[int, Seen]) -> Found:
        return detector.detect(window, width / window[0].luma.shape[1])

    seen = (Seen.by_network(index, work, picture) for index, work in enumerate(frames))
    found = list(in_order(detect, (w for _, w in windows(seen, REACH)), threads=means.threads, ahead=means.threads))
    maps = [with_passing(one, [found[index] for index in one.near if 0 <= index < len(found)]) for one in found]
    shown = [
        Shown(index, work, _at_size(damage, (width, height)), picture)
        for index, (work, damage) in enumerate(zip(frames, maps, strict=True))
    ]
    treatment = DirtRepair(DirtRepairParams(), means=means)
    batches = _batches([window for _, window in windows(iter(shown), REACH)], treatment.batch(shown[0].picture))
    repaired = [
        work for done in in_order(treatment.apply_all, batches, threads=means.threads, ahead=2) for work in done
    ]
    changed = sum(int((a != b).any(axis=0).sum()) for a, b in zip(frames, repaired, strict=True))
    return len(repaired), changed


def _at_size(damage: DamageMap, size: tuple[int, int]) -> DamageMap:
    dirt, hair, scratch = (
        np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        for plane in (damage.dirt, damage.hair, damage.scratch)
    )
    return DamageMap(dirt, hair, scratch)


def _batches(windows_: list[Mapping[int, Shown]], size: int) -> list[list[Mapping[int, Shown]]]:
    return [windows_[first : first + size] for first in range(0, len(windows_), size)]


def _run(lane: Lane, barrier: Barrier, results: Any) -> None:
    cv2.setNumThreads(1)
    frames = aged_frames(lane, lane.frames + WARM_UP_FRAMES)
    found_and_repaired(frames[:WARM_UP_FRAMES], lane.means)
    barrier.wait()
    begun = time.monotonic()
    done, changed = found_and_repaired(frames[WARM_UP_FRAMES:], lane.means)
    results.put((begun, time.monotonic(), done, changed / (done * lane.size[0] * lane.size[1])))


def measure(lanes: Sequence[Lane]) -> dict[str, Any]:
    """Run the lanes side by side; frames a second from the first one's start to the last one's end."""
    context = multiprocessing.get_context("spawn")
    barrier, results = context.Barrier(len(lanes)), context.Queue()
    processes = [context.Process(target=_run, args=(lane, barrier, results)) for lane in lanes]
    for process in processes:
        process.start()
    told = [results.get(timeout=500) for _ in lanes]
    for process in processes:
        process.join()
    seconds = max(stop for _, stop, _, _ in told) - min(start for start, _, _, _ in told)
    return {
        "lanes": len(lanes),
        "threads": lanes[0].means.threads,
        "size": list(lanes[0].size),
        "device": lanes[0].means.device.value,
        "half": lanes[0].means.half,
        "frames": sum(done for _, _, done, _ in told),
        "seconds": round(seconds, 2),
        "fps": round(sum(done for _, _, done, _ in told) / seconds, 2),
        "repaired_share": round(float(np.mean([share for _, _, _, share in told])), 4),
    }


def machine(device: Device) -> str:
    """What it ran on."""
    import torch

    cores = multiprocessing.cpu_count()
    on = torch.cuda.get_device_name() if device is Device.CUDA else platform.machine()
    return f"{on}, {cores} cores, torch {torch.__version__}"


def main() -> None:
    """Measure, print, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lanes", type=int, default=2)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--frames", type=int, default=16, help="frames a lane")
    parser.add_argument("--device", type=Device, default=Device.CPU)
    parser.add_argument("--size", default="2048x1556")
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    width, height = map(int, asked.size.split("x"))
    means = Means(asked.device, asked.device is Device.CUDA, asked.threads)
    measured = measure([Lane(n, (width, height), asked.frames, means) for n in range(asked.lanes)])
    measured["machine"] = machine(asked.device)
    print(json.dumps(measured))
    if asked.out:
        asked.out.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    run(main, "dirt_lanes")
