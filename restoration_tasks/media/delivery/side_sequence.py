"""The side sequence of a reel: which delivered frame shows the dirt of which picture, and what names say is wrong."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule, merged
from restoration_tasks.media.delivery.listing import FileRole, ListedFile
from restoration_tasks.media.delivery.reels import FoundReel, reel_number
from restoration_tasks.media.delivery.sequence import ImageSequence, SequenceFrame, name_like
from restoration_tasks.media.delivery.side_names import SideWord, home_of, look_of, number_of, word_of

_PREFERRED = (SideWord.TRANSMISSION, SideWord.MATTE, SideWord.UNSAID)
"""Of several side sequences the one that was measured comes first, then the one that says what it is."""
_DELIVER = "have the scanner deliver the missing infrared frames, then start again"
Place = tuple[str, int]
"""Part and number: what names a frame of the reel."""


@dataclass(frozen=True)
class SideSequence:
    """Frames that show where there is dirt on the pictures of the same numbers."""

    sequence: ImageSequence
    """In the order of the reel; a frame has the part and number of its picture."""
    word: SideWord
    """What its name says of it."""
    looks: frozenset[tuple[str, str]]
    """Folder and prefix of its files' names: what a name must have to belong to it."""
    lacking: frozenset[int]
    """Numbers of pictures without a side frame."""

    def tells(self, name: str) -> bool:
        """Whether a missing file of this name is told already, as the side frame that a picture lacks."""
        number = number_of(name)
        return look_of(name) in self.looks and number in self.lacking


@dataclass(frozen=True)
class FoundSide:
    """What a reel's files make of a side sequence."""

    side: SideSequence | None
    unused: tuple[ListedFile, ...] = ()
    """Frames that show dirt and belong to no picture; they are kept as delivered."""
    strays: tuple[ListedFile, ...] = ()
    """Those of another reel."""
    findings: tuple[Finding, ...] = ()


def find_side(root: Path, reel: FoundReel, pictures: ImageSequence | None, *, several: bool) -> FoundSide:
    """The side sequence of a reel.

    Args:
        root: the delivery.
        reel: its files.
        pictures: its frames; None of a delivered video, which side frames are not matched with.
        several: whether the delivery holds several reels; then a side frame must say whose it is.
    """
    files = [file for file in reel.files if file.role is FileRole.INFRARED]
    strays = [file for file in files if several and reel_number(file.name) != reel.number]
    ours = [file for file in files if file not in strays]
    if not ours:
        return FoundSide(None, strays=tuple(strays))
    if pictures is None:
        return FoundSide(None, tuple(ours), tuple(strays), (_unused(ours, "a delivered video has no numbers"),))
    groups: dict[tuple[int, str], list[ListedFile]] = {}
    for file in ours:
        word = word_of(file) or SideWord.UNSAID
        groups.setdefault((_PREFERRED.index(word), str(file.kind)), []).append(file)
    (rank, _kind), chosen = min(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    others = [file for file in ours if file not in chosen]
    matched, surplus = _matched(pictures, chosen)
    findings = [_unused(others, "another side sequence of this reel is")] if others else []
    findings += _missing(pictures, matched) if matched else []
    findings += _surplus(surplus)
    side = _side(root, pictures, matched, _PREFERRED[rank]) if matched else None
    return FoundSide(side, (*others, *surplus), tuple(strays), tuple(findings))


def _matched(
    pictures: ImageSequence, files: Sequence[ListedFile]
) -> tuple[dict[Place, ListedFile], tuple[ListedFile, ...]]:
    """Each picture's side frame, and side frames that no picture has (or that another of the number comes before)."""
    places = {(frame.part, frame.number) for frame in pictures.frames}
    parts = {frame.part for frame in pictures.frames}
    matched: dict[Place, ListedFile] = {}
    left: list[ListedFile] = []
    for file in files:
        home = home_of(file)
        part = next((part for part in parts if part == home or part.endswith(f"/{home}")), home)
        place = (part if pictures.restarts else "", file.number)
        if place in places and place not in matched:
            matched[place] = file
        else:
            left.append(file)
    return matched, tuple(left)


def _side(root: Path, pictures: ImageSequence, matched: dict[Place, ListedFile], word: SideWord) -> SideSequence:
    ordered = [(frame, matched[place]) for frame in pictures.frames if (place := (frame.part, frame.number)) in matched]
    kind = ordered[0][1].kind
    assert kind is not None
    frames = tuple(
        SequenceFrame(index, file.number, root, file.name, file.bytes, file.modified_ns, picture.part, None, file.name)
        for index, (picture, file) in enumerate(ordered)
    )
    looks = frozenset(look_of(file.name) for file in matched.values())
    lacking = frozenset(frame.number for frame in pictures.frames if (frame.part, frame.number) not in matched)
    return SideSequence(ImageSequence(root, kind, frames, (), pictures.restarts), word, looks, lacking)


def _missing(pictures: ImageSequence, matched: dict[Place, ListedFile]) -> list[Finding]:
    """One finding for each run of pictures without a side frame."""
    like = next(iter(matched.values()))
    keyed = groupby(pictures.frames, key=lambda frame: (frame.part, frame.number) in matched)
    findings = []
    for there, frames in keyed:
        run = list(frames)
        if there:
            continue
        many = len(run) > 1
        findings.append(
            Finding(
                Grade.FAIL,
                Rule.INFRARED_MISSING,
                f"{len(run)} frames have no infrared frame" if many else "a frame has no infrared frame",
                file=name_like(like.name, run[0].number),
                frame=run[0].number,
                last_frame=run[-1].number if many and run[-1].part == run[0].part else None,
                part=run[0].part,
                count=len(run),
                expected="an infrared frame for each frame",
                found="none of them" if many else "no such file",
                action=_DELIVER,
            )
        )
    return findings


def _surplus(files: Iterable[ListedFile]) -> list[Finding]:
    return list(
        merged(
            Finding(
                Grade.WARN,
                Rule.INFRARED_SURPLUS,
                "the infrared frame belongs to no frame; it is kept and not used",
                file=file.name,
                frame=file.number,
                part=home_of(file),
                action="check whether frames of the picture are missing",
            )
            for file in sorted(files, key=lambda file: (file.folder, file.number))
        )
    )


def _unused(files: Sequence[ListedFile], why: str) -> Finding:
    return Finding(
        Grade.WARN,
        Rule.INFRARED_UNUSED,
        f"these infrared frames are kept and not used: {why}",
        file=files[0].name,
        count=len(files),
        action="deliver one side sequence, of one kind of file, beside frames",
    )
