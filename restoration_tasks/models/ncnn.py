"""Networks in ncnn's two files: `.param` lists the layers in words, `.bin` holds their numbers; neither can run.

Written after ncnn's description of its files (github.com/Tencent/ncnn, wiki "param and model file structure"): a magic
number, the counts of layers and of blobs, then a line a layer; the numbers follow one another in the order of the
layers, a weight with four bytes before it that say how it is stored, biases and slopes bare.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.runtime.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

MAGIC = "7767517"
BARE_LAYERS = frozenset(
    {"BinaryOp", "Concat", "Crop", "Eltwise", "Input", "Interp", "Noop", "PixelShuffle", "ReLU", "Sigmoid", "Split"}
)
"""Kinds of layers without numbers. Of a kind that is not known the numbers' place is not either: it is refused."""
_HALF, _SINGLE = 0x01306B47, 0
"""What stands before a weight in half and in single precision."""
_ARRAY_KEYS = -23300
"""Keys from here down are lists; -23310 is the list of key 10."""

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Layer:
    """One line of the graph."""

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    parameters: Mapping[int, tuple[float, ...]]
    """By ncnn's number of each."""

    def number(self, key: int, otherwise: float = 0) -> float:
        """A parameter that is one number."""
        return self.parameters.get(key, (otherwise,))[0]


@dataclass(frozen=True)
class Numbers:
    """What a layer has learnt."""

    layer: Layer
    tensors: Mapping[str, Floats]
    """By torch's names: `weight` as torch shapes it, and `bias` where there is one."""


def read_graph(content: bytes, path: Path) -> tuple[Layer, ...]:
    """The layers, in the order they are worked through.

    Args:
        content: of the `.param` file.
        path: it, for errors.

    Raises:
        ModelError: it is no such file, or a part of one.
    """
    try:
        magic, counts, *lines = [line for line in content.decode("ascii").splitlines() if line.strip()]
        if magic.strip() != MAGIC or len(lines) != int(counts.split()[0]):
            raise ValueError(f"it begins with {magic[:20]!r}, {counts[:20]!r} and has {len(lines)} layers")
        return tuple(_layer(line.split()) for line in lines)
    except (ValueError, IndexError) as error:
        raise _unreadable(path, "the list of layers of an ncnn network", error) from error


def _layer(words: Sequence[str]) -> Layer:
    kind, name = words[:2]
    ins, outs = int(words[2]), int(words[3])
    names, settings = words[4 : 4 + ins + outs], words[4 + ins + outs :]
    if len(names) != ins + outs or any("=" in one for one in names):
        raise ValueError(f"the layer {name} is cut short")
    parameters = {}
    for setting in settings:
        key, _, value = setting.partition("=")
        numbers = tuple(float(one) for one in value.split(","))
        if int(key) <= _ARRAY_KEYS:
            parameters[_ARRAY_KEYS - int(key)] = numbers[1:]  # the first says how many follow
        else:
            parameters[int(key)] = numbers
    return Layer(kind, name, tuple(names[:ins]), tuple(names[ins:]), parameters)


def read_numbers(layers: Sequence[Layer], content: bytes, path: Path) -> list[Numbers]:
    """What the layers have learnt; only those that have learnt something, in order.

    Args:
        layers: of `read_graph`.
        content: of the `.bin` file.
        path: it, for errors.

    Raises:
        ModelError: numbers are missing or left over, or stored in a way this version does not read.
    """
    learnt, place = [], 0
    try:
        for layer in layers:
            if layer.kind == "Convolution":
                count = int(layer.number(6))
                weight, place = _stored(content, place, count)
                out, wide = int(layer.number(0)), int(layer.number(1))
                high = int(layer.number(11, wide))
                tensors = {"weight": weight.reshape(out, -1, high, wide)}
                if layer.number(5):
                    tensors["bias"], place = _bare(content, place, out)
            elif layer.kind == "PReLU":
                slopes, place = _bare(content, place, int(layer.number(0)))
                tensors = {"weight": slopes}
            elif layer.kind in BARE_LAYERS:
                continue
            else:
                raise ValueError(f"the layer {layer.name} is of the kind {layer.kind}")
            learnt.append(Numbers(layer, tensors))
        if place != len(content):
            raise ValueError(f"{len(content) - place} bytes are left over")
    except (ValueError, struct.error) as error:
        raise _unreadable(path, "the numbers of the layers, in half or single precision", error) from error
    return learnt


def _stored(content: bytes, place: int, count: int) -> tuple[Floats, int]:
    """A weight with its tag, and where it ends; halves are padded to four bytes."""
    (tag,) = struct.unpack_from("<I", content, place)
    if tag == _SINGLE:
        return _bare(content, place + 4, count)
    if tag != _HALF:
        raise ValueError(f"a weight is stored as {tag:#010x}")
    halves = np.frombuffer(content, "<f2", count, place + 4)
    return halves.astype(np.float32), place + 4 + (count * 2 + 3) // 4 * 4


def _bare(content: bytes, place: int, count: int) -> tuple[Floats, int]:
    return np.frombuffer(content, "<f4", count, place).astype(np.float32), place + count * 4


def weights_for(network: nn.Module, learnt: Sequence[Numbers], path: Path) -> dict[str, Tensor]:
    """The numbers under the names a torch network gives them.

    Args:
        network: whose convolutions and slopes were made in the order the graph works them through.
        learnt: of `read_numbers`.
        path: the file they are from, for errors.

    Raises:
        ModelError: the graph has other layers than the network, or more or fewer.
    """
    import torch
    from torch import nn

    kinds = {nn.Conv2d: "Convolution", nn.PReLU: "PReLU"}
    own = [(name, kinds[type(module)]) for name, module in network.named_modules() if type(module) in kinds]
    given = [numbers.layer.kind for numbers in learnt]
    if [kind for _, kind in own] != given:
        raise ModelError(
            "the ncnn network is another than expected",
            file=path,
            expected=f"{len(own)} layers that learn, as {type(network).__name__} has them",
            found=f"{len(given)}, or in another order",
            action="name the files of this architecture",
        )
    return {
        f"{name}.{part}": torch.from_numpy(tensor)
        for (name, _), numbers in zip(own, learnt, strict=True)
        for part, tensor in numbers.tensors.items()
    }


def _unreadable(path: Path, expected: str, found: object) -> ModelError:
    return ModelError(
        "the file of an ncnn network cannot be read",
        file=path,
        expected=expected,
        found=found,
        action="install the model again, or name files of ncnn that are whole",
    )
