from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.dyes import dyes
from restoration_tasks.assessment.fade import FadeGauge, fade_severity
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.training.damage import Fade
from tests.assessment.glances import glance

HEIGHT, WIDTH = 180, 320
STRENGTHS = [
    ((0.92, 0.98, 0.95), (0.0, 0.005, 0.01)),
    ((0.82, 0.96, 0.9), (0.0, 0.01, 0.02)),
    ((0.7, 0.93, 0.82), (0.0, 0.015, 0.04)),
    ((0.55, 0.9, 0.7), (0.0, 0.02, 0.06)),
    ((0.42, 0.85, 0.55), (0.01, 0.03, 0.09)),
    ((0.3, 0.8, 0.4), (0.01, 0.04, 0.12)),
]


def smooth(rng, size):
    field = rng.random((size, size * 2), dtype=np.float32)
    return cv2.resize(field, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def scene(seed=0):
    """Things of many colours under light that falls off, with a white and a black among them."""
    rng = np.random.default_rng(seed)
    light = 10 ** -(1.5 * np.clip(smooth(rng, 12), 0, 1))
    picture = np.repeat(light[..., None], 3, axis=2)
    for colour in ((0.5, 0.1, 0.0), (0.0, 0.15, 0.4), (0.1, 0.0, 0.3), (0.0, 0.4, 0.2), (0.3, 0.0, 0.15)):
        picture[smooth(rng, 8) > 0.75] *= 10 ** -np.float32(colour)
    picture[:12, :40], picture[-12:, :40] = 0.99, 0.02
    return picture.astype(np.float32)


def grey(seed=1):
    rng = np.random.default_rng(seed)
    return np.clip(smooth(rng, 9) * smooth(rng, 40), 0.03, 0.97)[..., None].astype(np.float32)


def aged(picture, kept, base):
    codes = np.rint(picture.transpose(2, 0, 1) * 1023).astype(np.uint16)
    frame = next(iter(Fade(kept=kept, base=base).apply([codes], bit_depth=10)))
    return frame.picture.transpose(1, 2, 0).astype(np.float32) / 1023


def judge(*pictures):
    gauge = FadeGauge()
    rows = [gauge.read({0: glance(picture, at)}) for at, picture in enumerate(pictures)]
    return gauge.judge(rows, ShotFacts(1, 20, 20 + len(rows), Scanned(WIDTH, HEIGHT, 24.0, pictures[0].shape[2] == 1)))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_kept_shares_and_base_of_a_faded_picture_are_measured(seed):
    kept, base = STRENGTHS[3]
    verdict = judge(aged(scene(seed), kept, base), aged(scene(seed), kept, base))
    assert verdict.figures["cyan_gamma"] == pytest.approx(kept[0] / kept[1], rel=0.1)
    assert verdict.figures["yellow_gamma"] == pytest.approx(kept[2] / kept[1], rel=0.1)
    for name, fog in zip(("red", "green", "blue"), base, strict=True):
        assert verdict.figures[f"base_{name}_density"] == pytest.approx(fog, abs=0.02)
    assert verdict.figures["cast"] in {"red", "magenta", "purple"}
    assert verdict.figures["dye"] == "cyan"
    assert verdict.worst_frame in {20, 21}
    assert verdict.confidence > 0.5
    assert "no sign of acetate decay" in verdict.words


def test_severity_grows_with_every_strength_and_a_clean_picture_has_none():
    clean = judge(scene())
    severities = [clean.severity, *(judge(aged(scene(), *strength)).severity for strength in STRENGTHS)]
    assert severities == sorted(severities)
    assert clean.severity <= 5
    assert clean.worst_frame is None
    assert severities[3] > 5
    assert severities[6] > 80


def test_the_density_range_of_each_dye_is_in_density():
    ramp = 10 ** -np.linspace(0.1, 1.7, WIDTH, dtype=np.float32)
    picture = np.tile(ramp[None, :, None], (HEIGHT, 1, 3))
    reading = FadeGauge().read({0: glance(aged(picture, (0.5, 1.0, 0.75), (0.0, 0.0, 0.1)))})
    assert [reading.range_red, reading.range_green, reading.range_blue] == pytest.approx([0.8, 1.6, 1.2], abs=0.05)
    assert reading.base_blue == pytest.approx(0.175, abs=0.01)


@pytest.mark.parametrize("channels", [1, 3])
def test_grey_film_is_grey_however_it_was_scanned(channels):
    verdict = judge(np.repeat(grey(), channels, axis=2))
    assert (verdict.figures["grey"], verdict.figures["colouring"], verdict.severity) == (True, None, 0.0)
    assert not judge(scene()).figures["grey"]


@pytest.mark.parametrize(
    ("light", "name"),
    [((1.0, 0.8, 0.4), "amber"), ((0.45, 0.6, 1.0), "blue"), ((1.0, 0.4, 0.35), "red"), ((0.5, 1.0, 0.55), "green")],
)
def test_a_tint_is_named_and_is_no_fade(light, name):
    rng = np.random.default_rng(4)
    picture = grey() * np.float32(light) + rng.normal(0, 0.004, (HEIGHT, WIDTH, 3)).astype(np.float32)
    verdict = judge(picture)
    assert (verdict.figures["tint"], verdict.figures["colouring"]) == (name, "tinted")
    assert verdict.severity == 0


@pytest.mark.parametrize(
    ("powers", "name"), [((0.8, 1.0, 1.4), "sepia"), ((1.5, 1.2, 1.0), "blue"), ((1.0, 1.3, 0.9), "purple")]
)
def test_a_tone_is_named_and_is_no_fade(powers, name):
    verdict = judge(grey() ** np.float32(powers))
    assert (verdict.figures["tint"], verdict.figures["colouring"]) == (name, "toned")
    assert verdict.severity == 0


def test_a_colourless_scene_on_faded_colour_film_may_be_a_fade():
    verdict = judge(aged(np.repeat(grey(), 3, axis=2), *STRENGTHS[4]))
    assert verdict.severity > 40
    assert verdict.confidence <= 0.5


def test_a_sunset_is_not_faded():
    rng = np.random.default_rng(5)
    height = np.linspace(1, 0, HEIGHT, dtype=np.float32)[:, None, None]
    sky = 10 ** -(np.float32([0.02, 0.12, 0.3]) + height * np.float32([0.45, 0.75, 0.9]))
    sky = np.tile(sky, (1, WIDTH, 1)) * (0.85 + 0.15 * smooth(rng, 10)[..., None])
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    sky[np.hypot(x - 200, y - 130) < 12] = 0.99
    hills = y > 150 + 12 * np.sin(x / 30)
    sky[hills] = 0.03 + 0.02 * smooth(rng, 30)[hills, None] * np.float32([1.2, 1.0, 0.8])
    assert judge(sky.astype(np.float32)).severity <= 5


def test_a_night_with_coloured_lamps_is_not_faded():
    rng = np.random.default_rng(6)
    night = 0.02 + 0.05 * smooth(rng, 12)[..., None] * np.float32([0.7, 0.85, 1.3])
    for _ in range(40):
        lamp = np.zeros((HEIGHT, WIDTH), np.float32)
        cv2.circle(lamp, tuple(int(v) for v in rng.integers(5, (WIDTH - 5, HEIGHT - 5))), 3, 1.0, -1)
        night += cv2.GaussianBlur(lamp, (0, 0), 3)[..., None] * np.float32([1.0, 0.75, 0.4])
    assert judge(np.clip(night, 0, 1)).severity <= 5


def test_two_colours_of_a_title_are_too_little_to_tell():
    picture = np.full((HEIGHT, WIDTH, 3), (0.2, 0.25, 0.3), np.float32)
    picture[80:90, 100:220] = (0.95, 0.85, 0.1)
    verdict = judge(picture)
    assert not verdict.figures["grey"]
    assert verdict.severity <= 5


def test_frames_without_a_picture_do_not_count():
    kept, base = STRENGTHS[5]
    black = np.full((HEIGHT, WIDTH, 3), 0.02, np.float32)
    faded = aged(scene(), kept, base)
    alone, among = judge(faded), judge(faded, black, black)
    assert among.severity == alone.severity
    assert among.confidence == pytest.approx(alone.confidence / 3)
    assert judge(black).confidence == 0


def test_nothing_is_told_without_density():
    assert dyes(np.zeros((20, 30, 3), np.float32), np.zeros(3, np.float32)).evidence == 0


def test_the_law_of_severity():
    assert fade_severity(0.0) == 0
    assert fade_severity(0.15) == pytest.approx(5)
    assert fade_severity(0.82) == pytest.approx(90, abs=1)
