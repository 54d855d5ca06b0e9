from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.scratches import Reason, find_tracks, judged_tracks
from restoration_tasks.assessment.shots import Shot

SHOT = Shot(1, 100, 130)


def line(frame, x, **kwargs):
    row = {
        "frame": frame,
        "picture_px": 720,
        "x_top": x,
        "x_bottom": x,
        "width_px": 4.0,
        "coverage": 0.8,
        "confidence": 0.7,
        "ridge": 20.0,
        "step": 3.0,
        "scene_px": 0.0,
        "whole_px": 0.0,
        "moved": 0.0,
        "stays": 0.0,
        "follows": 0.0,
    }
    return Line(**(row | kwargs))


def over(xs, *, frames=None, **kwargs):
    """One line a frame at `xs`; a keyword may be a list, one entry a frame."""
    frames = range(SHOT.start, SHOT.start + len(xs)) if frames is None else frames
    each = [{name: v[i] if isinstance(v, list) else v for name, v in kwargs.items()} for i in range(len(xs))]
    return [line(frame, float(x), **given) for frame, x, given in zip(frames, xs, each, strict=True)]


def wandering(frames, seed=0, reach=5.0):
    """A path that swings, and the leans that go with it: it leaves one frame where it enters the next."""
    run = np.arange(frames + 1) * 0.7 + seed
    edge = 300 + reach * np.sin(run)
    return 0.5 * (edge[1:] + edge[:-1]), edge


def reasons(lines, shot=SHOT):
    return [track.reason for track in judged_tracks(lines, shot)]


def test_a_line_that_stays_while_the_scene_passes_is_a_scratch():
    x = 300 + np.random.default_rng(1).normal(0, 1.0, 24)
    (track,) = find_tracks(over(x, stays=0.3, moved=0.4, scene_px=3.0), SHOT)
    assert (track.reason, track.first, track.last, track.seen) == (Reason.STAYED, 100, 123, 24)
    assert track.width_px == 4
    assert not track.dark


def test_a_slow_pan_tells_by_its_length():
    x = 300 + np.random.default_rng(1).normal(0, 0.4, 24)
    assert reasons(over(x, scene_px=0.4, whole_px=0.4)) == [Reason.PATH]
    assert find_tracks(over(x, scene_px=0.4, whole_px=0.1), SHOT) == [], "a crowd passes behind a rail"
    assert reasons(over(x[:6], scene_px=1.2, whole_px=1.2)) == [Reason.PATH]
    assert find_tracks(over(x[:6], coverage=0.4, scene_px=1.2, whole_px=1.2), SHOT) == [], "too little of it shows"


def test_weave_is_no_way_that_the_scene_goes():
    x = 300 + np.random.default_rng(3).normal(0, 0.6, 6)
    to_and_fro = [0.0, 4.5, -4.5, 4.5, -4.5, 4.5]
    assert find_tracks(over(x, scene_px=to_and_fro, whole_px=to_and_fro), SHOT) == []
    assert reasons(over(x, scene_px=1.5, whole_px=1.5)) == [Reason.PATH]


def test_a_moment_in_which_the_scene_seemed_to_pass_is_not_enough():
    x = 300 + np.random.default_rng(1).normal(0, 1.0, 24)
    assert Reason.STAYED not in reasons(over(x, stays=[0.35, 0.35] + [0.0] * 22, moved=0.4))


def test_what_hops_to_and_fro_does_not_wander():
    swings = 300 + 4 * np.sin(0.9 * np.arange(6))
    assert reasons(over(swings)) == [Reason.WANDERS]
    hops = 300 + 4.0 * (np.arange(6) % 2)
    assert reasons(over(hops)) == [Reason.UNSURE]


def test_a_line_that_wanders_by_little_may_be_measured_badly():
    assert reasons(over(300 + 1.2 * np.sin(0.9 * np.arange(24)))) == [Reason.UNSURE]
    assert reasons(over(300 + 2.2 * np.sin(0.9 * np.arange(24)))) == [Reason.WANDERS]


