"""Whether tears of a shot are mended by itself, and how it is said: the plan's entry.

The gauge of tears cannot be trusted alone (docs/condition.md). Mended is what shows both: one side pulled away and back
within a few frames, and on the same frames a rip from edge to edge that comes and goes.
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
from restoration_tasks.assessment.tear import SD_WIDTH, SureTear, TearGauge, sure_tears, tear_severity
from restoration_tasks.restoration.plan import ONLY_ADDED, PlannedTreatment

GATE_PX = 0.5
"""Pull (px at 720 px width) from which a tear is mended: what the gauge takes for one at all."""
NAMED_SEVERITY = 40.0
"""Severity from which a shot that is left alone is named in the plan."""
_NAMED = 4
"""Tears named one by one in a plan's reason; the rest are counted."""


@dataclass(frozen=True)
class TearsFound:
    """What the readings of a shot say of tears."""

    tears: tuple[SureTear, ...]
    """Those of which both pull and rip were seen, with whole frames before and after."""
    severity: float
    """0–100, of whatever was read."""
    words: str
    """The gauge's own, for what is left alone."""
    width: int
    height: int
    """Of the scan."""
    frames: int
    """Of the shot."""


def tears_found(shots: Iterable[Shot], readings: Iterable[FrameReadings], scan: Scanned) -> dict[int, TearsFound]:
    """What the readings say of each shot, by its number; nothing for parts without a picture or not read whole.

    Args:
        shots: of the reel.
        readings: of every frame of the reel, in any order.
        scan: what was scanned.
    """
    by_frame = {row.frame: row.by[Category.TEAR] for row in readings if Category.TEAR in row.by}
    found = {}
    for shot in shots:
        rows = [by_frame[frame] for frame in range(shot.start, shot.stop) if frame in by_frame]
        if shot.kind is not PartKind.PICTURE or len(rows) < shot.frames:
            continue
        verdict = TearGauge().judge(rows, ShotFacts(shot.number, shot.start, shot.stop, scan))
        tears = tuple(tear for tear in sure_tears(rows, scan.width) if tear.first > 0 and tear.last < len(rows) - 1)
        found[shot.number] = TearsFound(tears, verdict.severity, verdict.words, scan.width, scan.height, len(rows))
    return found


def planned_tears(
    found: TearsFound | None, gate_share: float, fill: dict[str, JsonValue] | None = None
) -> PlannedTreatment | None:
    """The treatment that mends a shot's tears; None where nothing is to be said.

    Args:
        found: of the shot; None where it was not read.
        gate_share: what the gate is multiplied by.
        fill: whose repair fills what is gone, where it is not the default's.
    """
    if found is None:
        return None
    gate = gate_share * GATE_PX * found.width / SD_WIDTH
    tears = [tear for tear in found.tears if tear.pull_px >= gate]
    if not tears:
        if found.severity < NAMED_SEVERITY:
            return None
        why = (
            f"Left alone: {found.words} But it was not seen both to be pulled and to show a rip on the same frames. A "
            "person who sees a tear names its frames and where it meets the edges."
        )
        return PlannedTreatment(name="tears", params={**ONLY_ADDED["tears"], **(fill or {})}, why=why)
    count = "1 tear" if len(tears) == 1 else f"{len(tears)} tears"
    torn = sum(tear.last - tear.first + 1 for tear in tears)
    pull = max(tear.pull_px for tear in tears)
    severity = tear_severity(pull * SD_WIDTH / found.width, torn / found.frames)
    why = (
        f"{count} from edge to edge: {_told(tears)} (severity {severity:.0f} of 100; from {gate:.2g} px on). The lower "
        "side is put back as far as the frames around say, and what the rip took is filled."
    )
    asked = [
        {
            "first": tear.first,
            "last": tear.last,
            "left": round(tear.left * found.height, 1),
            "right": round(tear.right * found.height, 1),
        }
        for tear in tears
    ]
    return PlannedTreatment(name="tears", params={"tears": cast("JsonValue", asked), **(fill or {})}, why=why)


def _told(tears: Sequence[SureTear]) -> str:
    told = ", ".join(
        (f"frame {tear.first}" if tear.first == tear.last else f"frames {tear.first}–{tear.last}")
        + f", pulled by {tear.pull_px:.1f} px"
        for tear in sorted(tears, key=lambda tear: -tear.pull_px)[:_NAMED]
    )
    return told + (f" and {len(tears) - _NAMED} more" if len(tears) > _NAMED else "")
