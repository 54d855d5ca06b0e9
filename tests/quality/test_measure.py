"""The measurements the rules stand on."""

from __future__ import annotations

import hashlib
import tracemalloc
from dataclasses import replace

import cv2
import numpy as np
import pytest

from restoration_tasks.media import framemd5
from restoration_tasks.media.picture import PictureFormat, frame_md5
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.measure import ReelMeter, Treatment
from restoration_tasks.quality.permits import Permit
from restoration_tasks.quality.pixels import spike_count
from restoration_tasks.quality.policy import policy
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.plan import PlannedShot, PlannedTreatment
from restoration_tasks.restoration.treatment import Shown


def measure(fmt, pairs, mask=None, shot="s001"):
    meter = ReelMeter(fmt, policy())
    nowhere = np.zeros((fmt.height, fmt.width), bool)
    rows = [
        meter.add(
            frame=number,
            scan_number=number,
            shot=shot,
            treatment=Treatment.GLOBAL,
            recorded_md5="",
            assembled_md5="",
            recorded_px=0,
            master=before,
            restored=after,
            mask=nowhere if mask is None else mask,
            mapped_share=0.0,
        )
        for number, (before, after) in enumerate(pairs)
    ]
    return meter, rows


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gbrp10le", "yuv420p", "yuv422p10le"])
def test_one_sample_changed_is_one_pixel_or_one_block(pix_fmt):
    fmt = PictureFormat(width=21, height=13, pix_fmt=pix_fmt)  # odd, so that chroma blocks are ragged
    planes = tuple(np.full(shape, 100, fmt.dtype) for shape in fmt.plane_shapes)
    for place, plane in enumerate(planes):
        changed = plane.copy()
        changed[-1, -1] += 1
        after = (*planes[:place], changed, *planes[place + 1 :])
        _, (row,) = measure(fmt, [(planes, after)])
        assert row.changed_px == row.outside_px == 1
        mask = np.zeros((13, 21), bool)
        mask[-1, -1] = True
        _, (row,) = measure(fmt, [(planes, after)], mask)
        assert (row.changed_px, row.outside_px) == (1, 0)


def test_a_pixel_changed_in_three_channels_counts_once():
    fmt = PictureFormat(width=8, height=8, pix_fmt="gbrp10le")
    before = tuple(np.full((8, 8), 100, np.uint16) for _ in range(3))
    after = tuple(plane.copy() for plane in before)
    for plane in after:
        plane[2, 3] = 0
    _, (row,) = measure(fmt, [(before, after)])
    assert row.changed_px == 1
    assert row.changed_share == pytest.approx(1 / 64)


def test_the_digest_is_ffmpegs(tmp_path):
    fmt = PictureFormat(width=32, height=24, pix_fmt="gbrp10le")
    rng = np.random.default_rng(5)
    frames = [tuple(rng.integers(0, 1024, (24, 32)).astype(np.uint16) for _ in range(3)) for _ in range(2)]
    with FrameWriter(tmp_path / "a.mkv", fmt) as writer:
        for frame in frames:
            writer.write(frame)
    assert framemd5.compute(tmp_path / "a.mkv") == tuple(frame_md5(frame) for frame in frames)
    assert frame_md5(frames[0]) == hashlib.md5(fmt.frame_to_bytes(frames[0])).hexdigest()


def grainy(number_of_frames: int, seed: int, sigma: float = 12.0):
    """A still, textured scene with grain of its own in each frame."""
    rng = np.random.default_rng(seed)
    scene = cv2.GaussianBlur(rng.uniform(0, 1, (144, 192)), (0, 0), 5)
    scene = 300 + 400 * (scene - scene.min()) / np.ptp(scene)
    grain = np.random.default_rng(seed + 1000)
    for _ in range(number_of_frames):
        yield (np.clip(scene + grain.normal(0, sigma, scene.shape), 0, 1023).astype(np.uint16),)


