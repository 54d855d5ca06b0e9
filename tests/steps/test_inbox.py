"""The inbox: which deliveries are finished, which reels they hold, under which ids; nothing in it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from restoration_tasks.media.delivery.delivery import find_delivery
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.steps.asked import RunOptions
from restoration_tasks.steps.inbox import delivery_of, look, marks
from restoration_tasks.steps.way import Way
from tests.media.pictures import delivery, sign


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A plain reel, one that is still being written, two reels in one delivery, and a name that is no id."""
    folder = tmp_path / "inbox"
    delivery(folder / "HK-1", 2)
    delivery(folder / "HK-2", 2)
    (folder / "HK-2" / ".ready").unlink()
    for number in (1, 2):
        delivery(folder / "HK 77" / f"reel 0{number}", 2)
        (folder / "HK 77" / f"reel 0{number}" / ".ready").unlink()
    (folder / "HK 77.ready").touch()
    delivery(folder / "電影", 2)
    return folder


def test_finished_deliveries_give_their_reels(inbox):
    before = sorted((path, path.stat().st_mtime_ns) for path in inbox.rglob("*"))
    found = look(inbox)
    assert {reel.reel_id: reel.delivery.relative_to(inbox).as_posix() for reel in found.waiting} == {
        "HK-1": "HK-1",
        "HK-77_reel-01": "HK 77/reel 01",
        "HK-77_reel-02": "HK 77/reel 02",
    }
    assert len({reel.run_id for reel in found.waiting}) == 3
    assert [line for line in found.unfit if "電影" in line and "rename the folder" in line]
    assert sorted((path, path.stat().st_mtime_ns) for path in inbox.rglob("*")) == before


def test_a_new_mark_is_a_new_run(inbox):
    def run_of_first() -> str:
        return next(reel.run_id for reel in look(inbox).waiting if reel.reel_id == "HK-1")

    first = run_of_first()
    assert run_of_first() == first
    (inbox / "HK-1" / "again.ready").touch()
    assert run_of_first() != first


def test_two_folders_that_come_to_one_id_are_left_to_a_person(inbox):
    delivery(inbox / "HK 1", 2)
    found = look(inbox)
    assert "HK-1" not in {reel.reel_id for reel in found.waiting}
    assert [line for line in found.unfit if "all come to the reel id 'HK-1'" in line]


def test_a_reel_is_found_by_its_id_also_inside_a_delivery(inbox, settings):
    assert delivery_of(inbox, "HK-1") == inbox / "HK-1"
    assert delivery_of(inbox, "HK-77_reel-02") == inbox / "HK 77" / "reel 02"
    assert delivery_of(inbox, "HK-99") == inbox / "HK-99"
    chosen = settings.model_copy(update={"inbox": inbox})
    assert Way("HK-77_reel-01", chosen).delivery == inbox / "HK 77" / "reel 01"
    assert Way("HK-77_reel-01", chosen, RunOptions(delivery="/elsewhere")).delivery == Path("/elsewhere")


def test_reels_told_apart_by_their_files_names_are_deliveries_too(inbox, settings):
    both = delivery(inbox / "both", 2, first=1)
    for path in sorted(both.glob("reel_*.dpx")):
        for reel in ("r01", "r02"):
            (both / f"film_{reel}_{path.name[-11:]}").write_bytes(path.read_bytes())
        path.unlink()
    sign(both)
    chosen = settings.model_copy(update={"inbox": inbox})
    way = Way("both_film_r02", chosen)
    way.require_delivery()
    assert find_delivery(way.delivery).reel == "film_r02"
    with pytest.raises(DeliveryError, match="no delivery for this reel"):
        Way("both_film_r03", chosen).require_delivery()


def test_an_inbox_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DeliveryError, match=r"the inbox cannot be read.*is mounted"):
        marks(tmp_path / "unmounted")


def test_an_unreadable_delivery_does_not_hold_up_the_others(inbox):
    (inbox / "empty").mkdir()
    (inbox / "empty" / ".ready").touch()
    found = look(inbox)
    assert "HK-1" in {reel.reel_id for reel in found.waiting}
    assert [line for line in found.unfit if "empty" in line]
