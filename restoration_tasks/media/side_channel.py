"""The file of a channel beside the picture (`infrared.mkv`), and the places of the reel it says nothing about."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from restoration_tasks.media.delivery.polarity import Polarity

ABSENT_TAG = "ABSENT_FRAMES"
"""Tag of the file: places without a frame of their own, as `3-5 9`. What stands there, so that places count as in the
master, is another place's and means nothing."""


class ChannelSource(StrEnum):
    """Where a channel that shows dirt comes from."""

    ALPHA = "alpha"
    """The fourth plane of the scan's own frames."""
    SIDE = "side"
    """Frames of its own beside those of the picture."""


class AskedChannel(BaseModel):
    """Which channel the assess step is to look at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: ChannelSource
    polarity: Polarity | None = None
    """Where a name, the scan specification or a person states it; else it is measured."""


def written(places: Sequence[int]) -> str:
    """Places, in order, as the tag has them.

    >>> written((3, 4, 5, 9))
    '3-5 9'
    """
    if not places:
        return ""
    breaks = [(before, after) for before, after in pairwise(places) if after != before + 1]
    begins = [places[0], *(after for _, after in breaks)]
    ends = [*(before for before, _ in breaks), places[-1]]
    runs = zip(begins, ends, strict=True)
    return " ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def places_of(text: str) -> frozenset[int]:
    """The places that `written` wrote.

    >>> sorted(places_of("3-5 9"))
    [3, 4, 5, 9]
    """
    runs = (word.partition("-") for word in text.split())
    return frozenset(place for first, _, last in runs for place in range(int(first), int(last or first) + 1))


def absent_places(path: Path) -> frozenset[int]:
    """Places of the reel that a side channel's file has no frame of.

    Raises:
        MediaError: it cannot be read.
    """
    from restoration_tasks.media.probe import technical_metadata

    stated = (track.get(ABSENT_TAG.lower()) for track in technical_metadata(path))
    return places_of(next((str(text) for text in stated if text), ""))
