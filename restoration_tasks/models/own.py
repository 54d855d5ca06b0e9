"""Weights of our own, shipped in the package: checked by digest, put into a network, made ready where it computes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.tensors import unpack
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.processor import processor_flags

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Running:
    """Where a network computes, and how exactly."""

    device: str = "cpu"
    """A torch device."""
    half: bool = False
    """Whether it computes in half precision."""

    def put(self, array: NDArray[np.float32]) -> Tensor:
        """An array as a batch of one (or of as many as it has) where the network computes."""
        import torch

        return torch.from_numpy(array).to(self.device, torch.float16 if self.half else torch.float32)


def knows_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 by itself; where it does not, it is slower than single precision."""
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & processor_flags())


def checked(shipped: Path, sha256: str, own: Path | None, *, train: str) -> tuple[Path, str]:
    """The file of weights to use, and its digest.

    Args:
        shipped: the file in the package.
        sha256: its digest.
        own: a file of one's own training, which may have any digest; the shipped one if None.
        train: the command that makes such weights.

    Raises:
        ModelError: the file is missing, or the shipped one has other bytes.
    """
    path = shipped if own is None else own
    if not path.is_file():
        raise ModelError(
            "the weights of a network are missing",
            file=path,
            expected=shipped.name,
            found="no file",
            action=f"install Reelkeeper again, or train them: {train}",
        )
    found, _ = sha256_file(path)
    if own is None and found != sha256:
        raise ModelError(
            "the weights of a network are not the ones this version knows",
            file=path,
            expected=sha256,
            found=found,
            action="install Reelkeeper again; to use weights of your own, name their file",
        )
    return path, found


def ready(network: nn.Module, path: Path, threads: int | None, running: Running) -> dict[str, str]:
    """Put the weights of a file into a network and make it ready for use; the file's metadata.

    Raises:
        ModelError: the file is no weights, or those of another network.
    """
    import torch

    tensors, metadata = unpack(path.read_bytes())
    try:
        network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise ModelError(
            "the weights are those of another network",
            file=path,
            found=str(error).splitlines()[0],
            action="name weights trained by this version",
        ) from error
    if threads is not None:
        torch.set_num_threads(threads)
    network.eval()
    dtype = torch.float16 if running.half else torch.float32
    network.to(running.device, dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
    return metadata