def test_a_line_that_wanders_of_its_own_accord_is_a_scratch():
    middle, edge = wandering(24)
    lines = [line(100 + i, 0.0, x_top=edge[i], x_bottom=edge[i + 1]) for i in range(24)]
    (track,) = find_tracks(lines, SHOT)
    assert track.reason is Reason.RUNS_ON
    frames = [knot.frame for knot in track.knots]
    way = np.interp(np.arange(100, 124), frames, [(knot.x_top + knot.x_bottom) / 2 for knot in track.knots])
    assert np.abs(way - middle).max() < 3.0
    assert reasons(over(middle)) == [Reason.WANDERS], "also where its lean was not measured well"


def test_a_door_frame_goes_along_with_the_scene():
    way = np.cumsum(np.random.default_rng(2).normal(0, 1.0, 24))
    assert reasons(over(300 + way, scene_px=list(np.diff(way, prepend=way[0])))) == [Reason.FOLLOWS]
    assert reasons(over(300 + 0.01 * way, follows=0.3, moved=0.4)) == [Reason.FOLLOWS]


def test_weave_tells_a_line_on_the_film_from_one_of_the_scene():
    rng = np.random.default_rng(6)
    weave = rng.normal(0, 0.8, 26)
    noise = rng.normal(0, 0.3, 26)
    scene = list(np.diff(weave, prepend=weave[0]))
    assert reasons(over(300 + noise, scene_px=scene)) == [Reason.STEADY]
    assert reasons(over(300 + weave + noise, scene_px=scene)) == [Reason.FOLLOWS]


def test_a_faint_line_is_not_believed_for_its_way_alone():
    middle, _ = wandering(24)
    assert reasons(over(middle, coverage=0.3, confidence=0.5)) == [Reason.NOTHING]


def test_what_wanders_but_shows_little_of_itself_is_left_alone():
    middle, _ = wandering(24, reach=2.0)
    assert reasons(over(middle, coverage=0.5, confidence=0.65)) == [Reason.UNSURE], "a door panel on real film"
    assert reasons(over(middle, coverage=0.8, confidence=0.65)) == [Reason.WANDERS]
    assert reasons(over(middle, step=60.0)) == [Reason.UNSURE], "the edge of something"
    far = 300 + 4 * np.sin(0.3 * np.arange(30))
    assert reasons(over(far, coverage=0.5, confidence=0.65)) == [Reason.WANDERS], "no error of measurement is so large"
    drift = 300 + 4 * np.cos(0.3 * np.arange(30))
    drifts = over(far, coverage=0.5, confidence=0.65, whole_px=list(0.5 * np.diff(drift, prepend=drift[0])))
    assert reasons(drifts) == [Reason.UNSURE], "the whole scene goes half as far"
    now_and_then = [one for one in over(far, coverage=0.5, confidence=0.65) if one.frame % 5 < 2]
    assert reasons(now_and_then) == [Reason.UNSURE]


def test_a_scratch_is_bright_or_dark_and_not_both():
    middle, _ = wandering(24)
    two_mouldings = [-12.0 if i < 8 else 3.0 if i < 14 else 12.0 for i in range(24)]
    assert reasons(over(middle, ridge=two_mouldings)) == [Reason.UNSURE]
    clear = over(middle[::2], frames=range(100, 124, 2), ridge=20.0)
    clear += over(middle[1::2], frames=range(101, 124, 2), ridge=-20.0)
    assert sorted(track.dark for track in judged_tracks(clear, SHOT)) == [False, True], "two lines, not one"


def test_a_line_before_a_flat_wall_goes_along_with_the_scene_far_from_it():
    rng = np.random.default_rng(6)
    weave, noise = rng.normal(0, 0.8, 26), rng.normal(0, 0.2, 26)
    whole = list(np.diff(weave, prepend=weave[0]))
    assert reasons(over(300 + weave + noise, whole_px=whole)) == [Reason.FOLLOWS]
    middle, _ = wandering(26)
    assert reasons(over(middle, whole_px=whole)) == [Reason.WANDERS]


def test_what_a_strong_line_draws_along_beside_it_is_not_the_scene():
    rng = np.random.default_rng(6)
    weave, tremble = rng.normal(0, 0.5, (2, 24))
    drawn, whole = (list(np.diff(moves, prepend=moves[0])) for moves in (tremble, weave))
    way = 300 + 4 * np.sin(0.3 * np.arange(24)) + tremble
    assert reasons(over(way, scene_px=drawn)) == [Reason.FOLLOWS]
    assert reasons(over(way, scene_px=drawn, whole_px=whole))[0].is_scratch