def test_grain_drawn_anew_stays_inside_the_tolerance():
    fmt = PictureFormat(width=192, height=144, pix_fmt="gray10le")
    for seed in range(6):
        one = list(grainy(12, seed, sigma=40.0))
        scene = [frame[0].astype(np.float32) for frame in one]
        fresh = np.random.default_rng(seed + 77)
        mean = np.mean(scene, axis=0)
        other = [(np.clip(mean + fresh.normal(0, 40.0, mean.shape), 0, 1023).astype(np.uint16),) for _ in one]
        meter, _ = measure(fmt, list(zip(one, other, strict=True)))
        (row,) = meter.shots_table().to_dict("records")
        assert row["spikes_after"] <= row["spikes_allowed"]


def test_a_still_scene_with_dirt_or_flicker_repaired_is_not_frozen():
    fmt = PictureFormat(width=96, height=72, pix_fmt="gray10le")
    still = next(grainy(1, 2))[0][:72, :96]
    dirty, flickering = [], []
    for number in range(4):
        speck = still.copy()
        speck[10 + 5 * number : 20 + 5 * number, 30:40] = 20
        dirty.append(((speck,), (still,)))
        flickering.append((((still * (1 + 0.05 * (-1) ** number)).astype(np.uint16),), (still,)))
    for pairs in (dirty, flickering):
        _, rows = measure(fmt, pairs)
        assert not any(row.frozen_added for row in rows)


def test_flicker_and_specks_are_told_apart():
    still = np.full((16, 16), 0.5, np.float32)
    assert spike_count(still, still * 1.2, still, 0.05) == 0
    gone = still.copy()
    gone[:3, :3] = 0.1
    assert spike_count(still, gone, still, 0.05) == 9
    assert spike_count(gone, gone, still, 0.05) == 0


def test_a_cut_starts_the_temporal_measures_afresh():
    fmt = PictureFormat(width=96, height=72, pix_fmt="gray10le")
    dark, light = np.full((72, 96), 200, np.uint16), np.full((72, 96), 800, np.uint16)
    meter = ReelMeter(fmt, policy())
    for number, (shot, plane) in enumerate([("s001", dark)] * 3 + [("s002", light)] * 3):
        meter.add(
            frame=number,
            scan_number=number,
            shot=shot,
            treatment=Treatment.GLOBAL,
            recorded_md5="",
            assembled_md5="",
            recorded_px=0,
            master=(plane,),
            restored=(plane,),
            mask=np.zeros(plane.shape, bool),
            mapped_share=0.0,
        )
    table = meter.shots_table()
    assert list(table["shot"]) == ["s001", "s002"]
    assert list(table["flicker_before"]) == [0, 0]
    assert list(table["spikes_before"]) == [0, 0]


def test_a_permit_allows_the_map_and_never_where_the_map_is_empty():
    fmt = PictureFormat(width=8, height=8, pix_fmt="gray")
    frame = (np.full((8, 8), 100, np.uint8),)
    found = np.zeros((8, 8), np.uint8)
    found[2, 2], found[3, 3] = 255, 60
    damage = replace(DamageMap.empty(found.shape), dirt=found)
    dirt = Permit.of(PlannedShot(shot=2, start=0, stop=4, treatments=(PlannedTreatment(name="dirt", why="w"),)))
    assert (dirt.shot, dirt.kind(0)) == ("s002", Treatment.MASKED)
    assert np.argwhere(dirt.mask(0, frame, damage, fmt)).tolist() == [[2, 2]]
    clean = Permit.of(PlannedShot(shot=1, start=0, stop=4))
    assert clean.kind(0) is Treatment.UNTOUCHED
    assert not clean.mask(0, frame, damage, fmt).any()


def test_the_most_far_reaching_treatment_names_the_shot():
    both = (
        PlannedTreatment(name="dirt", why="w"),
        PlannedTreatment(name="flicker", params={"gain": [1.0] * 4, "offset": [0.0] * 4}, why="w"),
    )
    assert Permit.of(PlannedShot(shot=3, start=0, stop=4, treatments=both)).kind(3) is Treatment.TONAL


