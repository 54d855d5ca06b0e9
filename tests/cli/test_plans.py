"""`reelkeeper plans region`: a region from the words of the command line becomes the next version of the plan."""

from __future__ import annotations

import pytest

from restoration_tasks.catalogue import plans, reels
from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.catalogue.migrate import upgrade
from restoration_tasks.cli.plans import _region
from restoration_tasks.models.rife import NAME
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.regions import RegionAction, RegionKind
from restoration_tasks.runtime.errors import ExitCode, WrongUse
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps.conductor import PROGRAM
from restoration_tasks.steps.plan_versions import adopt
from restoration_tasks.steps.way import Way
from tests.cli.conftest import REEL


def drafted(*treatments):
    shots = (PlannedShot(shot=1, start=0, stop=20, treatments=treatments), PlannedShot(shot=2, start=20, stop=50))
    return Plan(reel_id=REEL, shots=shots)


@pytest.mark.parametrize(
    ("frames", "polygon", "said"),
    [
        ("12 to 40", "0,0 9,0 9,9", "--frames cannot be read"),
        ("4-", "0,0 9,0", "the region is not valid: polygon"),
        ("4", "0,0 9,0 9", "--polygon cannot be read"),
        ("4", "0,0 9,zero 9,9", "--polygon cannot be read"),
        ("9-4", "0,0 9,0 9,9", "first to last"),
        ("4", "0,0 nan,0 9,9", "polygon"),
    ],
)
def test_words_that_are_no_region_are_refused(frames, polygon, said):
    with pytest.raises(WrongUse, match=said):
        _region(RegionAction.ADD, RegionKind.ANY, frames, polygon, "because")


def test_a_region_becomes_the_next_version_and_stays_when_the_reel_is_planned_anew(archive, monkeypatch):
    monkeypatch.setenv("REELKEEPER_HOME", str(archive.home))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", archive.database_url)
    settings = Settings()
    upgrade(archive.database_url)
    sessions = open_sessions(archive.database_url)
    dirt = PlannedTreatment(name="dirt", params={"threshold": 0.5}, why="Dirt covers 1 %.")
    with sessions.begin() as session:
        reels.register(session, REEL)
        adopt(session, Way(REEL, settings), drafted(dirt).to_yaml(), author=PROGRAM, reason="measured")
    words = ("--frames", "3-7", "--polygon", "10,10 60,10 60,90", "--as", "ana", "--why", "her earring")
    done = archive.run("plans", "region", REEL, "--shot", 1, "--action", "protect", *words)
    assert (done.returncode, done.stdout) == (ExitCode.DONE, f"{REEL}: plan version 2\n"), done.stderr
    late = archive.run("plans", "region", REEL, "--shot", 1, "--action", "add", "--frames", "20", *words[2:])
    assert late.returncode == ExitCode.FAILED
    assert "shot 1 has no such frame" in late.stderr
    assert "frames 0 to 19" in late.stderr
    with sessions.begin() as session:
        stronger = dirt.model_copy(update={"params": {"threshold": 0.4}})
        adopt(session, Way(REEL, settings), drafted(stronger).to_yaml(), author=PROGRAM, reason="stronger")
        (region,) = Plan.from_yaml(plans.latest(session, REEL).yaml).shots[0].regions
    assert (region.action, region.frames, region.why) == ("protect", (3, 7), "her earring")


def test_new_frames_need_their_network_before_anything_is_promised(archive, shelved, monkeypatch):
    monkeypatch.setenv("REELKEEPER_HOME", str(archive.home))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", archive.database_url)
    settings = Settings()
    upgrade(archive.database_url)
    sessions = open_sessions(archive.database_url)
    with sessions.begin() as session:
        reels.register(session, REEL)
        adopt(session, Way(REEL, settings), drafted().to_yaml(), author=PROGRAM, reason="measured")
    asked = ("plans", "new-frames", REEL, "--shot", 1, "--as", "ana", "--why", "burnt", "--frames")
    refused = archive.run(*asked, "4-5")
    assert refused.returncode == ExitCode.FAILED
    assert "reelkeeper models install rife" in refused.stderr
    for file in shelved(NAME):
        kept = archive.home / "models" / file.path.parent.name / file.path.name
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.symlink_to(file.path)
    done = archive.run(*asked, "4-5")
    assert (done.returncode, done.stdout) == (ExitCode.DONE, f"{REEL}: plan version 2\n"), done.stderr
    with sessions.begin() as session:
        plan = Plan.from_yaml(plans.latest(session, REEL).yaml)
    assert plan.shots[0].treatments[0].params == {"frames": [4, 5]}
    assert plan.models == {NAME}
    ends = archive.run(*asked, "0")
    assert ends.returncode == ExitCode.FAILED
    assert "at an end of the shot" in ends.stderr
