"""Fade: which dyes of a colour film have gone, how far, and what cast that leaves; grey, tinted and toned film.

Measured in density. Each dye holds back one channel: cyan red, magenta green, yellow blue. What cyan and yellow keep
against magenta is read by `dyes`; the lightest density of a channel is an upper bound of its base fog, and how far it
reaches from there is its density range.

Severity rests on what cyan *and* yellow have lost, the geometric mean of their log losses: dark fading takes both,
while an evening sun or a warm lamp raises one where it lowers the other, and a green field raises both.

    loss = √(ln kept_cyan · ln kept_yellow)
    severity = 5 · loss / 0.15                              up to a loss of 0.15 (14 %)
               5 + 95 · (1 − e^(−(loss − 0.15) / 0.3))      above

Scenes that have not faded reach 0.14 (thirty of them, each judged by what the others taught).

What it cannot tell: a loss of all dyes alike (a shot without contrast looks the same); a loss of magenta alone (green
scenes do); base fog where the shot has no white. A red cast is dyes that have gone, no proof that the acetate decays.

Film is grey where its three channels lie on one curve. If that curve is not the neutral one the film was tinted (its
lights are coloured) or toned (its shadows are): the words of P. Read, M.-P. Meyer, "Restoration of Motion Picture
Film", 2000.
A colourless scene on faded colour film looks like magenta toning, which was rare, and is taken for the fade it may be.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.dyes import NOTHING_TOLD, Dyes, dyes
from restoration_tasks.assessment.gauge import Category, Gauge, ShotFacts, Verdict
from restoration_tasks.assessment.glance import Glances
from restoration_tasks.restoration.densities import density

WIDE_PX = 144
"""Width at which the dyes are read: a fifth of a glance's, which is quick to make."""
LIGHTEST, DARKEST = 0.002, 0.995
"""Quantiles of density that stand for clear film and for the deepest black."""
CURVE_PX = 48
"""Width at which the channels are held against one curve a second time. There grain and noise are gone; but the means
of fine drawing lie off the curve of toned film, so the better of the two counts."""
ONE_CURVE = 0.03
"""Largest mean distance from the curve, as a share of the channel's own standard deviation, that is still grey film.
Toned grey photographs reach 0.03, colour scenes start at 0.04 (a night side of the earth) and 0.06 (the others)."""
SHALLOW = 0.1
"""Density range under which there is no picture to read."""
TINT = 0.04
"""Spread of the lightest densities from which grey film is tinted; 9 % of light."""
TONE = 0.08
"""Log ratio of the channels' slopes from which it is toned."""
LEVEL = 0.01
"""Mean difference of the channels' densities up to which they agree: some code values of 8 bits in the middle."""
TONES, FEWEST_TONES = 12, 5
"""Steps the range is cut into, and how many of them must hold a fiftieth of the picture to make a curve. Two colours,
a title on its ground, lie on one line whatever they are."""
DEEPEST = 2.0
"""Densities past this are left out of the curve: scans hold little but noise there."""
UNNOTICED = 0.15
SCALE = 0.3
"""The law's two constants."""
NEUTRALS = 0.25
"""Share of neutral pixels from which they carry the reading whole."""
ENOUGH = 0.02
"""Mean evidence under which nothing is said."""
MIDDLE = 0.7
"""Density of the grey whose colour names a cast."""
HUES = (
    (18.0, "red"),
    (48.0, "amber"),
    (70.0, "yellow"),
    (165.0, "green"),
    (200.0, "cyan"),
    (255.0, "blue"),
    (292.0, "purple"),
    (340.0, "magenta"),
    (360.0, "red"),
)
"""Upper ends of the hues in degrees, red at 0."""
CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class FadeReading:
    """Of one frame. Grey scans have the same in every channel."""

    base_red: float
    base_green: float
    base_blue: float
    """Lightest density, 0–3.6."""
    range_red: float
    range_green: float
    range_blue: float
    """How much darker the darkest is, 0–3.6."""
    log_cyan: float
    log_yellow: float
    """Natural logarithms of the share of density these dyes keep against magenta, −2.4–0."""
    unsure: float
    """Standard deviation of these logarithms."""
    evidence: float
    """0–1: how much of the picture they rest on."""
    neutral: float
    """Share of it that comes out neutral, 0–1."""
    off_curve: float
    """How far the channels are from one curve, as a share of their standard deviation; 0 is grey film."""
    slope_red: float
    slope_blue: float
    """Natural logarithms of how steep red and blue run against green, −3–3."""


