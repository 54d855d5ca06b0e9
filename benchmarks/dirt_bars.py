"""The bars of dirt, hairs and scratches: what was promised, in its own words, and what was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from benchmarks import dirt_figures as figures
from benchmarks.dirt_figures import Figure
from benchmarks.kept import Kept, Result


@dataclass(frozen=True)
class Bar:
    """One promise."""

    words: str
    """As it was asked for."""
    measured_as: str
    """What exactly is compared."""
    figure: Callable[[Kept], Figure | None]
    bar: float
    at_least: bool = True
    stretch: float | None = None

    def met(self, value: float, bar: float) -> bool:
        """Whether a value holds a bar."""
        return value >= bar if self.at_least else value <= bar


_CLEAN = (
    "clean clips: mean masked ≤ 0.05 %, worst frame ≤ 0.5 %, and 0 on shots whose measured damage is under the gate"
)
_PSNR = "PSNR ≥ 48 dB on every clean clip, fast motion, rain, fireworks and animation included"
_SPEED = "≥ 8 frames/s at 640×272 and ≥ 1 frame/s at 1440×1080"
_TRACKS = "false tracks on scratch-free shots with vertical structures ≤ 1 in 20 shots"
_HAIR = "hair recall ≥ 0.6 at precision ≥ 0.85"
BARS = (
    Bar(
        "blind PSNR ≥ input + 13 dB on static/moderate motion, stretch + 15",
        "mean gain in dB over shots with dirt",
        figures.gain("dirt", figures.SLOW),
        13.0,
        stretch=15.0,
    ),
    Bar("≥ input + 6 dB on fast motion", "mean gain in dB over shots with dirt", figures.gain("dirt", ("fast",)), 6.0),
    Bar(
        "outside the true mask ≥ 44 dB, stretch 47",
        "blind, mean PSNR over shots with dirt of all motions",
        figures.outside,
        44.0,
        stretch=47.0,
    ),
    Bar(
        "with the true mask ≥ Telea with the true mask + 4.5 dB",
        "mean lead over shots with dirt",
        figures.ahead("telea"),
        4.5,
    ),
    Bar(
        "with the true mask ≥ weighted motion-compensated median + 1 dB",
        "mean lead over shots with dirt",
        figures.ahead("weighted_median"),
        1.0,
    ),
    Bar(
        "pixel AP ≥ 0.85 over all kinds ≥ 3 px",
        "raw maps, all kinds pooled, whichever map found it",
        figures.average_precision,
        0.85,
    ),
    Bar(
        "persistent scratches F1 ≥ 0.9 by track",
        "tracks of the plan against the simulator's lives",
        figures.track_f1,
        0.9,
    ),
    Bar(_TRACKS, "tracks a shot", figures.false_tracks, 0.05, at_least=False),
    Bar(_HAIR, "recall at the default threshold, as hair or dirt", figures.hair(1), 0.6),
    Bar(_HAIR, "precision at the default threshold, as hair or dirt", figures.hair(0), 0.85),
    Bar(_CLEAN, "mean share masked, gates off", figures.clean("masked_mean", np.mean), 0.0005, at_least=False),
    Bar(
        _CLEAN, "share masked of the worst frame, gates off", figures.clean("masked_worst", max), 0.005, at_least=False
    ),
    Bar(_CLEAN, "shots under the gate that changed", figures.changed_under_gate, 0.0, at_least=False),
    Bar(_PSNR, "worst shot as shipped, gates on (99: identical)", figures.clean("gated_db", min), 48.0),
    Bar(_PSNR, "worst shot with gates off (99: identical)", figures.clean("ungated_db", min), 48.0),
    Bar(
        "flicker of the repaired area (flow-compensated) ≤ 1.1 × that of its surround",
        "blind, mean ratio over shots with dirt",
        figures.flicker,
        1.1,
        at_least=False,
    ),
    Bar(
        "pixels outside the map bit-identical in the scan's own bit depth",
        "samples that differ, 8, 10 and 16 bit",
        figures.outside_samples,
        0.0,
        at_least=False,
    ),
    Bar(_SPEED, "frames/s at 640×272", figures.timed("640x272"), 8.0),
    Bar(_SPEED, "frames/s at 1440×1080", figures.timed("1440x1080"), 1.0),
    Bar(
        "not more than 2 × the time of ffmpeg nlmeans at its defaults on the same clip",
        "times its time, the worse of both sizes",
        figures.slowest_ratio,
        2.0,
        at_least=False,
    ),
    Bar("GPU where at hand: ≥ 24 frames/s at 2048×1556", "frames/s", figures.timed("2048x1556", "cuda"), 24.0),
)
"""What was promised."""


def judged(kept: Kept) -> list[Result]:
    """Every bar with what was measured, as JSON holds it; `met` is None where nothing was measured."""
    found = []
    for bar in BARS:
        figure = bar.figure(kept)
        one: Result = {"bar": bar.words, "measured as": bar.measured_as, "asked": bar.bar}
        if figure is None:
            found.append({**one, "measured": None, "met": None})
            continue
        one |= {"measured": round(figure.value, 7), "met": bar.met(figure.value, bar.bar)}
        if figure.ci95:
            one["ci95"] = [round(value, 4) for value in figure.ci95]
        if figure.cases:
            one["of"] = figure.cases
        if bar.stretch is not None:
            one |= {"stretch": bar.stretch, "stretch met": bar.met(figure.value, bar.stretch)}
        found.append(one)
    return found
