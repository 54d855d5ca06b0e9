"""Weights of others are read whole and right, and nothing in their files can run."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pytest

from restoration_tasks.models.checkpoints import fill, read_weights
from restoration_tasks.models.shelf.places import ModelFile
from restoration_tasks.models.tensors import pack
from restoration_tasks.runtime.errors import ModelError

torch = pytest.importorskip("torch")


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.PReLU(4))


def on_shelf(path: Path) -> ModelFile:
    return ModelFile(path, hashlib.sha256(path.read_bytes()).hexdigest())


def saved(path: Path, content, **options) -> ModelFile:
    torch.save(content, path, **options)
    return on_shelf(path)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [(), ("params_ema",), ("state_dict",), ("model", "state_dict")])
@pytest.mark.parametrize("start", ["", "module."])
def test_a_checkpoint_is_read_however_its_training_wrapped_it(tmp_path, zipped, wrapped, start):
    trained = network()
    content = {start + name: tensor for name, tensor in trained.state_dict().items()}
    for wrapper in reversed(wrapped):
        content = {wrapper: content, "epoch": 7}
    file = saved(tmp_path / "w.pth", content, _use_new_zipfile_serialization=zipped)
    loaded = network()
    fill(loaded, read_weights(file), file.path)
    shown = torch.rand(1, 3, 8, 8)
    assert torch.equal(loaded(shown), trained(shown))
    assert not loaded.training


def test_the_averaged_weights_come_before_the_plain_ones(tmp_path):
    plain, averaged = network().state_dict(), network().state_dict()
    file = saved(tmp_path / "w.pth", {"params": plain, "params_ema": averaged})
    assert torch.equal(read_weights(file)["0.weight"], averaged["0.weight"])


def test_safetensors_are_read_whatever_the_file_is_called(tmp_path):
    weights = {"0.weight": np.ones((4, 3, 3, 3), np.float32)}
    (tmp_path / "w.pth").write_bytes(pack(weights, {}))
    assert torch.equal(read_weights(on_shelf(tmp_path / "w.pth"))["0.weight"], torch.ones(4, 3, 3, 3))


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return Path.write_text, (self.target, "ran")


@pytest.mark.parametrize("raw", [True, False])
def test_pickled_code_is_refused_and_does_not_run(tmp_path, raw):
    target, path = tmp_path / "ran", tmp_path / "w.pth"
    if raw:
        path.write_bytes(pickle.dumps({"0.weight": Bomb(target)}, protocol=2))
    else:
        torch.save({"0.weight": Bomb(target)}, path)
    with pytest.raises(ModelError, match=r"w\.pth: .*more than weights.*Next: ask its maker") as caught:
        read_weights(on_shelf(path))
    assert "weights_only=False" not in str(caught.value)
    assert not target.exists()


def test_a_whole_network_as_an_object_is_refused(tmp_path):
    with pytest.raises(ModelError, match="more than weights"):
        read_weights(saved(tmp_path / "w.pth", network()))


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.ones(2)], {"state_dict": {"a": "b"}}, torch.ones(2)])
def test_a_checkpoint_without_weights_is_named(tmp_path, content):
    with pytest.raises(ModelError, match=r"w\.pth: there are no weights"):
        read_weights(saved(tmp_path / "w.pth", content))


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_a_part_of_a_file_is_an_error_of_ours(tmp_path, kind):
    path = tmp_path / "w.pth"
    if kind == "safetensors":
        path.write_bytes(pack({"a": np.ones((64, 64), np.float32)}, {}))
    else:
        torch.save(network().state_dict(), path, _use_new_zipfile_serialization=kind == "zip")
    whole = path.read_bytes()
    for kept in (0, 1, 5, 40, len(whole) // 2, len(whole) - 3):
        path.write_bytes(whole[:kept])
        with pytest.raises(ModelError, match=r"w\.pth.*Next: "):
            read_weights(on_shelf(path))


def test_other_bytes_than_on_the_shelf_are_not_even_read(tmp_path):
    file = saved(tmp_path / "w.pth", network().state_dict())
    torch.save(network().state_dict(), file.path)
    with pytest.raises(ModelError, match=r"not the ones on the shelf.*models verify"):
        read_weights(file)


def test_weights_of_another_network_are_told_one_by_one(tmp_path):
    weights = network().state_dict()
    weights["0.weight"] = torch.ones(8, 3, 3, 3)
    weights["2.weight"] = weights.pop("1.weight")
    weights["0.bias"][1] = torch.nan
    with pytest.raises(ModelError) as caught:
        fill(network(), weights, tmp_path / "w.pth")
    for told in (
        "w.pth",
        "1 missing: 1.weight",
        "1 unknown: 2.weight",
        "0.weight is 8×3×3×3, not 4×3×3×3",
        "1 not finite: 0.bias",
    ):
        assert told in str(caught.value)


def test_what_only_training_needs_is_left_out(tmp_path):
    weights = network().state_dict() | {"teacher.weight": torch.ones(3)}
    fill(network(), weights, tmp_path / "w.pth", unused=("teacher.",))
    with pytest.raises(ModelError, match=r"1 unknown: teacher\.weight"):
        fill(network(), weights, tmp_path / "w.pth")
