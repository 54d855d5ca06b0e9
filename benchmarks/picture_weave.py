"""Weave: what is left of it once a shot is steadied, beside ffmpeg, and how far shots are moved that do not weave.

What is planned is planned as the product does it, from the readings of a shot's frames. The truth is the simulator's
own path; what a filter of ffmpeg moved is measured by following corners from the frame it got into the one it gave.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.dirt_cases import BITS, FULL, Codes, Take, clean_frames, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Result, digest, file_digest, source_digest
from benchmarks.peers import filtered
from restoration_tasks.assessment.gauge import Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.steadying import gate_weave, planned_stabilise
from restoration_tasks.assessment.weave import WeaveGauge, WeaveReading
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.motion import analysis_luma
from restoration_tasks.restoration.stabilise import Stabilise, StabiliseParams
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.training.damage import DamageKind, Grain, Weave

SPEED_SIZES = ((720, 405), (2048, 1556))
SPEED_FORMATS = ("gbrp10le", "yuv422p10le")
SCENES = ("still", "pan", "take")
CORNERS, CORNER_QUALITY, APART_PX, WITHIN_PX = 600, 0.005, 5, 0.5
"""Corners that tell how a filter moved a frame, and how near to the move most of them must come."""
_MADE_BY = (
    "benchmarks/picture_weave.py",
    "restoration_tasks/assessment/gate_path.py",
    "restoration_tasks/assessment/glance.py",
    "restoration_tasks/assessment/placing.py",
    "restoration_tasks/assessment/steadying.py",
    "restoration_tasks/assessment/weave.py",
    "restoration_tasks/restoration/stabilise.py",
    "restoration_tasks/training/damage/grain.py",
    "restoration_tasks/training/damage/weave.py",
)
Doubles = NDArray[np.float64]
Path3 = Doubles
"""`(T, 3)`: right and down in pixels at 720 px width, degrees against the clock."""


@dataclass(frozen=True)
class Shot:
    """One shot as it is given, and the simulator's path in it."""

    frames: Sequence[Codes]
    path: Path3

    @property
    def picture(self) -> PictureFormat:
        """The format of its frames."""
        _, height, width = self.frames[0].shape
        return rgb(width, height)

    @property
    def scan(self) -> Scanned:
        """What the gauge may know."""
        return Scanned(self.picture.width, self.picture.height, 24.0, False)


@cache
def weave_recipe() -> dict[str, Any]:
    """The part `weave` of picture.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("picture.yaml").read_text(encoding="utf-8"))
    return dict(content["weave"])


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The pieces of a split, seed by seed: every scene of every take at every strength; scenes as they are; speed."""
    recipe, asked = recipe_of(), weave_recipe()
    part = getattr(recipe, split)
    code = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/picture.yaml"), file_digest("benchmarks/recipe.yaml")
    )
    made_by = digest(code, split)
    names = [take.name for take in takes(recipe, part, asked["frames"])]
    work: dict[str, Callable[[], Result]] = {"speed": speed}
    work |= {f"clean/{name}/{scene}": partial(clean, split, name, scene) for name in names for scene in asked["clean"]}
    for seed in part.seeds:
        for number in range(1, len(recipe.strengths[DamageKind.WEAVE]) + 1):
            for name in names:
                for scene in SCENES:
                    key = f"{scene}/{name}/strength {number}/seed {seed}"
                    work[key] = partial(woven, split, name, scene, number, seed, seed == part.seeds[0])
    return {key: (made_by, make) for key, make in work.items()}


# -- scenes ------------------------------------------------------------------------------------------------------------


def _take(split: str, name: str) -> Take:
    recipe = recipe_of()
    every = takes(recipe, getattr(recipe, split), weave_recipe()["frames"])
    return next(take for take in every if take.name == name)


def scene_frames(take: Take, scene: str, seed: int) -> list[list[Codes]]:
    """The shots of a scene, without weave."""
    frames, asked = clean_frames(take), weave_recipe()
    if scene == "take":
        return [list(frames[start:stop]) for start, stop in take.shots]
    held = [frames[0]] * asked["frames"] if scene == "still" else panned(frames[0], asked["frames"])
    grain = Grain(seed=seed, **asked[scene]["grain"])
    return [[one.picture for one in grain.apply(held, bit_depth=BITS)]]


