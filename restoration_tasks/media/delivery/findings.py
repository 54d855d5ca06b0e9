"""What is wrong or odd about a delivery, graded, in the words of the operator; and what a person has waived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.runtime.errors import DeliveryError, WrongUse


class Grade(StrEnum):
    """How much a finding matters."""

    FAIL = "fail"
    """The reel is not taken in, unless a person waives the finding."""
    WARN = "warn"
    """Somebody should look; the reel is taken in."""
    NOTE = "note"
    """Written down."""


class Rule(StrEnum):
    """Everything a delivery is checked for; the value is what staff write to waive a finding of it."""

    # completeness
    NO_COMPLETION_MARK = "no-completion-mark"
    """Neither a `.ready` mark nor a complete manifest: the scanner may still be writing."""
    NOT_IN_MANIFEST = "not-in-manifest"
    """A frame, sound or video file the manifest does not name."""
    MISSING_FILE = "missing-file"
    """A file the manifest names is not there (frames of a sequence are `MISSING_FRAMES`)."""
    DIGEST = "digest"
    """A file has another digest than the manifest says."""
    MANIFEST_NAME = "manifest-name"
    """A file is found under a name written otherwise (case, Unicode form, leading folders)."""
    # the sequence
    MISSING_FRAMES = "missing-frames"
    """Numbers are missing between two frames."""
    MISSING_HEAD = "missing-head"
    """Frames are missing before the first one, by the manifest, the headers or the catalogue."""
    MISSING_TAIL = "missing-tail"
    """Frames are missing after the last one, by the manifest, the headers or the catalogue."""
    SURPLUS_FRAMES = "surplus-frames"
    """More frames than the catalogue says."""
    DUPLICATE_NUMBER = "duplicate-number"
    """Two files have the same frame number."""
    IDENTICAL_FRAMES = "identical-frames"
    """Neighbouring frames hold exactly the same picture."""
    # single frames
    EMPTY = "empty"
    """The file has no bytes."""
    TRUNCATED = "truncated"
    """The file is shorter than its header says."""
    DAMAGED = "damaged"
    """The header or the picture cannot be read."""
    UNLIKE_FIRST = "unlike-first"
    """Size, bit depth, packing or kind differs from the first frame's."""
    # headers
    HEADER_VERSION = "header-version"
    ORIENTATION = "orientation"
    TRANSFER_CHANGES = "transfer-changes"
    FILE_SIZE = "file-size"
    """The header states another file size than the file has, or bytes follow the picture."""
    FRAME_POSITION = "frame-position"
    SEQUENCE_LENGTH = "sequence-length"
    HEADER_FILE_NAME = "header-file-name"
    TIMECODE = "timecode"
    KEYCODE = "keycode"
    CREATOR_MISSING = "creator-missing"
    DEVICE_MISSING = "device-missing"
    PROJECT_MISSING = "project-missing"
    # the folder
    STRAY_FILE = "stray-file"
    EMPTY_FOLDER = "empty-folder"
    LINK = "link"
    """A symbolic link: it is not followed."""
    # sound
    SOUND_DAMAGED = "sound-damaged"
    SOUND_LENGTH = "sound-length"
    """Sound and picture do not last equally long."""
    # the side sequence
    INFRARED_MISSING = "infrared-missing"
    """A frame has no frame in the side sequence that shows the dirt of the others."""
    INFRARED_SURPLUS = "infrared-surplus"
    """A frame of the side sequence belongs to no frame of the picture."""
    INFRARED_DAMAGED = "infrared-damaged"
    """A frame of the side sequence cannot be used: empty, truncated, or not to be read."""
    INFRARED_UNLIKE = "infrared-unlike"
    """A frame of the side sequence has another size than the picture, or is not like the others."""
    INFRARED_UNUSED = "infrared-unused"
    """Another side sequence, or one beside a video: kept, not used."""
    # specification
    SPECIFICATION = "specification"
    """The scan is not what the archive's scan specification asks for."""

    @property
    def waivable(self) -> bool:
        """Whether a person may take the reel in all the same."""
        return self in _WAIVABLE


_WAIVABLE = frozenset(
    {
        Rule.NO_COMPLETION_MARK,
        Rule.NOT_IN_MANIFEST,
        Rule.MISSING_FILE,
        Rule.DIGEST,
        Rule.MISSING_FRAMES,
        Rule.MISSING_HEAD,
        Rule.MISSING_TAIL,
        Rule.SURPLUS_FRAMES,
        Rule.EMPTY,
        Rule.TRUNCATED,
        Rule.DAMAGED,
        Rule.FRAME_POSITION,
        Rule.SEQUENCE_LENGTH,
        Rule.TIMECODE,
        Rule.KEYCODE,
        Rule.SOUND_DAMAGED,
        Rule.INFRARED_MISSING,
        Rule.INFRARED_DAMAGED,
        Rule.INFRARED_UNLIKE,
        Rule.SPECIFICATION,
    }
)
"""What nobody can waive: pictures that cannot stand in one master, or a choice between two files of one number."""


