"""Text on screen in the plan: where it is protected, and what a shot that has any is spared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.steadying import LEFT_ALONE
from restoration_tasks.assessment.text import TextRegion, text_regions
from restoration_tasks.restoration.plan import PlannedTreatment
from restoration_tasks.restoration.regions import Region, RegionAction, RegionKind
from restoration_tasks.restoration.treatment import Fidelity, registry


@dataclass(frozen=True)
class TextFound:
    """Text on screen in one shot."""

    regions: tuple[TextRegion, ...]
    """At least one."""
    width: int
    height: int
    """Of the scan."""


def texts_found(shots: Iterable[Shot], readings: Iterable[FrameReadings], scan: Scanned) -> dict[int, TextFound]:
    """Text in each shot, by its number; shots without any or not read whole and parts without a picture are missing.

    Args:
        shots: of the reel.
        readings: of every frame of the reel, in any order.
        scan: what was scanned.
    """
    by_frame = {row.frame: row.by[Category.TEXT] for row in readings if Category.TEXT in row.by}
    found = {}
    for shot in shots:
        rows = [by_frame[frame] for frame in range(shot.start, shot.stop) if frame in by_frame]
        if shot.kind is not PartKind.PICTURE or len(rows) < shot.frames:
            continue
        regions = tuple(text_regions(rows, scan.fps))
        if regions:
            found[shot.number] = TextFound(regions, scan.width, scan.height)
    return found


def without_whole_picture(
    treatments: Sequence[PlannedTreatment],
) -> tuple[tuple[PlannedTreatment, ...], tuple[str, ...]]:
    """The treatments that repair damage only, and what staff call those of the whole picture that are left out."""
    known = registry()
    kept = tuple(one for one in treatments if known[one.name].fidelity is Fidelity.MASKED)
    idle = LEFT_ALONE.items()
    left_out = (one for one in treatments if one not in kept and not (idle <= one.params.items()))
    return kept, tuple(known[one.name].title for one in left_out)


def protecting(text: TextFound, left_out: Sequence[str]) -> tuple[Region, ...]:
    """The regions of a plan that keep repairs out of text on screen.

    Args:
        text: of the shot.
        left_out: what staff call the treatments of the whole picture that the shot is spared for it.
    """
    spared = f" For its sake the shot is spared: {', '.join(left_out)}; a person may add that." if left_out else ""
    return tuple(_region(one, text, spared) for one in text.regions)


def _region(one: TextRegion, text: TextFound, spared: str) -> Region:
    box = ((one.left, one.top), (one.right, one.top), (one.right, one.bottom), (one.left, one.bottom))
    kind = "Text that rolls by" if one.rolls else "Text on screen"
    return Region(
        action=RegionAction.PROTECT,
        kind=RegionKind.TEXT,
        frames=(one.first, one.last),
        polygon=tuple((round(x * text.width, 1), round(y * text.height, 1)) for x, y in one.outline or box),
        why=f"{kind}, seen on {100 * one.sureness:.0f} % of the frames looked at: nothing is repaired on it.{spared}",
    )
