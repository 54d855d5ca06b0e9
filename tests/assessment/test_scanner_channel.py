"""A segment's channel of dirt: from the fourth plane or from a file beside the master, judged over the shot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.measure import measure_segment
from restoration_tasks.assessment.scanner_channel import open_channel
from restoration_tasks.media.delivery.polarity import Polarity
from restoration_tasks.media.master import write_master
from restoration_tasks.media.picture import PictureFormat, half_codes
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment, cut_segments
from restoration_tasks.media.side_channel import ABSENT_TAG, AskedChannel, ChannelSource
from restoration_tasks.media.stills.float_coding import to_codes
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap
from tests.assessment.channels import HEIGHT, WIDTH, dirt, infrared, matte, picture
from tests.media.pictures import master

FRAMES = 6
SHOT = Segment("s001-01", 1, 0, FRAMES, 0, FRAMES)
SIDE, ALPHA = ChannelSource.SIDE, ChannelSource.ALPHA
FMT = PictureFormat(WIDTH, HEIGHT, "gbrp10le")
CLEAN = np.zeros((HEIGHT, WIDTH), np.float32)


def codes(values: np.ndarray, most: int = 1023) -> np.ndarray:
    return np.rint(most * values).astype(np.uint16 if most > 255 else np.uint8)


def reel(folder: Path, channels=None, frames=FRAMES, blocked=dirt, pan=3) -> Path:
    """A master of a panned scene with dirt, with the channels as its fourth plane."""
    planes = []
    for number in range(frames):
        shown = codes(picture(1, shift=pan * number) * (1 - blocked(number)))
        fourth = () if channels is None else (codes(channels(number)),)
        planes.append((shown, shown, shown, *fourth))
    fmt = FMT if channels is None else replace(FMT, pix_fmt="gbrap10le")
    return master(folder / "master.mkv", planes, fmt)


def beside(folder: Path, channels, frames=FRAMES, pix_fmt="gray10le", **tags) -> Path:
    most = 255 if pix_fmt == "gray" else 1023
    part = master(
        folder / "part.mkv", [(codes(channels(n), most),) for n in range(frames)], replace(FMT, pix_fmt=pix_fmt)
    )
    write_master([part], folder / "infrared.mkv", tags=tags)
    return folder / "infrared.mkv"


def light(number):
    return infrared(picture(1, shift=3 * number), dirt(number), seed=number)


def drawn(number):
    return matte(dirt(number))


def found_all(channel, blocked=dirt):
    maps = list(channel.maps())
    return all(np.mean(one[blocked(number) > 0.2] >= CERTAIN) > 0.98 for number, one in enumerate(maps))


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("channels", [light, drawn])
@pytest.mark.parametrize("source", [ALPHA, SIDE])
def test_both_polarities_from_both_places(tmp_path, source, channels, stated):
    polarity = Polarity.TRANSMISSION if channels is light else Polarity.MATTE
    made = reel(tmp_path, channels if source is ALPHA else None)
    side = beside(tmp_path, channels, pix_fmt="gray" if channels is drawn else "gray10le") if source is SIDE else None
    asked = AskedChannel(source=source, polarity=polarity if stated else None)
    channel = open_channel(made, side, SHOT, asked)
    assert channel.figures["infrared"] == str(source)
    assert channel.figures["infrared_polarity"] == str(polarity)
    assert (channel.warning is None) is stated
    assert found_all(channel)


def test_the_segments_of_a_shot_agree_and_see_their_own_frames(tmp_path):
    made = reel(tmp_path, light)
    asked = AskedChannel(source=ALPHA)
    whole = list(open_channel(made, None, SHOT, asked).maps())
    parts = [open_channel(made, None, segment, asked) for segment in cut_segments([(0, FRAMES)], longest=3)]
    assert len({part.judgement for part in parts}) == 1
    assert all(np.array_equal(a, b) for a, b in zip(whole, [m for part in parts for m in part.maps()], strict=True))


def test_silver_is_refused_in_words_and_adds_nothing(tmp_path):
    made = reel(tmp_path, lambda n: infrared(picture(1, shift=3 * n), dirt(n), silver=0.7, seed=n))
    channel = open_channel(made, None, SHOT, AskedChannel(source=ALPHA, polarity=Polarity.TRANSMISSION))
    assert (channel.used, channel.figures["infrared"]) == (False, "none")
    assert "the fourth plane of the scan is not used to find dirt in frames 0 to 5: it shows the picture" in (
        channel.warning or ""
    )
    assert list(channel.maps()) == [None] * FRAMES


def test_opacity_without_a_hole_is_no_channel_and_no_news(tmp_path):
    channel = open_channel(reel(tmp_path, lambda _: CLEAN + 1), None, SHOT, AskedChannel(source=ALPHA))
    assert (channel.used, channel.warning) == (False, None)


def test_nothing_asked_nothing_looked_at(tmp_path):
    channel = open_channel(reel(tmp_path, light), None, SHOT, None)
    assert (channel.figures["infrared"], channel.warning, list(channel.maps())) == ("none", None, [None] * FRAMES)


def test_a_clean_shot_learns_the_polarity_from_the_reel(tmp_path):
    def second_half_dirty(number):
        return dirt(number) if number >= FRAMES // 2 else CLEAN

    made = reel(
        tmp_path, lambda n: infrared(picture(1, shift=3 * n), second_half_dirty(n), seed=n), blocked=second_half_dirty
    )
    first = Segment("s001-01", 1, 0, 3, 0, 3)
    channel = open_channel(made, None, first, AskedChannel(source=ALPHA))
    assert channel.judgement.polarity is Polarity.TRANSMISSION
    assert not any(one.any() for one in channel.maps())


def test_where_a_side_frame_is_absent_nothing_is_said(tmp_path):
    side = beside(tmp_path, light, **{ABSENT_TAG: "1 3-4"})
    channel = open_channel(reel(tmp_path), side, SHOT, AskedChannel(source=SIDE))
    assert [one is None for one in channel.maps()] == [False, True, False, True, True, False]
    nobody = beside(tmp_path, light, **{ABSENT_TAG: "0-5"})
    assert not open_channel(reel(tmp_path), nobody, SHOT, AskedChannel(source=SIDE)).used


def test_floating_point_opacity_is_read_as_the_values_it_was(tmp_path):
    fmt = replace(FMT, pix_fmt="gray16le", transfer=half_codes(0, 0xFFFF))
    side = master(tmp_path / "infrared.mkv", [(to_codes(light(n).astype(np.float16)),) for n in range(FRAMES)], fmt)
    channel = open_channel(reel(tmp_path), side, SHOT, AskedChannel(source=ALPHA))
    assert channel.figures["infrared"] == "alpha"
    assert found_all(channel)


def test_dirt_that_the_picture_alone_cannot_tell_is_found(tmp_path):
    """Dirt printed in, or in the gate, before a scene at rest: nothing that looks at the picture in time sees it."""
    fixed = dirt(3)
    made = reel(tmp_path, lambda n: infrared(picture(1), fixed, seed=n), blocked=lambda _: fixed, pan=0)
    channel = open_channel(made, None, SHOT, AskedChannel(source=ALPHA, polarity=Polarity.TRANSMISSION))

    def measured(name, channel):
        path = tmp_path / name
        rows = measure_segment(made, SHOT, path, engine=Engine.CLASSICAL, channel=channel).frames
        return rows, [DamageMap.from_frame(frame) for frame in FrameReader(path)]

    rows, alone = measured("alone.mkv", None)
    assert max(np.mean(one.dirt[fixed > 0.2] >= CERTAIN) for one in alone) < 0.3
    helped_rows, helped = measured("helped.mkv", channel)
    assert min(np.mean(one.dirt[fixed > 0.2] >= CERTAIN) for one in helped) > 0.98
    assert all(np.array_equal(a.scratch, b.scratch) for a, b in zip(alone, helped, strict=True))
    assert all(b.dirt_area > a.dirt_area and b.dirt_severity > 0 for a, b in zip(rows, helped_rows, strict=True))
