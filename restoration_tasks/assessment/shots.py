"""Shots: what a reel consists of, how each shot begins and ends, and what stands out in it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from restoration_tasks.assessment.flashes import Flash, flashes_at
from restoration_tasks.assessment.parts import PartKind, find_parts
from restoration_tasks.assessment.passage import Course, Trace, Tracer
from restoration_tasks.assessment.splices import Splice, find_splices
from restoration_tasks.assessment.transitions import Joint, JointFinder, JointKind, Scores
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.models.transnet import FrameScore, SmallFrame, small_frame
from restoration_tasks.runtime.errors import MediaError

if TYPE_CHECKING:
    from restoration_tasks.models.transnet import TransNet

FORMAT = "reelkeeper.shots/2"


class EdgeKind(StrEnum):
    """How a shot begins or ends."""

    REEL = "reel"
    """With the reel."""
    CUT = "cut"
    DISSOLVE = "dissolve"
    FADE_BLACK = "fade through black"
    FADE_WHITE = "fade through white"


@dataclass(frozen=True)
class Edge:
    """The beginning or the end of a shot."""

    kind: EdgeKind = EdgeKind.CUT
    frames: int = 0
    """Frames of this shot that a dissolve or a fade takes; the other shot's own are counted there."""
    score: float | None = None
    """0–1: what TransNetV2 says of it; None at the ends of the reel."""


@dataclass(frozen=True)
class Shot:
    """Frames `start <= i < stop` of the reel that belong together."""

    number: int
    """1-based, in the order of the reel."""
    start: int
    stop: int
    kind: PartKind = PartKind.PICTURE
    head: Edge = Edge()
    tail: Edge = Edge()
    flashes: tuple[Flash, ...] = ()
    splices: tuple[Splice, ...] = ()

    @property
    def frames(self) -> int:
        """How many frames."""
        return self.stop - self.start

    @property
    def lit_otherwise(self) -> frozenset[int]:
        """Frames whose light was meant to differ, or is no flicker: of dissolves, fades and flashes."""
        mixed = (*range(self.start, self.start + self.head.frames), *range(self.stop - self.tail.frames, self.stop))
        return frozenset(mixed) | {frame for flash in self.flashes for frame in range(flash.start, flash.stop)}


def find_shots(
    frames: Iterable[Frame], picture: PictureFormat, network: TransNet, passed: Callable[[int], None] | None = None
) -> list[Shot]:
    """The shots of a reel, from one look at every frame; less than a kilobyte of each is held.

    Args:
        frames: all of them, in order.
        picture: their format.
        network: says where to look.
        passed: told how many frames were looked at.
    """
    traces: list[Trace] = []
    scores: list[FrameScore] = []
    for trace, score in _watched(frames, picture, network):
        traces.append(trace)
        scores.append(score)
        if passed is not None:
            passed(len(scores))
    course = Course.of(traces)
    both = Scores(np.array([one.single for one in scores]), np.array([one.many for one in scores]))
    return shots_of(course, both)


def _watched(frames: Iterable[Frame], picture: PictureFormat, network: TransNet) -> Iterator[tuple[Trace, FrameScore]]:
    """Each frame's trace and scores; the network lags, so that traces wait."""
    tracer, waiting = Tracer(picture), deque[Trace]()

    def small() -> Iterator[SmallFrame]:
        for frame in frames:
            seen = small_frame(frame, picture)
            waiting.append(tracer.trace(frame, seen))
            yield seen

    for score in network.scores(small()):
        yield waiting.popleft(), score


def shots_of(course: Course, scores: Scores) -> list[Shot]:
    """The shots of a reel from what was kept of its frames; together they hold every frame once."""
    if course.frames == 0:
        return []
    parts = find_parts(course)
    finder = JointFinder(course, scores, parts)
    joints = finder.joints()
    flashes = [*finder.flashes, *(one for joint in joints for one in _burnt_ends(course, joint, finder))]
    splices = find_splices(course, joints, flashes)
    kinds = {part.start: part.kind for part in parts}
    bounds: list[tuple[int, Joint | None]] = [(0, None), *((joint.frame, joint) for joint in joints)]
    shots = []
    for number, (start, head) in enumerate(bounds, start=1):
        stop, tail = bounds[number] if number < len(bounds) else (course.frames, None)
        shots.append(
            Shot(
                number,
                start,
                stop,
                kinds.get(start, PartKind.PICTURE),
                _edge(head, (start, stop)),
                _edge(tail, (start, stop)),
                tuple(sorted((one for one in flashes if start <= one.start < stop), key=lambda one: one.start)),
                tuple(one for one in splices if start <= one.frame < stop),
            )
        )
    return shots


def _burnt_ends(course: Course, joint: Joint, finder: JointFinder) -> list[Flash]:
    """Flashes of the frames beside a cut, of pictures only."""
    found = flashes_at(course, joint.frame) if joint.kind is JointKind.CUT else []
    return [flash for flash in found if finder.picture[flash.start : flash.stop].all()]


def _edge(joint: Joint | None, shot: tuple[int, int]) -> Edge:
    if joint is None:
        return Edge(EdgeKind.REEL)
    own = max(min(joint.stop, shot[1]) - max(joint.first, shot[0]), 0)
    return Edge(EdgeKind(joint.kind.value), own, round(joint.score, 4))


def shots_json(shots: Sequence[Shot]) -> str:
    """The text of `shots.json`: the shots, and the segments they are worked in."""
    segments = cut_segments([(shot.start, shot.stop) for shot in shots])
    content = {
        "format": FORMAT,
        "frames": shots[-1].stop if shots else 0,
        "shots": [asdict(shot) for shot in shots],
        "segments": [segment.as_json() for segment in segments],
    }
    return json.dumps(content, indent=1) + "\n"


def read_shots(text: str | bytes, *, source: object = None) -> tuple[list[Shot], list[Segment]]:
    """The shots and segments of a `shots.json`.

    Raises:
        MediaError: it is not one.
    """
    try:
        content: dict[str, Any] = json.loads(text)
        if content["format"] != FORMAT:
            raise ValueError(f"format {content['format']!r}")
        return (
            TypeAdapter(list[Shot]).validate_python(content["shots"]),
            [Segment.from_json(segment) for segment in content["segments"]],
        )
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise MediaError(
            f"the list of shots cannot be read: {error}", file=source, action="clear the shots task"
        ) from error
