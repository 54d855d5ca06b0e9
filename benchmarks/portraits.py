"""Clearer portraits: how near they come to the truth, beside the input and Real-ESRGAN, and what the guard stops.

By the committed recipe (portraits.yaml). Every piece is kept in the JSON as soon as it is made; a run that was broken
off goes on. Exit 1 if a bar is missed. `--sheets FOLDER` writes pictures to look at, never committed where the clip is
not free.

    python -m benchmarks.portraits [--split test] [--sheets FOLDER]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks import command
from benchmarks.bars import bar, tell
from benchmarks.dirt_cases import FULL, Codes, work_folder
from benchmarks.engines import rgb
from benchmarks.kept import Kept, Result, digest, file_digest, source_digest
from benchmarks.portrait_cases import (
    Strength,
    Stretch,
    aged,
    assessed,
    network,
    recipe,
    strengths,
    stretches,
    truth,
)
from restoration_tasks.assessment.faces import Face, FaceLooker
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.portraying import planned_portraits, portrait_tracks
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.models.enlargers import TEXTURE, load_enlarger
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.models.tiling import Tileable, tiled
from restoration_tasks.quality.metrics import luma
from restoration_tasks.restoration.identity import blend_that_holds
from restoration_tasks.restoration.portraits import FacePart, PortraitParams, Portraits, Portrayed
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.spec import NumericProfile
from restoration_tasks.training.clips import CLIPS, fetch, read_clip
from restoration_tasks.training.defects.material import PHOTOGRAPHS

OUT = Path(__file__).parents[1] / "docs" / "benchmarks" / "portraits.json"
REALESRGAN = "Real-ESRGAN"
_MADE_BY = (
    "benchmarks/portraits.py",
    "benchmarks/portrait_cases.py",
    "restoration_tasks/assessment/face_path.py",
    "restoration_tasks/assessment/face_quality.py",
    "restoration_tasks/assessment/faces.py",
    "restoration_tasks/assessment/portraying.py",
    "restoration_tasks/restoration/averaging.py",
    "restoration_tasks/restoration/face_tracks.py",
    "restoration_tasks/restoration/identity.py",
    "restoration_tasks/restoration/landmarks.py",
    "restoration_tasks/restoration/portraits.py",
    "restoration_tasks/restoration/sharpening.py",
)
Rows = NDArray[np.float32]
"""`(H, W, 3)` R, G, B, 0–1."""
console = Console()


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """Every strength on every stretch, the guard, clean takes: by key the digest of what makes it, and what does."""
    made_by = digest(source_digest(*_MADE_BY), file_digest("benchmarks/portraits.yaml"), split)
    work: dict[str, Callable[[], Result]] = {
        f"wrong faces/{stretch.name}": partial(wrong_faces, stretch, split) for stretch in stretches(split)
    }
    work |= {f"clean/{name}": partial(clean, name) for name in recipe()["clean"][split]}
    work |= {
        f"strength {number}/{stretch.name}/seed {seed}": partial(clearer, stretch, strength, seed)
        for seed in recipe()["seeds"]
        for number, strength in enumerate(strengths(), 1)
        for stretch in stretches(split)
    }
    return {key: (made_by, make) for key, make in work.items()}


def planned(frames: Sequence[Codes], fps: float, faces: Portrayed = Portrayed.ALL) -> PortraitParams:
    """What is planned for some frames that are a shot, with the faces asked for that a person would ask for."""
    seen = assessed(frames, fps)
    tracks = portrait_tracks([Shot(number=1, start=0, stop=len(frames))], seen.faces)
    asked = planned_portraits(tracks.get(1, ()), seen.grain, {"faces": "fair"})
    if asked is None:
        return PortraitParams()
    return PortraitParams.model_validate({**asked.params, "faces": faces})


def treated(frames: Sequence[Codes], params: PortraitParams) -> Iterator[tuple[Codes, NDArray[np.bool_]]]:
    """Every frame as it comes out, and where it may have changed."""
    treatment, picture = Portraits(params), rgb(frames[0].shape[2], frames[0].shape[1])
    for index in range(len(frames)):
        reach = range(-treatment.radius, treatment.radius + 1)
        window = {
            at: Shown(index + at, frames[index + at], None, picture) for at in reach if 0 <= index + at < len(frames)
        }
        yield (np.asarray(treatment.apply(window), np.uint16), treatment.mask(window[0]))


def clearer(stretch: Stretch, strength: Strength, seed: int) -> Result:
    """A stretch aged and made clearer: error inside the masks, landmarks, flicker; beside it the input and the peer."""
    before, after = truth(stretch), aged(stretch, strength, seed)
    params = planned(after, float(CLIPS[stretch.clip].fps))
    result: Result = {"tiers": [track.tier.value for track in params.treated], "blends": {}}
    if not params.treated:
        return result
    begun = time.process_time()
    ours = list(treated(after, params))
    frames = [place for place, (_, mask) in enumerate(ours) if mask.any()]
    result["seconds a frame"] = round((time.process_time() - begun) / len(frames), 4)
    result["outside_px"] = sum(
        int(np.count_nonzero((made != one).any(axis=0) & ~mask)) for (made, mask), one in zip(ours, after, strict=True)
    )
    result["psnr_db"] = {
        "input": _psnr([(after[at], before[at], ours[at][1]) for at in frames]),
        "ours": _psnr([(ours[at][0], before[at], ours[at][1]) for at in frames]),
    }
    result["flicker"] = {
        "input": _flicker([after[at] for at in frames], [before[at] for at in frames], [ours[at][1] for at in frames]),
        "ours": _flicker([ours[at][0] for at in frames], [before[at] for at in frames], [ours[at][1] for at in frames]),
    }
    looked = frames[:: recipe()["peer_every"]]
    peers = {at: peer(after[at], params, at, before[at], ours[at][1]) for at in looked}
    # The peer leaves no grain: beside what the treatment does stands what it does when it is to leave none either.
    bare = list(treated(after, params.model_copy(update={"grain": 0.0})))
    result["psnr_db"]["ours without grain"] = _psnr([(bare[at][0], before[at], ours[at][1]) for at in looked])
    result["psnr_db"]["ours, peer's frames"] = _psnr([(ours[at][0], before[at], ours[at][1]) for at in looked])
    result["psnr_db"][REALESRGAN] = _psnr([(peers[at], before[at], ours[at][1]) for at in looked])
    result["landmark_error"] = {
        "input": _landmark_error([(after[at], before[at]) for at in looked]),
        "ours": _landmark_error([(ours[at][0], before[at]) for at in looked]),
        "ours without grain": _landmark_error([(bare[at][0], before[at]) for at in looked]),
        REALESRGAN: _landmark_error([(peers[at], before[at]) for at in looked]),
    }
    return result


@cache
def enlarger() -> Tileable:
    """Real-ESRGAN from the shelf."""
    return load_enlarger(KNOWN[TEXTURE], Shelf.of().require(TEXTURE))


def peer(frame: Codes, params: PortraitParams, index: int, true: Codes, mask: NDArray[np.bool_]) -> Codes:
    """The frame with its faces by Real-ESRGAN, in the same soft masks; of the two ways to ask it the better one."""
    found = []
    for by_detail in (False, True):
        made = frame.copy()
        for track in params.treated:
            if track.on(index):
                part = FacePart(track, index, (frame.shape[1], frame.shape[2]))
                inside = part.inside
                rows, columns = part.rows[inside[0]], part.columns[inside[1]]
                source = np.asarray(frame[:, rows[:, None], columns] / np.float32(FULL), np.float32)
                # Two pixels a cycle, and a half more.
                scale = min(1.0, 2.5 * track.cycles / part.width_px) if by_detail else 1.0
                drawn = source + part.mask[inside] * (_enlarged(source, scale) - source)
                made[:, rows[:, None], columns] = np.rint(np.clip(drawn, 0, 1) * FULL).astype(np.uint16)
        found.append(made)
        if params.treated and all(2.5 * track.cycles >= track.places[0][2] for track in params.treated):
            break
    return max(found, key=lambda made: _psnr([(made, true, mask)]))


def _enlarged(source: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """A part `(3, h, w)` enlarged by the network and shrunk back to its size."""
    _, height, width = source.shape
    size = (max(round(width * scale), 8), max(round(height * scale), 8))
    small = (
        source if scale == 1.0 else np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in source])
    )
    made, _ = tiled(enlarger(), np.ascontiguousarray(small, np.float32), NumericProfile())
    return np.stack([cv2.resize(one, (width, height), interpolation=cv2.INTER_AREA) for one in np.clip(made, 0, 1)])


def clean(name: str) -> Result:
    """The first second and a half of a clip as it is: pixels that what a profile plans by itself changes."""
    clip = CLIPS[name]
    start, stop = (clip.scenes or ((0, clip.frames),))[0]
    frames = [
        frame
        for index, frame in enumerate(read_clip(clip, fetch(clip)))
        if start <= index < min(stop, start + recipe()["frames"])
    ]
    params = planned(frames, float(clip.fps), Portrayed.FAIR)
    changed = sum(
        int(np.count_nonzero((made != one).any(axis=0)))
        for (made, _), one in zip(treated(frames, params), frames, strict=True)
    )
    return {"faces": len(params.tracks), "treated": len(params.treated), "changed_px": changed}


# -- the guard ---------------------------------------------------------------------------------------------------------


def wrong_faces(stretch: Stretch, split: str) -> Result:
    """Other people's faces laid over those of a stretch, at every strength: how much of them passes the guard."""
    asked = recipe()["wrong_faces"]
    tried = stopped = 0
    most = 0.0
    for strength in strengths():
        frames = aged(stretch, strength, recipe()["seeds"][0])
        params = planned(frames, float(CLIPS[stretch.clip].fps))
        for track in params.treated:
            frame = track.first + len(track.places) // 2
            part = FacePart(track, frame, (frames[0].shape[1], frames[0].shape[2]))
            source = np.asarray(frames[frame][:, part.rows[:, None], part.columns] / np.float32(FULL), np.float32)
            for name in asked["sources"][split]:
                if name == stretch.clip:
                    continue
                other = _laid_on(*_face_of(name), part, source)
                for blend in asked["blends"]:
                    made = source + np.float32(blend) * part.mask * (other - source)
                    passed = blend * blend_that_holds(part.source(luma(source)), luma(made))
                    tried += 1
                    stopped += passed <= asked["left"]
                    most = max(most, passed)
    return {"tried": tried, "stopped": stopped, "most_left": round(most, 3)}


