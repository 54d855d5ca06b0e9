"""The network that takes noise out of a picture: its name and digest, and how it is loaded to be run in tiles."""

from __future__ import annotations

from restoration_tasks.models.needs_torch import needs_torch
from restoration_tasks.models.shelf.places import ModelFile
from restoration_tasks.models.tiling import Tileable

NAME = "ffdnet-colour"
"""What the shelf calls it."""
SHA256 = "286f04f7e3a20254c067ba95efb5d3339f4fc8a09a365a93cd469184d4cdb279"
"""Digest of its weights."""


def load_denoiser(file: ModelFile) -> Tileable:
    """FFDNet on the processor, from `(4, H, W)` (R, G, B and the deviation of their noise) to `(3, H, W)`.

    Raises:
        ModelError: torch is not installed, or the weights are others than on the shelf or those of another network.
    """
    with needs_torch("taking noise away needs"):
        from restoration_tasks.models.ffdnet import HALVED, REACH_PX, load_ffdnet
    return Tileable(load_ffdnet(file), scale=1, overlap_px=2 * REACH_PX, multiple_px=HALVED)
