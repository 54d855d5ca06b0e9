from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.evening import shot_flicker
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.assessment.light import LightRelation
from restoration_tasks.assessment.readings import lights_of, read_segment
from restoration_tasks.assessment.uneven import UnevenGauge
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.window import windows
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.training.damage import Flicker
from tests.restoration.moving import GREY, moving_clip, whole, write_master

FRAMES = 48


def judged(clip):
    gauge = UnevenGauge()
    glances = [Glance.of(place, picture, GREY) for place, picture in enumerate(clip)]
    rows = [gauge.read({at: glances[place + at] for at in (-1, 0) if place + at >= 0}) for place in range(len(glances))]
    height, width = clip[0].shape[1:]
    return gauge.judge(rows, ShotFacts(1, 0, len(glances), Scanned(width, height, 24.0, True)))


@pytest.fixture(scope="module")
def clip():
    return moving_clip(FRAMES)


def flickering(clip, **sizes):
    damage = Flicker(seed=5, memory=0.0, **sizes)
    return np.stack([frame.picture for frame in damage.apply(clip, bit_depth=10)]), damage


def test_what_moves_is_no_flicker(clip):
    assert judged(clip).severity == 0


def test_flicker_of_the_whole_picture_is_measured_and_is_not_local(clip):
    aged, damage = flickering(clip, density_sd=0.03)
    offsets = np.array([damage.curve(frame)[0] for frame in range(FRAMES)])
    verdict = judged(aged)
    expected = 255 * aged.mean() / 1023 * np.log(10) * offsets.std()
    assert verdict.figures["whole_codes"] == pytest.approx(expected, rel=0.2)
    assert verdict.figures["local_codes"] < 0.2 * expected


def test_flicker_that_differs_over_the_picture_is_told(clip):
    clip = np.repeat(clip[:1], FRAMES, axis=0)
    weak, strong = (judged(flickering(clip, density_sd=0.0, local_sd=size)[0]) for size in (0.01, 0.03))
    assert weak.figures["local_codes"] > 0.5
    assert strong.figures["local_codes"] == pytest.approx(3 * weak.figures["local_codes"], rel=0.3)
    assert strong.severity > weak.severity > 0


def test_a_whole_shot_is_told_by_what_the_plan_evens_out(clip):
    aged, _ = flickering(clip[:24], density_sd=0.02, local_sd=0.02)
    glances = [Glance.of(place, picture, GREY) for place, picture in enumerate(aged)]
    rows = [UnevenGauge().read(window) for _, window in windows(glances, 1)]
    plan = shot_flicker([row.relation for row in rows], float(np.mean([row.level for row in rows])))
    assert plan.local.amplitude > 0.5
    assert judged(aged).severity == pytest.approx(plan.severity)


def test_too_few_frames_cannot_tell(clip):
    assert judged(clip[:4]).confidence == 0


def test_relations_of_light_do_not_depend_on_where_a_shot_was_cut(clip, tmp_path):
    aged, _ = flickering(clip[:10], density_sd=0.03, local_sd=0.02)
    master = write_master(tmp_path / "master.mkv", aged)
    parts = [Segment("s001-01", 1, 0, 4, 0, 10), Segment("s001-02", 1, 4, 10, 0, 10)]
    one, two = (
        lights_of(row for part in asked for row in read_segment(master, part, Means(), (UnevenGauge(),)))
        for asked in ([whole(10)], parts)
    )
    assert one == two
    assert one[0] == LightRelation()
    assert one[4].gain != 0
