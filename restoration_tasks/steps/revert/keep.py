"""Keep a revert: the next version of the plan, and the reel's way from there, as another pass takes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from restoration_tasks.catalogue import plans
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.events import EventDraft, append_event
from restoration_tasks.provenance.vocabulary import REVERT_TERM, Outcome
from restoration_tasks.runtime.errors import DeliveryError, WrongUse
from restoration_tasks.steps import plan_versions
from restoration_tasks.steps.conductor import Conductor
from restoration_tasks.steps.inbox import is_delivery
from restoration_tasks.steps.revert.proof import Proof, prove
from restoration_tasks.steps.revert.record import Ingested, change_of
from restoration_tasks.steps.revert.taking_back import Asked, Change, shot_list

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from restoration_tasks.catalogue.engine import Sessions
    from restoration_tasks.runtime.progress import Reporter
    from restoration_tasks.runtime.spec import StepResult
    from restoration_tasks.steps.asked import PlanFile


@dataclass(frozen=True)
class Wish:
    """What a person wants to be kept."""

    asked: Asked
    version: int | None
    """The plan version to start from; None for the newest."""
    person: Person
    reason: str


class Reverting(Conductor):
    """Takes a reel its way from the ingest on record, under its plan less what is taken back.

    Args:
        reel: the reel's ingest; the delivery is not taken in again.
        wish: what is taken back, by whom and why.
        sessions: the catalogue.
        run_id: names this run in the provenance.
        report: where progress goes.
        say: where lines for the operator go.
    """

    def __init__(
        self,
        reel: Ingested,
        wish: Wish,
        sessions: Sessions,
        run_id: str,
        *,
        report: Reporter,
        say: Callable[[str], object],
    ) -> None:
        super().__init__(reel.way, sessions, run_id, report=report, say=say, person=wish.person)
        self.reel = reel
        self.wish = wish

    @cached_property
    def ingested(self) -> StepResult:
        """The ingest on record."""
        return self.reel.ingest

    @cached_property
    def assessed(self) -> dict[str, StepResult]:
        """The assessments on record.

        Raises:
            StepFailed: one is not in the vault.
        """
        return {segment.id: self.reel.assessed(segment) for segment in self.way.segments(self.shots)}

    @cached_property
    def plan(self) -> PlanFile:
        """The plan without what is taken back, recorded as the reel's next version, with its event."""
        with self.sessions.begin() as session:
            change = require_change(session, self.way.reel_id, self.wish)
            newest = plans.latest(session, self.way.reel_id)
            kept = plan_versions.adopt(
                session,
                self.way,
                change.plan.to_yaml(),
                author=self.wish.person,
                reason=self.wish.reason,
                parent=change.base.version,
            )
            recorded_now = newest is None or kept.version != newest.version
            if recorded_now:
                append_event(session, self._event(change, kept))
        made = "made from" if recorded_now else "recorded before, from"
        self._say(f"plan version {kept.version}, {made} version {kept.plan.parent}")
        for line in change.lines:
            self._say(f"  {line}")
        return kept

    def _event(self, change: Change, kept: PlanFile) -> EventDraft:
        moment = datetime.now(UTC)
        return EventDraft(
            reel_id=self.way.reel_id,
            execution_id=f"{self.run_id}/revert",
            term=REVERT_TERM,
            started=moment,
            ended=moment,
            outcome=Outcome.SUCCESS,
            detail={
                "plan_version": kept.version,
                "plan_sha256": kept.reference.sha256,
                "parent": change.base.version,
                "off": {
                    str(before.shot): [one.name for one in before.treatments if one not in after.treatments]
                    for before, after in zip(change.base.shots, change.plan.shots, strict=True)
                    if before != after
                },
                "reason": self.wish.reason,
            },
            participants=(self.wish.person,),
            outcomes=(("plan", kept.reference),),
        )

    @cached_property
    def proof(self) -> Proof:
        """The named shots of the restoration master, decoded again from the vault and held against the scan.

        Raises:
            MediaError: a frame that no treatment is left in is not the scan's.
        """
        from restoration_tasks.media.picture import frame_md5
        from restoration_tasks.media.reader import FrameReader

        master = self.way.vault.fetch(self.assembled.reference("restoration_master"), self.way.settings.scratch_folder)
        named = {shot.shot for shot in self.wish.asked.named(self.plan.plan)}
        written: dict[int, str] = {}
        for shot in self.plan.plan.shots:
            if shot.shot in named:
                frames = FrameReader(master, start=shot.start, count=shot.stop - shot.start)
                written |= {place: frame_md5(frame) for place, frame in enumerate(frames, start=shot.start)}
        return prove(self.plan.plan, self.reel.scan, self.reel.framemd5, written)

    def take_the_way(self) -> None:
        """Record the plan version, restore what changed, assemble, prove, check.

        Raises:
            StepFailed: a damage map is not in the vault; nothing was recorded.
            MediaError: a frame that no treatment is left in is not the scan's.
            CheckRefused: the check refuses the result.
        """
        _ = self.assessed
        _ = self.plan
        _ = self.restored
        self._say_what_else_was_worked()
        self._say(str(self.proof))
        self.require_passed()

    def _say_what_else_was_worked(self) -> None:
        """Name shots nobody asked about that could not be reused: a change of software must not pass unseen."""
        named = {shot.shot for shot in self.wish.asked.named(self.plan.plan)}
        worked = {
            segment.shot
            for segment in self.way.segments(self.shots)
            if segment.shot not in named and self.restored[segment.id].execution_id.startswith(f"{self.run_id}/")
        }
        if worked:
            self._say(
                f"  note: {shot_list(worked)} had to be restored again although nothing was taken back there: the"
                " files were gone, or made by another version of Reelkeeper"
            )


def require_change(session: Session, reel_id: str, wish: Wish) -> Change:
    """What the wish changes in the plan.

    Raises:
        WrongUse: nothing, or it cannot be fulfilled; see `change_of`.
    """
    change = change_of(session, reel_id, wish.asked, wish.version)
    if not change.takes_anything:
        raise WrongUse(
            f"there is nothing to take back: plan version {change.base.version} has no treatment in"
            f" {shot_list(change.named)}",
            reel=reel_id,
            action=f"look at the plan: `reelkeeper plans show {reel_id}`",
        )
    return change


def delivery_for_check(reel: Ingested, named: Path | None) -> Path:
    """Where the scanner's files lie; the check holds them against the record a last time.

    Args:
        reel: the reel's ingest, which says where they lay.
        named: where a person says they are.

    Raises:
        DeliveryError: they are not there.
    """
    recorded = Path(reel.ingest.sources["delivery"].location)
    places = [named] if named is not None else [recorded, reel.way.delivery]
    found = next((place for place in places if is_delivery(place)), None)
    if found is None:
        raise DeliveryError(
            "the scanner's files are not there, and the check of the next restoration master asks for them",
            reel=reel.way.reel_id,
            expected=f"the delivery in {' or '.join(dict.fromkeys(map(str, places)))}",
            found="no delivery",
            action="put it back there or name it with --delivery; a copy to look at (--to) can be made without it",
        )
    return found


def require_space(reel: Ingested) -> None:
    """Ask for room for another restoration master.

    Raises:
        VaultError: a disk has not enough.
    """
    from restoration_tasks.runtime.space import Need, require_space

    size, vault = reel.ingest.reference("master").bytes, reel.way.vault.local_root
    needs = [Need(reel.way.settings.scratch_folder, size, "the next restoration master")]
    if vault is not None:
        needs.append(Need(vault, size, "the segments it is joined from"))
    require_space(needs)
