"""Super-resolution of pictures that were shrunk, and the memory that networks need, computed without a GPU."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import islice
from typing import Any

import numpy as np

from benchmarks.interpolation import FULL, Shares, psnr_db
from restoration_tasks.models.enlargers import ANIMATION, FAITHFUL, TEXTURE, load_enlarger
from restoration_tasks.models.rife import load_rife
from restoration_tasks.models.shelf.known import KNOWN, RIFE
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.models.tiling import Tileable, peak_bytes, tile_for, tiled
from restoration_tasks.restoration.enlarge import CODE, enlarge, grown, shrunk
from restoration_tasks.runtime.spec import NumericProfile
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
