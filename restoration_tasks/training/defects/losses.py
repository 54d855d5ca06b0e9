"""What the networks are asked for in training."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_BCE_SHARE = 10.0
"""Cross entropy keeps probabilities honest; on maps that are nearly empty its mean is small beside the overlap's."""
_DICE_SHARE = 0.5
_EDGE_SHARE = 0.5
_SQUARE_SHARE = 10.0
"""Squared errors, which PSNR counts, beside plain ones: about as much of both at the errors a fill has."""
_RIM_SHARE = 0.02


def detector_loss(logits: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Cross entropy and overlap (soft Dice, Milletari et al., 3DV 2016), both where `weight` is 1.

    Args:
        logits: `(B, 3, H, W)`.
        target: `(B, 3, H, W)`, 0 or 1.
        weight: `(B, 1, H, W)`, 0 or 1.
    """
    entropy = (functional.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight).mean()
    found = torch.sigmoid(logits) * weight
    wanted = target * weight
    overlap = (found * wanted).sum((0, 2, 3))
    # A pixel's worth of smoothing a sample: a map without damage asks for nothing found.
    dice = 1 - (2 * overlap + 100) / (found.sum((0, 2, 3)) + wanted.sum((0, 2, 3)) + 100)
    return _BCE_SHARE * entropy + _DICE_SHARE * dice.mean()


def fusion_loss(filled: Tensor, truth: Tensor, mask: Tensor) -> Tensor:
    """Distance and distance of edges to the truth inside the mask, and a little outside, so that both sides meet.

    The distance is plain and squared: plain alone gives medians, which leave single pixels far off.

    Args:
        filled: `(B, 3, H, W)`, what the network fills in everywhere.
        truth: `(B, 3, H, W)`.
        mask: `(B, 1, H, W)`, 0 or 1.
    """
    error = filled - truth
    inside = mask.sum() * 3 + 1
    distance = ((error.abs() + _SQUARE_SHARE * error.square()) * mask).sum() / inside
    edges = sum(((error.diff(dim=dim)).abs() * torch.maximum(*_beside(mask, dim))).sum() / inside for dim in (-1, -2))
    return distance + _EDGE_SHARE * torch.as_tensor(edges) + _RIM_SHARE * error.abs().mean()


def _beside(mask: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    length = mask.shape[dim] - 1
    return mask.narrow(dim, 1, length), mask.narrow(dim, 0, length)
