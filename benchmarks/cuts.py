"""The proof of shots: cuts, dissolves, fades, flashes, splices and parts without a picture, on reels made of takes.

    python -m benchmarks.cuts [--split test] [--reels 24]

Each reel (`benchmarks/joins.py`) joins takes of one split's clips in all the ways there are, with what looks like a cut
and is none among them, ages the whole, and is looked at as the product does. Beside it stands TransNetV2 alone, a cut
wherever its first output is over 0.5. A cut is found if a cut is named within a frame of it; what has length, if more
than half of both lies in the other; a splice within a frame.

Every reel is kept in the JSON as soon as it is done; a run that was broken off goes on. Exit 1 if the bar is missed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import command
from benchmarks.dirt_contenders import recipe_of
from benchmarks.joins import Joint, Maker, Reel
from benchmarks.kept import Kept, Result, digest, source_digest
from benchmarks.no_picture import SIZE
from benchmarks.take_marks import Pictures
from restoration_tasks.assessment.parts import PartKind, runs
from restoration_tasks.assessment.passage import Course, Trace, Tracer
from restoration_tasks.assessment.shots import EdgeKind, Shot, shots_of
from restoration_tasks.assessment.transitions import Scores
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.models.transnet import SmallFrame, TransNet, small_frame
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.defects.footage import gather

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "cuts.json"
BAR = 0.97
"""F1 of cuts that is asked for."""
ALONE = 0.5
"""Score from which TransNetV2 alone says that there is a cut: the value it was evaluated at."""
SEEDS = {"train": 0, "validation": 10_000, "test": 20_000}
"""First seed of each split's reels."""
FEWEST_FRAMES = 28
BLACK_SD = 4.0
"""Standard deviation, 8-bit codes, under which a clip's first frames are no picture yet and are left out."""
console = Console()


@dataclass
class Count:
    """What of one kind was found."""

    right: int = 0
    missed: int = 0
    false: int = 0
    errors: list[float] = field(default_factory=list)

    @property
    def figures(self) -> Result:
        """Recall, precision, F1 and the counts behind them."""
        true, found = self.right + self.missed, self.right + self.false
        return {
            "true": true,
            "recall": round(self.right / true, 3) if true else None,
            "precision": round(self.right / found, 3) if found else None,
            "F1": round(2 * self.right / (true + found), 3) if true + found else None,
        }


def takes(split: str) -> list[tuple[str, Pictures]]:
    """The takes of a split's clips: every scene that is long enough, whole clips (none is in another split)."""
    clips = [CLIPS[name] for name in getattr(recipe_of(), split).clips]
    folder = Settings().home / "bench" / "footage"
    found = []
    for footage in gather(clips, [], folder, lambda text: console.print(text, markup=False)):
        for number, (start, stop) in enumerate(footage.scenes):
            first = next((place for place in range(start, stop) if footage.frames[place].std() >= BLACK_SD), stop)
            if stop - first >= FEWEST_FRAMES:
                found.append((f"{footage.name} {number}", footage.frames[first:stop]))
    return found


def looked_at(reel: Reel, network: TransNet) -> tuple[list[Shot], list[int]]:
    """The shots of a reel, and the cuts TransNetV2 alone would make."""
    picture, traces, smalls = PictureFormat(*SIZE, "gbrp"), list[Trace](), list[SmallFrame]()
    tracer = Tracer(picture)
    for rgb in reel.frames:
        frame = tuple(np.ascontiguousarray(rgb[..., channel]) for channel in (1, 2, 0))
        smalls.append(small_frame(frame, picture))
        traces.append(tracer.trace(frame, smalls[-1]))
    scores = list(network.scores(smalls))
    single, many = np.array([one.single for one in scores]), np.array([one.many for one in scores])
    alone = [start + int(np.argmax(single[start:stop])) + 1 for start, stop in runs(single > ALONE)]
    return shots_of(Course.of(traces), Scores(single, many)), [cut for cut in alone if cut < len(single)]


def scored(reel: Reel, shots: Sequence[Shot], alone: Sequence[int]) -> dict[str, Count]:
    """What was found of each kind."""
    truth = reel.truth
    cuts = [one.first for one in truth.joints if one.kind == Joint.CUT]
    named = [shot.start for shot in shots if shot.head.kind is EdgeKind.CUT]
    gradual = {kind: [(one.first, one.last + 1) for one in truth.joints if one.kind == kind] for kind in Joint}
    dissolves = [_span(*pair) for pair in pairwise(shots) if pair[1].head.kind is EdgeKind.DISSOLVE]
    splices = [(one.frame, one.jump_px) for shot in shots for one in shot.splices]
    flashes = [(one.start, one.stop) for shot in shots for one in shot.flashes]
    parts = [(shot.start, shot.stop) for shot in shots if shot.kind is not PartKind.PICTURE]
    return {
        "cuts": _places(cuts, named),
        "cuts, TransNetV2 alone": _places(cuts, alone),
        "dissolves": _spans(gradual[Joint.DISSOLVE], dissolves),
        "fades": _spans(gradual[Joint.FADE], _fades(shots)),
        "flashes": _spans([(one.first, one.last + 1) for one in truth.flashes], flashes),
        "splices": _splices(truth.splices, splices),
        "parts without a picture": _spans([(one.first, one.last + 1) for one in truth.parts], parts),
    }


def _span(before: Shot, after: Shot) -> tuple[int, int]:
    return before.stop - before.tail.frames, after.start + after.head.frames


