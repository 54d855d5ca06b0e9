"""A copy to look at: what has no treatment left is the scan, the rest is what the restore step makes of it."""

from __future__ import annotations

import fcntl
import shutil

import pytest

from restoration_tasks.media import framemd5
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.stills.process_history import history_of
from restoration_tasks.media.stills.still import read_still
from restoration_tasks.runtime import space
from restoration_tasks.runtime.errors import MediaError, ReelBusy, StepFailed, VaultError, WrongUse
from restoration_tasks.runtime.progress import silent
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.revert import look
from restoration_tasks.steps.revert.taking_back import Asked, take_back
from tests.integration.reels import CLEAN_SHOT, FRAMES_A_SHOT, SHOTS
from tests.steps.revert.reels import ASKS

pytestmark = pytest.mark.timeout(120)


def copy(reel, target, shots="all", off="all", *, whole=False):
    change = take_back(reel.plan, Asked.parse(shots, off))
    written = {shot.shot for shot in change.plan.shots} if whole else set(change.named)
    return look.Copy(reel.found, change.plan, frozenset(written), target)


def test_everything_off_is_the_scan_frame_for_frame(reel, tmp_path):
    before, target = reel.in_vault(), tmp_path / "new" / "copy.mkv"
    proof = look.write(copy(reel, target), silent)
    assert str(proof) == f"shots 1–{SHOTS}: {SHOTS * FRAMES_A_SHOT} frames equal the scan, by framemd5"
    assert framemd5.compute(target) == framemd5.compute(reel.small.delivery)
    assert reel.in_vault() == before
    assert reel.scratch() == []
    assert list(target.parent.iterdir()) == [target]


def test_as_frame_files_everything_off_is_the_delivery_byte_for_byte(reel, tmp_path):
    look.write(copy(reel, tmp_path / "frames"), silent)
    made = sorted((tmp_path / "frames").iterdir())
    assert [path.name for path in made] == [path.name for path in reel.delivered()]
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in reel.delivered()]


def test_one_treatment_off_leaves_the_other_as_the_restore_step_does_it(reel, tmp_path):
    wanted = copy(reel, tmp_path / "copy.mkv", "3,1", "dirt")
    proof = look.write(wanted, silent)
    assert proof.treated == {1: ("flicker",), 3: ("flicker",)}
    made = framemd5.compute(wanted.target)
    assert len(made) == 2 * FRAMES_A_SHOT
    assert all(one != reel.found.framemd5[place] for place, one in zip(wanted.places, made, strict=True))
    # what the step publishes for the same slice of the plan has the same pixels
    way, ingest = reel.found.way, reel.found.ingest
    assessed = {segment.id: reel.found.assessed(segment) for segment in reel.found.segments}
    spec = way.restore(ASKS, ingest, assessed, wanted.plan, reel.found.segments[2])
    published = run_step(spec, definition(StepName.RESTORE), reel.settings)
    segment = way.vault.fetch(published.reference("segment"), reel.settings.scratch_folder)
    assert made[FRAMES_A_SHOT:] == framemd5.compute(segment)
    shutil.rmtree(way.vault.local_path(way.vault.work_uri(way.reel_id, StepName.RESTORE, spec.signature)))


def test_frame_files_of_treated_frames_say_so_and_hold_the_treated_picture(reel, tmp_path):
    look.write(copy(reel, tmp_path / "video.mkv", "3", "dirt", whole=True), silent)
    look.write(copy(reel, tmp_path / "frames", "3", "dirt", whole=True), silent)
    assert framemd5.compute(tmp_path / "frames") == framemd5.compute(tmp_path / "video.mkv")
    for place, path in enumerate(sorted((tmp_path / "frames").iterdir())):
        said = [line.text for line in history_of(path.read_bytes(), read_still(path).dpx)]
        if place // FRAMES_A_SHOT + 1 == CLEAN_SHOT:
            assert path.read_bytes() == reel.delivered()[place].read_bytes()
            assert said == []
        else:
            names = "flicker" if place >= 2 * FRAMES_A_SHOT else "dirt; flicker"
            assert said == [f"Reelkeeper 0.1.0; {names}"]


def test_a_segment_made_before_a_kill_serves_again_and_is_proved_like_any_other(reel, tmp_path):
    wanted = copy(reel, tmp_path / "copy.mkv", "1")
    (spec,) = look._specs(wanted)
    part = reel.settings.scratch_folder / reel.small.reel_id / "revert" / f"{spec.signature}.mkv"
    other = copy(reel, tmp_path / "other.mkv", "3")
    look.write(other, silent)
    part.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(other.target, part)
    left_by_a_kill = tmp_path / ".copy.mkv.reelkeeper-draft"
    left_by_a_kill.mkdir()
    (left_by_a_kill / "copy.mkv").write_bytes(b"half")
    with pytest.raises(MediaError, match=r"reel reel.7, file .*1001.dpx, frame 1001: shot 1 has no treatment left"):
        look.write(wanted, silent)
    assert list(tmp_path.iterdir()) == [other.target]
    assert reel.scratch() == []
    look.write(wanted, silent)
    first = next(iter(FrameReader(wanted.target)))
    assert frame_md5(first) == reel.found.framemd5[0]


@pytest.mark.parametrize("name", ["there.mkv", "there"])
def test_a_target_that_exists_is_left_alone(reel, tmp_path, name):
    target = tmp_path / name
    if target.suffix:
        target.write_text("mine")
    else:
        target.mkdir()
    with pytest.raises(WrongUse, match="something of this name already"):
        look.write(copy(reel, target, "1"), silent)
    assert list(tmp_path.iterdir()) == [target]
    assert not target.is_file() or target.read_text() == "mine"


def test_vault_inbox_and_lossy_files_are_no_targets(reel, tmp_path):
    for folder in (reel.settings.inbox_folder, reel.found.way.vault.local_root):
        with pytest.raises(WrongUse, match="does not belong into"):
            look.write(copy(reel, folder / "x" / "copy.mkv", "1"), silent)
    with pytest.raises(WrongUse, match=r"expected a file ending in .mkv"):
        look.write(copy(reel, tmp_path / "copy.mp4", "1"), silent)


def test_a_full_disk_is_told_before_any_work(reel, tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage._replace(free=space.RESERVE_BYTES))
    with pytest.raises(VaultError, match=r"reel reel.7.*not enough room for the copy and the segments"):
        look.write(copy(reel, tmp_path / "copy.mkv", "1"), silent)
    assert list(tmp_path.iterdir()) == []


def test_a_second_copy_of_the_reel_waits_for_the_first(reel, tmp_path):
    folder = reel.settings.scratch_folder / reel.small.reel_id / "revert"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(ReelBusy, match="another copy of this reel"):
            look.write(copy(reel, tmp_path / "copy.mkv", "1"), silent)


def test_without_its_damage_maps_only_what_is_left_alone_can_be_rendered(reel, tmp_path):
    way = reel.found.way
    gone = way.vault.local_path(reel.found.assessed(reel.found.segments[0]).output("map").uri)
    gone.rename(gone.with_suffix(".away"))
    try:
        with pytest.raises(StepFailed, match=r"assess s001-01 has left no whole result.*reelkeeper assess reel.7"):
            look.write(copy(reel, tmp_path / "copy.mkv", "1", "flicker"), silent)
        look.write(copy(reel, tmp_path / "copy.mkv", "1"), silent)
    finally:
        gone.with_suffix(".away").rename(gone)
