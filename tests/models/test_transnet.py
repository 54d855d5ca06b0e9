from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.models import transnet
from restoration_tasks.models.transnet import TransNet, checked_weights, small_frame, transnet_windows
from restoration_tasks.runtime.errors import ModelError
from tests.restoration.moving import moving_clip


@pytest.fixture(scope="module")
def network():
    return TransNet()


def film(*lengths):
    """Shots of moving texture, each with a colour of its own, as small frames."""
    fmt = PictureFormat(96, 54, "gbrp", Fraction(24))
    for number, length in enumerate(length for length in lengths if length):
        tint = np.float32([(0.3, 1.0, 0.6), (1.0, 0.4, 0.3), (0.5, 0.5, 1.0)][number % 3])
        for picture in moving_clip(length, seed=number, fmt=fmt, step=0.7):
            planes = (picture * tint[:, None, None]).astype(np.uint8)
            yield small_frame((planes[1], planes[2], planes[0]), fmt)


def test_cuts_are_found_where_they_are(network):
    scores = list(network.scores(film(24, 17, 30)))
    assert len(scores) == 71
    assert [place for place, score in enumerate(scores) if score.single > 0.5] == [23, 40]
    assert max(score.many for score in scores[5:18]) < 0.2


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_the_shortest_reels(network, frames):
    scores = list(network.scores(film(frames)))
    assert len(scores) == frames
    assert all(0 <= score.single <= 1 and 0 <= score.many <= 1 for score in scores)


def numbered(count):
    for number in range(count):
        yield np.full((27, 48, 3), number, np.uint8)


@pytest.mark.parametrize("count", [1, 2, 24, 25, 49, 50, 51, 74, 75, 76, 99, 100, 101, 150, 175, 250])
def test_every_frame_is_in_the_middle_of_one_window(count):
    middles, windows = [], list(transnet_windows(numbered(count)))
    for number, (window, new) in enumerate(windows):
        assert window.shape == (100, 27, 48, 3)
        numbers = window[:, 0, 0, 0].astype(int)
        middles += numbers[25 : 25 + new].tolist()
        expected = np.clip(np.arange(100) - 25 + 50 * number, 0, count - 1)
        assert numbers.tolist() == expected.tolist(), "in order, the reel's ends repeated"
    assert middles == list(range(count))
    assert len(windows) == -(-count // 50)


def test_frames_are_asked_for_as_they_are_needed():
    asked = []

    def source():
        for number, frame in enumerate(numbered(500)):
            asked.append(number)
            yield frame

    next(iter(transnet_windows(source())))
    assert len(asked) < 110


def test_other_weights_are_refused(tmp_path, monkeypatch):
    forged = tmp_path / transnet.WEIGHTS_FILE
    forged.write_bytes(b"not the weights")
    with pytest.raises(ModelError, match="not the ones this version knows"):
        checked_weights(forged)
    monkeypatch.setattr(transnet, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(ModelError, match="0000"):
        TransNet()


def test_a_missing_wheel_says_what_to_install(monkeypatch):
    monkeypatch.setattr(transnet, "PACKAGE", "no_such_package_here")
    with pytest.raises(ModelError, match="vision extra"):
        TransNet()


@pytest.mark.parametrize(("pix_fmt", "value"), [("gray10le", 512), ("gbrp12le", 2048), ("yuv420p", 128)])
def test_any_picture_becomes_a_small_rgb_frame(pix_fmt, value):
    fmt = PictureFormat(70, 50, pix_fmt)
    frame = tuple(np.full(shape, value, fmt.dtype) for shape in fmt.plane_shapes)
    small = small_frame(frame, fmt)
    assert small.shape == (27, 48, 3)
    assert np.abs(small.astype(int) - 128).max() <= 1
