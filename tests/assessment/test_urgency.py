from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.condition import reel_severity
from restoration_tasks.assessment.gauge import Category
from restoration_tasks.assessment.urgency import WEIGHTS, carrier_urgency, urgency

NOTHING = CarrierReadings()
severities = st.dictionaries(st.sampled_from(Category), st.floats(0, 100), max_size=len(Category))


def test_every_category_has_a_weight():
    assert set(WEIGHTS) == set(Category)


@given(severities, st.sampled_from(Category))
def test_urgency_stays_in_range_and_more_decay_never_lowers_it(found, category):
    before = urgency(found, NOTHING)
    assert 0 <= before <= 100
    assert urgency({**found, category: 100.0}, NOTHING) >= before


def test_decay_that_goes_on_outweighs_damage_that_is_done():
    assert urgency({Category.FADE: 50.0}, NOTHING) > urgency({Category.SCRATCH: 100.0}, NOTHING)


def test_vinegar_makes_a_picture_without_a_fault_urgent():
    strip = CarrierReadings(ad_strip_level=2, smell="strong")
    assert urgency({}, NOTHING) == 0
    assert urgency({}, strip) > 90
    assert carrier_urgency(CarrierReadings(shrinkage_percent=1.0)) == pytest.approx(0.55)


def test_a_safe_copy_elsewhere_halves_the_urgency():
    only, safe = (urgency({Category.FADE: 80.0}, CarrierReadings(uniqueness=one)) for one in (1.0, 0.0))
    assert safe == pytest.approx(only / 2, abs=0.1)


def test_a_reel_with_one_bad_tenth_stands_between_its_mean_and_that_tenth():
    found = reel_severity([(100.0, 100), (0.0, 900)])
    assert 10 < found < 100
    assert reel_severity([]) == 0
