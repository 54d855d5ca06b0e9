"""The networks keep sizes, fuse without a change, and mix only what may be used."""

from __future__ import annotations

import pytest
import torch

from restoration_tasks.models.defects.features import FEATURES
from restoration_tasks.models.defects.networks import (
    LARGEST_RESIDUAL,
    DefectNet,
    FusionNet,
    fused_weights,
    padded,
    parameter_count,
)

torch.set_num_threads(1)


@pytest.mark.parametrize("size", [(32, 48), (33, 47), (16, 16)])
def test_logits_have_the_pictures_size(size):
    network = DefectNet().eval()
    planes = padded(torch.randn(1, FEATURES, *size))
    assert planes.shape[-1] % 16 == planes.shape[-2] % 16 == 0
    assert network(planes).shape == (1, 3, *planes.shape[-2:])


def test_the_networks_are_as_small_as_meant():
    assert 0.3e6 < parameter_count(DefectNet()) < 1.0e6
    assert 0.15e6 < parameter_count(FusionNet()) < 0.35e6


@pytest.mark.parametrize("kind", [DefectNet, FusionNet])
def test_a_fused_network_says_the_same(kind):
    torch.manual_seed(3)
    network = kind()
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
            module.weight.data.uniform_(0.5, 2)
    network.eval()
    fused = kind(fused=True).eval()
    fused.load_state_dict(fused_weights(network))
    if kind is DefectNet:
        given = (torch.randn(1, FEATURES, 32, 32),)
    else:
        given = (torch.rand(1, 6, 3, 32, 32), torch.ones(1, 4, 32, 32), torch.ones(1, 1, 32, 32))
    with torch.inference_mode():
        assert torch.allclose(network(*given), fused(*given), atol=1e-3)


def test_a_fill_stays_near_the_candidates_that_may_be_used():
    network = FusionNet().eval()
    candidates = torch.full((1, 6, 3, 32, 32), 0.9)
    candidates[:, 4:] = 0.3  # only the median and the spatial one may be used
    usable = torch.zeros(1, 4, 32, 32)
    with torch.inference_mode():
        filled = network(candidates, usable, torch.ones(1, 1, 32, 32))
    assert (filled - 0.3).abs().max() <= LARGEST_RESIDUAL + 1e-5
    usable[:, 0] = 1
    with torch.inference_mode():
        mixed = network(candidates, usable, torch.ones(1, 1, 32, 32))
    assert mixed.max() > 0.3 + LARGEST_RESIDUAL
