"""How a channel that shows dirt shows it."""

from __future__ import annotations

from enum import StrEnum


class Polarity(StrEnum):
    """Which end of the range dirt is at."""

    TRANSMISSION = "transmission"
    """Infrared light that came through: light where the film is clean, dark where something blocks it."""
    MATTE = "matte"
    """Dirt drawn on nothing: dark where the film is clean, light where there is dirt."""
