"""Decide from the figures what each shot needs. Nothing measured, nothing done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import cast

from pydantic import JsonValue

from restoration_tasks.assessment.dirt import dirt_severity
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.evening import ShotFlicker, planned_flicker, shot_flicker
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.assessment.less_grain import GrainFound, planned_grain
from restoration_tasks.assessment.light import LightRelation
from restoration_tasks.assessment.lines import Line
from restoration_tasks.assessment.mending import TearsFound, planned_tears
from restoration_tasks.assessment.onward import Going
from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.portraying import PortraitTrack, planned_portraits
from restoration_tasks.assessment.recurrence import RecurrenceLimits
from restoration_tasks.assessment.scratches import Reason, Track, judged_tracks
from restoration_tasks.assessment.shots import Shot
from restoration_tasks.assessment.steadying import LEFT_ALONE, GateWeave, planned_stabilise
from restoration_tasks.assessment.titling import TextFound, protecting, without_whole_picture
from restoration_tasks.assessment.unfading import DyeLoss, planned_fade
from restoration_tasks.assessment.unstaining import StainsFound, planned_stains
from restoration_tasks.restoration.plan import ONLY_ADDED, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.tuning import Tunings
from restoration_tasks.runtime.errors import PlanError

DIRT_GATE_AREA = {Engine.NETWORK: 0.0005, Engine.CLASSICAL: 0.0015}
"""Mean share of the picture under dirt and hairs from which a shot is cleaned. The network: chosen on the validation
clip, whose two shots measure 0.00010 and 0.00023 clean, and from 0.008 with the recipe's least dirt. The classical
detector: clean shots full of blinking lights measured up to 0.0007; four prints that look dirty to anyone 0.003 to
0.008."""
_ASK = (
    "a person who sees dirt here can ask for it: take only_added away and set threshold to 0.35, or mark single places."
)
_RECURRENCE = RecurrenceLimits()
_RAIN = "it lies among bright strokes that all lie one way, as rain does, or"
_ASK_LINE = "If one is a scratch, mark it by hand."
_NAMED_TRACKS = 4
"""Scratches named one by one in a plan's reason; the rest are counted."""


class Strength(StrEnum):
    """How boldly to treat, compared with the last plan."""

    GENTLER = "gentler"
    SAME = "same"
    STRONGER = "stronger"


_DIRT_THRESHOLD = {Strength.GENTLER: 0.7, Strength.SAME: 0.5, Strength.STRONGER: 0.4}
_SCRATCH_THRESHOLD = {Strength.GENTLER: 0.35, Strength.SAME: 0.2, Strength.STRONGER: 0.1}
"""Once the whole shot says that there is a scratch, little evidence in its corridor is enough; what came and went there
would flicker."""
_FLICKER_AMOUNT = {Strength.GENTLER: 0.7, Strength.SAME: 1.0, Strength.STRONGER: 1.0}
_STABILISE_AMOUNT = {Strength.GENTLER: 0.7, Strength.SAME: 1.0, Strength.STRONGER: 1.0}
_FADE_AMOUNT = {Strength.GENTLER: 0.7, Strength.SAME: 1.0, Strength.STRONGER: 1.0}
_STAIN_AMOUNT = {Strength.GENTLER: 0.7, Strength.SAME: 1.0, Strength.STRONGER: 1.0}
_GATE_SHARE = {Strength.GENTLER: 2.0, Strength.SAME: 1.0, Strength.STRONGER: 0.5}
"""What the gates are multiplied by."""
_IDLE = {**ONLY_ADDED, "stabilise": LEFT_ALONE}
"""Parameters with which a treatment repairs nothing that was found."""


@dataclass(frozen=True)
class ShotFigures:
    """How damaged one shot is."""

    shot: Shot
    dirt_area: float
    """Mean share of the picture under dirt and hairs."""
    calm_area: float
    """The same of the calm half of the picture, where motion is followed best."""
    dirt_severity: float
    scratches: tuple[Track, ...]
    scratch_severity: float
    """0 … 100, by decades of the share of the picture that the scratches run over, as for dirt."""
    doubted_area: float
    """Mean share of the picture under what would be dirt but for the frames around it."""
    falls: bool
    """Whether what is found moves on from frame to frame as snow does."""
    rains: bool
    """Whether bright strokes lie all one way on most of its frames, as rain does."""
    flicker_amplitude: float
    """8-bit code values, of the whole picture."""
    flicker_local: float
    """The same of what differs over it."""
    flicker_severity: float
    flicker_rhythm: float | None = None
    """Cycles a frame; None if flicker has no rhythm."""
    unsure: tuple[Track, ...] = ()
    """Lines left alone that may be scratches."""