def panned(frame: Codes, frames: int) -> list[Codes]:
    """What a window sees that goes smoothly over a frame, from one side of its middle to the other."""
    asked = weave_recipe()["pan"]
    _, height, width = frame.shape
    size = (int(width * asked["window"]), int(height * asked["window"]))
    made = []
    for place in range(frames):
        along = -np.cos(np.pi * place / (frames - 1)) / 2
        middle = (width * (0.5 + along * asked["reach"][0]), height * (0.5 + along * asked["reach"][1]))
        matrix = np.array([[1.0, 0.0, size[0] / 2 - middle[0]], [0.0, 1.0, size[1] / 2 - middle[1]]])
        seen = [cv2.warpAffine(plane.astype(np.float32), matrix, size, flags=cv2.INTER_CUBIC) for plane in frame]
        made.append(np.asarray(np.clip(np.rint(np.stack(seen)), 0, FULL), np.uint16))
    return made


def _shots(split: str, name: str, scene: str, seed: int, damage: Weave | None) -> list[Shot]:
    """The shots of a scene; each weaves by itself."""
    made = []
    for frames in scene_frames(_take(split, name), scene, seed):
        aged = frames if damage is None else [one.picture for one in damage.apply(frames, bit_depth=BITS)]
        still = np.zeros((len(frames), 3))
        path = still if damage is None else np.array([damage.place(place) for place in range(len(frames))])
        made.append(Shot(aged, path))
    return made


# -- measuring ---------------------------------------------------------------------------------------------------------


def readings(shot: Shot) -> list[WeaveReading]:
    """What the gauge reads off each frame of a shot."""
    gauge, picture = WeaveGauge(), shot.picture
    glances = (Glance.of(place, frame, picture) for place, frame in enumerate(shot.frames))
    return [gauge.read(window) for _, window in windows(glances, gauge.radius)]


def planned(shot: Shot) -> StabiliseParams:
    """What the plan has for a shot; it moves nothing where the shot is left alone."""
    plan = planned_stabilise(gate_weave(readings(shot), shot.scan), 1.0, 1.0)
    return StabiliseParams() if plan is None else StabiliseParams.model_validate(plan.params)


def moves_of(params: StabiliseParams, shot: Shot) -> Path3:
    """The plan's moves as a path."""
    if not params.x:
        return np.zeros((len(shot.frames), 3))
    scale = weave_recipe()["width_px"] / shot.picture.width
    return np.stack([np.array(params.x) * scale, np.array(params.y) * scale, np.array(params.turn)], axis=1)


def residual(path: Path3, moves: Path3, shape: tuple[int, int]) -> float:
    """How far points of the picture lie from their own mean place, root mean square, pixels at 720 px width.

    Args:
        path: where the frames lie.
        moves: by how much each is then moved.
        shape: height and width of the picture.
    """
    asked = weave_recipe()
    rows, columns = asked["points"]
    x = ((np.arange(columns) + 0.5) / columns - 0.5) * asked["width_px"]
    y = ((np.arange(rows) + 0.5) / rows - 0.5) * asked["width_px"] * shape[0] / shape[1]
    points = np.stack([one.ravel() for one in np.meshgrid(x, y)])
    placed = np.stack([_turned(points, place) for place in path])
    placed = np.stack([_turned(one, move) for one, move in zip(placed, moves, strict=True)])
    return float(np.sqrt(np.square(placed - placed.mean(axis=0)).sum(axis=1).mean()))


def _turned(points: Doubles, place: Doubles) -> Doubles:
    turn = np.radians(place[2])
    matrix = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    return np.asarray(matrix @ points + place[:2, None], np.float64)


def seen_moves(before: Sequence[Codes], after: Sequence[Codes]) -> Path3:
    """How far each frame was moved, by corners followed from one into the other; a zoom is no move."""
    made = [_seen_move(one, other) for one, other in zip(before, after, strict=True)]
    return np.array(made)


