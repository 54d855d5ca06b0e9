"""Whether stains are taken off a shot by itself, and how it is said: the plan's entry.

The gauge of stains cannot be trusted alone: an arm that comes into the picture reads as one (docs/condition.md). So
only what was seen to come *and* to go in the same place is taken off, and only as far as the picture below it shows;
nothing is filled. What else the gauge reads is named and left to a person, who draws its outline.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.stain import LastingStain, StainGauge, lasting_stains, stain_severity
from restoration_tasks.restoration.plan import ONLY_ADDED, PlannedTreatment

GATE_DENSITY = 0.06
"""Gain of density from which a stain is taken off: a seventh of the light, which anybody sees."""
NAMED_SEVERITY = 40.0
"""Severity from which a shot that is left alone is named in the plan."""
_NAMED = 4
"""Stains named one by one in a plan's reason; the rest are counted."""


@dataclass(frozen=True)
class StainsFound:
    """What the readings of a shot say of stains."""

    stains: tuple[LastingStain, ...]
    """Those that came and went."""
    severity: float
    """0–100, of whatever was read."""
    words: str
    """The gauge's own, for what is left alone."""
    width: int
    height: int
    """Of the scan."""


def stains_found(shots: Iterable[Shot], readings: Iterable[FrameReadings], scan: Scanned) -> dict[int, StainsFound]:
    """What the readings say of each shot, by its number; nothing for parts without a picture or not read whole.

    Args:
        shots: of the reel.
        readings: of every frame of the reel, in any order.
        scan: what was scanned.
    """
    by_frame = {row.frame: row.by[Category.STAIN] for row in readings if Category.STAIN in row.by}
    found = {}
    for shot in shots:
        rows = [by_frame[frame] for frame in range(shot.start, shot.stop) if frame in by_frame]
        if shot.kind is not PartKind.PICTURE or len(rows) < shot.frames:
            continue
        verdict = StainGauge().judge(rows, ShotFacts(shot.number, shot.start, shot.stop, scan))
        stains = tuple(lasting_stains(rows, scan.grey))
        found[shot.number] = StainsFound(stains, verdict.severity, verdict.words, scan.width, scan.height)
    return found


def planned_stains(found: StainsFound | None, gate_share: float, amount: float) -> PlannedTreatment | None:
    """The treatment that takes a shot's stains off; None where nothing is to be said.

    Args:
        found: of the shot; None where it was not read.
        gate_share: what the gate is multiplied by.
        amount: how much of a stain is taken off, over 0 to 1.
    """
    if found is None:
        return None
    gate = gate_share * GATE_DENSITY
    stains = [stain for stain in found.stains if stain.gain >= gate and stain.outlines]
    if not stains:
        if found.severity < NAMED_SEVERITY:
            return None
        why = (
            f"Left alone: {found.words} But things that come into the picture can look so; only what comes and goes in "
            "one place is taken for a stain. A person who sees one draws its outline."
        )
        return PlannedTreatment(name="stains", params=dict(ONLY_ADDED["stains"]), why=why)
    patches = [_patch(stain, outline, found) for stain in stains for outline in stain.outlines]
    count = "1 stain comes and goes" if len(stains) == 1 else f"{len(stains)} stains come and go"
    worst = max(stain_severity(stain.gain, stain.area) for stain in stains)
    why = (
        f"{count}: {_told(stains)} (severity {worst:.0f} of 100; from {gate:.2g} density on). What they add is taken "
        "off as far as the picture shows below them; nothing is filled."
    )
    params = {"patches": patches, "amount": amount, "fill_hidden": False}
    return PlannedTreatment(name="stains", params=cast("dict[str, JsonValue]", params), why=why)


def _patch(stain: LastingStain, outline: Sequence[float], found: StainsFound) -> dict[str, object]:
    corners = zip(outline[::2], outline[1::2], strict=True)
    polygon = [[round(x * found.width, 1), round(y * found.height, 1)] for x, y in corners]
    return {"first": stain.first, "last": stain.last, "polygon": polygon}


def _told(stains: Sequence[LastingStain]) -> str:
    told = ", ".join(
        f"frames {stain.first}–{stain.last}, {stain.gain:.2f} density over {100 * stain.area:.0f} % of the picture"
        for stain in sorted(stains, key=lambda stain: -stain.gain)[:_NAMED]
    )
    return told + (f" and {len(stains) - _NAMED} more" if len(stains) > _NAMED else "")
