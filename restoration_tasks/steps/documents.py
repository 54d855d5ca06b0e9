"""The papers a reel's package takes along: exports of the record, condition, documentation of treatment."""

from __future__ import annotations

import hashlib

from restoration_tasks.catalogue import conditions, plans, reels
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.publish import Published
from restoration_tasks.provenance import chain, export
from restoration_tasks.provenance.agents import names_of_people
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.vocabulary import ExportForm
from restoration_tasks.report.treatment import render_treatment
from restoration_tasks.report.treatment_record import read
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import VaultError, WrongUse
from restoration_tasks.runtime.spec import Reference
from restoration_tasks.runtime.vault import Vault

TREATMENT_FILE = "treatment.html"


def gather(
    sessions: Sessions, vault: Vault, reel_id: str, published: Published, plan: Reference
) -> dict[str, Reference]:
    """Everything a person may want to read of a catalogued reel, by the role it has in the package.

    The documentation of treatment is written beside the record's exports, from them: without anybody's name.

    Args:
        sessions: the catalogue.
        vault: where all of it lies.
        reel_id: the reel.
        published: what its catalogue step left.
        plan: the plan version that was carried out.

    Raises:
        VaultError: a file it is made from is gone.
    """
    with sessions.begin() as session:
        title = reels.require(session, reel_id).title
        condition = conditions.documents(session, vault, reel_id)
    exported = published.exports[ExportForm.CHAIN].uri
    line = export.read(_read(vault, reel_id, exported), source=exported)
    followed = Plan.from_yaml(_read(vault, reel_id, plan.uri).decode())
    page = render_treatment(line, followed, title=title).encode()
    uri = f"{exported.rsplit('/', 1)[0]}/{TREATMENT_FILE}"
    vault.write_bytes(uri, page)
    report = Reference(uri=uri, sha256=hashlib.sha256(page).hexdigest(), bytes=len(page))
    return {**published.documents, **condition, "treatment_report": report}


def treatment_report(sessions: Sessions, reel_id: str, *, include_names: bool = False) -> str:
    """The documentation of treatment as the catalogue tells it now.

    Args:
        sessions: the catalogue.
        reel_id: the reel.
        include_names: write people's names, for a paper that is to be signed; they cannot be erased there.

    Raises:
        UnknownReel: no such reel.
        WrongUse: nothing was restored of it.
        ProvenanceBroken: the record does not say where a part of the restoration comes from.
    """
    with sessions.begin() as session:
        title = reels.require(session, reel_id).title
        line = next(chain.load(session, reel_id), ReelChain(reel_id, 0, None, ()))
        version = read(line).plan_version
        followed = plans.latest(session, reel_id) if version is None else plans.get(session, reel_id, version)
        names = names_of_people(session) if include_names else {}
    if followed is None:
        raise WrongUse("this reel has no plan yet", reel=reel_id, action="run the reel first")
    return render_treatment(line, Plan.from_yaml(followed.yaml), title=title, names=names)


def _read(vault: Vault, reel_id: str, uri: str) -> bytes:
    content = vault.read_bytes(uri)
    if content is None:
        raise VaultError("this file is gone from the vault", reel=reel_id, file=uri, action="clear the catalogue task")
    return content
