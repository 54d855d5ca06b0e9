"""The reel a revert starts from: its preservation master and its plan, as the catalogue knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import StepFailed, VaultError, WrongUse
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.asked import Execution
from restoration_tasks.steps.revert.taking_back import Asked, Change, take_back

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.orm import Session

    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.media.digests import PackedDigests
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.runtime.spec import StepResult
    from restoration_tasks.steps.way import Way

LOOKUP = Execution("lookup")
"""For specs that are only asked where their result lies."""


@dataclass(frozen=True)
class Ingested:
    """A reel that has been taken in, and what is kept of it. Nothing of its delivery is read."""

    way: Way
    ingest: StepResult
    assessments: Mapping[str, str] = field(default_factory=dict)
    """Signature of each segment's newest assessment on record. A revert never measures: it takes the maps the reel was
    restored by, whichever engine found them."""

    def file(self, name: str) -> Path:
        """Local path of a file ingest made, its digest checked.

        Raises:
            SourceChanged: it is not what was recorded.
            VaultError: it is not there.
        """
        return self.way.vault.fetch(self.ingest.reference(name), self.way.settings.scratch_folder)

    @cached_property
    def scan(self) -> Scan:
        """The record of the delivery."""
        from restoration_tasks.media.delivery.scan import Scan

        return Scan.read(self.file("scan"))

    @cached_property
    def framemd5(self) -> PackedDigests:
        """md5 of every frame of the scan."""
        from restoration_tasks.media import framemd5

        return framemd5.read(self.file("framemd5"))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The reel's segments, in order.

        Raises:
            StepFailed: the list of shots is not in the vault.
        """
        return self.way.segments(self._result(StepName.SHOTS, self.way.shots(LOOKUP, self.ingest).signature))

    def assessed(self, segment: Segment) -> StepResult:
        """The damage of a segment, as it was measured.

        Raises:
            StepFailed: it is not in the vault, or was measured on another master.
        """
        return self._result(StepName.ASSESS, self.assessments.get(segment.id), segment.id)

    def _result(self, step: StepName, signature: str | None, segment: str | None = None) -> StepResult:
        reel_id, vault = self.way.reel_id, self.way.vault
        found = None if signature is None else vault.result(reel_id, step, signature)
        master = self.ingest.reference("master").sha256
        if found is None or vault.missing(found) or found.inputs["master"].sha256 != master:
            raise StepFailed(
                f"{step} {segment or ''} has left no whole result for this master",
                reel=reel_id,
                action=f"run `reelkeeper {step} {reel_id}`, then the same command again",
            )
        return found


def ingested(session: Session, way: Way) -> Ingested:
    """The reel's newest ingest.

    Raises:
        UnknownReel: no such reel is registered.
        WrongUse: it has not been ingested.
        VaultError: the master or its record is gone from the vault.
    """
    from restoration_tasks.catalogue import reels, scans

    reels.require(session, way.reel_id)
    row = scans.newest(session, way.reel_id)
    if row is None:
        raise WrongUse(
            "this reel has not been ingested: there is no preservation master to go back to",
            reel=way.reel_id,
            action=f"run `reelkeeper ingest {way.reel_id}` first",
        )
    found = way.vault.result_at(row.result_uri)
    if gone := way.vault.missing(found):
        raise VaultError(
            f"the {gone[0].name} of the {StepName.INGEST} is not in the vault as it was recorded",
            reel=way.reel_id,
            file=gone[0].uri,
            action="restore it from a copy of the package",
        )
    return Ingested(way, found, _assessments(session, way.reel_id))


def _assessments(session: Session, reel_id: str) -> dict[str, str]:
    """Signature of the newest assessment of each segment, by the reel's chain of events."""
    from sqlalchemy import select

    from restoration_tasks.provenance.models import Event
    from restoration_tasks.provenance.vocabulary import STEP_TERMS, Outcome

    query = select(Event.detail).where(
        Event.reel_id == reel_id,
        Event.subtype == STEP_TERMS[StepName.ASSESS].subtype,
        Event.outcome != Outcome.FAILURE,
    )
    return {detail["segment"]: detail["signature"] for detail in session.scalars(query.order_by(Event.seq))}


def change_of(session: Session, reel_id: str, asked: Asked, version: int | None) -> Change:
    """What is taken back, and from which version of the plan.

    Without a version it is the newest. If the newest is itself what this revert makes of its parent, it is that same
    revert, asked for again: after a kill, or to be approved.

    Args:
        session: of the catalogue.
        reel_id: a registered reel.
        asked: shots and treatments.
        version: the plan version to start from.

    Raises:
        WrongUse: the reel has no plan, no such version, no such shot, or no such treatment in these shots.
    """
    from restoration_tasks.catalogue import plans

    found = plans.latest(session, reel_id) if version is None else plans.get(session, reel_id, version)
    if found is None:
        raise WrongUse("this reel has no plan yet", reel=reel_id, action=f"run `reelkeeper plan {reel_id}` first")
    newest = Plan.from_yaml(found.yaml)
    if version is None and newest.parent is not None:
        parent = Plan.from_yaml(plans.get(session, reel_id, newest.parent).yaml)
        if (again := _repeated(parent, newest, asked)) is not None:
            return again
    return take_back(newest, asked)


def _repeated(parent: Plan, newest: Plan, asked: Asked) -> Change | None:
    try:
        before = take_back(parent, asked)
    except WrongUse:
        return None
    same = before.takes_anything and before.plan.shots == newest.shots and before.plan.profile == newest.profile
    return before if same else None