def _seen_move(before: Codes, after: Codes) -> Doubles:
    one, other = (analysis_luma(frame, int(FULL), rgb=True) for frame in (before, after))
    found = cv2.goodFeaturesToTrack(one, CORNERS, CORNER_QUALITY, APART_PX)
    nothing = np.zeros(3)
    if found is None or len(found) < 8:
        return nothing
    found = np.asarray(found, np.float32).reshape(-1, 2)
    there, seen, _ = cv2.calcOpticalFlowPyrLK(one, other, found, np.empty_like(found), winSize=(21, 21), maxLevel=3)
    good = seen.ravel() > 0
    middle = np.array([one.shape[1] - 1, one.shape[0] - 1]) / 2
    matrix, _ = cv2.estimateAffinePartial2D(found[good] - middle, there[good] - middle, ransacReprojThreshold=WITHIN_PX)
    if matrix is None:
        return nothing  # type: ignore[unreachable]
    scale = weave_recipe()["width_px"] / one.shape[1]
    return np.array([matrix[0, 2] * scale, matrix[1, 2] * scale, np.degrees(np.arctan2(matrix[0, 1], matrix[0, 0]))])


def vidstab(frames: Sequence[Codes]) -> list[Codes]:
    """`vidstabdetect` and `vidstabtransform` of ffmpeg, at their defaults."""
    with tempfile.TemporaryDirectory(prefix="vidstab-") as folder:
        moves = f"{folder}/moves.trf"
        filtered(frames, "vidstabdetect", result=moves)  # type: ignore[arg-type]
        return filtered(frames, "vidstabtransform", input=moves)  # type: ignore[arg-type]


PEERS: dict[str, Callable[[Sequence[Codes]], list[Codes]]] = {
    "vidstab": vidstab,
    "deshake": partial(filtered, name="deshake"),
}


# -- pieces ------------------------------------------------------------------------------------------------------------


def woven(split: str, name: str, scene: str, number: int, seed: int, look: bool) -> Result:
    """The shots of a scene, woven: what is left of it by us and by the peers; by our frames' own looks where asked."""
    parameters = recipe_of().strengths[DamageKind.WEAVE][number - 1].parameters
    rows = []
    for shot in _shots(split, name, scene, seed, Weave(seed=seed, **parameters)):
        shape, params = shot.frames[0].shape[1:], planned(shot)
        row: Result = {
            "frames": len(shot.frames),
            "before": residual(shot.path, np.zeros_like(shot.path), shape),
            "after": residual(shot.path, moves_of(params, shot), shape),
            "treated": bool(params.x),
        }
        for peer, work in PEERS.items():
            row[peer] = residual(shot.path, seen_moves(shot.frames, work(shot.frames)), shape)
        if look and params.x:
            row["after, as seen"] = residual(shot.path, seen_moves(shot.frames, steadied(shot, params)), shape)
        rows.append({key: round(value, 4) if isinstance(value, float) else value for key, value in row.items()})
    return {"shots": rows}


def steadied(shot: Shot, params: StabiliseParams) -> list[Codes]:
    """The frames of a shot, moved as planned."""
    treatment, picture = Stabilise(params), shot.picture
    return [treatment.apply({0: Shown(place, frame, None, picture)}) for place, frame in enumerate(shot.frames)]


def clean(split: str, name: str, scene: str) -> Result:
    """The shots of a scene as they are: how far they are moved."""
    seed, rows = getattr(recipe_of(), split).seeds[0], []
    for shot in _shots(split, name, scene, seed, None):
        params = planned(shot)
        moved = residual(moves_of(params, shot), np.zeros_like(shot.path), shot.frames[0].shape[1:])
        rows.append({"frames": len(shot.frames), "treated": bool(params.x), "moved": round(moved, 4)})
    return {"shots": rows}


