"""Check that a file is built as Matroska and FFV1 say: MediaConch's implementation checks.

MediaConch reads the head of a file, its index and its first frames. That every frame is whole and right is proved
otherwise: by slice checksums and framemd5.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from restoration_tasks.media.probe import technical_metadata
from restoration_tasks.runtime.errors import MediaError

_NAMESPACE = "{https://mediaarea.net/mediaconch}"
_CHECKERS = {"Matroska": "EBML", "FFV1": "FFV1"}
"""What must have been checked of a file that holds it: MediaInfo's name of the format, MediaConch's of its checker."""
_NEUTRAL_NAME = "checked.mkv"
_UNSUPPORTED = "does not support"
_TIMEOUT_S = 1800
"""MediaConch takes about a second; what keeps it longer than this is not read as a video."""


@dataclass(frozen=True)
class FailedCheck:
    """One check a file did not pass."""

    rule: str
    """MediaConch's name of the check, such as `EBML-CRC-VALID`."""
    reason: str
    """In MediaConch's words; empty where it gives none."""
    where: str
    """The element concerned, and its byte."""

    def __str__(self) -> str:
        """As a report shows it."""
        return " ".join(part for part in (self.rule, self.reason, f"[{self.where}]" if self.where else "") if part)


@dataclass(frozen=True)
class ConformanceReport:
    """What the implementation checks found."""

    file: str
    tool: str | None
    """MediaConch's name and version; None where it is not installed, so that nothing was checked."""
    checkers: tuple[str, ...] = ()
    """What was checked, such as `EBML` and `FFV1`."""
    checks: int = 0
    """Single checks that were made."""
    failures: tuple[FailedCheck, ...] = ()
    unchecked: tuple[str, ...] = ()
    """Codings in the file that MediaConch has no checks for (FLAC)."""

    @property
    def checked(self) -> bool:
        """Whether anything was checked at all."""
        return self.tool is not None and self.checks > 0

    @property
    def passed(self) -> bool:
        """Whether everything was checked that had to be, and nothing failed. Never true of a check not made."""
        return self.checked and not self.failures


def available() -> bool:
    """Whether MediaConch is installed (`mediaconch` on the path, or named by `REELKEEPER_MEDIACONCH`)."""
    return _program() is not None


def check(path: Path) -> ConformanceReport:
    """Run the implementation checks on a Matroska file.

    A checker that should have spoken (EBML for Matroska, FFV1 for its picture) and did not counts as a failure.

    Raises:
        MediaError: the file cannot be read, or MediaConch answers in a way that is not understood.
    """
    must = [_CHECKERS[name] for name in _formats(path) if name in _CHECKERS]
    program = _program()
    if program is None:
        return ConformanceReport(path.name, tool=None)
    report = _parsed(_answer(program, path), path, _version(program))
    silent = [name for name in must or ["EBML"] if name not in report.checkers]
    missing = tuple(FailedCheck(f"{name}-NOT-CHECKED", "MediaConch found nothing to check", "") for name in silent)
    return replace(report, failures=report.failures + missing)


def _program() -> str | None:
    return shutil.which(os.environ.get("REELKEEPER_MEDIACONCH") or "mediaconch")


def _formats(path: Path) -> list[str]:
    tracks = technical_metadata(path)
    return [str(track.get("format", "")) for track in tracks if track.get("track_type") in ("General", "Video")]


def _version(program: str) -> str:
    found = re.search(r"MediaConch\D*([\d.]+)", _run([program, "--Version"], about=Path(program)))
    return f"MediaConch {found[1]}" if found else "MediaConch"


def _answer(program: str, path: Path) -> str:
    # `Force`: a report from its data base, which goes by name and date, would be another file's. By its own name, a
    # file called `-x.mkv` or `http:a.mkv` would be taken for something else.
    return _run([program, "--Force", "-mc", "-fx", "-iv", "4", _NEUTRAL_NAME], about=path, linked=path)


def _run(command: list[str], *, about: Path, linked: Path | None = None) -> str:
    """MediaConch's answer; the data base it keeps goes into a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="reelkeeper-mediaconch-") as home:
        if linked is not None:
            (Path(home) / _NEUTRAL_NAME).symlink_to(linked.absolute())
        surroundings = {"PATH": os.environ.get("PATH", ""), "HOME": home, "XDG_DATA_HOME": home, "LC_ALL": "C.UTF-8"}
        try:
            done = subprocess.run(
                command, capture_output=True, env=surroundings, timeout=_TIMEOUT_S, check=False, cwd=home
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise _not_understood(about, str(error)) from error
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip()
        raise _not_understood(about, said or f"exit code {done.returncode}")
    return done.stdout.decode("utf-8", "replace")


def _parsed(answer: str, path: Path, tool: str) -> ConformanceReport:
    try:
        # No document type, so no entities: nothing in the answer can make the parser grow or fetch.
        media = fromstring(answer, forbid_dtd=True).findall(f"{_NAMESPACE}media")
    except DefusedXmlException as error:
        raise _not_understood(path, "an answer with a document type") from error
    except ParseError as error:
        raise _not_understood(path, str(error)) from error
    checkers: list[str] = []
    unchecked: list[str] = []
    failures: list[FailedCheck] = []
    checks = 0
    for group in (group for one in media for group in one.findall(f"{_NAMESPACE}implementationChecks")):
        name = group.findtext(f"{_NAMESPACE}name", "")
        if _UNSUPPORTED in name:
            unchecked.append(name.partition(_UNSUPPORTED)[2].strip())
            continue
        checkers.append(name.removeprefix("MediaConch ").removesuffix(" Implementation Checker"))
        for one in group.findall(f"{_NAMESPACE}check"):
            checks += int(one.get("tests_run") or 0)
            failures += _failures(one)
    return ConformanceReport(path.name, tool, tuple(checkers), checks, tuple(failures), tuple(unchecked))


def _failures(check: Element) -> list[FailedCheck]:
    rule = check.get("icid") or "unnamed check"
    failed = [test for test in check.findall(f"{_NAMESPACE}test") if test.get("outcome") == "fail"]
    found = [FailedCheck(rule, test.get("reason") or "", _where(test)) for test in failed]
    counted = int(check.get("fail_count") or 0)
    if counted and not found:
        found = [FailedCheck(rule, f"{counted} tests failed", "")]
    return found


def _where(test: Element) -> str:
    value = test.find(f"{_NAMESPACE}value")
    if value is None:
        return ""
    place = value.get("context") or value.get("name") or ""
    return f"{place} at byte {value.get('offset')}" if value.get("offset") else place


def _not_understood(path: Path, said: str) -> MediaError:
    return MediaError(
        f"MediaConch did not check the file: {said}",
        file=path,
        action="run `mediaconch -mc` on the file by hand; without its checks a master is not signed off",
    )
