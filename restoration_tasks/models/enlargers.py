"""Networks that enlarge, with weights from the shelf: Real-ESRGAN out of ncnn's two files, BasicVSR, or one's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from restoration_tasks.models.checkpoints import fill, read_file, read_weights
from restoration_tasks.models.ncnn import read_graph, read_numbers, weights_for
from restoration_tasks.models.needs_torch import needs_torch
from restoration_tasks.models.shelf.entry import Architecture, Entry, Use
from restoration_tasks.models.shelf.places import ModelFile
from restoration_tasks.models.tiling import Tileable
from restoration_tasks.runtime.errors import WrongUse

if TYPE_CHECKING:
    from torch import nn

ENLARGED = 4
"""How many times the networks themselves enlarge."""
TEXTURE = "realesrgan-x4plus"
ANIMATION = {2: "realesr-animevideov3-x2", 3: "realesr-animevideov3-x3", 4: "realesr-animevideov3-x4"}
"""What the shelf calls them, by how many times they enlarge."""
FAITHFUL = "basicvsr-x4"
"""Takes a run of frames, invents nothing, and is what to take unless a plan asks for more."""
OVERLAP_PX = {Architecture.RRDBNET_X4: 32, Architecture.SRVGG_X4: 40, Architecture.BASICVSR_X4: 32}
"""What tiles see of their surroundings: more than twice the reach of the animation network's 18 layers. RRDBNet reaches
350 pixels, BasicVSR as far as anything moves, beyond any overlap that pays: their tiles pass over into each other."""


def load_enlarger(entry: Entry, files: Sequence[ModelFile], factor: int | None = None) -> Tileable:
    """A network that enlarges, on the processor, ready to be run in tiles.

    Real-ESRGAN takes a frame, BasicVSR frames of one shot as channels one after another, `(T · 3, H, W)`.

    Args:
        entry: of the shelf, the archive's own included.
        files: from `Shelf.require`: ncnn's `.bin` and `.param`, or one torch checkpoint of the same architecture.
        factor: how many times larger the result is to be; where the network enlarges more, its result is shrunk with
            bicubic weights spread over what each pixel covers. As much as the network does if None.

    Raises:
        WrongUse: it does not enlarge, or less than is asked for.
        ModelError: torch is not installed, or the weights are others than on the shelf or those of another network.
    """
    if entry.architecture not in OVERLAP_PX:
        raise WrongUse(
            f"the model '{entry.name}' does not enlarge",
            expected=f"one for {Use.ENLARGE}: see `reelkeeper models list`",
            found=entry.use,
        )
    weights, *graphs = files
    layers = [layer for file in graphs for layer in read_graph(read_file(file), file.path)]
    # The animation network's result is shrunk by the last layer of the graph where it is to enlarge less.
    shrunk = layers[-1].number(1, 1.0) if layers and layers[-1].kind == "Interp" else 1.0
    network = _empty(entry.architecture, round(ENLARGED * shrunk))
    if layers:
        learnt = read_numbers(layers, read_file(weights), weights.path)
        fill(network, weights_for(network, learnt, weights.path), weights.path)
    else:
        fill(network, read_weights(weights), weights.path)
    scale = round(ENLARGED * shrunk)
    if factor is None or factor == scale:
        return Tileable(network, scale, OVERLAP_PX[entry.architecture])
    if scale % factor:
        raise WrongUse(
            f"the model '{entry.name}' does not enlarge so much",
            expected=f"a part of {scale} times",
            found=f"{factor} times",
        )
    from restoration_tasks.models.esrgan import Shrunk

    return Tileable(Shrunk(network, scale // factor), factor, OVERLAP_PX[entry.architecture])


def _empty(architecture: Architecture, scale: int) -> nn.Module:
    with needs_torch("enlarging needs"):
        from restoration_tasks.models.basicvsr import BasicVSR
        from restoration_tasks.models.esrgan import RRDBNet, SRVGGNetCompact
    if architecture is Architecture.BASICVSR_X4:
        return BasicVSR()
    return RRDBNet() if architecture is Architecture.RRDBNET_X4 else SRVGGNetCompact(scale=scale)
