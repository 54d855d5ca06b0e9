"""Waiting without a worker: until a reel may be started, and until a batch needs no machine any more."""

from __future__ import annotations

import abc
import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

EVERY_S = 10.0
"""Seconds from look to look: reels take hours."""
LOOK_AGAIN_S = 600.0
"""Seconds after which the task looks itself, as it can ask Airflow for runs that ended without saying so."""


class NightTrigger(BaseTrigger, abc.ABC):
    """Asks the catalogue every few seconds; fires when the answer is yes, or when it is time for the task to look."""

    def __init__(self, every_s: float = EVERY_S, look_again_s: float = LOOK_AGAIN_S) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.every_s = every_s
        self.look_again_s = look_again_s

    @abc.abstractmethod
    def answer(self) -> bool:
        """Ask the catalogue. Runs in a thread of its own.

        Raises:
            ReelkeeperError: it cannot be reached; it is asked again.
        """

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Wait."""
        from restoration_tasks.runtime.errors import ReelkeeperError

        until = time.monotonic() + self.look_again_s
        yes = False
        while not yes and time.monotonic() < until:
            try:
                yes = await asyncio.to_thread(self.answer)
            except ReelkeeperError as error:
                self.log.error("%s", error)
            if not yes:
                await asyncio.sleep(self.every_s)
        yield TriggerEvent({"yes": yes})

    def _name(self) -> str:
        return f"{type(self).__module__}.{type(self).__qualname__}"


class SlotTrigger(NightTrigger):
    """Fires when a reel's run may be started, or need not be any more."""

    def __init__(self, reel_id: str, run_id: str, most: int, **times: float) -> None:
        super().__init__(**times)
        self.reel_id = reel_id
        self.run_id = run_id
        self.most = most

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name class and arguments, so that the triggerer can make it anew."""
        mine = {"reel_id": self.reel_id, "run_id": self.run_id, "most": self.most}
        return self._name(), mine | {"every_s": self.every_s, "look_again_s": self.look_again_s}

    def answer(self) -> bool:
        """Ask for a slot without taking it."""
        from reelkeeper_airflow.journal import catalogue
        from restoration_tasks.catalogue import nights

        with catalogue().begin() as session:
            return nights.may_start(session, self.reel_id, self.run_id, self.most) is not nights.Slot.WAIT


class WorkedTrigger(NightTrigger):
    """Fires when no reel of a batch is worked on any more."""

    def __init__(self, batch_id: str, **times: float) -> None:
        super().__init__(**times)
        self.batch_id = batch_id

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Name class and arguments, so that the triggerer can make it anew."""
        return self._name(), {"batch_id": self.batch_id, "every_s": self.every_s, "look_again_s": self.look_again_s}

    def answer(self) -> bool:
        """Look for reels of the batch."""
        from reelkeeper_airflow.journal import catalogue
        from restoration_tasks.catalogue import nights

        with catalogue().begin() as session:
            return not any(entry.batch_id == self.batch_id for entry in nights.working(session))
