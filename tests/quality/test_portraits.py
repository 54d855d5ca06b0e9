"""The check holds clearer portraits to their masks, and asks its rules about faces of them: no mask excuses a face."""

from __future__ import annotations

import cv2
import numpy as np

from restoration_tasks.assessment.face_quality import Quality
from restoration_tasks.assessment.faces import Face
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.quality.measure import ReelMeter, Treatment
from restoration_tasks.quality.permits import Permit
from restoration_tasks.quality.policy import policy
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.plan import PlannedShot, PlannedTreatment

SIDE, GREY = 96, PictureFormat(96, 96, "gray10le")
LANDMARKS = [[-0.2, -0.15], [0.2, -0.15], [0.0, 0.05], [-0.2, 0.25], [0.2, 0.25]]
TRACK = {"first": 1, "tier": "fair", "cycles": 9.0, "places": [[48, 48, 40]] * 2, "height": 1.2, "landmarks": LANDMARKS}
FACE = Face(
    11,
    *(28.0, 24.0, 68.0, 72.0),
    0.9,
    tuple((48 + 40 * x, 48 + 40 * y) for x, y in LANDMARKS),
    Quality(width_px=40.0, detail_cycles=9.0, contrast=0.5, noise=0.01, turned=0.1, cut=False),
)


def permit(faces="fair"):
    asked = PlannedTreatment(name="portraits", params={"tracks": [TRACK], "faces": faces}, why="asked for")
    return Permit.of(PlannedShot(shot=1, start=10, stop=14, treatments=(asked,)))


def scan(seed=1):
    noise = np.random.default_rng(seed).uniform(0, 1023, (SIDE, SIDE))
    return (np.clip(512 + 4 * (cv2.GaussianBlur(noise, (0, 0), 3) - 512), 0, 1023).astype(np.uint16),)


def no_damage():
    return DamageMap.empty((SIDE, SIDE))


def test_frames_with_a_face_are_local_repairs_and_the_others_untouched():
    assert [permit().kind(index) for index in range(10, 14)] == [
        Treatment.UNTOUCHED,
        Treatment.REBUILT,
        Treatment.REBUILT,
        Treatment.UNTOUCHED,
    ]
    assert permit("none").kind(11) is Treatment.UNTOUCHED


def test_a_face_may_change_inside_its_mask_and_is_no_repair_that_excuses_it():
    frame = scan()
    inside = permit().mask(11, frame, no_damage(), GREY)
    assert 0.1 < inside.mean() < 0.3
    assert inside[48, 48]
    assert not permit().mask(11, frame, no_damage(), GREY, portraits=False).any()
    assert permit().portrayed


def measured(restored):
    """The row of a frame whose face was made into something else."""
    frame, own, meter = scan(), permit(), ReelMeter(GREY, policy())
    return meter.add(
        frame=11,
        scan_number=11,
        shot=own.shot,
        treatment=own.kind(11),
        recorded_md5="",
        assembled_md5="",
        recorded_px=0,
        master=frame,
        restored=(restored,),
        mask=own.mask(11, frame, no_damage(), GREY),
        mapped_share=0.0,
        faces=[FACE],
        repaired=own.mask(11, frame, no_damage(), GREY, portraits=False),
    )


def test_another_face_in_the_mask_is_told_by_the_structure():
    (before,), (other,) = scan(), scan(2)
    inside = permit().mask(11, (before,), no_damage(), GREY)
    same, another = measured(before), measured(np.where(inside, other, before))
    assert (same.face_structure, same.outside_px) == (1.0, 0)
    assert another.outside_px == 0
    assert another.face_structure < policy().limit("face_structure_min")
