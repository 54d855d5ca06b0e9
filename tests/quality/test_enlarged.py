"""The larger version in the check: what it must be is held to, and what is wrong is named."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from restoration_tasks.media import copies
from restoration_tasks.media.delivery.scan import Scan, ScannedFile, ScannedPicture
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.enlarged import enlarged_rules, enlarged_tables
from restoration_tasks.quality.expectations import evaluate
from restoration_tasks.quality.findings import CheckReport, Severity
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.rules import Table
from restoration_tasks.restoration.enlarge import grown
from restoration_tasks.restoration.enlarge_segment import large_format
from restoration_tasks.restoration.enlargement import Enlargement
from tests.restoration.moving import GREY, moving_clip

pytest.importorskip("torch")
FRAMES, FIRST = 6, 1001
RULES = enlarged_rules(policy(), frames=FRAMES)


@pytest.fixture
def scan():
    picture = ScannedPicture(
        kind="dpx",
        width=GREY.width,
        height=GREY.height,
        bit_depth=10,
        pix_fmt=GREY.pix_fmt,
        fps=str(Fraction(GREY.fps)),
        transfer="bt709",
        primaries="bt709",
    )
    files = tuple(
        ScannedFile(name=f"{number}.dpx", number=number, bytes=1, md5="0" * 32, sha256="0" * 64)
        for number in range(FIRST, FIRST + FRAMES)
    )
    return Scan(
        delivery="R1", manifest=None, manifest_algorithm=None, picture=picture, header=None, strays=(), files=files
    )


@dataclass
class Larger:
    """A restoration and its larger version, by frames that a test may spoil."""

    folder: Path
    restored: list = field(default_factory=lambda: [picture[0] for picture in moving_clip(FRAMES)])
    factor: int = 2

    def __post_init__(self):
        self.large = [
            np.clip(np.rint(grown(one[None].astype(np.float32), self.factor)[0]), 0, 1023).astype(np.uint16)
            for one in self.restored
        ]

    def check(self, scan, asked):
        small, large, copy = (self.folder / name for name in ("small.mkv", "large.mkv", "large.mp4"))
        for path, fmt, pictures in ((small, GREY, self.restored), (large, large_format(GREY, self.factor), self.large)):
            with FrameWriter(path, fmt) as writer:
                for picture in pictures:
                    writer.write((picture,))
        copies.access(large, copy)
        tables = enlarged_tables(scan, asked, restored=small, enlarged=large, access=copy)
        report = CheckReport(reel_id="R1", policy_version="t", frames=FRAMES, results=evaluate(RULES, tables))
        return report, {one.id: one for one in report.results if one.broken}


@pytest.fixture
def larger(tmp_path):
    return Larger(tmp_path)


def test_a_sound_one_passes_and_is_marked_where_it_holds_invented_detail(larger, scan):
    report, broken = larger.check(scan, Enlargement.of("faithful-2x"))
    assert broken == {}
    assert [one.id for one in report.results] == [one.id for one in RULES]
    report, broken = larger.check(scan, Enlargement.of("texture-2x"))
    assert report.passed
    assert {name: one.severity for name, one in broken.items()} == {"enlarged.nothing_invented": Severity.NOTE}


def test_a_frame_that_shows_something_else_is_named(larger, scan):
    larger.large[4] = larger.large[4].copy()
    larger.large[4][20:60, 20:60] += 60
    report, broken = larger.check(scan, Enlargement.of("faithful-2x"))
    assert report.failed_rules == ("enlarged.true_to_the_restoration",)
    (named,) = broken["enlarged.true_to_the_restoration"].frames
    assert (named.frame, named.scan) == (4, FIRST + 4)


def test_frames_that_are_missing_are_refused(larger, scan):
    larger.large.pop()
    report, _ = larger.check(scan, Enlargement.of("faithful-2x"))
    assert {"enlarged.every_frame_measured", "enlarged.decodes", "enlarged.codec"} <= set(report.failed_rules)


def test_another_size_than_asked_for_is_refused(larger, scan):
    report, broken = larger.check(scan, Enlargement.of("faithful-4x"))
    assert {"enlarged.size", "enlarged.decodes", "enlarged.every_frame_measured"} <= set(report.failed_rules)
    assert broken["enlarged.size"].subjects == ("enlarged height", "enlarged width")


def test_a_property_nobody_read_is_refused(larger, scan):
    small, large, copy = (larger.folder / name for name in ("small.mkv", "large.mkv", "large.mp4"))
    larger.check(scan, Enlargement.of("faithful-2x"))
    tables = enlarged_tables(scan, Enlargement.of("faithful-2x"), restored=small, enlarged=large, access=copy)
    facts = tables[Table.ENLARGED_FACTS]
    (found,) = evaluate(
        [one for one in RULES if one.id == "enlarged.every_property_read"],
        {Table.ENLARGED_FACTS: facts[facts.fact != "enlarged width"]},
    )
    assert found.broken