def _fades(shots: Sequence[Shot]) -> list[tuple[int, int]]:
    """Fades out and in again, with what plain part lies between them."""
    fades = {EdgeKind.FADE_BLACK, EdgeKind.FADE_WHITE}
    found = []
    for number, shot in enumerate(shots):
        if shot.kind is not PartKind.PICTURE or shot.tail.kind not in fades:
            continue
        behind = next((one for one in shots[number + 1 :] if one.kind is PartKind.PICTURE), None)
        if behind is not None and behind.head.kind in fades:
            found.append(_span(shot, behind))
    return found


def _places(true: Sequence[int], found: Sequence[int]) -> Count:
    left, count = list(found), Count()
    for place in true:
        near = min((one for one in left if abs(one - place) <= 1), key=lambda one: abs(one - place), default=None)
        if near is None:
            count.missed += 1
        else:
            left.remove(near)
            count.right += 1
    count.false = len(left)
    return count


def _spans(true: Sequence[tuple[int, int]], found: Sequence[tuple[int, int]]) -> Count:
    """Errors are those of length, frames."""
    left, count = list(found), Count()
    for start, stop in true:
        best = max(left, key=lambda one: _overlap((start, stop), one), default=None)
        if best is None or _overlap((start, stop), best) < 0.5:
            count.missed += 1
        else:
            left.remove(best)
            count.right += 1
            count.errors.append(float((best[1] - best[0]) - (stop - start)))
    count.false = len(left)
    return count


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    """Frames in both as a share of those in either."""
    both = max(min(one[1], other[1]) - max(one[0], other[0]), 0)
    return both / max(max(one[1], other[1]) - min(one[0], other[0]), 1)


def _splices(true: Sequence[tuple[int, float, bool]], found: Sequence[tuple[int, float]]) -> Count:
    """Errors are those of jumps that were measured, pixels of a picture 720 wide."""
    left, count = list(found), Count()
    for frame, jump, _ in true:
        near = next((one for one in left if abs(one[0] - frame) <= 1), None)
        if near is None:
            count.missed += 1
            continue
        left.remove(near)
        count.right += 1
        if jump and near[1]:
            count.errors.append(near[1] - jump)
    count.false = len(left)
    return count


def report(kept: Kept) -> dict[str, Result]:
    """Counts of all reels together, by kind."""
    total: dict[str, Count] = {}
    for piece in kept.part("reels").values():
        for kind, one in piece["kinds"].items():
            count = total.setdefault(kind, Count())
            count.right += one["right"]
            count.missed += one["missed"]
            count.false += one["false"]
            count.errors += one["errors"]
    figures = {kind: count.figures for kind, count in total.items()}
    for kind, unit in (("dissolves", "length, frames"), ("splices", "jump, px")):
        if kind in total and total[kind].errors:
            errors = np.array(total[kind].errors)
            figures[kind][f"error of {unit}, RMS"] = round(float(np.sqrt(np.mean(np.square(errors)))), 2)
    return figures


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether the bar is held."""
    parser = argparse.ArgumentParser(description="The proof of shots.")
    parser.add_argument("--split", choices=[*SEEDS], default="test", help="train is to choose by")
    parser.add_argument("--reels", type=int, default=24, help="how many reels")
    parser.add_argument("--out", type=Path, help="the JSON; default: docs/benchmarks/cuts.json for the test")
    chosen = parser.parse_args(arguments)
    folder = Settings().home / "bench"
    kept = Kept(chosen.out or (FIGURES if chosen.split == "test" else folder / f"cuts-{chosen.split}.json"))
    cv2.setNumThreads(1)
    made_by = digest(
        source_digest("benchmarks/cuts.py", "benchmarks/joins.py", "benchmarks/no_picture.py"),
        source_digest(
            "benchmarks/take_marks.py", "restoration_tasks/models/transnet.py", "restoration_tasks/training/clips.py"
        ),
        source_digest(*(f"restoration_tasks/assessment/{name}.py" for name in _PARTS)),
    )
    asked = [f"{chosen.split}/{SEEDS[chosen.split] + number}" for number in range(chosen.reels)]
    kept.keep_only({"reels": dict.fromkeys(asked, made_by)})
    missing = [key for key in asked if not kept.has("reels", key, made_by)]
    console.print(f"{len(asked)} reels, {len(asked) - len(missing)} of them kept from earlier", highlight=False)
    material, network = (takes(chosen.split), TransNet()) if missing else ([], None)
    for key in missing:
        assert network is not None
        reel = Maker(material, int(key.split("/")[1])).reel()
        kinds = {kind: vars(one) for kind, one in scored(reel, *looked_at(reel, network)).items()}
        kept.put("reels", key, made_by, {"frames": len(reel.frames), "kinds": kinds})
        kept.save()
    figures = report(kept)
    held = (figures["cuts"]["F1"] or 0.0) >= BAR
    head: dict[str, Any] = {
        "benchmark": "cuts",
        "split": chosen.split,
        "bar": {"bar": f"F1 of cuts ≥ {BAR}", "measured": figures["cuts"]["F1"], "met": held},
        "figures": figures,
    }
    kept.save(head)
    table = Table("kind", "true", "recall", "precision", "F1")
    for kind, one in figures.items():
        table.add_row(kind, *(str(one[name]) for name in ("true", "recall", "precision", "F1")))
    console.print(table)
    return ExitCode.DONE if held else ExitCode.FAILED


_PARTS = ("dissolves", "flashes", "parts", "passage", "shots", "splices", "transitions")
"""Modules of the assessment that decide."""


if __name__ == "__main__":
    command.run(main)
