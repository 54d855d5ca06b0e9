"""Faces on the way of a reel to its check: what the assessment found is held against the restored master."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.models.centerface import NAME
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.quality.faces import NOT_LOOKED
from restoration_tasks.quality.findings import CheckReport, Status
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Reference
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.way import Way

ASKS, FRAMES, SIDE = Execution("t"), 6, 256
FACE = (slice(36, 90), slice(92, 136))
"""Where the photograph's face is, rows and columns."""


class Portrait:
    """Six dirty frames of a photograph, worked as far as the check."""

    def __init__(self, settings, folder, photograph):
        self.settings, self.folder = settings, folder
        folder.mkdir()
        grey = cv2.cvtColor(photograph, cv2.COLOR_RGB2GRAY)
        shown = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        rng = np.random.default_rng(1)
        for number in range(FRAMES):
            grain = rng.normal(0, 4, (SIDE, SIDE))
            frame = np.clip(np.roll(shown, number, axis=1) + grain, 0, 255).astype(np.uint8)
            for _ in range(14):
                x, y = (int(one) for one in rng.integers(0, SIDE, 2))
                cv2.circle(frame, (x, y), int(rng.integers(2, 5)), 8, -1)
            # ... and one on the face itself
            cv2.circle(frame, (108 + number, 66), 4, 5, -1)
            cv2.imwrite(str(folder / f"frame_{number:04d}.png"), frame)
        (folder / ".ready").touch()

    @property
    def way(self):
        return Way("portrait", self.settings, RunOptions(delivery=str(self.folder), engine="classical"))

    def work(self, spec):
        return run_step(spec, definition(spec.step), self.settings)

    def report(self, result):
        content = Vault(self.settings.vault_root).read_bytes(result.output("check").uri)
        return {one.id: one for one in CheckReport.model_validate_json(content).results}

    def spec(self):
        """What the check is asked for."""
        ingest = self.work(self.way.ingest(ASKS))
        shots = self.work(self.way.shots(ASKS, ingest))
        segments = self.way.segments(shots)
        assessed = {one.id: self.work(self.way.assess(ASKS, ingest, one)) for one in segments}
        planned = self.work(self.way.plan(ASKS, ingest, shots, assessed))
        plan = Plan.from_yaml(self.way.draft(planned))
        assert any(one.name == "dirt" for shot in plan.shots for one in shot.treatments)
        restored = {one.id: self.work(self.way.restore(ASKS, ingest, assessed, plan, one)) for one in segments}
        assembled = self.work(self.way.assemble(ASKS, ingest, restored, segments))
        return self.way.check(ASKS, ingest, shots, assessed, restored, planned.reference("plan"), assembled)

    def with_face_moved(self, spec, where):
        """The same question about a restored master whose face lies five pixels further in one frame."""
        path = Vault(self.settings.vault_root).fetch(spec.inputs["restoration_master"], self.settings.scratch_folder)
        reader = FrameReader(path)
        frames = [tuple(plane.copy() for plane in frame) for frame in reader]
        rows, columns = FACE
        for plane in frames[where]:
            plane[rows, columns] = plane[rows, columns.start - 5 : columns.stop - 5]
        moved = Path(self.settings.vault_root) / "reels/portrait/moved.mkv"
        moved.parent.mkdir(parents=True, exist_ok=True)
        with FrameWriter(moved, reader.format) as writer:
            for frame in frames:
                writer.write(frame)
        sha256, size = sha256_file(moved)
        reference = Reference(uri="vault:reels/portrait/moved.mkv", sha256=sha256, bytes=size)
        return spec.model_copy(
            update={"inputs": spec.inputs | {"restoration_master": reference}, "execution_id": "t/moved"}
        )


@pytest.fixture
def portrait(settings, tmp_path, astronaut):
    return Portrait(settings, tmp_path / "portrait", astronaut)


def test_a_repaired_portrait_passes_and_one_with_its_face_moved_is_refused_by_name(portrait, settings, real_shelf):
    Shelf.of(settings).install(NAME, given=real_shelf.require(NAME)[0].path)
    spec = portrait.spec()
    result = portrait.work(spec)
    rules = portrait.report(result)
    assert result.figures["passed"], result.figures["failed_rules"]
    for rule in ("fidelity.faces_in_place", "fidelity.faces_kept", "fidelity.lettering_kept"):
        assert rules[rule].status is Status.PASSED, rules[rule]
    refused = portrait.report(portrait.work(portrait.with_face_moved(spec, 4)))
    for rule in ("fidelity.faces_in_place", "fidelity.faces_kept"):
        assert refused[rule].status is Status.FAILED
        assert [one.frame for one in refused[rule].frames] == [4]


def test_without_the_network_the_check_says_that_faces_were_not_measured(portrait):
    spec = portrait.spec()
    result = portrait.work(spec)
    rules = portrait.report(result)
    for rule in ("fidelity.faces_in_place", "fidelity.faces_kept"):
        assert (rules[rule].status, rules[rule].detail) == (Status.NOT_APPLICABLE, NOT_LOOKED)
    page = Vault(portrait.settings.vault_root).read_bytes(result.output("report").uri).decode()
    assert "not measured: faces were not looked for" in page
