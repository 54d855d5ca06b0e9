"""Profiles that ship, from the plan to the check, on a reel of ten frames; a plan says what it goes by.

Two go on to the check; those that ask for a larger version, which takes minutes, are not worked here.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.stills.dpx import Transfer, write_dpx
from restoration_tasks.restoration.profile import SHIPPED, load
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps.asked import RunOptions
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.way import Way
from tests.restoration.moving import add_dirt, moving_clip
from tests.steps.revert.reels import ASKS, assessed, taken_in

REEL = "short-1"
BOUNDS = [(0, 5), (5, 10)]
WHOLE_WAY = ("conservation", "silent")


@pytest.fixture(scope="module")
def reel(tmp_path_factory):
    """Ingested and assessed by the real steps: a dirty shot and a clean one."""
    settings = Settings(home=tmp_path_factory.mktemp("profiles") / "home")
    folder = settings.inbox_folder / REEL
    folder.mkdir(parents=True)
    dirty, clean = moving_clip(5, seed=1), moving_clip(5, seed=2)
    frames = np.concatenate([add_dirt(dirty)[0], clean])[:, :, :64, :96]
    digests = {}
    for number, codes in enumerate(frames, start=1):
        path = folder / f"{REEL}_{number:07d}.dpx"
        colour = np.repeat(codes, 3, axis=0) if len(codes) == 1 else codes
        write_dpx(path, colour, fps=24.0, frame_position=number - 1, sequence_length=10,
                  transfer=Transfer.BT709, colorimetric_code=6, project=REEL)  # fmt: skip
        digests[path.name] = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    write_manifest(folder / "manifest-md5.txt", digests)
    found, segments = taken_in(settings, REEL, folder, BOUNDS, engine="classical")
    return assessed(found, segments)


def work(settings, spec):
    return run_step(spec, definition(spec.step), settings)


@pytest.mark.parametrize("name", [name for name in SHIPPED if not name.endswith("-4k")])
def test_a_profile_goes_its_whole_way(reel, name):
    before, settings = reel.way, reel.way.settings
    options = RunOptions(delivery=str(before.delivery), profile=name, fps="24", engine="classical")
    way = Way(REEL, settings, options)
    way.require_asked_models()
    shots = way.result_of(way.shots(ASKS, reel.ingest))
    assessments = way.assessed(reel.ingest, shots)
    planned = work(settings, way.plan(ASKS, reel.ingest, shots, assessments))
    profile, file = load(settings.profiles_folder, name), way.plan_file(1, way.draft(planned))
    plan = file.plan
    assert (plan.profile, plan.profile_sha256) == (name, profile.sha256)
    assert plan.instead_of_profile == (("frames per second: 24, not 18",) if name == "silent" else ())
    assert {one.name for shot in plan.shots for one in shot.treatments} <= {*profile.treatments.names}
    assert planned.figures["profile_sha256"] == profile.sha256
    if not profile.restores:
        assert plan.treated == 0
        assert any(output.name == "condition_report" for output in planned.outputs)
        return
    assert any(one.name == "dirt" for one in plan.shots[0].treatments)
    if name not in WHOLE_WAY:
        return
    segments = way.segments(shots)
    restored = {one.id: work(settings, way.restore(ASKS, reel.ingest, assessments, plan, one)) for one in segments}
    assembled = work(settings, way.assemble(ASKS, reel.ingest, restored, segments))
    checked = work(settings, way.check(ASKS, reel.ingest, shots, assessments, restored, file.reference, assembled))
    assert checked.figures["passed"], checked.figures
