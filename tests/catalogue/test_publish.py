"""The catalogue step: products with fixity, state, exports in the vault, and the same again when repeated."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.provenance.export import verify_export
from restoration_tasks.provenance.models import Checkpoint, DigitalObject, Event, Fixity
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import DecisionAnswer, ExportForm, FixityOutcome
from restoration_tasks.runtime.errors import DecisionNeeded, SourceChanged, VaultError, WrongUse
from tests.catalogue.reel import catalogue, make_decided
from tests.provenance.results import REEL, step_result


def test_products_state_exports_and_checkpoint(sessions, vault, products):
    make_decided(sessions)
    published = catalogue(sessions, vault, products, verify_digests=True)
    with sessions() as session:
        assert reels.status(session, REEL).state is ReelState.RESTORED
        event = session.get_one(Event, published.event.id)
        assert (event.event_type, event.detail["state"]) == ("metadata modification", "restored")
        passed = select(DigitalObject.role).join(Fixity).where(Fixity.event_id == event.id)
        assert set(session.scalars(passed.where(Fixity.outcome == FixityOutcome.PASS))) == {
            "restoration_master",
            "access",
        }
        checkpoint = session.scalars(select(Checkpoint)).one()
        assert (checkpoint.seq, checkpoint.hash, checkpoint.number) == (event.seq, event.hash, 1)
        report = verify(session)
        assert (report.ok, report.unanchored) == (True, 0)
    for file in (*published.exports.values(), *published.checkpoint):
        assert vault.verify(file.reference)
    exported = vault.read_bytes(published.exports[ExportForm.CHAIN].uri)
    assert verify_export(exported).ok
    premis = vault.read_bytes(published.exports[ExportForm.PREMIS].uri)
    assert b"Reel three" in premis
    assert b"Ana" not in premis


def test_publishing_again_gives_the_same_bytes_and_no_second_event(sessions, vault, products):
    make_decided(sessions)
    first = catalogue(sessions, vault, products)
    Recorder(sessions).record(step_result(execution_id="later"))
    again = catalogue(sessions, vault, products)
    assert (first.event.created, again.event.created) == (True, False)
    assert (again.documents, again.event.id) == (first.documents, first.event.id)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 4


def test_a_run_that_ends_the_same_way_gives_the_exports_there_are(sessions, vault, products):
    """So that a second run of the same reel does not make its package again."""
    make_decided(sessions)
    first = catalogue(sessions, vault, products, state=ReelState.REJECTED)
    second = catalogue(sessions, vault, products, state=ReelState.REJECTED, run="run-2")
    assert second.event.seq == first.event.seq + 1
    assert second.exports == first.exports
    other = catalogue(sessions, vault, products[:1], state=ReelState.REJECTED, run="run-3")
    assert other.exports[ExportForm.PREMIS].uri != first.exports[ExportForm.PREMIS].uri
    # back to the first products, after others: a new export
    last = catalogue(sessions, vault, products, state=ReelState.REJECTED, run="run-4")
    assert last.exports[ExportForm.CHAIN].uri not in {one.exports[ExportForm.CHAIN].uri for one in (first, other)}


def test_what_a_person_let_pass_is_a_record_of_its_own(sessions, vault, products):
    """A package of an earlier approval does not tell of a waiver that came after it, nor the other way round."""
    make_decided(sessions)
    runs = {"run-1": (), "run-2": ("fidelity.text_kept",), "run-3": ("fidelity.text_kept",), "run-4": ()}
    made = [
        catalogue(sessions, vault, products, state=ReelState.REJECTED, run=run, waived=waived)
        for run, waived in runs.items()
    ]
    chains = [one.exports[ExportForm.CHAIN].uri for one in made]
    assert chains[1] == chains[2]
    assert len(set(chains)) == 3
    with sessions() as session:
        assert session.get_one(Event, made[1].event.id).detail["waived"] == ["fidelity.text_kept"]


def test_nothing_is_restored_that_nobody_approved(sessions, vault, products):
    make_decided(sessions, DecisionAnswer.REDO)
    with pytest.raises(DecisionNeeded, match="found redo"):
        catalogue(sessions, vault, products)
    with pytest.raises(DecisionNeeded, match="no decision"):
        catalogue(sessions, vault, products, run="unheard-of")
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 2
        assert reels.status(session, REEL).state is ReelState.REGISTERED
    assert catalogue(sessions, vault, (), state=ReelState.SUPERSEDED).state is ReelState.SUPERSEDED


def test_a_missing_or_changed_product_is_refused_and_leaves_nothing(sessions, vault, products):
    make_decided(sessions)
    path = vault.local_path(products[0].uri)
    path.write_bytes(b"X" * products[0].bytes)
    with pytest.raises(SourceChanged, match="restoration_master"):
        catalogue(sessions, vault, products, verify_digests=True)
    path.write_bytes(b"short")
    with pytest.raises(SourceChanged, match="found 5 bytes"):
        catalogue(sessions, vault, products)
    path.unlink()
    with pytest.raises(VaultError, match="not in the vault"):
        catalogue(sessions, vault, products)
    with pytest.raises(WrongUse, match="does not end as"):
        catalogue(sessions, vault, products, state=ReelState.IN_WORK)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 2
