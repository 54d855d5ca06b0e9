"""What exporters say of a reel beside its events: the film, the item, the scan, the kept files, how the reel was found.

No member of staff is named here. What an archive does not know stays None or empty.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.vocabulary import STEP_TERMS, ObjectRole, Outcome
from restoration_tasks.runtime.spec import StepName


class Use(StrEnum):
    """What a file is kept for."""

    PRESERVATION = "preservation"
    """As scanned, and what makes every delivered file again."""
    RESTORATION = "restoration"
    ACCESS = "access"
    DOCUMENTATION = "documentation"


_ROLES: Final = {
    Use.PRESERVATION: (
        "master", "framemd5", "scan", "technical", "headers", "sound_headers", "delivered", "infrared",
        "infrared_headers",
    ),
    Use.RESTORATION: (
        "restoration_master", "restored_framemd5", "mezzanine", "enlarged_master", "enlarged_framemd5",
    ),
    Use.ACCESS: ("access", "comparison", "scan_access", "enlarged_access"),
}  # fmt: skip
"""Roles of files by their use, the main ones first; all others document."""
_USES: Final = {role: use for use, roles in _ROLES.items() for role in roles}
_PLACES: Final = {role: place for place, role in enumerate(_USES)}
_KEPT_STEPS: Final = (StepName.INGEST, StepName.ASSEMBLE, StepName.CHECK)
"""Steps whose files are kept for good."""


@dataclass(frozen=True, slots=True)
class Title:
    """A title of the film."""

    text: str
    kind: str | None = None
    """As the catalogue calls it: original, translated, working …"""
    language: str | None = None
    """BCP 47 tag; a plain code of ISO 639 is one."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Somebody who made the film."""

    role: str
    """As the catalogue calls it: director, camera …"""
    name: str


@dataclass(frozen=True, slots=True)
class Scan:
    """Technical metadata of the newest scan."""

    frames: int
    width: int
    """Pixels."""
    height: int
    """Pixels."""
    fps: str
    """Frames a second as a fraction, such as `24000/1001`."""
    bit_depth: int
    """Bits a sample."""
    pix_fmt: str
    """In ffmpeg's words."""
    kind: str | None = None
    """What was delivered: `dpx`, `tiff` …"""
    duration_s: float | None = None
    transfer: str | None = None
    primaries: str | None = None
    scanner: str | None = None
    sound_tracks: int | None = None
    sound_channels: int | None = None
    sound_rate_hz: int | None = None
    sound_bits: int | None = None
    master_format: str | None = None
    """Container and codec of the preservation master, such as `Matroska 4, FFV1 3.4`."""
    substituted_frames: int = 0
    """Places where a neighbour stands in for a missing or damaged frame."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How the reel was found before restoration."""

    urgency: float
    """0–100."""
    severities: Mapping[str, float]
    """0–100, by category of damage."""


