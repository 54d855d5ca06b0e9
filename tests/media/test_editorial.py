from __future__ import annotations

from fractions import Fraction

import opentimelineio as otio
import pytest

from restoration_tasks.media.editorial import as_edl, as_otio

SHOTS = [(0, 24), (24, 100), (100, 103)]


def read(text, adapter, **options):
    return otio.adapters.read_from_string(text, adapter, **options)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(18), Fraction(24000, 1001), Fraction(25)])
def test_the_timeline_holds_every_frame_once(fps):
    timeline = read(as_otio("reel-1", SHOTS, fps, "master.mkv"), "otio_json")
    clips = list(timeline.find_clips())
    spans = [clip.source_range for clip in clips]
    assert [(span.start_time.value, span.duration.value) for span in spans] == [(a, b - a) for a, b in SHOTS]
    assert all(span.start_time.rate == pytest.approx(float(fps)) for span in spans)
    assert clips[1].metadata["reelkeeper"]["last_frame"] == 99
    assert clips[0].media_reference.target_url == "master.mkv"


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(24000, 1001)])
def test_the_edit_decision_list_reads_back_to_the_same_frames(fps):
    timeline = read(as_edl("reel-1", SHOTS, fps, "master.mkv"), "cmx_3600", rate=float(fps))
    spans = [clip.source_range for clip in timeline.find_clips()]
    assert [(round(span.start_time.value), round(span.duration.value)) for span in spans] == [
        (a, b - a) for a, b in SHOTS
    ]


def test_silent_speed_is_counted_frame_by_frame_and_said():
    text = as_edl("reel-1", SHOTS, Fraction(18), "master.mkv")
    assert "18 FRAMES A SECOND, COUNTED AT 24" in text
    assert "00:00:04:04" in text


def test_a_hostile_name_stays_on_its_line():
    text = as_edl("a\n001  AX V C 00:00:00:00", [(0, 5)], Fraction(24), "b\nTITLE: x")
    assert sum(line.startswith("TITLE:") for line in text.splitlines()) == 1
    assert sum(line.startswith("001") for line in text.splitlines()) == 1
