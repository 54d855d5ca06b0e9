"""Whether a shot is deflickered, and how it is said: the plan's entry from the relations of its frames' light."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from pydantic import JsonValue

from restoration_tasks.assessment.flicker import FlickerCurve, flicker_curve, flicker_severity, spread_of
from restoration_tasks.assessment.lasting import FEWEST_FRAMES, Doubles, lasting
from restoration_tasks.assessment.light import LightRelation
from restoration_tasks.assessment.local_flicker import NONE, LocalFlicker, local_flicker
from restoration_tasks.restoration.plan import PlannedTreatment

GATE = 1.0
"""Amplitude (8-bit code values) from which a shot is deflickered; under it no eye sees flicker."""
LOCAL_GATE = 0.5
"""Amplitude of what differs over the picture from which that is evened out too: measured as a root mean square over the
picture, at its edges it is twice as much. On clean training clips, thinned to every third and fifth frame, nothing is
believed at all."""
DYES_GATE = 1.0
"""Amplitude from which red and blue are evened out apart from the whole."""
DYES_SHARE = 0.25
"""... and share of the whole's flicker that they must differ by: light that clips takes channels apart a little."""
DECIMALS = 5
"""Decimals a density keeps in the plan: a hundredth of a code value at 10 bit."""
LN10 = float(np.log(10))


@dataclass(frozen=True)
class ShotFlicker:
    """What flickers in a shot."""

    curve: FlickerCurve
    """Of the whole picture; measured with or without what differs over it, whichever is corrected."""
    local: LocalFlicker
    red: Doubles
    """`(T,)`: what takes red's own flicker away, natural logarithm of light; all 0 where colours flicker alike."""
    blue: Doubles
    dyes: float
    """Amplitude of what colours flicker apart, 8-bit code values; 0 where they flicker alike."""

    @property
    def severity(self) -> float:
        """0 … 100, of the whole picture's amplitude and of what differs over it together."""
        return flicker_severity(float(np.hypot(self.curve.amplitude, self.local.amplitude)))


def shot_flicker(
    relations: Sequence[LightRelation], level: float, otherwise: frozenset[int] = frozenset()
) -> ShotFlicker:
    """What flickers in a whole shot.

    Args:
        relations: for each frame what its light does beside the frame before; the first frame's is not looked at.
        level: the shot's mean level, share of the code range.
        otherwise: places in the shot of frames that were meant to be lighter or darker, or are mixtures.
    """
    curve = flicker_curve(relations, level, otherwise=otherwise)
    if curve.lit:
        nothing = np.zeros(len(relations))
        return ShotFlicker(curve, NONE, nothing, nothing, 0.0)
    local = local_flicker(relations, level, otherwise | curve.flashes)
    if local.amplitude >= LOCAL_GATE:
        curve = flicker_curve(relations, level, otherwise=otherwise, evened=True)
    else:
        local = NONE
    red, blue, dyes = _dyes(relations, level, otherwise | curve.flashes)
    if dyes < max(DYES_GATE, DYES_SHARE * curve.amplitude):
        red, blue, dyes = np.zeros(len(relations)), np.zeros(len(relations)), 0.0
    return ShotFlicker(curve, local, red, blue, dyes)


def _dyes(
    relations: Sequence[LightRelation], level: float, otherwise: frozenset[int]
) -> tuple[Doubles, Doubles, float]:
    """What takes away how red and blue flicker apart from the whole, and its amplitude."""
    frames = len(relations)
    known = np.array([place not in otherwise for place in range(frames)], np.bool_)
    made = []
    for steps in ([one.red for one in relations], [one.blue for one in relations]):
        alone = np.where(known & np.roll(known, 1), steps, 0.0)
        alone[:1] = 0.0
        chained = np.cumsum(alone)
        correction = lasting(chained, known).course - chained
        made.append(np.where(known, correction, 0.0))
    if frames < FEWEST_FRAMES:
        return np.zeros(frames), np.zeros(frames), 0.0
    return made[0], made[1], 255.0 * level * max(spread_of(one[known]) for one in made)


def planned_flicker(found: ShotFlicker, gate_share: float, amount: float) -> PlannedTreatment | None:
    """The treatment that evens a shot out; None where nobody sees flicker.

    Args:
        found: what flickers in the shot.
        gate_share: what the gate is multiplied by.
        amount: how much of it is taken away, over 0 to 1.
    """
    gate = gate_share * GATE
    if max(found.curve.amplitude, found.local.amplitude, found.dyes) < gate:
        return None
    why = (
        f"Brightness jumps by {found.curve.amplitude:.1f} of 255 code values from frame to frame (severity "
        f"{found.severity:.0f} of 100); shots are evened out from {gate:.1f}."
    )
    params: dict[str, JsonValue] = {
        "density": _numbers(-map_.gain / LN10 for map_ in found.curve.corrections),
        "contrast": _numbers(map_.contrast for map_ in found.curve.corrections),
    }
    if found.dyes:
        params |= {"red": _numbers(-found.red / LN10), "blue": _numbers(-found.blue / LN10)}
        why += f" Red and blue jump by up to {found.dyes:.1f} on their own and are evened out each."
    if len(found.local.patterns):
        params["patterns"] = cast(
            "JsonValue",
            [
                {"nodes": [_numbers(row) for row in nodes], "density": _numbers(-weights / LN10)}
                for nodes, weights in zip(found.local.patterns, found.local.weights.T, strict=True)
            ],
        )
        count = len(found.local.patterns)
        why += (
            f" It differs over the picture by {found.local.amplitude:.1f}, in {count} "
            f"{'pattern' if count == 1 else 'patterns'} that {'is' if count == 1 else 'are'} evened out too."
        )
    if found.curve.flashes:
        count = len(found.curve.flashes)
        why += (
            f" {count} {'frame' if count == 1 else 'frames'} far lighter than the rest left alone: lightning, a flash."
        )
    params["amount"] = amount
    return PlannedTreatment(name="flicker", params=params, why=why)


def _numbers(values: Iterable[float] | Doubles) -> list[JsonValue]:
    # −0.0 and 0.0 are one number, but two texts.
    return [round(float(value), DECIMALS) + 0.0 for value in values]