@cache
def _face_of(name: str) -> tuple[Rows, tuple[tuple[float, float], ...]]:
    """A picture of somebody `(H, W, 3)`, 0–1, and the landmarks of the face in it."""
    photograph = next((one for one in PHOTOGRAPHS if one.name == name), None)
    if photograph is not None:
        read = np.asarray(cv2.imread(str(fetch(photograph))), np.float32)
        rows = read[..., ::-1] / np.float32(255)
    else:
        first = next(iter(read_clip(CLIPS[name], fetch(CLIPS[name]))))
        rows = np.asarray(first.transpose(1, 2, 0) / np.float32(FULL), np.float32)
    found = network().faces(np.asarray(np.rint(np.ascontiguousarray(rows) * 255), np.uint8))
    return np.ascontiguousarray(rows), max(found, key=lambda one: one.score).landmarks


def _laid_on(
    rows: Rows, landmarks: Sequence[tuple[float, float]], part: FacePart, source: NDArray[np.float32]
) -> NDArray[np.float32]:
    """A face moved, turned and sized onto another's place, as bright and contrasty as that one: `(3, h, w)`."""
    matrix, _ = cv2.estimateAffinePartial2D(np.array(landmarks, np.float32), np.array(part.landmarks, np.float32))
    size = (source.shape[2], source.shape[1])
    grown = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    soft = cv2.GaussianBlur(rows, (0, 0), 0.5 / grown) if grown < 1 else rows
    laid = cv2.warpAffine(soft, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).transpose(
        2, 0, 1
    )
    inside = part.mask > 0.5
    matched = [
        (own - own[inside].mean()) * (base[inside].std() / max(float(own[inside].std()), 1e-4)) + base[inside].mean()
        for own, base in zip(laid, source, strict=True)
    ]
    return np.asarray(np.stack(matched), np.float32)


