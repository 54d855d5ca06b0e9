"""The `catalogue` step: the reel's products enter the catalogue, its record is written beside them in the vault."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import reels, restorations
from restoration_tasks.catalogue.describe import describe
from restoration_tasks.catalogue.models import Decision, ReelState
from restoration_tasks.catalogue.record_exports import written
from restoration_tasks.provenance import anchoring, chain, checkpoints
from restoration_tasks.provenance.agents import Participant, Person
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.description import KeptFile
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.recorder import EventDraft, RecordedEvent, append_event
from restoration_tasks.provenance.vocabulary import CATALOGUE_TERM, DecisionAnswer, ExportForm, FixityOutcome, Outcome
from restoration_tasks.runtime.errors import DecisionNeeded, SourceChanged, VaultError, WrongUse
from restoration_tasks.runtime.spec import OutputFile, Reference
from restoration_tasks.runtime.vault import Vault

FINAL_STATES = (ReelState.RESTORED, ReelState.REJECTED, ReelState.SUPERSEDED)
EXPORT_FILES: Final = {
    ExportForm.PREMIS: ("premis.xml", "application/xml"),
    ExportForm.METS: ("mets.xml", "application/xml"),
    ExportForm.PBCORE: ("pbcore.xml", "application/xml"),
    ExportForm.PROV: ("prov.json", "application/json"),
    ExportForm.CHAIN: ("chain.json", "application/json"),
}
"""The forms a catalogued reel is exported in: file and media type."""
CHECKPOINT_FILE = "checkpoint.json"


@dataclass(frozen=True)
class Published:
    """What publishing left."""

    event: RecordedEvent
    state: ReelState
    exports: Mapping[ExportForm, OutputFile]
    """The reel's record in the forms of `EXPORT_FILES`, without people's names; the chain is verifiable offline."""
    checkpoint: tuple[OutputFile, OutputFile, OutputFile]
    """The signed checkpoint of that chain: statement, signature, public key."""

    @property
    def documents(self) -> dict[str, Reference]:
        """What the package takes along, by the role it has there."""
        names = ("checkpoint", "checkpoint_signature", "checkpoint_key")
        signed = zip(names, self.checkpoint, strict=True)
        exported = ((form.value, file) for form, file in self.exports.items())
        return {name: file.reference for name, file in (*exported, *signed)}


def publish(
    sessions: sessionmaker[Session],
    vault: Vault,
    reel_id: str,
    *,
    run_id: str,
    execution_id: str,
    state: ReelState,
    signing_key: Path,
    products: Sequence[OutputFile] = (),
    beside: Sequence[OutputFile] = (),
    places: Mapping[str, str] | None = None,
    plan_version: int | None = None,
    waived: Sequence[str] = (),
    participants: Iterable[Participant | Person] = (),
    verify_digests: bool = False,
) -> Published:
    """Catalogue a run's end: products, state, event, exports, checkpoint. May be repeated: the same files come out.

    A run that ends as an earlier one did (same state, plan version, product digests and waived rules) gives that one's
    exports, so that a package made from them is not made again; the new run's event is recorded all the same.

    Args:
        sessions: a maker of sessions.
        vault: where the products lie and the exports go: `reels/<reel_id>/catalogue/<seq of the event>/`.
        reel_id: the reel.
        run_id: the run; for `RESTORED` it must hold an approval.
        execution_id: the execution of the catalogue task.
        state: how the run ended.
        signing_key: file of the private key that signs the checkpoint.
        products: masters and copies; each must be in the vault with its size.
        beside: what else the package carries and METS lists, such as the rest of what ingest made.
        places: where the package has a file of each role, under `data/`.
        plan_version: the plan the products were made by.
        waived: the rules of the check that a person let pass.
        participants: who took part (the program at least).
        verify_digests: read every product whole and hold it against its digest. Off, their presence and size are
            checked here and their digests by the package step.

    Raises:
        UnknownReel: no such reel.
        WrongUse: the state is not one a run ends in.
        DecisionNeeded: `RESTORED` without an approval in this run.
        VaultError: a product is missing.
        SourceChanged: a product has another size, or (with `verify_digests`) another digest.
        ProvenanceBroken: the reel's chain is broken: nothing is signed.
    """
    if state not in FINAL_STATES:
        raise WrongUse(f"a run does not end as {state.value!r}", reel=reel_id, expected=", ".join(FINAL_STATES))
    for product in products:
        _check(vault, reel_id, product, verify_digests=verify_digests)
    moment = datetime.now(UTC)
    outcome_detail = {
        "state": state.value,
        "plan_version": plan_version,
        "products": {product.name: product.sha256 for product in products},
        "waived": list(waived),
    }
    with sessions.begin() as session:
        if state is ReelState.RESTORED:
            _require_approval(session, reel_id, run_id)
        event = append_event(
            session,
            EventDraft(
                reel_id=reel_id,
                execution_id=execution_id,
                term=CATALOGUE_TERM,
                started=moment,
                ended=moment,
                outcome=Outcome.SUCCESS,
                detail={"run_id": run_id, **outcome_detail},
                participants=tuple(participants),
                outcomes=tuple((product.name, product) for product in products),
                fixity=FixityOutcome.PASS if verify_digests else None,
            ),
        )
        if event.created:
            reels.set_state(session, reel_id, state)
            if state is ReelState.RESTORED:
                restorations.enter(session, event, products, plan_version=plan_version)
        first = _first_alike(session, event, outcome_detail)
        line = next(chain.load(session, reel_id))
        # the chain as it stood at that event, whatever was recorded since: the same bytes each time
        line = replace(line, length=first.seq, head=first.hash, events=line.events[: first.seq])
        kept = {file.name: file for file in (*products, *beside)}.values()
        description = describe(session, line, (_kept(file, places or {}) for file in kept))
    folder = vault.uri("reels", reel_id, "catalogue", f"{first.seq:06d}")
    exports = {
        form: _write(vault, f"{folder}/{name}", written(form, line, description), media_type)
        for form, (name, media_type) in EXPORT_FILES.items()
    }
    return Published(event, state, exports, _anchored(sessions, vault, signing_key, line, folder))


def _kept(file: OutputFile, places: Mapping[str, str]) -> KeptFile:
    return KeptFile(file.name, file.uri, file.sha256, file.bytes, file.media_type, place=places.get(file.name))


def _anchored(
    sessions: sessionmaker[Session], vault: Vault, signing_key: Path, line: ReelChain, folder: str
) -> tuple[OutputFile, OutputFile, OutputFile]:
    """The signed checkpoint of a chain, copied beside its exports: the one there is, or a new one."""
    uri = f"{folder}/{CHECKPOINT_FILE}"
    statement = vault.read_bytes(uri)
    if statement is None:
        made = anchoring.take_of(sessions, vault, signing_key, line)
        statement, signature = made.statement, made.signature
    else:
        signature = vault.read_bytes(checkpoints.signature_uri(uri)) or b""
    key = checkpoints.read(statement, signature, source=uri).key
    pem = vault.read_bytes(checkpoints.key_uri(key)) or b""
    # the statement last: the three are whole once it is there
    kept_key = _write(vault, f"{folder}/checkpoint.pem", pem, "application/x-pem-file")
    kept_signature = _write(vault, checkpoints.signature_uri(uri), signature, "application/octet-stream")
    return _write(vault, uri, statement, "application/json"), kept_signature, kept_key


def _check(vault: Vault, reel_id: str, product: OutputFile, *, verify_digests: bool) -> None:
    try:
        size = vault.path(product.uri).stat().st_size
    except FileNotFoundError as error:
        raise VaultError(
            f"the {product.name} is not in the vault",
            reel=reel_id,
            file=product.uri,
            action="clear the task that made it",
        ) from error
    if size != product.bytes or (verify_digests and not vault.verify(product)):
        raise SourceChanged(
            f"the {product.name} is not the file that was made",
            reel=reel_id,
            file=product.uri,
            expected=f"{product.bytes} bytes, sha256 {product.sha256}",
            found=f"{size} bytes" if size != product.bytes else "the same size with another sha256",
            action="find out who changed it, then clear the task that made it",
        )


def _require_approval(session: Session, reel_id: str, run_id: str) -> None:
    reels.require(session, reel_id)
    newest = session.scalar(
        select(Decision.answer)
        .where(Decision.reel_id == reel_id, Decision.run_id == run_id)
        .order_by(Decision.decided_at.desc())
        .limit(1)
    )
    if newest is not DecisionAnswer.APPROVE:
        raise DecisionNeeded(
            f"nobody has approved run {run_id}",
            reel=reel_id,
            expected="an approval by a named person",
            found="no decision" if newest is None else newest.value,
            action="answer the decision in Airflow's Required Actions",
        )


def _first_alike(session: Session, event: RecordedEvent, outcome_detail: Mapping[str, object]) -> RecordedEvent:
    """The first catalogue event of this reel, since the last that differed, that ended the same way; or the event."""
    first = event
    rows = session.execute(
        select(Event.id, Event.seq, Event.hash, Event.execution_id, Event.detail)
        .where(
            Event.reel_id == event.reel_id,
            Event.event_type == CATALOGUE_TERM.type.value,
            Event.subtype == CATALOGUE_TERM.subtype,
            Event.seq < event.seq,
        )
        .order_by(Event.seq.desc())
    )
    for row in rows:
        # Events of before checks could be waived say nothing of it.
        if {"waived": []} | {name: row.detail.get(name) for name in outcome_detail if name in row.detail} != (
            outcome_detail
        ):
            break
        first = RecordedEvent(row.id, event.reel_id, row.seq, row.hash, row.execution_id, created=False)
    return first


def _write(vault: Vault, uri: str, content: bytes, media_type: str) -> OutputFile:
    vault.write_bytes(uri, content)
    return OutputFile(
        name=uri.rsplit("/", 1)[1],
        uri=uri,
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
        media_type=media_type,
    )
