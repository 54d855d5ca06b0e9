"""What a plan asks for beside the restoration: a larger version of the whole reel, by which network, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, JsonValue

from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.words import Text

if TYPE_CHECKING:
    from restoration_tasks.models.shelf.entry import Entry

EnlargeChoice = Literal["no", "faithful-2x", "faithful-4x", "texture-2x", "texture-4x", "animation-2x", "animation-4x"]
"""What the form and `--enlarge` offer: the look, and how many times as wide and as high."""


class Look(StrEnum):
    """What the larger picture is to look like."""

    FAITHFUL = "faithful"
    """What neighbouring frames show and nothing else (BasicVSR)."""
    TEXTURE = "texture"
    """With texture that the network invents (Real-ESRGAN)."""
    ANIMATION = "animation"
    """With the clean lines of drawn film, which the network invents (Real-ESRGAN for animation)."""


@dataclass(frozen=True)
class Window:
    """Frames a network is shown at once, and how much what it makes of each counts."""

    start: int
    stop: int
    fades: int
    """Frames over which it comes in from the window before and goes out into the next; they share them."""
    opens: bool
    """Whether there is a window before."""
    closes: bool
    """Whether there is a next one."""

    def weight(self, index: int) -> float:
        """0–1, above 0: how much a frame of it counts; the weights of two windows that fade add up to 1."""
        coming = (index - self.start + 0.5) / self.fades if self.opens and self.fades else 1.0
        going = (self.stop - index - 0.5) / self.fades if self.closes and self.fades else 1.0
        return min(coming, going, 1.0)


@dataclass(frozen=True)
class Windows:
    """How a shot is cut into windows: from its own start, so that cuts into segments move none of them."""

    stride: int
    """Frames from one window to the next."""
    context: int
    """Frames a window reaches beyond its stride on each side, where the shot has them. Two windows share twice as many,
    and pass over into each other there: with a hard change the picture jumps."""

    def over(self, segment: Segment) -> tuple[Window, ...]:
        """Every window that holds a frame of the segment, in order; none reaches beyond the segment's shot."""
        first, end = segment.shot_start, segment.shot_stop
        windows = (
            Window(
                start=max(start - self.context, first),
                stop=min(start + self.stride + self.context, end),
                fades=2 * self.context,
                opens=start - self.context > first,
                closes=start + self.stride + self.context < end,
            )
            for start in range(first, end, self.stride)
        )
        return tuple(one for one in windows if one.start < segment.stop and one.stop > segment.start)

    def reach(self, segment: Segment) -> tuple[int, int]:
        """First frame and end of all that is looked at for a segment."""
        windows = self.over(segment)
        return windows[0].start, windows[-1].stop

    @property
    def longest(self) -> int:
        """Frames of the longest window."""
        return self.stride + 2 * self.context


RUNS = Windows(stride=7, context=3)
"""For a network that looks at runs of frames: three on each side are what it was measured with."""
SINGLE = Windows(stride=1, context=0)


class Enlargement(BaseModel):
    """A larger version of a reel. It stands beside the restoration master, which keeps the scan's size."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    factor: Literal[2, 4]
    """How many times as wide and as high."""
    look: Look
    why: Text = ""
    """The reason in plain words; it makes no other pixels."""

    @classmethod
    def of(cls, choice: EnlargeChoice, why: str = "Asked for when the reel was started.") -> Self | None:
        """What a choice of the form stands for; None for `no`."""
        if choice == "no":
            return None
        look, _, factor = choice.removesuffix("x").partition("-")
        return cls(factor=4 if factor == "4" else 2, look=Look(look), why=why)

    @property
    def choice(self) -> str:
        """As the form and the command line name it."""
        return f"{self.look}-{self.factor}x"

    @property
    def network(self) -> str:
        """What the model shelf calls its network."""
        from restoration_tasks.models.enlargers import ANIMATION, FAITHFUL, TEXTURE

        return {Look.FAITHFUL: FAITHFUL, Look.TEXTURE: TEXTURE, Look.ANIMATION: ANIMATION[self.factor]}[self.look]

    @property
    def entry(self) -> Entry:
        """The network as this version knows it."""
        from restoration_tasks.models.shelf.known import KNOWN

        return KNOWN[self.network]

    @property
    def generative(self) -> bool:
        """Whether the larger picture holds invented detail, which is then said wherever it is shown."""
        from restoration_tasks.models.shelf.entry import Effect

        return self.entry.effect is Effect.GENERATIVE

    @property
    def models(self) -> dict[str, str]:
        """The files of its network: name to sha256; part of the signature of the work."""
        from pathlib import Path

        from restoration_tasks.models.shelf.places import files_of

        return {file.path.name: file.sha256 for file in files_of(self.entry, Path())}

    @property
    def windows(self) -> Windows:
        """Which frames its network is shown at once."""
        return RUNS if self.look is Look.FAITHFUL else SINGLE

    @property
    def words(self) -> str:
        """In a few words, for staff."""
        invented = "detail invented by the network" if self.generative else "nothing invented"
        return f"{self.factor} times as wide and as high, {self.look}: {self.entry.title}, {invented}"

    def as_json(self) -> dict[str, JsonValue]:
        """As it stands in a spec: what decides about the pixels."""
        return {"factor": self.factor, "look": self.look.value}
