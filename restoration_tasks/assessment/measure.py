"""Measure one segment: stream its frames past a detector, write the damage maps, keep the figures and the lines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, Generic, TypeVar

import cv2
import numpy as np

from restoration_tasks.assessment.classical import dirt_map
from restoration_tasks.assessment.dirt import CALM, dirt_figures, dirt_severity
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.network import Found, NetworkDetector
from restoration_tasks.assessment.onward import NONE_GOING, Going
from restoration_tasks.assessment.recurrence import NO_DOUBT, Doubt
from restoration_tasks.assessment.scanner_channel import ScannerChannel, with_channel
from restoration_tasks.assessment.seen import Seen, Window
from restoration_tasks.assessment.settling import settle, with_going, with_passing
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.window import windows
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap, Map, map_format
from restoration_tasks.restoration.motion import Effort, MotionEstimator, near_duplicate
from restoration_tasks.restoration.neighbours import REACH, align, distinct_neighbours
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.runtime.in_order import in_order

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Measured:
    """What was measured of one segment."""

    frames: list[FrameFigures]
    """One row a frame."""
    lines: list[Line]
    """Every line of every frame; which of them are scratches is decided over the whole shot."""


Own = TypeVar("Own")


class _PerThread(Generic[Own]):
    """One of something for each thread: it keeps working memory."""

    def __init__(self, make: Callable[[], Own]) -> None:
        self._make, self._local = make, threading.local()

    @property
    def own(self) -> Own:
        """This thread's."""
        if not hasattr(self._local, "one"):
            self._local.one = self._make()
        one: Own = self._local.one
        return one


@dataclass(frozen=True)
class _Outcome:
    """What was measured of one frame."""

    figures: FrameFigures
    damage: DamageMap
    lines: tuple[Line, ...] = ()


class FrameMeter:
    """Measures one frame in its surroundings in time, classically."""

    def __init__(self) -> None:
        self._motion = MotionEstimator(Effort.FOLLOW)

    def measure(self, window: Window) -> tuple[FrameFigures, DamageMap]:
        """The figures and the damage map of the middle frame of a window."""
        seen = window[0]
        lumas = {offset: other.luma for offset, other in window.items()}
        before, after = distinct_neighbours(lumas)
        neighbours = {offset: align(seen.luma, lumas[offset], offset, self._motion) for offset in before + after}
        found = dirt_map(seen.luma, list(neighbours.values()))
        nothing = np.zeros_like(found)
        damage = DamageMap(dirt=found, hair=nothing, scratch=nothing)
        figures = _figures(
            seen.index,
            damage,
            level=float(seen.luma.mean()) / 255.0,
            motion_px=float(np.median(np.linalg.norm(neighbours[-1].flow, axis=2))) if -1 in neighbours else 0.0,
            duplicate=-1 in lumas and near_duplicate(seen.luma, lumas[-1]),
        )
        return figures, damage


def measure_segment(
    master: Path,
    segment: Segment,
    map_path: Path,
    *,
    engine: Engine = Engine.NETWORK,
    means: Means | None = None,
    channel: ScannerChannel | None = None,
    progress: Progress | None = None,
) -> Measured:
    """Measure the frames of one segment; memory does not grow with its length.

    Args:
        master: preservation master of the whole reel.
        segment: which frames; context is read beside it, inside its shot.
        map_path: where the maps go (FFV1, one frame for each of the segment's; see `damage_map`).
        engine: which detector.
        means: what may be computed with; one frame after another on the processor, if not named.
        channel: the scanner's own channel of dirt, opened for this segment; what it marks is added to the dirt.
        progress: told after each frame.

    Raises:
        MediaError: the master is damaged.
        ModelError: torch or the weights are missing.
    """
    means = means or Means()
    # OpenCV and torch keep to one thread: frames are worked side by side, and the bits do not depend on how many.
    cv2.setNumThreads(1)
    measured = Measured([], [])
    work = _by_network if engine is Engine.NETWORK else _classically
    with FrameWriter(map_path, map_format(FrameReader(master, start=segment.start, count=1).format)) as writer:
        marks = repeat(None) if channel is None else channel.maps()
        for found, marked in zip(work(master, segment, means), marks, strict=False):
            outcome = _with_marks(found, marked)
            writer.write(outcome.damage.as_frame())
            measured.frames.append(outcome.figures)
            measured.lines.extend(outcome.lines)
            if progress is not None:
                progress(len(measured.frames), segment.frames)
    return measured


