from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.quality.permits import Permit
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.stains import FARTHEST, StainParams, StainRemoval
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.runtime.errors import PlanError
from tests.restoration.moving import GREY, moving_clip, write_master

RGB = replace(GREY, pix_fmt="gbrp10le")
AT, RADIUS = (60, 48), 24
BROWN = (0.8, 1.0, 1.4)


def field():
    """What a stain adds, 0 at its rim to 1, `(H, W)`."""
    y, x = np.mgrid[0 : GREY.height, 0 : GREY.width]
    body = np.clip((1 - np.hypot(x - AT[0], y - AT[1]) / RADIUS) / 0.5, 0, 1)
    return body * body * (3 - 2 * body)


def stained(clip, frames, depth=0.25, colour=(1.0, 1.0, 1.0)):
    """The clip with a stain on some frames, each a little deeper than the one before."""
    made = clip.astype(np.float64)
    for number in frames:
        deep = depth * (1 + 0.02 * (number - min(frames)))
        tint = np.array(colour[: clip.shape[1]])[:, None, None]
        made[number] *= 10 ** -(deep * tint * field())
    return np.clip(np.rint(made), 0, GREY.max_code).astype(clip.dtype)


def outline(wider=6):
    angles = np.arange(0, 2 * np.pi, 0.2).tolist()
    return [[float(AT[0] + (RADIUS + wider) * np.cos(a)), float(AT[1] + (RADIUS + wider) * np.sin(a))] for a in angles]


def patch(first, last):
    return {"first": first, "last": last, "polygon": outline()}


def shown(clip, fmt=GREY):
    return [Shown(number, picture, None, fmt) for number, picture in enumerate(clip)]


def cleaned(clip, middle, first, last, fmt=GREY, **params):
    treatment = StainRemoval(StainParams.model_validate({"patches": [patch(first, last)]} | params))
    frames = shown(clip, fmt)
    around = range(max(middle - treatment.radius, 0), min(middle + treatment.radius + 1, len(clip)))
    return treatment.apply({at - middle: frames[at] for at in around})


def error(one, other, where):
    return float(np.sqrt(np.mean(np.square(one[:, where].astype(float) - other[:, where]))))


@pytest.mark.parametrize("step", [0.0, 1.3, 4.0])
def test_a_stain_is_taken_off_and_what_lies_below_it_stays(step):
    clean = moving_clip(20, step=step)
    damaged = stained(clean, range(5, 14))
    made = cleaned(damaged, 9, 5, 13)
    inside = field() > 0.05
    before, after = error(damaged[9], clean[9], inside), error(made, clean[9], inside)
    hole = inside.astype(np.uint8)
    telea = cv2.inpaint(damaged[9, 0], hole, 4, cv2.INPAINT_TELEA)[None]
    assert after < 0.2 * before
    assert after < 0.7 * error(telea, clean[9], inside), "three dB nearer than what the surround can say"
    drawn = StainRemoval(StainParams.model_validate({"patches": [patch(5, 13)]})).mask(shown(clean)[9])
    assert np.array_equal(made[:, ~drawn], damaged[9][:, ~drawn])


def test_its_own_grain_stays():
    clean = moving_clip(16, step=1.3, grain=12.0)
    made = cleaned(stained(clean, range(4, 11)), 7, 4, 10)
    inside = field() > 0.3

    def fine(picture):
        plane = picture[0].astype(np.float32)
        return plane - cv2.GaussianBlur(plane, (0, 0), 1.5)

    left = (fine(made) - fine(clean[7]))[inside].std()
    assert left < 0.25 * fine(clean[7])[inside].std(), "a fill from other frames would differ by 1.4 times the grain"


def test_each_dye_by_itself():
    clean = moving_clip(14, fmt=RGB, step=1.3)
    damaged = stained(clean, range(4, 10), 0.3, BROWN)
    made = cleaned(damaged, 7, 4, 9, fmt=RGB)
    inside = field() > 0.3
    off = np.array([np.mean((made - clean[7].astype(float))[channel][inside]) for channel in range(3)])
    before = np.array([np.mean((damaged[7] - clean[7].astype(float))[channel][inside]) for channel in range(3)])
    assert np.ptp(before) > 60
    assert np.ptp(off) < 10


def test_half_of_it_where_half_is_asked_for():
    clean = moving_clip(14, step=0.0)
    damaged = stained(clean, range(4, 10))
    inside = field() > 0.5
    whole, half = (cleaned(damaged, 6, 4, 9, amount=amount)[0][inside].mean() for amount in (1.0, 0.5))
    assert damaged[6, 0][inside].mean() < half < whole
    assert np.log(half / damaged[6, 0][inside].mean()) == pytest.approx(
        np.log(whole / damaged[6, 0][inside].mean()) / 2, rel=0.1
    )


@pytest.mark.parametrize("step", [0.0, 1.3])
def test_what_is_opaque_is_shown_by_the_frames_beyond(step):
    clean = moving_clip(16, step=step)
    damaged = stained(clean, range(5, 9), depth=4.0)
    made = cleaned(damaged, 6, 5, 8)
    inside = field() > 0.05
    telea = cv2.inpaint(damaged[6, 0], inside.astype(np.uint8), 4, cv2.INPAINT_TELEA)[None]
    assert error(made, clean[6], inside) < 0.5 * error(telea, clean[6], inside)


