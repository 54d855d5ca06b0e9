"""New frames between frames: where things move in a straight line, the frame made is the one that was left out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.models.between.interpolator import Interpolator
from restoration_tasks.models.between.load import load_between
from restoration_tasks.models.rife import NAME, load_rife
from restoration_tasks.runtime.errors import WrongUse
from tests.models.moving_pair import moving_pair

torch = pytest.importorskip("torch")
cv2.setNumThreads(1)


@pytest.fixture(scope="module")
def interpolator(shelved):
    return Interpolator(load_rife(shelved(NAME)[0]), load_between())


def panned(x: float) -> np.ndarray:
    """A soft pattern seen by a camera that went `x` pixels to the right, `(3, 96, 128)`."""
    rng = np.random.default_rng(11)
    wide = cv2.GaussianBlur(rng.random((96, 260, 3)).astype(np.float32), (0, 0), 3) - 0.5
    shift = np.float32([[1, 0, -60 - x], [0, 1, 0]])
    seen = cv2.warpAffine(0.5 + wide * 5, shift, (128, 96), flags=cv2.INTER_CUBIC)
    return np.ascontiguousarray(np.clip(seen, 0, 1).transpose(2, 0, 1))


def error(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square away from the picture's sides, where nothing is known of what comes in."""
    return float(np.sqrt(np.mean((one - other)[:, 8:-8, 24:-24] ** 2)))


@pytest.mark.parametrize("share", [0.5, 0.25, 2 / 3])
@pytest.mark.parametrize("step", [6.0, 24.0])
def test_a_pan_is_carried_to_any_time(interpolator, share, step):
    before, after = panned(0), panned(step)
    made = interpolator.between(before, after, share)
    truth = panned(step * share)
    assert error(made, truth) < 0.25 * min(error(before, truth), error(after, truth))


def test_at_the_ends_the_frames_themselves_are_handed_back(interpolator):
    before, after = panned(0), panned(5)
    assert np.array_equal(interpolator.between(before, after, 0), before)
    assert np.array_equal(interpolator.between(before, after, 1), after)


def test_grey_stays_grey_and_odd_sizes_stay_odd(interpolator):
    before, after = (panned(x).mean(axis=0, keepdims=True)[:, :61, :77] for x in (0, 6))
    made = interpolator.between(before, after)
    assert made.shape == (1, 61, 77)
    assert made.dtype == np.float32
    colour = interpolator.between(np.repeat(before, 3, 0), np.repeat(after, 3, 0))
    assert np.allclose(colour.mean(axis=0), made[0], atol=1e-5)


@pytest.mark.parametrize("shape", [(1, 1), (2, 90), (17, 16)])
def test_pictures_of_any_size_are_taken(interpolator, shape):
    flat = np.full((3, *shape), 0.4, np.float32)
    assert np.allclose(interpolator.between(flat, flat), flat, atol=1e-4)


def test_what_cannot_be_is_refused(interpolator):
    frame = panned(0)
    for before, after, share in ((frame, frame[:, :-1], 0.5), (frame, frame, 1.5), (frame[:2], frame[:2], 0.5)):
        with pytest.raises(WrongUse, match="no frame can be made"):
            interpolator.between(before, after, share)


def test_a_moving_square_is_not_doubled(interpolator):
    pair = moving_pair()
    made = interpolator.between(pair[:3], pair[3:])
    mean = (pair[:3] + pair[3:]) / 2
    # two half-transparent squares would lower the contrast where they do not overlap
    area = (slice(None), slice(50, 85), slice(60, 100))
    assert made[area].std() > 1.15 * mean[area].std()


def test_without_the_mixing_network_it_makes_candidates_only(interpolator):
    alone = Interpolator(interpolator.network)
    frame = panned(0)
    assert alone.candidates(frame, panned(4), 0.5).frames.shape == (1, 6, 3, 96, 128)
    with pytest.raises(WrongUse, match="makes candidates and no frames"):
        alone.between(frame, frame)