# -- measures ----------------------------------------------------------------------------------------------------------


def _psnr(rows: Sequence[tuple[Codes, Codes, NDArray[np.bool_]]]) -> float:
    errors = [np.square((made.astype(np.float64) - true)[:, mask] / FULL) for made, true, mask in rows]
    return round(float(-10 * np.log10(np.concatenate([one.ravel() for one in errors]).mean())), 3)


def _flicker(made: Sequence[Codes], true: Sequence[Codes], masks: Sequence[NDArray[np.bool_]]) -> float:
    """Root mean square of the change of (made - true) from frame to frame inside the masks; 10-bit codes."""
    wrong = [one.astype(np.float64) - other for one, other in zip(made, true, strict=True)]
    steps = [
        np.square((after - before)[:, mask & next_mask]).ravel()
        for (before, mask), (after, next_mask) in pairwise(zip(wrong, masks, strict=True))
    ]
    return round(float(np.sqrt(np.concatenate(steps).mean())), 3)


def _landmark_error(rows: Sequence[tuple[Codes, Codes]]) -> float | None:
    """Mean distance of landmarks from the truth's, shares of the face's width; None where the truth has no face."""
    errors = []
    for made, true in rows:
        wanted, found = _looked(true), _looked(made)
        for face in wanted[:1]:
            width = face.right - face.left
            apart = [float(np.hypot(*(np.array(one.landmarks) - face.landmarks).T).mean() / width) for one in found]
            errors.append(min([*apart, recipe()["missed"]]))
    return round(float(np.mean(errors)), 4) if errors else None


