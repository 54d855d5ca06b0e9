"""The report: whole in one file, safe with hostile text, the same bytes each time, readable without pictures."""

from __future__ import annotations

import re

import numpy as np
import pytest

from restoration_tasks.media.delivery.scan import Scan, ScannedFile, ScannedPicture
from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.quality.findings import CheckReport, RuleResult, Severity, Status
from restoration_tasks.quality.rules import Table
from restoration_tasks.report.charts import POINTS_MAX, binned
from restoration_tasks.report.page import ReportedFile, render
from restoration_tasks.report.stills import SHOWN_SHOTS, StillPicker
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.regions import Region
from tests.quality.synthetic import FIRST_SCAN_NUMBER, PICTURE, SHOT_FRAMES, make_reel

HOSTILE = "<script>alert(1)</script>"


def scan(frames: int) -> Scan:
    files = tuple(
        ScannedFile(name=f"{n}.dpx", number=FIRST_SCAN_NUMBER + n, bytes=1, md5="0" * 32, sha256="0" * 64)
        for n in range(frames)
    )
    picture = ScannedPicture(
        kind="dpx",
        width=96,
        height=72,
        bit_depth=10,
        pix_fmt="gray10le",
        fps="24000/1001",
        transfer="bt709",
        primaries="bt709",
    )
    return Scan(
        delivery=f"reel {HOSTILE}",
        manifest=None,
        manifest_algorithm=None,
        picture=picture,
        header=None,
        strays=(),
        files=files,
    )


@pytest.fixture(scope="module")
def measured():
    reel = make_reel()
    tables = reel.tables()
    picker = StillPicker(PICTURE)
    rows = tables[Table.FRAMES].to_dict("records")
    from restoration_tasks.quality.measure import Measured

    for row, before, after, mask in zip(rows, reel.scan, reel.restored, reel.masks, strict=True):
        picker.offer(Measured(**row), before, after, (mask * 255).astype(np.uint8))
    return tables, picker.chosen()


def page(measured, *, results=None, why="specks in every frame", stills=None) -> str:
    tables, pictures = measured
    frames = len(tables[Table.FRAMES])
    results = results or (
        RuleResult(id="integrity.size", severity=Severity.FAIL, status=Status.PASSED, sentence="The size is kept."),
    )
    plan = Plan(
        reel_id="R1",
        author=HOSTILE,
        shots=(
            PlannedShot(shot=1, start=0, stop=SHOT_FRAMES),
            PlannedShot(
                shot=2,
                start=SHOT_FRAMES,
                stop=2 * SHOT_FRAMES,
                treatments=(PlannedTreatment(name="dirt", why=why),),
                regions=(Region(action="protect", frames=(1, 2), polygon=((0, 0), (9, 0), (9, 9)), why=why),),
            ),
            PlannedShot(
                shot=3,
                start=2 * SHOT_FRAMES,
                stop=3 * SHOT_FRAMES,
                treatments=(PlannedTreatment(name="dirt", why=why),),
            ),
        ),
    )
    pieces = render(
        check=CheckReport(reel_id="R1", policy_version="1", frames=frames, results=results),
        scan=scan(frames or 18),
        plan=plan,
        frames=tables[Table.FRAMES],
        shots=tables[Table.SHOTS],
        stills=pictures if stills is None else stills,
        files=[ReportedFile("master", f"master{HOSTILE}.mkv", 1_500_000, "ab" * 32)],
        repaired={"s002": {Defect.DIRT: 0.0123, Defect.SCRATCH: 0.004}},
    )
    return "".join(pieces)


def test_what_was_repaired_is_said_by_kind_and_what_was_drawn_as_well(measured):
    text = page(measured, why="a face")
    assert re.search(r"Dirt repaired</th><td></td><td>1.23 %", text)
    assert re.search(r"Scratches repaired</th><td></td><td>0.40 %", text)
    assert "Hairs repaired" not in text
    assert "Protected by hand, frames 1–2 of the shot: a face" in text


def test_the_page_is_one_file_that_loads_nothing_and_repeats(measured):
    text = page(measured)
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:|#)""", text)
    assert "http://" not in text
    assert "https://" not in text
    assert "@import" not in text
    assert text == page(measured)
    assert "default-src 'none'" in text


def test_hostile_text_stays_text(measured):
    results = (
        RuleResult(
            id="integrity.size", severity=Severity.FAIL, status=Status.FAILED, sentence=HOSTILE, detail=HOSTILE, count=1
        ),
    )
    text = page(measured, results=results, why=f"{HOSTILE}</script><img src=x onerror=alert(1)>")
    assert HOSTILE not in text
    assert "<img src=x" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 5
    assert text.count("<script") == 2  # the measurements and our own script


