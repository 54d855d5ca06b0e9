"""What is summed up over one shot while its frames stream by, and its row of the table of shots."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, Any, Final

from restoration_tasks.quality.dye_meter import NOTHING, DyeMeter
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.weave_meter import UNSEEN_PX, WeaveMeter

if TYPE_CHECKING:
    from restoration_tasks.quality.around import Around

SHOT_COLUMNS: Final = [
    "shot",
    "treatment",
    "first_frame",
    "frames",
    "changed_share",
    "mapped_share",
    "brightness_drift",
    "spikes_before",
    "spikes_after",
    "spikes_allowed",
    "flicker_before",
    "flicker_after",
    "flicker_allowed",
    "fade_before",
    "fade_after",
    "fade_allowed",
    "weave_before",
    "weave_after",
    "weave_allowed",
    "highlights",
    "highlights_eaten",
    "highlights_allowed",
    "strokes",
    "strokes_alike",
    "strokes_alike_allowed",
]


@dataclass(slots=True)
class ShotSums:
    """Running sums of one shot; their size does not depend on its length."""

    shot: str
    treatment: str
    """The most far-reaching of its frames so far."""
    first: int
    frames: int = 0
    changed_px: int = 0
    mapped_px: int = 0
    brightness_planned: float = 0.0
    brightness_after: float = 0.0
    spikes: list[int] = field(default_factory=lambda: [0, 0])
    flicker: list[float] = field(default_factory=lambda: [0.0, 0.0])
    triples: int = 0
    """Frames with a neighbour on both sides inside the shot."""
    dyes: DyeMeter | None = None
    """Reads how faded the shot looks; None where no colours are brought back, and after the shot."""
    weave: WeaveMeter | None = None
    """Reads how the shot trembles; None where it is not steadied, and after the shot."""
    fade: tuple[float, float] = (0.0, 0.0)
    """What the reader of dyes found at the end, before and after."""
    tremble_px: tuple[float, float] = (0.0, 0.0)
    """What the reader of weave found at the end, before and after."""

    def end(self) -> None:
        """The shot is over: keep what was read, not its readers, which hold frames. Again it changes nothing."""
        if self.dyes:
            self.fade, self.dyes = self.dyes.severities(), None
        if self.weave:
            self.tremble_px, self.weave = self.weave.trembles_px(), None

    def row(self, pixels: int, around: list[Around], policy: Policy) -> dict[str, Any]:
        """Means over its frames, and what the rules allow.

        Args:
            pixels: of one frame.
            around: what the neighbours told of its frames.
            policy: the limits.
        """
        relative = 1 + policy.limit("benefit_tolerance_relative")
        absolute = policy.limit("benefit_tolerance_absolute")
        triples = max(self.triples, 1)
        spikes_before, spikes_after = (count / (triples * pixels) for count in self.spikes)
        flicker_before, flicker_after = (total / triples for total in self.flicker)
        self.end()
        fade_before, fade_after = self.fade
        weave_before, weave_after = self.tremble_px
        return {
            "shot": self.shot,
            "treatment": self.treatment,
            "first_frame": self.first,
            "frames": self.frames,
            "changed_share": self.changed_px / (self.frames * pixels),
            "mapped_share": self.mapped_px / (self.frames * pixels),
            "brightness_drift": abs(self.brightness_after - self.brightness_planned) / self.frames,
            "spikes_before": spikes_before,
            "spikes_after": spikes_after,
            "spikes_allowed": spikes_before * relative + absolute,
            "flicker_before": flicker_before,
            "flicker_after": flicker_after,
            "flicker_allowed": flicker_before * relative + absolute,
            "fade_before": fade_before,
            "fade_after": fade_after,
            "fade_allowed": max(fade_before, NOTHING),
            "weave_before": weave_before,
            "weave_after": weave_after,
            "weave_allowed": weave_before * relative + UNSEEN_PX,
            **highlights(around, policy),
        }


def highlights(around: list[Around], policy: Policy) -> dict[str, float]:
    """What the rules about light are given of one shot.

    Of spots that lie anyhow as many go on by chance as by chance turned ways do, give or take the root of that number
    (Poisson). A surplus of several such roots is light on its way.

    Args:
        around: what the neighbours told of its frames.
        policy: the limits.
    """
    chance = sum(one.by_chance for one in around)
    strokes = sum(one.strokes for one in around)
    alike = abs(sum(one.lie for one in around)) / max(strokes, 1)
    surplus = max(policy.limit("highlights_few"), policy.limit("highlights_sigmas") * sqrt(chance + 1))
    return {
        "highlights": sum(one.highlights for one in around),
        "highlights_eaten": sum(one.going_on for one in around),
        "highlights_allowed": chance + surplus,
        "strokes": strokes,
        "strokes_alike": alike if strokes >= policy.limit("strokes_few") else 0.0,
        "strokes_alike_allowed": policy.limit("strokes_alike_max"),
    }