@dataclass(frozen=True, slots=True)
class CheckFound:
    """How the restored reel was found: the outcome of the newest check."""

    passed: bool
    failed_rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DecisionTaken:
    """What was decided of a version of the plan; by whom, the record alone says, by number."""

    answer: str
    capacity: str
    """In which capacity: conservator, maker."""
    plan_version: int
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is kept."""

    role: str
    """Its name among the files of the step that made it: `master`, `restoration_master`, `access` …"""
    uri: str
    """`vault:` and a path."""
    sha256: str
    bytes: int
    media_type: str
    id: str | None = None
    """UUID of the digital object; None where the record does not name the file."""
    made: datetime | None = None
    """When the record first names it as made."""
    place: str | None = None
    """Where it lies in the package, under `data/`; None outside one."""

    @property
    def use(self) -> Use:
        """What it is kept for."""
        return _USES.get(self.role, Use.DOCUMENTATION)


@dataclass(frozen=True, slots=True)
class ReelDescription:
    """A reel as the exports describe it."""

    reel_id: str
    titles: tuple[Title, ...]
    """At least one; the first is the one it goes by."""
    work_id: str | None = None
    """UUID."""
    item: str | None = None
    """Shelf mark or accession number of the item it is a part of."""
    year: str | None = None
    """Of the film; a span as `1927/1928`."""
    countries: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    """BCP 47 tags."""
    makers: tuple[Maker, ...] = ()
    scan: Scan | None = None
    condition: Condition | None = None
    check: CheckFound | None = None
    decisions: tuple[DecisionTaken, ...] = ()
    """The oldest first."""
    files: tuple[KeptFile, ...] = field(default=())

    def __post_init__(self) -> None:
        if not self.titles:
            raise ValueError(f"reel {self.reel_id} is described without a title")

    @property
    def title(self) -> str:
        """The title it goes by."""
        return self.titles[0].text

    @property
    def summary(self) -> str:
        """What was scanned, how it was found and what was decided, in plain sentences."""
        sentences = [f"Reel {self.reel_id}."]
        if self.scan is not None:
            scan = self.scan
            sentences.append(
                f"Scanned in {scan.width} × {scan.height} pixels, {scan.bit_depth} bits a sample, {scan.frames} frames"
                f" at {scan.fps} a second."
            )
        if self.condition is not None:
            worst = sorted(self.condition.severities.items(), key=lambda found: (-found[1], found[0]))
            found = ", ".join(f"{category} {severity:.0f}" for category, severity in worst if severity >= 0.5)
            sentences.append(f"Condition before restoration, 0–100: urgency {self.condition.urgency:.0f}")
            sentences[-1] += f"; {found}." if found else "."
        if self.check is not None:
            failed = ", ".join(self.check.failed_rules)
            sentences.append(f"The check of the restored reel {'passed' if self.check.passed else 'did not pass'}.")
            sentences[-1] += f" Rules not met: {failed}." if failed else ""
        if self.decisions:
            last = self.decisions[-1]
            sentences.append(
                f"Last decision: {last.answer} of plan version {last.plan_version}, by a {last.capacity},"
                f" {last.decided_at:%Y-%m-%d}."
            )
        return " ".join(sentences)


def kept_files(line: ReelChain) -> tuple[KeptFile, ...]:
    """The files a reel keeps by its record: what the newest ingest, assembly and check made that did not fail."""
    files: list[KeptFile] = []
    for step in _KEPT_STEPS:
        term = STEP_TERMS[step]
        made = [
            event
            for event in line.events
            if (event.event_type, event.subtype) == (term.type.value, term.subtype) and event.outcome != Outcome.FAILURE
        ]
        if made:
            files += (
                KeptFile(entry.role, entry.uri, entry.sha256, entry.bytes, entry.media_type)
                for entry in made[-1].objects
                if entry.link == ObjectRole.OUTCOME
            )
    return on_record(line, files)


def on_record(line: ReelChain, files: Iterable[KeptFile]) -> tuple[KeptFile, ...]:
    """The files in the order of their use, with what the record knows of each: number, place in the vault, when made.

    A file is known by role and digest, so that the same bytes made again elsewhere in the vault stay the same file.
    """
    first: dict[tuple[str, str], KeptFile] = {}
    for event in line.events:
        for entry in event.objects:
            if entry.link == ObjectRole.OUTCOME:
                known = KeptFile(
                    entry.role, entry.uri, entry.sha256, entry.bytes, entry.media_type, entry.id, event.ended
                )
                first.setdefault((entry.role, entry.sha256), known)
    ordered = sorted(files, key=lambda file: (_PLACES.get(file.role, len(_PLACES)), file.role, file.uri))
    return tuple(_joined(file, first.get((file.role, file.sha256))) for file in ordered)


def _joined(file: KeptFile, known: KeptFile | None) -> KeptFile:
    if known is None:
        return file
    return KeptFile(file.role, known.uri, file.sha256, file.bytes, file.media_type, known.id, known.made, file.place)
