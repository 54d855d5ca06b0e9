from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.report.densities import BINS, DENSEST, counted, plot

PICTURE = PictureFormat(64, 48, "gbrp10le")
STEP = DENSEST / BINS


def frame(red, green, blue):
    """Planes as ffmpeg orders them: G, B, R."""
    return tuple(np.full((48, 64), round(1023 * 10**-density), np.uint16) for density in (green, blue, red))


def test_each_colour_lies_where_its_density_is():
    counts = counted(frame(0.3, 0.9, 0.6), PICTURE)
    assert counts.sum(axis=1) == pytest.approx(1.0)
    assert counts.argmax(axis=1) * STEP == pytest.approx([0.3, 0.9, 0.6], abs=STEP)


def test_the_curves_say_which_dye_they_stand_for_and_how_far_they_reach():
    drawn = plot([counted(frame(0.3, 0.9, 0.6), PICTURE), counted(frame(0.4, 1.2, 0.8), PICTURE)])
    assert [curve.style for curve in drawn.curves] == ["red", "green", "blue"]
    assert drawn.curves[0].label.startswith("red (cyan dye): density 0.")
    assert "magenta" in drawn.summary
    ends = [float(curve.label.rsplit(" ", 1)[1]) for curve in drawn.curves]
    assert ends[0] < ends[2] < ends[1]


def test_grey_film_has_one_curve_and_black_and_white_are_drawn():
    grey = PictureFormat(64, 48, "gray10le")
    black, white = (np.full((48, 64), code, np.uint16) for code in (0, 1023))
    drawn = plot([counted((black,), grey), counted((white,), grey)])
    assert [curve.style for curve in drawn.curves] == ["grey"]
    assert "nan" not in drawn.curves[0].path
    assert plot([]) is None


def test_a_grey_picture_in_three_channels_is_grey():
    drawn = plot([counted(frame(0.5, 0.5, 0.5), PICTURE)])
    assert [curve.style for curve in drawn.curves] == ["grey"]
    assert drawn.curves[0].label.startswith("silver")
