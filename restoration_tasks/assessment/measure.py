"""Measure one segment: stream its frames past the detectors, write the damage maps, keep the figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from restoration_tasks.assessment.dirt import dirt_figures, dirt_map, dirt_severity
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.window import windows
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.motion import Effort, Luma, MotionEstimator, analysis_luma, near_duplicate
from restoration_tasks.restoration.neighbours import REACH, Neighbour, align, distinct_neighbours, small_tones
from restoration_tasks.restoration.tone import ToneMap, match_tone

Progress = Callable[[int, int], None]


class FrameMeter:
    """Measures one frame in its surroundings in time."""

    def __init__(self) -> None:
        self._motion = MotionEstimator(Effort.FOLLOW)

    def measure(self, index: int, lumas: Mapping[int, Luma]) -> tuple[FrameFigures, DamageMap]:
        """The figures and the damage map of one frame.

        Args:
            index: the frame's position in the reel.
            lumas: offset to 8-bit analysis picture; frames of the same shot only, up to `REACH` each way.
        """
        luma = lumas[0]
        before, after = distinct_neighbours(lumas)
        neighbours = {offset: align(luma, lumas[offset], offset, self._motion) for offset in before + after}
        found = dirt_map(luma, list(neighbours.values()))
        dirt = dirt_figures(found)
        previous, following = self._tone(-1, lumas, neighbours), self._tone(1, lumas, neighbours).inverse()
        figures = FrameFigures(
            frame=index,
            dirt_area=dirt.area,
            dirt_count=dirt.specks,
            dirt_severity=dirt_severity(dirt.area),
            tone_gain=previous.gain,
            tone_offset=previous.offset,
            next_gain=following.gain,
            next_offset=following.offset,
            level=float(luma.mean()) / 255.0,
            motion_px=float(np.median(np.linalg.norm(neighbours[-1].flow, axis=2))) if -1 in neighbours else 0.0,
            near_duplicate=-1 in lumas and near_duplicate(luma, lumas[-1]),
        )
        nothing = np.zeros_like(found)
        return figures, DamageMap(dirt=found, hair=nothing, scratch=nothing)

    @staticmethod
    def _tone(offset: int, lumas: Mapping[int, Luma], neighbours: Mapping[int, Neighbour]) -> ToneMap:
        """What brings the frame at `offset` to the brightness of the frame in the middle."""
        if offset in neighbours:
            return neighbours[offset].tone
        if offset in lumas:  # a near-duplicate: nothing moved
            return match_tone(small_tones(lumas[offset]), small_tones(lumas[0]))
        return ToneMap()


def measure_segment(
    master: Path, segment: Segment, map_path: Path, *, progress: Progress | None = None
) -> list[FrameFigures]:
    """Measure the frames of one segment; memory does not grow with its length.

    Args:
        master: preservation master of the whole reel.
        segment: which frames; context is read beside it, inside its shot.
        map_path: where the maps go (FFV1, one frame for each of the segment's; see `damage_map`).
        progress: told after each frame.

    Raises:
        MediaError: the master is damaged.
    """
    start, stop = segment.with_handles(REACH)
    reader = FrameReader(master, start=start, count=stop - start)
    picture = reader.format
    meter = FrameMeter()
    rows: list[FrameFigures] = []

    def lumas() -> Iterator[Luma]:
        for frame in reader:
            yield analysis_luma(picture.to_work(frame), picture.max_code, rgb=picture.is_rgb)

    with FrameWriter(map_path, map_format(picture)) as writer:
        for place, window in windows(lumas(), REACH):
            if not segment.start <= start + place < segment.stop:
                continue
            figures, found = meter.measure(start + place, window)
            writer.write(found.as_frame())
            rows.append(figures)
            if progress is not None:
                progress(len(rows), segment.frames)
    return rows
