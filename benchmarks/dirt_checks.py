"""What else is asked of the product than repairing cases: detection by pixel, clean film, uprights, bits, real film."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import real_labels
from benchmarks.clean_scenes import SCENES, over
from benchmarks.dirt_cases import FULL, Case, Codes, Take, aged, clean_frames
from benchmarks.dirt_contenders import recipe_of, visible
from benchmarks.engines import Restored, assess, repair, restore, result, rgb, ungated, write_frames
from benchmarks.real_film_runs import restored_run
from benchmarks.scoring import Errors
from benchmarks.true_tracks import planned_lines
from benchmarks.uprights import UprightShot, filmed
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.models.defects.load import Detector, load_detector
from restoration_tasks.restoration.damage_map import CERTAIN
from restoration_tasks.restoration.motion import analysis_luma
from restoration_tasks.restoration.neighbours import REACH, distinct_neighbours
from restoration_tasks.training.defects.ageing import KINDS
from restoration_tasks.training.defects.curve import Curve

BINS = 120
"""Bins of a kept curve, over ±`REACH_LOGITS` around the default threshold."""
REACH_LOGITS = 12.0
EVERY = 4
"""One frame of so many is looked at for detection."""
SCENE_FRAMES = 24
Result = dict[str, Any]


@dataclass(frozen=True)
class DetectionJob:
    """The detector's raw maps of one case."""

    case: Case
    split: str


