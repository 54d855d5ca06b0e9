"""Weights files: what was packed comes out, the same bytes each time, and a damaged one is refused."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from restoration_tasks.models.tensors import pack, unpack
from restoration_tasks.runtime.errors import ModelError

TENSORS = {
    "b": np.arange(6, dtype=np.float16).reshape(2, 3),
    "a": np.linspace(-1, 1, 5, dtype=np.float32),
    "scalar": np.float32(2.5).reshape(()),
}


def test_what_was_packed_comes_out():
    found, metadata = unpack(pack(TENSORS, {"threshold": "0.40"}))
    assert metadata == {"threshold": "0.40"}
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert_array_equal(found[name], tensor)
        assert found[name].dtype == np.float32


def test_the_file_is_laid_out_as_the_format_says():
    content = pack(TENSORS, {})
    (length,) = struct.unpack_from("<Q", content)
    table = json.loads(content[8 : 8 + length])
    assert table["a"] == {"dtype": "F32", "shape": [5], "data_offsets": [0, 20]}
    assert table["b"] == {"dtype": "F16", "shape": [2, 3], "data_offsets": [20, 32]}
    assert (8 + length) % 8 == 0
    assert len(content) == 8 + length + 36


def test_the_same_weights_are_the_same_bytes():
    assert pack(TENSORS, {"a": "1", "b": "2"}) == pack(dict(reversed(TENSORS.items())), {"b": "2", "a": "1"})


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:5],
        lambda content: content[:-1],
        lambda content: b"\xff" * 8 + content[8:],
        lambda content: content.replace(b"F16", b"I64"),
        lambda content: content.replace(b"[2,3]", b"[2,4]"),
        lambda content: content.replace(b"[0,20]", b"[-4,0]"),
        lambda content: b"",
    ],
)
def test_a_damaged_file_is_refused(spoil):
    with pytest.raises(ModelError, match="cannot be read"):
        unpack(spoil(pack(TENSORS, {})))
