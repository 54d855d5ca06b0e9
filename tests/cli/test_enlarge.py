"""A larger version from command to package: made, checked, marked, and refused before work where it cannot be."""

from __future__ import annotations

import hashlib
import json
import sys

import pytest

from restoration_tasks.cli.main import main
from restoration_tasks.media.probe import probe, technical_metadata
from restoration_tasks.models.enlargers import ANIMATION, FAITHFUL
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.package import PLACES
from tests.cli.conftest import REEL
from tests.cli.test_whole_way import local, newest
from tests.restoration.moving import moving_clip, write_master

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


@pytest.fixture
def command(archive, monkeypatch, capsys):
    """Run a command in this process; give its exit code and what it said."""

    def run(*arguments):
        for name, value in archive.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["reelkeeper", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out + told.err

    return run


def test_a_network_that_is_not_there_is_said_before_any_work(archive, reel, tmp_path, command):
    for asked in (
        ("run", reel.delivery, "--reel-id", REEL),
        ("plan", REEL),
        ("clip", reel.delivery, tmp_path / "out.mkv"),
    ):
        code, said = command(*asked, "--enlarge", "faithful-4x")
        assert code == ExitCode.FAILED
        assert f"Next: run `reelkeeper models install {FAITHFUL}`" in said
    assert archive.landed() == []


def test_other_bytes_than_pinned_are_said_before_any_work(stocked, reel, command):
    (weights,) = (stocked.home / "models").rglob("*.bin")
    weights.unlink()
    weights.write_bytes(b"other")
    code, said = command("run", reel.delivery, "--reel-id", REEL, "--enlarge", "animation-2x")
    assert (code, "not the one that is pinned" in said) == (ExitCode.FAILED, True)
    assert stocked.landed() == []


def test_a_clip_is_not_enlarged_into_frame_files(stocked, reel, tmp_path, command):
    code, said = command("clip", reel.delivery, tmp_path / "frames", "--enlarge", "animation-2x")
    assert (code, "a name ending in .mkv" in said) == (ExitCode.WRONG_USE, True)


def test_a_clip_is_larger_and_marked(stocked, command, tmp_path):
    source, target, report = tmp_path / "clip.mkv", tmp_path / "larger.mp4", tmp_path / "report.json"
    write_master(source, moving_clip(8))
    asked = ("--enlarge", "animation-2x", "--engine", "classical", "--treat", "", "--report", report)
    code, said = command("clip", source, target, *asked)
    assert code == ExitCode.DONE, said
    assert "detail invented by the network" in said
    info = probe(target)
    assert (info.format.width, info.format.height, info.frames) == (256, 192, 8)
    assert "invented by the network" in str(technical_metadata(target)[0])
    assert json.loads(report.read_text())["plan"]["enlarge"]["look"] == "animation"
