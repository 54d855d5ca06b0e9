"""Frames left out and made again: triples of a clip, and how near to the truth the network and RIFE alone come."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from restoration_tasks.models.between.interpolator import MULTIPLE_PX, Interpolator
from restoration_tasks.models.between.network import BetweenNet
from restoration_tasks.models.ifnet import IFNet, blended
from restoration_tasks.models.rife import NAME, load_rife
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.training.clips import fetch, read_clip
from restoration_tasks.training.packed import Clip

Shares = NDArray[np.float32]
"""`(3, H, W)`, 0–1."""
FULL = 1023
TRIPLES = 8
HALVES = (1, 3)
"""Frames from one of a triple to the next: as filmed, and thinned to large motion."""


class BetweenFigures(BaseModel):
    """How well frames were made again, at one distance."""

    model_config = ConfigDict(frozen=True)

    half: int
    frames: int
    psnr_db: float
    rife_psnr_db: float
    worst_over_rife_db: float
    """Of single frames."""


def psnr_db(made: Shares, truth: Shares) -> float:
    """Over all samples of a frame, full scale."""
    error = float(np.mean(np.square(np.clip(made, 0, 1) - truth, dtype=np.float64)))
    return -10 * float(np.log10(max(error, 1e-10)))


def triples(clip: Clip, frames: tuple[int, int], half: int, count: int) -> Iterator[tuple[Shares, Shares, Shares]]:
    """Frames i, i + half and i + 2 · half of one scene each, spread evenly.

    Args:
        clip: fetched where it is not at hand.
        frames: first, and the one behind the last, that may be used.
        half: frames from one to the next.
        count: how many triples at most.
    """
    start, stop = frames
    scenes = clip.scenes or ((0, clip.frames),)
    firsts = [
        first
        for first in range(start, stop - 2 * half)
        if any(begin <= first and first + 2 * half < end for begin, end in scenes)
    ]
    spread = np.linspace(0, len(firsts) - 1, min(count, len(firsts))).round().astype(int)
    chosen = [firsts[place] for place in spread]
    wanted = {first + add * half for first in chosen for add in range(3)}
    held = {
        index: (work / FULL).astype(np.float32)
        for index, work in islice(enumerate(read_clip(clip, fetch(clip))), max(wanted) + 1)
        if index in wanted
    }
    for first in chosen:
        yield held[first], held[first + half], held[first + 2 * half]


def plain_rife(network: IFNet, before: Shares, after: Shares) -> Shares:
    """The frame in the middle as RIFE HDv3's makers have it made."""
    _, height, width = before.shape
    below, right = -height % MULTIPLE_PX, -width % MULTIPLE_PX
    both = np.pad(np.concatenate((before, after)), ((0, 0), (0, below), (0, right)), mode="edge")
    with torch.inference_mode():
        pair = torch.from_numpy(both)[None]
        made: Shares = blended(pair, network(pair))[0, :, :height, :width].numpy()
    return made


def evaluate(network: BetweenNet, interpolator: Interpolator, clip: Clip) -> list[BetweenFigures]:
    """Measure a network on a clip that nothing was learnt from.

    Args:
        network: what mixes.
        interpolator: what makes its candidates.
        clip: of the recipe's validation.
    """
    figures, rife = [], load_rife(Shelf.of().require(NAME)[0])
    for half in HALVES:
        scores = []
        for before, truth, after in triples(clip, (0, clip.frames), half, TRIPLES):
            height, width = truth.shape[1:]
            with torch.inference_mode():
                seen = interpolator.candidates(before, after, 0.5)
                made = network(seen.frames, seen.belief, torch.full((1, 1, 1, 1), 0.5))
            ours = made[0, :, :height, :width].numpy()
            scores.append([psnr_db(one, truth) for one in (ours, plain_rife(rife, before, after))])
        gained, theirs = np.array(scores).T
        figures.append(
            BetweenFigures(
                half=half,
                frames=len(scores),
                psnr_db=round(float(gained.mean()), 2),
                rife_psnr_db=round(float(theirs.mean()), 2),
                worst_over_rife_db=round(float((gained - theirs).min()), 2),
            )
        )
    return figures
