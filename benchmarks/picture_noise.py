"""Grain and noise: how near less of it comes to the truth, beside ffmpeg at its best, and how grain made anew looks.

What is planned is planned as the product does it, from the readings of every frame; all of the grain is asked to go.
The filters of ffmpeg are given the setting that comes nearest to the truth on each take.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.bars import bar
from benchmarks.dirt_cases import BITS, FULL, Codes, Take, clean_frames, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from benchmarks.kept import Result, digest, file_digest, source_digest
from benchmarks.peers import filtered
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.grain_level import GrainGauge
from restoration_tasks.assessment.less_grain import GrainFound, grain_found, planned_grain
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.denoise import REACH, Denoise, DenoiseEngine, DenoiseParams
from restoration_tasks.restoration.plan import PlannedTreatment
from restoration_tasks.restoration.regrain import regrained
from restoration_tasks.restoration.shares import shares
from restoration_tasks.restoration.treatment import Shown, checked_params
from restoration_tasks.training.damage import DamageKind

SPEED_SIZES = ((720, 405), (2048, 1556))
GATE_SIGMA = 0.006
"""Deviation at which grain is noticed, see `grain_level.KNOTS`."""
TILE = 32
"""Side of the tiles whose power spectra are compared."""
CALMEST = 0.2
"""Share of the tiles that are looked at: those that vary least in the clean take."""
_MADE_BY = (
    "benchmarks/picture_noise.py",
    "benchmarks/peers.py",
    "restoration_tasks/assessment/grain_level.py",
    "restoration_tasks/assessment/less_grain.py",
    "restoration_tasks/models/denoisers.py",
    "restoration_tasks/models/ffdnet.py",
    "restoration_tasks/restoration/denoise.py",
    "restoration_tasks/restoration/motion.py",
    "restoration_tasks/restoration/regrain.py",
    "restoration_tasks/training/damage/grain.py",
)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Noisy:
    """One shot, as it was and with noise."""

    clean: Sequence[Codes]
    noisy: Sequence[Codes]

    @property
    def picture(self) -> PictureFormat:
        """The format of its frames."""
        _, height, width = self.clean[0].shape
        return rgb(width, height)


@cache
def noise_recipe() -> dict[str, Any]:
    """The part `noise` of picture.yaml."""
    content: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("picture.yaml").read_text(encoding="utf-8"))
    return dict(content["noise"])


def pieces(split: str) -> dict[str, tuple[str, Callable[[], Result]]]:
    """The pieces of a split: clean takes, spectra; then seed by seed every noise, those with a bar first; speed."""
    recipe, asked = recipe_of(), noise_recipe()
    part = getattr(recipe, split)
    made_by = digest(
        source_digest(*_MADE_BY), file_digest("benchmarks/picture.yaml"), file_digest("benchmarks/recipe.yaml"), split
    )
    names = [take.name for take in takes(recipe, part, asked["frames"])]
    white = sorted(asked["white_codes"], key=lambda codes: codes not in asked["barred_codes"])
    kinds = [f"white {codes}" for codes in white] + [f"grain {number}" for number in asked["grain_strengths"]]
    work: dict[str, Callable[[], Result]] = {f"clean/{name}": partial(clean, split, name) for name in names}
    work |= {
        f"spectrum/{name}/grain {number}": partial(spectrum, split, name, number)
        for number, name in product(asked["grain_strengths"], names)
    }
    work |= {
        f"{kind}/{name}/seed {seed}": partial(denoised, split, name, kind, seed)
        for seed, kind, name in product(part.seeds, kinds, names)
    }
    work["speed"] = speed
    return {key: (made_by, make) for key, make in work.items()}


# -- what is measured --------------------------------------------------------------------------------------------------


def _shots(split: str, name: str, kind: str, seed: int) -> Iterator[Noisy]:
    """The shots of a take with one kind of noise."""
    recipe = recipe_of()
    part = getattr(recipe, split)
    take: Take = next(one for one in takes(recipe, part, noise_recipe()["frames"]) if one.name == name)
    frames = clean_frames(take)
    what, number = kind.split()
    if what == "grain":
        strength = recipe.strengths[DamageKind.GRAIN][int(number) - 1]
        aged = recipe.damage(DamageKind.GRAIN, strength, part, seed).apply(frames, bit_depth=BITS)
        noisy = [one.picture for one in aged]
    else:
        rng, sd = np.random.default_rng(seed), int(number) / 255 * FULL
        noisy = [
            np.clip(np.rint(frame + rng.normal(0, sd, frame.shape)), 0, FULL).astype(frame.dtype) for frame in frames
        ]
    for start, stop in take.shots:
        yield Noisy(frames[start:stop], noisy[start:stop])


def planned(
    frames: Sequence[Codes], picture: PictureFormat, engine: Engine = Engine.NETWORK
) -> PlannedTreatment | None:
    """What the product plans for a shot of which all grain is asked to go."""
    return planned_grain(_found(frames, picture), 1.0, engine)


def _found(frames: Sequence[Codes], picture: PictureFormat) -> GrainFound | None:
    gauge = GrainGauge()
    glances = (Glance.of(place, frame, picture) for place, frame in enumerate(frames))
    rows = [
        FrameReadings(place, {Category.GRAIN: gauge.read(window)}) for place, window in windows(glances, gauge.radius)
    ]
    scan = Scanned(picture.width, picture.height, 24.0, picture.is_grey)
    return grain_found([Shot(1, 0, len(frames))], rows, scan).get(1)


def restored(frames: Sequence[Codes], plan: PlannedTreatment | None, picture: PictureFormat) -> list[Codes]:
    """The frames of a shot after what was planned."""
    if plan is None:
        return list(frames)
    params = checked_params(plan.name, plan.params)
    assert isinstance(params, DenoiseParams)
    treatment = Denoise(params)
    shown = (Shown(place, frame, None, picture) for place, frame in enumerate(frames))
    return [treatment.apply(window) for _, window in windows(shown, REACH)]


def denoised(split: str, name: str, kind: str, seed: int) -> Result:
    """Squared error and its change from frame to frame: before, after, and of each peer at its best."""
    shots = list(_shots(split, name, kind, seed))
    by_network, by_time = (
        [restored(one.noisy, planned(one.noisy, one.picture, engine), one.picture) for one in shots]
        for engine in (Engine.NETWORK, Engine.CLASSICAL)
    )
    result: Result = {
        "before": _error(shots, [one.noisy for one in shots]),
        "after": _error(shots, by_network),
        "after, time only": _error(shots, by_time),
        "peers": {},
    }
    for peer, grid in noise_recipe()["peers"].items():
        ((option, values),) = grid.items()
        names = [f"{plane}a" for plane in range(3)] if peer == "atadenoise" else [option]
        tried = {
            value: _error(shots, [filtered(one.noisy, peer, **dict.fromkeys(names, value)) for one in shots])
            for value in values
        }
        best = max(tried, key=lambda value: tried[value]["psnr_db"])
        result["peers"][peer] = {option: best, **tried[best]}
    return result


def _db(squares: Sequence[float]) -> float:
    return -10 * float(np.log10(max(float(np.mean(squares)), 1e-12)))


def _error(shots: Sequence[Noisy], made: Sequence[Sequence[Codes]]) -> Result:
    """PSNR over all frames, dB, and how the error changes from frame to frame, 8-bit codes (root mean square)."""
    squares, changes = [], []
    for one, frames in zip(shots, made, strict=True):
        errors = [(frame.astype(np.float32) - true) / FULL for frame, true in zip(frames, one.clean, strict=True)]
        squares += [float(np.square(error).mean()) for error in errors]
        changes += [float(np.square(b - a).mean()) for a, b in pairwise(errors)]
    return {
        "psnr_db": round(_db(squares), 3),
        "flicker_codes": round(255 * float(np.sqrt(np.mean(changes))) if changes else 0.0, 3),
    }


def clean(split: str, name: str) -> Result:
    """A take as it is: what the gate lets through, and what happens where it is forced."""
    touched, squares = 0, []
    for one in _shots(split, name, "white 0", 0):
        touched += planned(one.clean, one.picture) is not None
        found = _found(one.clean, one.picture)
        # As strong as what was read, but at least as the weakest grain that passes the gate.
        shadows, middle, lights = (max(level, GATE_SIGMA) for level in (found.sigma if found else (0.0, 0.0, 0.0)))
        params = DenoiseParams(sigma=(shadows, middle, lights), radius_px=found.radius_px if found else 0.2, keep=0.0)
        forced = PlannedTreatment(name="grain", params=params.model_dump(mode="json"), why="forced")
        made = restored(one.clean, forced, one.picture)
        squares += [
            float(np.square((a.astype(np.float32) - b) / FULL).mean()) for a, b in zip(made, one.clean, strict=True)
        ]
    return {"touched": touched, "forced_psnr_db": round(_db(squares), 2)}


def spectrum(split: str, name: str, number: int) -> Result:
    """How the power of grain made anew on the clean take differs from that of the grain it is to be like.

    As a share of the power there is, over rings of frequency; and the ratio in each ring, from coarse to fine.
    """
    seed = getattr(recipe_of(), split).seeds[0]
    made, was = [], []
    for one in _shots(split, name, f"grain {number}", seed):
        for place in range(1, len(one.noisy) - 1):
            beside = [shares(one.noisy[place + side], one.picture) for side in (-1, 1)]
            truth = shares(one.clean[place], one.picture)
            new = regrained(truth, beside, seed=place)
            real = shares(one.noisy[place], one.picture)
            made.append(_rings(new - truth, truth))
            was.append(_rings(real - truth, truth))
    ours, theirs = np.mean(made, axis=0), np.mean(was, axis=0)
    return {
        "off": round(float(np.abs(ours - theirs).sum() / theirs.sum()), 4),
        "rings": [round(float(value), 3) for value in ours / theirs],
    }


def _rings(grain: NDArray[np.float32], truth: NDArray[np.float32]) -> Floats:
    """Mean power of the green channel's grain in rings of frequency, over the calmest tiles of the true picture."""
    height, width = (side // TILE * TILE for side in grain.shape[:2])

    def tiles(plane: NDArray[np.float32]) -> NDArray[np.float32]:
        return plane[:height, :width].reshape(height // TILE, TILE, width // TILE, TILE).swapaxes(1, 2)

    calm = tiles(truth[..., 1]).var(axis=(2, 3))
    chosen = tiles(grain[..., 1])[calm <= np.quantile(calm, CALMEST)]
    window = np.outer(np.hanning(TILE), np.hanning(TILE))
    power = np.square(np.abs(np.fft.fft2(chosen * window))).mean(axis=0)
    across = np.fft.fftfreq(TILE)
    far = np.hypot(across[:, None], across[None])
    edges = np.linspace(0, 0.5, noise_recipe()["spectrum_rings"] + 1)
    return np.array([power[(far > low) & (far <= high)].mean() for low, high in pairwise(edges)])


def speed() -> Result:
    """Seconds a frame, one thread, with and without the network."""
    rng, result = np.random.default_rng(1), {}
    for width, height in SPEED_SIZES:
        picture = rgb(width, height)
        base = cv2.resize(rng.integers(200, 800, (9, 16, 3)).astype(np.float32), (width, height)).transpose(2, 0, 1)
        frames = [np.rint(base + rng.normal(0, 20, base.shape)).astype(np.uint16) for _ in range(2 * REACH + 1)]
        for engine in DenoiseEngine:
            treatment = Denoise(DenoiseParams(sigma=(0.02, 0.02, 0.02), keep=0.5, engine=engine))
            window = {
                offset: Shown(offset, frames[offset + REACH], None, picture) for offset in range(-REACH, REACH + 1)
            }
            treatment.apply(window)
            begun = time.perf_counter()
            treatment.apply(window)
            result[f"{width}x{height}: {engine}"] = round(time.perf_counter() - begun, 3)
    return {"seconds a frame": result}


# -- what comes out ----------------------------------------------------------------------------------------------------


def report(made: dict[str, Result]) -> tuple[list[Result], Result]:
    """Bars and figures of the pieces there are."""
    asked = noise_recipe()
    bars, figures = list[Result](), Result()
    by_kind: dict[str, list[Result]] = {}
    for key, one in made.items():
        if "peers" in one:
            by_kind.setdefault(key.split("/")[0], []).append(one)
    for kind, cases in sorted(by_kind.items()):
        over = [one["after"]["psnr_db"] - max(p["psnr_db"] for p in one["peers"].values()) for one in cases]
        steadier = [
            one["after"]["flicker_codes"] / max(min(p["flicker_codes"] for p in one["peers"].values()), 1e-9)
            for one in cases
        ]
        names = ("before", "after", "after, time only")
        figures[kind] = {
            "cases": len(cases),
            **{name: round(float(np.mean([one[name]["psnr_db"] for one in cases])), 2) for name in names},
            **{
                peer: round(float(np.mean([one["peers"][peer]["psnr_db"] for one in cases])), 2)
                for peer in asked["peers"]
            },
            "over the best peer": round(float(np.mean(over)), 2),
            "worst case over it": round(min(over), 2),
            "flicker beside the steadiest peer's": round(float(np.mean(steadier)), 3),
        }
        if kind.startswith("white") and int(kind.split()[1]) in asked["barred_codes"]:
            bars.append(
                bar(f"{kind}: dB over the best peer", float(np.mean(over)), asked["bars"]["above_best_peer_db"])
            )
            most = asked["bars"]["flicker_of_best_peer"]
            bars.append(bar(f"{kind}: flicker, best peer's is 1", _like_best(cases), most, most=True))
    spectra = [one["off"] for one in made.values() if "off" in one]
    if spectra:
        off = np.abs(spectra).mean()
        figures["spectrum"] = {
            key: {"off": one["off"], "rings": one["rings"]} for key, one in made.items() if "off" in one
        }
        bars.append(
            bar("power spectrum of grain made anew, mean off", float(off), asked["bars"]["spectrum_off"], most=True)
        )
    whole = {key: one for key, one in made.items() if "touched" in one}
    if whole:
        figures["clean"] = {
            key: {name: one[name] for name in ("touched", "forced_psnr_db")} for key, one in whole.items()
        }
        worst = min(one["forced_psnr_db"] for one in whole.values())
        bars.append(bar("clean takes, forced: worst PSNR, dB", worst, asked["bars"]["clean_forced_db"]))
    if "speed" in made:
        figures["seconds a frame"] = made["speed"]["seconds a frame"]
    return bars, figures


def _like_best(cases: Sequence[Result]) -> float:
    """Our flicker over that of the peer that comes nearest to the truth, mean over cases."""
    best = [max(one["peers"].values(), key=lambda peer: peer["psnr_db"]) for one in cases]
    ratios = [one["after"]["flicker_codes"] / peer["flicker_codes"] for one, peer in zip(cases, best, strict=True)]
    return float(np.mean(ratios))