def test_a_line_that_goes_no_farther_than_the_scene_is_not_believed():
    swing, other = (np.cumsum(np.random.default_rng(seed).normal(0, 1.0, 12)) for seed in (20, 21))
    frames = range(100, 124, 2)
    assert reasons(over(300 + swing, frames=frames, whole_px=list(np.diff(other, prepend=0.0)))) == [Reason.UNSURE]
    assert reasons(over(300 + swing, frames=frames)) == [Reason.WANDERS]


def test_a_line_that_rather_trembles_with_the_scene_must_go_much_farther():
    rng = np.random.default_rng(3)
    weave, swing = rng.normal(0, 0.5, 20), np.sin(0.9 * np.arange(20))
    whole = list(np.diff(weave, prepend=weave[0]))
    assert reasons(over(300 + 2 * swing + 0.9 * weave, whole_px=whole)) == [Reason.UNSURE]
    assert reasons(over(300 + 2 * swing, whole_px=whole)) == [Reason.WANDERS]
    assert reasons(over(300 + 3.6 * swing + 0.9 * weave, whole_px=whole)) == [Reason.WANDERS]


def test_a_stray_sighting_does_not_make_a_still_line_move():
    x = np.full(24, 300.0)
    x[[4, 13]] = 297.0
    assert reasons(over(x, scene_px=0.4, whole_px=0.4)) == [Reason.STILL]


def test_few_frames_run_on_by_chance():
    _, edge = wandering(24)
    rng = np.random.default_rng(2)
    unsteady = edge + rng.normal(0, 1.0, 25)
    lines = [line(100 + i, 0.0, x_top=edge[i], x_bottom=unsteady[i + 1]) for i in range(24)]
    assert reasons(lines) == [Reason.RUNS_ON]
    assert Reason.RUNS_ON not in reasons(lines[:9])
    assert Reason.RUNS_ON not in reasons([replace(one, coverage=0.4) for one in lines])


def test_where_nothing_moved_the_answer_is_no():
    x = 300 + np.random.default_rng(3).normal(0, 0.35, 24)
    assert find_tracks(over(x), SHOT) == []
    assert find_tracks(over(np.full(24, 300.0), stays=0.4), SHOT) == [], "it stands stiller than film does"


@pytest.mark.parametrize("speed", [0.8, 2.0, 3.5])
def test_a_pole_passing_by_is_none(speed):
    x = 200 + speed * np.arange(24) + np.random.default_rng(4).normal(0, 0.2, 24)
    assert find_tracks(over(x), SHOT) == []


def test_a_broken_scratch_is_one_track():
    middle, _ = wandering(24)
    lines = over(middle)
    kept = [one for one in lines if not 106 <= one.frame < 114]
    (track,) = find_tracks(kept, SHOT)
    assert (track.first, track.last, track.seen) == (100, 123, 16)


def test_a_line_found_twice_in_a_frame_is_one_track():
    middle, _ = wandering(24)
    twins = over(middle[::2] + 4, frames=range(100, 124, 2), coverage=0.4, confidence=0.9)
    assert len(find_tracks(over(middle, confidence=0.9) + twins, SHOT)) == 1


def test_two_scratches_that_run_side_by_side_are_two():
    middle, _ = wandering(24)
    other, _ = wandering(24, seed=2)
    tracks = find_tracks(over(middle) + over(other + 25), SHOT)
    assert [round(track.place * 720) for track in tracks] == [pytest.approx(300, abs=3), pytest.approx(325, abs=3)]


def test_glimpses_and_things_are_left_out():
    middle, _ = wandering(24)
    assert find_tracks(over(middle[:3]), SHOT) == []
    assert reasons(over(middle[:6], coverage=0.2)) == [Reason.TOO_LITTLE]
    assert reasons(over(middle, width_px=25.0)) == [Reason.TOO_WIDE]


def test_other_shots_and_the_order_of_lines_do_not_matter():
    middle, _ = wandering(24)
    lines = over(middle)
    beyond = over(middle, frames=range(130, 154))
    assert find_tracks(lines[::-1] + beyond, SHOT) == find_tracks(lines, SHOT)
