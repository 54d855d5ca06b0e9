"""One reel of a delivery: its frames or video, sound, manifest and completion mark, and what is wrong with them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from restoration_tasks.media.delivery.completeness import NamedNumbers, named_numbers
from restoration_tasks.media.delivery.completion import has_mark, manifest_findings, new_files, no_mark
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.listing import (
    FileRole,
    ListedFile,
    Listing,
    classify,
    folder_findings,
    stray_findings,
)
from restoration_tasks.media.delivery.manifest import Manifest, find_manifest, match
from restoration_tasks.media.delivery.reels import FoundReel, find_reels, numbering, reel_name, reel_number
from restoration_tasks.media.delivery.sequence import ImageSequence, sequence_of
from restoration_tasks.media.delivery.side_names import list_by_role
from restoration_tasks.media.delivery.side_sequence import FoundSide, SideSequence, find_side
from restoration_tasks.runtime.errors import DeliveryError

_SCAN = (FileRole.FRAME, FileRole.CONTAINER, FileRole.SOUND)
_UPPER_LEVELS = 2
"""Folders above a reel's own that are looked into for its delivery's manifest and mark (`delivery/scans/reel 01`)."""


@dataclass(frozen=True)
class Delivery:
    """One reel as the scanner delivered it; nothing of it has been read but names, sizes and the manifest."""

    root: Path
    """Names in manifest, findings and records are relative to this folder."""
    folder: Path
    """The folder of the reel: `root` or one below it."""
    reel: str | None
    """Name of the reel in a delivery of several."""
    sequence: ImageSequence | None
    """Its frames; None where a video was delivered."""
    container: Path | None
    """Its video; None where frames were delivered."""
    sound: tuple[Path, ...]
    manifest: Manifest | None
    """What the delivery's manifest says of this reel."""
    papers: tuple[Path, ...]
    """Logs, cue sheets and other writing, manifests included."""
    marked: bool
    """Whether there is a completion mark."""
    findings: tuple[Finding, ...]
    """What names, sizes and manifest show; digests, headers and missing frames are for `check_delivery`."""
    names: dict[str, str]
    """The manifest's name of each file that it names, by the file's own name."""
    absent: NamedNumbers
    """Files the manifest names that are not there."""
    files: tuple[ListedFile, ...]
    """Sound, video and papers, and whatever else the manifest names, as listed; frames are in `sequence`."""
    infrared: SideSequence | None = None
    """Frames that show dirt, by infrared light or as a matte, beside those of the picture."""

    def without_listing(self) -> Delivery:
        """What is left to know once it is checked: names and digests of the manifest take as much as the frames do."""
        return replace(self, manifest=self.manifest and self.manifest.only(()), names={})


def reels_in(folder: Path) -> tuple[str, ...]:
    """Names of the reels in a delivery, in the order of their numbers; empty for one reel without a name of its own.

    Where reels have folders, a name is the folder's path in the delivery. `find_delivery` takes `folder / name`.

    Raises:
        DeliveryError: no folder, nothing to restore, or a sequence that belongs to no reel.
    """
    return tuple(reel.folder or reel.name for reel in find_reels(list_by_role(folder)) if reel.name is not None)


def _unhoused(folder: Path) -> tuple[str, ...]:
    """Names of reels that lie together in one folder, told apart by their files' names alone."""
    try:
        return tuple(reel.name for reel in find_reels(list_by_role(folder)) if reel.name and not reel.folder)
    except DeliveryError:
        return ()


def find_delivery(folder: Path, reel: str | None = None) -> Delivery:
    """One reel of a delivery.

    Args:
        folder: the delivery, or `DELIVERY/REEL` for one reel of it: then manifest and mark may lie above it. Where
            reels have no folders of their own, `REEL` is the reel's name.
        reel: which reel, by its name or number; needed where there are several.

    Raises:
        DeliveryError: no folder, nothing to restore, several reels and none named, more than one sequence or video, a
            manifest that cannot be read. Everything else that is wrong is a finding.
    """
    if reel is None and not folder.is_dir() and folder.name in _unhoused(folder.parent):
        folder, reel = folder.parent, folder.name
    root, below = _root_of(folder)
    listing = list_by_role(root, below)
    reels = find_reels(listing)
    chosen = _chosen(folder, reels, reel)
    kept = _sorted(root, chosen, several=len(reels) > 1)
    manifest = _manifest(root, below, listing, chosen, reels)
    home = root / (below or chosen.folder)
    marked = has_mark(root) or has_mark(home)
    listed = _listed(root, manifest, chosen, kept, marked)
    return Delivery(
        root=root,
        folder=home,
        reel=chosen.name,
        sequence=kept.sequence,
        container=root / kept.container.name if kept.container else None,
        sound=tuple(root / file.name for file in kept.sound),
        manifest=manifest,
        papers=tuple(root / file.name for file in chosen.files if file.role in (FileRole.PAPER, FileRole.MANIFEST)),
        marked=marked,
        findings=(
            *folder_findings(chosen.files, *_beside(listing, chosen, reels)),
            *stray_findings(kept.strays),
            *kept.duplicates,
            *kept.side.findings,
            *listed.findings,
        ),
        names=listed.names,
        absent=listed.absent,
        files=tuple(
            file for file in chosen.files if file in kept.own or (file.name in listed.names and file not in kept.frames)
        ),
        infrared=kept.side.side,
    )


