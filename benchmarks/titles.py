"""Text on screen: is it found, is it left alone by everything, and are its strokes completed from its own frames?

    python -m benchmarks.titles [--split test]

By the committed recipe (titles.yaml). Every piece is kept in docs/benchmarks/titles.json as soon as it is made; a run
that was broken off goes on. Exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console

from benchmarks import command, uprights
from benchmarks.bars import bar, tell
from benchmarks.dirt_cases import FULL, Codes, Mask, Take, clean_frames, takes, work_folder
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Kept, Result, digest, file_digest, source_digest
from benchmarks.titles_scenes import Titled, recipe, titled
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.text import TextGauge
from restoration_tasks.assessment.titling import TextFound, protecting, texts_found
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan_slice import PlanSlice
from restoration_tasks.restoration.regions import Region, protected
from restoration_tasks.restoration.treatment import checked_params
from restoration_tasks.runtime.errors import ExitCode

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "titles.json"
_MADE_BY = (
    "benchmarks/titles.py",
    "benchmarks/titles_scenes.py",
    "restoration_tasks/assessment/lettering.py",
    "restoration_tasks/assessment/text.py",
    "restoration_tasks/restoration/titles.py",
    "restoration_tasks/restoration/regions.py",
)
SCRATCH_PX = 6.0
console = Console()


def pieces(split: str) -> dict[str, Callable[[], Result]]:
    """The pieces of a split: takes without text, completed titles, every scene on every take, scenes of uprights."""
    names = [take.name for take in _takes(split)]
    seed = getattr(recipe_of(), split).seeds[0]
    work: dict[str, Callable[[], Result]] = {
        f"without text/{name}": partial(without_text, split, name) for name in names
    }
    for name, scene in product(names, recipe()["completed"]):
        work[f"completed/{scene}/{name}"] = partial(completed, split, name, scene, seed)
    for scene, name in product(recipe()["scenes"], names):
        work[f"titled/{scene}/{name}"] = partial(with_text, split, name, scene, seed)
    work |= {f"without text/{shot.key}": partial(before_uprights, shot) for shot in uprights.shots(_takes(split))}
    return work


# -- what is measured --------------------------------------------------------------------------------------------------


def without_text(split: str, name: str) -> Result:
    """The shots of a take as they are, and in how many of them text is found."""
    take = _take(split, name)
    return _false([clean_frames(take)[start:stop] for start, stop in take.shots])


def before_uprights(shot: uprights.UprightShot) -> Result:
    """A shot full of upright lines, and whether text is found in it."""
    return _false([uprights.filmed(shot)])


def _false(shots: Sequence[Sequence[Codes]]) -> Result:
    found = [found_in(frames) for frames in shots]
    return {"shots": len(shots), "with text": sum(one is not None for one in found)}


def with_text(split: str, name: str, scene: str, seed: int) -> Result:
    """A titled take: what of the text is protected, and what every treatment changes of it."""
    shot = titled(_take(split, name), scene, recipe_of(), getattr(recipe_of(), split), seed)
    found = found_in(shot.damaged)
    regions = () if found is None else protecting(found, ())
    cover, text_px = recipe()["text_cover"], recipe()["scenes"][scene]["letter"]
    reach = 2 * int(text_px * shot.text[0].shape[0]) + 1
    inside = whole = near = held = 0
    most = max(float(one.max()) for one in shot.text)
    masks = []
    for at, letters in enumerate(shot.text):
        kept = _kept(regions, at, letters.shape)
        mask = letters >= cover
        masks.append(mask)
        if letters.max() >= 0.9 * most:
            inside, whole = inside + int(np.count_nonzero(mask & kept)), whole + int(np.count_nonzero(mask))
        if mask.any():
            around = cv2.dilate(mask.astype(np.uint8), np.ones((reach, reach), np.uint8)) > 0
            near, held = near + int(np.count_nonzero(kept & around)), held + int(np.count_nonzero(kept))
    changed = sum(
        int(np.count_nonzero((one != other).any(axis=0) & mask))
        for one, other, mask in zip(shot.damaged, _adversary(shot.damaged, regions), masks, strict=True)
    )
    return {
        "regions": len(regions),
        "text_px": whole,
        "text_inside_px": inside,
        "protected_px": held,
        "protected_near_px": near,
        "text_changed_px": changed,
    }


def completed(split: str, name: str, scene: str, seed: int) -> Result:
    """An intertitle whose damaged letters are completed: held still without grain, and with everything laid over it."""
    base, part = recipe_of(), getattr(recipe_of(), split)
    result: Result = {}
    for case, kinds in (("still", ("scratch", "dirt")), ("aged", None)):
        shot = titled(_take(split, name), scene, base, part, seed, kinds=kinds)
        found = found_in(shot.damaged)
        if found is None:
            result[case] = {"found": False}
            continue
        result[case] = _completed(shot, protecting(found, ()), scene)
    return result


def _completed(shot: Titled, regions: Sequence[Region], scene: str) -> Result:
    mended = list(_treated(shot.damaged, shot.hit, regions, {"titles": {}}))
    asked, cover = recipe()["scenes"][scene], recipe()["text_cover"]
    damaged = touched = off = wrong_before = wrong_after = elsewhere = 0
    middle = FULL * (asked["tone"] + asked["ground"]) / 2
    for before, after, clean, letters, hit, shown in zip(
        shot.damaged, mended, shot.clean, shot.text, shot.hit, _shown_elsewhere(shot.hit), strict=True
    ):
        stroke = hit & shown & (letters >= cover) & (np.abs(letters - 0.5) > 0.25)
        done = (before != after).any(axis=0)
        damaged += int(np.count_nonzero(stroke))
        touched += int(np.count_nonzero(done & hit))
        elsewhere += int(np.count_nonzero(done & ~hit))
        off += int(np.count_nonzero((after != clean).any(axis=0) & done))
        for frame, which in ((before, "before"), (after, "after")):
            wrong = int(np.count_nonzero(((frame[1] > middle) != (clean[1] > middle)) & stroke))
            wrong_before, wrong_after = (
                (wrong_before + wrong, wrong_after) if which == "before" else (wrong_before, wrong_after + wrong)
            )
    return {
        "damaged_stroke_px": damaged,
        "completed_px": touched,
        "outside_map_px": elsewhere,
        "off_px": off,
        "wrong_before_px": wrong_before,
        "wrong_after_px": wrong_after,
    }


def _shown_elsewhere(hit: Sequence[Mask]) -> Iterator[Mask]:
    """For each frame, the pixels that at least one other shows undamaged, a pixel of weave to any side allowed for."""
    free = [cv2.dilate(one.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0 for one in hit]
    for place in range(len(hit)):
        yield np.logical_or.reduce([one for at, one in enumerate(free) if at != place])


def found_in(frames: Sequence[Codes]) -> TextFound | None:
    """What the plan step would find in one shot."""
    _, height, width = frames[0].shape
    gauge, scan, picture = TextGauge(), Scanned(width, height, 24.0, False), rgb(width, height)
    rows = [
        FrameReadings(index, {Category.TEXT: gauge.read({0: Glance.of(index, frame, picture)})})
        for index, frame in enumerate(frames)
    ]
    return texts_found([Shot(number=1, start=0, stop=len(frames))], rows, scan).get(1)


def _adversary(frames: Sequence[Codes], regions: Sequence[Region]) -> Iterator[Codes]:
    """The frames after every treatment that repairs, each told that all of the picture is damaged."""
    _, height, width = frames[0].shape
    last = len(frames) - 1
    whole = [np.ones((height, width), np.bool_)] * len(frames)
    corners = [[0, 0], [width, 0], [width, height], [0, height]]
    track = {"first": 0, "last": last, "x": [[0, width / 2, width / 2], [last, width / 2, width / 2]], "width_px": 9.0}
    asked: dict[str, dict[str, Any]] = {
        "dirt": {"engine": "classical"},
        "scratches": {"engine": "classical", "tracks": [track]},
        "stains": {"patches": [{"first": 4, "last": last - 4, "polygon": corners}]},
        "tears": {
            "engine": "classical",
            "tears": [{"first": last // 2, "last": last // 2, "left": height / 2, "right": height / 2}],
        },
    }
    return _treated(frames, whole, regions, asked)


def _treated(
    frames: Sequence[Codes],
    hit: Sequence[Mask],
    regions: Sequence[Region],
    asked: Mapping[str, dict[str, Any]],
) -> Iterator[Codes]:
    """One shot restored as a segment is, with these damage maps and treatments."""
    _, height, width = frames[0].shape
    picture = rgb(width, height)
    treatments = tuple((name, checked_params(name, params)) for name, params in asked.items())
    segment = Segment(id="s001-000", shot=1, shot_start=0, shot_stop=len(frames), start=0, stop=len(frames))
    with tempfile.TemporaryDirectory() as folder:
        master, maps, out = (Path(folder) / f"{name}.mkv" for name in ("master", "maps", "out"))
        with FrameWriter(master, picture) as writer:
            for frame in frames:
                writer.write((frame[1], frame[2], frame[0]))
        with FrameWriter(maps, map_format(picture)) as writer:
            for mask in hit:
                found = np.where(mask, np.uint8(255), np.uint8(0))
                writer.write(DamageMap(found, np.zeros_like(found), found).as_frame())
        restore_segment(master, segment, PlanSlice(treatments, tuple(regions)), out, maps=[maps])
        yield from (np.asarray(picture.to_work(frame), np.uint16) for frame in FrameReader(out))


def _kept(regions: Sequence[Region], at: int, shape: tuple[int, ...]) -> Mask:
    found = protected(regions, at, (shape[0], shape[1]))
    return np.zeros(shape, np.bool_) if found is None else found


def _takes(split: str) -> list[Take]:
    return takes(recipe_of(), getattr(recipe_of(), split))


def _take(split: str, name: str) -> Take:
    return next(one for one in _takes(split) if one.name == name)


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: Mapping[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, bars = recipe()["bars"], []
    figures: Result = {}
    texts = {key: one for key, one in made.items() if key.startswith("titled/")}
    if texts:
        changed = sum(one["text_changed_px"] for one in texts.values())
        bars.append(bar("pixels of text changed by any treatment", changed, asked["text_changed_px"], most=True))
        bars.append(
            bar("text inside what is protected, share", _share(texts, "text_inside_px", "text_px"), asked["recall"])
        )
        near = _share(texts, "protected_near_px", "protected_px")
        bars.append(bar("what is protected that is near text, share", near, asked["precision"]))
        for scene in recipe()["scenes"]:
            own = {key: one for key, one in texts.items() if key.split("/")[1] == scene}
            if own:
                figures[scene] = {
                    "recall": round(_share(own, "text_inside_px", "text_px"), 3),
                    "takes": {
                        key.split("/")[2]: round(_share({key: one}, "text_inside_px", "text_px"), 3)
                        for key, one in own.items()
                    },
                    "text_changed_px": sum(one["text_changed_px"] for one in own.values()),
                }
    done = [one for key, one in made.items() if key.startswith("completed/")]
    if done:
        still, aged = ([one[case] for one in done if one[case].get("found", True)] for case in ("still", "aged"))
        off = sum(one["off_px"] for one in still)
        bars.append(bar("completed, held still: pixels unlike the truth", off, asked["completed_off_px"], most=True))
        wrong, of = sum(one["wrong_after_px"] for one in aged), sum(one["damaged_stroke_px"] for one in aged)
        bars.append(
            bar("completed, aged: strokes of the right tone, share", 1 - wrong / max(of, 1), asked["completed_right"])
        )
        figures["completed"] = {
            "still": _sum(still),
            "aged": _sum(aged),
            "not found": 2 * len(done) - len(still) - len(aged),
        }
    untitled = [one for key, one in made.items() if key.startswith("without text/")]
    if untitled:
        shots, found = sum(one["shots"] for one in untitled), sum(one["with text"] for one in untitled)
        bars.append(
            bar("shots without text in which text is found, share", found / shots, asked["false_shots"], most=True)
        )
        figures["shots without text"] = {"shots": shots, "text found": found}
        figures["text found where none is"] = [key for key, one in made.items() if one.get("with text")]
    return bars, figures


def _share(pieces: Mapping[str, Result], part: str, whole: str) -> float:
    return float(sum(one[part] for one in pieces.values()) / max(sum(one[whole] for one in pieces.values()), 1))


def _sum(rows: Sequence[Result]) -> Result:
    return {name: sum(row[name] for row in rows) for name in rows[0]} if rows else {}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description="Text on screen.")
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="validation is to choose by")
    parser.add_argument("--only", default="", help="pieces whose key holds this")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    kept = Kept(FIGURES if chosen.split == "test" else work_folder() / "titles-validation.json")
    recipes = [file_digest(f"benchmarks/{name}.yaml") for name in ("titles", "recipe")]
    made_by = digest(source_digest(*_MADE_BY), *recipes, chosen.split)
    work = {key: make for key, make in pieces(chosen.split).items() if chosen.only in key}
    if not chosen.only:
        kept.keep_only({"titles": dict.fromkeys(work, made_by)})
    for number, (key, make) in enumerate(work.items(), 1):
        if not kept.has("titles", key, made_by):
            begun = time.monotonic()
            kept.put("titles", key, made_by, make())
            kept.save(_head(chosen.split, kept))
            console.print(
                f"[{number}/{len(work)}] {key}: {time.monotonic() - begun:.0f} s", markup=False, highlight=False
            )
    head = _head(chosen.split, kept)
    kept.save(head)
    return ExitCode.DONE if tell(console, head) else ExitCode.FAILED


def _head(split: str, kept: Kept) -> Result:
    bars, figures = report(kept.part("titles"))
    figures = {"pieces made": len(kept.part("titles")), "of": len(pieces(split)), **figures}
    return {
        "benchmark": "titles",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": split,
        "bars": bars,
        "figures": figures,
    }


if __name__ == "__main__":
    command.run(main, "titles")
