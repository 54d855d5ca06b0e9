"""What the scanner delivered beside the picture to show dirt goes into the vault without loss, and comes out again."""

from __future__ import annotations

import shutil

import numpy as np
import OpenImageIO as oiio
import pytest

from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.media.delivery.side_names import SideWord
from restoration_tasks.media.picture import half_codes_of
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.side_channel import absent_places
from restoration_tasks.media.stills.float_coding import to_half
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.steps import ingest, reversible
from restoration_tasks.steps.ingest import picture
from tests.media.delivery import reels
from tests.media.delivery.reels import FIRST, scan, side
from tests.media.pictures import same
from tests.steps.scans import write
from tests.steps.test_ingest import local, spec


@pytest.fixture
def reel(tmp_path):
    return side(scan(tmp_path / "inbox" / "reel-7"))


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(picture, "PART_FRAMES", 3)


def taken_in(settings, reel, *waived):
    waivers = [{"finding": one, "reason": "known to the archive"} for one in waived]
    return run_step(spec(settings, reel, waivers=waivers), ingest.STEP, settings)


def made_again(settings, result, out=None):
    from restoration_tasks.runtime.vault import Vault

    kept = reversible.Kept.of(Vault(settings.vault_root), result, settings.scratch_folder)
    return reversible.verify(kept, everything=True, out=out)


def test_the_vault_holds_exactly_the_side_sequence(settings, reel, tmp_path):
    result = taken_in(settings, reel)
    assert (result.figures["infrared"], result.figures["infrared_polarity"]) == ("side", "transmission")
    video = local(settings, result, "infrared")
    reader = FrameReader(video)
    assert (reader.format.pix_fmt, reader.format.fps, len(reader)) == ("gray10le", 24, 8)
    assert same(list(reader), list(FrameReader(reel / "ir")))
    assert absent_places(video) == frozenset()
    record = Scan.read(local(settings, result, "scan")).infrared
    assert (record.word, record.kind, record.pix_fmt) == (SideWord.TRANSMISSION, "dpx", "gray10le")
    assert [(file.place, file.number) for file in record.files] == [(n, FIRST + n) for n in range(8)]

    made = made_again(settings, result, tmp_path / "out")
    assert (made.frames, made.whole, made.of) == (16, 1, 17)
    for path in reel.rglob("*.dpx"):
        assert (tmp_path / "out" / path.relative_to(reel)).read_bytes() == path.read_bytes()


def test_a_delivery_without_one_leaves_nothing(settings, tmp_path):
    result = taken_in(settings, scan(tmp_path / "inbox" / "reel-7"))
    assert "infrared" not in result.figures
    assert {output.name for output in result.outputs}.isdisjoint({"infrared", "infrared_headers"})


def test_a_frame_without_its_own_refuses_until_a_person_lets_it_pass(settings, reel):
    (reel / "ir" / "film_001003.dpx").unlink()
    reels.side_frame(reel / "ir" / "film_001006.dpx", 6, size=(5, 8))
    reels.sign(reel)
    with pytest.raises(DeliveryError, match=r"film_001003\.dpx.*no infrared frame"):
        taken_in(settings, reel)
    with pytest.raises(DeliveryError, match=r"film_001006\.dpx.*another size"):
        taken_in(settings, reel, "infrared-missing:1003")
    result = taken_in(settings, reel, "infrared-missing", "infrared-unlike:1006")
    video = local(settings, result, "infrared")
    assert (len(FrameReader(video)), absent_places(video)) == (8, {3, 6})
    assert Scan.read(local(settings, result, "scan")).infrared.absent == (3, 6)
    made = made_again(settings, result)
    assert (made.frames, made.whole) == (8 + 6, 2), "the frame of another size is kept as delivered"


