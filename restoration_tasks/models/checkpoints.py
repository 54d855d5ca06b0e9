"""Weights that others trained, read so that nothing in the file can run: torch checkpoints and safetensors."""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_tasks.models.shelf.places import ModelFile
from restoration_tasks.models.tensors import unpack
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.files import disk_errors

if TYPE_CHECKING:
    from torch import Tensor, nn

WRAPPERS = ("params_ema", "params", "state_dict", "model_state_dict", "model")
"""Where training programs put the weights inside a checkpoint, the one to be used first (averaged before plain)."""
PARALLEL = "module."
"""What torch puts before every name when several devices train together."""
_ZIP, _PICKLE = b"PK\x03\x04", b"\x80"
_NAMED = 3
"""Names told of weights that do not fit."""


def read_file(file: ModelFile) -> bytes:
    """The bytes of a network's file, of which the digest was taken: no other bytes can slip in between.

    Raises:
        ModelError: they are not those of the shelf.
        VaultError: the file cannot be read.
    """
    with disk_errors(file.path):
        content = file.path.read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != file.sha256:
        raise ModelError(
            "the weights are not the ones on the shelf",
            file=file.path,
            expected=f"sha256 {file.sha256}",
            found=found,
            action="run `reelkeeper models verify`, and install the model again",
        )
    return content


def read_weights(file: ModelFile) -> dict[str, Tensor]:
    """Weights by name, on the processor, from a torch checkpoint (either format) or a safetensors file.

    What kind of file it is shows in its first bytes; its name says nothing. A torch checkpoint is read by torch's
    weights-only reader, which knows tensors and plain containers and calls nothing the file names.

    Raises:
        ModelError: other bytes than on the shelf; no such file, or a part of one; more in it than weights.
        VaultError: the file cannot be read.
    """
    import torch

    content = read_file(file)
    if not content.startswith((_ZIP, _PICKLE)):
        try:
            tensors, _ = unpack(content)
        except ModelError as error:
            error.file = str(file.path)
            raise
        return {name: torch.tensor(tensor) for name, tensor in tensors.items()}
    try:
        loaded: Any = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            "the checkpoint holds more than weights, and reading it could run what somebody put there",
            file=file.path,
            expected="tensors by name",
            found=_told(error),
            action="ask its maker for the weights alone, as safetensors or a state_dict",
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError, OSError) as error:
        raise ModelError(
            "the checkpoint cannot be read",
            file=file.path,
            expected="a torch checkpoint that is whole",
            found=_told(error),
            action="bring the file again",
        ) from error
    return _weights_in(loaded, file.path)


def _weights_in(loaded: Any, path: Path) -> dict[str, Tensor]:
    import torch

    while isinstance(loaded, Mapping) and (inside := next((key for key in WRAPPERS if key in loaded), None)):
        if not isinstance(loaded[inside], Mapping):
            break
        loaded = loaded[inside]
    named = isinstance(loaded, Mapping) and bool(loaded) and all(isinstance(key, str) for key in loaded)
    if not named or not all(isinstance(value, torch.Tensor) for value in loaded.values()):
        raise ModelError(
            "there are no weights in the checkpoint",
            file=path,
            expected=f"tensors by name, alone or under {', '.join(WRAPPERS)}",
            found=", ".join(map(str, list(loaded)[:_NAMED])) if isinstance(loaded, Mapping) else type(loaded).__name__,
            action="ask its maker for the state_dict alone",
        )
    start = PARALLEL if all(name.startswith(PARALLEL) for name in loaded) else ""
    return {name.removeprefix(start): tensor for name, tensor in loaded.items()}


def fill(network: nn.Module, weights: Mapping[str, Tensor], path: Path, *, unused: Sequence[str] = ()) -> None:
    """Put weights into a network and make it ready to be used; all must fit, and none may be left over.

    Args:
        network: the published architecture.
        weights: by name.
        path: the file they are from, for errors.
        unused: starts of names that only training needs; they are left out.

    Raises:
        ModelError: they are those of another network, or not all of them are numbers.
    """
    own = network.state_dict()
    given = {name: tensor for name, tensor in weights.items() if not name.startswith(tuple(unused))}
    shaped = [
        f"{name} is {_shape(given[name])}, not {_shape(tensor)}"
        for name, tensor in own.items()
        if name in given and given[name].shape != tensor.shape
    ]
    problems = (
        _list("missing", [name for name in own if name not in given]),
        _list("unknown", [name for name in given if name not in own]),
        _list("of another shape", shaped),
        _list("not finite", [name for name, tensor in given.items() if not bool(tensor.float().isfinite().all())]),
    )
    if any(problems):
        raise ModelError(
            "the weights are those of another network",
            file=path,
            expected=f"the {len(own)} tensors of {type(network).__name__}",
            found="; ".join(problem for problem in problems if problem),
            action="name weights of this architecture; `reelkeeper models list` shows what each is for",
        )
    network.load_state_dict(given)
    network.requires_grad_(False).eval()


def _list(what: str, names: Sequence[str]) -> str:
    if not names:
        return ""
    return f"{len(names)} {what}: {', '.join(names[:_NAMED])}{', …' if len(names) > _NAMED else ''}"


def _shape(tensor: Tensor) -> str:
    return "×".join(map(str, tensor.shape)) or "one number"


def _told(error: BaseException) -> str:
    """What torch says, without its advice to read the file unsafely."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = next((line for line in lines if "WeightsUnpickler error" in line), lines[0] if lines else "")
    return told.removeprefix("WeightsUnpickler error: ")[:200] or type(error).__name__
