"""Planes become work arrays and come back exactly; what was not touched stays bit-identical."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.picture import LAYOUTS, PictureFormat
from restoration_tasks.runtime.errors import MediaError
from tests.media.pictures import noise, same

formats = st.builds(PictureFormat, st.integers(1, 19), st.integers(1, 17), st.sampled_from(sorted(LAYOUTS)))


@given(formats, st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_to_work_and_back_is_the_identity_at_any_size(fmt, seed):
    (frame,) = noise(fmt, 1, seed)
    work = fmt.to_work(frame)
    assert work.shape == (fmt.channels, fmt.height, fmt.width)
    assert same([fmt.from_work(work, frame)], [frame])


@given(formats, st.integers(0, 99), st.data())
@settings(max_examples=60, deadline=None)
def test_a_changed_sample_changes_its_own_plane_block_and_nothing_else(fmt, seed, data):
    (frame,) = noise(fmt, 1, seed)
    work = fmt.to_work(frame)
    channel = data.draw(st.integers(0, fmt.channels - 1))
    y, x = data.draw(st.integers(0, fmt.height - 1)), data.draw(st.integers(0, fmt.width - 1))
    work[channel, y, x] = fmt.max_code - work[channel, y, x]
    back = fmt.from_work(work, frame)
    plane = {0: 2, 1: 0, 2: 1}[channel] if fmt.is_rgb else channel
    for number, (ours, theirs) in enumerate(zip(back, frame, strict=True)):
        differing = np.argwhere(ours != theirs)
        if number != plane:
            assert not len(differing)
            continue
        h, w = ours.shape
        allowed = [y * h // fmt.height if h == fmt.height else y // 2, x if w == fmt.width else x // 2]
        assert all(list(place) == allowed for place in differing)


def test_rgb_work_is_in_the_order_red_green_blue():
    fmt = PictureFormat(2, 1, "gbrp10le")
    green, blue, red = (np.array([[code, code]], np.uint16) for code in (1, 2, 3))
    assert fmt.to_work((green, blue, red))[:, 0, 0].tolist() == [3, 1, 2]


def test_subsampled_chroma_takes_the_rounded_mean_of_a_changed_block_also_at_an_odd_edge():
    fmt = PictureFormat(3, 3, "yuv420p")
    frame = (np.zeros((3, 3), np.uint8), np.full((2, 2), 100, np.uint8), np.full((2, 2), 50, np.uint8))
    work = fmt.to_work(frame)
    work[1, 0, 0] = 103  # mean of 103, 100, 100, 100 is 100.75
    work[1, 2, 2] = 7  # the corner block has this one sample only
    u = fmt.from_work(work, frame)[1]
    assert u.tolist() == [[101, 100], [100, 7]]


@pytest.mark.parametrize(
    ("pix_fmt", "depth", "shapes", "size"),
    [
        ("gray", 8, ((5, 7),), 35),
        ("gbrp10le", 10, ((5, 7),) * 3, 210),
        ("yuv420p", 8, ((5, 7), (3, 4), (3, 4)), 59),
        ("yuv422p10le", 10, ((5, 7), (5, 4), (5, 4)), 150),
    ],
)
def test_what_a_format_says_of_itself(pix_fmt, depth, shapes, size):
    fmt = PictureFormat(7, 5, pix_fmt)
    assert (fmt.bit_depth, fmt.max_code, fmt.plane_shapes, fmt.frame_bytes) == (depth, 2**depth - 1, shapes, size)


def test_an_unknown_pixel_format_and_an_empty_picture_are_refused():
    with pytest.raises(MediaError, match="not supported"):
        PictureFormat(4, 4, "yuv410p")
    with pytest.raises(MediaError, match="positive size"):
        PictureFormat(0, 4, "gray")


def test_a_treatment_cannot_smuggle_in_another_shape_or_code_range():
    fmt = PictureFormat(4, 4, "gbrp10le")
    (frame,) = noise(fmt, 1)
    with pytest.raises(MediaError, match="another shape"):
        fmt.from_work(fmt.to_work(frame)[:, :3], frame)
    with pytest.raises(MediaError, match="another shape or type"):
        fmt.from_work(fmt.to_work(frame).astype(np.float32), frame)
    too_bright = fmt.to_work(frame)
    too_bright[0, 0, 0] = 1024
    with pytest.raises(MediaError, match=r"expected 0 to 1023, found \d+ to 1024"):
        fmt.from_work(too_bright, frame)