def test_a_refusal_is_said_first_with_its_reason(measured):
    results = (
        RuleResult(
            id="fidelity.only_damage_changed",
            severity=Severity.FAIL,
            status=Status.FAILED,
            sentence="Only damage changed.",
            detail="1 frame: 8 (scan 86408)",
        ),
        RuleResult(
            id="benefit.no_more_dirt",
            severity=Severity.FAIL,
            status=Status.CRASHED,
            sentence="No more dirt.",
            detail="could not be checked: no table",
        ),
    )
    text = page(measured, results=results)
    assert "was refused: 2 of 2 checks" in text
    assert "passed every check" not in text
    assert text.index("8 (scan 86408)") < text.index("The reel, shot by shot")
    assert "This could not be checked: no table" in text


def test_a_shot_is_called_untouched_only_if_it_is(measured):
    tables, stills = measured
    shots = tables[Table.SHOTS].copy()
    assert "left as scanned" in page(measured)
    shots.loc[shots.shot == "s001", "changed_share"] = 0.25
    text = page((tables | {Table.SHOTS: shots}, stills))
    assert "left as scanned" not in text
    assert "these frames are not the scan" in text


def test_every_picture_has_a_text_and_every_treated_shot_its_stills(measured):
    text = page(measured)
    pictures = re.findall(r"<img[^>]*>", text)
    assert len(pictures) == 3 + 2 * 5  # a thumbnail a shot; before, after, map and two details for each changed shot
    assert all(re.search(r'alt="[^"]+"', picture) for picture in pictures)
    assert all('src="data:image/jpeg;base64,' in picture for picture in pictures)
    assert "these frames are the scan, bit by bit" in text


def test_a_reel_without_a_single_measured_frame_still_has_a_page(measured):
    tables, _ = measured
    empty = {name: table.iloc[:0] for name, table in tables.items()}
    results = (
        RuleResult(id="integrity.decodes", severity=Severity.FAIL, status=Status.FAILED, sentence="It can be read."),
    )
    assert "was refused" in page((empty, ()), results=results)


def test_the_still_shown_is_the_most_damaged_frame(measured):
    tables, stills = measured
    shown = {still.shot: still for still in stills}
    frames = tables[Table.FRAMES]
    worst = frames[frames.shot == "s002"].mapped_share.max()
    assert frames.set_index("frame").mapped_share[shown["s002"].frame] == worst
    assert not shown["s001"].has_pictures
    assert shown["s002"].has_pictures


def test_only_the_most_changed_shots_keep_their_stills():
    from restoration_tasks.quality.measure import Measured

    tables = make_reel().tables()
    row = tables[Table.FRAMES].to_dict("records")[SHOT_FRAMES]
    picker = StillPicker(PICTURE)
    frame, found = (np.full((72, 96), 500, np.uint16),), np.zeros((72, 96), np.uint8)
    for number in range(SHOWN_SHOTS + 3):
        shot = Measured(**(row | {"shot": f"s{number:03d}", "mapped_share": number / 100}))
        picker.offer(shot, frame, frame, found)
    kept = [still.has_pictures for still in picker.chosen()]
    assert kept == [False] * 3 + [True] * SHOWN_SHOTS
    assert all(still.thumbnail for still in picker.chosen())


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "gbrp10le", "yuv420p", "yuv422p10le"])
def test_stills_of_every_kind_of_picture(pix_fmt):
    from restoration_tasks.quality.measure import Measured

    fmt = PictureFormat(width=101, height=53, pix_fmt=pix_fmt)
    row = make_reel().tables()[Table.FRAMES].to_dict("records")[SHOT_FRAMES]
    picker = StillPicker(fmt)
    frame = tuple(np.full(shape, 100, fmt.dtype) for shape in fmt.plane_shapes)
    picker.offer(Measured(**row), frame, frame, np.zeros((53, 101), np.uint8))
    (still,) = picker.chosen()
    assert still.before == still.after


def test_log_scans_are_shown_as_prints():
    from restoration_tasks.report.stills import _view_table

    table = _view_table(PictureFormat(width=8, height=8, pix_fmt="gbrp10le", transfer=PRINTING_DENSITY))
    assert table[95] == 0
    assert table[685] == 255
    assert 0 < table[445] < 255


def test_a_long_reel_has_a_page_of_bounded_size():
    values = list(np.random.default_rng(1).uniform(0, 1, 200_000))
    values[123_456] = 9.0
    shown = binned(values, max)
    assert len(shown) == POINTS_MAX
    assert max(shown) == 9.0