UNEVEN = PlannedTreatment(
    name="flicker",
    params={
        "density": [0.03] * 4,
        "contrast": [1.02] * 4,
        "patterns": [{"nodes": [[-1.0, -0.3, 0.3, 1.0]] * 4, "density": [0.05] * 4}],
    },
    why="w",
)
FADE = PlannedTreatment(name="fade", params={"kept": [0.55, 0.9, 0.7], "base": [0.0, 0.02, 0.06]}, why="w")
FLICKER = PlannedTreatment(name="flicker", params={"gain": [1.1] * 4, "offset": [0.01] * 4}, why="w")


def faded_frame(pix_fmt="gbrp10le"):
    """A faded scene as planes, and its format."""
    from tests.assessment.test_fade import aged, scene

    shares = aged(scene(), (0.55, 0.9, 0.7), (0.0, 0.02, 0.06))
    red, green, blue = np.rint(shares.transpose(2, 0, 1) * 1023).astype(np.uint16)
    return (green, blue, red), PictureFormat(width=red.shape[1], height=red.shape[0], pix_fmt=pix_fmt)


def with_permit(permit, frame, fmt, restored, mask=None):
    meter = ReelMeter(fmt, policy())
    row = meter.add(
        frame=0,
        scan_number=0,
        shot=permit.shot,
        treatment=permit.kind(0),
        recorded_md5="",
        assembled_md5="",
        recorded_px=0,
        master=frame,
        restored=restored,
        mask=np.zeros((fmt.height, fmt.width), bool) if mask is None else mask,
        mapped_share=0.0,
        expected=permit.expected(0, frame, fmt),
    )
    return row, meter.shots_table().to_dict("records")[0]


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gbrp10le", "yuv420p"])
def test_light_evened_out_is_held_to_the_plans_numbers(pix_fmt):
    fmt = PictureFormat(width=42, height=26, pix_fmt=pix_fmt)
    rng = np.random.default_rng(4)
    top = fmt.max_code
    frame = tuple(rng.integers(top // 4, top // 2, shape).astype(fmt.dtype) for shape in fmt.plane_shapes)
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=(UNEVEN,)))
    assert permit.kind(0) is Treatment.LIGHT
    expected = permit.expected(0, frame, fmt)
    assert expected.basis is frame
    made = expected.whole
    row, shot = with_permit(permit, frame, fmt, made)
    assert row.off_plan_px == 0
    assert row.changed_px > 1000
    assert row.brightness_planned == row.brightness_before
    assert shot["fade_before"] == 0
    for wrong in (FLICKER, PlannedTreatment(name="flicker", params={**UNEVEN.params, "amount": 0.8}, why="w")):
        other = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=(wrong,)))
        applied = other.treatments[0].apply({0: Shown(0, fmt.to_work(frame), None, fmt)})
        assert with_permit(permit, frame, fmt, fmt.from_work(applied, frame))[0].off_plan_px > 100
    spoilt = tuple(plane.copy() for plane in made)
    spoilt[0][5:8, 5:8] += 1
    assert with_permit(permit, frame, fmt, spoilt)[0].off_plan_px == 9
    mask = np.zeros((26, 42), bool)
    mask[5:8, 5:8] = True
    assert with_permit(permit, frame, fmt, spoilt, mask)[0].off_plan_px == 0


@pytest.mark.parametrize("treatments", [(FADE,), (FADE, FLICKER), (FADE, UNEVEN)])
def test_colours_brought_back_are_held_to_the_plans_numbers(treatments):
    frame, fmt = faded_frame()
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=treatments))
    assert permit.kind(0) is Treatment.COLOUR
    made = permit.expected(0, frame, fmt).whole
    row, shot = with_permit(permit, frame, fmt, made)
    assert row.off_plan_px == 0
    assert abs(row.brightness_planned - row.brightness_before) > 0.03
    assert row.brightness_drift < (0.001 if treatments == (FADE,) else 0.1)
    assert shot["fade_after"] <= 5 < shot["fade_before"]
    other = tuple(plane.copy() for plane in made)
    other[0][5:8, 5:8] += 1
    assert with_permit(permit, frame, fmt, other)[0].off_plan_px == 9
    mask = np.zeros((fmt.height, fmt.width), bool)
    mask[5:8, 5:8] = True
    assert with_permit(permit, frame, fmt, other, mask)[0].off_plan_px == 0


