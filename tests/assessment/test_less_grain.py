from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.grain_level import GrainReading
from restoration_tasks.assessment.less_grain import GrainFound, grain_found, planned_grain
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.restoration.denoise import DenoiseParams
from restoration_tasks.restoration.treatment import checked_params

SCAN = Scanned(720, 405, 24.0, False)


def reel(*shots, kind=PartKind.PICTURE):
    """A shot of eight frames for each reading."""
    made = [Shot(place + 1, 8 * place, 8 * place + 8, kind) for place in range(len(shots))]
    rows = [FrameReadings(8 * p + f, {Category.GRAIN: one}) for p, one in enumerate(shots) for f in range(8)]
    return made, rows


def test_the_grain_of_each_shot_by_brightness():
    found = grain_found(*reel(GrainReading(0.01, 0.02, 0.015, 0.8, 300), GrainReading(-1, 0.03, -1, 0.5, 300)), SCAN)
    assert found[1].sigma == (0.01, 0.02, 0.015)
    assert found[1].radius_px == pytest.approx(0.8)
    assert found[2].sigma == (0.03, 0.03, 0.03)  # a band the shot does not show
    assert found[1].severity < found[2].severity


def test_nothing_is_said_of_parts_without_a_picture_or_without_a_reading():
    assert grain_found(*reel(GrainReading(0.01, 0.02, 0.015, 0.8, 300), kind=PartKind.BLACK), SCAN) == {}
    assert grain_found(*reel(GrainReading(-1, -1, -1, 0.2, 0)), SCAN) == {}


def test_it_is_planned_where_it_was_asked_for_and_shows():
    found = GrainFound((0.01, 0.02, 0.015), 0.8, 25.0)
    planned = planned_grain(found, 0.6, Engine.NETWORK)
    assert planned is not None
    assert "60 % less grain" in planned.why
    assert "5.1 of 255" in planned.why
    params = checked_params(planned.name, planned.params)
    assert isinstance(params, DenoiseParams)
    assert params.keep == pytest.approx(0.4)
    assert params.models
    assert not checked_params("grain", planned_grain(found, 1.0, Engine.CLASSICAL).params).models


@pytest.mark.parametrize(
    ("found", "taken"),
    [(None, 0.5), (GrainFound((0.02,) * 3, 0.8, 25.0), 0.0), (GrainFound((0.004,) * 3, 0.3, 4.0), 1)],
)
def test_else_it_is_not(found, taken):
    assert planned_grain(found, taken, Engine.NETWORK) is None


def test_what_the_gauge_reads_off_frames_is_what_was_laid_on():
    from restoration_tasks.assessment.glance import Glance
    from restoration_tasks.assessment.grain_level import GrainGauge
    from restoration_tasks.media.picture import PictureFormat

    picture, rng = PictureFormat(320, 240, "gray10le"), np.random.default_rng(3)
    frames = [np.clip(500 + rng.normal(0, 20, (1, 240, 320)), 0, 1023).astype(np.uint16) for _ in range(8)]
    glances = [Glance.of(place, frame, picture) for place, frame in enumerate(frames)]
    rows = [
        FrameReadings(
            place,
            {Category.GRAIN: GrainGauge().read({o: glances[place + o] for o in (-1, 0, 1) if 0 <= place + o < 8})},
        )
        for place in range(8)
    ]
    (found,) = grain_found([Shot(1, 0, 8)], rows, Scanned(320, 240, 24.0, True)).values()
    assert found.sigma[1] == pytest.approx(20 / 1023, rel=0.1)