def _looked(frame: Codes) -> list[Face]:
    picture = rgb(frame.shape[2], frame.shape[1])
    looker = FaceLooker(network(), picture)
    looker.look(frame, Glance.of(0, frame, picture))
    return looker.found[0]


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: Mapping[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, bars = recipe()["bars"], []
    cases = {key: one for key, one in made.items() if key.startswith("strength") and "psnr_db" in one}
    figures: Result = {"by strength": {}}
    if cases:
        rows = list(cases.values())
        by_strength: dict[str, list[Result]] = {}
        for key, one in sorted(cases.items()):
            by_strength.setdefault(key.split("/")[0], []).append(one)
        gains = {key: _mean([_gain(one) for one in found]) for key, found in by_strength.items()}
        for key, found in by_strength.items():
            figures["by strength"][key] = {
                "cases": len(found),
                "poor": sum(one["tiers"].count("poor") for one in found),
                "input_db": round(_mean([one["psnr_db"]["input"] for one in found]), 2),
                "gain_db": round(gains[key], 2),
                "over_realesrgan_db": round(_mean([_over_peer(one) for one in found]), 2),
                "without_grain_over_realesrgan_db": round(
                    _mean([one["psnr_db"]["ours without grain"] - one["psnr_db"][REALESRGAN] for one in found]), 2
                ),
                "flicker_of_input": round(_mean([_ratio(one["flicker"], "input") for one in found]), 3),
            }
        bars = [
            bar(
                "PSNR over the input's, mean of the cases, dB",
                _mean([_gain(one) for one in rows]),
                asked["over_input_db"],
            ),
            bar("the same of the worst strength, dB", min(gains.values()), asked["over_input_worst_strength_db"]),
            bar(
                "PSNR over Real-ESRGAN's on the crop, mean of the cases, dB",
                _mean([_over_peer(one) for one in rows]),
                asked["over_realesrgan_db"],
            ),
        ]
        errors = [one["landmark_error"] for one in rows if one["landmark_error"]["input"] is not None]
        for peer_name, limit in (
            ("input", asked["landmark_error_of_input"]),
            (REALESRGAN, asked["landmark_error_of_realesrgan"]),
        ):
            ours, theirs = _mean([one["ours"] for one in errors]), _mean([one[peer_name] for one in errors])
            figures[f"landmark error, {peer_name}"] = round(theirs, 4)
            figures["landmark error, ours"] = round(ours, 4)
            bars.append(bar(f"landmark error over that of {peer_name}", ours / theirs, limit, most=True))
        worst = max(_ratio(one["flicker"], "input") for one in rows)
        bars.append(
            bar("flicker of the faces over the input's, worst case", worst, asked["flicker_of_input"], most=True)
        )
        outside = sum(one["outside_px"] for one in rows)
        bars.append(bar("pixels changed outside the masks", outside, asked["outside_masks_changed_px"], most=True))
        figures["seconds a frame with a face"] = round(_mean([one["seconds a frame"] for one in rows]), 3)
    left_alone = [key for key, one in made.items() if key.startswith("strength") and "psnr_db" not in one]
    figures["left alone: good, or not found"] = sorted(left_alone)
    guard = [one for key, one in made.items() if key.startswith("wrong faces") and one["tried"]]
    if guard:
        tried = sum(one["tried"] for one in guard)
        share = sum(one["stopped"] for one in guard) / tried
        bars.append(bar("wrong faces stopped by the guard, share", share, asked["wrong_faces_stopped"]))
        figures["wrong faces tried"] = tried
        figures["most of a wrong face left"] = max(one["most_left"] for one in guard)
    untouched = {key: one for key, one in made.items() if key.startswith("clean")}
    if untouched:
        most = max(one["changed_px"] for one in untouched.values())
        bars.append(bar("clean takes: pixels changed, worst take", most, asked["clean_changed_px"], most=True))
        figures["clean"] = untouched
    return bars, figures


def _gain(case: Result) -> float:
    return float(case["psnr_db"]["ours"] - case["psnr_db"]["input"])


def _over_peer(case: Result) -> float:
    return float(case["psnr_db"]["ours, peer's frames"] - case["psnr_db"][REALESRGAN])


def _ratio(figures: Mapping[str, float], base: str) -> float:
    return figures["ours"] / max(figures[base], 1e-6)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))


