"""Weights in the safetensors format: a table of names, types and places, then plain numbers; nothing in it can run.

Read and written here with numpy alone (https://github.com/huggingface/safetensors, "Format"): eight bytes little-endian
length of the table, the table as JSON, the numbers one after another. Half precision is what we ship.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.runtime.errors import ModelError

_LENGTH = struct.Struct("<Q")
_LARGEST_TABLE = 1 << 20
_TYPES: dict[str, np.dtype[Any]] = {"F16": np.dtype("<f2"), "F32": np.dtype("<f4")}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}
_METADATA = "__metadata__"


def pack(tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> bytes:
    """Tensors of half or single precision as one safetensors file; the same input gives the same bytes."""
    table: dict[str, Any] = {_METADATA: dict(sorted(metadata.items()))}
    numbers, place = [], 0
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        raw = tensor.astype(tensor.dtype.newbyteorder("<")).tobytes()
        table[name] = {
            "dtype": _NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [place, place + len(raw)],
        }
        numbers.append(raw)
        place += len(raw)
    text = json.dumps(table, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join((_LENGTH.pack(len(text)), text, *numbers))


def unpack(content: bytes) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """The tensors, in single precision, and the metadata of a safetensors file.

    Raises:
        ModelError: it is no such file, or a part of one.
    """
    try:
        (length,) = _LENGTH.unpack_from(content)
        if length > min(_LARGEST_TABLE, len(content)):
            raise ValueError(f"a table of {length} bytes in a file of {len(content)}")
        begin = _LENGTH.size + length
        table = json.loads(content[_LENGTH.size : begin])
        metadata = table.pop(_METADATA, {})
        tensors = {name: _tensor(content, begin, entry) for name, entry in table.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(
            "the weights cannot be read",
            expected="a safetensors file",
            found=error,
            action="install Reelkeeper again, or name a file of weights that is whole",
        ) from error
    return tensors, metadata


def _tensor(content: bytes, begin: int, entry: Mapping[str, Any]) -> NDArray[np.float32]:
    start, stop = entry["data_offsets"]
    if not 0 <= start <= stop <= len(content) - begin:
        raise ValueError(f"numbers at {start} to {stop}, behind the file's end")
    numbers = np.frombuffer(content[begin + start : begin + stop], _TYPES[entry["dtype"]])
    return np.asarray(numbers.reshape(entry["shape"]), np.float32)
