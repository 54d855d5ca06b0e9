"""The outbox: another catalogue is told of every restoration, in order, until it has taken it, whatever happens."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from restoration_tasks.catalogue import outbox
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.record_models import Announcement
from restoration_tasks.runtime.errors import NotDelivered, WrongUse
from restoration_tasks.runtime.webhook import KEY
from tests.catalogue.reel import RUN, catalogue, make_decided
from tests.fixtures.receivers import receiver
from tests.provenance.results import REEL


@pytest.fixture
def published(sessions, vault, products):
    make_decided(sessions)
    return catalogue(sessions, vault, products)


def pointing_at(settings, url):
    return type(settings)(home=settings.home, catalogue_webhook=url, catalogue_webhook_secret="between us")


def queue(sessions, vault, products, *runs):
    """Queue what more runs of the reel publish; the newest last."""
    for run in runs:
        more = catalogue(sessions, vault, products, run=run, state=ReelState.SUPERSEDED)
        with sessions.begin() as session:
            outbox.enqueue(session, more, run_id=run)


def age(sessions, **by):
    """Let time pass for what waits."""
    passed = timedelta(**by)
    with sessions.begin() as session:
        session.execute(
            update(Announcement).values(
                queued_at=Announcement.queued_at - passed, next_try_at=Announcement.next_try_at - passed
            )
        )


def runs_of(got):
    return [json.loads(content)["run_id"] for _, _, content in got]


def test_a_restoration_is_told_once_with_its_row_and_its_record(sessions, settings, published):
    with receiver() as other:
        for _ in range(2):
            outbox.announce(sessions, pointing_at(settings, other.url), published, run_id=RUN)
    ((_, headers, content),) = other.got
    told = json.loads(content)
    assert headers[KEY] == told["event"]["id"] == str(published.event.id)
    assert "X-Reelkeeper-Signature" in headers
    assert (told["format"], told["reel_id"], told["run_id"], told["state"]) == (
        "reelkeeper.catalogue/1", REEL, RUN, "restored",
    )  # fmt: skip
    assert (told["event"]["seq"], told["event"]["hash"]) == (published.event.seq, published.event.hash)
    assert (told["record"]["reel"], told["record"]["title"]) == (REEL, "Reel three")
    assert told["record"]["restored_master_uri"].endswith("restoration_master.mkv")
    assert told["documents"]["pbcore"]["sha256"] == published.documents["pbcore"].sha256
    assert "Ana" not in content.decode()
    with sessions() as session:
        assert outbox.waiting(session) == []


def test_without_an_address_nothing_is_queued(sessions, settings, published):
    outbox.announce(sessions, settings, published, run_id=RUN)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Announcement)) == 0
    with pytest.raises(WrongUse, match="REELKEEPER_CATALOGUE_WEBHOOK"):
        outbox.posting(settings)


def test_what_is_not_taken_waits_longer_each_time_and_arrives_with_the_same_body(sessions, settings, published, caplog):
    with receiver(503) as other:
        asked = pointing_at(settings, other.url)
        outbox.announce(sessions, asked, published, run_id=RUN)
        assert "found 503" in caplog.text
        assert "between us" not in caplog.text
        assert outbox.send(sessions, outbox.posting(asked)).waiting == 1
        assert len(other.got) == 1, "it is not due yet"
        age(sessions, minutes=6)
        assert outbox.send(sessions, outbox.posting(asked)).said is not None
        age(sessions, minutes=6)
        outbox.send(sessions, outbox.posting(asked))
        assert len(other.got) == 2, "the second wait is longer"
        with sessions() as session:
            (one,) = outbox.waiting(session)
            assert (one.tries, one.reel_id) == (2, REEL)
            assert "found 503" in one.said
        other.status = 200
        assert outbox.send(sessions, outbox.posting(asked), at_once=True).sent == (REEL,)
    assert {content for _, _, content in other.got} == {other.got[0][2]}
    assert {headers[KEY] for _, headers, _ in other.got} == {str(published.event.id)}


def test_nothing_newer_of_a_reel_overtakes_what_was_refused(sessions, settings, vault, products, published):
    with sessions.begin() as session:
        outbox.enqueue(session, published, run_id="run-1")
    queue(sessions, vault, products, "run-2", "run-3")
    with receiver(500) as other:
        send = outbox.posting(pointing_at(settings, other.url))
        assert outbox.send(sessions, send).waiting == 3
        assert runs_of(other.got) == ["run-1"]
        other.status = 200
        assert outbox.send(sessions, send).sent == (), "what follows waits with it"
        assert outbox.send(sessions, send, at_once=True).sent == (REEL, REEL, REEL)
    assert runs_of(other.got) == ["run-1", "run-1", "run-2", "run-3"]


def test_a_sender_that_is_killed_sends_again_and_two_at_once_send_no_two(sessions, settings, published):
    with sessions.begin() as session:
        outbox.enqueue(session, published, run_id=RUN)

    def killed(_body, _key):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        outbox.send(sessions, killed)

    with receiver() as other:
        send = outbox.posting(pointing_at(settings, other.url))

        def while_another_sends(body, key):
            assert outbox.send(sessions, send).sent == ()
            send(body, key)

        assert outbox.send(sessions, while_another_sends).sent == (REEL,)
    assert len(other.got) == 1


def test_what_nobody_took_for_a_day_is_named_once(sessions, published):
    with sessions.begin() as session:
        outbox.enqueue(session, published, run_id=RUN)

    def away(_body, _key):
        raise NotDelivered("nobody there")

    assert outbox.send(sessions, away).overdue == ()
    age(sessions, hours=25)
    assert outbox.send(sessions, away).overdue == (REEL,)
    assert outbox.send(sessions, away).overdue == ()
