"""`reelkeeper revert` on a small reel of 10-bit DPX: to look, to keep, asked wrongly, killed and run again."""

from __future__ import annotations

import shutil
import signal
import time

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from restoration_tasks.catalogue import lock, reels
from restoration_tasks.media import framemd5
from restoration_tasks.provenance.vocabulary import REVERT_TERM
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.spec import StepName
from tests.cli.conftest import REEL
from tests.cli.test_whole_way import local, newest, wait_for_step
from tests.integration.reels import CLEAN_SHOT, FRAMES_A_SHOT, SHOTS

pytestmark = pytest.mark.timeout(900)

FRAMES = SHOTS * FRAMES_A_SHOT
SIGNED = ("--as", "anna", "--reason", "the lamp in the scene flickers")


def rows(archive, query: str, **values: object) -> list:
    engine = create_engine(archive.database_url)
    with engine.connect() as connection:
        found = list(connection.execute(text(query), values))
    engine.dispose()
    return found


def plans(archive) -> dict[int, Plan]:
    """The reel's plans by version."""
    found = rows(archive, "SELECT version, yaml FROM reelkeeper.plans WHERE reel_id = :reel", reel=REEL)
    return {version: Plan.from_yaml(yaml) for version, yaml in found}


def treatments(plan: Plan) -> dict[int, list[str]]:
    return {shot.shot: [one.name for one in shot.treatments] for shot in plan.shots}


def state(archive) -> str:
    return rows(archive, "SELECT state FROM reelkeeper.reels WHERE id = :reel", reel=REEL)[0][0]


def events(archive) -> int:
    return rows(archive, "SELECT count(*) FROM reelkeeper.events")[0][0]


def reverts(archive) -> list:
    query = "SELECT detail FROM reelkeeper.events WHERE subtype = :subtype ORDER BY seq"
    return [row[0] for row in rows(archive, query, subtype=REVERT_TERM.subtype)]


def lines(done) -> list[str]:
    return [line for line in done.stdout.splitlines() if not line.startswith("{")]


def test_a_revert_is_looked_at_then_kept_and_approved(archive, reel, tmp_path):
    worked = archive.run("restore", REEL)
    assert worked.returncode == 0, worked.stderr
    (first,) = plans(archive).values()
    assert set(treatments(first)[1]) == set(treatments(first)[3]) == {"dirt", "flicker"}
    recorded, landed = events(archive), archive.landed()

    # to look: everything off is the scan, by digest, in a file and as the delivered files; nothing is recorded, and
    # the restored segments are not asked for
    segments, away = archive.home / "vault" / "reels" / REEL / "restore", tmp_path / "away"
    segments.rename(away)
    copy = archive.run("revert", REEL, "--shots", "all", "--off", "all", "--to", tmp_path / "copy.mkv")
    assert copy.returncode == 0, copy.stderr
    assert f"shots 1–{SHOTS}: {FRAMES} frames equal the scan, by framemd5" in lines(copy)
    assert framemd5.compute(tmp_path / "copy.mkv") == framemd5.compute(reel.delivery)
    frames = archive.run("revert", REEL, "--shots", "3", "--off", "all", "--to", tmp_path / "frames")
    assert frames.returncode == 0, frames.stderr
    for path in (tmp_path / "frames").iterdir():
        assert path.read_bytes() == (reel.delivery / path.name).read_bytes()
    assert len(list((tmp_path / "frames").iterdir())) == FRAMES_A_SHOT
    assert not segments.exists()
    away.rename(segments)
    assert (events(archive), archive.landed(), plans(archive)) == (recorded, landed, {1: first})

    # to keep: one treatment off in one shot; the others' coded segments are reused as they are
    before = {result.segment: result for result in newest(archive, StepName.RESTORE)}
    keep = ("revert", REEL, "--shots", "1", "--off", "flicker", *SIGNED)
    done = archive.run(*keep)
    assert done.returncode == 4, done.stderr
    said = lines(done)
    assert {"plan version 2, made from version 1", "restore s002-01: reused", "restore s003-01: reused"} <= set(said)
    assert "shot 1: still treated (dirt)" in said
    assert not [line for line in said if line == "restore s001-01: reused" or "had to be restored again" in line]
    second = plans(archive)[2]
    assert (second.parent, second.author.split()[0], second.reason) == (1, "person", SIGNED[-1])
    assert treatments(second) == treatments(first) | {1: ["dirt"]}
    assert second.shots[0].treatments == first.shots[0].treatments[:1]
    assert len(newest(archive, StepName.RESTORE)) == len(before) + 1
    (assembled,) = newest(archive, StepName.ASSEMBLE)
    for segment in ("s002-01", "s003-01"):
        assert assembled.inputs[f"segment/{segment}"] == before[segment].reference("segment")
    assert state(archive) == "awaiting decision"

    # the same command again, with an approval: no new version, everything reused, then the package
    approved = archive.run(*keep, "--approve-as", "conservator")
    assert approved.returncode == 0, approved.stderr
    assert "plan version 2, recorded before, from version 1" in lines(approved)
    assert [line for line in lines(approved) if line.startswith("package: /")]
    assert sorted(plans(archive)) == [1, 2]
    (told,) = reverts(archive)
    assert (told["plan_version"], told["parent"], told["off"]) == (2, 1, {"1": ["flicker"]})
    assert told["reason"] == SIGNED[-1]
    assert state(archive) == "restored"
    assert archive.run("provenance", "verify", REEL).returncode == 0


