"""A reel's record and description in the forms that others read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.orm import Session

from restoration_tasks.catalogue.describe import describe
from restoration_tasks.provenance import chain
from restoration_tasks.provenance.agents import names_of_people
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.description import ReelDescription
from restoration_tasks.provenance.dublin_core import dublin_core_xml
from restoration_tasks.provenance.events_csv import events_csv
from restoration_tasks.provenance.export import chain_json
from restoration_tasks.provenance.mets import mets_xml
from restoration_tasks.provenance.pbcore import pbcore_xml
from restoration_tasks.provenance.premis import premis_xml
from restoration_tasks.provenance.prov_json import prov_json
from restoration_tasks.provenance.vocabulary import ExportForm
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse

NAMELESS = frozenset({ExportForm.CHAIN, ExportForm.PBCORE, ExportForm.DC})
"""Forms that have no place for who did what, or must not have one."""


def export(session: Session, reel_id: str, form: ExportForm, *, with_names: bool = False) -> bytes:
    """The record of a reel in one form (UTF-8).

    Args:
        session: of the catalogue.
        reel_id: the reel.
        form: the form.
        with_names: name people, who otherwise appear by number. Not for what outlives the database: a name can be
            erased there, not in a copy.

    Raises:
        UnknownReel: no such reel.
        WrongUse: names are asked of a form that has none.
        ProvenanceBroken: a chain is asked of a reel of which nothing is recorded, or its head is missing.
    """
    if with_names and form in NAMELESS:
        raise WrongUse(
            f"{form.value} names nobody", reel=reel_id, action="leave out --with-names, or take another form"
        )
    found = next(chain.load(session, reel_id), None)
    line = found or ReelChain(reel_id, 0, None, ())
    description = describe(session, line)
    if form is ExportForm.CHAIN and found is None:
        raise ProvenanceBroken("nothing has been recorded yet", reel=reel_id, action="run its first step")
    return written(form, line, description, names_of_people(session) if with_names else {})


def written(
    form: ExportForm, line: ReelChain, description: ReelDescription, names: Mapping[str, str] | None = None
) -> bytes:
    """A chain and a description in one form; people without a name are given by number."""
    writers: dict[ExportForm, Callable[[], bytes]] = {
        ExportForm.CHAIN: lambda: chain_json(line),
        ExportForm.PREMIS: lambda: premis_xml(line, title=description.title, names=names),
        ExportForm.METS: lambda: mets_xml(line, description, names=names),
        ExportForm.PROV: lambda: prov_json(line, description, names=names),
        ExportForm.PBCORE: lambda: pbcore_xml(description),
        ExportForm.DC: lambda: dublin_core_xml(description),
        ExportForm.CSV: lambda: events_csv(line, names=names),
    }
    return writers[form]()
