"""ncnn's files are read to the last byte: the torch network made of them does what ncnn itself does."""

from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.models.checkpoints import fill
from restoration_tasks.models.ncnn import read_graph, read_numbers, weights_for
from restoration_tasks.runtime.errors import ModelError
from tests.models import ncnn_files

torch = pytest.importorskip("torch")


def small():
    torch.manual_seed(5)
    # odd counts: halves have to be padded; one convolution is not square, one has no bias
    return torch.nn.Sequential(
        torch.nn.Conv2d(3, 5, 3, padding=1),
        torch.nn.PReLU(5),
        torch.nn.Conv2d(5, 1, (3, 3), padding=1, bias=False),
        torch.nn.PReLU(1),
        torch.nn.Conv2d(1, 3, (1, 1), padding=0),
    )


def read(param, content):
    return read_numbers(read_graph(param.read_bytes(), param), content.read_bytes(), content)


@pytest.mark.parametrize("half", [True, False])
def test_numbers_and_names_are_those_of_the_network(tmp_path, half):
    made, loaded = small(), small()
    param, content = ncnn_files.write(tmp_path, made, half=half)
    with torch.no_grad():
        for weight in loaded.parameters():
            weight.zero_()
    fill(loaded, weights_for(loaded, read(param, content), content), content)
    for name, weight in made.state_dict().items():
        assert torch.allclose(loaded.state_dict()[name], weight, rtol=1e-3 if half else 0, atol=1e-6 if half else 0)


@pytest.mark.parametrize("half", [True, False])
def test_it_does_what_the_runtime_of_ncnn_does(tmp_path, half):
    pytest.importorskip("ncnn")
    made = small()[:2] if half else small()[:1]
    param, content = ncnn_files.write(tmp_path, made, half=half)
    loaded = small()[: len(made)]
    fill(loaded, weights_for(loaded, read(param, content), content), content)
    shown = np.random.default_rng(1).random((3, 9, 14), np.float32)
    ours = loaded(torch.from_numpy(shown)[None])[0].numpy()
    assert np.abs(ours - ncnn_files.run(param, content, shown)).max() < 1e-5


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda p, b: b.write_bytes(b.read_bytes()[:-3]), "net.bin"),
        (lambda p, b: b.write_bytes(b.read_bytes()[:30]), "net.bin"),
        (lambda p, b: b.write_bytes(b.read_bytes() + b"xy"), "2 bytes are left over"),
        (lambda p, b: b.write_bytes(b"\x38\x4b\x0d\0" + b.read_bytes()[4:]), "stored as 0x000d4b38"),
        (lambda p, b: p.write_bytes(b"\x80\x02garbage"), "net.param"),
        (lambda p, b: p.write_bytes(b""), "net.param"),
        (lambda p, b: p.write_text(p.read_text()[:-40]), "net.param"),
        (lambda p, b: p.write_text("".join(p.read_text().splitlines(True)[:-1])), "has 5 layers"),
        (lambda p, b: p.write_text(p.read_text().replace("PReLU", "Python")), "of the kind Python"),
        (lambda p, b: p.write_text(p.read_text().replace("7767517", "7767518")), "net.param"),
    ],
)
def test_what_is_not_whole_or_not_known_is_refused(tmp_path, damage, told):
    param, content = ncnn_files.write(tmp_path, small(), half=True)
    damage(param, content)
    with pytest.raises(ModelError, match=told):
        read(param, content)


def test_another_network_is_refused(tmp_path):
    param, content = ncnn_files.write(tmp_path, small()[:3], half=True)
    with pytest.raises(ModelError, match=r"net\.bin: the ncnn network is another"):
        weights_for(small(), read(param, content), content)
