"""What the detector tells apart."""

from __future__ import annotations

from enum import StrEnum


class Defect(StrEnum):
    """Kinds of damage, in the order of the detector's maps."""

    DIRT = "dirt"
    """Sparkle, dust, flakes, blotches, dirt at splices: on one frame."""
    HAIR = "hair"
    """Hairs and long fibres: on one frame."""
    SCRATCH = "scratch"
    """Lines along the film, of one frame or of many, in all dye layers or in one."""
