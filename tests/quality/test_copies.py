"""Copies that do not show the restoration master: real encodes, each with one thing wrong, caught by its rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from restoration_tasks.media import copies as making
from restoration_tasks.media import ffmpeg
from restoration_tasks.media.copies import shown
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.small_views import copy_views, master_views, small_size
from restoration_tasks.media.table import Columns
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.copies import (
    ACCESS,
    COLUMNS,
    MEZZANINE,
    PLACE_TOLD_PX,
    CopiedFrame,
    _seen,
    compare_copies,
    copy_rules,
)
from restoration_tasks.quality.expectations import evaluate
from restoration_tasks.quality.findings import Status
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.rules import Table

FRAMES = 10
PICTURE = PictureFormat(161, 91, "gbrp10le", Fraction(24), "bt709", "bt709")
"""Odd sizes, which copies pad."""
SPOILED = 4
RULES = copy_rules(policy(), frames=FRAMES)


class Numbered:
    """Of a scan's record, what the copies are held by."""

    frames = FRAMES

    def number_at(self, place: int) -> int:
        return 86400 + place


@dataclass
class Made:
    """A restoration master and its copies."""

    folder: Path
    frames: list
    master: Path
    copies: dict[str, Path]

    def again(self, name: str, frames: list) -> Path:
        """A copy made of other frames than the master's."""
        other, out = self.folder / "other.mkv", self.folder / f"other-{self.copies[name].name}"
        write(other, frames)
        {MEZZANINE: making.mezzanine, ACCESS: making.access}[name](other, out)
        return out


def write(path: Path, frames: list) -> None:
    with FrameWriter(path, PICTURE) as writer:
        for frame in frames:
            writer.write(frame)


def moving_colour() -> list:
    """A coloured texture with grain that moves two pixels a frame."""
    rng = np.random.default_rng(11)
    scene = np.stack(
        [cv2.GaussianBlur(rng.uniform(0, 1, (PICTURE.height, PICTURE.width + 40)), (0, 0), 5) for _ in range(3)]
    )
    scene = 150 + 700 * (scene - scene.min()) / np.ptp(scene)
    views = (
        scene[:, :, 2 * n : 2 * n + PICTURE.width] + rng.normal(0, 12, (3, *PICTURE.plane_shapes[0]))
        for n in range(FRAMES)
    )
    return [tuple(np.clip(plane, 0, 1023).astype(np.uint16) for plane in view) for view in views]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copies")
    frames = moving_colour()
    master = folder / "restored.mkv"
    write(master, frames)
    copies = {MEZZANINE: folder / "mezzanine.mov", ACCESS: folder / "access.mp4"}
    making.mezzanine(master, copies[MEZZANINE])
    making.access(master, copies[ACCESS])
    return Made(folder, frames, master, copies)


def table(made: Made, **spoiled: Path):
    rows = Columns(CopiedFrame)
    unread = compare_copies(rows, Numbered(), policy(), restored=made.master, copies=made.copies | spoiled)
    return rows.table(), unread


def broken(found: pd.DataFrame) -> dict[str, str]:
    """Rules that failed, and what they say."""
    return {one.id: one.detail for one in evaluate(RULES, {Table.COPIES: found}) if one.status is not Status.PASSED}


def test_sound_copies_pass(made):
    found, unread = table(made)
    assert unread == {}
    assert broken(found) == {}
    assert list(found.columns) == list(COLUMNS)
    assert found.groupby("copy").luma_db.min()[MEZZANINE] > 45


def test_a_small_view_is_the_same_code_by_either_way(made, tmp_path):
    """What is compared is the copy: a lossless one is no further from its master than rounding."""
    lossless = tmp_path / "lossless.mkv"
    codec = {"c:v": "ffv1", "pix_fmt": "yuv444p10le", "f": "matroska", **ffmpeg.BITEXACT}
    copy = making._Copy(shown(made.master, PICTURE, "yuv444p10le"), lossless, codec)
    making._make([copy], made.master, making.probe(made.master), None)
    views = zip(master_views(made.master, PICTURE), copy_views(lossless, small_size(PICTURE)), strict=True)
    assert max(int(np.abs(one.astype(int) - other).max()) for one, other in views) <= 2


def swapped(frames):
    frames[SPOILED], frames[SPOILED + 1] = frames[SPOILED + 1], frames[SPOILED]


def frozen(frames):
    frames[SPOILED] = frames[SPOILED - 1]


def black(frames):
    frames[SPOILED] = tuple(np.zeros_like(plane) for plane in frames[SPOILED])


def moved(frames):
    frames[SPOILED] = tuple(np.roll(plane, 1, axis=0) for plane in frames[SPOILED])


