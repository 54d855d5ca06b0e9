from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest

from restoration_tasks.media.editorial import EditorialShot, Mark, as_edl, as_otio

BOUNDS = [(0, 24), (24, 100), (100, 103)]
SHOTS = [EditorialShot(*bounds) for bounds in BOUNDS]


def read(text, adapter, **options):
    return otio.adapters.read_from_string(text, adapter, **options)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(18), Fraction(24000, 1001), Fraction(25)])
def test_the_timeline_holds_every_frame_once(fps):
    timeline = read(as_otio("reel-1", SHOTS, fps, "master.mkv"), "otio_json")
    clips = list(timeline.find_clips())
    spans = [clip.source_range for clip in clips]
    assert [(span.start_time.value, span.duration.value) for span in spans] == [(a, b - a) for a, b in BOUNDS]
    assert all(span.start_time.rate == pytest.approx(float(fps)) for span in spans)
    assert clips[1].metadata["reelkeeper"]["last_frame"] == 99
    assert clips[0].media_reference.target_url == "master.mkv"


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(24000, 1001)])
def test_the_edit_decision_list_reads_back_to_the_same_frames(fps):
    timeline = read(as_edl("reel-1", SHOTS, fps, "master.mkv"), "cmx_3600", rate=float(fps))
    spans = [clip.source_range for clip in timeline.find_clips()]
    assert [(round(span.start_time.value), round(span.duration.value)) for span in spans] == [
        (a, b - a) for a, b in BOUNDS
    ]


def test_silent_speed_is_counted_frame_by_frame_and_said():
    text = as_edl("reel-1", SHOTS, Fraction(18), "master.mkv")
    assert "18 FRAMES A SECOND, COUNTED AT 24" in text
    assert "00:00:04:04" in text


def test_a_hostile_name_stays_on_its_line():
    text = as_edl("a\n001  AX V C 00:00:00:00", [EditorialShot(0, 5)], Fraction(24), "b\nTITLE: x")
    assert sum(line.startswith("TITLE:") for line in text.splitlines()) == 1
    assert sum(line.startswith("001") for line in text.splitlines()) == 1


DISSOLVING = [
    EditorialShot(0, 24),
    EditorialShot(24, 60, dissolve=(6, 7), marks=(Mark("flash", 30, 2), Mark("splice", 40, 1))),
    EditorialShot(60, 90, "black"),
]


def test_a_dissolve_is_a_transition_with_its_frames_on_both_sides_of_the_boundary():
    track = read(as_otio("reel-1", DISSOLVING, Fraction(24), "master.mkv"), "otio_json").tracks[0]
    assert [type(item).__name__ for item in track] == ["Clip", "Transition", "Clip", "Clip"]
    assert (track[1].transition_type, track[1].in_offset.value, track[1].out_offset.value) == ("SMPTE_Dissolve", 6, 7)
    assert [(m.name, m.marked_range.start_time.value) for m in track[2].markers] == [("flash", 30), ("splice", 40)]
    assert track[3].name == "shot 3 black"


def test_the_edit_decision_list_has_the_dissolve_as_an_event_of_its_length():
    text = as_edl("reel-1", DISSOLVING, Fraction(24), "master.mkv")
    assert "V     D 013    00:00:00:18" in text
    assert "* LOC: 00:00:01:06" in text
    track = read(text, "cmx_3600", rate=24.0).tracks[0]
    assert [(t.in_offset.value, t.out_offset.value) for t in track if isinstance(t, otio.schema.Transition)] == [
        (0, 13)
    ]
