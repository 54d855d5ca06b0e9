"""How near the figures of flicker are to the simulator's own: of the whole picture, and of how it differs over it.

    python -m benchmarks.flicker [--split test] [--frames 48]

Every take of the recipe with every strength of flicker, and without. The gauge relates each frame to the one before, as
in the product; the true amplitude is the standard deviation of the light the simulator gave, at the level of
the shot, 8-bit code values. Exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console

from benchmarks import command
from benchmarks.dirt_cases import BITS, FULL, clean_frames, takes
from benchmarks.dirt_contenders import recipe_of
from benchmarks.engines import rgb
from restoration_tasks.assessment.evening import shot_flicker
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.uneven import UnevenGauge
from restoration_tasks.media.window import windows
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.training.damage import DamageKind, Flicker

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "flicker.json"
WIDTH_PX = 240
"""Takes are brought to this width: light does not depend on it."""
FEWEST_FRAMES = 12
BAR = 0.1
"""What the amplitude may be off by, as a share (root mean square over shots)."""
LONG_FRAMES = 24
"""In shorter shots what the light does slowly cannot be told from flicker that lasts a few frames."""
LEAST_CODES = 1.0
"""Amplitudes under this are not compared: nobody sees them."""
console = Console()


def measured(frames: Sequence[Any]) -> dict[str, float]:
    """Amplitude and local amplitude of one shot of `(3, H, W)` 10-bit frames, as the product says them."""
    picture = rgb(frames[0].shape[2], frames[0].shape[1])
    glances = [Glance.of(place, frame, picture) for place, frame in enumerate(frames)]
    level = float(np.mean([glance.luma.mean() for glance in glances]))
    readings = [UnevenGauge().read(window) for _, window in windows(glances, 1)]
    facts = ShotFacts(1, 0, len(frames), Scanned(picture.width, picture.height, 24.0, False))
    local = UnevenGauge().judge(readings, facts).figures.get("local_codes") or 0.0
    found = shot_flicker([row.relation for row in readings], level)
    return {"whole": found.curve.amplitude, "local": float(local), "level": level}


def true_amplitude(damage: Flicker, frames: range, level: float) -> float:
    """Standard deviation of the light the simulator gave at a level, 8-bit code values."""
    curves = np.array([damage.curve(frame)[:2] for frame in frames])
    density = -np.log10(max(level, 1e-3))
    return float(255 * np.std(10.0 ** -(density * (1 + curves[:, 1]) + curves[:, 0])))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether the bars are held."""
    parser = argparse.ArgumentParser(description="How near the figures of flicker are to the simulator's own.")
    parser.add_argument("--split", choices=["validation", "test"], default="test")
    parser.add_argument("--frames", type=int, default=48, help="of each take")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    recipe = recipe_of()
    split = getattr(recipe, chosen.split)
    seed = split.seeds[0]
    pieces: list[dict[str, Any]] = []
    for take in takes(recipe, split, chosen.frames):
        clean = [_small(frame) for frame in clean_frames(take)]
        for number, strength in enumerate((None, *recipe.strengths[DamageKind.FLICKER])):
            damage = Flicker(density_sd=0.0)
            if strength is not None:
                made = recipe.damage(DamageKind.FLICKER, strength, split, seed)
                assert isinstance(made, Flicker)
                damage = made
            aged = [one.picture for one in damage.apply(clean, bit_depth=BITS)] if number else clean
            for start, stop in take.shots:
                if stop - start >= FEWEST_FRAMES:
                    found = measured(aged[start:stop])
                    true = true_amplitude(damage, range(start, stop), found["level"]) if number else 0.0
                    pieces.append(
                        {
                            "take": take.name,
                            "strength": number,
                            "shot": start,
                            "frames": stop - start,
                            "true": true,
                            **found,
                        }
                    )
        console.print(take.name, highlight=False)
    compared = [piece for piece in pieces if piece["true"] >= LEAST_CODES]
    ratios = [piece["whole"] / piece["true"] for piece in compared]
    off, long_off = _off(compared), _off([piece for piece in compared if piece["frames"] >= LONG_FRAMES])
    clean_worst = max(max(piece["whole"], piece["local"]) for piece in pieces if piece["strength"] == 0)
    head = {
        "benchmark": "flicker",
        "split": chosen.split,
        "bar": {"bar": f"amplitude within {BAR:.0%}, RMS", "measured": round(off, 4), "met": off <= BAR},
        f"the same on shots of {LONG_FRAMES} frames and more": round(long_off, 4),
        "mean ratio": round(float(np.mean(ratios)), 4),
        "shots": len(ratios),
        "most on a clean shot, codes": round(clean_worst, 3),
        "pieces": [{name: round(v, 3) if isinstance(v, float) else v for name, v in one.items()} for one in pieces],
    }
    console.print({name: value for name, value in head.items() if name != "pieces"})
    if chosen.split == "test":
        write_atomic(FIGURES, (json.dumps(head, indent=1) + "\n").encode())
    return ExitCode.DONE if off <= BAR else ExitCode.FAILED


def _off(pieces: Sequence[dict[str, Any]]) -> float:
    """How far amplitudes are off the true ones, as a share (root mean square)."""
    return float(np.sqrt(np.mean([(piece["whole"] / piece["true"] - 1) ** 2 for piece in pieces])))


def _small(frame: Any) -> Any:
    _, height, width = frame.shape
    if width <= WIDTH_PX:
        return frame
    size = (WIDTH_PX, round(height * WIDTH_PX / width))
    planes = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in frame]
    return np.clip(np.stack(planes), 0, FULL).astype(np.uint16)


if __name__ == "__main__":
    command.run(main)
