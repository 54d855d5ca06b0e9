"""A little footage to train on."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.training.defects.footage import Footage

cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def footage():
    """A moving texture of twelve frames and a still one, 96x80."""
    rng = np.random.default_rng(5)
    large = cv2.GaussianBlur(rng.random((160, 200, 3)).astype(np.float32), (0, 0), 2)
    large = np.rint(255 * (large - large.min()) / np.ptp(large)).astype(np.uint8)
    moving = np.stack([large[20 + n : 100 + n, 20 + 2 * n : 116 + 2 * n] for n in range(12)])
    return [Footage("moving", moving, ((0, 12),)), Footage("still", large[None], ((0, 1),))]
