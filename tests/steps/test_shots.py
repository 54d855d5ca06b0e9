from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.models.transnet import WEIGHTS_SHA256
from restoration_tasks.runtime.spec import AgentKind, StepName
from tests.restoration.moving import GREY, moving_clip, write_master
from tests.steps.worked_reel import make_worked_reel, register


@pytest.fixture
def reel(settings):
    return make_worked_reel(settings)


def test_the_shots_and_their_segments_are_listed(reel, tmp_path):
    clip = np.concatenate([moving_clip(16), 1023 - moving_clip(20, seed=3)])
    path = reel.file(reel.master).with_name("cut.mkv")
    write_master(path, clip)
    result = reel.work(StepName.SHOTS, {"master": register(reel.settings, path)})
    content = json.loads(reel.file(result.reference("shots")).read_text())
    assert [(shot["start"], shot["stop"]) for shot in content["shots"]] == [(0, 16), (16, 36)]
    assert [segment["id"] for segment in content["segments"]] == ["s001-01", "s002-01"]
    assert (result.figures["shots"], result.figures["segments"]) == (2, 2)
    assert [agent.sha256 for agent in result.agents if agent.kind is AgentKind.MODEL] == [WEIGHTS_SHA256]


def test_a_reel_of_one_frame_is_one_shot(reel):
    path = reel.file(reel.master).with_name("one.mkv")
    write_master(path, moving_clip(1), replace(GREY))
    result = reel.work(StepName.SHOTS, {"master": register(reel.settings, path)})
    assert (result.figures["shots"], result.figures["segments"]) == (1, 1)