def brighter(frames):
    frames[SPOILED] = tuple(np.clip(plane.astype(int) + 25, 0, 1023).astype(np.uint16) for plane in frames[SPOILED])


def red_for_blue(frames):
    green, blue, red = frames[SPOILED]
    frames[SPOILED] = (green, red, blue)


@pytest.mark.parametrize("copy", [MEZZANINE, ACCESS])
@pytest.mark.parametrize("damage", [swapped, frozen, black, moved, brighter, red_for_blue])
def test_another_picture_in_one_frame_is_caught_and_named(made, copy, damage):
    frames = list(made.frames)
    damage(frames)
    said = broken(table(made, **{copy: made.again(copy, frames)})[0])
    wanted = "copies.frames_in_order" if damage in (swapped, frozen) else f"copies.{copy}_shows_the_master"
    assert f"{SPOILED} (scan {86400 + SPOILED})" in said[wanted]
    assert set(said) - {"copies.signal_range"} <= {"copies.frames_in_order", f"copies.{copy}_shows_the_master"}


def coded(made: Made, name: str, *, matrix: str, range_: str) -> Path:
    """An access copy by another conversion that claims to be as it should be."""
    out = made.folder / name
    picture = ffmpeg.graph.input(ffmpeg.file_url(made.master)).video
    wrong = picture.filter("pad", w="ceil(iw/2)*2", h="ceil(ih/2)*2").filter(
        "scale", out_color_matrix=matrix, out_range=range_
    )
    told = wrong.filter("format", "yuv420p").filter("setparams", range="tv", colorspace="bt709")
    ffmpeg.run(told.output(ffmpeg.file_url(out), **{"c:v": "libx264", "crf": 19}), about=out)
    return out


@pytest.mark.parametrize(("matrix", "range_"), [("bt601", "tv"), ("bt709", "pc")])
def test_a_wrong_matrix_or_range_is_caught_although_the_file_says_otherwise(made, matrix, range_):
    said = broken(table(made, access=coded(made, f"{matrix}-{range_}.mp4", matrix=matrix, range_=range_))[0])
    assert "copies.access_shows_the_master" in said


def test_a_signal_beyond_video_range_warns_where_the_film_has_none(made):
    found, _ = table(made)
    for column, value in (
        ("y_low", 9.0),
        ("y_high", 244.0),
        ("outliers", 0.02),
        ("repeated_lines", 0.2),
        ("saturation_max", 190.0),
    ):
        spoiled = found.copy()
        spoiled[column] = spoiled[column].astype(float)
        spoiled.loc[SPOILED, column] = value
        assert set(broken(spoiled)) == {"copies.signal_range"}, column


def test_what_the_film_has_a_copy_may_have(made, tmp_path):
    """Lines that repeat in the picture itself are allowed for: the master's own figure is the limit then."""
    bars = [
        tuple(np.repeat(plane[:, :1], PICTURE.width, 1)[:1].repeat(PICTURE.height, 0) for plane in frame)
        for frame in made.frames
    ]
    striped = replace(made, master=tmp_path / "bars.mkv", copies={ACCESS: made.again(ACCESS, bars)})
    write(striped.master, bars)
    found, _ = table(striped)
    assert (found.repeated_lines > policy().limit("signal_repeated_lines_max")).all()
    assert (found.repeated_lines <= found.repeated_lines_allowed).all()


def test_a_short_or_broken_copy_leaves_frames_uncompared(made):
    found, unread = table(made, access=made.again(ACCESS, made.frames[:-1]))
    assert unread == {}
    assert "copies.every_frame_compared" in broken(found)
    cut = made.folder / "cut.mov"
    content = made.copies[MEZZANINE].read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    found, unread = table(made, mezzanine=cut)
    assert unread[MEZZANINE]
    assert "copies.every_frame_compared" in broken(found)


@pytest.mark.parametrize(("width", "told"), [(320, True), (PLACE_TOLD_PX, True), (96, False)])
def test_a_moved_picture_is_told_by_its_place_or_where_that_is_too_small_by_its_luma(width, told):
    rough = np.random.default_rng(1).normal(0, 1, (72, width + 1)).astype(np.float32)
    luma = np.clip(512 + 900 * cv2.GaussianBlur(rough, (0, 0), 2), 0, 1023).astype(np.uint16)
    grey = np.full((72, width), 512, np.uint16)
    wanted, moved = ((plane, grey, grey) for plane in (luma[:, :-1], luma[:, 1:]))
    seen = _seen(moved, wanted, (), 1.0)
    assert seen.place_off_px == (pytest.approx(1.0, abs=0.15) if told else 0.0)
    assert seen.luma_db < policy().limit("access_luma_min")
