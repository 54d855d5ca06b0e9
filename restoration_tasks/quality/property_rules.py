"""Rules about properties of files: masters, copies and what was recorded with them must be as the scan was."""

from __future__ import annotations

from typing import Final

from restoration_tasks.quality.copies import ACCESS, SCAN_ACCESS
from restoration_tasks.quality.findings import Severity
from restoration_tasks.quality.rules import Expectation, Kind, Rule, Scope, Table

FACTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "integrity.decodes": (
        "The restored master can be read from the first frame to the last.",
        ("restored decodes",),
    ),
    "integrity.frame_count": (
        "The restored master has as many frames as the scan, and as many as its container says.",
        ("frames", "frames in the container"),
    ),
    "integrity.size": ("The restored picture has the size of the scan.", ("width", "height")),
    "integrity.bit_depth": ("The restored master keeps the scan's bit depth.", ("bit depth",)),
    "integrity.pixel_format": ("The restored master keeps the scan's channels and sampling.", ("pixel format",)),
    "integrity.frame_rate": ("The restored master runs at the scan's frame rate.", ("frame rate",)),
    "integrity.codec": (
        "The restored master is FFV1 version 3, every frame by itself, with a checksum in every slice.",
        ("codec", "codec version", "slice checksums", "frames between key frames"),
    ),
    "integrity.plan_as_carried_out": (
        "The plan is the one that every segment was restored by.",
        ("plan",),
    ),
    "integrity.maps_as_assessed": ("The damage maps are those that were assessed.", ("damage maps",)),
    "integrity.copies": (
        "The mezzanine and the access copies are ProRes 422 HQ and H.264 and as long as the master.",
        ("mezzanine codec", "mezzanine frames", "access codec", "access frames"),
    ),
    "sound.every_track": (
        "The restored master, the mezzanine and the access copy have as many sound tracks as the scan.",
        ("restored sound tracks", "mezzanine sound tracks", "access sound tracks"),
    ),
    "copies.decode": (
        "The copies and the comparison can be read from the first frame to the last.",
        ("mezzanine decodes", "access decodes", "comparison frames"),
    ),
    "copies.size": (
        "The copies have the size of the restored picture, made even.",
        ("mezzanine width", "mezzanine height", "access width", "access height"),
    ),
    "copies.time": (
        "The copies run at the scan's frame rate, and last as long.",
        ("mezzanine frame rate", "mezzanine duration", "access frame rate", "access duration"),
    ),
    "copies.coding": (
        "The copies have the depth, the sampling, the range and the colours they say they have, those of BT.709.",
        (
            "mezzanine pixel format",
            "mezzanine range",
            "mezzanine colours",
            "access pixel format",
            "access range",
            "access colours",
        ),
    ),
}
"""By rule, what staff read, and the facts that must be as expected."""


def facts_asked(*, scan_copy: bool = False) -> dict[str, tuple[str, tuple[str, ...]]]:
    """`FACTS`; of the access copy of the scan, where there must be one, all that is asked of the other access copy."""
    if not scan_copy:
        return FACTS
    return {
        rule_id: (
            sentence,
            (*facts, *(fact.replace(ACCESS, SCAN_ACCESS, 1) for fact in facts if fact.startswith(f"{ACCESS} "))),
        )
        for rule_id, (sentence, facts) in FACTS.items()
    }


def property_rules(*, scan_copy: bool = False) -> tuple[Rule, ...]:
    """What the table of facts must say (`facts.facts_table`).

    Args:
        scan_copy: whether there must be an access copy of the scan.
    """
    same = (Expectation(Kind.PAIR_EQUAL, {"column_A": "expected", "column_B": "found"}),)
    asked = facts_asked(scan_copy=scan_copy)
    by_fact = [
        Rule(rule_id, Table.FACTS, Severity.FAIL, sentence, same, scope=Scope("fact", facts))
        for rule_id, (sentence, facts) in asked.items()
    ]
    every_fact = sorted(fact for _, facts in asked.values() for fact in facts)
    return (
        *by_fact,
        Rule(
            "integrity.every_property_read",
            Table.FACTS,
            Severity.FAIL,
            "Every property of the masters and copies was read, once.",
            (
                Expectation(Kind.ROW_COUNT, {"value": len(every_fact)}),
                Expectation(Kind.VALUES_ARE_EXACTLY, {"column": "fact", "value_set": every_fact}),
            ),
        ),
    )