def test_where_no_frame_shows_what_an_opaque_stain_hides_the_surround_is_continued():
    clean = moving_clip(6, step=0.0)
    damaged = stained(clean, range(6), depth=4.0)
    assert np.array_equal(cleaned(damaged, 3, 0, 5), damaged[3]), "whether it is opaque, nothing says: it stays"
    # Two of the frames show half of the place.
    treatment = StainRemoval(
        StainParams.model_validate(
            {"patches": [patch(0, 3), {"first": 4, "last": 5, "polygon": [(0, 0), (AT[0], 0), (AT[0], 95), (0, 95)]}]}
        )
    )
    damaged[4:] = clean[4:]
    made = treatment.apply({at - 2: one for at, one in enumerate(shown(damaged))})
    hidden = (field() > 0.9) & (np.arange(GREY.width) < AT[0] - 8)[None]
    assert damaged[2][0][hidden].max() < 10
    assert made[0][hidden].min() > 100


@pytest.mark.parametrize("step", [0.0, 1.3])
def test_where_there_is_no_stain_an_outline_changes_next_to_nothing(step):
    clean = moving_clip(16, step=step)
    made = cleaned(clean, 7, 4, 10)
    assert np.abs(made.astype(int) - clean[7]).max() <= 12
    assert np.array_equal(cleaned(clean, 2, 4, 10), clean[2]), "and beside its frames nothing at all"


def test_a_stain_that_is_on_all_frames_of_a_still_picture_stays():
    damaged = stained(moving_clip(8, step=0.0), range(8))
    assert np.array_equal(cleaned(damaged, 3, 0, 7), damaged[3])


def plan(frames, **params):
    asked = PlannedTreatment(name="stains", params=params, why="drawn by hand")
    return Plan(reel_id="r1", shots=(PlannedShot(shot=1, start=0, stop=frames, treatments=(asked,)),))


def test_pixels_do_not_depend_on_how_the_shot_was_cut(tmp_path):
    damaged = stained(moving_clip(26), range(4, 19))
    master = write_master(tmp_path / "master.mkv", damaged)
    written = []
    for name, cuts in (("whole", (0, 26)), ("cut", (0, 9, 13, 26))):
        frames = []
        for number, (start, stop) in enumerate(pairwise(cuts), start=1):
            segment = Segment(f"s001-{number:02d}", 1, start, stop, 0, 26)
            out = tmp_path / f"{name}-{number}.mkv"
            part = plan(26, patches=[patch(4, 18)]).slice_for(segment)
            changes = restore_segment(master, segment, part, out)
            assert sum(one.outside_map_px for one in changes) == 0
            assert all((one.repaired_stain_px > 0) == (4 <= one.frame <= 18) for one in changes)
            frames += [frame[0] for frame in FrameReader(out)]
        written.append(np.stack(frames))
    assert np.array_equal(*written)
    assert np.array_equal(written[0][:4], damaged[:4, 0])
    assert not np.array_equal(written[0][11], damaged[11, 0])


def test_the_check_allows_it_inside_its_outlines_and_nowhere_else():
    permit = Permit.of(plan(20, patches=[patch(4, 9)]).shots[0])
    frame = (np.full((GREY.height, GREY.width), 400, np.uint16),)
    nothing = DamageMap.empty((GREY.height, GREY.width))
    allowed = permit.mask(5, frame, nothing, GREY)
    assert allowed[AT[1], AT[0]]
    assert not allowed[:, :20].any()
    assert not permit.mask(3, frame, nothing, GREY).any()


def test_a_segment_far_from_all_stains_is_copied():
    params = StainParams.model_validate({"patches": [patch(4, 9)]})
    assert params.sliced(9, 30).patches[0].last == 0
    assert params.sliced(10, 30).patches == ()
    treatment = StainRemoval(params.sliced(10, 30))
    assert treatment.radius == 0


def test_memory_is_bounded_however_long_a_stain_stays():
    assert StainRemoval(StainParams.model_validate({"patches": [patch(0, 400)]})).radius == FARTHEST


@pytest.mark.parametrize(
    "params",
    [
        {"patches": [{**patch(3, 2)}]},
        {"patches": [{"first": 0, "last": 1, "polygon": [(0, 0), (1, 1)]}]},
        {"patches": [{"first": 0, "last": 1, "polygon": [(0, 0), (1, 1), (float("nan"), 1)]}]},
        {"amount": 0.0},
        {"opaque": 0.1},
        {"depth": 1},
    ],
)
def test_what_is_out_of_range_is_refused(params):
    with pytest.raises(ValidationError):
        StainParams.model_validate(params)


def test_a_stain_beyond_the_shot_is_refused_by_name():
    with pytest.raises(PlanError, match="stain 1 is on frames 4 to 30 of a shot with frames 0 to 19"):
        plan(20, patches=[patch(4, 30)]).validate_treatments()
