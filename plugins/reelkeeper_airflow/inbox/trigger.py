"""Tells Airflow when the scanner has marked a delivery as finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from restoration_tasks.runtime.settings import Settings

EVERY_S = 10.0
"""Seconds from look to look: a scan takes hours, and network storage is not to be worn out."""


class InboxTrigger(BaseEventTrigger):
    """Looks into the inbox every few seconds and fires when a delivery has been marked since the last look.

    It remembers nothing across restarts of the triggerer: then it fires for all that lies there, and the DAG starts
    only what has not been started before.

    Args:
        inbox: folder the scanner delivers to.
        every_s: seconds from look to look.
    """

    def __init__(self, inbox: str, every_s: float = EVERY_S) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.inbox = inbox
        self.every_s = every_s

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name class and arguments, so that the triggerer can make it anew."""
        return (f"{type(self).__module__}.{type(self).__qualname__}", {"inbox": self.inbox, "every_s": self.every_s})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Fire whenever something new is marked. An inbox that cannot be read is said once and asked again."""
        from restoration_tasks.runtime.errors import DeliveryError
        from restoration_tasks.steps.inbox import marks

        known: dict[str, int] = {}
        complaint = ""
        while True:
            try:
                found = await asyncio.to_thread(marks, Path(self.inbox))
            except DeliveryError as error:
                if str(error) != complaint:
                    self.log.error("%s", error)
                complaint = str(error)
            else:
                complaint = ""
                new = sorted(name for name, at in found.items() if known.get(name) != at)
                known = found
                if new:
                    yield TriggerEvent({"deliveries": new})
            await asyncio.sleep(self.every_s)


def inbox_asset() -> Asset:
    """Give the inbox of the settings as Airflow's scheduler watches it."""
    trigger = InboxTrigger(str(Settings().inbox_folder))
    return Asset(
        name="scanner-inbox",
        uri="reelkeeper://inbox",
        watchers=[AssetWatcher(name="finished-deliveries", trigger=trigger)],
    )
