"""The hourly task that tells another catalogue: red once for what nobody took for a day, else never."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowException
from reelkeeper_airflow import tell as module

from restoration_tasks.catalogue import outbox
from tests.catalogue.reel import RUN, catalogue, make_decided
from tests.catalogue.test_outbox import age, pointing_at
from tests.fixtures.receivers import receiver
from tests.provenance.results import REEL


@pytest.fixture
def task(sessions, settings, vault, products, monkeypatch):
    """The task, with one restoration queued, towards an address."""
    make_decided(sessions)
    published = catalogue(sessions, vault, products)
    with sessions.begin() as session:
        outbox.enqueue(session, published, run_id=RUN)
    monkeypatch.setattr(module, "catalogue", lambda _settings: sessions)

    def run(url: str):
        monkeypatch.setattr(module, "Settings", lambda: pointing_at(settings, url))
        return module.tell.function()

    return run


def test_what_is_refused_is_tried_again_and_red_once_after_a_day(task, sessions):
    with receiver(500) as other:
        assert task(other.url) == {"sent": 0, "waiting": 1}
        age(sessions, hours=25)
        with pytest.raises(AirflowException, match=f"not been told of 1 restorations for a day, first of reel {REEL}"):
            task(other.url)
        age(sessions, hours=25)
        assert task(other.url) == {"sent": 0, "waiting": 1}
        other.status = 204
        age(sessions, hours=25)
        assert task(other.url) == {"sent": 1, "waiting": 0}


def test_it_begins_by_itself_only_where_somebody_is_told(settings, monkeypatch):
    monkeypatch.setattr(module, "Settings", lambda: settings)
    assert module.when_to_tell() is None
    monkeypatch.setattr(module, "Settings", lambda: pointing_at(settings, "https://catalogue.example/hook"))
    assert module.when_to_tell() == module.EVERY_HOUR
