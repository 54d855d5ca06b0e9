from __future__ import annotations

from restoration_tasks.assessment.flashes import Flash
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.shots import Edge, EdgeKind, Shot
from restoration_tasks.assessment.splices import Bar, Splice
from restoration_tasks.report.shot_words import NAMED, joint_words, part_words


def test_a_shot_says_how_it_begins_and_ends_and_what_stands_out():
    shot = Shot(
        2, 24, 90, head=Edge(EdgeKind.DISSOLVE, 6), tail=Edge(EdgeKind.CUT), flashes=(Flash(30, 32), Flash(40, 41)),
        splices=(Splice(50, -8.2, Bar.NONE), Splice(60, 0.0, Bar.TOP)),
    )  # fmt: skip
    words = joint_words(shot)
    assert "Begins with a dissolve over 6 frames of it, ends with a cut." in words
    assert "Flash frames: 30–31, 40." in words
    assert "frame 50 (the picture stands 8 px higher at 720 px width), frame 60 (a bar at the top)" in words


def test_many_are_counted():
    shot = Shot(1, 0, 500, flashes=tuple(Flash(10 * place, 10 * place + 1) for place in range(NAMED + 3)))
    assert "and 3 more." in joint_words(shot)


def test_parts_have_names_and_pictures_none():
    assert part_words(Shot(1, 0, 9, PartKind.BLACK)) == "black"
    assert part_words(Shot(1, 0, 9)) == part_words(None) == joint_words(None) == ""
