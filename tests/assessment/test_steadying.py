"""Where the gate held each frame, told from the camera's course, and what is planned by it."""

from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.gate_path import gate_path
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.placing import arm_px, placing
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.steadying import gate_weave, gate_weaves, planned_stabilise
from restoration_tasks.assessment.weave import CELLS, COLUMNS, FAR, NOTHING, ROWS, WeaveReading
from restoration_tasks.restoration.stabilise import StabiliseParams
from restoration_tasks.training.damage.weave import Weave

SCAN = Scanned(1440, 810, 24.0, False)
SCALE = 2.0


def woven(frames, seed=5, **weave):
    """The simulator's path, `(T, 3)`: x and y in pixels at 720 px width, degrees."""
    damage = Weave(seed=seed, **({"x_px": 0.9, "y_px": 0.6, "rotation_deg": 0.03} | weave))
    return np.array([damage.place(frame) for frame in range(frames)])


def read(path, noise=0.05, seed=0, otherwise=(), unseen=()):
    """Readings of a picture that goes along a path, with noise on every cell; some cells, or frames, do otherwise."""
    rng = np.random.default_rng(seed)
    row, column = np.divmod(np.arange(CELLS), COLUMNS)
    right, down = ((column + 0.5) / COLUMNS - 0.5) * 720, ((row + 0.5) / ROWS - 0.5) * 720 * SCAN.height / SCAN.width
    rows = []
    for frame in range(len(path)):
        columns = []
        for lag in (1, FAR):
            if frame < lag or frame in unseen or frame - lag in unseen:
                columns += [NOTHING] * 3
                continue
            x, y, turn = path[frame] - path[frame - lag]
            moves = np.stack([x + np.radians(turn) * down, y - np.radians(turn) * right])
            moves += noise * rng.standard_normal(moves.shape)
            for cell in otherwise:
                moves[:, cell] = 6 * lag, 4 * np.sin(frame)
            columns += [*(SCALE * moves).tolist(), [0.8] * CELLS]
        rows.append(WeaveReading(*(tuple(one) for one in columns)))
    return rows


def left(path, weave):
    """What is left of a path, root mean square in pixels at 720 px width, its mean taken away."""
    moves = np.stack([np.array(weave.x) / SCALE, np.array(weave.y) / SCALE, weave.turn], axis=1)
    rest = path + moves
    rest = (rest - rest.mean(axis=0)) * (1, 1, np.radians(arm_px(SCAN)))
    return float(np.sqrt(np.square(rest).sum(axis=1).mean()))


def test_a_camera_that_stands_still_is_steadied_whole():
    path = woven(48)
    weave = gate_weave(read(path), SCAN)
    assert weave.stands
    assert left(path, weave) < 0.05
    planned = planned_stabilise(weave, 1.0, 1.0)
    assert "The camera stands still." in planned.why
    params = StabiliseParams.model_validate(planned.params)
    params.require_frames(48)
    assert params.margin[0] >= max(map(abs, params.x))


def test_errors_do_not_add_up_along_a_long_shot():
    path = woven(600, rotation_deg=0.0)
    whole = left(path, gate_weave(read(path, noise=0.1), SCAN))
    assert whole < 0.15
    near_only = [WeaveReading(row.x_px, row.y_px, row.followed) for row in read(path, noise=0.1)]
    assert left(path, gate_weave(near_only, SCAN)) > 1.5 * whole


@pytest.mark.parametrize("speed", [0.5, 6.0])
def test_a_pan_is_kept(speed):
    path, time = woven(48), np.arange(48)
    pan = np.stack([speed * time, -0.3 * speed * time, 0 * time], axis=1)
    weave = gate_weave(read(path + pan), SCAN)
    assert not weave.stands
    assert left(path, weave) < 0.35
    assert "The camera moves" in planned_stabilise(weave, 1.0, 1.0).why