def _root_of(folder: Path) -> tuple[Path, str]:
    """The delivery a folder belongs to, and the folder's name in it; a delivery of its own in nearly all cases.

    Only a folder named like a reel, and without a manifest of its own, may belong to a delivery above it: one whose
    manifest names files in this folder, or that has a completion mark where the folder has none.
    """
    folder = folder.absolute()
    if reel_name(folder.name) is None or not folder.is_dir() or find_manifest(folder) is not None:
        return folder, ""
    above = list(folder.parents)[:_UPPER_LEVELS]
    listed = [upper for upper in above if _names_below(upper, folder.relative_to(upper).as_posix())]
    marked = [] if has_mark(folder) else [upper for upper in above if has_mark(upper)]
    root = next(iter(listed + marked), folder)
    return root, "" if root == folder else folder.relative_to(root).as_posix()


def _names_below(upper: Path, below: str) -> bool:
    try:
        manifest = find_manifest(upper)
    except (DeliveryError, OSError):
        return False  # somebody else's manifest: an inbox may hold anything
    return manifest is not None and any(name.startswith(f"{below}/") for name in manifest.digests)


def _chosen(folder: Path, reels: Sequence[FoundReel], wanted: str | None) -> FoundReel:
    names = ", ".join(str(reel.name) for reel in reels if reel.name is not None)
    if wanted is None:
        if len(reels) == 1:
            return reels[0]
        raise DeliveryError(
            "the delivery holds several reels",
            file=folder,
            expected="the name of one of them",
            found=names,
            action=f"say which reel is meant, such as {reels[0].name!r}",
        )
    spoken = reel_name(wanted)
    number = int(wanted) if wanted.strip().isdecimal() else spoken.number if spoken else None
    exact = [reel for reel in reels if wanted.casefold() in {(reel.name or "").casefold(), reel.folder.casefold()}]
    chosen = exact or [reel for reel in reels if number is not None and reel.number == number]
    if not chosen:
        raise DeliveryError(
            "the delivery does not hold this reel",
            file=folder,
            expected=wanted,
            found=names or "one reel without a name of its own",
            action="check the reel's name" if names else "leave the reel's name out",
        )
    return chosen[0]


@dataclass(frozen=True)
class _Sorted:
    """A reel's files by what becomes of them."""

    sequence: ImageSequence | None
    container: ListedFile | None
    sound: tuple[ListedFile, ...]
    strays: tuple[ListedFile, ...]
    duplicates: tuple[Finding, ...]
    own: frozenset[ListedFile]
    """Sound, video, papers, and side frames that belong to no frame."""
    frames: frozenset[ListedFile]
    """Frames of the sequence and of its side sequence."""
    side: FoundSide


def _sorted(root: Path, reel: FoundReel, *, several: bool) -> _Sorted:
    # Of several reels, pictures and sound must say whose they are.
    loose = [file for file in _of(reel, *_SCAN) if reel_number(file.name) is None] if several else []
    frames, videos, sound = (
        tuple(file for file in _of(reel, role) if file not in loose)
        for role in (FileRole.FRAME, FileRole.CONTAINER, FileRole.SOUND)
    )
    if len(frames) > 1 or not videos:
        found = numbering(root, frames)
        strays = (*found.strays, *videos)
        left_alone = sorted(file.name for file in (*strays, *_of(reel, FileRole.STRAY)))
        sequence, container = sequence_of(root, found, tuple(left_alone)), None
        duplicates = tuple(_duplicate(first, second) for first, second in found.duplicates)
    else:
        sequence, container, duplicates, strays = None, _only(root, videos), (), tuple(frames)
    side = find_side(root, reel, sequence, several=several)
    strays = (*strays, *loose, *side.strays)
    own = (*sound, *((container,) if container else ()), *_of(reel, FileRole.PAPER, FileRole.MANIFEST), *side.unused)
    in_order = {*frames, *_of(reel, FileRole.INFRARED)} - {*strays, *side.unused}
    return _Sorted(sequence, container, sound, strays, duplicates, frozenset(own), frozenset(in_order), side)


def _of(reel: FoundReel, *roles: FileRole) -> tuple[ListedFile, ...]:
    return tuple(file for file in reel.files if file.role in roles)


