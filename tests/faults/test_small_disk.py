"""Storage that fails, on real disks: the error says what to do, nothing half-lands, running again finishes."""

from __future__ import annotations

import pytest

from tests.faults.small_disk import play


@pytest.mark.parametrize("scene", ["full vault", "full scratch"])
def test_on_a_full_disk_nothing_lands_and_with_room_the_same_work_ends(scene, tmp_path):
    found = play(scene, tmp_path)
    assert "the disk is full. Next: free space there" in found["said"]
    assert found["said"].startswith("VaultError: reel reel-1, file ")
    assert "result.json" not in found["landed"]
    assert found["then"]["said"] == ""
    assert found["then"]["whole"]


def test_a_read_only_vault_is_named_and_a_writable_one_takes_the_same_work(tmp_path):
    found = play("read-only vault", tmp_path)
    assert "the disk is read-only. Next: mount it for writing" in found["said"]
    assert found["then"]["whole"]


def test_scratch_is_given_back_after_a_failure_and_a_success(tmp_path):
    assert play("scratch after", tmp_path)["left"] == []
