from __future__ import annotations

import json

import numpy as np
import pytest

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.gauge import Category, Scanned, ShotFacts, Verdict
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.progress import silent
from restoration_tasks.steps.survey import MOST_PARTS, _Burst, _placed, survey
from tests.restoration.moving import add_dirt, moving_clip, write_master


@pytest.fixture
def dirty(tmp_path):
    frames, _ = add_dirt(moving_clip(53), specks=6)
    write_master(tmp_path / "film.mkv", frames)
    return tmp_path / "film.mkv"


def test_a_survey_looks_here_and_there_and_says_what_is_wrong(dirty, tmp_path):
    before = dirty.read_bytes()
    found = survey(dirty, every=24, record=tmp_path / "a.json", report=tmp_path / "a.html", progress=silent)
    assert (found.frames, found.looked_at) == (53, 15)
    assert any(words.startswith("dirt ") for words in found.told())
    record = json.loads((tmp_path / "a.json").read_text())
    assert [(shot["start"], shot["stop"]) for shot in record["shots"]] == [(0, 24), (24, 48), (48, 53)]
    assert record["urgency"] == found.urgency
    page = (tmp_path / "a.html").read_text()
    assert "Dirt and hairs" in page
    assert "data:image/jpeg" in page
    assert "with what was found marked" in page, "the worst frame's dirt is shown, though maps are not kept"
    assert dirty.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.json", "film.mkv"]


def test_what_staff_read_off_the_carrier_counts(dirty):
    assert survey(dirty, carrier=CarrierReadings(ad_strip_level=3), progress=silent).urgency > 90


def test_the_worst_frame_is_counted_in_the_film(dirty, tmp_path):
    survey(dirty, every=24, record=tmp_path / "a.json", progress=silent)
    record = json.loads((tmp_path / "a.json").read_text())
    looked_at = {first + place for first in (0, 24, 48) for place in range(5)}
    named = [verdict["worst_frame"] for shot in record["shots"] for verdict in shot["verdicts"]]
    assert any(frame is not None for frame in named)
    assert {frame for frame in named if frame is not None} <= looked_at


@pytest.mark.parametrize(("read", "film"), [(0, 100), (4, 104), (5, 124), (9, 128)])
def test_the_worst_frame_of_a_part_of_several_bursts_is_the_films(read, film):
    part = [_Burst(first, [{}] * 5, 0.0, False) for first in (100, 124)]
    facts = ShotFacts(2, 100, 148, Scanned(64, 48, 24.0, False))
    verdict = Verdict(Category.WEAVE, 50.0, 1.0, "It weaves.", {}, facts.start + read)
    assert _placed(verdict, part, facts).worst_frame == film


def test_a_long_film_has_a_page_of_sixty_parts_at_most(tmp_path):
    write_master(tmp_path / "film.mkv", moving_clip(5 * (MOST_PARTS + 3)))
    found = survey(tmp_path / "film.mkv", every=5, progress=silent)
    assert len(found.conditions) <= MOST_PARTS
    assert found.conditions[-1].facts.stop == found.frames


@pytest.mark.parametrize("length", [1, 2, 4])
def test_the_shortest_films_are_surveyed_too(tmp_path, length):
    write_master(tmp_path / "film.mkv", moving_clip(8)[:length])
    found = survey(tmp_path / "film.mkv", report=tmp_path / "a.html", progress=silent)
    assert (found.frames, found.looked_at) == (length, length)
    assert np.isfinite(found.urgency)


def test_wrong_use_is_named(dirty, tmp_path):
    with pytest.raises(WrongUse, match="every so many frames"):
        survey(dirty, every=25, progress=silent)
    with pytest.raises(WrongUse, match="nothing to read"):
        survey(tmp_path / "no.mkv", progress=silent)
