"""Trained networks as the files that ship: normalisation worked in, half precision, metadata beside the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from torch import nn

from restoration_tasks.models.defects.networks import fused_weights
from restoration_tasks.models.tensors import pack
from restoration_tasks.runtime.files import sha256_file, write_atomic


def export(network: nn.Module, path: Path, metadata: Mapping[str, str]) -> str:
    """Write a trained network's weights; its digest.

    Args:
        network: a `DefectNet` or `FusionNet` with its normalisation.
        path: a `.safetensors` file.
        metadata: what the loader and a person want to know.
    """
    tensors = {name: tensor.float().numpy().astype(np.float16) for name, tensor in fused_weights(network).items()}
    write_atomic(path, pack(tensors, metadata))
    return sha256_file(path)[0]
