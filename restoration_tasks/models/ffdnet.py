"""FFDNet, a network that takes noise out of a picture by how strong the noise is said to be, with published weights.

K. Zhang, W. Zuo, L. Zhang: "FFDNet: Toward a Fast and Flexible Solution for CNN based Image Denoising", IEEE TIP 2018
(arXiv 1710.04026), for colour. The picture is laid in four at half the size, a map of the noise's standard deviation
is laid beside, and twelve layers give the clean picture back. The weights come from the shelf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from restoration_tasks.models.checkpoints import fill, read_weights
from restoration_tasks.models.shelf.places import ModelFile

if TYPE_CHECKING:
    from torch import Tensor

COLOURS, WIDTH, LAYERS = 3, 96, 12
"""Table II of the paper, for colour."""
HALVED = 2
REACH_PX = HALVED * LAYERS
"""How far a pixel has influence."""


class FFDNet(nn.Module):
    """The network.

    Input `(B, 4, H, W)`: red, green and blue, 0–1, and the standard deviation of their noise on that scale, up to 0.3;
    sides even. Output `(B, 3, H, W)`.
    """

    def __init__(self) -> None:
        super().__init__()
        inside = COLOURS * HALVED**2
        layers: list[nn.Module] = [nn.Conv2d(inside + 1, WIDTH, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(LAYERS - 2):
            layers += [nn.Conv2d(WIDTH, WIDTH, 3, padding=1), nn.ReLU(inplace=True)]
        self.model = nn.Sequential(*layers, nn.Conv2d(WIDTH, inside, 3, padding=1))

    def forward(self, noisy: Tensor) -> Tensor:
        """The picture without its noise."""
        picture, level = noisy[:, :COLOURS], noisy[:, COLOURS:]
        halved = nn.functional.pixel_unshuffle(picture, HALVED)
        seen = torch.cat((halved, nn.functional.avg_pool2d(level, HALVED)), dim=1)
        clean: Tensor = nn.functional.pixel_shuffle(self.model(seen), HALVED)
        return clean


def load_ffdnet(file: ModelFile) -> FFDNet:
    """The network, on the processor, ready to be used.

    Args:
        file: from `Shelf.require(denoisers.NAME)`, or weights of the archive's own for the same architecture.

    Raises:
        ModelError: the weights are others than on the shelf or those of another network.
    """
    network = FFDNet()
    fill(network, read_weights(file), file.path)
    return network
