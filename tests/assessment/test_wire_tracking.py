"""Wires are found between two points and followed; where they end, are hidden or are lost, nothing is guessed."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.wire_tracking import Ended, follow, found_between
from restoration_tasks.training.damage.wire import WireForm
from tests.assessment.wired import FRAMES, HEIGHT, WIDTH, looks, scene, seen_ends, wired

KEY = FRAMES // 2
CLICKED = np.array([[2.0, 2.0], [-2.0, 1.5]])


def apart(course, truth):
    """How far each point of a course is from the true one, pixels."""
    steps = np.linspace(0, len(truth) - 1, 40 * len(truth))
    true = np.stack([np.interp(steps, np.arange(len(truth)), truth[:, axis]) for axis in (0, 1)], axis=1)
    return np.hypot(*(course[:, None] - true[None]).transpose(2, 0, 1)).min(axis=1)


@pytest.mark.parametrize("form", [WireForm.STRAIGHT, WireForm.SAGGING, WireForm.SWAYING, WireForm.STILL])
def test_it_is_found_between_two_clicks_to_parts_of_a_pixel(form):
    _, frames = wired(form)
    found = found_between(looks([one.picture for one in frames])(KEY), seen_ends(frames[KEY]) + CLICKED)
    assert np.median(apart(found.course, frames[KEY].course)) < 0.4
    assert found.width_px == pytest.approx(frames[KEY].width_px, abs=0.8)


@pytest.mark.parametrize("form", [WireForm.STRAIGHT, WireForm.SAGGING, WireForm.SWAYING])
def test_it_is_followed_both_ways_as_far_as_the_shot_goes(form):
    _, frames = wired(form)
    wire = follow(looks([one.picture for one in frames]), FRAMES, KEY, seen_ends(frames[KEY]) + CLICKED)
    assert (wire.first, wire.last, wire.before, wire.after) == (0, FRAMES - 1, Ended.SHOT, Ended.SHOT)
    for at, on in wire.frames.items():
        assert np.median(apart(on.course, frames[at].course)) < 0.6
        assert np.hypot(*(on.course[-1] - seen_ends(frames[at])[-1])) < 15


def test_where_there_is_no_line_none_is_found():
    flat = np.full((3, HEIGHT, WIDTH), 500, np.uint16)
    rng = np.random.default_rng(3)
    grainy = [(flat + rng.normal(0, 8, flat.shape)).astype(np.uint16) for _ in range(FRAMES)]
    assert follow(looks(grainy), FRAMES, KEY, np.array([[60.0, 0.0], [150.0, 120.0]])) is None


def test_a_wire_that_is_gone_is_lost_and_not_guessed():
    clean, frames = wired()
    pictures = [one.picture for one in frames]
    pictures[KEY + 2 :] = clean[KEY + 2 :]
    wire = follow(looks(pictures), FRAMES, KEY, seen_ends(frames[KEY]))
    assert wire.after is Ended.LOST
    assert wire.last < KEY + 3
    assert (wire.first, wire.before) == (0, Ended.SHOT)


def test_what_passes_in_front_of_it_is_left_out():
    clean = scene()
    _, frames = wired()
    pictures = []
    for at, one in enumerate(frames):
        picture = one.picture.copy()
        # An arm of the body, in front of the wire, forty rows above where the wire ends.
        x, y = (round(float(value)) for value in seen_ends(one)[-1])
        top = y - 60
        rng = np.random.default_rng(9)
        arm = 500 + 800 * (cv2.GaussianBlur(rng.uniform(0, 1, (26, 90)).astype(np.float32), (0, 0), 2) - 0.5)
        left = max(x - 45, 0)
        arm = arm[:, : WIDTH - left]
        picture[:, top : top + 26, left : left + arm.shape[1]] = np.clip(arm, 0, 1023).astype(np.uint16)
        pictures.append(picture)
        assert picture.shape == clean[at].shape
    wire = follow(looks(pictures), FRAMES, KEY, seen_ends(frames[KEY]))
    behind = [
        on
        for at, on in wire.frames.items()
        if not any(
            (piece[:, 1] > seen_ends(frames[at])[-1][1] - 54).any()
            and (piece[:, 1] < seen_ends(frames[at])[-1][1] - 44).any()
            for piece in on.pieces
        )
    ]
    assert len(behind) >= len(wire.frames) - 2
    assert all(len(on.pieces) >= 1 for on in wire.frames.values())


TONE, BAND = 300, (70, 115)
"""The tone of a wire, and the rows in which what is behind it has that tone as well."""


def over_its_own_tone(band_tone):
    """An upright wire, tight from the upper edge to below, that moves aside over a grainy scene with a band in it."""
    rng = np.random.default_rng(4)
    pictures = []
    for at in range(FRAMES):
        picture = 600 + rng.normal(0, 6, (HEIGHT, WIDTH))
        picture[BAND[0] : BAND[1]] += band_tone - 600
        left = 120 + 2 * at
        picture[:150, left : left + 4] = TONE
        if band_tone > TONE + 10:  # something in front of the wire
            picture[BAND[0] : BAND[1], left : left + 4] = band_tone + rng.normal(0, 6, (BAND[1] - BAND[0], 4))
        picture = np.repeat(cv2.GaussianBlur(picture, (0, 0), 0.5)[None], 3, axis=0)
        pictures.append(np.clip(picture, 0, 1023).astype(np.uint16))
    left = 120 + 2 * KEY + 1.5
    return pictures, np.array([[left, 3.0], [left, 149.0]])


def rows_of(pieces):
    return {round(y) for piece in pieces for y in np.arange(piece[0][1], piece[-1][1] + 1)}


@pytest.mark.parametrize(("band_tone", "seen"), [(TONE, True), (480, False)])
def test_where_the_scene_has_its_tone_it_goes_on_and_where_something_is_in_front_it_does_not(band_tone, seen):
    pictures, ends = over_its_own_tone(band_tone)
    wire = follow(looks(pictures), FRAMES, KEY, ends)
    inside = set(range(BAND[0] + 12, BAND[1] - 12))
    for on in wire.frames.values():
        assert (len(inside & rows_of(on.pieces)) >= len(inside) - 2) is seen


def test_a_wire_clicked_a_little_inside_the_picture_reaches_its_edge():
    pictures, ends = over_its_own_tone(TONE)
    ends[0, 1] = 6.0
    wire = follow(looks(pictures), FRAMES, KEY, ends)
    assert all(on.course[0][1] < 1 for on in wire.frames.values())
