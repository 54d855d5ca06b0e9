"""The errors staff read: which reel, file and frame, what was expected and found, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import ClassVar, Self


class ExitCode(IntEnum):
    """Exit codes of every `reelkeeper` command."""

    DONE = 0
    FAILED = 1
    WRONG_USE = 2
    CHECK_REFUSED = 3
    NEEDS_DECISION = 4


class ReelkeeperError(Exception):
    """Base of every error Reelkeeper raises on purpose.

    Args:
        message: one sentence, what is wrong, in the staff's language.
        reel: the reel id.
        file: the file concerned (name or path).
        frame: the frame concerned, as the scan numbers it.
        expected: what should have been there.
        found: what was there.
        action: what the operator can do next, as an imperative sentence.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.FAILED
    retry_helps: ClassVar[bool] = True
    """False where doing the same again ends the same: a person has to change something first."""

    def __init__(
        self,
        message: str,
        *,
        reel: str | None = None,
        file: object | None = None,
        frame: int | None = None,
        expected: object | None = None,
        found: object | None = None,
        action: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reel = reel
        self.file = None if file is None else str(file)
        self.frame = frame
        self.expected = None if expected is None else str(expected)
        self.found = None if found is None else str(found)
        self.action = action
        self._whole: str | None = None

    @classmethod
    def relayed(cls, text: str) -> Self:
        """The error again on the other side of a process or pod: it says exactly the line it said there."""
        error = cls(text)
        error._whole = text
        return error

    def __str__(self) -> str:
        """One line: where, what, expected and found, next action."""
        if self._whole is not None:
            return self._whole
        where = [
            f"{name} {value}"
            for name, value in (("reel", self.reel), ("file", self.file), ("frame", self.frame))
            if value is not None
        ]
        line = (", ".join(where) + ": " if where else "") + self.message.rstrip(".")
        if self.expected is not None or self.found is not None:
            line += f" (expected {self.expected}, found {self.found})"
        line += "."
        if self.action:
            line += f" Next: {self.action.rstrip('.')}."
        return " ".join(line.split())


@contextmanager
def about_reel(reel_id: str) -> Iterator[None]:
    """Name the reel in errors raised where only its files were known."""
    try:
        yield
    except ReelkeeperError as error:
        error.reel = error.reel or reel_id
        raise


class WrongUse(ReelkeeperError):
    """The command, form or spec was filled in wrongly."""

    exit_code = ExitCode.WRONG_USE
    retry_helps = False


class DeliveryError(ReelkeeperError):
    """The scanner's delivery is not what it should be: gap, truncated frame, wrong size, digest, marker."""

    retry_helps = False


class SourceChanged(ReelkeeperError):
    """A file that must never change has other bytes than were recorded."""

    retry_helps = False


class VaultError(ReelkeeperError):
    """The vault could not be read or written (missing, full, read-only, hostile path)."""


class MediaError(ReelkeeperError):
    """A picture or container could not be decoded, encoded or joined."""


class ModelError(ReelkeeperError):
    """A model is missing, has another digest, or cannot be loaded."""

    retry_helps = False


class PlanError(ReelkeeperError):
    """A plan is not valid: unknown treatment, parameter out of range, shot that does not exist."""

    retry_helps = False


class StepFailed(ReelkeeperError):
    """A step ended without its result."""


class OutOfMemory(StepFailed):
    """A step took more memory than there was; with smaller tiles it may get through."""


class PodRefused(StepFailed):
    """A pod cannot run as things are: no image, no node, no right, no time; a person has to change something first."""

    retry_helps = False


class ReelBusy(ReelkeeperError):
    """Another run holds the reel."""

    retry_helps = False


class DatabaseError(ReelkeeperError):
    """The catalogue database cannot be reached or refuses."""


class NotDelivered(ReelkeeperError):
    """Another program, or a person's mail box, did not take a message."""


class ProvenanceBroken(ReelkeeperError):
    """The hash chain does not verify."""

    retry_helps = False


class CheckRefused(ReelkeeperError):
    """The check step refused the result."""

    exit_code = ExitCode.CHECK_REFUSED
    retry_helps = False


class DecisionNeeded(ReelkeeperError):
    """A person has to decide before work can go on."""

    exit_code = ExitCode.NEEDS_DECISION
    retry_helps = False
