"""The simulator tells the truth: masks, curves, seeds, streaming and ranges."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from restoration_tasks.training.damage import (
    Damage,
    DamageKind,
    Dirt,
    Fade,
    Flicker,
    Grain,
    Hair,
    MissingFrames,
    Scratch,
    Stain,
    Tear,
    Weave,
)

cv2.setNumThreads(1)
HEIGHT, WIDTH, BITS = 72, 96, 10

# Strong enough that every one of them shows on a picture of 96 × 72 within a few frames.
LOCAL = [
    Dirt(area=(0.02, 0.04), radius_px=8, largest_px=30, seed=1),
    Hair(strands=2.0, gate_hairs=1.0, gate_frames=(4, 9), width_px=(2, 4), seed=2),
    Scratch(lines=2.0, frames=(3, 12), rain=2.0, seed=3),
    Stain(patches=2.0, frames=(3, 9), seed=4),
    Tear(tears=0.8, pull_px=(15, 30), seed=5),
]
GLOBAL = [
    Flicker(density_sd=0.06, contrast_sd=0.02, local_sd=0.02, seed=6),
    Weave(x_px=4, y_px=3, rotation_deg=0.3, seed=7),
    Fade(seed=8),
    Grain(sigma=0.03, seed=9),
]
MISSING = MissingFrames(drop_rate=0.3, repeat_rate=0.3, seed=10)


def clip(frames: int = 8, *, channels: int = 3, bits: int = BITS) -> np.ndarray:
    """A moving pattern of middle tones with detail, `(frames, C, H, W)`."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    waves = [np.sin((x + 2 * t) / 5) * np.cos(y / 7 + c) for t in range(frames) for c in range(channels)]
    picture = (0.45 + 0.25 * np.array(waves)).reshape(frames, channels, HEIGHT, WIDTH)
    return np.rint(picture * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)


def identify(damage) -> str:
    return str(damage.kind)


@pytest.mark.parametrize("damage", LOCAL, ids=identify)
def test_outside_its_mask_a_local_damage_changes_nothing(damage):
    clean = clip()
    touched = 0
    for frame in damage.apply(clean, bit_depth=BITS):
        changed = (frame.picture != clean[frame.truth.source]).any(axis=0)
        mask = frame.truth.mask(damage.kind)
        if mask is None:
            assert not changed.any()
            continue
        assert mask.shape == (HEIGHT, WIDTH)
        assert mask.dtype == bool
        assert not (changed & ~mask).any()
        touched += int(changed.sum())
    assert touched > 20


@pytest.mark.parametrize("damage", LOCAL[:3], ids=identify)
def test_most_of_a_mask_is_really_damaged(damage):
    clean = clip()
    masked = changed = 0
    for frame in damage.apply(clean, bit_depth=BITS):
        mask = frame.truth.mask(damage.kind)
        masked += int(mask.sum())
        changed += int((frame.picture != clean[frame.truth.source]).any(axis=0)[mask].sum())
    assert changed > 0.95 * masked > 0


@pytest.mark.parametrize("damage", [*LOCAL, *GLOBAL, MISSING], ids=identify)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(damage):
    clean = clip()

    def render(seed: int) -> bytes:
        return b"".join(frame.picture.tobytes() for frame in replace(damage, seed=seed).apply(clean, bit_depth=BITS))

    assert render(5) == render(5)
    if damage.kind is not DamageKind.FADE:  # fading has no chance in it
        assert render(5) != render(6)


@pytest.mark.parametrize("damage", [*LOCAL, *GLOBAL], ids=identify)
def test_a_clip_damaged_in_pieces_equals_the_clip_damaged_whole(damage):
    clean = clip()
    whole = list(Damage([damage], seed=3).apply(clean, bit_depth=BITS))
    for index in reversed(range(len(clean))):  # alone, and last frame first
        (alone,) = Damage([damage], seed=3).apply([clean[index]], bit_depth=BITS, first=index)
        assert_array_equal(alone.picture, whole[index].picture)
        assert alone.truth.source == index


def test_frames_are_taken_one_at_a_time():
    taken = []

    def frames():
        for index, frame in enumerate(clip(6)):
            taken.append(index)
            yield frame

    aged = Damage([Flicker(), Dirt(), Hair()], seed=1).apply(frames(), bit_depth=BITS)
    for index in range(6):
        next(aged)
        assert len(taken) <= index + 1 + 1


@pytest.mark.parametrize("area", [(0.01, 0.015), (0.02, 0.03), (0.1, 0.12)])
def test_dirt_covers_the_share_asked_for(area):
    for frame in Dirt(area=area, radius_px=4, seed=2).apply(clip(6), bit_depth=BITS):
        share = frame.truth.area(DamageKind.DIRT)
        assert area[0] - 1 / (HEIGHT * WIDTH) <= share <= area[1]
        assert share == pytest.approx(frame.truth.values[DamageKind.DIRT]["area"])


