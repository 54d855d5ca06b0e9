"""Whether a shot gets its colours back, and how it is said: the plan's entry from what the reel's dyes have lost."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import JsonValue

from restoration_tasks.restoration.plan import PlannedTreatment

Triple = tuple[float, float, float]
GATE = 5.0
"""Severity over the reel from which colours are brought back: up to there lie scenes that have not faded."""
SURE = 0.1
"""Mean certainty of the readings under which nothing is done: where hardly anything comes out neutral, colours that are
the scene's own look like a fade (a wooden table reaches 0, noise that is different in each channel 0.06)."""


@dataclass(frozen=True)
class DyeLoss:
    """What the dyes of a shot have lost, as the reel says."""

    kept: Triple
    """Share of density cyan, magenta and yellow keep, 0.1–1."""
    base: Triple
    """Density clear film has gained in red, green and blue, 0 or more."""
    severity: float
    """0–100, by the law of `fade.fade_severity`, of all the shots it was read from."""
    certainty: float
    """0–1: how far the readings carry it, their mean."""
    shots: int
    """How many shots it was read from."""
    otherwise: bool
    """Whether the shot differs from most of the reel."""


def planned_fade(loss: DyeLoss | None, gate_share: float, amount: float) -> PlannedTreatment | None:
    """The treatment that gives a shot back what it lost; None where that is nothing, or too little to be sure of.

    Args:
        loss: of the shot; None for grey film.
        gate_share: what the gate is multiplied by.
        amount: how much of the loss is made good, over 0 to 1.
    """
    gate = gate_share * GATE
    if loss is None or loss.severity <= gate or loss.certainty < SURE:
        return None
    cyan, magenta, yellow = (f"{100 * share:.0f} %" for share in loss.kept)
    read = "this shot" if loss.shots == 1 else f"{loss.shots} shots together"
    fog = ", ".join(f"{density:.2f}" for density in loss.base)
    why = (
        f"The dyes have faded: cyan keeps {cyan} of its density and yellow {yellow} (magenta is taken to keep "
        f"{magenta}); clear film has gained a density of {fog} in red, green and blue. Read over {read}, severity "
        f"{loss.severity:.0f} of 100; colours are brought back from {gate:.1f}."
    )
    if loss.otherwise:
        why += " This shot has surely faded otherwise than most of the reel."
    params: dict[str, JsonValue] = {"kept": list(loss.kept), "base": list(loss.base), "amount": amount}
    return PlannedTreatment(name="fade", params=params, why=why)
