from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.assessment.decide import Strength, decide
from restoration_tasks.assessment.figures import read_figures
from restoration_tasks.assessment.readings import lights_of, read_readings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.restoration.plan import Plan, PlanSlice
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.spec import StepName
from tests.steps.worked_reel import REEL_ID, SEGMENTS, SHOTS, make_worked_reel


@pytest.fixture
def worked(settings):
    """The reel, assessed and planned."""
    reel = make_worked_reel(settings)
    assessed = reel.assess()
    rows = [row for result in assessed.values() for row in read_figures(reel.file(result.reference("figures")))]
    shots = [Shot(number, *bounds) for number, bounds in enumerate(SHOTS, start=1)]
    tables = [read_readings(reel.file(result.reference("readings")))[0] for result in assessed.values()]
    lights = lights_of([reading for table in tables for reading in table])
    planned = [shot for shot, _ in decide(shots, rows, ("dirt", "flicker"), Strength.SAME, lights=lights)]
    return reel, assessed, Plan(reel_id=REEL_ID, shots=tuple(planned))


def restore(reel, assessed, plan, segment):
    maps = {f"map/{segment.id}": assessed[segment.id].reference("map")}
    part = plan.slice_for(segment).as_json()
    return reel.work(StepName.RESTORE, {"master": reel.master} | maps, segment=segment, plan=part)


def pictures(reel, result):
    return np.stack([frame[0] for frame in FrameReader(reel.file(result.reference("segment")))])


def psnr_db(one, other):
    return 10 * np.log10(1023**2 / np.mean(np.square(one.astype(float) - other)))


def test_damage_goes_and_the_clean_shot_stays_bit_identical(worked):
    reel, assessed, plan = worked
    first, second = (restore(reel, assessed, plan, segment) for segment in SEGMENTS)
    clean, damaged = reel.clean[:12, 0], reel.damaged[:12, 0]
    assert psnr_db(pictures(reel, first), clean) > psnr_db(damaged, clean) + 6
    assert np.array_equal(pictures(reel, second), reel.damaged[12:, 0])
    assert first.figures["treatments"] == ["dirt", "flicker"]
    assert first.figures["frames_changed"] == 12
    assert (second.figures["frames_changed"], second.figures["changed_share"], second.figures["treatments"]) == (
        0,
        0,
        [],
    )


def test_the_table_of_changes_has_every_frame(worked):
    import pyarrow.parquet as pq

    reel, assessed, plan = worked
    result = restore(reel, assessed, plan, SEGMENTS[0])
    table = pq.read_table(reel.file(result.reference("changes"))).to_pydict()
    assert table["frame"] == list(range(12))
    assert sum(table["outside_map_px"]) == 0
    assert sum(table["repaired_px"]) == result.figures["repaired_px"] > 0


def test_a_slice_that_is_none_is_refused(worked):
    reel, _, _ = worked
    with pytest.raises(PlanError, match="slice"):
        reel.work(StepName.RESTORE, {"master": reel.master}, segment=SEGMENTS[0], plan={"treatments": "all"})


def test_nothing_heavy_is_imported_to_know_the_steps():
    import subprocess
    import sys

    code = (
        "import sys\n"
        "from restoration_tasks.steps import assess, plan, restore, shots\n"
        "print([m for m in ('torch', 'cv2', 'numpy', 'pandas', 'pyarrow', 'yaml') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "[]", said


def test_an_empty_slice_needs_no_maps(worked):
    reel, _, _ = worked
    result = reel.work(StepName.RESTORE, {"master": reel.master}, segment=SEGMENTS[0], plan=PlanSlice(()).as_json())
    assert np.array_equal(pictures(reel, result), reel.damaged[:12, 0])