def test_dirt_has_both_polarities_and_lies_on_one_frame_only():
    clean = clip()
    aged = list(Dirt(area=(0.03, 0.05), translucent_share=0, seed=4).apply(clean, bit_depth=BITS))
    lighter = darker = 0
    for frame in aged:
        step = frame.picture.astype(int).mean(axis=0) - clean[frame.truth.source].mean(axis=0)
        lighter, darker = lighter + int((step > 60).sum()), darker + int((step < -60).sum())
    assert lighter > 50
    assert darker > 50
    for before, after in pairwise(aged):
        shared = before.truth.mask() & after.truth.mask()
        assert shared.mean() < 0.5 * before.truth.mask().mean()


def test_flicker_is_exactly_the_curve_it_tells():
    clean = clip(12)
    offsets = []
    for frame in Flicker(density_sd=0.04, seed=3).apply(clean, bit_depth=BITS):
        offset = frame.truth.values[DamageKind.FLICKER]["density_offset"]
        gain = frame.picture.sum() / clean[frame.truth.source].sum()
        assert gain == pytest.approx(10**-offset, rel=2e-3)
        offsets.append(offset)
    assert 0.01 < np.std(offsets) < 0.1


def test_flicker_has_the_spread_and_the_memory_asked_for():
    flicker = Flicker(density_sd=0.05, memory=0.6, seed=1)
    offsets = np.array([flicker.curve(index)[0] for index in range(800)])
    assert offsets.std() == pytest.approx(0.05, rel=0.15)
    assert np.corrcoef(offsets[1:], offsets[:-1])[0, 1] == pytest.approx(0.6, abs=0.1)


def test_weave_moves_the_picture_by_what_it_tells():
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    blob = np.exp(-((x - 48) ** 2 + (y - 36) ** 2) / 60.0)
    clean = np.repeat(np.rint(blob * 900).astype(np.uint16)[None, None], 6, axis=0)
    for frame in Weave(x_px=8, y_px=6, rotation_deg=0, seed=1).apply(clean, bit_depth=BITS):
        weight = frame.picture[0] / frame.picture[0].sum()
        told = frame.truth.values[DamageKind.WEAVE]
        assert (weight * x).sum() - 48 == pytest.approx(told["x_px"], abs=0.05)
        assert (weight * y).sum() - 36 == pytest.approx(told["y_px"], abs=0.05)


def test_weave_carries_earlier_masks_along():
    clean = clip(1)
    dirt, weave = Dirt(area=(0.03, 0.04), seed=1), Weave(x_px=10, y_px=0, rotation_deg=0, seed=3)
    still = next(iter(Damage([dirt], seed=3).apply(clean, bit_depth=BITS))).truth.mask()
    frame = next(iter(Damage([dirt, weave], seed=3).apply(clean, bit_depth=BITS)))
    moved = round(frame.truth.values[DamageKind.WEAVE]["x_px"])
    overlap = (np.roll(still, moved, axis=1) & frame.truth.mask()).sum() / still.sum()
    assert abs(moved) >= 1
    assert overlap > 0.9


def test_fade_keeps_the_share_of_density_it_tells():
    clean = clip(1)
    (frame,) = Fade(kept=(0.5, 0.9, 0.7), base=(0.0, 0.02, 0.06)).apply(clean, bit_depth=BITS)
    before, after = (-np.log10(np.maximum(p, 1) / 1023) for p in (clean[0], frame.picture))
    for channel, (kept, base) in enumerate(zip((0.5, 0.9, 0.7), (0.0, 0.02, 0.06), strict=True)):
        assert after[channel] == pytest.approx(before[channel] * kept + base, abs=2e-3)
    assert frame.truth.values[DamageKind.FADE]["kept_cyan"] == 0.5


def test_grain_is_strongest_in_the_middle_tones_and_correlated():
    def spread(level: float) -> tuple[float, float]:
        flat = np.full((1, 1, HEIGHT, WIDTH), level * 1023, np.uint16)
        (frame,) = Grain(sigma=0.03, size_px=6, seed=1).apply(flat, bit_depth=BITS)
        noise = frame.picture[0] / 1023 - level
        return float(noise.std()), float(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1])

    middle, light = spread(0.5), spread(0.9)
    assert middle[0] == pytest.approx(0.03, rel=0.15)
    assert light[0] < 0.8 * middle[0]
    assert middle[1] > 0.3


def test_a_scratch_persists_stays_steep_and_as_wide_as_asked():
    flat = np.full((30, 1, 405, 720), 500, np.uint16)
    damage = Scratch(lines=1.0, frames=(20, 40), width_px=(3, 10), broken_share=0, tilt_deg=4.5, wander_px=30, seed=5)
    middles = {}
    for index, frame in enumerate(damage.apply(flat, bit_depth=BITS)):
        mask = frame.truth.mask(DamageKind.SCRATCH)
        if frame.truth.values[DamageKind.SCRATCH]["lines"] == 1 and mask[[100, 300]].any(axis=1).all():
            assert 2 <= mask[200].sum() <= 12
            rows = np.flatnonzero(mask.any(axis=1))
            centres = np.array([np.flatnonzero(mask[row]).mean() for row in rows])
            assert np.degrees(np.arctan(abs(np.polyfit(rows, centres, 1)[0]))) < 5
            middles[index] = centres.mean()
    assert len(middles) >= 10
    consecutive = [abs(middles[i + 1] - middles[i]) for i in middles if i + 1 in middles]
    assert max(consecutive) < 25


