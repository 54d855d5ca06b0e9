from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.passage import Course, Trace
from restoration_tasks.assessment.shots import Edge, EdgeKind, Shot, read_shots, shots_json, shots_of
from restoration_tasks.assessment.transitions import Scores
from restoration_tasks.runtime.errors import MediaError

PLAIN = Trace(np.zeros((9, 16, 3), np.uint8), 0.0, 0.0, 1.0, (0.0, 0.0), 0.0, 0.0)


def picture(seed, *, gain=1.0, lift=0.0):
    """A frame as it is kept: cells of a picture that only this seed has."""
    cells = np.random.default_rng(seed).uniform(20, 90 + 40 * seed, (9, 16, 1)).repeat(3, axis=2)
    return traced(np.clip(cells * gain + lift, 0, 255))


def traced(cells, **more):
    return replace(PLAIN, cells=np.rint(cells).astype(np.uint8), spread=float(cells.std()), **more)


def shots(traces, cuts=(), mixed=()):
    single, many = np.zeros(len(traces)), np.zeros(len(traces))
    single[[cut - 1 for cut in cuts]] = 0.9
    many[[cut - 1 for cut in cuts]] = 0.9
    many[list(mixed)] = 0.9
    return shots_of(Course.of(traces), Scores(single, many))


def bounds(found):
    return [(shot.start, shot.stop) for shot in found]


@pytest.mark.parametrize("frames", [1, 2, 3, 30])
def test_one_picture_is_one_shot_whatever_the_network_says(frames):
    found = shots([picture(1)] * frames, cuts=[frames // 2 or 1])
    assert bounds(found) == [(0, frames)]
    assert (found[0].head.kind, found[0].tail.kind) == (EdgeKind.REEL, EdgeKind.REEL)


def test_no_frames_are_no_shots():
    assert shots([]) == []


def test_different_pictures_are_a_cut_if_the_network_says_so():
    traces = [picture(1)] * 20 + [picture(2)] * 20
    assert bounds(shots(traces, cuts=[20])) == [(0, 20), (20, 40)]
    assert bounds(shots(traces)) == [(0, 40)]


def test_a_flash_is_no_cut_and_is_named():
    traces = [picture(1)] * 20 + [picture(1, gain=1.4, lift=50)] * 2 + [picture(1)] * 20
    found = shots(traces, cuts=[20, 22])
    assert bounds(found) == [(0, 42)]
    assert [(flash.start, flash.stop) for flash in found[0].flashes] == [(20, 22)]
    assert found[0].lit_otherwise == {20, 21}


def test_a_camera_that_starts_in_a_flash_is_cut_before_it():
    traces = [picture(1)] * 20 + [picture(2, gain=1.4, lift=70), picture(2, gain=1.2, lift=30)] + [picture(2)] * 20
    found = shots(traces, cuts=[22])
    assert bounds(found) == [(0, 20), (20, 42)]
    assert [(flash.start, flash.stop) for flash in found[1].flashes] == [(20, 22)]


def dissolve(length):
    before, after = (picture(seed).cells.astype(float) for seed in (1, 2))
    shares = [(place + 1) / (length + 1) for place in range(length)]
    mixed = [traced(before * (1 - share) + after * share) for share in shares]
    return [picture(1)] * 20 + mixed + [picture(2)] * 20


@pytest.mark.parametrize("length", [6, 12, 24])
def test_a_dissolve_is_parted_in_its_middle_and_its_frames_are_counted(length):
    found = shots(dissolve(length), mixed=range(20, 20 + length))
    assert bounds(found) == [(0, 20 + length // 2), (20 + length // 2, 40 + length)]
    assert found[0].tail.kind is found[1].head.kind is EdgeKind.DISSOLVE
    assert abs(found[0].tail.frames + found[1].head.frames - length) <= 1
    assert 20 + length // 2 in found[1].lit_otherwise


def test_a_picture_in_another_light_is_no_dissolve():
    lit = [picture(1, gain=1 - place / 24) for place in range(12)]
    assert bounds(shots([picture(1)] * 20 + lit + [picture(1, gain=0.5)] * 20, mixed=range(20, 32))) == [(0, 52)]


@pytest.mark.parametrize(("hold", "expected"), [(0, [(0, 30), (30, 62)]), (16, [(0, 32), (32, 48), (48, 80)])])
def test_a_fade_through_black_parts_the_shots_and_long_black_is_a_part(hold, expected):
    down = [picture(1, gain=1 - (place + 1) / 13) for place in range(12)]
    up = [picture(2, gain=(place + 1) / 13) for place in range(12)]
    traces = [picture(1)] * 20 + down + [traced(np.full((9, 16, 3), 2.0))] * hold + up + [picture(2)] * 20
    found = shots(traces, mixed=[*range(20, 32), *range(32 + hold, 44 + hold)])
    if hold:
        assert bounds(found) == expected
        assert [shot.kind.value for shot in found] == ["picture", "black", "picture"]
    else:
        assert len(found) == 2
        assert 28 <= found[0].stop <= 34
    assert found[0].tail.kind is found[-1].head.kind is EdgeKind.FADE_BLACK
    assert abs(found[0].tail.frames - 12) <= 2


def test_a_jump_and_a_bar_are_a_splice():
    traces = [picture(1)] * 40
    traces[20] = replace(traces[20], jump_px=8.0, edge_codes=(0.0, -90.0))
    traces[21] = replace(traces[21], jump_px=-8.0, edge_codes=(0.0, 90.0))
    (shot,) = shots(traces)
    assert [(one.frame, one.jump_px, one.bar.value) for one in shot.splices] == [(20, 8.0, "bottom")]
    traces[21] = PLAIN
    (shot,) = shots([*traces[:21], *[replace(picture(1), jump_px=0.0)] * 19])
    assert shot.splices == (), "a picture that does not come back was moved by its camera"


def test_the_list_survives_json_with_its_segments():
    found = [
        Shot(1, 0, 100, tail=Edge(EdgeKind.CUT, 0, 0.8)),
        *shots([picture(1)] * 20 + [picture(1, gain=1.4, lift=50)] + [picture(1)] * 20),
    ]
    found[1] = replace(found[1], number=2, start=100, stop=1200)
    text = shots_json(found)
    read, segments = read_shots(text)
    assert read == found
    assert [segment.id for segment in segments] == ["s001-01", "s002-01", "s002-02", "s002-03"]
    assert {(s.shot_start, s.shot_stop) for s in segments[1:]} == {(100, 1200)}
    assert json.loads(text)["frames"] == 1200


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"format": "other"}', '{"format": "reelkeeper.shots/2", "shots": 3}']
)
def test_what_is_no_list_is_refused(text):
    with pytest.raises(MediaError, match="list of shots"):
        read_shots(text)
