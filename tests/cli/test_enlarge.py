"""A larger version from command to package: made, checked, marked, and refused before work where it cannot be."""

from __future__ import annotations

import hashlib
import json

import pytest

from restoration_tasks.media.probe import probe, technical_metadata
from restoration_tasks.models.enlargers import ANIMATION, FAITHFUL
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.package import PLACES
from tests.cli.conftest import REEL
from tests.cli.test_whole_way import local, newest

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def stocked(archive, shelved):
    """The archive with the network for drawn film on its shelf, and no other."""
    for file in shelved(ANIMATION[2]):
        kept = archive.home / "models" / file.path.parent.name / file.path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.symlink_to(file.path)
    return archive


def test_the_whole_way_with_a_larger_version(stocked, reel):
    asked = ("--enlarge", "animation-2x", "--engine", "classical")
    done = stocked.run("run", reel.delivery, "--reel-id", REEL, *asked, "--approve-as", "conservator")
    assert done.returncode == 0, done.stderr
    enlarged = newest(stocked, StepName.ENLARGE)
    assert len(enlarged) == 3
    for result in enlarged:
        assert result.figures["differs_codes_max"] <= 1
        assert result.figures["effect"] == "generative"
        assert {agent.sha256 for agent in result.agents if agent.kind == "model"} == set(result.models.values())
    (assembled,) = newest(stocked, StepName.ASSEMBLE)
    (checked,) = newest(stocked, StepName.CHECK)
    assert checked.figures["passed"]
    assert any("enlarged.nothing_invented" in warning for warning in checked.warnings)
    page = local(stocked, checked.output("report").uri).read_text()
    assert "holds invented detail" in page
    assert enlarged[0].models["realesr-animevideov3-x2.bin"] in page

    # the package has it, and it says in itself what it is
    (bag,) = newest(stocked, StepName.PACKAGE)
    sizes = {}
    for role in ("enlarged_master", "enlarged_framemd5", "enlarged_access"):
        packed = local(stocked, bag.output(role).uri)
        assert packed.as_posix().endswith(PLACES[role])
        assert hashlib.sha256(packed.read_bytes()).hexdigest() == assembled.output(role).sha256
        if role != "enlarged_framemd5":
            sizes[role] = (probe(packed).format.width, probe(packed).format.height)
            assert "invented by the network" in str(technical_metadata(packed)[0])
    assert set(sizes.values()) == {(192, 144)}
    premis = local(stocked, bag.output("premis").uri).read_text()
    assert premis.count("enlarged version") == 3
    assert "generative" in premis

    # asked for or not, the restoration is the same work
    plain = stocked.run("restore", REEL, "--engine", "classical")
    assert plain.returncode == 0, plain.stderr
    assert all(f"restore s{shot:03d}-01: reused" in plain.stdout for shot in (1, 2, 3))


def test_a_network_that_is_not_there_is_said_before_any_work(archive, reel, tmp_path):
    for command in (
        ("run", reel.delivery, "--reel-id", REEL),
        ("plan", REEL),
        ("clip", reel.delivery, tmp_path / "out.mkv"),
    ):
        done = archive.run(*command, "--enlarge", "faithful-4x")
        assert done.returncode == 1, done.stderr
        assert f"reelkeeper models install {FAITHFUL}" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    assert archive.landed() == []


def test_other_bytes_than_pinned_are_said_before_any_work(stocked, reel):
    (weights,) = (stocked.home / "models").rglob("*.bin")
    weights.unlink()
    weights.write_bytes(b"other")
    done = stocked.run("run", reel.delivery, "--reel-id", REEL, "--enlarge", "animation-2x")
    assert done.returncode == 1
    assert "not the one that is pinned" in done.stderr
    assert stocked.landed() == []


def test_a_clip_is_larger_and_marked(stocked, reel, tmp_path):
    target, report = tmp_path / "larger.mp4", tmp_path / "report.json"
    folder = stocked.run("clip", reel.delivery, tmp_path / "frames", "--enlarge", "animation-2x")
    assert folder.returncode == 2
    assert "a name ending in .mkv" in folder.stderr
    asked = ("--enlarge", "animation-2x", "--engine", "classical", "--treat", "", "--report", report)
    done = stocked.run("clip", reel.delivery, target, *asked)
    assert done.returncode == 0, done.stderr
    assert "detail invented by the network" in done.stdout
    info = probe(target)
    assert (info.format.width, info.format.height, info.frames) == (192, 144, 30)
    assert "invented by the network" in str(technical_metadata(target)[0])
    assert json.loads(report.read_text())["plan"]["enlarge"]["look"] == "animation"