def confidence_place(probability: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Raw probability as a place on the scale a curve is kept on: 0–1, a half at the default threshold."""
    clipped = np.clip(probability, 1e-7, 1 - 1e-7)
    logit = np.log(clipped / (1 - clipped)) - np.log(threshold / (1 - threshold))
    return np.asarray(np.clip(0.5 + logit / (2 * REACH_LOGITS), 0, 1), np.float32)


@lru_cache(maxsize=1)
def _detector() -> Detector:
    return load_detector(threads=1)


def detection(job: DetectionJob) -> Result:
    """Curves of the case's own map, of dirt and hair together, and of any map, and what the default threshold does."""
    recipe = recipe_of()
    made = aged(job.case, recipe, getattr(recipe, job.split))
    own = list(Defect).index(next(defect for defect, kind in KINDS.items() if kind is job.case.kind))
    views = {"own": [own], "loose": [0, 1], "any": [0, 1, 2]}
    curves = {view: Curve(BINS) for view in views}
    default = {view: [0, 0, 0] for view in views}
    for place, maps in _raw_maps(made.damaged, job.case.take.shots):
        seen = visible(made, place)
        counted = seen | ~made.masks[place]
        for view, planes in views.items():
            found = maps[planes].max(axis=0)
            curves[view].add(found, seen, counted)
            certain = found >= 0.5
            for number, pixels in enumerate((certain & seen, certain & ~made.masks[place], seen & ~certain)):
                default[view][number] += int(np.count_nonzero(pixels))
    return {
        view: {"damaged": curve.counts[0], "sound": curve.counts[1], "default": default[view]}
        for view, curve in curves.items()
    }


def _raw_maps(frames: Sequence[Codes], shots: Sequence[tuple[int, int]]) -> list[tuple[int, NDArray[np.float32]]]:
    """Maps of one frame of `EVERY`, as places on a curve's scale; neighbours chosen as the product chooses them."""
    detector, found = _detector(), []
    thresholds = [detector.thresholds[defect] for defect in Defect]
    for start, stop in shots:
        for place in range(start + EVERY // 2, stop, EVERY):
            near = range(max(start, place - REACH), min(stop, place + REACH + 1))
            lumas = {other - place: analysis_luma(frames[other], int(FULL), rgb=True) for other in near}
            looks = {n: detector.look((frames[place + n] / np.float32(FULL)).astype(np.float32)) for n in lumas}
            before, after = distinct_neighbours(lumas)
            maps = detector.detect(looks[0], [looks[n] for n in before], [looks[n] for n in after]).maps
            scaled = [confidence_place(one, threshold) for one, threshold in zip(maps, thresholds, strict=True)]
            found.append((place, np.stack(scaled)))
    return found


@dataclass(frozen=True)
class CleanJob:
    """A clean take, as it is or under a scene that looks dirty."""

    take: Take
    scene: str | None
    seed: int

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{self.take.name}/{self.scene or 'as it is'}"


def clean(job: CleanJob) -> Result:
    """What the product masks of clean film, and what it does to it, with gates and without."""
    frames: Sequence[Work] = clean_frames(job.take)
    if job.scene is not None:
        frames = over(frames[:SCENE_FRAMES], SCENES[job.scene], job.seed, FULL)
    shots = [(start, min(stop, len(frames))) for start, stop in job.take.shots if start < len(frames)]
    with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as name:
        gated, bold = _both(frames, shots, Path(name))
    masked = [
        float(((np.maximum(found.dirt, found.hair) >= CERTAIN) | mask).mean())
        for found, mask in zip(bold.maps, bold.masks, strict=True)
    ]
    one: Result = {"masked_mean": round(float(np.mean(masked)), 7), "masked_worst": round(float(np.max(masked)), 7)}
    for label, restored in (("gated", gated), ("ungated", bold)):
        errors = [Errors() for _ in shots]
        for error, (start, stop) in zip(errors, shots, strict=True):
            for after, before in zip(restored.frames[start:stop], frames[start:stop], strict=True):
                error.add(after, before, np.zeros(after.shape[1:], np.bool_), FULL)
        one[f"{label}_db"] = [round(float(error.psnr_db()["total"] or 0.0), 2) for error in errors]
    pairs = zip(gated.frames, frames, strict=True)
    same = [bool(np.array_equal(after, before)) for after, before in pairs]
    one["treated"] = gated.treated
    one["identical"] = [all(same[start:stop]) for start, stop in shots]
    return one


def _both(frames: Sequence[Work], shots: Sequence[tuple[int, int]], folder: Path) -> tuple[Restored, Restored]:
    _, height, width = frames[0].shape
    master = folder / "master.mkv"
    write_frames(master, rgb(width, height), frames)
    plan = assess(master, shots, Engine.NETWORK, folder)
    made = []
    for one in (plan, ungated(plan)):
        repair(master, shots, one, folder)
        made.append(result(master, shots, one, folder, {}))
    return made[0], made[1]


def uprights(shot: UprightShot) -> Result:
    """How many scratches the product sees in a shot that has none."""
    frames = filmed(shot)
    _, height, width = frames[0].shape
    with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as name:
        folder = Path(name)
        write_frames(folder / "master.mkv", rgb(width, height), frames)
        plan = assess(folder / "master.mkv", [(0, len(frames))], Engine.NETWORK, folder)
    return {"tracks": len(planned_lines(plan.shots[0])), "treated": [one.name for one in plan.shots[0].treatments]}


@dataclass(frozen=True)
class IdentityJob:
    """Damaged frames in one bit depth."""

    case: Case
    split: str
    bits: int
    grey: bool

    @property
    def key(self) -> str:
        """Its name in the results."""
        return f"{'grey' if self.grey else 'rgb'}/{self.bits}/{self.case.key}"


def identity(job: IdentityJob) -> Result:
    """How many samples outside the repaired mask differ from the scan's, and how many inside."""
    recipe = recipe_of()
    made = aged(job.case, recipe, getattr(recipe, job.split))
    full = (1 << job.bits) - 1
    kind = np.uint8 if job.bits == 8 else np.uint16
    frames = [np.rint(frame * (full / FULL)).astype(kind) for frame in made.damaged]
    _, height, width = frames[0].shape
    picture = rgb(width, height, job.bits)
    if job.grey:
        frames = [np.ascontiguousarray(frame[1:2]) for frame in frames]
        picture = PictureFormat(width, height, "gray" if job.bits == 8 else f"gray{job.bits}le")
    with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as name:
        restored = restore(frames, job.case.take.shots, Engine.NETWORK, Path(name), picture=picture)
    outside = inside = 0
    for after, before, mask in zip(restored.frames, frames, restored.masks, strict=True):
        differs = after != before
        outside += int(np.count_nonzero(differs[:, ~mask]))
        inside += int(np.count_nonzero(differs[:, mask]))
    return {"outside": outside, "inside": inside, "treated": restored.treated}


def real(run: str) -> Result:
    """Recall and precision on the frames of real film that were labelled by hand."""
    labels = next(one for one in real_labels.load() if one.run == run)
    with tempfile.TemporaryDirectory(prefix="reelkeeper-dirt-") as name:
        done = restored_run(run, Engine.NETWORK, Path(name))
    found = {
        frame: (np.maximum(damage.dirt, damage.hair) >= CERTAIN) | mask
        for frame, damage, mask in zip(done.names, done.restored.maps, done.restored.masks, strict=True)
    }
    scores = {frame: real_labels.score(found[frame], real_labels.read_mask(run, frame)) for frame in labels.frames}
    return {"whole": _score(real_labels.pooled(scores.values()))} | {
        frame: _score(one) for frame, one in scores.items()
    }


def _score(score: real_labels.Score) -> Result:
    """As JSON holds it: hits and number of each tally."""
    kinds = {
        name: {str(kind.value): [tally.hits, tally.of] for kind, tally in tallies.items()}
        for name, tallies in (("objects", score.objects), ("pixels", score.pixels))
    }
    right = {"right_objects": score.right_objects, "right_pixels": score.right_pixels}
    return {**kinds, **{name: [tally.hits, tally.of] for name, tally in right.items()}}
