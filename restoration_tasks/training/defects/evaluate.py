"""How good trained networks are, by the committed recipe: on the validation clip, whose damage no network was shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from restoration_tasks.models.defects.candidates import NEIGHBOURS, Sheet, paper_over
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.models.defects.load import Detector, Repairer, found_mask
from restoration_tasks.models.defects.motion import Mask, Picture, to_rows
from restoration_tasks.training.clips import CLIPS, fetch, read_clip
from restoration_tasks.training.damage import DamageKind, Dirt
from restoration_tasks.training.damage.base import Picture as Codes
from restoration_tasks.training.defects.ageing import KINDS, VISIBLE
from restoration_tasks.training.defects.curve import Curve
from restoration_tasks.training.recipe import Recipe, calibrated

RUN_FRAMES = 6
_CENTRES = (2, 3)
"""Frames of a run that have two neighbours each way: the ones that are scored."""
_BITS = 10
_FULL = float(2**_BITS - 1)
CLEAN_MEAN = 5e-4
CLEAN_WORST = 5e-3
"""Share of a clean frame that may be masked, on average and at worst, as the benchmark asks; each map has a third."""
THRESHOLDS_TRIED = tuple(round(0.05 * number, 2) for number in range(4, 20))
_HARMLESS = (DamageKind.GRAIN, DamageKind.FLICKER, DamageKind.WEAVE, DamageKind.FADE)


class _Figures(BaseModel):
    model_config = ConfigDict(frozen=True)


class KindFigures(_Figures):
    """One kind of damage."""

    threshold: float
    """Chosen here: the best F1 of those that keep clean frames clean."""
    average_precision: float
    """Over visible damage: pixels changed by less than `VISIBLE` count neither way."""
    average_precision_whole_mask: float
    """Over every pixel the simulator touched, the invisible fringe included."""
    average_precision_any_map: float
    """Visible damage of this kind, whichever map found it: lint is dirt to the simulator, and a hair by its looks."""
    chance: float
    precision: float
    recall: float
    f1: float


class RepairFigures(_Figures):
    """Repair of dirt, PSNR in dB, error pooled over all scored frames."""

    input_db: float
    blind_db: float
    """Detector's own mask at the chosen thresholds."""
    true_mask_db: float
    """Simulator's own mask."""
    true_mask_telea_db: float
    true_mask_median_db: float
    """Median of the carried neighbours that are usable, Telea where there is none."""
    outside_db: float
    """Blind, outside the true mask."""


class Evaluation(_Figures):
    """Everything measured."""

    clip: str
    kinds: dict[Defect, KindFigures]
    clean_masked_mean: float
    """Share of clean frames (also grainy, flickering, weaving and faded ones) that reaches a threshold."""
    clean_masked_worst: float
    repair: RepairFigures


@dataclass(frozen=True)
class Run:
    """Consecutive frames, clean and damaged."""

    kind: DamageKind | None
    """None where nothing is damaged."""
    clean: list[Picture]
    damaged: list[Picture]
    masks: list[Mask]


def evaluate(detector: Detector, repairer: Repairer, runs: Sequence[Run], clip: str) -> Evaluation:
    """Choose the thresholds and measure.

    Args:
        detector: the detector; its own thresholds are not used.
        repairer: the repair network.
        runs: validation runs, see `validation_runs`.
        clip: the validation clip's name, for the record.
    """
    maps = [detected(detector, run.damaged) for run in runs]
    whole, visible, any_map = _curves(runs, maps)
    clean = [found for run, _, found in _scored(runs, maps) if run.kind is None]
    kinds = {}
    for place, defect in enumerate(Defect):
        shares = {t: [float((found[place] >= t).mean()) for found in clean] for t in THRESHOLDS_TRIED}
        point = visible[defect].at(choose_threshold(visible[defect], shares))
        kinds[defect] = KindFigures(
            threshold=point.threshold,
            average_precision=visible[defect].average_precision(),
            average_precision_whole_mask=whole[defect].average_precision(),
            average_precision_any_map=any_map[defect].average_precision(),
            chance=visible[defect].chance(),
            precision=point.precision,
            recall=point.recall,
            f1=point.f1,
        )
    thresholds = {defect: figures.threshold for defect, figures in kinds.items()}
    levels = np.array([thresholds[defect] for defect in Defect], np.float32)[:, None, None]
    masked = [float((found >= levels).any(axis=0).mean()) for found in clean]
    return Evaluation(
        clip=clip,
        kinds=kinds,
        clean_masked_mean=float(np.mean(masked)),
        clean_masked_worst=float(np.max(masked)),
        repair=_repair_figures(repairer, runs, maps, thresholds),
    )


