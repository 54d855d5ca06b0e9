"""Findings are named so that a person can waive exactly what is meant."""

from __future__ import annotations

import pytest

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule, Waiver, merged, require_none_open
from restoration_tasks.runtime.errors import DeliveryError, WrongUse


def fault(frame, part="", rule=Rule.TRUNCATED):
    return Finding(Grade.FAIL, rule, "the DPX is truncated", file=f"{frame}.dpx", frame=frame, part=part)


def test_neighbours_are_one_finding_but_not_over_parts():
    runs = merged([fault(4), fault(5), fault(7), fault(8, "part 2"), fault(9, "part 2")])
    assert [run.id for run in runs] == ["truncated:4-5", "truncated:7", "truncated:part 2/8-9"]


@pytest.mark.parametrize(
    ("waiver", "finding", "covers"),
    [
        ("truncated", fault(5), True),
        ("truncated:5", fault(5), True),
        ("truncated:3-7", fault(5), True),
        ("truncated:6", fault(5), False),
        ("damaged:5", fault(5), False),
        ("truncated:5", fault(5, "part 2"), False),
        ("truncated:part 2/5", fault(5, "part 2"), True),
        ("truncated:part 2/3-7", fault(5, "part 2"), True),
        ("truncated:part 1/5", fault(5, "part 2"), False),
        ("unlike-first", fault(5, rule=Rule.UNLIKE_FIRST), False),
    ],
)
def test_a_waiver_covers_what_it_names(waiver, finding, covers):
    assert Waiver(finding=waiver, reason="known").covers(finding) is covers


def test_what_is_open_is_told_with_how_to_waive_it():
    with pytest.raises(DeliveryError, match=r"5\.dpx.*; 1 more findings.*waive it as 'truncated:5'"):
        require_none_open([fault(5), fault(9)])
    require_none_open([fault(5)], [Waiver(finding="truncated:5", reason="known")])
    with pytest.raises(WrongUse, match="cannot be waived"):
        Waiver.parse("unlike-first:3=why not")
