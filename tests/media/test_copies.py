"""Copies decode, have the master's frames, rate and look, and repeat byte for byte."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from restoration_tasks.media import copies
from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat, half_codes
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.stills.float_coding import FloatCoding, to_codes
from restoration_tasks.report.stills import _view_table
from restoration_tasks.runtime.errors import MediaError
from tests.media.pictures import master, noise

FPS = Fraction(24000, 1001)


def ramp(fmt, count, *, mirrored=False):
    """Grey ramps from black on the left to white on the right."""
    codes = np.linspace(0, fmt.max_code, fmt.width).round().astype(fmt.dtype)
    plane = np.repeat((codes[::-1] if mirrored else codes)[None], fmt.height, axis=0)
    return [tuple(np.ascontiguousarray(plane[:h, :w]) for h, w in fmt.plane_shapes)] * count


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Master of odd size, and its three copies."""
    folder = tmp_path_factory.mktemp("copies")
    fmt = PictureFormat(65, 49, "gbrp10le", FPS, "bt709", "bt709")
    before = master(folder / "before.mkv", ramp(fmt, 12), fmt)
    after = master(folder / "after.mkv", ramp(fmt, 12, mirrored=True), fmt)
    copies.mezzanine(before, folder / "m.mov")
    copies.access(before, folder / "a.mp4")
    copies.wipe(before, after, folder / "w.mp4")
    return folder


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "depth"),
    [("m.mov", "ProRes", "yuv422p10le", 10), ("a.mp4", "AVC", "yuv420p", 8), ("w.mp4", "AVC", "yuv420p", 8)],
)
def test_copies_have_every_frame_even_sizes_and_bt709(made, name, codec, pix_fmt, depth):
    info = probe(made / name)
    fmt = info.format
    assert (info.codec, fmt.pix_fmt, fmt.width, fmt.height, fmt.fps) == (codec, pix_fmt, 66, 50, FPS)
    assert (fmt.transfer, fmt.primaries, fmt.matrix) == ("bt709",) * 3
    assert info.frames == len(list(FrameReader(made / name))) == 12


def test_the_bytes_do_not_depend_on_what_lay_in_memory(tmp_path, monkeypatch):
    """On a processor with AVX-512 those of an access copy once did; other processors never showed it."""
    fmt = PictureFormat(96, 72, "gbrp10le", FPS, "bt709", "bt709")
    moving = [tuple(np.roll(plane, 3 * number, 1) for plane in noise(fmt, 1)[0]) for number in range(50)]
    before = master(tmp_path / "before.mkv", moving, fmt)
    found = set()
    for filled_with in ("85", "170", "255"):
        monkeypatch.setenv("MALLOC_PERTURB_", filled_with)
        copies.mezzanine(before, tmp_path / "m.mov")
        copies.access(before, tmp_path / "a.mp4")
        found.add(tuple((tmp_path / name).read_bytes() for name in ("m.mov", "a.mp4")))
    assert len(found) == 1


@pytest.mark.parametrize(("name", "scale"), [("m.mov", 4), ("a.mp4", 1)])
def test_the_ramp_is_still_a_ramp_in_video_range(made, name, scale):
    luma = next(iter(FrameReader(made / name)))[0][25, :65].astype(float) / scale
    assert np.abs(luma - np.linspace(16, 235, 65)).max() < 3


def test_the_wipe_shows_the_scan_on_the_left_and_the_restoration_on_the_right_of_a_line(made):
    frame = list(FrameReader(made / "w.mp4"))[-1]
    luma = frame[0][25, :65].astype(float)
    # The divider begins at 5 % and goes right; after 12 of 192 frames it has moved on to where the cosine says.
    divider = round(65 * (0.5 - 0.45 * np.cos(2 * np.pi * 11 / (float(FPS) * copies.WIPE_PERIOD_S))))
    expected = np.where(np.arange(65) < divider, np.linspace(16, 235, 65), np.linspace(235, 16, 65))
    away = np.abs(np.arange(65) - divider) > 5
    assert np.abs(luma - expected)[away].max() < 6
    assert luma[divider - 1 : divider + 1].max() > 215


@pytest.mark.parametrize("fps", [FPS, Fraction(24), Fraction(16), Fraction(25)])
@pytest.mark.parametrize("beside", [None, "s.mp4"])
def test_every_frame_of_the_wipe_shows_its_own_of_both(tmp_path, fps, beside):
    """Frame by frame both grow brighter; where one was once shown twice, the film lagged ever more."""
    fmt, step = PictureFormat(128, 48, "gbrp10le", fps, "bt709", "bt709"), 16
    for name, least in (("before", 100), ("after", 300)):
        frames = [tuple(np.full(shape, least + step * n, fmt.dtype) for shape in fmt.plane_shapes) for n in range(30)]
        master(tmp_path / f"{name}.mkv", frames, fmt)
    out = tmp_path / "w.mp4"
    copies.wipe(tmp_path / "before.mkv", tmp_path / "after.mkv", out, before_out=beside and tmp_path / beside)
    for n, frame in enumerate(FrameReader(out)):
        line = round(128 * (0.5 - 0.45 * np.cos(2 * np.pi * n / (float(fps) * copies.WIPE_PERIOD_S))))
        shown = frame[0].astype(float)
        for least, side in ((100, shown[:, : line - 4]), (300, shown[:, line + 5 :])):
            assert abs(np.median(side) - (16 + 219 * (least + step * n) / 1023)) < 219 * step / 1023, (n, least)