def test_a_gate_hair_stays_where_it_is_rooted():
    flat = np.full((16, 1, 144, 192), 500, np.uint16)
    damage = Hair(strands=0, gate_hairs=1.5, gate_frames=(16, 16), width_px=(3, 4), seed=5)
    masks = [frame.truth.mask(DamageKind.HAIR) for frame in damage.apply(flat, bit_depth=BITS)]
    together = [(a & b).sum() / a.sum() for a, b in pairwise(masks) if a.any() and b.any()]
    assert len(together) >= 8
    assert np.median(together) > 0.3


def test_a_tear_tells_its_displacement():
    clean = clip(12)
    told = [frame.truth.values.get(DamageKind.TEAR) for frame in LOCAL[-1].apply(clean, bit_depth=BITS)]
    torn = [values for values in told if values]
    assert torn
    assert all(0 < np.hypot(values["x_px"], values["y_px"]) <= 30 * WIDTH / 720 for values in torn)


def test_missing_frames_say_which_clean_frame_each_one_shows():
    clean = clip(40)
    aged = list(MISSING.apply(clean, bit_depth=BITS))
    sources = [frame.truth.source for frame in aged]
    assert sources == sorted(sources)
    assert sources[0] == 0
    for frame in aged:
        assert_array_equal(frame.picture, clean[frame.truth.source])
    values = [frame.truth.values[DamageKind.MISSING] for frame in aged]
    repeats = sum(value["repeat"] for value in values)
    dropped = sum(value["dropped_before"] for value in values)
    assert repeats > 0
    assert dropped > 0
    assert len(aged) == sources[-1] + 1 - dropped + repeats


@pytest.mark.parametrize(("bits", "channels"), [(8, 3), (10, 1), (12, 3), (16, 1)])
def test_any_bit_depth_and_grey_work_and_stay_in_range(bits, channels):
    clean = clip(2, channels=channels, bits=bits)
    for frame in Damage([*GLOBAL, *LOCAL], seed=1).apply(clean, bit_depth=bits):
        assert frame.picture.dtype == clean.dtype
        assert frame.picture.shape == clean[0].shape
        assert frame.picture.max() < 2**bits


def test_floats_are_damaged_as_integers_are():
    codes = clip(2)
    floats = (codes / 1023).astype(np.float32)
    damage = Damage([Flicker(seed=1), Dirt(seed=2)], seed=1)
    for whole, real in zip(damage.apply(codes, bit_depth=BITS), damage.apply(floats), strict=True):
        assert_array_equal(whole.truth.mask(), real.truth.mask())
        assert abs(whole.picture / 1023 - real.picture).max() < 2 / 1023


def test_two_damages_of_one_kind_differ_and_unite_their_masks():
    clean = clip(1)
    twice = Damage([Dirt(seed=1), Dirt(seed=1)], seed=1)
    (frame,) = twice.apply(clean, bit_depth=BITS)
    (first,) = Damage([Dirt(seed=1)], seed=1).apply(clean, bit_depth=BITS)
    assert len({damage.seed for damage in twice.seeded()}) == 2
    assert (frame.truth.mask() | first.truth.mask() == frame.truth.mask()).all()
    assert frame.truth.mask().sum() > first.truth.mask().sum()


@pytest.mark.parametrize(
    "make",
    [
        lambda: Dirt(area=(0.03, 0.01)),
        lambda: Dirt(bright_share=1.2),
        lambda: Hair(strands=-1),
        lambda: Scratch(tilt_deg=6),
        lambda: Flicker(memory=1),
        lambda: Weave(x_px=99),
        lambda: Fade(kept=(0, 1, 1)),
        lambda: Grain(sigma=3),
        lambda: Stain(depth=(0, 9)),
        lambda: Tear(frames=(0, 1)),
        lambda: MissingFrames(drop_rate=0.9),
    ],
)
def test_parameters_out_of_range_are_refused(make):
    with pytest.raises(ValueError, match=r"is|are"):
        make()


@pytest.mark.parametrize(
    ("shape", "dtype", "bits"), [((2, 8, 8), np.uint16, 10), ((8, 8), np.uint8, 8), ((3, 8, 8), np.uint8, 10)]
)
def test_frames_that_are_no_pictures_are_refused(shape, dtype, bits):
    with pytest.raises(ValueError, match=r"\(C, H, W\)|do not fit"):
        list(Dirt().apply([np.zeros(shape, dtype)], bit_depth=bits))
