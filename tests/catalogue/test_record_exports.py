"""The record of a reel written in every form, from the database; people named only where it is asked and can be."""

from __future__ import annotations

import pytest

from restoration_tasks.catalogue import record_exports, reels
from restoration_tasks.provenance.export import verify_export
from restoration_tasks.provenance.vocabulary import ExportForm
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from tests.catalogue.reel import make_decided
from tests.provenance.results import REEL

BEGINNINGS = {
    ExportForm.CHAIN: b'{\n "format":"reelkeeper.chain/1"',
    ExportForm.PREMIS: b"<premis:premis ",
    ExportForm.METS: b"<mets:mets ",
    ExportForm.PROV: b'{\n "prefix"',
    ExportForm.PBCORE: b"<pbcore:pbcoreDescriptionDocument ",
    ExportForm.DC: b"<oai_dc:dc ",
    ExportForm.CSV: b"\xef\xbb\xbfreel_id,",
}


def test_every_form_is_written_and_names_nobody_unasked(sessions):
    make_decided(sessions)
    with sessions() as session:
        for form in ExportForm:
            content = record_exports.export(session, REEL, form)
            assert BEGINNINGS[form] in content.replace(b'"format": ', b'"format":')[:200], form
            assert b"Ana" not in content
            if form in record_exports.NAMELESS:
                with pytest.raises(WrongUse, match=f"{form.value} names nobody"):
                    record_exports.export(session, REEL, form, with_names=True)
            else:
                assert b"Ana Petrova" in record_exports.export(session, REEL, form, with_names=True)
        assert verify_export(record_exports.export(session, REEL, ExportForm.CHAIN)).ok


def test_a_reel_without_events_is_described_and_has_no_chain(sessions):
    with sessions.begin() as session:
        reels.register(session, "R-1", title="Nothing yet")
    with sessions() as session:
        for form in set(ExportForm) - {ExportForm.CHAIN, ExportForm.CSV}:
            assert b"Nothing yet" in record_exports.export(session, "R-1", form)
        with pytest.raises(ProvenanceBroken, match="nothing has been recorded"):
            record_exports.export(session, "R-1", ExportForm.CHAIN)
