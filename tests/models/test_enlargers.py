"""Real-ESRGAN: our torch code with the weights out of ncnn's files does what ncnn itself does."""

from __future__ import annotations

from hashlib import sha256

import cv2
import numpy as np
import pytest

from restoration_tasks.models.enlargers import ANIMATION, TEXTURE, load_enlarger
from restoration_tasks.models.shelf.entry import Architecture
from restoration_tasks.models.shelf.known import CENTERFACE, KNOWN
from restoration_tasks.models.shelf.places import ModelFile
from restoration_tasks.models.tiling import tiled
from restoration_tasks.runtime.errors import ModelError, WrongUse
from restoration_tasks.runtime.spec import NumericProfile
from tests.models import ncnn_files
from tests.models.moving_pair import moving_pair

torch = pytest.importorskip("torch")
cv2.setNumThreads(1)


def shown(high, wide):
    return np.ascontiguousarray(moving_pair()[:3, 30 : 30 + high, 30 : 30 + wide])


@pytest.mark.parametrize(("name", "scale"), [(TEXTURE, 4), *((name, scale) for scale, name in ANIMATION.items())])
def test_it_does_what_ncnn_does(shelved, name, scale):
    pytest.importorskip("ncnn")
    files = shelved(name)
    small = shown(20, 24)
    made, _ = tiled(load_enlarger(KNOWN[name], files), small, NumericProfile())
    reference = ncnn_files.run(files[1].path, files[0].path, small)
    assert made.shape == reference.shape == (3, 20 * scale, 24 * scale)
    assert np.abs(made - reference).max() < 1e-3


def test_a_frame_in_tiles_is_the_frame_at_once(shelved):
    name = ANIMATION[2]
    own = load_enlarger(KNOWN[name], shelved(name))
    frame = shown(90, 100)
    whole, _ = tiled(own, frame, NumericProfile())
    parts, _ = tiled(own, frame, NumericProfile(tile_px=64))
    assert np.abs(whole - parts).max() < 1e-4


def test_a_checkpoint_of_the_archives_own_loads_into_the_same_network(shelved, tmp_path):
    name = ANIMATION[4]
    out_of_ncnn = load_enlarger(KNOWN[name], shelved(name))
    torch.save({"params": out_of_ncnn.network.state_dict()}, tmp_path / "own.pth")
    file = ModelFile(tmp_path / "own.pth", sha256((tmp_path / "own.pth").read_bytes()).hexdigest())
    own = load_enlarger(KNOWN[name], [file])
    frame = shown(16, 16)
    assert np.array_equal(*(tiled(one, frame, NumericProfile())[0] for one in (own, out_of_ncnn)))


def test_the_numbers_of_another_network_are_refused(shelved):
    animation, texture = shelved(ANIMATION[4]), KNOWN[TEXTURE]
    assert texture.architecture is Architecture.RRDBNET_X4
    with pytest.raises(ModelError, match=r"realesr-animevideov3-x4\.bin: the ncnn network is another"):
        load_enlarger(texture, animation)
    with pytest.raises(WrongUse, match="'centerface' does not enlarge"):
        load_enlarger(CENTERFACE, animation)


def test_what_enlarges_four_times_is_shrunk_where_two_are_asked_for(shelved):
    name = ANIMATION[4]
    files, frame = shelved(name), shown(20, 24)
    four, two = (load_enlarger(KNOWN[name], files, factor) for factor in (4, 2))
    assert (four.scale, two.scale) == (4, 2)
    large, half = (tiled(one, frame, NumericProfile())[0] for one in (four, two))
    assert half.shape == (3, 40, 48)
    # a quarter of the pixels, with what each of them covered: no other picture and no finer lines than it can hold
    assert (
        np.abs(
            cv2.resize(large.transpose(1, 2, 0), (48, 40), interpolation=cv2.INTER_AREA) - half.transpose(1, 2, 0)
        ).mean()
        < 0.01
    )
    with pytest.raises(WrongUse, match="does not enlarge so much"):
        load_enlarger(KNOWN[ANIMATION[2]], shelved(ANIMATION[2]), 4)