def decide(
    shots: Iterable[Shot],
    figures: Sequence[FrameFigures],
    treatments: Sequence[str],
    strength: Strength,
    *,
    lines: Iterable[Line] = (),
    engine: Engine = Engine.NETWORK,
    losses: Mapping[int, DyeLoss] = MappingProxyType({}),
    weaves: Mapping[int, GateWeave] = MappingProxyType({}),
    grains: Mapping[int, GrainFound] = MappingProxyType({}),
    less_grain: float = 0.0,
    lights: Mapping[int, LightRelation] = MappingProxyType({}),
    stains: Mapping[int, StainsFound] = MappingProxyType({}),
    tears: Mapping[int, TearsFound] = MappingProxyType({}),
    texts: Mapping[int, TextFound] = MappingProxyType({}),
    portraits: Mapping[int, Sequence[PortraitTrack]] = MappingProxyType({}),
    tunings: Tunings | None = None,
) -> list[tuple[PlannedShot, ShotFigures]]:
    """What every shot gets, and the figures that say so.

    Args:
        shots: of the reel, in order.
        figures: of every frame of the reel, in any order.
        treatments: names of the treatments that may be used.
        strength: how boldly.
        lines: of every frame of the reel, in any order.
        engine: the detector that measured; its repair is asked for as well.
        losses: what the dyes of each shot have lost, by its number; none for grey film.
        weaves: how each shot weaves, by its number; none for those that could not be followed.
        grains: the grain of each shot, by its number; none where it could not be read.
        less_grain: the share of it that a person wants gone, 0–1.
        lights: what the light of every frame does beside the frame before, by frame; what lacks does not flicker.
        stains: what the readings say of stains, by the shot's number; what lacks is left alone.
        tears: the same of tears.
        texts: text on screen, by the shot's number; such a shot gets no treatment of the whole picture by itself.
        portraits: the faces of each shot, by its number.
        tunings: what the profile says of single treatments.

    Raises:
        PlanError: frames of a shot were not measured.
    """
    places = {row.frame: place for place, row in enumerate(figures)}
    by_frame: dict[int, list[Line]] = {}
    for line in lines:
        by_frame.setdefault(line.frame, []).append(line)
    decided = []
    for shot in shots:
        own = [line for frame in range(shot.start, shot.stop) for line in by_frame.get(frame, ())]
        rows = _rows_of(shot, figures, places)
        measured, flicker = _measured(shot, rows, own, lights)
        asked = _Asked(treatments, strength, engine, less_grain, tunings or Tunings())
        number = shot.number
        whole = _Whole(
            flicker,
            losses.get(number),
            weaves.get(number),
            grains.get(number),
            stains.get(number),
            tears.get(number),
            portraits.get(number, ()),
        )
        planned = _with_text(_planned(measured, whole, asked, rows), texts.get(number))
        decided.append((planned, measured))
    return decided


def _rows_of(shot: Shot, figures: Sequence[FrameFigures], places: Mapping[int, int]) -> list[FrameFigures]:
    missing = next((frame for frame in range(shot.start, shot.stop) if frame not in places), None)
    if missing is not None:
        raise PlanError(
            f"shot {shot.number} was not measured whole", frame=missing, action="clear the assessment of that shot"
        )
    return [figures[places[frame]] for frame in range(shot.start, shot.stop)]


