"""The damage simulator: clean film in, aged film out, with the truth of what was done to every frame.

    aged = Damage([Flicker(density_sd=0.04), Dirt(area=(0.01, 0.02)), Hair()], seed=1)
    for frame in aged.apply(clean_frames, bit_depth=10):
        frame.picture                          # (C, H, W), the clean clip's dtype
        frame.truth.masks[DamageKind.DIRT]     # (H, W) bool
        frame.truth.values[DamageKind.FLICKER] # {"density_offset": …, "contrast": …}

Frames are R,G,B or grey, as integers of any bit depth or as floats in 0–1. A frame's damage depends on its number and
the seed alone, so a clip can be damaged as a stream, in pieces or in any order and comes out the same.
"""

from __future__ import annotations

from restoration_tasks.training.damage.base import (
    CodeScale,
    DamagedFrame,
    DamageKind,
    FrameDamage,
    FrameTruth,
    Mask,
    Picture,
)
from restoration_tasks.training.damage.compose import Damage
from restoration_tasks.training.damage.digs import CinchMarks, ColourDigs
from restoration_tasks.training.damage.dirt import Dirt
from restoration_tasks.training.damage.dust import DustClusters, SpliceDirt
from restoration_tasks.training.damage.grain import Grain
from restoration_tasks.training.damage.hair import Hair
from restoration_tasks.training.damage.missing import MissingFrames
from restoration_tasks.training.damage.scratch import Scratch
from restoration_tasks.training.damage.stain import Stain
from restoration_tasks.training.damage.tear import Tear
from restoration_tasks.training.damage.tone import Fade, Flicker
from restoration_tasks.training.damage.weave import Weave

__all__ = [
    "CinchMarks",
    "CodeScale",
    "ColourDigs",
    "Damage",
    "DamageKind",
    "DamagedFrame",
    "Dirt",
    "DustClusters",
    "Fade",
    "Flicker",
    "FrameDamage",
    "FrameTruth",
    "Grain",
    "Hair",
    "Mask",
    "MissingFrames",
    "Picture",
    "Scratch",
    "SpliceDirt",
    "Stain",
    "Tear",
    "Weave",
]
