"""The trigger that watches the inbox: fires once for each mark, survives a vanished mount."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from reelkeeper_airflow.inbox.trigger import InboxTrigger, inbox_asset


async def _next(events: Any, within_s: float = 2.0) -> list[str] | None:
    """The deliveries of the next event, or None where none comes."""
    try:
        event = await asyncio.wait_for(asyncio.shield(events), within_s)
    except TimeoutError:
        return None
    found: list[str] = event.payload["deliveries"]
    return found


def test_it_fires_once_for_each_mark_and_again_for_a_new_one(tmp_path: Path) -> None:
    async def watch() -> None:
        stream = InboxTrigger(str(tmp_path), every_s=0.05).run()

        def following() -> asyncio.Future[Any]:
            return asyncio.ensure_future(anext(stream))

        (tmp_path / "unfinished").mkdir()
        (tmp_path / "inside").mkdir()
        (tmp_path / "inside" / ".ready").touch()
        waiting = following()
        assert await _next(waiting) == ["inside"]

        waiting = following()
        assert await _next(waiting, 0.3) is None
        (tmp_path / "unfinished.ready").touch()
        assert await _next(waiting) == ["unfinished"]

        waiting = following()
        gone = tmp_path.with_name("unmounted")
        tmp_path.rename(gone)
        assert await _next(waiting, 0.3) is None
        gone.rename(tmp_path)
        (tmp_path / "inside" / "scan.ready").touch()
        assert await _next(waiting) == ["inside"]
        await stream.aclose()

    asyncio.run(watch())
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        ".ready", "inside", "scan.ready", "unfinished", "unfinished.ready",
    ]  # fmt: skip


def test_it_can_be_made_anew_by_the_triggerer() -> None:
    from airflow.sdk.module_loading import import_string

    trigger = InboxTrigger("/inbox", every_s=3.0)
    path, arguments = trigger.serialize()
    again = import_string(path)(**arguments)
    assert (again.inbox, again.every_s) == ("/inbox", 3.0)
    (watcher,) = inbox_asset().watchers
    assert isinstance(watcher.trigger, InboxTrigger)