def test_where_another_picture_stands_in_so_does_its_side_frame(settings, reel):
    (reel / "film_001004.dpx").unlink()
    (reel / "film_001005.dpx").write_bytes((reel / "film_001005.dpx").read_bytes()[:-20])
    reels.sign(reel)
    result = taken_in(settings, reel, "missing-frames", "truncated:1005")
    frames = [frame[0] for frame in FrameReader(local(settings, result, "infrared"))]
    own = [frame[0] for frame in FrameReader(reel / "ir")]
    assert all(np.array_equal(frames[place], own[used]) for place, used in enumerate([0, 1, 2, 3, 3, 6, 6, 7]))
    assert made_again(settings, result).of == 17 - 1


def test_frame_files_that_cannot_be_rebuilt_are_kept_whole(settings, tmp_path):
    delivery = write(tmp_path / "inbox" / "reel-7", ".dpx", "uint16", 3, oiio__BitsPerSample=10)
    drawn = write(tmp_path / "drawn", ".png", "uint8", 1)
    shutil.copytree(drawn, delivery / "dirtmap", ignore=shutil.ignore_patterns(".ready", "*.txt"))
    (delivery / "manifest-md5.txt").unlink()
    result = taken_in(settings, delivery)
    assert (result.figures["infrared"], result.figures.get("infrared_polarity")) == ("side", None)
    assert same(list(FrameReader(local(settings, result, "infrared"))), list(FrameReader(drawn)))
    made = made_again(settings, result)
    assert (made.frames, made.whole, made.of) == (5, 5, 10)


def _floats(folder, opacity):
    folder.mkdir(parents=True)
    random = np.random.default_rng(2)
    for number in range(4):
        out = oiio.ImageOutput.create(str(folder / f"x.{number:04d}.exr"))
        shape = oiio.ImageSpec(16, 12, 4, "half")
        assert out.open(str(folder / f"x.{number:04d}.exr"), shape), out.geterror()
        pixels = random.random((12, 16, 4), np.float32)
        pixels[..., 3] = opacity(random)
        assert out.write_image(pixels), out.geterror()
        out.close()
    (folder / ".ready").touch()
    return folder


def test_the_opacity_of_floating_point_frames_which_the_master_lacks_is_kept_apart(settings, tmp_path):
    reel = _floats(tmp_path / "inbox" / "reel-7", lambda random: 0.25 + random.random((12, 16)) / 8)
    result = taken_in(settings, reel)
    assert result.figures["infrared"] == "alpha"
    reader = FrameReader(local(settings, result, "infrared"))
    assert half_codes_of(reader.format.transfer) == (0, 0xFFFF)
    for frame, path in zip(reader, sorted(reel.glob("*.exr")), strict=True):
        delivered = oiio.ImageInput.open(str(path)).read_image("half")[..., 3]
        assert np.array_equal(to_half(frame[0]), delivered)
    assert made_again(settings, result).whole == 4


def test_opacity_without_a_hole_is_not_kept_apart(settings, tmp_path):
    result = taken_in(settings, _floats(tmp_path / "inbox" / "reel-7", lambda _: 1.0))
    assert "infrared" not in result.figures


def test_the_masters_fourth_plane_is_named(settings, tmp_path):
    reel = write(tmp_path / "inbox" / "reel-7", ".dpx", "uint16", 4, oiio__BitsPerSample=10)
    result = taken_in(settings, reel)
    assert (result.figures["infrared"], result.figures["pix_fmt"]) == ("alpha", "gbrap10le")
    assert "infrared" not in {output.name for output in result.outputs}


def test_it_resumes_and_gives_the_same_bytes(settings, reel, monkeypatch):
    whole = taken_in(settings, reel)
    shutil.rmtree(settings.home)
    from restoration_tasks.steps.ingest import infrared

    monkeypatch.setattr(infrared.Infrared, "write", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        taken_in(settings, reel)
    monkeypatch.undo()
    monkeypatch.setattr(picture, "PART_FRAMES", 3)
    again = taken_in(settings, reel)
    assert [(o.name, o.sha256) for o in again.outputs] == [(o.name, o.sha256) for o in whole.outputs]