@dataclass(frozen=True)
class _Asked:
    """What may be used, and how boldly."""

    treatments: Sequence[str]
    strength: Strength
    engine: Engine
    less_grain: float
    """Share of the grain that is to go; asked for by itself, not by naming a treatment."""
    tunings: Tunings

    def gate(self, name: str) -> float:
        """What the gate of a treatment is multiplied by."""
        return _GATE_SHARE[self.strength] * self.tunings.of(name).gate

    def tuned(self, planned: PlannedTreatment) -> PlannedTreatment:
        """A treatment with the parameters the profile sets; one that repairs nothing that was found stays as it is."""
        own = self.tunings.of(planned.name).params
        idle = _IDLE.get(planned.name, {}).items()
        if not own or (idle and idle <= planned.params.items()):
            return planned
        return planned.model_copy(update={"params": {**planned.params, **own}})

    @property
    def fill(self) -> dict[str, JsonValue]:
        """Whose repair is asked for, where it is not the default's."""
        return {} if self.engine is Engine.NETWORK else {"engine": self.engine.value}


def _measured(
    shot: Shot, rows: list[FrameFigures], lines: list[Line], lights: Mapping[int, LightRelation]
) -> tuple[ShotFigures, ShotFlicker]:
    area = sum(row.dirt_area + row.hair_area for row in rows) / len(rows)
    flicker = shot_flicker(
        [lights.get(frame, LightRelation()) for frame in range(shot.start, shot.stop)],
        sum(row.level for row in rows) / len(rows),
        frozenset(frame - shot.start for frame in shot.lit_otherwise),
    )
    judged = judged_tracks(lines, shot)
    tracks = tuple(track for track in judged if track.is_scratch)
    under = sum(track.area_px for track in tracks) / (lines[0].picture_px * shot.frames) if tracks else 0.0
    measured = ShotFigures(
        shot=shot,
        dirt_area=area,
        calm_area=sum(row.calm_area for row in rows) / len(rows),
        dirt_severity=dirt_severity(area),
        scratches=tracks,
        scratch_severity=dirt_severity(under),
        doubted_area=sum(row.doubted_area for row in rows) / len(rows),
        falls=Going.together(Going(row.followed, row.going_on, row.going_by_chance) for row in rows).falls(_RECURRENCE),
        rains=2 * sum(row.raining for row in rows) > len(rows),
        flicker_amplitude=flicker.curve.amplitude,
        flicker_local=flicker.local.amplitude,
        flicker_severity=flicker.severity,
        flicker_rhythm=flicker.curve.rhythm,
        unsure=tuple(track for track in judged if track.reason is Reason.UNSURE),
    )
    return measured, flicker


@dataclass(frozen=True)
class _Whole:
    """What was found of whole frames."""

    flicker: ShotFlicker
    loss: DyeLoss | None
    weave: GateWeave | None
    grain: GrainFound | None
    stains: StainsFound | None
    tears: TearsFound | None
    portraits: Sequence[PortraitTrack]


def _planned(measured: ShotFigures, whole: _Whole, asked: _Asked, rows: list[FrameFigures]) -> PlannedShot:
    shot = measured.shot
    if shot.kind is not PartKind.PICTURE:
        return PlannedShot(shot=shot.number, start=shot.start, stop=shot.stop, treatments=())
    planned = (
        _dirt(measured, asked, rows),
        _scratches(measured, asked),
        planned_stains(whole.stains, asked.gate("stains"), _STAIN_AMOUNT[asked.strength]),
        planned_tears(whole.tears, asked.gate("tears"), asked.fill),
        planned_portraits(whole.portraits, whole.grain, asked.tunings.of("portraits").params),
        planned_stabilise(whole.weave, asked.gate("stabilise"), _STABILISE_AMOUNT[asked.strength]),
        planned_flicker(whole.flicker, asked.gate("flicker"), _FLICKER_AMOUNT[asked.strength]),
        planned_fade(whole.loss, asked.gate("fade"), _FADE_AMOUNT[asked.strength]),
    )
    found = [asked.tuned(one) for one in planned if one is not None and one.name in asked.treatments]
    grain = planned_grain(whole.grain, asked.less_grain, asked.engine)
    treatments = tuple(found if grain is None else [*found, grain])
    return PlannedShot(shot=shot.number, start=shot.start, stop=shot.stop, treatments=treatments)


def _with_text(planned: PlannedShot, text: TextFound | None) -> PlannedShot:
    """A planned shot that leaves text on screen as it is."""
    if text is None:
        return planned
    kept, left_out = without_whole_picture(planned.treatments)
    return planned.model_copy(update={"treatments": kept, "regions": protecting(text, left_out)})