class FadeGauge(Gauge[FadeReading]):
    """Reads the dyes of a frame."""

    category: ClassVar[Category] = Category.FADE
    reading: ClassVar[type[FadeReading]] = FadeReading

    def read(self, window: Glances) -> FadeReading:
        """Read one frame."""
        rows, transfer = window[0].rows, window[0].transfer
        narrow = _narrowed(rows, WIDE_PX)
        small = density(narrow, transfer)
        light, dark = np.quantile(small.reshape(-1, small.shape[2]), (LIGHTEST, DARKEST), axis=0).astype(np.float32)
        found, curve = replace(NOTHING_TOLD, evidence=1.0, neutral=1.0), (0.0, 0.0, 0.0)
        if rows.shape[2] == 3:
            found, curve = dyes(small, light), _curve(small[::3, ::3].reshape(-1, 3))
            smoothed = _curve(density(_narrowed(narrow, CURVE_PX), transfer).reshape(-1, 3))
            curve = (min(curve[0], smoothed[0]), *curve[1:])
        return _reading(light, dark - light, found, curve)

    def judge(self, rows: Sequence[FadeReading], shot: ShotFacts) -> Verdict:
        """Medians of the frames that have something to read; base is that of the lightest tenth."""
        base = [float(np.quantile([getattr(row, f"base_{name}") for row in rows], 0.1)) for name in CHANNELS]
        ranges = [float(np.median([getattr(row, f"range_{name}") for row in rows])) for name in CHANNELS]
        seen = [
            place
            for place, row in enumerate(rows)
            if row.evidence >= ENOUGH and max(row.range_red, row.range_green, row.range_blue) >= SHALLOW
        ]
        figures: dict[str, float | int | bool | str | None] = {
            f"{what}_{name}_density": round(value, 4)
            for what, values in (("base", base), ("range", ranges))
            for name, value in zip(CHANNELS, values, strict=True)
        }
        if not seen:
            figures |= {"grey": shot.scan.grey}
            return Verdict(self.category, 0.0, 0.0, "There is too little picture to read the dyes by.", figures)
        shown = [rows[place] for place in seen]
        slopes = _median(shown, "slope_red"), _median(shown, "slope_blue")
        grey = shot.scan.grey or _median(shown, "off_curve") <= ONE_CURVE
        figures |= {"grey": grey}
        if grey and not slopes[0] <= slopes[1] < -TONE / 2:
            return self._grey(base, slopes, figures)
        logs = _median(shown, "log_cyan"), _median(shown, "log_yellow")
        loss = float(np.sqrt(logs[0] * logs[1]))
        severity = fade_severity(loss)
        carried = min(_median(shown, "neutral") / NEUTRALS, 1.0) * np.exp(-_median(shown, "unsure") / SCALE)
        confidence = float(carried) * len(seen) / len(rows) * (0.5 if grey else 1.0)
        cyan, yellow = (float(np.exp(log)) for log in logs)
        cast = _hue([fog - min(base) + MIDDLE * kept for fog, kept in zip(base, (cyan, 1.0, yellow), strict=True)])
        faded = severity > 5.0
        figures |= {
            "cyan_gamma": round(cyan, 4),
            "magenta_gamma": 1.0,
            "yellow_gamma": round(yellow, 4),
            "log_loss": round(loss, 4),
            "cast": cast if faded else None,
            "dye": ("cyan" if cyan <= yellow else "yellow") if faded else None,
        }
        worst = min(seen, key=lambda place: rows[place].log_cyan + rows[place].log_yellow)
        words = (
            f"Cyan keeps {100 * cyan:.0f} % and yellow {100 * yellow:.0f} % of the density magenta keeps: a {cast} "
            "cast from dyes that fade, which is no sign of acetate decay."
            if faded
            else "The dyes stand level with each other."
        )
        return Verdict(self.category, severity, confidence, words, figures, shot.start + worst if faded else None)

    def _grey(
        self,
        base: Sequence[float],
        slopes: tuple[float, float],
        figures: dict[str, float | int | bool | str | None],
    ) -> Verdict:
        """Silver does not fade; what colour there is was put there."""
        toned = max(abs(slope) for slope in slopes) >= TONE
        tinted = max(base) - min(base) >= TINT
        steep = [float(np.exp(slope)) for slope in (slopes[0], 0.0, slopes[1])]
        depth = MIDDLE / max(steep) if toned else 0.0
        hue = _hue([fog - min(base) + depth * slope for fog, slope in zip(base, steep, strict=True)])
        if toned and hue == "amber":
            hue = "sepia"
        way = "toned" if toned else "tinted" if tinted else None
        figures |= {"tint": hue if way else None, "colouring": way}
        words = f"Grey film, {way} {hue}." if way else "Grey film: there are no dyes to fade."
        return Verdict(self.category, 0.0, 1.0, words, figures)


