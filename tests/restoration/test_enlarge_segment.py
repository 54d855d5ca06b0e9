"""The larger version of a segment: true to the restored frames, whoever cut the shot and whatever the picture is."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from restoration_tasks.media.framemd5 import compute
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.models.tiling import Tileable
from restoration_tasks.quality.enlarged import _differences as differences
from restoration_tasks.restoration.enlarge_segment import Enlarger, Part, enlarge_segment, ready
from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.runtime.errors import MediaError, ModelError
from restoration_tasks.runtime.spec import NumericProfile
from tests.restoration.moving import GREY, moving_clip, write_master

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

cv2.setNumThreads(1)
FAITHFUL, ANIMATION = Enlargement.of("faithful-2x"), Enlargement.of("animation-2x")
FRAMES = 20


class Sharper(nn.Module):
    """Enlarges twice and adds checks; a frame of a run takes a little of all that are shown with it."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, shown):
        self.shown.append(shown.shape[1] // 3)
        mean = sum(shown.split(3, 1)) / (shown.shape[1] // 3)
        large = nn.functional.interpolate(
            0.8 * shown + 0.2 * torch.cat([mean] * (shown.shape[1] // 3), 1), scale_factor=2.0, mode="nearest"
        )
        rows = torch.arange(large.shape[2])[:, None] + torch.arange(large.shape[3])
        return large + 0.03 * (rows % 2 * 2 - 1)


def enlarger(asked=FAITHFUL, network=None, **profile):
    return Enlarger(asked, Tileable(network or Sharper(), 2), NumericProfile(**profile))


def keeper(folder):
    folder.mkdir(parents=True, exist_ok=True)
    return folder.joinpath


@pytest.fixture
def film(tmp_path):
    """A shot of 20 frames that begins at frame 10 of its reel, as one restored segment."""
    segment = Segment("s002-01", 2, 10, 10 + FRAMES, 10, 10 + FRAMES)
    return Part(segment, write_master(tmp_path / "restored.mkv", moving_clip(FRAMES)))


def test_every_frame_is_larger_and_true_to_the_restored_one(film, tmp_path):
    told = []
    out = tmp_path / "large.mkv"
    made = enlarge_segment(
        [film], film.segment, enlarger(), keeper(tmp_path / "kept"), out, progress=lambda *place: told.append(place)
    )
    info = probe(out)
    assert (info.format.width, info.format.height, info.format.pix_fmt) == (256, 192, "gray10le")
    assert (info.frames, info.intra_only, info.codec) == (FRAMES, True, "FFV1")
    assert [one.frame for one in made] == list(range(10, 30))
    assert told == [(place, FRAMES) for place in range(1, FRAMES + 1)]
    found = list(differences(film.path, out, 2))
    assert max(found) <= 1
    assert np.allclose(found, [one.differs_codes for one in made], atol=0.1)  # rounded to code values in between


def test_pixels_do_not_depend_on_where_the_shot_was_cut(film, tmp_path):
    whole = tmp_path / "whole.mkv"
    enlarge_segment([film], film.segment, enlarger(), keeper(tmp_path / "kept"), whole)
    parts = []
    for segment in cut_segments([(10, 30)], 8):
        path = tmp_path / f"{segment.id}.mkv"
        write_master(path, moving_clip(FRAMES)[segment.start - 10 : segment.stop - 10])
        parts.append(Part(replace(segment, shot=2), path))
    assert len(parts) == 3
    found = []
    for part in parts:
        out, network = tmp_path / f"large-{part.segment.id}.mkv", Sharper()
        start, stop = FAITHFUL.windows.reach(part.segment)
        near = [one for one in parts if one.segment.start < stop and one.segment.stop > start]
        enlarge_segment(near, part.segment, enlarger(network=network), keeper(tmp_path / part.segment.id), out)
        assert max(network.shown) <= 13
        found += compute(out)
    assert tuple(found) == compute(whole)


def test_the_picture_does_not_jump_from_one_window_to_the_next(tmp_path):
    class Moody(nn.Module):
        def __init__(self):
            super().__init__()
            self.mood = 0.02

        def forward(self, shown):
            self.mood = -self.mood  # each window draws its checks stronger or weaker than the one before
            large = nn.functional.interpolate(shown, scale_factor=2.0, mode="nearest")
            rows = torch.arange(large.shape[2])[:, None] + torch.arange(large.shape[3])
            return large + (0.04 + self.mood) * (rows % 2 * 2 - 1)

    segment = Segment("s001-01", 1, 0, 28, 0, 28)
    flat = np.full((28, 1, GREY.height, GREY.width), 500, np.uint16)
    still, out = write_master(tmp_path / "still.mkv", flat), tmp_path / "large.mkv"
    enlarge_segment([Part(segment, still)], segment, enlarger(network=Moody()), keeper(tmp_path / "kept"), out)
    checks = [float(np.abs(np.diff(frame[0].astype(float))).mean()) for frame in FrameReader(out)]
    steps = np.abs(np.diff(checks))
    assert np.ptp(checks) > 50  # the windows do differ
    assert steps.max() < np.ptp(checks) / 4


def test_killed_work_goes_on_where_it_stopped(film, tmp_path, monkeypatch):
    monkeypatch.setattr("restoration_tasks.restoration.enlarge_segment.PART_FRAMES", 21)

    class Stops(Sharper):
        def forward(self, shown):
            if len(self.shown) == 22:
                raise KeyboardInterrupt
            return super().forward(shown)

    long = Part(Segment("s001-01", 1, 0, 30, 0, 30), write_master(tmp_path / "long.mkv", moving_clip(30)))
    kept, out = keeper(tmp_path / "kept"), tmp_path / "large.mkv"
    with pytest.raises(KeyboardInterrupt):
        enlarge_segment([long], long.segment, enlarger(ANIMATION, Stops()), kept, out)
    assert not out.exists()
    again = Sharper()
    made = enlarge_segment([long], long.segment, enlarger(ANIMATION, again), kept, out)
    assert len(again.shown) == 9  # the first 21 were kept
    assert [one.frame for one in made] == list(range(30))
    unbroken = tmp_path / "unbroken.mkv"
    enlarge_segment([long], long.segment, enlarger(ANIMATION), keeper(tmp_path / "other"), unbroken)
    assert compute(out) == compute(unbroken)


def test_where_memory_runs_out_the_tile_is_halved_and_told(film, tmp_path):
    class Greedy(Sharper):
        def forward(self, shown):
            if max(shown.shape[2:]) > 128:
                raise MemoryError
            return super().forward(shown)

    network = Greedy()
    asked = Enlarger(ANIMATION, Tileable(network, 2, overlap_px=8), NumericProfile())
    large = replace(GREY, width=320, height=96)
    part = Part(
        Segment("s001-01", 1, 0, 2, 0, 2), write_master(tmp_path / "wide.mkv", moving_clip(2, fmt=large), large)
    )
    made = enlarge_segment([part], part.segment, asked, keeper(tmp_path / "kept"), tmp_path / "large.mkv")
    assert [one.tile_px for one in made] == [80, 80]


@pytest.mark.parametrize("pix_fmt", ["gbrp10le", "gbrap12le", "gray", "yuv420p10le", "yuv422p", "gray16le"])
def test_any_picture_a_scan_may_be(pix_fmt, tmp_path):
    fmt = PictureFormat(90, 70, pix_fmt, Fraction(24))
    clip = [frame[0] for frame in moving_clip(2, fmt=PictureFormat(90, 70, "gray16le", Fraction(24)))]
    path = tmp_path / "restored.mkv"
    with FrameWriter(path, fmt) as writer:
        for picture in clip:
            planes = []
            for place, (high, wide) in enumerate(fmt.plane_shapes):
                small = cv2.resize(np.roll(picture, 9 * place, 1), (wide, high), interpolation=cv2.INTER_AREA)
                planes.append(np.asarray(small >> (16 - fmt.bit_depth), fmt.dtype))
            writer.write(tuple(planes))
    part, out = Part(Segment("s001-01", 1, 0, 2, 0, 2), path), tmp_path / "large.mkv"
    enlarge_segment([part], part.segment, enlarger(), keeper(tmp_path / "kept"), out)
    found = probe(out).format
    assert (found.width, found.height, found.pix_fmt) == (180, 140, pix_fmt)
    assert max(differences(path, out, 2)) <= 1
    if fmt.has_alpha:
        alpha = next(iter(FrameReader(path)))[3], next(iter(FrameReader(out)))[3]
        assert np.abs(alpha[1][::2, ::2].astype(int) - alpha[0]).mean() < 0.02 * fmt.max_code
    if pix_fmt.startswith("yuv"):
        assert found.matrix == "smpte170m"  # named, as another size would be read by another


@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p10le"])
def test_hard_colours_of_few_samples_come_back_as_well(pix_fmt, tmp_path):
    """What the file can hold is brought back, not what was there before chroma lost samples."""
    fmt = PictureFormat(90, 70, pix_fmt, Fraction(24))
    rng = np.random.default_rng(4)
    path, out = tmp_path / "restored.mkv", tmp_path / "large.mkv"
    with FrameWriter(path, fmt) as writer:
        # fields of flat colour with hard edges between them
        fields = (rng.integers(70, 180, (3, 18, 18)) << (fmt.bit_depth - 8)).astype(fmt.dtype)
        planes = (np.kron(one, np.ones((5, 5), fmt.dtype)) for one in fields)
        writer.write(tuple(plane[:high, :wide] for plane, (high, wide) in zip(planes, fmt.plane_shapes, strict=True)))
    part = Part(Segment("s001-01", 1, 0, 1, 0, 1), path)
    (made,) = enlarge_segment([part], part.segment, enlarger(ANIMATION), keeper(tmp_path / "kept"), out)
    (found,) = differences(path, out, 2)
    assert found <= 1
    assert found == pytest.approx(made.differs_codes, abs=0.01)


def test_a_segment_that_lacks_frames_is_named(film, tmp_path):
    longer = replace(film.segment, stop=40, shot_stop=40)
    with pytest.raises(MediaError, match="frame 30"):
        enlarge_segment([film], longer, enlarger(), keeper(tmp_path / "kept"), tmp_path / "large.mkv")


def test_a_frame_that_cannot_be_brought_back_is_named(film, tmp_path):
    class Nothing(nn.Module):
        def forward(self, shown):
            return torch.full_like(nn.functional.interpolate(shown, scale_factor=2.0), float("nan"))

    with pytest.raises(ModelError, match="frame 10"):
        enlarge_segment(
            [film], film.segment, enlarger(network=Nothing()), keeper(tmp_path / "kept"), tmp_path / "large.mkv"
        )


@pytest.mark.parametrize("choice", ["animation-2x", "animation-4x"])
def test_the_real_network_is_made_ready_for_the_memory_there_is(shelved, choice):
    asked = Enlargement.of(choice)
    files = shelved(asked.network)
    own = ready(asked, files, NumericProfile(), 96, 72)
    assert own.tileable.scale == asked.factor
    assert own.profile.tile_px >= 96
    assert ready(asked, files, NumericProfile(tile_px=64), 96, 72).profile.tile_px == 64


def test_too_little_memory_is_said_before_a_frame_is_made(shelved, monkeypatch):
    from restoration_tasks.models import tiling

    monkeypatch.setattr(tiling, "free_bytes", lambda _: 20 * 2**20)
    with pytest.raises(ModelError, match="smallest tile"):
        ready(ANIMATION, shelved(ANIMATION.network), NumericProfile(), 96, 72)
