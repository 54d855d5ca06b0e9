"""Cuts and shots: where one shot ends and the next begins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from pydantic import TypeAdapter, ValidationError

from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.runtime.errors import MediaError

THRESHOLD = 0.5
"""Score from which a frame is part of a cut: the value TransNetV2 was evaluated at (Souček & Lokoč, 2020, section
4)."""
FORMAT = "reelkeeper.shots/1"


@dataclass(frozen=True)
class Shot:
    """Frames `start <= i < stop` of the reel that belong together."""

    number: int
    """1-based, in the order of the reel."""
    start: int
    stop: int

    @property
    def frames(self) -> int:
        """How many frames."""
        return self.stop - self.start


def shots_from_scores(scores: Sequence[float], threshold: float = THRESHOLD) -> list[Shot]:
    """The shots of a reel.

    Scores mark the last frame before a cut. A run of frames over the threshold is one cut, set behind its highest
    score: a dissolve ends up halved between its shots.

    Args:
        scores: one a frame, 0 … 1.
        threshold: score from which there is a cut.
    """
    cuts = []
    run: list[int] = []
    for frame in range(len(scores) + 1):
        if frame < len(scores) and scores[frame] > threshold:
            run.append(frame)
        elif run:
            cuts.append(max(run, key=lambda place: scores[place]) + 1)
            run = []
    bounds = [0, *(cut for cut in cuts if cut < len(scores)), len(scores)]
    pairs = pairwise(bounds)
    return [Shot(number, start, stop) for number, (start, stop) in enumerate(pairs, start=1) if stop > start]


def shots_json(shots: Sequence[Shot], scores: Sequence[float]) -> str:
    """The text of `shots.json`: the shots, how sure each cut is, and the segments they are worked in."""
    segments = cut_segments([(shot.start, shot.stop) for shot in shots])
    content = {
        "format": FORMAT,
        "frames": len(scores),
        "threshold": THRESHOLD,
        "shots": [
            asdict(shot) | {"cut_score": round(scores[shot.start - 1], 4) if shot.start else None} for shot in shots
        ],
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
        shots = [{key: value for key, value in shot.items() if key != "cut_score"} for shot in content["shots"]]
        return (
            TypeAdapter(list[Shot]).validate_python(shots),
            [Segment.from_json(segment) for segment in content["segments"]],
        )
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError) as error:
        raise MediaError(
            f"the list of shots cannot be read: {error}", file=source, action="clear the shots task"
        ) from error
