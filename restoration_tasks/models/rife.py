"""RIFE HDv3, the interpolation network, with the weights from the shelf; its parts for those who do more with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoration_tasks.models.checkpoints import fill, read_weights
from restoration_tasks.models.needs_torch import needs_torch
from restoration_tasks.models.shelf.places import ModelFile

if TYPE_CHECKING:
    from restoration_tasks.models.ifnet import IFNet

NAME = "rife"
"""What the shelf calls it."""
SHA256 = "fe854fc8996547c953f732aaa3b78cae76cc0a12833ae856ea0749c4c570d7d8"
"""Digest of its weights."""


def load_rife(file: ModelFile) -> IFNet:
    """The network, on the processor, ready to be used.

    Args:
        file: from `Shelf.require(NAME)`, or weights of the archive's own for the same architecture.

    Raises:
        ModelError: torch is not installed, or the weights are others than on the shelf or those of another network.
    """
    with needs_torch("interpolation needs"):
        from restoration_tasks.models.ifnet import TEACHER, IFNet
    network = IFNet()
    fill(network, read_weights(file), file.path, unused=(TEACHER,))
    return network