def sheet(stretch: Stretch, strength: Strength, folder: Path, number: int) -> None:
    """One picture to look at: truth, input, ours, and the peer, of the middle frame's face, four times as large."""
    before, after = truth(stretch), aged(stretch, strength, recipe()["seeds"][0])
    params = planned(after, float(CLIPS[stretch.clip].fps))
    if not params.treated:
        return
    track = params.treated[0]
    index = track.first + len(track.places) // 2
    ours = list(treated(after, params))[index]
    shown = [before[index], after[index], ours[0], peer(after[index], params, index, before[index], ours[1])]
    part = FacePart(track, index, (before[0].shape[1], before[0].shape[2]))
    faces = [one[:, part.rows[:, None], part.columns].transpose(1, 2, 0)[..., ::-1] / FULL * 255 for one in shown]
    row = np.concatenate(faces, axis=1).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    large = cv2.resize(row, None, fx=4, fy=4, interpolation=cv2.INTER_NEAREST)
    cv2.imwrite(str(folder / f"{stretch.name.replace(' ', '_')}_{number}.png"), large)


def main() -> int:
    """Measure what is not measured yet, print, write; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", choices=["training", "test"], default="test", help="training is to choose by")
    parser.add_argument("--sheets", type=Path, help="folder for pictures to look at; nothing is measured")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    if chosen.sheets is not None:
        for number, strength in enumerate(strengths(), 1):
            for stretch in stretches(chosen.split):
                sheet(stretch, strength, chosen.sheets, number)
        return ExitCode.DONE
    kept = Kept(OUT if chosen.split == "test" else work_folder() / "portraits-training.json")
    work = pieces(chosen.split)
    kept.keep_only({"pieces": {key: made_by for key, (made_by, _) in work.items()}})
    for number, (key, (made_by, make)) in enumerate(work.items(), 1):
        if not kept.has("pieces", key, made_by):
            kept.put("pieces", key, made_by, make())
            kept.save(_head(chosen.split, kept))
            console.print(f"[{number}/{len(work)}] {key}", markup=False, highlight=False)
    head = _head(chosen.split, kept)
    kept.save(head)
    return ExitCode.DONE if tell(console, head) else ExitCode.FAILED


def _head(split: str, kept: Kept) -> dict[str, Any]:
    bars, figures = report(kept.part("pieces"))
    return {
        "benchmark": "portraits",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": split,
        "recipe": file_digest("benchmarks/portraits.yaml"),
        "versions": {"numpy": np.__version__, "opencv": cv2.__version__},
        "bars": bars,
        "figures": figures,
    }


if __name__ == "__main__":
    command.run(main, "portraits")