def test_a_shot_that_comes_out_more_faded_is_seen():
    frame, fmt = faded_frame()
    clean = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=(FADE,))).expected(0, frame, fmt).whole
    wrong = PlannedTreatment(name="fade", params={"kept": [1.2, 0.8, 1.2]}, why="w")
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=(wrong,)))
    _, shot = with_permit(permit, clean, fmt, permit.expected(0, clean, fmt).whole)
    assert shot["fade_after"] > shot["fade_allowed"]


def test_brightness_evened_out_is_held_to_the_plans_numbers():
    frame, fmt = faded_frame()
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=(FLICKER,)))
    assert permit.kind(0) is Treatment.TONAL
    made = permit.expected(0, frame, fmt).whole
    assert with_permit(permit, frame, fmt, made)[0].off_plan_px == 0
    # Another factor is one curve as well, and not the plan's.
    other = tuple(np.asarray(np.minimum(plane * 1.05, 1023), np.uint16) for plane in made)
    row, _ = with_permit(permit, frame, fmt, other)
    assert row.off_curve_px == 0
    assert row.off_plan_px > 1000


def test_a_cast_is_told_from_a_change_of_brightness():
    frame, fmt = faded_frame()
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=4, treatments=(FLICKER,)))
    made = permit.expected(0, frame, fmt).whole
    brighter = tuple(plane + np.uint16(20) for plane in made)
    assert with_permit(permit, frame, fmt, brighter)[0].colour_drift < 1e-6
    swapped = (made[0], made[2], made[1])
    assert with_permit(permit, frame, fmt, swapped)[0].colour_drift > 0.05


def weaving(frames=10):
    """A still scene that weaves, as planes of ten bits, its format, and the moves that steady it."""
    from restoration_tasks.training.damage.weave import Weave

    fmt = PictureFormat(width=192, height=144, pix_fmt="gray10le")
    scene, damage = next(grainy(1, 3, sigma=0.0))[0], Weave(seed=2, x_px=6.0, y_px=4.0, rotation_deg=0.1)
    aged = list(damage.apply([scene[None]] * frames, bit_depth=10))
    truth = [one.truth.values[damage.kind] for one in aged]
    moves = {
        name: [-one[key] for one in truth] for name, key in (("x", "x_px"), ("y", "y_px"), ("turn", "rotation_deg"))
    }
    return [(one.picture[0],) for one in aged], fmt, moves


def measure_shot(meter, permit, frames, fmt, spoil=lambda place, made: made, mask=None):
    """Measure a shot that got what was planned, spoilt or not."""
    nothing = DamageMap.empty((fmt.height, fmt.width))
    for number, frame in enumerate(frames, permit.start):
        expected = permit.expected(number, frame, fmt)
        meter.add(
            frame=number,
            scan_number=number,
            shot=permit.shot,
            treatment=permit.kind(number),
            recorded_md5="",
            assembled_md5="",
            recorded_px=0,
            master=frame,
            restored=spoil(number, expected.whole),
            mask=permit.mask(number, frame, nothing if mask is None else mask, fmt),
            mapped_share=0.0,
            expected=expected,
        )


def steadied(frames, fmt, treatments, spoil=lambda place, made: made, mask=None):
    """The rows of a shot that got what was planned, spoilt or not, and the shot's row."""
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=len(frames), treatments=treatments))
    meter = ReelMeter(fmt, policy())
    measure_shot(meter, permit, frames, fmt, spoil, mask)
    return meter.frames_table(), meter.shots_table().to_dict("records")[0]


def stabilise(moves):
    return PlannedTreatment(name="stabilise", params=moves, why="w")


def test_a_steadied_frame_is_held_to_the_plans_numbers_and_trembles_less():
    frames, fmt, moves = weaving()
    table, shot = steadied(frames, fmt, (stabilise(moves),))
    assert set(table["treatment"]) == {"moved"}
    assert (table["off_plan_px"] == 0).all()
    assert (table["outside_px"] > 1000).all()
    assert shot["weave_before"] > 3
    assert shot["weave_after"] < 0.3 * shot["weave_before"]

    def one_pixel(place, made):
        other = made[0].copy()
        other[60, 80] += place == 3
        return (other,)

    table, _ = steadied(frames, fmt, (stabilise(moves),), one_pixel)
    assert table["off_plan_px"].tolist() == [0, 0, 0, 1, *[0] * 6]


