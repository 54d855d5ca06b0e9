"""Whether the scanner has finished: a completion mark, or a manifest that names exactly what is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule, merged
from restoration_tasks.media.delivery.listing import READY_SUFFIX, FileRole, ListedFile
from restoration_tasks.media.delivery.manifest import Manifest, Match

_SCAN = (FileRole.FRAME, FileRole.SOUND, FileRole.CONTAINER, FileRole.INFRARED)
"""Roles of files that make up the scan: a manifest has to name them."""
_SHOWN = 3
"""Names shown in one message."""


def has_mark(folder: Path) -> bool:
    """Whether a completion mark is there: `.ready` or `*.ready` in the folder, or `NAME.ready` beside it.

    In an inbox `NAME.ready` speaks of the folder `NAME` alone, so a mark with the name of a folder inside is not this
    folder's own.
    """
    if folder.with_name(folder.name + READY_SUFFIX).exists():
        return True
    marks = [path.name for path in folder.iterdir() if path.name.lower().endswith(READY_SUFFIX)]
    return any(not (folder / mark[: -len(READY_SUFFIX)]).is_dir() or mark == READY_SUFFIX for mark in marks)


def manifest_findings(
    manifest: Manifest, matched: Match, files: Sequence[ListedFile], missing: Sequence[str]
) -> tuple[Finding, ...]:
    """Files the manifest does not name, named files that are not there, and names written otherwise.

    Args:
        manifest: of the delivery.
        matched: its names and the files.
        files: the reel's files.
        missing: names without a file that are no frames of the sequence (those are told by their numbers).
    """
    unnamed = new_files(matched, files)
    named = manifest.path.name
    findings = [
        Finding(
            Grade.FAIL,
            Rule.NOT_IN_MANIFEST,
            "the manifest does not name this file",
            file=file.name,
            frame=file.number if file.role is FileRole.FRAME or _of_side_folder(file) else None,
            part=file.folder if _of_side_folder(file) else "",
            action=f"have the scanner write {named} again",
        )
        for file in unnamed
    ]
    findings += [
        Finding(
            Grade.FAIL,
            Rule.MISSING_FILE,
            f"the manifest names a file that is not there{_more_of(group)}",
            file=group[0],
            count=len(group),
            action="have the scanner deliver this file, then start again",
        )
        for group in _groups(missing)
    ]
    if matched.otherwise:
        file, name = matched.otherwise[0]
        count = len(matched.otherwise)
        findings.append(
            Finding(
                Grade.NOTE,
                Rule.MANIFEST_NAME,
                "the manifest writes this file's name otherwise"
                + (f", and those of {count - 1} more" if count > 1 else ""),
                file=file,
                count=count,
                expected=file,
                found=name,
            )
        )
    return merged(findings)


def _of_side_folder(file: ListedFile) -> bool:
    """A frame of a side sequence that has folders to itself: what tells its numbers from those of the picture."""
    return file.role is FileRole.INFRARED and bool(file.folder)


def _more_of(group: Sequence[str]) -> str:
    return f" ({len(group) - 1} more of its kind are not there either)" if len(group) > 1 else ""


def _groups(names: Sequence[str]) -> list[list[str]]:
    """Names by folder and ending, where there are many of one kind; else each alone."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name in names:
        groups.setdefault((name.rpartition("/")[0], PurePosixPath(name).suffix.lower()), []).append(name)
    return [
        part for group in groups.values() for part in ([group] if len(group) > _SHOWN else [[name] for name in group])
    ]


def new_files(matched: Match, files: Iterable[ListedFile]) -> list[ListedFile]:
    """Frames, sound, videos and side frames that the manifest does not name, in the order of the delivery."""
    unnamed = set(matched.unnamed)
    return [file for file in files if file.name in unnamed and file.role in _SCAN]


def no_mark(folder: str, manifest: Manifest | None, new: Sequence[str], missing: Sequence[str]) -> Finding:
    """The finding about a delivery that nothing says is finished.

    Args:
        folder: name of the delivery.
        manifest: its manifest, if it has one.
        new: files the manifest does not name.
        missing: names without a file.
    """
    if manifest is None:
        found = "neither"
    else:
        parts = [
            f"{len(names)} {what} ({_some(names)})" for what, names in (("new", new), ("missing", missing)) if names
        ]
        found = f"{manifest.path.name} with {' and '.join(parts)}"
    return Finding(
        Grade.FAIL,
        Rule.NO_COMPLETION_MARK,
        f"the delivery {folder!r} has no completion mark",
        count=max(1, len(new) + len(missing)),
        expected=f"a {READY_SUFFIX} file or a complete manifest",
        found=found,
        action=f"wait for the scanner to finish, then put an empty file named {READY_SUFFIX} into the folder",
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