def speed() -> Result:
    """Seconds a frame, one thread: moving it, moving and turning it, and reading how it lies."""
    rng, result = np.random.default_rng(1), {}
    for width, height in SPEED_SIZES:
        for pix_fmt in SPEED_FORMATS:
            picture = PictureFormat(width, height, pix_fmt)
            work = rng.integers(64, 940, (3, height, width)).astype(np.uint16)
            for what, turn in (("move", 0.0), ("move and turn", 0.02)):
                treatment = Stabilise(StabiliseParams(x=(0.6,), y=(-0.4,), turn=(turn,)))
                shown = {0: Shown(0, work, None, picture)}
                result[f"{width}x{height} {pix_fmt}: {what}"] = _fastest(partial(treatment.apply, shown))
        scene = [
            cv2.GaussianBlur(one, (0, 0), 1.5) for one in rng.integers(64, 940, (3, height, width)).astype(np.uint16)
        ]
        frame = np.stack(scene)
        glances = {back: Glance.of(4 + back, np.roll(frame, back, axis=2), picture) for back in (-4, -1, 0)}
        result[f"{width}x{height}: read"] = _fastest(partial(WeaveGauge().read, glances))
    return {"seconds a frame": result}


def _fastest(work: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun)
    return round(min(taken), 4)


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: dict[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked, bars, figures = weave_recipe()["bars"], [], {}
    shots = {
        scene: [(key, shot) for key, one in made.items() if key.startswith(f"{scene}/") for shot in one["shots"]]
        for scene in SCENES
    }
    if shots["still"]:
        ours, theirs = (float(np.mean([shot[name] for _, shot in shots["still"]])) for name in ("after", "vidstab"))
        bars.append(_bar("still scenes: mean residual, px", ours, asked["still_residual_px"], most=True))
        bars.append(_bar("still scenes: times lower than vidstab's", theirs / ours, asked["below_vidstab"]))
    moving = [shot for scene in ("pan", "take") for _, shot in shots[scene]]
    if moving:
        worst = max((shot["after"] for shot in moving if shot["treated"]), default=0.0)
        no_worse = float(np.mean([not shot["treated"] or shot["after"] <= shot["before"] for shot in moving]))
        bars.append(
            _bar("moving scenes: worst residual of a shot steadied, px", worst, asked["moving_residual_px"], most=True)
        )
        bars.append(_bar("moving scenes: share of shots no worse than before", no_worse, asked["moving_no_worse"]))
    for scene, found in shots.items():
        if found:
            figures[scene] = _by(found, lambda key: key.split("/")[2])
            figures[f"{scene}, by take"] = _by(found, lambda key: key.split("/")[1])
    untouched = {key: one for key, one in made.items() if key.startswith("clean/")}
    if untouched:
        rows = [shot for one in untouched.values() for shot in one["shots"]]
        figures["without weave"] = {
            key: {"steadied": sum(shot["treated"] for shot in one["shots"]), "shots": len(one["shots"])}
            for key, one in untouched.items()
        }
        worst = max(shot["moved"] for shot in rows)
        bars.append(_bar("scenes without weave: farthest moved, px", worst, asked["clean_moved_px"], most=True))
    figures["cases"] = sum(len(found) for found in shots.values())  # type: ignore[assignment]
    if "speed" in made:
        figures["seconds a frame"] = made["speed"]["seconds a frame"]
    return bars, figures


def _by(shots: Sequence[tuple[str, Result]], group: Callable[[str], str]) -> Result:
    rows: dict[str, list[Result]] = {}
    for key, shot in shots:
        rows.setdefault(group(key), []).append(shot)
    figures = {}
    for name, found in sorted(rows.items()):
        means = {key: float(np.mean([shot[key] for shot in found])) for key in ("before", "after", *PEERS)}
        seen = [(shot["after"], shot["after, as seen"]) for shot in found if "after, as seen" in shot]
        if seen:
            means["after where looked at"], means["as seen there"] = (
                float(np.mean(one)) for one in zip(*seen, strict=True)
            )
        steadied_shots = sum(shot["treated"] for shot in found)
        figures[name] = {key: round(value, 3) for key, value in means.items()}
        figures[name] |= {
            "worst": max(shot["after"] for shot in found),
            "steadied": f"{steadied_shots} of {len(found)}",  # type: ignore[dict-item]
        }
    return figures


def _bar(words: str, value: float, asked: float, *, most: bool = False) -> Result:
    met = value <= asked if most else value >= asked
    return {"bar": words, "asked": asked, "measured": round(value, 4), "met": bool(met)}
