"""Rules about the picture as people see it: where it lies, its structure, grain, edges and colours, and what shines.

They hold whatever the plan says: where it allows every pixel to change, and inside the damage maps.
"""

from __future__ import annotations

from restoration_tasks.quality.findings import Severity
from restoration_tasks.quality.measure import HELD_TEXT
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.rules import Expectation, Kind, Rule, Scope, Table


def picture_rules(policy: Policy, no_faces: str) -> tuple[Rule, ...]:
    """What the restored picture must keep of the scan's, or of what the plan's numbers make of it.

    Args:
        policy: the thresholds.
        no_faces: why nothing can be said of faces; empty where it can.
    """

    def limits(column: str, low: float, high: float) -> Expectation:
        return Expectation(Kind.BETWEEN, {"column": column, "min_value": low, "max_value": high})

    return (
        _rule(
            "fidelity.picture_in_place",
            "Every picture lies where it was scanned, or where the plan puts it.",
            limits("place_off_px", 0, policy.limit("place_off_max")),
        ),
        _rule(
            "fidelity.structure_kept",
            "Every picture shows the shapes it was scanned with.",
            limits("structure", policy.limit("structure_min"), 1.0001),
        ),
        _rule(
            "fidelity.sharpness_kept",
            "No picture is softer than it was scanned, and none is sharpened.",
            limits("sharpness_ratio", policy.limit("sharpness_ratio_min"), policy.limit("sharpness_ratio_max")),
        ),
        _rule(
            "fidelity.grain_kept",
            "No picture has less grain than was asked for, or more than it was scanned with.",
            Expectation(Kind.PAIR_AT_LEAST, {"column_A": "grain_ratio", "column_B": "grain_least", "or_equal": True}),
            limits("grain_ratio", 0, policy.limit("grain_ratio_max")),
        ),
        _rule(
            "fidelity.colours_kept",
            "No picture has another cast than it was scanned with, or the plan gives it.",
            limits("colour_drift", 0, policy.limit("colour_drift_max")),
        ),
        _rule(
            "fidelity.faces_in_place",
            "Every face is where it was scanned, or where the plan puts it: eyes, nose and mouth lie where they lay.",
            limits("face_shift", 0, policy.limit("face_shift_max")),
            idle=no_faces,
        ),
        _rule(
            "fidelity.faces_kept",
            "Every face looks as it was scanned.",
            limits("face_structure", policy.limit("face_structure_min"), 1.0001),
            idle=no_faces,
        ),
        _rule(
            "fidelity.lettering_kept",
            "Titles and other lettering that stands still keep every stroke.",
            limits("lettering_lost", 0, policy.limit("lettering_lost_max")),
            # not measured yet on windows, fences and other rows of like pieces in real film
            severity=Severity.WARN,
        ),
        Rule(
            "fidelity.text_untouched",
            Table.FRAMES,
            Severity.FAIL,
            "Text on screen is as it was scanned, or completed from frames of the same title where the plan says so.",
            (limits("text_changed_px", 0, 0),),
            Scope("text", (HELD_TEXT,)),
            optional=True,
        ),
        _rule(
            "fidelity.nothing_lasting_repaired",
            "Nothing was repaired as dirt that the scan shows alike in the frames before and after, such as lettering.",
            limits("lasting_share", 0, policy.limit("lasting_share_max")),
            severity=Severity.WARN,
        ),
        Rule(
            "fidelity.highlights_kept",
            Table.SHOTS,
            Severity.WARN,
            "No sparks, flakes or glitter were repaired as dirt: what shines and moves on is still there.",
            (
                Expectation(
                    Kind.PAIR_AT_LEAST,
                    {"column_A": "highlights_allowed", "column_B": "highlights_eaten", "or_equal": True},
                ),
            ),
        ),
        Rule(
            "fidelity.rain_kept",
            Table.SHOTS,
            Severity.WARN,
            "Bright strokes that were repaired as dirt lie anyhow, as dirt does, and not all one way, as rain does.",
            (
                Expectation(
                    Kind.PAIR_AT_LEAST,
                    {"column_A": "strokes_alike_allowed", "column_B": "strokes_alike", "or_equal": True},
                ),
            ),
        ),
    )


def _rule(
    rule: str, sentence: str, *expectations: Expectation, severity: Severity = Severity.FAIL, idle: str = ""
) -> Rule:
    return Rule(rule, Table.FRAMES, severity, sentence, expectations, idle=idle)
