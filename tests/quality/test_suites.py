"""Every rule of the first set has an example made to break it, and only it names the damage."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.media.picture import frame_md5
from restoration_tasks.quality.enlarged import enlarged_rules
from restoration_tasks.quality.expectations import evaluate
from restoration_tasks.quality.findings import CheckReport, Severity, Status
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.property_rules import FACTS
from restoration_tasks.quality.rules import Table
from restoration_tasks.quality.suites import rules
from restoration_tasks.report.page import GROUPS
from tests.quality import test_copies, test_enlarged, test_faces, test_sound, test_text
from tests.quality.synthetic import FIRST_SCAN_NUMBER, NOTHING_TO_SAY, SHOT_FRAMES, SHOTS, make_reel

FRAMES = SHOT_FRAMES * len(SHOTS)
RULES = rules(policy(), frames=FRAMES, shots=len(SHOTS), files=FRAMES, scan_copy=True)
CLEAN, MASKED, GLOBAL = 2, SHOT_FRAMES + 2, 2 * SHOT_FRAMES + 2
"""One frame of each shot."""


@pytest.fixture
def reel():
    return make_reel()


def check(tables, only=tuple(Table), *, rule_id=None) -> CheckReport:
    """The report of the rules about some tables, or of one rule."""
    wanted = [one for one in RULES if one.table in only and rule_id in (None, one.id)]
    return CheckReport(reel_id="R1", policy_version=policy().version, frames=FRAMES, results=evaluate(wanted, tables))


def rule(report: CheckReport, rule_id: str):
    return next(one for one in report.results if one.id == rule_id)


def spoil(frames: list, number: int, change) -> None:
    plane = frames[number][0].copy()
    change(plane)
    frames[number] = (plane,)


def test_a_sound_restoration_passes(reel):
    report = check(reel.tables())
    assert report.passed
    assert {one.id: one.detail for one in report.results if one.status is not Status.PASSED} == NOTHING_TO_SAY
    assert [one.id for one in report.results] == [one.id for one in RULES]


def test_ids_are_unique_and_sentences_are_plain():
    assert len({one.id for one in RULES}) == len(RULES)
    for one in RULES:
        assert one.sentence[0].isupper()
        assert one.sentence.endswith(".")
        assert "_" not in one.sentence


def one_pixel_outside_the_map(reel):
    spoil(reel.restored, MASKED, lambda plane: plane.__setitem__((0, 0), plane[0, 0] + 1))


def changed_clean_shot(reel):
    spoil(reel.restored, CLEAN, lambda plane: plane.__setitem__((40, 40), plane[40, 40] + 1))


def black_frame(reel):
    spoil(reel.restored, GLOBAL, lambda plane: plane.fill(64))


def frozen_frame(reel):
    reel.restored[GLOBAL] = reel.restored[GLOBAL - 1]


def master_is_not_the_scan(reel):
    reel.recorded[MASKED] = "0" * 32


def repair_over_half_the_frame(reel):
    reel.masks[MASKED][:40] = True
    spoil(reel.restored, MASKED, lambda plane: plane.__setitem__(slice(0, 40), plane[:40] + 1))


def frame_made_bright(reel):
    spoil(reel.restored, GLOBAL, lambda plane: plane.__iadd__(250))


def shot_made_brighter(reel):
    for number in range(2 * SHOT_FRAMES, FRAMES):
        spoil(reel.restored, number, lambda plane: plane.__iadd__(40))


def one_pixel_off_the_tone_curve(reel):
    spoil(reel.restored, GLOBAL, lambda plane: plane.__setitem__((40, 40), plane[40, 40] + 1))


def a_master_changed_after_it_was_put_together(reel):
    reel.assembled = [frame_md5(frame) for frame in reel.restored]
    reel.assembled[GLOBAL] = "0" * 32


def two_frames_swapped(reel):
    reel.restored[MASKED], reel.restored[MASKED + 1] = reel.restored[MASKED + 1], reel.restored[MASKED]


def smoothed(reel):
    spoil(reel.restored, GLOBAL, lambda plane: plane.__setitem__(slice(None), cv2.GaussianBlur(plane, (0, 0), 4)))


def made_noisy(reel):
    noise = np.random.default_rng(3).integers(0, 40, reel.restored[GLOBAL][0].shape, np.uint16)
    spoil(reel.restored, GLOBAL, lambda plane: plane.__iadd__(noise))


def moved_by_half_a_pixel(reel):
    move = np.float32([[1, 0, 0.5], [0, 1, 0]])

    def change(plane):
        plane[:] = cv2.warpAffine(plane, move, plane.shape[::-1], borderMode=cv2.BORDER_REPLICATE)

    spoil(reel.restored, GLOBAL, change)


def blurred_until_shapes_go(reel):
    spoil(reel.restored, GLOBAL, lambda plane: plane.__setitem__(slice(None), cv2.GaussianBlur(plane, (0, 0), 12)))


def lettering_repaired(reel):
    """A letter that stands still three frames long, taken for dirt in the middle one."""
    for number in range(MASKED - 1, MASKED + 2):
        for frames in (reel.scan, reel.restored):
            spoil(frames, number, lambda plane: plane.__setitem__((slice(62, 70), slice(80, 92)), 1000))
    reel.masks[MASKED][62:70, 80:92] = True
    spoil(reel.restored, MASKED, lambda plane: plane.__setitem__((slice(62, 70), slice(80, 92)), 500))
    reel.recorded[MASKED - 1 : MASKED + 2] = [frame_md5(frame) for frame in reel.scan[MASKED - 1 : MASKED + 2]]


def a_stroke_of_a_title_erased(reel):
    """Five letters H that stand still; the right stem of the third is gone in one frame, where a repair may write."""
    for number in range(SHOT_FRAMES, 2 * SHOT_FRAMES):
        for frames in (reel.scan, reel.restored):
            for left in range(6, 76, 14):
                for rows, columns in (((58, 69), (0, 2)), ((58, 69), (6, 8)), ((63, 65), (0, 8))):
                    place = (slice(*rows), slice(left + columns[0], left + columns[1]))
                    spoil(frames, number, lambda plane, place=place: plane.__setitem__(place, 1000))
    reel.masks[MASKED][57:70, 39:44] = True
    spoil(reel.restored, MASKED, lambda plane: plane.__setitem__((slice(57, 70), slice(40, 43)), 400))


def a_change_nobody_recorded(reel):
    reel.changed_px[MASKED] -= 1


def specks_added(reel):
    for number in range(2 * SHOT_FRAMES, FRAMES, 2):
        spoil(reel.restored, number, lambda plane: plane.__setitem__((slice(10, 40), slice(10, 40)), 1000))


def flicker_made_stronger(reel):
    for number in range(2 * SHOT_FRAMES, FRAMES):
        swing = 90 if number % 2 else -90
        spoil(reel.restored, number, lambda plane, swing=swing: plane.__iadd__(np.uint16(swing % 65536)))


def sparks_eaten(reel):
    """Sparks that drift two pixels a frame, all repaired as if they were dirt."""
    for step, number in enumerate(range(SHOT_FRAMES, 2 * SHOT_FRAMES)):
        mask = np.zeros_like(reel.masks[number])
        for top in range(6, 66, 14):
            for left in range(4, 76, 14):
                mask[top : top + 2, left + 2 * step : left + 2 * step + 2] = True
        reel.restored[number] = (np.where(reel.masks[number], reel.restored[number][0], reel.scan[number][0]),)
        spoil(reel.scan, number, lambda plane, mask=mask: plane.__setitem__(mask, 1000))
        reel.masks[number] |= mask


def rain_taken_for_dirt(reel):
    """Strokes that all lean one way, elsewhere in each frame, all repaired as if they were dirt."""
    chance = np.random.default_rng(5)
    for number in range(SHOT_FRAMES, 2 * SHOT_FRAMES):
        drops = np.zeros(reel.masks[number].shape, np.uint8)
        for left, top in chance.integers((4, 2), (drops.shape[1] - 6, drops.shape[0] - 14), (12, 2)).tolist():
            cv2.line(drops, (left, top), (left + 2, top + 11), 1)
        mask = drops > 0
        reel.restored[number] = (np.where(reel.masks[number], reel.restored[number][0], reel.scan[number][0]),)
        spoil(reel.scan, number, lambda plane, mask=mask: plane.__setitem__(mask, 1000))
        reel.masks[number] |= mask


DAMAGES = [
    (one_pixel_outside_the_map, "fidelity.only_damage_changed", MASKED),
    (one_pixel_off_the_tone_curve, "fidelity.only_brightness_changed", GLOBAL),
    (a_master_changed_after_it_was_put_together, "integrity.restored_as_assembled", GLOBAL),
    (two_frames_swapped, "integrity.frames_in_order", (MASKED, MASKED + 1)),
    (smoothed, "fidelity.sharpness_kept", GLOBAL),
    (made_noisy, "fidelity.grain_kept", GLOBAL),
    (moved_by_half_a_pixel, "fidelity.picture_in_place", GLOBAL),
    (blurred_until_shapes_go, "fidelity.structure_kept", GLOBAL),
    (lettering_repaired, "fidelity.nothing_lasting_repaired", MASKED),
    (a_stroke_of_a_title_erased, "fidelity.lettering_kept", MASKED),
    (a_change_nobody_recorded, "integrity.changes_as_recorded", MASKED),
    (changed_clean_shot, "fidelity.untouched_is_identical", CLEAN),
    (black_frame, "integrity.no_new_black_frame", GLOBAL),
    (frozen_frame, "integrity.no_new_frozen_frame", GLOBAL),
    (master_is_not_the_scan, "integrity.master_is_the_scan", MASKED),
    (repair_over_half_the_frame, "fidelity.repairs_stay_local", MASKED),
    (frame_made_bright, "fidelity.frame_brightness_bounded", GLOBAL),
    (shot_made_brighter, "fidelity.shot_brightness_kept", "s003"),
    (specks_added, "benefit.no_more_dirt", "s003"),
    (flicker_made_stronger, "benefit.no_more_flicker", "s003"),
    (sparks_eaten, "fidelity.highlights_kept", "s002"),
    (rain_taken_for_dirt, "fidelity.rain_kept", "s002"),
]


@pytest.mark.parametrize(("damage", "rule_id", "where"), DAMAGES)
def test_damage_is_caught_by_its_rule_and_named(reel, damage, rule_id, where):
    damage(reel)
    report = check(reel.tables(), rule_id=rule_id)
    found = rule(report, rule_id)
    assert rule_id in (*report.failed_rules, *report.warned_rules)
    assert found.status is Status.FAILED
    if not isinstance(where, str):
        frames = where if isinstance(where, tuple) else (where,)
        assert [(one.frame, one.scan) for one in found.frames] == [(one, FIRST_SCAN_NUMBER + one) for one in frames]
        assert f"{frames[0]} (scan {FIRST_SCAN_NUMBER + frames[0]})" in found.detail
    else:
        assert found.subjects == (where,)


def test_one_pixel_breaks_nothing_but_its_own_rule(reel):
    one_pixel_outside_the_map(reel)
    reel.changed_px[MASKED] += 1
    assert check(reel.tables(), (Table.FRAMES, Table.SHOTS)).failed_rules == ("fidelity.only_damage_changed",)


def test_a_dropped_frame_is_missed(reel):
    reel.restored.pop()
    report = check(reel.tables(), (Table.FRAMES,))
    assert "integrity.every_frame_measured" in report.failed_rules
    assert "17" in rule(report, "integrity.every_frame_measured").detail


def test_a_wrong_property_is_named_by_its_rule(reel):
    tables = reel.tables()
    table = tables[Table.FACTS]
    first = {rule_id: facts[0] for rule_id, (_, facts) in FACTS.items()}
    table.loc[table.fact.isin(first.values()), "found"] = "something else"
    report = check(tables, (Table.FACTS,))
    assert set(report.failed_rules) == set(first)
    for rule_id, fact in first.items():
        assert rule(report, rule_id).subjects == (fact,)
        assert "something else" in rule(report, rule_id).detail


def test_a_property_nobody_read_refuses(reel):
    tables = reel.tables()
    tables[Table.FACTS] = tables[Table.FACTS].query("fact != 'width'")
    assert check(tables, (Table.FACTS,)).failed_rules == ("integrity.every_property_read",)


@pytest.mark.parametrize("found", ["cd" * 32, None])
def test_a_flipped_or_vanished_source_file_is_named(reel, found):
    tables = reel.tables()
    tables[Table.FILES].loc[4, "found"] = found
    report = check(tables, (Table.FILES,))
    assert report.failed_rules == ("integrity.scan_unchanged",)
    assert rule(report, "integrity.scan_unchanged").subjects == ("scan/000004.dpx",)


def test_empty_tables_refuse(reel):
    report = check({name: table.iloc[:0] for name, table in reel.tables().items()})
    assert not report.passed
    assert {one.id for one in report.results if one.status is Status.PASSED} == set()


def test_all_null_tables_refuse(reel):
    report = check({name: table.astype(object).mask(table.notna(), None) for name, table in reel.tables().items()})
    assert not report.passed
    assert {one.id for one in report.results if one.status is Status.PASSED} == set()


def test_one_missing_figure_refuses(reel):
    tables = reel.tables()
    tables[Table.FRAMES] = tables[Table.FRAMES].astype({"outside_px": float})
    tables[Table.FRAMES].loc[MASKED, "outside_px"] = None
    report = check(tables, (Table.FRAMES,))
    assert "fidelity.only_damage_changed" in report.failed_rules
    assert [one.frame for one in rule(report, "fidelity.only_damage_changed").frames] == [MASKED]


@pytest.mark.parametrize("how", ["missing column", "text for numbers", "missing table"])
def test_a_rule_that_crashed_is_told_from_one_that_failed_and_refuses(reel, how):
    tables = reel.tables()
    if how == "missing column":
        tables[Table.FRAMES] = tables[Table.FRAMES].drop(columns="changed_share")
    elif how == "text for numbers":
        tables[Table.FRAMES] = tables[Table.FRAMES].astype({"changed_share": str})
    else:
        del tables[Table.FRAMES]
    report = check(tables, (Table.FRAMES,))
    found = rule(report, "fidelity.repairs_stay_local")
    assert not report.passed
    assert found.status is Status.CRASHED
    assert "could not be checked" in found.detail
    assert "fidelity.repairs_stay_local" in report.failed_rules


def test_nothing_evaluated_is_not_passed():
    assert not CheckReport(reel_id="R1", policy_version="1", frames=0, results=()).passed


def test_a_reel_without_masked_shots_has_no_use_for_their_rules(reel):
    keep = slice(0, SHOT_FRAMES)
    for name in ("scan", "restored", "masks", "shots", "recorded", "changed_px"):
        setattr(reel, name, getattr(reel, name)[keep])
    wanted = rules(policy(), frames=SHOT_FRAMES, shots=1, files=SHOT_FRAMES, scan_copy=True)
    report = CheckReport(
        reel_id="R1",
        policy_version="1",
        frames=SHOT_FRAMES,
        results=evaluate(wanted, reel.tables()),
    )
    assert report.passed
    assert rule(report, "fidelity.only_damage_changed").status is Status.NOT_APPLICABLE
    assert rule(report, "fidelity.untouched_is_identical").status is Status.PASSED


def test_invented_detail_is_noted_and_does_not_refuse(reel):
    tables = reel.tables()
    tables[Table.SHOTS].loc[2, "treatment"] = "generative"
    report = check(tables, (Table.SHOTS,))
    assert rule(report, "fidelity.nothing_invented").status is Status.FAILED
    assert rule(report, "fidelity.nothing_invented").severity is Severity.NOTE
    assert "fidelity.nothing_invented" in report.warned_rules
    assert report.passed


def test_every_threshold_says_why_and_from_where():
    for name, threshold in policy().thresholds.items():
        assert threshold.why, name
        assert threshold.source, name
        assert threshold.unit, name


def test_the_report_survives_json(reel):
    report = check(reel.tables())
    text = report.model_dump_json()
    assert '"passed":true' in text
    assert CheckReport.model_validate_json(text) == report


FIGURES = {
    "fidelity.brightness_as_planned": (Table.FRAMES, GLOBAL, {"treatment": "tonal", "off_plan_px": 3}),
    "fidelity.light_as_planned": (Table.FRAMES, GLOBAL, {"treatment": "light", "off_plan_px": 3}),
    "fidelity.colours_as_planned": (Table.FRAMES, GLOBAL, {"treatment": "colour", "off_plan_px": 3}),
    "fidelity.moved_as_planned": (Table.FRAMES, GLOBAL, {"treatment": "moved", "off_plan_px": 3}),
    "fidelity.no_more_than_grain_taken": (Table.FRAMES, GLOBAL, {"treatment": "global", "off_plan_px": 2}),
    "fidelity.colours_kept": (Table.FRAMES, GLOBAL, {"colour_drift": 0.02}),
    "benefit.no_more_fade": (Table.SHOTS, 2, {"treatment": "colour", "fade_after": 31.0, "fade_allowed": 30.0}),
    "benefit.no_more_weave": (Table.SHOTS, 2, {"treatment": "moved", "weave_after": 1.2, "weave_allowed": 1.1}),
    "copies.mezzanine_shows_the_master": (Table.COPIES, GLOBAL, {"luma_db": 30.0}),
    "copies.access_shows_the_master": (Table.COPIES, FRAMES + GLOBAL, {"tones_db": 40.0}),
    "copies.scan_access_shows_the_scan": (Table.COPIES, 2 * FRAMES + GLOBAL, {"luma_db": 25.0}),
    "copies.frames_in_order": (Table.COPIES, GLOBAL, {"out_of_order": True}),
    "copies.signal_range": (Table.COPIES, GLOBAL, {"y_low": 9.0}),
}
"""A figure that breaks a rule, where real frames are made to have it in `test_measure` and `test_copies`."""


@pytest.mark.parametrize("rule_id", FIGURES)
def test_a_figure_beyond_its_limit_is_caught_by_its_rule_alone_and_named(reel, rule_id):
    where, row, figures = FIGURES[rule_id]
    tables = reel.tables()
    for column, value in figures.items():
        tables[where].loc[row, column] = value
    report = check(tables, (where,))
    assert (*report.failed_rules, *report.warned_rules) == (rule_id,)
    if where is Table.SHOTS:
        assert rule(report, rule_id).subjects == ("s003",)
    else:
        assert [one.frame for one in rule(report, rule_id).frames] == [GLOBAL]


def test_a_shot_nobody_measured_is_missed(reel):
    tables = reel.tables()
    tables[Table.SHOTS] = tables[Table.SHOTS].iloc[:2]
    assert check(tables, rule_id="integrity.every_shot_measured").failed_rules == ("integrity.every_shot_measured",)


def test_the_worst_frame_is_named(reel):
    tables = reel.tables()
    tables[Table.FRAMES].loc[[MASKED, GLOBAL], "place_off_px"] = [0.3, 0.9]
    detail = rule(check(tables, rule_id="fidelity.picture_in_place"), "fidelity.picture_in_place").detail
    assert f"Worst: {GLOBAL} (scan {FIRST_SCAN_NUMBER + GLOBAL}): place off px 0.9" in detail


BROKEN_ELSEWHERE = {
    "integrity.every_frame_measured": test_a_dropped_frame_is_missed,
    "integrity.every_property_read": test_a_property_nobody_read_refuses,
    "integrity.every_shot_measured": test_a_shot_nobody_measured_is_missed,
    "integrity.scan_unchanged": test_a_flipped_or_vanished_source_file_is_named,
    "fidelity.nothing_invented": test_invented_detail_is_noted_and_does_not_refuse,
    "fidelity.faces_in_place": test_faces.test_a_moved_face_is_refused_by_its_rule_and_the_frame_named,
    "fidelity.faces_kept": test_faces.test_a_moved_face_is_refused_by_its_rule_and_the_frame_named,
    "fidelity.text_untouched": test_text.test_one_pixel_of_text_refuses_a_reel_and_the_frame_is_named,
    "copies.every_frame_compared": test_copies.test_a_short_or_broken_copy_leaves_frames_uncompared,
    "sound.every_track_heard": test_sound.test_a_track_nobody_compared_is_missed,
    "sound.samples_kept": test_sound.test_samples_that_are_not_the_scans_are_caught,
    "sound.mezzanine_has_the_samples": test_sound.test_samples_that_are_not_the_scans_are_caught,
    "sound.access_is_the_sound": test_sound.test_sound_of_the_access_copy_that_is_not_the_scans_is_caught,
    "sound.access_in_step": test_sound.test_sound_of_the_access_copy_that_is_not_the_scans_is_caught,
    "sound.access_as_loud": test_sound.test_sound_of_the_access_copy_that_is_not_the_scans_is_caught,
    "sound.as_long_as_the_picture": test_sound.test_sound_of_another_length_than_the_picture_is_told,
    "enlarged.every_frame_measured": test_enlarged.test_frames_that_are_missing_are_refused,
    "enlarged.true_to_the_restoration": test_enlarged.test_a_frame_that_shows_something_else_is_named,
    "enlarged.decodes": test_enlarged.test_frames_that_are_missing_are_refused,
    "enlarged.size": test_enlarged.test_another_size_than_asked_for_is_refused,
    "enlarged.codec": test_enlarged.test_frames_that_are_missing_are_refused,
    "enlarged.every_property_read": test_enlarged.test_a_property_nobody_read_is_refused,
    "enlarged.nothing_invented": test_enlarged.test_a_sound_one_passes_and_is_marked_where_it_holds_invented_detail,
}
"""Rules whose example is a test of its own."""


def test_every_rule_has_an_example_made_to_break_it():
    every = {one.id for one in (*RULES, *enlarged_rules(policy(), frames=1))}
    shown = {rule_id for _, rule_id, _ in DAMAGES} | set(FACTS) | set(FIGURES) | set(BROKEN_ELSEWHERE)
    assert every - shown == set()
    assert shown - every == set()


def test_every_rule_stands_in_a_group_of_the_report():
    assert {one.id.partition(".")[0] for one in RULES} <= set(GROUPS)
