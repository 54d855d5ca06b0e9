"""Pictures kept for a while: made once, and never more than may be kept."""

from __future__ import annotations

import os
from pathlib import Path

from reelkeeper_airflow.pages import stills
from reelkeeper_airflow.pages.stills import Stills


def test_a_picture_is_made_once(tmp_path: Path) -> None:
    made: list[int] = []

    def make() -> bytes:
        made.append(1)
        return b"picture"

    kept = Stills(tmp_path / "stills")
    assert [kept.get("a", make), kept.get("a", make), Stills(tmp_path / "stills").get("a", make)] == [b"picture"] * 3
    assert kept.get("b", make) == b"picture"
    assert len(made) == 2


def test_the_longest_unused_goes_first(tmp_path: Path) -> None:
    kept = Stills(tmp_path, kept_bytes=250)
    for number in range(stills.LOOKED_AFTER):
        kept.get(str(number), lambda: bytes(100))
        for path in tmp_path.glob("*.png"):
            state = path.stat()
            os.utime(path, (state.st_atime - 10, state.st_mtime - 10))
    again: list[int] = []
    kept.get("0", lambda: again.append(1) or bytes(100))  # used: now the youngest
    kept.get("last", lambda: bytes(100))
    assert not again
    assert sum(path.stat().st_size for path in tmp_path.glob("*.png")) <= 250
    kept.get("0", lambda: again.append(1) or bytes(100))
    assert not again


def test_a_picture_that_cannot_be_kept_is_shown_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert Stills(tmp_path / "file" / "stills").get("a", lambda: b"picture") == b"picture"
