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
from restoration_tasks.restoration.tears import TearParams, TearRepair
from restoration_tasks.restoration.torn import midway, torn
from restoration_tasks.restoration.treatment import Shown
from restoration_tasks.runtime.errors import PlanError
from tests.restoration.moving import GREY, moving_clip, write_master

FMT = replace(GREY, width=192, height=144)
LEFT, RIGHT = 60, 80
PULL = (5.4, -2.6)


def line():
    """The first row of the lower side of each column: ragged."""
    ragged = 3 * np.sin(np.arange(FMT.width) / 9)
    return np.rint(np.linspace(LEFT, RIGHT, FMT.width) + ragged).astype(int)


def tear(picture, pull=PULL, rip=3, tone=980, *, upper=False):
    """A frame torn along the line, one side pulled, and where its rip is."""
    rows = np.arange(FMT.height)[:, None]
    side = rows < line()[None] if upper else rows >= line()[None]
    matrix = np.float32([[1, 0, pull[0]], [0, 1, pull[1]]])
    size = (FMT.width, FMT.height)
    moved = cv2.warpAffine(
        picture[0].astype(np.float32), matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    made = np.where(side, np.clip(np.rint(moved), 0, 1023), picture[0]).astype(picture.dtype)
    gap = np.abs(rows - line()[None]) <= rip // 2 if rip else np.zeros_like(side)
    made[gap] = tone
    return made[None], side, gap


def torn_clip(frames, clip=None, **how):
    clean = moving_clip(9, step=2.0, fmt=FMT, grain=2.0) if clip is None else clip
    damaged = clean.copy()
    for number in frames:
        damaged[number] = tear(clean[number], **how)[0]
    return clean, damaged


def one(first, last, **more):
    return {"first": first, "last": last, "left": LEFT, "right": RIGHT} | more


def mended(clip, middle, *tears, engine="classical", reach=None):
    treatment = TearRepair(TearParams.model_validate({"tears": list(tears), "engine": engine}))
    reach = treatment.radius if reach is None else reach
    around = range(max(middle - reach, 0), min(middle + reach + 1, len(clip)))
    return treatment.apply({at - middle: Shown(at, clip[at], None, FMT) for at in around})


def psnr(one, other, where=None):
    apart = one.astype(float) - other
    return 10 * np.log10(1023**2 / np.mean(np.square(apart if where is None else apart[:, where])))


def test_how_far_the_side_was_pulled_and_where_the_rip_runs_is_measured():
    clean, damaged = torn_clip([4])
    lumas = [Shown(at, picture, None, FMT).luma for at, picture in enumerate(damaged)]
    found = torn(lumas[4], midway(lumas[3], lumas[5], 0.5), (LEFT, RIGHT), 20, lower=True)
    assert found.pull == pytest.approx(PULL, abs=0.15)
    inner = slice(8, -8)
    assert np.abs(found.seam - line())[inner].mean() < 2
    gap = tear(clean[4])[2]
    assert found.gone[gap].mean() > 0.97
    assert found.gone.mean() < 4 * gap.mean()


@pytest.mark.parametrize("tone", [980, 10])
@pytest.mark.parametrize("engine", ["classical", "network"])
def test_the_side_is_put_back_and_the_rip_filled(engine, tone):
    clean, damaged = torn_clip([4], tone=tone)
    made = mended(damaged, 4, one(4, 4), engine=engine)
    assert psnr(made, clean[4]) > psnr(damaged[4], clean[4]) + 12
    _, side, gap = tear(clean[4])
    near = cv2.dilate(gap.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    far = side & ~near
    far[:, :10] = far[:, -10:] = False
    assert psnr(made, clean[4], far) > 44, "what was only moved is the frame's own"
    assert psnr(made, clean[4], near) > psnr(damaged[4], clean[4], near) + 8
    above = ~side & ~near
    assert np.array_equal(made[:, above], damaged[4][:, above])


def test_whole_frames_beside_say_more_than_those_frames_themselves():
    clean, damaged = torn_clip([3, 4, 5])
    made = mended(damaged, 4, one(3, 5))
    lumas = [Shown(at, picture, None, FMT).luma for at, picture in enumerate(damaged)]
    warped = midway(lumas[2], lumas[6], 0.5)[None] * (1023 / 255)
    assert psnr(made, clean[4]) > psnr(warped, clean[4]) + 1


def test_the_upper_side_where_that_is_named():
    clean, damaged = torn_clip([4], upper=True)
    made = mended(damaged, 4, one(4, 4, moved="upper"))
    assert psnr(made, clean[4]) > psnr(damaged[4], clean[4]) + 12
    _, side, gap = tear(clean[4], upper=True)
    near = cv2.dilate(gap.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert np.array_equal(made[:, ~side & ~near], damaged[4][:, ~side & ~near])


def test_two_tears_on_one_frame_are_put_back_one_after_the_other():
    clean = moving_clip(9, step=2.0, fmt=FMT, grain=2.0)
    damaged = clean.copy()
    damaged[4] = tear(clean[4])[0]
    # The lower third is pulled once more.
    moved = np.roll(damaged[4], (2, -6), axis=(1, 2))
    damaged[4][:, 112:] = moved[:, 112:]
    damaged[4][:, 111:114] = 980
    both = mended(damaged, 4, one(4, 4), one(4, 4, left=112, right=112))
    first = mended(damaged, 4, one(4, 4))
    low = np.zeros(clean.shape[2:], bool)
    low[122:-6, 14:-14] = True
    assert psnr(both, clean[4], low) > psnr(first, clean[4], low) + 4
    assert psnr(both, clean[4]) > psnr(damaged[4], clean[4]) + 12


def test_a_rip_that_pulled_nothing_away_is_only_filled():
    clean, damaged = torn_clip([4], pull=(0.0, 0.0))
    made = mended(damaged, 4, one(4, 4))
    _, _, gap = tear(clean[4], pull=(0.0, 0.0))
    near = cv2.dilate(gap.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    assert np.array_equal(made[:, ~near], damaged[4][:, ~near])
    assert psnr(made, clean[4], gap) > 28


def test_at_an_end_of_the_shot_a_torn_frame_stays():
    _, damaged = torn_clip([0, 8])
    assert np.array_equal(mended(damaged, 0, one(0, 0), one(8, 8)), damaged[0])
    assert np.array_equal(mended(damaged, 8, one(0, 0), one(8, 8)), damaged[8])


def plan(frames, **params):
    asked = PlannedTreatment(name="tears", params={"engine": "classical"} | params, why="seen by a person")
    return Plan(reel_id="r1", shots=(PlannedShot(shot=1, start=0, stop=frames, treatments=(asked,)),))


def test_pixels_do_not_depend_on_how_the_shot_was_cut(tmp_path):
    _, damaged = torn_clip([2, 4, 5])
    master = write_master(tmp_path / "master.mkv", damaged, FMT)
    written = []
    for name, cuts in (("whole", (0, 9)), ("cut", (0, 3, 5, 9))):
        frames = []
        for number, (start, stop) in enumerate(pairwise(cuts), start=1):
            segment = Segment(f"s001-{number:02d}", 1, start, stop, 0, 9)
            out = tmp_path / f"{name}-{number}.mkv"
            part = plan(9, tears=[one(2, 2), one(4, 5)]).slice_for(segment)
            changes = restore_segment(master, segment, part, out)
            assert sum(each.outside_map_px for each in changes) == 0
            assert all((each.repaired_tear_px > 0) == (each.frame in {2, 4, 5}) for each in changes)
            frames += [frame[0] for frame in FrameReader(out)]
        written.append(np.stack(frames))
    assert np.array_equal(*written)
    assert np.array_equal(written[0][[0, 1, 3, 6, 7, 8]], damaged[[0, 1, 3, 6, 7, 8], 0])


def test_the_check_allows_the_side_that_moves_and_the_rip():
    permit = Permit.of(plan(20, tears=[one(4, 5)]).shots[0])
    frame = (np.full((FMT.height, FMT.width), 400, np.uint16),)
    nothing = DamageMap.empty((FMT.height, FMT.width))
    allowed = permit.mask(5, frame, nothing, FMT)
    assert allowed[LEFT:, 0].all()
    assert allowed[RIGHT:].all()
    assert not allowed[: LEFT - 22].any()
    assert not permit.mask(6, frame, nothing, FMT).any()


@pytest.mark.parametrize(
    "params",
    [
        {"tears": [one(3, 2)]},
        {"tears": [one(0, 12)]},
        {"tears": [one(0, 0, moved="left")]},
        {"tears": [one(0, 0, left=float("inf"))]},
        {"grain": 2},
    ],
)
def test_what_is_out_of_range_is_refused(params):
    with pytest.raises(ValidationError):
        TearParams.model_validate(params)


def test_a_tear_beyond_the_shot_is_refused_by_name():
    with pytest.raises(PlanError, match="tear 1 is on frames 4 to 9 of a shot with frames 0 to 8"):
        plan(9, tears=[one(4, 9)]).validate_treatments()
