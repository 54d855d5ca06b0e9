"""Room on the disks is asked for before work starts, all folders of one disk together."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.space import RESERVE_BYTES, Need, require_space


def test_what_fits_is_let_through_and_what_does_not_is_named(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    require_space([Need(tmp_path / "not" / "there yet", 1000, "a test")])
    with pytest.raises(VaultError, match=r"not enough room for the master .*TiB free.*REELKEEPER_SCRATCH"):
        require_space([Need(tmp_path, free + 2**41, "the master")])


def test_two_folders_of_one_disk_are_counted_together(tmp_path: Path) -> None:
    half = (shutil.disk_usage(tmp_path).free - RESERVE_BYTES) * 2 // 3
    require_space([Need(tmp_path / "a", half, "parts")])
    with pytest.raises(VaultError, match="parts and the master"):
        require_space([Need(tmp_path / "a", half, "parts"), Need(tmp_path / "b", half, "the master")])
