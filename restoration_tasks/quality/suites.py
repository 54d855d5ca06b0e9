"""The first rule set: integrity (nothing lost), fidelity (only damage touched), benefit (no worse than the scan)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from restoration_tasks.quality.copies import copy_rules
from restoration_tasks.quality.faces import NOT_LOOKED
from restoration_tasks.quality.findings import Severity
from restoration_tasks.quality.measure import Treatment
from restoration_tasks.quality.picture_rules import picture_rules
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.property_rules import property_rules
from restoration_tasks.quality.rules import Expectation, Kind, Rule, Scope, Table
from restoration_tasks.quality.sound import sound_rules

FRAME_COLUMNS: Final = (
    "frame",
    "scan_number",
    "shot",
    "treatment",
    "recorded_md5",
    "master_md5",
    "assembled_md5",
    "restored_md5",
    "changed_px",
    "recorded_px",
    "outside_px",
    "off_curve_px",
    "off_plan_px",
    "changed_share",
    "brightness_before",
    "brightness_planned",
    "brightness_after",
    "brightness_drift",
    "black_added",
    "frozen_added",
    "out_of_order",
    "place_off_px",
    "structure",
    "grain_ratio",
    "grain_least",
    "sharpness_ratio",
    "colour_drift",
    "lasting_share",
    "face_shift",
    "face_structure",
    "lettering_lost",
    "text",
    "text_changed_px",
)
"""Columns of the table of frames that must hold a value in every row."""

UNTOUCHED: Final = Scope("treatment", (Treatment.UNTOUCHED,))
MASKED: Final = Scope("treatment", (Treatment.MASKED,))
LOCAL: Final = Scope("treatment", (Treatment.MASKED, Treatment.REBUILT))
TONAL: Final = Scope("treatment", (Treatment.TONAL,))
LIT: Final = Scope("treatment", (Treatment.LIGHT,))
COLOUR: Final = Scope("treatment", (Treatment.COLOUR,))
MOVED: Final = Scope("treatment", (Treatment.MOVED,))
LESSENED: Final = Scope("treatment", (Treatment.GLOBAL,))
GLOBAL: Final = Scope(
    "treatment", (Treatment.TONAL, Treatment.LIGHT, Treatment.COLOUR, Treatment.MOVED, Treatment.GLOBAL)
)
TREATED: Final = Scope("treatment", tuple(kind for kind in Treatment if kind is not Treatment.UNTOUCHED))
NOT_INVENTED: Final = tuple(kind for kind in Treatment if kind is not Treatment.GENERATIVE)


def rules(
    policy: Policy,
    *,
    frames: int,
    shots: int,
    files: int,
    tracks: int = 0,
    no_faces: str = NOT_LOOKED,
    scan_copy: bool = False,
) -> tuple[Rule, ...]:
    """Every rule a restored reel must meet.

    Args:
        policy: the thresholds.
        frames: how many frames the scan has; the table of frames must have as many rows.
        shots: how many shots were found.
        files: how many files were delivered.
        tracks: how many sound tracks the preservation master has.
        no_faces: why nothing can be said of faces; empty where it can (`faces.why_idle`).
        scan_copy: whether a frame changed, so that there must be an access copy of the scan.
    """
    return (
        *_measured(frames, shots),
        *property_rules(scan_copy=scan_copy),
        *_source(files),
        *_whole_picture(),
        *_fidelity(policy),
        *picture_rules(policy, no_faces),
        *copy_rules(policy, frames=frames, scan_copy=scan_copy),
        *sound_rules(policy, tracks=tracks),
        *_benefit(),
    )


def _measured(frames: int, shots: int) -> Sequence[Rule]:
    """Without these an empty or half-measured table would pass everything else."""
    complete = tuple(Expectation(Kind.NOT_NULL, {"column": column}) for column in FRAME_COLUMNS)
    return (
        Rule(
            "integrity.every_frame_measured",
            Table.FRAMES,
            Severity.FAIL,
            "Every frame of the scan was compared with its restored frame, once.",
            (
                Expectation(Kind.ROW_COUNT, {"value": frames}),
                Expectation(Kind.UNIQUE, {"column": "frame"}),
                *complete,
            ),
        ),
        Rule(
            "integrity.every_shot_measured",
            Table.SHOTS,
            Severity.FAIL,
            "Every shot was measured, once.",
            (Expectation(Kind.ROW_COUNT, {"value": shots}), Expectation(Kind.UNIQUE, {"column": "shot"})),
        ),
    )


def _source(files: int) -> Sequence[Rule]:
    return (
        Rule(
            "integrity.scan_unchanged",
            Table.FILES,
            Severity.FAIL,
            "Every delivered file still has the digest it was delivered with.",
            (
                Expectation(Kind.ROW_COUNT, {"value": files}),
                Expectation(Kind.PAIR_EQUAL, {"column_A": "expected", "column_B": "found"}),
            ),
        ),
        Rule(
            "integrity.master_is_the_scan",
            Table.FRAMES,
            Severity.FAIL,
            "Every frame of the preservation master is, bit by bit, the frame that was scanned.",
            (Expectation(Kind.PAIR_EQUAL, {"column_A": "recorded_md5", "column_B": "master_md5"}),),
        ),
        Rule(
            "integrity.restored_as_assembled",
            Table.FRAMES,
            Severity.FAIL,
            "Every frame of the restored master is, bit by bit, the frame that was put there.",
            (Expectation(Kind.PAIR_EQUAL, {"column_A": "assembled_md5", "column_B": "restored_md5"}),),
        ),
        Rule(
            "integrity.changes_as_recorded",
            Table.FRAMES,
            Severity.FAIL,
            "Every frame was changed in as many pixels as the restoration itself put on record.",
            (Expectation(Kind.PAIR_EQUAL, {"column_A": "recorded_px", "column_B": "changed_px"}),),
        ),
    )


def _whole_picture() -> Sequence[Rule]:
    return (
        Rule(
            "integrity.no_new_black_frame",
            Table.FRAMES,
            Severity.FAIL,
            "No frame is black that is not black in the scan.",
            (Expectation(Kind.IN_SET, {"column": "black_added", "value_set": [False]}),),
        ),
        Rule(
            "integrity.no_new_frozen_frame",
            Table.FRAMES,
            Severity.FAIL,
            "No frame repeats the one before it where the scan moves.",
            (Expectation(Kind.IN_SET, {"column": "frozen_added", "value_set": [False]}),),
        ),
        Rule(
            "integrity.frames_in_order",
            Table.FRAMES,
            Severity.FAIL,
            "No frame shows what the scan shows one frame earlier or later.",
            (Expectation(Kind.IN_SET, {"column": "out_of_order", "value_set": [False]}),),
        ),
    )


def _fidelity(policy: Policy) -> Sequence[Rule]:
    drift = policy.limit("global_shot_drift_max")
    return (
        Rule(
            "fidelity.untouched_is_identical",
            Table.FRAMES,
            Severity.FAIL,
            "Shots without a treatment are bit-identical to the scan.",
            (Expectation(Kind.BETWEEN, {"column": "changed_px", "min_value": 0, "max_value": 0}),),
            scope=UNTOUCHED,
            optional=True,
        ),
        Rule(
            "fidelity.only_damage_changed",
            Table.FRAMES,
            Severity.FAIL,
            "Where only local damage was repaired, not one pixel outside the damage map, or the plan's outlines of "
            "stains, tears, wires and faces, changed.",
            (Expectation(Kind.BETWEEN, {"column": "outside_px", "min_value": 0, "max_value": 0}),),
            scope=LOCAL,
            optional=True,
        ),
        Rule(
            "fidelity.only_brightness_changed",
            Table.FRAMES,
            Severity.FAIL,
            "Where brightness was evened out, every pixel outside the damage map followed its frame's one curve.",
            (Expectation(Kind.BETWEEN, {"column": "off_curve_px", "min_value": 0, "max_value": 0}),),
            scope=TONAL,
            optional=True,
        ),
        _as_planned(
            "fidelity.brightness_as_planned",
            "Where brightness was evened out, every pixel outside the damage map is what the plan's numbers make of "
            "the scan's.",
            TONAL,
        ),
        _as_planned(
            "fidelity.light_as_planned",
            "Where light was evened out, every pixel outside the damage map is what the plan's numbers make of the "
            "scan's.",
            LIT,
        ),
        _as_planned(
            "fidelity.colours_as_planned",
            "Where faded colours were brought back, every pixel outside the damage map is what the plan's numbers make "
            "of the scan's.",
            COLOUR,
        ),
        _as_planned(
            "fidelity.moved_as_planned",
            "Where the picture was steadied, every pixel outside the damage map, moved along, is what the plan's "
            "numbers make of the scan's.",
            MOVED,
        ),
        _as_planned(
            "fidelity.no_more_than_grain_taken",
            "Where grain was lessened, no pixel outside the damage map changed by more than grain can be.",
            LESSENED,
        ),
        Rule(
            "fidelity.repairs_stay_local",
            Table.FRAMES,
            Severity.FAIL,
            "Repairs of dirt, hairs and scratches changed only a small part of any frame.",
            (
                Expectation(
                    Kind.BETWEEN,
                    {"column": "changed_share", "min_value": 0, "max_value": policy.limit("masked_share_max")},
                ),
            ),
            scope=MASKED,
            optional=True,
        ),
        Rule(
            "fidelity.frame_brightness_bounded",
            Table.FRAMES,
            Severity.FAIL,
            "No frame was made much brighter or darker than it was scanned, faded colours brought back.",
            (
                Expectation(
                    Kind.BETWEEN,
                    {"column": "brightness_drift", "min_value": 0, "max_value": policy.limit("global_frame_drift_max")},
                ),
            ),
            scope=GLOBAL,
            optional=True,
        ),
        Rule(
            "fidelity.shot_brightness_kept",
            Table.SHOTS,
            Severity.FAIL,
            "Each shot as a whole is as bright as it was scanned, faded colours brought back.",
            (Expectation(Kind.BETWEEN, {"column": "brightness_drift", "min_value": 0, "max_value": drift}),),
            scope=GLOBAL,
            optional=True,
        ),
        Rule(
            "fidelity.nothing_invented",
            Table.SHOTS,
            Severity.NOTE,
            "No shot holds picture detail invented by a model.",
            (Expectation(Kind.IN_SET, {"column": "treatment", "value_set": [kind.value for kind in NOT_INVENTED]}),),
        ),
    )


def _as_planned(rule: str, sentence: str, scope: Scope) -> Rule:
    """No pixel outside the damage map may differ from what the plan's numbers tell of it."""
    expectation = Expectation(Kind.BETWEEN, {"column": "off_plan_px", "min_value": 0, "max_value": 0})
    return Rule(rule, Table.FRAMES, Severity.FAIL, sentence, (expectation,), scope=scope, optional=True)


def _no_worse(rule: str, sentence: str, figure: str) -> Rule:
    """A figure of treated shots may be no worse than is allowed beside the scan's."""
    pair = {"column_A": f"{figure}_allowed", "column_B": f"{figure}_after", "or_equal": True}
    expectation = Expectation(Kind.PAIR_AT_LEAST, pair)
    return Rule(rule, Table.SHOTS, Severity.FAIL, sentence, (expectation,), scope=TREATED, optional=True)


def _benefit() -> Sequence[Rule]:
    return (
        _no_worse("benefit.no_more_dirt", "No treated shot shows more specks than the scan.", "spikes"),
        _no_worse("benefit.no_more_flicker", "No treated shot flickers more than the scan.", "flicker"),
        _no_worse(
            "benefit.no_more_fade", "No shot whose colours were brought back looks more faded than the scan.", "fade"
        ),
        _no_worse("benefit.no_more_weave", "No shot that was steadied trembles more than the scan.", "weave"),
    )