def fade_severity(loss: float) -> float:
    """0 … 100 of a log loss, by the law above: 5 at 0.15, 51 at 0.35, 90 at 0.82."""
    if loss <= UNNOTICED:
        return 5.0 * max(loss, 0.0) / UNNOTICED
    return float(5.0 + 95.0 * (1.0 - np.exp(-(loss - UNNOTICED) / SCALE)))


def _reading(
    light: NDArray[np.float32], reach: NDArray[np.float32], found: Dyes, curve: tuple[float, float, float]
) -> FadeReading:
    base, ranges = np.broadcast_to(light, 3), np.broadcast_to(reach, 3)
    return FadeReading(
        base_red=float(base[0]),
        base_green=float(base[1]),
        base_blue=float(base[2]),
        range_red=float(ranges[0]),
        range_green=float(ranges[1]),
        range_blue=float(ranges[2]),
        log_cyan=found.cyan,
        log_yellow=found.yellow,
        unsure=found.unsure,
        evidence=found.evidence,
        neutral=found.neutral,
        off_curve=curve[0],
        slope_red=curve[1],
        slope_blue=curve[2],
    )


def _median(rows: Sequence[FadeReading], name: str) -> float:
    return float(np.median([getattr(row, name) for row in rows]))


def _narrowed(rows: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """`(h, w, C)` shares brought to a width, or as wide as they are."""
    if rows.shape[1] <= width:
        return rows
    size = (width, max(round(rows.shape[0] * width / rows.shape[1]), 1))
    return np.asarray(cv2.resize(rows, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], rows.shape[2]))


def _curve(densities: NDArray[np.float32]) -> tuple[float, float, float]:
    """How far red and blue lie off a cubic in green, and the logarithms of their spread against green's.

    The distance is 1 where there are too few tones to tell, 0 where the channels agree.
    """
    values = np.minimum(densities, DEEPEST).astype(np.float64)
    if np.abs(values[:, ::2] - values[:, 1:2]).mean(axis=0).max() <= LEVEL:
        return 0.0, 0.0, 0.0
    spread = np.maximum(values.std(axis=0), 0.02)
    green = (values[:, 1] - values[:, 1].mean()) / spread[1]
    powers = np.vander(green, 4)
    curves = powers @ np.linalg.lstsq(powers, values[:, ::2], rcond=None)[0]
    off = np.abs(values[:, ::2] - curves).mean(axis=0) / spread[::2]
    slopes = np.log(spread[::2] / spread[1])
    tones = np.histogram(values[:, 1], TONES)[0]
    known = np.count_nonzero(tones >= len(values) / 50) >= FEWEST_TONES
    return float(off.max()) if known else 1.0, float(slopes[0]), float(slopes[1])


def _hue(densities: Sequence[float]) -> str:
    """The name of the colour light has behind these densities of red, green and blue."""
    red, green, blue = (10.0**-density for density in densities)
    degrees = 360.0 * colorsys.rgb_to_hls(red, green, blue)[0]
    return next(name for end, name in HUES if degrees <= end)