def choose_threshold(curve: Curve, clean_shares: dict[float, list[float]]) -> float:
    """The threshold of best F1 among those that keep clean frames clean; the highest, if none does.

    Args:
        curve: one map against its kind of damage.
        clean_shares: by threshold, the share of each clean frame that the map marks.
    """
    allowed = [
        threshold
        for threshold, shares in clean_shares.items()
        if np.mean(shares) <= CLEAN_MEAN / len(Defect) and np.max(shares) <= CLEAN_WORST / len(Defect)
    ]
    return max(allowed, key=lambda threshold: curve.at(threshold).f1, default=max(clean_shares))


def validation_runs(recipe: Recipe, tell: Callable[[str], None]) -> tuple[list[Run], str]:
    """Runs of the recipe's validation clip: each strength of dirt, hair and scratch once, and clean ones.

    The seeds of the split take turns, and each has a place of its own in the clip. Dirt is calibrated on the run.

    Returns:
        the runs, and the clip's name.
    """
    split = recipe.validation
    name = split.clips[0]
    start, stop = recipe.clips[name].frames
    frames = [
        codes for number, codes in enumerate(read_clip(CLIPS[name], fetch(CLIPS[name]))) if start <= number < stop
    ]
    places = np.linspace(0, len(frames) - RUN_FRAMES, len(split.seeds)).astype(int)
    runs = []
    for kind in KINDS.values():
        for number, strength in enumerate(recipe.strengths[kind]):
            turn = number % len(split.seeds)
            piece = frames[places[turn] : places[turn] + RUN_FRAMES]
            damage = recipe.damage(kind, strength, split, split.seeds[turn])
            if isinstance(damage, Dirt) and strength.psnr_db is not None:
                damage = calibrated(damage, piece, _BITS, strength.psnr_db)
            tell(f"validation: {kind}, strength {number + 1}")
            aged = list(damage.apply(piece, bit_depth=_BITS))
            masks = [frame.truth.masks[kind] for frame in aged]
            runs.append(Run(kind, _floats(piece), _floats([frame.picture for frame in aged]), masks))
    runs.extend(_clean_run(frames[place : place + RUN_FRAMES]) for place in places)
    for turn, kind in enumerate(_HARMLESS):
        place = places[turn % len(places)]
        damage = recipe.damage(kind, recipe.strengths[kind][2], split, split.seeds[turn % len(split.seeds)])
        aged = list(damage.apply(frames[place : place + RUN_FRAMES], bit_depth=_BITS))
        runs.append(_clean_run([frame.picture for frame in aged]))
    return runs, name


def _clean_run(frames: Sequence[Codes]) -> Run:
    pictures = _floats(frames)
    return Run(None, pictures, pictures, [np.zeros(frames[0].shape[1:], np.bool_) for _ in frames])


def _floats(frames: Sequence[Codes]) -> list[Picture]:
    return [np.asarray(frame, np.float32) / np.float32(_FULL) for frame in frames]


def _around(index: int, count: int) -> tuple[list[int], list[int]]:
    before = [place for place in (index - 1, index - 2) if place >= 0]
    after = [place for place in (index + 1, index + 2) if place < count]
    return before, after