def test_a_shot_that_is_shaken_is_seen():
    frames, fmt, moves = weaving()
    wrong = {name: [-value for value in values] for name, values in moves.items()}
    _, shot = steadied(frames, fmt, (stabilise(wrong),))
    assert shot["weave_after"] > shot["weave_allowed"]


def test_of_a_shot_that_is_over_no_frames_are_held():
    """The readers of weave and dyes keep the last frames they saw, and a reel has hundreds of shots."""
    frames, fmt, moves = weaving()
    meter, held = ReelMeter(fmt, policy()), []
    tracemalloc.start()
    try:
        for shot in range(4):
            start = shot * len(frames)
            plan = PlannedShot(shot=shot + 1, start=start, stop=start + len(frames), treatments=(stabilise(moves),))
            measure_shot(meter, Permit.of(plan), frames, fmt)
            held.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert (held[-1] - held[1]) / 2 < fmt.frame_bytes / 2
    assert (meter.shots_table()["weave_before"] > 1).sum() == 4


def test_a_repair_moves_with_its_frame_and_nothing_beside_it_may_change():
    frames, fmt, moves = weaving()
    found = np.zeros((fmt.height, fmt.width), np.uint8)
    found[40:50, 60:70] = 255
    damage = replace(DamageMap.empty(found.shape), dirt=found)
    dirt = PlannedTreatment(name="dirt", params={"engine": "classical"}, why="w")
    plan = (dirt, stabilise(moves))

    def repaired(place, _):
        permit = Permit.of(PlannedShot(shot=1, start=0, stop=len(frames), treatments=(stabilise(moves),)))
        other = frames[place][0].copy()
        other[40:50, 60:70] = 500
        return permit.expected(place, (other,), fmt).whole

    table, _ = steadied(frames, fmt, plan, repaired, damage)
    assert (table["off_plan_px"] == 0).all()

    def elsewhere(place, made):
        other = repaired(place, made)[0].copy()
        other[100:103, 60:70] += 1
        return (other,)

    table, _ = steadied(frames, fmt, plan, elsewhere, damage)
    assert (table["off_plan_px"] == 30).all()


def test_a_shot_left_alone_is_untouched():
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=9, treatments=(stabilise({"x": [], "y": [], "turn": []}),)))
    assert permit.kind(4) is Treatment.UNTOUCHED
    mixed = Permit.of(
        PlannedShot(shot=1, start=0, stop=2, treatments=(stabilise({"x": [0, 1], "y": [0, 0], "turn": [0, 0]}),))
    )
    assert [mixed.kind(0), mixed.kind(1)] == [Treatment.UNTOUCHED, Treatment.MOVED]


def test_where_grain_is_lessened_a_pixel_may_change_by_what_grain_can_be():
    fmt = PictureFormat(width=96, height=72, pix_fmt="gray10le")
    rng = np.random.default_rng(5)
    frames = [(np.asarray(rng.normal(500, 20, (72, 96)), np.uint16),) for _ in range(5)]
    grain = PlannedTreatment(
        name="grain", params={"sigma": [0.02] * 3, "keep": 0.5, "engine": "time"}, why="50 % less grain was asked for."
    )
    permit = Permit.of(PlannedShot(shot=1, start=0, stop=5, treatments=(grain,)))
    assert permit.kind(2) is Treatment.GLOBAL
    most = int(0.5 * 4 * 0.02 * 1023)  # half of four deviations

    def spoilt(place, made):
        other = made[0].copy()
        other[10, 10:13] += np.array([most, most + 1, most + 3], np.uint16)
        return (other,) if place == 2 else made

    table, _ = steadied(frames, fmt, (grain,), spoilt)
    assert table["off_plan_px"].tolist() == [0, 0, 1, 0, 0]