def _with_marks(outcome: _Outcome, marked: Map | None) -> _Outcome:
    """A frame's outcome with what the scanner's own channel marks; a hair that both see counts as the hair it is."""
    if marked is None:
        return outcome
    damage = with_channel(outcome.damage, marked)
    counted = replace(damage, dirt=np.where((marked > 0) & (damage.hair >= CERTAIN), np.uint8(0), damage.dirt))
    # What the channel marks is dirt, whatever falls: the shot is not to be left alone as a whole.
    figures = replace(outcome.figures, **_areas(counted), followed=0, going_on=0, going_by_chance=0.0)
    return replace(outcome, damage=damage, figures=figures)


def _classically(master: Path, segment: Segment, means: Means) -> Iterator[_Outcome]:
    start, stop = segment.with_handles(REACH)
    reader = FrameReader(master, start=start, count=stop - start)
    picture = reader.format
    seen = (Seen.classically(i, picture.to_work(frame), picture) for i, frame in enumerate(reader, start))
    wanted = (window for _, window in windows(seen, REACH) if segment.start <= window[0].index < segment.stop)
    meters = _PerThread(FrameMeter)

    def measure(window: Window) -> tuple[FrameFigures, DamageMap]:
        return meters.own.measure(window)

    for figures, damage in in_order(measure, wanted, threads=means.threads, ahead=means.threads):
        yield _Outcome(figures, damage)


def _by_network(master: Path, segment: Segment, means: Means) -> Iterator[_Outcome]:
    # A scratch of one frame is one that the neighbours do not show: they are detected on as well, beyond the segment.
    first, last = segment.with_handles(REACH)
    start, stop = segment.with_handles(2 * REACH)
    reader = FrameReader(master, start=start, count=stop - start)
    picture = reader.format
    detector = NetworkDetector(means)
    seen = (Seen.by_network(i, picture.to_work(frame), picture) for i, frame in enumerate(reader, start))
    wanted = (window for _, window in windows(seen, REACH) if first <= window[0].index < last)

    def detect(window: Window) -> Found:
        return detector.detect(window, picture.width / window[0].luma.shape[1])

    found = in_order(detect, wanted, threads=means.threads, ahead=means.threads + 1)
    followed = (with_going(around) for _, around in windows(found, 1))
    for _, around in windows(followed, REACH):
        if segment.start <= around[0].index < segment.stop:
            yield _finished(around, (picture.height, picture.width))


def _finished(around: Mapping[int, Found], shape: tuple[int, int]) -> _Outcome:
    """A frame's outcome, now that its neighbours are known."""
    found, doubt = settle(around)
    others = [around[index - found.index] for index in found.near if index - found.index in around]
    damage = with_passing(found, others)
    figures = _figures(
        found.index,
        damage,
        level=found.level,
        motion_px=found.motion_px,
        duplicate=found.duplicate,
        doubt=doubt,
        going=found.going,
        calm=found.calm,
    )
    return _Outcome(figures, _at_size(damage, shape), found.lines)


def _at_size(damage: DamageMap, shape: tuple[int, int]) -> DamageMap:
    """A map in the scan's geometry."""
    if damage.dirt.shape == shape:
        return damage
    dirt, hair, scratch = (
        np.asarray(cv2.resize(plane, (shape[1], shape[0]), interpolation=cv2.INTER_NEAREST), np.uint8)
        for plane in (damage.dirt, damage.hair, damage.scratch)
    )
    return DamageMap(dirt, hair, scratch)


def _figures(
    index: int,
    damage: DamageMap,
    *,
    level: float,
    motion_px: float,
    duplicate: bool,
    doubt: Doubt = NO_DOUBT,
    going: Going = NONE_GOING,
    calm: float = CALM,
) -> FrameFigures:
    return FrameFigures(
        frame=index,
        **_areas(damage, calm),
        level=level,
        motion_px=motion_px,
        near_duplicate=duplicate,
        doubted_area=doubt.area,
        doubted_count=doubt.pieces,
        followed=going.followed,
        going_on=going.on,
        going_by_chance=going.by_chance,
        raining=doubt.raining,
    )


def _areas(damage: DamageMap, calm: float = CALM) -> dict[str, Any]:
    """The figures of a frame that its map gives, and what share of its dirt and hairs lies in its calm half."""
    dirt, hair = dirt_figures(damage.dirt), dirt_figures(damage.hair)
    return {
        "dirt_area": dirt.area,
        "dirt_count": dirt.specks,
        "hair_area": hair.area,
        "hair_count": hair.specks,
        "calm_area": min(1.0, calm / CALM * (dirt.area + hair.area)),
        "dirt_severity": dirt_severity(dirt.area + hair.area),
        "scratch_area": float(np.count_nonzero(damage.scratch >= CERTAIN)) / damage.scratch.size,
    }
