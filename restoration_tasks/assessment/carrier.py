"""What staff read off a reel's carrier: the part of its condition that no picture shows."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class CarrierReadings(BaseModel):
    """What staff read off the carrier. A red cast is no reading of it: dyes fade on sound film too."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ad_strip_level: float | None = Field(default=None, ge=0, le=3)
    """A-D strip, 0 to 3 by halves."""
    shrinkage_percent: float | None = Field(default=None, ge=0, le=10)
    """Measured on the perforations."""
    smell: Literal["none", "slight", "strong"] | None = None
    """Of vinegar."""
    uniqueness: float = Field(default=1.0, ge=0, le=1)
    """1: no other copy is known; 0: another copy as good or better is safe elsewhere."""

    @property
    def known(self) -> bool:
        """Whether anything was read at all."""
        return any(one is not None for one in (self.ad_strip_level, self.shrinkage_percent, self.smell))
