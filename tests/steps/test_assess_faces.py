"""Faces on the way of a reel: looked for where the network is installed, named as not looked for where it is not."""

from __future__ import annotations

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.faces import read_faces
from restoration_tasks.models.centerface import NAME, SHA256
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Runtime
from restoration_tasks.runtime.spec import AgentKind
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.survey import survey
from restoration_tasks.steps.way import Way

ASKS = Execution("t")


class Reel:
    """Twelve frames of a photograph, on the way as far as asked for."""

    def __init__(self, settings, folder):
        self.settings, self.folder = settings, folder
        self.ingest = self.work(self.way.ingest(ASKS))
        self.shots = self.work(self.way.shots(ASKS, self.ingest))

    @property
    def way(self):
        """A new one each time, as each task has."""
        return Way("portrait", self.settings, RunOptions(delivery=str(self.folder), engine="classical"))

    def work(self, spec):
        return run_step(spec, definition(spec.step), self.settings)

    def assess(self):
        return self.work(self.spec)

    @property
    def spec(self):
        return self.way.assess(ASKS, self.ingest, self.way.segments(self.shots)[0])

    def found(self):
        return next(iter(self.way.assessed(self.ingest, self.shots).values()))

    def plan(self):
        return self.work(self.way.plan(ASKS, self.ingest, self.shots, self.way.assessed(self.ingest, self.shots)))

    def file(self, result, name):
        return Vault(self.settings.vault_root).fetch(result.reference(name), self.settings.scratch_folder)


@pytest.fixture
def reel(settings, tmp_path, astronaut):
    folder = tmp_path / "portrait"
    folder.mkdir()
    shown = cv2.resize(astronaut[..., ::-1], (256, 256), interpolation=cv2.INTER_AREA)
    for number in range(12):
        shift = np.float32([[1, 0, 0.4 * number], [0, 1, 0]])
        moved = cv2.warpAffine(shown, shift, (256, 256), borderMode=cv2.BORDER_REPLICATE)
        cv2.imwrite(str(folder / f"frame_{number:04d}.png"), moved)
    (folder / ".ready").touch()
    return Reel(settings, folder)


@pytest.fixture
def install(settings, real_shelf):
    def put():
        return Shelf.of(settings).install(NAME, given=real_shelf.require(NAME)[0].path)

    return put


def test_without_the_network_the_assessment_goes_on_and_the_page_says_so(reel):
    assessed, planned = reel.assess(), reel.plan()
    assert "faces" not in assessed.figures
    assert read_faces(reel.file(assessed, "faces")) is None
    assert [one for one in planned.warnings if "models install centerface" in one]
    record = json.loads(reel.file(planned, "condition").read_text())
    assert [shot["faces"] for shot in record["shots"]] == [None]
    assert (
        "Faces were not looked for: run `reelkeeper models install centerface`"
        in reel.file(planned, "condition_report").read_text()
    )


def test_with_it_the_faces_are_in_the_record_on_the_page_and_in_the_signature(reel, install, settings):
    without = reel.spec
    install()
    assert reel.spec.models == {NAME: SHA256}
    in_pods = replace(reel.way, settings=settings.model_copy(update={"runtime": Runtime.KUBERNETES}))
    assert in_pods.assess(ASKS, reel.ingest, in_pods.segments(reel.shots)[0]).models == {}
    assert reel.spec.signature != without.signature
    assessed, planned = reel.assess(), reel.plan()
    assert assessed.figures["faces"] == 1
    assert {agent.sha256 for agent in assessed.agents if agent.kind is AgentKind.MODEL} == {SHA256}
    assert list(read_faces(reel.file(assessed, "faces"))) == [6]
    (shot,) = json.loads(reel.file(planned, "condition").read_text())["shots"]
    assert (shot["faces"]["looked_at"], shot["faces"]["most_at_once"], shot["faces"]["frame"]) == (1, 1, 6)
    assert shot["faces"]["largest_px"] == pytest.approx(45, abs=4)
    page = reel.file(planned, "condition_report").read_text()
    assert "Faces were found in 1 shot of 1:" in page
    assert "with a box around each face" in page
    assert not [one for one in planned.warnings if "faces" in one]


def test_a_run_goes_on_when_the_network_comes_or_goes_half_way(reel, install, settings):
    without = reel.assess()
    install()
    assert reel.found().signature == without.signature
    with_faces = reel.assess()
    assert reel.found().signature == with_faces.signature
    (file,) = Shelf.of(settings).require(NAME)
    asked = reel.spec
    file.path.unlink()
    assert reel.found().signature == with_faces.signature
    with pytest.raises(ModelError, match=r"not installed.*models install centerface"):
        reel.work(asked.model_copy(update={"fresh": True, "execution_id": "t/2"}))


def test_a_survey_looks_for_faces_too(reel, tmp_path, monkeypatch, real_shelf):
    monkeypatch.setenv("REELKEEPER_MODELS", str(real_shelf.folder))
    master, record, page = reel.file(reel.ingest, "master"), tmp_path / "a.json", tmp_path / "a.html"
    survey(master, every=5, record=record, report=page, progress=lambda _: None)
    shots = [shot["faces"] for shot in json.loads(record.read_text())["shots"]]
    assert [(one["looked_at"], one["most_at_once"], one["frame"]) for one in shots] == [(1, 1, 2), (1, 1, 7)]
    assert "Faces were found in 2 shots of 2" in page.read_text()
    monkeypatch.setenv("REELKEEPER_MODELS", str(tmp_path / "none"))
    survey(master, every=5, report=page, progress=lambda _: None)
    assert "Faces were not looked for" in page.read_text()