def _dirt(measured: ShotFigures, asked: _Asked, rows: list[FrameFigures]) -> PlannedTreatment | None:
    gate = asked.gate("dirt") * DIRT_GATE_AREA[asked.engine]
    suspect = measured.dirt_area + measured.doubted_area
    if suspect < gate:
        return None
    if measured.falls:
        why = (
            f"Looks like snow or rain, left alone: what could be dirt ({100 * suspect:.2f} % of the picture) moves on "
            f"from frame to frame, as dirt does not; {_ASK}"
        )
        return PlannedTreatment(name="dirt", params={**ONLY_ADDED["dirt"], **asked.fill}, why=why)
    sure = min(measured.dirt_area, measured.calm_area)
    if sure < gate:
        found = f"what could be dirt ({100 * suspect:.2f} % of the picture)"
        why = (
            f"Looks like rain, left alone: {found} lies among bright strokes that all lie one way, as rain does and "
            f"dirt does not, all but {100 * sure:.2f} %; {_ASK}"
            if measured.rains
            else f"Looks like part of the scene, left alone: {found} flashes again and again in the same places or "
            "crowds in one part of the picture, as light on water, sparks and rain do, or lies where movement is hard "
            f"to follow, all but {100 * sure:.2f} %; {_ASK}"
        )
        return PlannedTreatment(name="dirt", params={**ONLY_ADDED["dirt"], **asked.fill}, why=why)
    specks, hairs = (sum(counts) / len(rows) for counts in ((r.dirt_count for r in rows), (r.hair_count for r in rows)))
    seen = f"{specks:.0f} specks" + (f" and {hairs:.1f} hairs" if hairs >= 0.05 else "")
    why = (
        f"Dirt or hair covers {100 * measured.dirt_area:.2f} % of the picture on average ({seen} a frame, severity "
        f"{measured.dirt_severity:.0f} of 100); shots are cleaned from {100 * gate:.3g} %."
    )
    if measured.doubted_area >= gate:
        why += (
            f" Another {100 * measured.doubted_area:.2f} % is left alone: {_RAIN if measured.rains else 'it'} flashes "
            "again and again in the same places or crowds in one of them, like light on water, moves on like snow, or "
            "lies where movement is hard to follow."
        )
    return PlannedTreatment(name="dirt", params={"threshold": _DIRT_THRESHOLD[asked.strength], **asked.fill}, why=why)


def _scratches(measured: ShotFigures, asked: _Asked) -> PlannedTreatment | None:
    tracks, start = measured.scratches, measured.shot.start
    doubt = f"Left alone, in doubt: {_named(measured.unsure, start)}." if measured.unsure else ""
    if not tracks:
        params = {**ONLY_ADDED["scratches"], **asked.fill}
        return PlannedTreatment(name="scratches", params=params, why=f"{doubt} {_ASK_LINE}") if doubt else None
    count = "1 scratch" if len(tracks) == 1 else f"{len(tracks)} scratches"
    why = f"{count}: {_named(tracks, start)}. Severity {measured.scratch_severity:.0f} of 100. {doubt}".rstrip()
    asked_for: dict[str, object] = {
        "tracks": [
            {
                "first": track.first - start,
                "last": track.last - start,
                "x": [[knot.frame - start, knot.x_top, knot.x_bottom] for knot in track.knots],
                "width_px": round(track.width_px, 1),
            }
            for track in tracks
        ],
        "threshold": _SCRATCH_THRESHOLD[asked.strength],
        **asked.fill,
    }
    return PlannedTreatment(name="scratches", params=cast("dict[str, JsonValue]", asked_for), why=why)


def _named(tracks: Sequence[Track], start: int) -> str:
    """Tracks with their frames in the shot, place and reason, the largest first; the rest counted."""
    named = ", ".join(
        f"frames {track.first - start}–{track.last - start} at {100 * track.place:.0f} % of the width ({track.reason})"
        for track in sorted(tracks, key=lambda track: -track.area_px)[:_NAMED_TRACKS]
    )
    return named + (f" and {len(tracks) - _NAMED_TRACKS} more" if len(tracks) > _NAMED_TRACKS else "")
