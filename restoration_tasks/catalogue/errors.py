"""Errors of the catalogue beyond those of the runtime."""

from __future__ import annotations

from restoration_tasks.runtime.errors import ReelkeeperError, WrongUse


class UnknownReel(WrongUse):
    """No reel of that id is registered."""


class UnknownPlan(WrongUse):
    """The reel has no plan of that version."""


class AlreadyDecided(ReelkeeperError):
    """This question has been answered, and differently."""


class NotQueued(WrongUse):
    """The reel has no such place in the queue."""
