"""Which detector looks for damage."""

from __future__ import annotations

from enum import StrEnum


class Engine(StrEnum):
    """The detectors there are."""

    NETWORK = "network"
    """Our own network: dirt, hairs and scratches."""
    CLASSICAL = "classical"
    """Spikes in time: dirt and hairs of enough contrast; needs no torch."""

    @property
    def models(self) -> dict[str, str]:
        """The weights it uses: name to sha256."""
        if self is not Engine.NETWORK:
            return {}
        from restoration_tasks.models.defects.load import SHIPPED_SHA256, Weights

        return {"detector": SHIPPED_SHA256[Weights.DETECTOR]}
