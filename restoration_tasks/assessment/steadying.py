"""Whether a shot is steadied, and how it is said: the plan's entry from where the gate held its frames.

The gate's part must be told from the camera's. A camera that stands still does not tremble, so little is enough there.
One that moves may: then the gate must show more, and it must explain most of the tremble that all cells have in common;
else it is left alone, as a camera held in hand is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np
from pydantic import JsonValue

from restoration_tasks.assessment.course import Doubles
from restoration_tasks.assessment.gate_path import gate_path
from restoration_tasks.assessment.gauge import Category, Scanned
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.placing import arm_px, placing
from restoration_tasks.assessment.readings import FrameReadings
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.weave import APART, SD_WIDTH, WeaveReading, tremble_of, weave_severity
from restoration_tasks.restoration.plan import PlannedTreatment

GATE_STANDS_PX, GATE_MOVES_PX = 0.15, 0.5
"""Deviation at 720 px width (sideways and up and down together) from which a shot is steadied. Training and
validation clips as they are: cameras on a stand read 0.00; those that move up to 0.3 where the gauge does not already
say that they are held in hand."""
EXPLAINED = 0.5
"""The gate's deviation beside that of the tremble, at least. The simulator's weave: 0.85 under a camera that stands,
0.6 in pans; cameras held in hand 0.04 to 0.4."""
LIKE_A_GATE = 0.7
"""What of the tremble must be a gate's by its steepness, at least. The simulator's weave: 1, in pans 0.8; of 4 px that
a camera held in hand and a gate tremble by together, 0.5."""
SURE = 5.0
"""Evidence of a gate at all, natural logarithm."""
STANDS = 0.5
"""From this chance on the camera is taken to stand still."""
SHOWS_PX = 1.0
"""Tremble from which the plan says why a shot is left alone."""
TURNS_PX = 0.05
"""Deviation under which frames are not turned: the figures would be noise."""
LOOSEST = 0.05
"""Share of the width that no gate moves a frame by; a shot that seems to is left alone."""
PX_DECIMALS, TURN_DECIMALS = 3, 5
Moves = tuple[float, ...]


@dataclass(frozen=True)
class GateWeave:
    """How a shot weaves, and what would steady it."""

    x: Moves
    y: Moves
    turn: Moves
    """What steadies each frame: to the right and down in pixels of the scan, degrees against the clock."""
    weave_px: float
    """Standard deviation, sideways and up and down together, pixels at 720 px width."""
    tremble_px: float
    """Tremble that all cells have in common, whosever it is, pixels at 720 px width."""
    gate_px: float
    """What of the tremble is a gate's by its steepness (`weave.Tremble`)."""
    alike: float
    stands: bool
    """Whether the camera stands still."""
    evidence: float
    """How much likelier the shot is with a gate than without, natural logarithm."""
    scale: float
    """Pixels of the scan to one at 720 px width."""


def gate_weaves(shots: Iterable[Shot], readings: Iterable[FrameReadings], scan: Scanned) -> dict[int, GateWeave]:
    """How shots weave, by their numbers; none for those that cannot be followed and for parts without a picture.

    Args:
        shots: of the reel.
        readings: of every frame of the reel, in any order.
        scan: what was scanned.
    """
    by_frame = {row.frame: row.by[Category.WEAVE] for row in readings if Category.WEAVE in row.by}
    found = {}
    for shot in shots:
        rows = [by_frame[frame] for frame in range(shot.start, shot.stop) if frame in by_frame]
        if shot.kind is PartKind.PICTURE and len(rows) == shot.frames:
            weave = gate_weave(rows, scan)
            if weave is not None:
                found[shot.number] = weave
    return found


def gate_weave(rows: Sequence[WeaveReading], scan: Scanned) -> GateWeave | None:
    """How a shot weaves, by the readings of its frames; None where too little could be followed."""
    tremble = tremble_of(rows, scan)
    if tremble is None:
        return None
    path = gate_path(placing(rows, scan))
    scale, deviation = scan.width / SD_WIDTH, path.off.std(axis=0)
    turn = np.degrees(path.off[:, 2] / arm_px(scan)) * (deviation[2] >= TURNS_PX)
    return GateWeave(
        x=_moves(-scale * path.off[:, 0], PX_DECIMALS),
        y=_moves(-scale * path.off[:, 1], PX_DECIMALS),
        turn=_moves(-turn, TURN_DECIMALS),
        weave_px=float(np.hypot(deviation[0], deviation[1])),
        tremble_px=tremble.px,
        gate_px=tremble.counted_px,
        alike=tremble.alike,
        stands=path.stands >= STANDS,
        evidence=path.evidence,
        scale=scale,
    )


def _moves(places: Doubles, decimals: int) -> Moves:
    # Adding 0 makes −0.0 a plain 0.
    return tuple((np.round(places, decimals) + 0.0).tolist())


LEFT_ALONE: Final[dict[str, JsonValue]] = {"x": [], "y": [], "turn": []}
"""Parameters with which nothing is moved."""


def planned_stabilise(weave: GateWeave | None, gate_share: float, amount: float) -> PlannedTreatment | None:
    """The treatment that steadies a shot; None where nothing is to be seen, or nothing can be followed.

    Where the picture trembles for all to see and it is not sure that the gate does it, the entry moves nothing and says
    so.

    Args:
        weave: of the shot.
        gate_share: what the gate is multiplied by.
        amount: how much of the weave is taken away, over 0 to 1.
    """
    if weave is None:
        return None
    gate = gate_share * (GATE_STANDS_PX if weave.stands else GATE_MOVES_PX)
    doubt = _doubt(weave, gate)
    if doubt is None:
        return _steadied(weave, gate, amount)
    if weave.tremble_px < SHOWS_PX or weave.alike < APART:
        return None
    why = (
        f"Left alone: the picture trembles by {weave.tremble_px * weave.scale:.1f} px, but {doubt}. Whoever knows "
        "better can put in how far each frame is to be moved."
    )
    return PlannedTreatment(name="stabilise", params=LEFT_ALONE, why=why)


def _doubt(weave: GateWeave, gate: float) -> str | None:
    """Why a shot is not steadied; None if it is."""
    least = max(gate, LIKE_A_GATE * weave.tremble_px)
    if weave.gate_px < least or weave.weave_px < EXPLAINED * weave.tremble_px:
        return "as a camera held in hand may do it too, and the two cannot be told apart by the picture"
    if weave.weave_px < gate or weave.evidence < SURE:
        return "a camera alone explains it"
    if max(np.abs([*weave.x, *weave.y])) > LOOSEST * SD_WIDTH * weave.scale:
        return "farther than any gate lets a frame lie"
    return None


def _steadied(weave: GateWeave, gate: float, amount: float) -> PlannedTreatment:
    x, y = float(np.std(weave.x)), float(np.std(weave.y))
    camera = "The camera stands still." if weave.stands else "The camera moves; its own course is kept."
    why = (
        f"The picture weaves in the gate by {x:.2f} px sideways and {y:.2f} px up and down (standard deviation, "
        f"severity {weave_severity(weave.gate_px):.0f} of 100). {camera} Such shots are steadied from "
        f"{gate * weave.scale:.2g} px."
    )
    far = np.radians(np.abs(weave.turn).max()) * SD_WIDTH * weave.scale / 2
    margin = [int(np.ceil(np.abs(moves).max() + far)) for moves in (weave.x, weave.y)]
    params = {"x": list(weave.x), "y": list(weave.y), "turn": list(weave.turn), "amount": amount, "margin": margin}
    return PlannedTreatment(name="stabilise", params=cast("dict[str, JsonValue]", params), why=why)
