"""The mixing network with the weights that ship with Reelkeeper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from restoration_tasks.models.needs_torch import needs_torch
from restoration_tasks.models.own import Running, checked, knows_bfloat16, ready

if TYPE_CHECKING:
    from restoration_tasks.models.between.network import BetweenNet

NAME = "reelkeeper-between"
"""What the shelf calls it."""
WEIGHTS = Path(__file__).parent / "between.safetensors"
SHA256 = "50f35c202ad123d969dc640d282f4546da1156e3731ff8a930276ba0d7de29ae"
"""Digest of the weights in the package; it enters the signature of every step that uses them."""


def load_between(
    weights: Path | None = None, *, threads: int | None = None, running: Running | None = None
) -> BetweenNet:
    """The network, ready to be used.

    Args:
        weights: a file of one's own training; the shipped one, whose digest is checked, if None.
        threads: processor threads torch may use; as torch has it, if None.
        running: where and how exactly it computes; on the processor, if None. There its layers compute in bfloat16
            where the processor does, as what looks for motion.

    Raises:
        ModelError: torch is not installed, or the weights are missing, damaged, or other than those shipped.
    """
    with needs_torch("interpolation needs"):
        from restoration_tasks.models.between.network import BetweenNet
    path, _ = checked(WEIGHTS, SHA256, weights, train="reelkeeper train between")
    network = BetweenNet(fused=True)
    running = running or Running()
    ready(network, path, threads, running)
    if running.device == "cpu" and knows_bfloat16():
        import torch

        network.body.to(torch.bfloat16)
    return network