def test_copies_repeat_byte_for_byte(made, tmp_path):
    copies.mezzanine(made / "before.mkv", tmp_path / "m.mov")
    copies.access(made / "before.mkv", tmp_path / "a.mp4")
    copies.wipe(made / "before.mkv", made / "after.mkv", tmp_path / "w.mp4")
    for name in ("m.mov", "a.mp4", "w.mp4"):
        assert (tmp_path / name).read_bytes() == (made / name).read_bytes()


def test_copies_made_together_are_those_made_one_by_one(made, tmp_path):
    copies.mezzanine_and_access(made / "after.mkv", tmp_path / "m.mov", tmp_path / "a.mp4")
    copies.wipe(made / "before.mkv", made / "after.mkv", tmp_path / "w.mp4", before_out=tmp_path / "s.mp4")
    copies.mezzanine(made / "after.mkv", tmp_path / "alone.mov")
    copies.access(made / "after.mkv", tmp_path / "alone.mp4")
    pairs = [
        (tmp_path / "m.mov", tmp_path / "alone.mov"), (tmp_path / "a.mp4", tmp_path / "alone.mp4"),
        (tmp_path / "w.mp4", made / "w.mp4"), (tmp_path / "s.mp4", made / "a.mp4"),
    ]  # fmt: skip
    for together, alone in pairs:
        assert together.read_bytes() == alone.read_bytes(), together.name


def test_copies_made_together_land_together_or_not_at_all(made, tmp_path):
    fmt = PictureFormat(65, 49, "gbrp10le", FPS, "bt709", "bt709")
    raw = bytearray(master(tmp_path / "bad.mkv", noise(fmt, 12), fmt).read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bad.mkv").write_bytes(raw)
    with pytest.raises(MediaError):
        copies.mezzanine_and_access(tmp_path / "bad.mkv", tmp_path / "m.mov", tmp_path / "a.mp4")
    with pytest.raises(MediaError):
        copies.wipe(tmp_path / "bad.mkv", made / "after.mkv", tmp_path / "w.mp4", before_out=tmp_path / "s.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["bad.mkv"]


def test_the_access_copy_has_its_index_in_front(made):
    raw = (made / "a.mp4").read_bytes()
    assert raw.index(b"moov") < raw.index(b"mdat")


@pytest.mark.parametrize("pix_fmt", ["gray10le", "gray16le", "gbrp"])
def test_a_log_scan_is_shown_by_the_cineon_curve(tmp_path, pix_fmt):
    fmt = PictureFormat(64, 48, pix_fmt, Fraction(24), PRINTING_DENSITY)
    copies.access(master(tmp_path / "m.mkv", ramp(fmt, 1), fmt), tmp_path / "a.mp4")
    luma = next(iter(FrameReader(tmp_path / "a.mp4")))[0][24].astype(float)
    code = np.linspace(0, 1023, 64)
    black = 10 ** ((95 - 685) * 0.002 / 0.6)
    light = np.clip((10 ** ((code - 685) * 0.002 / 0.6) - black) / (1 - black), 0, 1)
    assert np.abs(luma - (16 + 219 * light ** (1 / 2.2))).max() < 5


def test_sides_of_unlike_length_are_not_compared(made, tmp_path):
    fmt = PictureFormat(65, 49, "gbrp10le", FPS, "bt709", "bt709")
    short = master(tmp_path / "short.mkv", ramp(fmt, 5), fmt)
    with pytest.raises(MediaError, match=r"expected 65x49 at 24000/1001, 12 frames, found .* 5 frames"):
        copies.wipe(made / "before.mkv", short, tmp_path / "w.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["short.mkv"]


def test_a_damaged_master_gives_no_copy(made, tmp_path):
    fmt = PictureFormat(65, 49, "gbrp10le", FPS)
    raw = bytearray(master(tmp_path / "bad.mkv", noise(fmt, 5), fmt).read_bytes())
    raw[len(raw) // 2] ^= 1
    (tmp_path / "bad.mkv").write_bytes(raw)
    with pytest.raises(MediaError, match=r"bad\.mkv"):
        copies.access(tmp_path / "bad.mkv", tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_floating_point_light_is_shown_as_light(tmp_path):
    light = np.linspace(0, 1, 64, dtype=np.float32).astype(np.float16)
    codes = to_codes(np.repeat(light[None], 48, axis=0))
    coding = FloatCoding(int(codes.min()) - 5, int(codes.max()) + 900)
    fmt = PictureFormat(64, 48, "gray16le", Fraction(24), half_codes(coding.low, coding.high))
    made = master(tmp_path / "light.mkv", [(coding.stretch(codes),)] * 3, fmt)
    assert probe(made).format.transfer == fmt.transfer
    copies.mezzanine(made, tmp_path / "light.mov")
    shown = next(iter(FrameReader(tmp_path / "light.mov")))[0][24].astype(float)
    expected = 64 + 876 * light.astype(float) ** (1 / 2.2)
    assert np.abs(shown - expected)[2:].max() < 12
    on_page = _view_table(fmt)[coding.stretch(codes)[24]].astype(float)
    assert np.abs(on_page - 255 * light.astype(float) ** (1 / 2.2)).max() <= 1