def detected(detector: Detector, frames: Sequence[Picture]) -> list[NDArray[np.float32]]:
    """The raw maps of every frame of a run, `(3, H, W)` each."""
    looks = [detector.look(frame) for frame in frames]
    maps = []
    for index, look in enumerate(looks):
        before, after = _around(index, len(frames))
        maps.append(detector.detect(look, [looks[i] for i in before], [looks[i] for i in after]).maps)
    return maps


def _scored(
    runs: Sequence[Run], maps: Sequence[Sequence[NDArray[np.float32]]]
) -> Iterator[tuple[Run, int, NDArray[np.float32]]]:
    for run, run_maps in zip(runs, maps, strict=True):
        for index in _CENTRES:
            yield run, index, run_maps[index]


def _curves(runs: Sequence[Run], maps: Sequence[Sequence[NDArray[np.float32]]]) -> tuple[dict[Defect, Curve], ...]:
    """Each kind's own map against its whole mask and against what is visible of it, and any map against the latter."""
    whole, visible, any_map = ({defect: Curve() for defect in Defect} for _ in range(3))
    for run, index, found in _scored(runs, maps):
        if run.kind is None:
            continue
        mask = run.masks[index]
        seen = mask & (np.abs(run.damaged[index] - run.clean[index]).max(axis=0) >= VISIBLE)
        counted = seen | ~mask
        for place, defect in enumerate(Defect):
            if KINDS[defect] is run.kind:
                visible[defect].add(found[place], seen, counted)
                any_map[defect].add(found.max(axis=0), seen, counted)
                whole[defect].add(found[place], mask, np.ones_like(mask))
    return whole, visible, any_map


def _repair_figures(
    repairer: Repairer,
    runs: Sequence[Run],
    maps: Sequence[Sequence[NDArray[np.float32]]],
    thresholds: Mapping[Defect, float],
) -> RepairFigures:
    errors: dict[str, list[float]] = {name: [] for name in RepairFigures.model_fields}
    for run, run_maps in zip(runs, maps, strict=True):
        if run.kind is not DamageKind.DIRT:
            continue
        found = [found_mask(frame_maps, thresholds) for frame_maps in run_maps]
        true = [np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) for mask in run.masks]
        for index in _CENTRES:
            clean = run.clean[index]
            blind = _repair(repairer, run, found, index)
            pictures = {
                "input_db": run.damaged[index],
                "blind_db": blind,
                "true_mask_db": _repair(repairer, run, true, index),
                "true_mask_telea_db": paper_over(to_rows(run.damaged[index]), true[index]).transpose(2, 0, 1),
                "true_mask_median_db": _median_fill(repairer, run, true, index),
            }
            for name, picture in pictures.items():
                errors[name].append(float(np.mean(np.square(picture - clean), dtype=np.float64)))
            outside = ~true[index]
            errors["outside_db"].append(float(np.mean(np.square(blind - clean)[:, outside], dtype=np.float64)))
    return RepairFigures(**{name: _psnr_db(values) for name, values in errors.items()})


def _psnr_db(squared_errors: Sequence[float]) -> float:
    return float(-10 * np.log10(max(float(np.mean(squared_errors)), 1e-12)))


def _repair(repairer: Repairer, run: Run, masks: Sequence[Mask], index: int) -> Picture:
    return repairer.repair(*_sheets(run, masks, index))


def _sheets(run: Run, masks: Sequence[Mask], index: int) -> tuple[Sheet, list[Sheet], list[Sheet]]:
    before, after = (
        [Sheet(run.damaged[place], masks[place]) for place in side] for side in _around(index, len(run.damaged))
    )
    return Sheet(run.damaged[index], masks[index]), before, after


def _median_fill(repairer: Repairer, run: Run, masks: Sequence[Mask], index: int) -> Picture:
    """What a motion-compensated median fills in: the classical answer to the same candidates."""
    made = repairer.surroundings(*_sheets(run, masks, index)).whole()
    return np.where(masks[index], made.candidates[NEIGHBOURS], run.damaged[index])
