"""Before a revert is kept: room on the disks, and the delivery the check will ask for."""

from __future__ import annotations

import shutil

import pytest

from restoration_tasks.runtime import space
from restoration_tasks.runtime.errors import DeliveryError, VaultError
from restoration_tasks.steps.revert import keep


def test_a_full_disk_is_told_before_anything_is_recorded(reel, tmp_path, monkeypatch):
    keep.require_space(reel.found)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda _: usage._replace(free=space.RESERVE_BYTES))
    with pytest.raises(VaultError, match="not enough room for the next restoration master and the segments"):
        keep.require_space(reel.found)


def test_the_delivery_is_looked_for_where_it_was_taken_in_unless_somebody_knows_better(reel, tmp_path):
    assert keep.delivery_for_check(reel.found, None) == reel.small.delivery
    moved = tmp_path / "moved"
    with pytest.raises(DeliveryError, match=r"scanner's files are not there.*/moved, found no delivery.*--delivery"):
        keep.delivery_for_check(reel.found, moved)
    shutil.copytree(reel.small.delivery, moved)
    assert keep.delivery_for_check(reel.found, moved) == moved
