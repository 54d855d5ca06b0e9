"""The reel a revert starts from: its preservation master and its plan, as the catalogue knows them."""

from __future__ import annotations

from dataclasses import dataclass
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
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.runtime.spec import Spec, StepResult
    from restoration_tasks.steps.way import Way

LOOKUP = Execution("lookup")
"""For specs that are only asked where their result lies."""


@dataclass(frozen=True)
class Ingested:
    """A reel that has been taken in, and what is kept of it. Nothing of its delivery is read."""

    way: Way
    ingest: StepResult

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
    def framemd5(self) -> tuple[str, ...]:
        """md5 of every frame of the scan."""
        from restoration_tasks.media import framemd5

        return framemd5.read(self.file("framemd5"))

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """The reel's segments, in order.

        Raises:
            StepFailed: the list of shots is not in the vault.
        """
        return self.way.segments(self.result(self.way.shots(LOOKUP, self.ingest)))

    def result(self, spec: Spec) -> StepResult:
        """The finished result of a step before the restoration.

        Raises:
            StepFailed: it is not in the vault, or was made by another version of the step.
        """
        try:
            return self.way.result_of(spec)
        except StepFailed as error:
            raise StepFailed(
                error.message,
                reel=spec.reel_id,
                action=f"run `reelkeeper {spec.step} {spec.reel_id}`, then the same command again",
            ) from error


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
    return Ingested(way, found)


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