@dataclass(frozen=True)
class Finding:
    """One thing found, of one file or a run of neighbouring frames."""

    grade: Grade
    rule: Rule
    message: str
    """One sentence in the operator's language, without the file's name."""
    file: str | None = None
    """The (first) file concerned, relative to the delivery."""
    frame: int | None = None
    """The (first) frame concerned, as the scan numbers it."""
    last_frame: int | None = None
    """The last frame of a run; None where it is one frame."""
    part: str = ""
    """The folder of the frames, where their numbers start anew in each part of the reel; else empty."""
    count: int = 1
    """How many files or frames it is about."""
    expected: str | None = None
    found: str | None = None
    action: str = ""
    """What the operator can do, as an imperative sentence."""

    @property
    def id(self) -> str:
        """What a person writes to waive it: `truncated:105`, `missing-frames:part 2/105-107`, `no-completion-mark`."""
        if self.frame is not None:
            last = "" if self.last_frame in (None, self.frame) else f"-{self.last_frame}"
            return f"{self.rule}:{self._place}{self.frame}{last}"
        return f"{self.rule}:{self.file}" if self.file else str(self.rule)

    @property
    def _place(self) -> str:
        return f"{self.part}/" if self.part else ""

    def __str__(self) -> str:
        """As the log shows it: grade, where, what, and what to do."""
        return f"{self.grade}: {self.error()}"

    def error(self) -> DeliveryError:
        """The finding as the error that ends an ingest."""
        return DeliveryError(
            self.message,
            file=self.file,
            frame=self.frame,
            expected=self.expected,
            found=self.found,
            action=self.action or None,
        )


class Waiver(BaseModel):
    """A person's word that a finding is known and the reel is to be taken in all the same.

    Who said so is a recorded decision (`catalogue`), not part of the work's parameters.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str = Field(pattern=r"^[a-z]+(-[a-z]+)*(:[^\n\r\t]{1,300})?$")
    """A finding's `id`, or a rule alone for all its findings."""
    reason: str = Field(min_length=3, max_length=2000)

    @classmethod
    def parse(cls, text: str) -> Waiver:
        """Read `FINDING=REASON`, as the command line and the form take it.

        Raises:
            WrongUse: it is not that, or the rule is not known or cannot be waived.
        """
        finding, _, reason = (part.strip() for part in text.partition("="))
        rule = finding.partition(":")[0]
        if rule not in {rule.value for rule in Rule if rule.waivable}:
            raise WrongUse(
                "this finding cannot be waived",
                expected=", ".join(sorted(rule.value for rule in Rule if rule.waivable)),
                found=rule or "nothing",
                action="copy the finding's name from the log of the ingest task",
            )
        if len(reason) < 3:
            raise WrongUse(
                "a waiver needs a reason", expected=f"{finding}=why", found=text, action="say why the reel may go on"
            )
        return cls(finding=finding, reason=reason)

    def covers(self, finding: Finding) -> bool:
        """Whether this waives the finding: by its rule alone, its id, or a range of frames it lies in."""
        rule, _, where = self.finding.partition(":")
        if rule != finding.rule or not finding.rule.waivable:
            return False
        if not where or self.finding == finding.id:
            return True
        if not where.startswith(finding.part):
            return False
        first, _, last = where[len(finding.part) :].removeprefix("/").partition("-")
        if finding.frame is None or not first.isdecimal() or not (last or first).isdecimal():
            return False
        stop = finding.frame if finding.last_frame is None else finding.last_frame
        return int(first) <= finding.frame and stop <= int(last or first)


def by_grade(findings: Iterable[Finding], grade: Grade) -> tuple[Finding, ...]:
    """The findings of one grade."""
    return tuple(finding for finding in findings if finding.grade is grade)


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings grade by grade, what refuses first; within a grade in the order given."""
    given = tuple(findings)
    return tuple(finding for grade in Grade for finding in by_grade(given, grade))


def waived(findings: Iterable[Finding], waivers: Sequence[Waiver]) -> tuple[tuple[Finding, Waiver], ...]:
    """The failures that a person has waived, each with the waiver."""
    pairs = ((finding, _waiver_of(finding, waivers)) for finding in by_grade(findings, Grade.FAIL))
    return tuple((finding, waiver) for finding, waiver in pairs if waiver is not None)


def require_none_open(findings: Sequence[Finding], waivers: Sequence[Waiver] = ()) -> None:
    """Refuse a delivery with a failure that nobody has waived.

    Raises:
        DeliveryError: about the first such failure; it says how many others there are and how to waive.
    """
    failures = by_grade(findings, Grade.FAIL)
    unanswered = [finding for finding in failures if _waiver_of(finding, waivers) is None]
    if not unanswered:
        return
    first = unanswered[0]
    error = first.error()
    if len(unanswered) > 1:
        error.message = f"{first.message.rstrip('.')}; {len(unanswered) - 1} more findings refuse this delivery"
    if first.rule.waivable:
        known = f"waive it as {first.id!r} with a reason"
        error.action = f"{first.action.rstrip('.')}; or {known}" if first.action else known
    raise error


def _waiver_of(finding: Finding, waivers: Sequence[Waiver]) -> Waiver | None:
    return next((waiver for waiver in waivers if waiver.covers(finding)), None)


def merged(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings with neighbours of the same rule, grade and message made one, in the order given.

    Two findings are neighbours where the second's frame follows the first's last one in the list of findings; the run
    keeps the first one's file, expectation and find.
    """
    runs: list[Finding] = []
    for finding in findings:
        last = runs[-1] if runs else None
        if last is not None and _continues(last, finding):
            stop = finding.last_frame if finding.last_frame is not None else finding.frame
            runs[-1] = replace(last, last_frame=stop, count=last.count + finding.count)
        else:
            runs.append(finding)
    return tuple(runs)


def _continues(run: Finding, finding: Finding) -> bool:
    if (run.rule, run.grade, run.message, run.part) != (finding.rule, finding.grade, finding.message, finding.part):
        return False
    if run.frame is None or finding.frame is None:
        return False
    stop = run.frame if run.last_frame is None else run.last_frame
    return finding.frame == stop + 1


SubstituteReason = Literal["missing", "damaged"]
"""Why another frame stands in a frame's place in the master."""
