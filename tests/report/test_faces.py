"""What the condition report says of faces, and which frames it shows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from restoration_tasks.assessment.condition import ShotCondition
from restoration_tasks.assessment.face_quality import Quality
from restoration_tasks.assessment.faces import Face, faces_of_shot
from restoration_tasks.assessment.gauge import Scanned, ShotFacts
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.report.faces import COLOURS, PICTURES, _boxed, face_frames, face_section, face_words
from restoration_tasks.report.stills import Display

PICTURE = PictureFormat(160, 120, "gbrp10le", Fraction(24))
POINTS = tuple((float(place), float(place)) for place in range(5))


def face(frame, width=40.0, cycles=15.0):
    quality = Quality(width, cycles, contrast=0.5, noise=0.01, turned=0.1, cut=False)
    return Face(frame, 20.0, 30.0, 20.0 + width, 90.0, 0.9, POINTS, quality)


def condition(number, found):
    """A shot of ten frames of which one was looked at; None where nobody looked."""
    facts = ShotFacts(number, 10 * number, 10 * number + 10, Scanned(160, 120, 24.0, False))
    faces = None if found is None else faces_of_shot({10 * number + 5: found}, facts.start, facts.stop)
    return ShotCondition(facts, (), faces)


def section(conditions, asked=None):
    def fetch(number):
        if asked is not None:
            asked.append(number)
        return tuple(np.full((120, 160), 300, np.uint16) for _ in range(3))

    return face_section(conditions, Display(PICTURE), fetch)


def test_the_reel_is_summed_up_by_tier():
    text = section([condition(0, [face(5)]), condition(1, [face(15, cycles=5.0)]), condition(2, [])]).summary
    assert text == "Faces were found in 2 shots of 3: poor in 1, good in 1."


def test_no_face_and_nobody_who_looked_are_told_apart():
    assert section([condition(0, [])]).summary == "No face was found in the frames looked at."
    assert "were not looked for: run `reelkeeper models install centerface`" in section([condition(0, None)]).summary
    both = section([condition(0, []), condition(1, None)]).summary
    assert both.startswith("No face was found in the frames looked at. In 1 shot faces were not looked for")


def test_a_shot_is_told_with_what_makes_it_no_better():
    assert face_words(condition(0, [face(5), face(5, 30.0)]).faces) == "2 faces at once, up to 40 pixels wide: good."
    assert face_words(condition(0, [face(5, 39.0, 10.0)]).faces).endswith("39 pixels wide: fair (small, soft).")
    assert face_words(condition(0, []).faces) == "No face was found."


def test_the_shots_with_the_largest_faces_are_shown_in_order_and_no_other_frame_is_read():
    conditions = [condition(number, [face(10 * number + 5, 20.0 + number)]) for number in range(PICTURES + 3)]
    asked = []
    shown = section(conditions, asked).pictures
    assert [one.shot for one in shown] == list(range(3, PICTURES + 3))
    assert set(asked) == face_frames(conditions) == {10 * number + 5 for number in range(3, PICTURES + 3)}


def test_a_box_stands_around_the_face_and_the_picture_given_stays_as_it_is():
    view = np.zeros((60, 80, 3), np.uint8)
    drawn = _boxed(view.copy(), [face(5)], scale=0.5)
    colour = COLOURS[face(5).tier]
    assert tuple(drawn[30, 10]) == tuple(drawn[45, 20]) == tuple(drawn[30, 30]) == colour
    assert not drawn[25:40, 14:26].any()
