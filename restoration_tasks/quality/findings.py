"""What the check step says: one result per rule, and the report that passes or refuses a reel."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, computed_field

LISTED = 100
"""At most this many frames or files are listed by number; `count` always says how many there are."""


class Severity(StrEnum):
    """What a broken rule means for the reel."""

    FAIL = "fail"
    """The result is refused."""
    WARN = "warn"
    """A person should look before deciding."""
    NOTE = "note"
    """Worth knowing."""


class Status(StrEnum):
    """How a rule came out."""

    PASSED = "passed"
    FAILED = "failed"
    CRASHED = "crashed"
    """The rule could not be evaluated. It counts as broken: a check that crashed is not a check that passed."""
    NOT_APPLICABLE = "not applicable"
    """No frame, shot or file is of the kind the rule speaks about."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FrameNumber(_Frozen):
    """A frame by both its names."""

    frame: int
    """0-based position in the reel."""
    scan: int
    """The scanner's own number."""


class RuleResult(_Frozen):
    """One rule, evaluated."""

    id: str
    severity: Severity
    status: Status
    sentence: str
    """What the rule asks, as staff would say it."""
    detail: str = ""
    """What was found, in one line; empty where the rule passed."""
    count: int = 0
    """How many frames, shots, files or facts broke it."""
    frames: tuple[FrameNumber, ...] = ()
    worst: FrameNumber | None = None
    """The frame farthest from what the rule asks; None where it speaks of no frames."""
    subjects: tuple[str, ...] = ()
    """Shots, files or facts that broke it."""

    @property
    def broken(self) -> bool:
        """Whether the rule failed or could not be evaluated."""
        return self.status in (Status.FAILED, Status.CRASHED)


class CheckReport(_Frozen):
    """The check of one restored reel: `check.json`.

    The verdict is written for whoever reads the file, and worked out anew from the results when it is read back.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: str = "reelkeeper.check/1"
    reel_id: str
    policy_version: str
    frames: int
    """Frames of the preservation master."""
    results: tuple[RuleResult, ...]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def passed(self) -> bool:
        """True only if rules were evaluated and no fail-rule failed or crashed."""
        return bool(self.results) and not self.failed_rules

    @computed_field  # type: ignore[prop-decorator]
    @property
    def failed_rules(self) -> tuple[str, ...]:
        """Ids of the fail-rules that failed or crashed."""
        return tuple(one.id for one in self.results if one.severity is Severity.FAIL and one.broken)

    @property
    def warned_rules(self) -> tuple[str, ...]:
        """Ids of the broken rules that do not refuse the reel."""
        return tuple(one.id for one in self.results if one.severity is not Severity.FAIL and one.broken)
