"""Urgency before anybody has looked: readings go before age, age never says more than half."""

from __future__ import annotations

import pytest

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.gauge import Category
from restoration_tasks.assessment.unseen import NOTHING_KNOWN, by_age, by_carrier
from restoration_tasks.assessment.urgency import urgency


def test_a_reading_counts_as_it_will_when_the_picture_is_found_sound() -> None:
    for carrier in (CarrierReadings(ad_strip_level=2), CarrierReadings(smell="slight", uniqueness=0.2)):
        assert by_carrier(carrier) == urgency({Category.FADE: 0.0}, carrier)


def test_age_rises_by_its_half_life_and_never_above_half() -> None:
    assert by_age(0, "acetate") == by_age(-3, "nitrate") == 0
    assert by_age(50, "acetate") == pytest.approx(25.0)
    assert by_age(50, None) == by_age(50, "acetate")
    assert by_age(100, "nitrate") == pytest.approx(37.5)
    assert by_age(500, "polyester") == pytest.approx(25.0)
    assert by_age(5000, "nitrate") <= 50
    assert by_age(50, "acetate", uniqueness=0) == pytest.approx(12.5)


def test_the_unknown_stands_between_the_new_and_the_old() -> None:
    assert by_age(0, "acetate") < NOTHING_KNOWN < by_age(120, "nitrate")
