"""Whether all frames of a reel are there: inside by numbers, at head and tail by manifest, headers, count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.listing import FileRole, classify
from restoration_tasks.media.delivery.sequence import Absence, ImageSequence, SequenceFrame, name_like

_DELIVER = "have the scanner deliver the missing frames, then start again"
_WHERE = {
    Rule.MISSING_FRAMES: "inside the reel",
    Rule.MISSING_HEAD: "before the first frame",
    Rule.MISSING_TAIL: "after the last frame",
}


@dataclass(frozen=True)
class Missing:
    """A run of missing frames and the finding about it."""

    absence: Absence
    finding: Finding


@dataclass(frozen=True)
class Beyond:
    """Frames that a witness says came before the first and after the last one that is there."""

    head: int
    tail: int
    witness: str
    """Who says so, as staff read it: `the manifest`, `the headers`."""


@dataclass(frozen=True)
class NamedNumbers:
    """Frames a manifest names that are not there."""

    numbers: tuple[tuple[str, int], ...]
    """Part and number of those that belong to the sequence."""
    others: tuple[str, ...]
    """Names of everything else."""


def named_numbers(sequence: ImageSequence, names: Iterable[str]) -> NamedNumbers:
    """Sort names that have no file into missing frames of this sequence and other files."""
    looks = {_look(frame.name) for frame in sequence.frames}
    parts = {frame.part for frame in sequence.frames}
    taken = {(frame.part, frame.number) for frame in sequence.frames}
    numbers: list[tuple[str, int]] = []
    others: list[str] = []
    for name in names:
        folder, _, base = name.rpartition("/")
        role, numbered = classify(base)
        place = (folder if sequence.restarts else "", int(numbered["number"]) if numbered else -1)
        if role is FileRole.FRAME and _look(name) in looks and place[0] in parts and place not in taken:
            numbers.append(place)
        else:
            others.append(name)
    return NamedNumbers(tuple(sorted(numbers)), tuple(others))


def _look(name: str) -> tuple[str, str]:
    """What frames of one sequence have in common in their names: what is before the number, and the ending."""
    base = name.rpartition("/")[2]
    numbered = classify(base)[1]
    return (numbered["prefix"].casefold(), numbered["ending"].lower()) if numbered else (base, "")


def missing_frames(
    sequence: ImageSequence,
    *,
    named: Sequence[tuple[str, int]] = (),
    beyond: Beyond | None = None,
    expected_frames: int | None = None,
) -> tuple[Missing, ...]:
    """Every run of missing frames, in the order of the reel.

    Args:
        sequence: the frames that are there.
        named: part and number of frames the manifest names beside them.
        beyond: what headers say of head and tail; it counts where it goes further than the manifest.
        expected_frames: how many frames the reel has by the catalogue. What is still missing by it, is taken to be
            missing at the tail: most scans that stop early do.
    """
    runs = [list(frames) for _, frames in groupby(sequence.frames, key=lambda frame: frame.part)]
    found: list[Missing] = []
    for place, run in enumerate(runs):
        numbers = [number for part, number in named if part == run[0].part]
        head = max(0, run[0].number - min(numbers, default=run[0].number))
        tail = max(0, max(numbers, default=0) - run[-1].number)
        witness = {Rule.MISSING_HEAD: "the manifest", Rule.MISSING_TAIL: "the manifest"}
        first, last = place == 0, place == len(runs) - 1
        if beyond and first and beyond.head > head:
            head, witness[Rule.MISSING_HEAD] = beyond.head, beyond.witness
        if beyond and last and beyond.tail > tail:
            tail, witness[Rule.MISSING_TAIL] = beyond.tail, beyond.witness
        inside = [gap for gap in sequence.gaps() if run[0].index < gap.before <= run[-1].index]
        if last and expected_frames is not None:
            so_far = sum(one.absence.count for one in found) + sum(gap.count for gap in inside) + head + tail
            short = expected_frames - len(sequence) - so_far
            if short > 0:
                tail, witness[Rule.MISSING_TAIL] = tail + short, "the expected count"
        found += _of_head(run[0], head, witness[Rule.MISSING_HEAD], first)
        found += [_missing(Rule.MISSING_FRAMES, gap, run[0], "its own numbers") for gap in inside]
        found += _of_tail(run[-1], tail, witness[Rule.MISSING_TAIL], last)
    return tuple(found)


def _of_head(frame: SequenceFrame, count: int, witness: str, of_reel: bool) -> list[Missing]:
    count = min(count, frame.number)
    if not count:
        return []
    rule = Rule.MISSING_HEAD if of_reel else Rule.MISSING_FRAMES
    return [_missing(rule, Absence(frame.index, frame.number - count, count, frame.part), frame, witness)]


def _of_tail(frame: SequenceFrame, count: int, witness: str, of_reel: bool) -> list[Missing]:
    if not count:
        return []
    rule = Rule.MISSING_TAIL if of_reel else Rule.MISSING_FRAMES
    return [_missing(rule, Absence(frame.index + 1, frame.number + 1, count, frame.part), frame, witness)]


def _missing(rule: Rule, gap: Absence, like: SequenceFrame, witness: str) -> Missing:
    many = gap.count > 1
    finding = Finding(
        Grade.FAIL,
        rule,
        f"{gap.count} frames are missing {_WHERE[rule]}" if many else f"a frame is missing {_WHERE[rule]}",
        file=name_like(like.name, gap.number),
        frame=gap.number,
        last_frame=gap.last if many else None,
        part=gap.part,
        count=gap.count,
        expected=f"frames {gap.number} to {gap.last} by {witness}" if many else f"frame {gap.number} by {witness}",
        found="none of them" if many else "no such file",
        action=_DELIVER,
    )
    return Missing(gap, finding)


def surplus(sequence: ImageSequence, expected_frames: int | None) -> tuple[Finding, ...]:
    """More frames than the catalogue says, as a finding."""
    if expected_frames is None or len(sequence) <= expected_frames:
        return ()
    return (
        Finding(
            Grade.FAIL,
            Rule.SURPLUS_FRAMES,
            "there are more frames than expected",
            count=len(sequence) - expected_frames,
            expected=f"{expected_frames} frames",
            found=f"{len(sequence)} frames",
            action="check that this is the right reel, and correct the catalogue or the delivery",
        ),
    )
