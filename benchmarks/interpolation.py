"""Interpolation by dropped frames: every second frame of a triple is made again from the other two and compared."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709
from restoration_tasks.models.between.interpolator import load_interpolator
from restoration_tasks.models.rife import NAME, load_rife
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.training.between.evaluate import plain_rife, psnr_db, triples
from restoration_tasks.training.clips import CLIPS

Shares = NDArray[np.float32]
Make = Callable[[Shares, Shares], Shares]
OURS, RIFE, DIS, NEIGHBOUR = "ours", "rife", "dis", "nearer_neighbour"


def makers() -> dict[str, Make]:
    """Ours and the peers."""
    network = load_rife(Shelf.of().require(NAME)[0])
    return {
        OURS: load_interpolator().between,
        RIFE: lambda before, after: plain_rife(network, before, after),
        DIS: dis_warp,
    }


def dis_warp(before: Shares, after: Shares) -> Shares:
    """OpenCV's dense inverse search both ways; the flow at the middle as in Super SloMo (Jiang et al., CVPR 2018)."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    one, other = (
        cv2.convertScaleAbs(cv2.transform(_rows(f), np.array([REC709], np.float32)), alpha=255) for f in (before, after)
    )
    # OpenCV writes into what it is given, and returns it.
    room = np.zeros((*one.shape[:2], 2), np.float32)
    forth, back = (np.asarray(finder.calc(*pair, room.copy()), np.float32) for pair in ((one, other), (other, one)))
    to_first = np.asarray((back - forth) / 4, np.float32)
    to_second = -to_first
    height, width = one.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))

    def carried(frame: Shares, flow: Shares) -> Shares:
        rows = cv2.remap(
            _rows(frame), x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(rows.transpose(2, 0, 1), np.float32)

    return np.asarray((carried(before, to_first) + carried(after, to_second)) / 2, np.float32)


def _rows(frame: Shares) -> Shares:
    return np.ascontiguousarray(frame.transpose(1, 2, 0))


def measured(case: Mapping[str, Any], made_by: Mapping[str, Make]) -> dict[str, Any]:
    """A case of the recipe: mean PSNR of each, frames worse than the nearer neighbour, processor time a frame."""
    scores: dict[str, list[float]] = {name: [] for name in (*made_by, NEIGHBOUR)}
    seconds = dict.fromkeys(made_by, 0.0)
    clip, frames = CLIPS[case["clip"]], tuple(case["frames"])
    for before, truth, after in triples(clip, frames, int(case["half"]), int(case["triples"])):
        scores[NEIGHBOUR].append(max(psnr_db(before, truth), psnr_db(after, truth)))
        for name, make in made_by.items():
            begin = time.process_time()
            made = make(before, after)
            seconds[name] += time.process_time() - begin
            scores[name].append(psnr_db(made, truth))
    count = len(scores[NEIGHBOUR])
    return {
        "frames": count,
        "large_motion": bool(case.get("large", False)),
        "psnr_db": {name: round(float(np.mean(all_of)), 2) for name, all_of in scores.items()},
        "over_rife_db": round(float(np.mean(scores[OURS]) - np.mean(scores[RIFE])), 2),
        "over_dis_db": round(float(np.mean(scores[OURS]) - np.mean(scores[DIS])), 2),
        "worse_than_nearer_neighbour": {
            name: sum(one < near for one, near in zip(scores[name], scores[NEIGHBOUR], strict=True)) for name in made_by
        },
        "time_over_rife": round(seconds[OURS] / seconds[RIFE], 2),
        "cpu_s_a_frame": {name: round(spent / count, 2) for name, spent in seconds.items()},
    }


def name_of(case: Mapping[str, Any]) -> str:
    """What a case is called in the figures."""
    return f"{case['clip']}{'_large' if case.get('large') else ''}_{case['half']}"
