"""What a thin thing hides is continued from its two sides along the structures that meet it, whichever way it runs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.restoration.across_thin import across_thin
from restoration_tasks.restoration.carried import continued_around

HEIGHT, WIDTH = 80, 100


def striped(degrees):
    """Soft stripes that run at an angle, 0–1."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    turned = np.deg2rad(degrees)
    wave = 0.5 + 0.4 * np.sin((np.cos(turned) * y - np.sin(turned) * x) * 2 * np.pi / 14)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.float32)


def line(one, other, width=5):
    drawn = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.line(drawn, one, other, 1, width)
    return drawn > 0


def off(made, truth, mask):
    return float(np.sqrt(np.mean(np.square(made[mask] - truth[mask]))))


@pytest.mark.parametrize("degrees", [0, 35, 60, 110])
@pytest.mark.parametrize("ends", [((50, 0), (50, 79)), ((5, 5), (95, 70)), ((95, 10), (5, 60))])
def test_stripes_go_on_behind_a_wire_however_both_run(degrees, ends):
    truth, mask = striped(degrees), line(*ends)
    wire = np.where(mask[..., None], np.float32(1.0), truth)
    made = across_thin(wire, mask)
    assert np.array_equal(made[~mask], wire[~mask])
    along = np.rad2deg(np.arctan2(ends[1][1] - ends[0][1], ends[1][0] - ends[0][0]))
    if abs((along - degrees + 90) % 180 - 90) > 25:  # stripes along the wire are hidden by it
        assert off(made, truth, mask) < 0.6 * off(continued_around(wire, mask, fine=True), truth, mask)


def test_grey_pictures_and_places_no_ray_leaves_from_are_filled_too():
    grey = striped(30)[..., :1]
    corner = np.zeros((HEIGHT, WIDTH), np.bool_)
    corner[:, :60] = True  # wider than any ray is long
    made = across_thin(np.where(corner[..., None], np.float32(1.0), grey), corner)
    assert made.shape == grey.shape
    assert made[:, 56:60].mean() < 0.8
    assert across_thin(grey, np.zeros_like(corner)) is grey
