from __future__ import annotations

import pytest

from restoration_tasks.assessment.figures import read_figures
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.spec import StepName
from tests.steps.worked_reel import SEGMENTS, make_worked_reel


def test_maps_and_figures_of_a_damaged_and_a_clean_shot(settings):
    reel = make_worked_reel(settings)
    assessed = reel.assess()
    damaged, clean = (assessed[segment.id] for segment in SEGMENTS)
    assert damaged.figures["frames"] == 12
    assert damaged.figures["dirt_area"] > 0.005
    assert damaged.figures["specks"] >= 12
    assert (clean.figures["dirt_area"], clean.figures["dirt_severity"], clean.figures["specks"]) == (0, 0, 0)
    assert [row.frame for row in read_figures(reel.file(clean.reference("figures")))] == list(range(12, 20))
    reader = FrameReader(reel.file(damaged.reference("map")))
    assert (len(reader), reader.format.pix_fmt, reader.format.width) == (12, "gbrp", 128)
    maps = [DamageMap.from_frame(frame) for frame in FrameReader(reel.file(clean.reference("map")))]
    assert not any(found.dirt.any() or found.hair.any() or (found.scratch >= 128).any() for found in maps)


def test_without_a_segment_nothing_is_measured(settings):
    reel = make_worked_reel(settings)
    with pytest.raises(WrongUse, match="segment"):
        reel.work(StepName.ASSESS, {"master": reel.master})
