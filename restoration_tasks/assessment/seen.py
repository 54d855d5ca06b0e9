"""One frame as the detectors see it: small pictures made once, and kept while the frame is in a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import cv2
import numpy as np

from restoration_tasks.assessment.border import Edges
from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.restoration.motion import Luma, analysis_luma

if TYPE_CHECKING:
    from restoration_tasks.models.defects.features import Look


@dataclass(frozen=True)
class Seen:
    """One frame."""

    index: int
    """Position in the reel."""
    luma: Luma
    """`(H, W)` 8-bit analysis picture; of a wide scan that the network looks at in half size, of that size."""
    look: Look | None = None
    """What the network looks at; None for the classical detector."""

    @classmethod
    def classically(cls, index: int, work: Work, picture: PictureFormat) -> Seen:
        """A frame for the classical detector."""
        return cls(index, analysis_luma(work, picture.max_code, rgb=picture.is_rgb))

    @classmethod
    def by_network(cls, index: int, work: Work, picture: PictureFormat) -> Seen:
        """A frame for the network."""
        from restoration_tasks.models.defects.features import Look

        if picture.is_rgb or picture.is_grey:
            shares = work.astype(np.float32)
            shares *= np.float32(1.0 / picture.max_code)
        else:
            from restoration_tasks.restoration.shares import shares as shares_of

            shares = np.clip(shares_of(work, picture), 0.0, 1.0).transpose(2, 0, 1)
        look = Look.of(shares)
        return cls(index, np.asarray(cv2.convertScaleAbs(look.luma, alpha=255.0), np.uint8), look)

    @cached_property
    def edges(self) -> Edges:
        """Where its picture ends."""
        return Edges.of(self.luma)


Window = Mapping[int, Seen]
"""Offset to frame; 0 is the frame in the middle, only frames of the same shot."""