def test_wrong_uses_are_refused_in_one_line_and_change_nothing(archive, reel, tmp_path):
    planned = archive.run("plan", REEL)
    assert planned.returncode == 0, planned.stderr
    sessions = sessionmaker(create_engine(archive.database_url))
    with sessions.begin() as session:
        reels.register(session, "never-ingested")
    recorded, landed = events(archive), archive.landed()
    new = ("--to", tmp_path / "new.mkv")
    (tmp_path / "there.mkv").write_text("mine")
    shutil.move(reel.delivery, tmp_path / "moved")
    wrong = [
        (("nobody", "--shots", "1", "--off", "all", *new), 2, "no such reel is registered"),
        (("../x", "--shots", "1", "--off", "all", *new), 2, "is not a reel id"),
        (("never-ingested", "--shots", "1", "--off", "all", *new), 2, "this reel has not been ingested"),
        ((REEL, "--shots", "2,4-7", "--off", "all", *new), 2, "the reel has no shot 4 (expected shots 1–3"),
        ((REEL, "--shots", CLEAN_SHOT, "--off", "dirt", *new), 2, "plan version 1 has no dirt in shot 2"),
        ((REEL, "--shots", CLEAN_SHOT, "--off", "all", *SIGNED), 2, "there is nothing to take back"),
        ((REEL, "--shots", "1", "--off", "magic", *new), 2, "there is no such treatment"),
        ((REEL, "--shots", "1", "--off", "all", "--plan", 9, *new), 2, "there is no plan version 9"),
        ((REEL, "--shots", "1", "--off", "all", "--to", tmp_path / "there.mkv"), 2, "something of this name already"),
        ((REEL, "--shots", "1", "--off", "all"), 2, "say whether you want to look or to keep"),
        ((REEL, "--shots", "1", "--off", "all", "--as", "anna"), 2, "say whether you want to look or to keep"),
        ((REEL, "--shots", "1", "--off", "all", "--whole", *SIGNED), 2, "say whether you want to look or to keep"),
        ((REEL, "--shots", "1", "--off", "all", *SIGNED, *new), 2, "a copy to look at is not recorded"),
        ((REEL, "--shots", "1", "--off", "all", *SIGNED, "--approve-as", "mallory"), 2, "may not decide"),
        ((REEL, "--shots", "1", "--off", "all", *SIGNED), 1, "the scanner's files are not there"),
    ]
    for arguments, code, said in wrong:
        done = archive.run("revert", *arguments)
        assert (done.returncode, said in done.stderr) == (code, True), (arguments, done.stderr)
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
        assert "Next:" in done.stderr
    assert (events(archive), archive.landed(), sorted(plans(archive))) == (recorded, landed, [1])
    assert sorted(path.name for path in tmp_path.glob("*.mkv")) == ["there.mkv"]

    # a run that waits for a decision holds the reel: a copy can be made, a change has to wait; the master is enough
    with sessions.begin() as session:
        lock.acquire(session, REEL, "manual__2031")
    shutil.move(tmp_path / "moved", reel.delivery)
    busy = archive.run("revert", REEL, "--shots", "1", "--off", "all", *SIGNED)
    assert busy.returncode == 1
    assert "another run works on this reel (expected no other active run, found run manual__2031" in busy.stderr
    assert sorted(plans(archive)) == [1]
    shutil.rmtree(reel.delivery)
    looked = archive.run("revert", REEL, "--shots", "1,3", "--off", "all", *new)
    assert looked.returncode == 0, looked.stderr
    assert f"shots 1, 3: {2 * FRAMES_A_SHOT} frames equal the scan, by framemd5" in lines(looked)
    sessions.kw["bind"].dispose()


def test_killed_and_run_again_it_goes_on(archive, reel, tmp_path):
    # another engine than the usual one: the maps on record are taken, whatever found them
    planned = archive.run("plan", REEL, "--engine", "classical")
    assert planned.returncode == 0, planned.stderr
    target = tmp_path / "copies" / "copy.mkv"
    scratch = archive.home / "scratch" / REEL / "revert"

    # to look: killed when the first segment is made; the next run takes that and leaves nothing beside the copy
    look = ("revert", REEL, "--shots", "all", "--off", "flicker", "--to", target)
    process = archive.start(*look)
    wait_until(lambda: list(scratch.glob("*.mkv")), process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not target.exists()
    assert list(scratch.glob("*.mkv"))
    done = archive.run(*look)
    assert done.returncode == 0, done.stderr
    assert list(target.parent.iterdir()) == [target]
    assert [path.name for path in scratch.iterdir()] == ["lock"]

    # to keep: killed in the restore step; the plan version is there, and the same command goes on with it
    keep = ("revert", REEL, "--shots", "3", "--off", "all", *SIGNED)
    process = archive.start(*keep)
    victim = wait_for_step(process.pid, StepName.RESTORE)
    process.send_signal(signal.SIGKILL)
    victim.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert sorted(plans(archive)) == [1, 2]
    done = archive.run(*keep)
    assert done.returncode == 4, done.stderr
    said = lines(done)
    assert "plan version 2, recorded before, from version 1" in said
    assert f"shot 3: {FRAMES_A_SHOT} frames equal the scan, by framemd5" in said
    assert [line for line in said if "had to be restored again although nothing was taken back there" in line]
    assert sorted(plans(archive)) == [1, 2]
    assert len(reverts(archive)) == 1
    (assembled,) = newest(archive, StepName.ASSEMBLE)
    restored = framemd5.compute(local(archive, assembled.output("restoration_master").uri))
    scanned = framemd5.compute(reel.delivery)
    assert restored[2 * FRAMES_A_SHOT :] == scanned[2 * FRAMES_A_SHOT :]
    assert restored[:FRAMES_A_SHOT] != scanned[:FRAMES_A_SHOT]
    assert archive.run("provenance", "verify", REEL).returncode == 0


def wait_until(condition, process) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError(f"it did not come to that: {process.communicate()}")
