"""Super-resolution of pictures that were shrunk, and the memory that networks need, computed without a GPU."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice, pairwise
from typing import Any

import numpy as np

from restoration_tasks.media.segments import Segment
from restoration_tasks.models.enlargers import ANIMATION, FAITHFUL, TEXTURE, load_enlarger
from restoration_tasks.models.rife import load_rife
from restoration_tasks.models.shelf.known import KNOWN, RIFE
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.models.tiling import Tileable, peak_bytes, tile_for, tiled
from restoration_tasks.restoration.enlarge import CODE, enlarge, enlarge_run, grown, shrunk
from restoration_tasks.restoration.enlargement import RUNS
from restoration_tasks.runtime.spec import NumericProfile
from restoration_tasks.training.between.evaluate import FULL, Shares, psnr_db
from restoration_tasks.training.clips import CLIPS, fetch, read_clip

GIB = 2**30
BUDGET_GIB = 8
RADIUS = 3
"""Frames on each side that a network for runs is shown."""
SIZES = {"540p": (544, 960), "1080p": (1088, 1920), "2160p": (2160, 3840)}


def enlargers() -> dict[str, Tileable]:
    """The networks that enlarge four times."""
    shelf = Shelf.of()
    return {name: load_enlarger(KNOWN[name], shelf.require(name)) for name in (FAITHFUL, TEXTURE, ANIMATION[4])}


def runs(case: Mapping[str, Any], factor: int) -> list[list[Shares]]:
    """Frames of a case with those around them, cut so that the factor divides them."""
    clip, (start, stop) = CLIPS[case["clip"]], case["frames"]
    middles = np.linspace(start + RADIUS, stop - 1 - RADIUS, case["pictures"]).round().astype(int).tolist()
    frames: dict[int, Shares] = {}
    for index, work in islice(enumerate(read_clip(clip, fetch(clip))), max(middles) + RADIUS + 1):
        height, width = (side // factor * factor for side in work.shape[1:])
        if any(abs(index - middle) <= RADIUS for middle in middles):
            frames[index] = (work[:, :height, :width] / FULL).astype(np.float32)
    scenes = clip.scenes or ((0, clip.frames),)
    return [
        [
            # Beyond a cut the frame nearest to it stands in, as at a reel's end.
            frames[min(max(index, begin), end - 1)]
            for index in range(middle - RADIUS, middle + RADIUS + 1)
        ]
        for middle in middles
        for begin, end in scenes
        if begin <= middle < end
    ]


def measured(case: Mapping[str, Any], factor: int, networks: Mapping[str, Tileable]) -> dict[str, Any]:
    """PSNR of bicubic, of the networks alone and of them brought back to their source; how far each is from it."""
    import torch

    psnr: dict[str, list[float]] = {}
    differs: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}
    pixels = 0
    for run in runs(case, factor):
        truth, small = run[RADIUS], [np.clip(shrunk(frame, factor), 0, 1) for frame in run]
        source = small[RADIUS]
        pixels += source[0].size
        made = {"bicubic": np.clip(grown(source, factor), 0, 1)}
        for name, own in networks.items():
            shown, place = (np.concatenate(small), RADIUS) if name == FAITHFUL else (source, 0)
            begin = time.process_time()
            found = tiled(own, shown, NumericProfile())[0][3 * place : 3 * place + 3]
            seconds[name] = seconds.get(name, 0.0) + time.process_time() - begin
            made[f"{name} alone"] = np.clip(found, 0, 1)
            # The network need not run twice: what it made is handed on.
            ready = torch.from_numpy(np.ascontiguousarray(found))[None]
            made[name] = enlarge(Tileable(lambda _, ready=ready: ready, factor), source).picture
        for name, picture in made.items():
            psnr.setdefault(name, []).append(psnr_db(picture, truth))
            away = np.sqrt(np.mean(np.square(shrunk(picture, factor) - source, dtype=np.float64)))
            differs.setdefault(name, []).append(float(away) / CODE)
    return {
        "pictures": len(psnr["bicubic"]),
        "psnr_db": {name: round(float(np.mean(all_of)), 2) for name, all_of in psnr.items()},
        "differs_from_source_codes": {name: round(max(all_of), 2) for name, all_of in differs.items()},
        "cpu_s_a_source_megapixel": {name: round(spent / pixels * 1e6, 1) for name, spent in seconds.items()},
    }


def in_windows(case: Mapping[str, Any], factor: int) -> dict[str, dict[str, float]]:
    """A run of frames enlarged all at once, in windows that end hard, and in windows that pass over into each other."""
    (start, stop), (top, bottom, left, right) = case["frames"], case["crop"]
    own = enlargers()[FAITHFUL]
    works = islice(read_clip(CLIPS[case["clip"]], fetch(CLIPS[case["clip"]])), start, stop)
    truth = [(work[:, top:bottom, left:right] / FULL).astype(np.float32) for work in works]
    small = [np.clip(shrunk(frame, factor), 0, 1) for frame in truth]
    windows = RUNS.over(Segment("s001-01", 1, 0, len(small), 0, len(small)))
    hard: list[Shares | None] = [None] * len(small)
    mixed = [np.zeros_like(frame) for frame in truth]
    weights = np.zeros(len(small))
    for window in windows:
        for index, made in enumerate(enlarge_run(own, small[window.start : window.stop]), start=window.start):
            mixed[index] += made.picture * np.float32(window.weight(index))
            weights[index] += window.weight(index)
            if window.weight(index) >= 0.5:
                hard[index] = made.picture
    kinds = {
        "all at once": [made.picture for made in enlarge_run(own, small)],
        "windows, hard": [picture for picture in hard if picture is not None],
        "windows": [picture / np.float32(weight) for picture, weight in zip(mixed, weights, strict=True)],
    }
    seams = {window.start + window.fades // 2 for window in windows[1:]}
    told = {}
    for name, pictures in kinds.items():
        wrong = [picture - frame for picture, frame in zip(pictures, truth, strict=True)]
        steps = [float(np.sqrt(np.mean(np.square(after - before)))) / CODE for before, after in pairwise(wrong)]
        parted = [[step for place, step in enumerate(steps, 1) if (place in seams) is at] for at in (True, False)]
        told[name] = {
            "psnr_db": round(float(np.mean([psnr_db(*pair) for pair in zip(pictures, truth, strict=True)])), 2),
            "seams": round(float(np.mean(parted[0])), 2),
            "elsewhere": round(float(np.mean(parted[1])), 2),
        }
    return told


def memory(networks: Mapping[str, Tileable]) -> dict[str, Any]:
    """What frames of three sizes need at once in half precision, and the tile that fits a GPU of 8 GiB."""
    rife = load_rife(Shelf.of().require(RIFE.name)[0])
    told: dict[str, Any] = {
        RIFE.name: {f"{size}_gib": round(peak_bytes(rife, (1, 6, *shape)) / GIB, 2) for size, shape in SIZES.items()}
    }
    for name, own in networks.items():
        channels = 3 * (2 * RADIUS + 1) if name == FAITHFUL else 3
        row = {
            f"{size}_gib": round(peak_bytes(own.network, (1, channels, *shape), half=True) / GIB, 2)
            for size, shape in SIZES.items()
        }
        tile = tile_for(own, channels, BUDGET_GIB * GIB, largest_px=3840, half=True)
        side = tile + 2 * own.overlap_px
        row |= {
            f"tile_px_in_{BUDGET_GIB}_gib": tile,
            "tile_gib": round(peak_bytes(own.network, (1, channels, side, side), half=True) / GIB, 2),
        }
        told[name] = row
    return told