def test_a_pan_that_begins_and_ends_softly_is_kept():
    path, swing = woven(60), 100 * (1 - np.cos(np.pi * np.arange(60) / 59))
    weave = gate_weave(read(path + np.stack([swing, 0 * swing, 0 * swing], axis=1)), SCAN)
    assert left(path, weave) < 0.8 < left(path, gate_weave(read(0 * path), SCAN))


def test_a_person_who_walks_through_has_no_say():
    path = woven(48)
    weave = gate_weave(read(path, otherwise=range(8, 14)), SCAN)
    assert left(path, weave) < 0.08


def hand_held(frames=60, push=6.0, seed=1):
    """A camera that is pushed about at random."""
    pushes = np.random.default_rng(seed).standard_normal((frames, 3)) * (push, push, 0)
    return np.cumsum(np.cumsum(pushes, axis=0), axis=0) * 0.5


def test_a_camera_held_in_hand_is_left_alone_and_the_plan_says_so():
    weave = gate_weave(read(hand_held()), SCAN)
    planned = planned_stabilise(weave, 1.0, 1.0)
    assert planned.params == {"x": [], "y": [], "turn": []}
    assert planned.why.startswith("Left alone: the picture trembles by")
    assert planned_stabilise(gate_weave(read(hand_held(push=0.2)), SCAN), 1.0, 1.0) is None


@pytest.mark.parametrize("path", [np.zeros((48, 3)), np.outer(np.arange(48), (2.0, 0.5, 0.0))])
def test_what_does_not_weave_gets_nothing(path):
    assert planned_stabilise(gate_weave(read(path), SCAN), 1.0, 1.0) is None
    assert planned_stabilise(gate_weave(read(path), SCAN), 0.5, 1.0) is None


def test_less_is_steadied_when_a_gentler_plan_is_asked_for():
    weave = gate_weave(read(woven(48, x_px=0.16, y_px=0.1, rotation_deg=0.0)), SCAN)
    assert planned_stabilise(weave, 1.0, 1.0) is not None
    assert planned_stabilise(weave, 2.0, 0.7) is None


def test_a_frame_that_could_not_be_followed_does_not_break_the_path():
    path = woven(48, rotation_deg=0.0)
    placed = placing(read(path, unseen=(20,)), SCAN)
    assert (~placed.seen).nonzero()[0].tolist() == [20]
    assert placed.joined[21]
    weave = gate_weave(read(path, unseen=(20,)), SCAN)
    rest = path[:, 0] + np.array(weave.x) / SCALE
    assert np.delete(rest - rest.mean(), 20).std() < 0.05


def test_parts_that_nothing_joins_lie_anywhere():
    path = woven(48, rotation_deg=0.0)
    path[24:] += (30.0, 0.0, 0.0)
    rows = read(path)
    for frame in range(24, 24 + FAR):
        row = rows[frame]
        near = (NOTHING, NOTHING, NOTHING) if frame == 24 else (row.x_px, row.y_px, row.followed)
        rows[frame] = WeaveReading(*near)
    placed = placing(rows, SCAN)
    assert placed.joined.tolist().count(False) == 2
    weave = gate_weave(rows, SCAN)
    path[24:] -= (30.0, 0.0, 0.0)
    rest = path[:, 0] + np.array(weave.x) / SCALE
    assert max(rest[:24].std(), rest[24:].std()) < 0.1


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_short_shots_and_blank_ones_say_nothing(frames):
    assert gate_weave(read(woven(frames)), SCAN) is None
    assert gate_weave([WeaveReading(NOTHING, NOTHING, NOTHING)] * 30, SCAN) is None
    assert np.isfinite(gate_path(placing(read(woven(frames)), SCAN)).off).all()


def test_parts_without_a_picture_are_passed_over():
    rows = [FrameReadings(100 + place, {Category.WEAVE: one}) for place, one in enumerate(read(woven(24)))]
    shots = [Shot(1, 100, 124), Shot(2, 100, 124, kind=PartKind.LEADER), Shot(3, 110, 140)]
    assert list(gate_weaves(shots, rows, SCAN)) == [1]
    assert planned_stabilise(None, 1.0, 1.0) is None
