"""The scanner's own channel of dirt for one segment: where it lies, whether it is believed, its maps frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.infrared import (
    Floats,
    Judgement,
    Map,
    Sample,
    infrared_confidence,
    judge,
)
from restoration_tasks.media.picture import PictureFormat, half_codes_of
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.side_channel import AskedChannel, ChannelSource, absent_places
from restoration_tasks.media.stills.float_coding import FloatCoding, to_half
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.motion import analysis_luma

SAMPLES = 12
"""Frames of the shot, spread over it, on which the channel is judged."""
REEL_SAMPLES = 12
"""Frames of the whole reel on which its polarity is judged where nothing states it: a shot may hold no dirt."""


@dataclass(frozen=True)
class ScannerChannel:
    """What the scanner delivered that shows dirt, as it is read for one segment."""

    source: ChannelSource | None
    """Where it lies; None where there is none."""
    judgement: Judgement
    _segment: Segment
    _path: Path
    _master: Path

    @property
    def used(self) -> bool:
        """Whether it adds to the dirt plane."""
        return self.source is not None and self.judgement.polarity is not None

    @property
    def figures(self) -> dict[str, str]:
        """For `result.json`: which channel was used (`alpha`, `side`, `none`) and why, or why none."""
        about = {"infrared": str(self.source) if self.used else "none", "infrared_why": self.judgement.why}
        return about | ({"infrared_polarity": str(self.judgement.polarity)} if self.used else {})

    @property
    def warning(self) -> str | None:
        """What somebody should look at; None where there is nothing to say."""
        if self.source is None or not self.judgement.doubtful:
            return None
        named = "the infrared frames" if self.source is ChannelSource.SIDE else "the fourth plane of the scan"
        verdict = "are used to find dirt" if self.used else "are not used to find dirt"
        verdict = verdict.replace("are", "is") if self.source is ChannelSource.ALPHA else verdict
        first, last = self._segment.shot_start, self._segment.shot_stop - 1
        return f"{named} {verdict} in frames {first} to {last}: {self.judgement.why}"

    def maps(self) -> Iterator[Map | None]:
        """The map of each frame of the segment, in order; None where the channel says nothing.

        The channel's file is decoded anew, beside the master.

        Raises:
            MediaError: it is damaged.
        """
        polarity, segment = self.judgement.polarity, self._segment
        if self.source is None or polarity is None:
            yield from [None] * segment.frames
            return
        absent = _absent(self._path, self._master)
        reader = FrameReader(self._path, start=segment.start, count=segment.frames)
        for place, frame in enumerate(reader, start=segment.start):
            if place in absent:
                yield None
            else:
                yield infrared_confidence(channel_of(frame, reader.format), polarity)


def open_channel(master: Path, side: Path | None, segment: Segment, asked: AskedChannel | None) -> ScannerChannel:
    """Judge the scanner's channel of dirt for the shot of a segment.

    Args:
        master: preservation master of the reel.
        side: the file of a channel beside it (`infrared.mkv`), where ingest made one; else the master's fourth plane is
            meant.
        segment: what is assessed. All segments of a shot come to the same judgement.
        asked: which channel; None where there is none, or none is to be used.

    Raises:
        MediaError: a file is damaged.
    """
    path = side or master
    if asked is None:
        return ScannerChannel(
            None, Judgement(None, "no channel of dirt was delivered or asked for"), segment, path, master
        )
    absent = _absent(path, master)
    shot = [place for place in range(segment.shot_start, segment.shot_stop) if place not in absent]
    if not shot:
        why = "no frame of the shot has an infrared frame of its own"
        return ScannerChannel(asked.source, Judgement(None, why, doubtful=True), segment, path, master)
    samples = _samples(master, path, _spread(shot, SAMPLES))
    found = judge(samples, asked.polarity)
    if found.open:
        found = _by_the_reel(found, samples, master, path, absent)
    return ScannerChannel(asked.source, found, segment, path, master)


def with_channel(found: DamageMap, marked: Map | None) -> DamageMap:
    """A damage map with what the channel marks added to its dirt."""
    return found if marked is None else replace(found, dirt=np.asarray(np.maximum(found.dirt, marked), np.uint8))


def channel_of(frame: tuple[Any, ...], fmt: PictureFormat) -> Floats:
    """The channel's plane of a frame, `(H, W)` float32, 0 to 1 (floating-point opacity: its own values).

    The fourth plane where there are four; else grey, or the green of a scanner that writes only colours.
    """
    plane: npt.NDArray[Any] = frame[3] if fmt.has_alpha else frame[0]
    if bounds := half_codes_of(fmt.transfer):
        return np.asarray(to_half(FloatCoding(*bounds).unstretch(plane)), np.float32)
    return np.asarray(plane, np.float32) / np.float32(fmt.max_code)


def _by_the_reel(
    found: Judgement, samples: Sequence[Sample], master: Path, path: Path, absent: frozenset[int]
) -> Judgement:
    """The judgement of a shot too clean to show its channel's polarity, by that of frames from the whole reel."""
    there = [place for place in range(len(FrameReader(path))) if place not in absent]
    reel = judge(_samples(master, path, _spread(there, REEL_SAMPLES)))
    if reel.polarity is None:
        return found
    here = judge(samples, reel.polarity)
    return reel if here.polarity is reel.polarity else here


def _absent(path: Path, master: Path) -> frozenset[int]:
    return frozenset() if path == master else absent_places(path)


def _spread(places: Sequence[int], count: int) -> list[int]:
    """Some of the places, spread evenly."""
    count = min(count, len(places))
    return [places[round((2 * number + 1) * len(places) / (2 * count) - 0.5)] for number in range(count)]


def _samples(master: Path, path: Path, places: Sequence[int]) -> list[Sample]:
    samples = []
    for place in places:
        reader = FrameReader(master, start=place, count=1)
        (frame,) = reader
        picture = reader.format
        luma = analysis_luma(picture.to_work(frame), picture.max_code, rgb=picture.is_rgb)
        if path != master:
            reader = FrameReader(path, start=place, count=1)
            (frame,) = reader
        samples.append(Sample(channel_of(frame, reader.format), luma))
    return samples