def _only(root: Path, videos: Sequence[ListedFile]) -> ListedFile:
    if len(videos) > 1:
        raise DeliveryError(
            "the folder holds more than one video",
            file=root,
            expected="one video, or names such as 'reel 1', 'reel 2'",
            found=", ".join(file.name for file in videos[:4]),
            action="deliver each reel in a folder of its own",
        )
    return videos[0]


def _duplicate(first: ListedFile, second: ListedFile) -> Finding:
    return Finding(
        Grade.FAIL,
        Rule.DUPLICATE_NUMBER,
        "two files have the same frame number",
        file=second.name,
        frame=second.number,
        expected="each number once",
        found=first.name,
        action="remove the one that does not belong to the scan",
    )


def _manifest(
    root: Path, below: str, listing: Listing, chosen: FoundReel, reels: Sequence[FoundReel]
) -> Manifest | None:
    """What the delivery's manifest says of one reel and of what all reels share."""
    nested = [file.name for file in listing.of(FileRole.MANIFEST)]
    manifest = find_manifest(root, nested)
    if manifest is None or (not below and len(reels) == 1):
        return manifest
    if below:
        return manifest.only(name for name in manifest.digests if name.startswith(f"{below}/"))
    others = {reel.number for reel in reels} - {chosen.number}
    return manifest.only(name for name in manifest.digests if reel_number(name) not in others)


@dataclass(frozen=True)
class _Listed:
    """What manifest and completion mark say."""

    names: dict[str, str]
    absent: NamedNumbers
    findings: tuple[Finding, ...]


def _listed(root: Path, manifest: Manifest | None, chosen: FoundReel, kept: _Sorted, marked: bool) -> _Listed:
    if manifest is None or not manifest.digests:
        return _Listed({}, NamedNumbers((), ()), () if marked else (no_mark(root.name, None, (), ()),))
    matched = match(manifest, [file.name for file in chosen.files])
    lost = [name for name in matched.missing if classify(name.rpartition("/")[2])[0] is not FileRole.LITTER]
    side = kept.side.side
    by_side = [name for name in lost if side is not None and side.tells(name)]
    rest = [name for name in lost if name not in by_side]
    absent = named_numbers(kept.sequence, rest) if kept.sequence else NamedNumbers((), tuple(rest))
    scan = [file for file in chosen.files if file not in kept.strays]
    new = [file.name for file in new_files(matched, scan)]
    findings = manifest_findings(manifest, matched, scan, absent.others)
    absent = replace(absent, others=(*absent.others, *by_side))
    if not marked and (new or lost):
        # One fault, one finding: the scanner had not finished, and this says which files are new or missing.
        told = (Rule.NOT_IN_MANIFEST, Rule.MISSING_FILE)
        findings = tuple(finding for finding in findings if finding.rule not in told)
        findings = (no_mark(root.name, manifest, new, lost), *findings)
    return _Listed(dict(matched.named), absent, findings)


def _beside(listing: Listing, chosen: FoundReel, reels: Sequence[FoundReel]) -> tuple[Iterable[str], Iterable[str]]:
    """Empty folders and links, but for those of other reels."""
    others = {reel.number for reel in reels} - {chosen.number}

    def ours(names: Iterable[str]) -> list[str]:
        return [name for name in names if reel_number(f"{name}/") not in others]

    return ours(listing.empty_folders), ours(listing.links)


def delivery_digest(delivery: Delivery | Path, reel: str | None = None) -> tuple[str, int]:
    """What a delivery is, for a signature: `(sha256, frame count)`, without reading a pixel.

    With a manifest it is the digest of what the manifest says (and of files it does not name, or that are not there),
    so that copies of the delivery on other machines agree. Without one it is that of names, sizes and modification
    times.
    The count is 0 for a delivered video.

    Raises:
        DeliveryError: see `find_delivery`.
    """
    found = find_delivery(delivery, reel) if isinstance(delivery, Path) else delivery
    frames = found.sequence.frames if found.sequence else ()
    side = found.infrared.sequence.frames if found.infrared else ()
    scan = [(frame.name, frame.bytes, frame.modified_ns) for frame in (*frames, *side)]
    scan += [
        (file.name, file.bytes, file.modified_ns)
        for file in found.files
        if file.role in (FileRole.SOUND, FileRole.CONTAINER, FileRole.INFRARED)
    ]
    loose = "".join(f"{name}\t{size}\t{time}\n" for name, size, time in scan if name not in found.names)
    if found.manifest is None:
        return hashlib.sha256(loose.encode()).hexdigest(), len(frames)
    lost = "".join(f"{part}\t{number}\n" for part, number in found.absent.numbers)
    lost += "".join(f"{name}\n" for name in found.absent.others)
    said = found.manifest.sha256
    if not loose and not lost:
        return said, len(frames)
    return hashlib.sha256(f"{said}\n{loose}\n{lost}".encode()).hexdigest(), len(frames)
