"""The whole way of a reel without Airflow: each step in a process of its own, recorded as in a DAG run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from restoration_tasks.catalogue import decisions, journal, lock, nights, reels, waivers
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.provenance.agents import PROGRAM, Person
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.runtime.errors import CheckRefused, DecisionNeeded
from restoration_tasks.runtime.launch import StepProcess, write_specs
from restoration_tasks.runtime.progress import Reporter, parse_line
from restoration_tasks.runtime.runner import finished
from restoration_tasks.runtime.spec import Reference, Spec, StepName, StepResult
from restoration_tasks.steps import deciding, plan_versions
from restoration_tasks.steps.asked import Execution
from restoration_tasks.steps.batching import Pace, pace_of
from restoration_tasks.steps.carrier import with_carrier
from restoration_tasks.steps.liveness import alive, dead_holder
from restoration_tasks.steps.way import Way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.steps.asked import PlanFile

Say = Callable[[str], object]


class Conductor:
    """Takes one reel its way. Each property works what it needs first; finished work is reused.

    Args:
        way: builds the specs.
        sessions: the catalogue.
        run_id: names this run in the provenance; running the same id again goes on where it stopped.
        report: where progress goes.
        say: where lines for the operator go.
        fresh: steps to work again although they had succeeded.
        person: who gives this command; needed only where findings are waived.
    """

    def __init__(
        self,
        way: Way,
        sessions: Sessions,
        run_id: str,
        *,
        report: Reporter,
        say: Say,
        fresh: frozenset[StepName] = frozenset(),
        person: Person | None = None,
    ) -> None:
        self.way = way
        self.sessions = sessions
        self.run_id = run_id
        self.report = report
        self._say = say
        self._fresh = fresh
        self._person = person
        self._running: set[StepProcess] = set()
        self._guard = threading.Lock()

    @contextmanager
    def holding_the_reel(self, *, to_the_end: bool = False) -> Iterator[None]:
        """Register the reel and hold it for this run. One whose run fails is *failed* afterwards.

        Args:
            to_the_end: whether the run takes the reel all its way; its place in the queue then goes along. After a
                step by hand the reel stands where it stood.

        Raises:
            ReelBusy: another run works on it.
        """
        with alive(self.way.settings, self.run_id) as life:
            with self.sessions.begin() as session:
                reels.register(session, self.way.reel_id, delivery_uri=str(self.way.delivery))
                dead = dead_holder(self.way.settings, lock.holder(session, self.way.reel_id))
                lock.acquire(session, self.way.reel_id, self.run_id, dead=dead)
                life.holds_the_reel = True  # whatever becomes of this transaction: its end may not reach us
                before = reels.begin_work(session, self.way.reel_id)
                if to_the_end:
                    nights.opened(session, self.way.reel_id, self.run_id)
                self.way = with_carrier(session, self.way)
                waivers.record(
                    session,
                    self.way.reel_id,
                    run_id=self.run_id,
                    waivers=self.way.options.waivers,
                    person=self._person,
                )
            problem: BaseException | None = None
            try:
                yield
            except BaseException as error:
                problem = error
                raise
            finally:
                self._stop_all()
                self._give_back(before, problem, to_the_end=to_the_end)
                life.holds_the_reel = False

    def _give_back(self, before: ReelState, problem: BaseException | None, *, to_the_end: bool) -> None:
        """Release the reel, and say where it and its place in the queue stand."""
        waits = isinstance(problem, DecisionNeeded)
        with self.sessions.begin() as session:
            lock.release(session, self.way.reel_id, self.run_id)
            reels.end_work(session, self.way.reel_id, before if problem is None or waits else ReelState.FAILED)
            if to_the_end and waits:
                nights.worked(session, self.way.reel_id, self.run_id)
            elif to_the_end:
                why = "" if problem is None else str(problem) or "it was stopped"
                surveyed = not self.way.rules.restores
                nights.closed(session, self.way.reel_id, self.run_id, whole=problem is None, why=why, surveyed=surveyed)

    @cached_property
    def ingested(self) -> StepResult:
        """The delivery, checked, and its preservation master."""
        return self._one(StepName.INGEST, self.way.ingest)

    @cached_property
    def shots(self) -> StepResult:
        """Cuts and segments."""
        return self._one(StepName.SHOTS, lambda asks: self.way.shots(asks, self.ingested))

    @cached_property
    def assessed(self) -> dict[str, StepResult]:
        """Damage of every segment."""
        ingest = self.ingested
        return self._lanes(StepName.ASSESS, lambda asks, segment: self.way.assess(asks, ingest, segment))

    @cached_property
    def planned(self) -> StepResult:
        """What the plan step drafted, and the condition report."""
        return self._one(StepName.PLAN, lambda asks: self.way.plan(asks, self.ingested, self.shots, self.assessed))

    @cached_property
    def plan(self) -> PlanFile:
        """The plan, recorded as a version of the reel."""
        if self.way.options.plan_version is not None:
            with self.sessions.begin() as session:
                recorded = plan_versions.named(session, self.way, self.way.options.plan_version)
            self.way.require_models(recorded.plan.models)
            return recorded
        drafted = self.planned
        with self.sessions.begin() as session:
            return plan_versions.adopt(
                session,
                self.way,
                self.way.draft(drafted),
                author=PROGRAM,
                reason=f"from the damage measured; {self.way.rules.words}",
            )

    @cached_property
    def restored(self) -> dict[str, StepResult]:
        """Every segment, treated as the plan says."""
        ingest, assessed, plan = self.ingested, self.assessed, self.plan.plan
        return self._lanes(
            StepName.RESTORE, lambda asks, segment: self.way.restore(asks, ingest, assessed, plan, segment), plan
        )

    @cached_property
    def enlarged(self) -> dict[str, StepResult]:
        """The larger version of every segment; empty where the plan asks for none."""
        asked, restored = self.plan.plan.enlarge, self.restored
        if asked is None:
            return {}
        return self._lanes(StepName.ENLARGE, lambda asks, segment: self.way.enlarge(asks, restored, asked, segment))

    @cached_property
    def assembled(self) -> StepResult:
        """Restoration master and copies, and the larger version where there is one."""
        restored, enlarged = self.restored, self.enlarged
        return self._one(
            StepName.ASSEMBLE,
            lambda asks: self.way.assemble(asks, self.ingested, restored, self.way.segments(self.shots), enlarged),
        )

    @cached_property
    def checked(self) -> StepResult:
        """What the check found."""
        return self._one(
            StepName.CHECK,
            lambda asks: self.way.check(
                asks, self.ingested, self.shots, self.assessed, self.restored, self.plan.reference, self.assembled
            ),
        )

    def decide(self, answer: DecisionAnswer, login: str, note: str, *, waive: Sequence[str] = ()) -> None:
        """Record what a person says about the restoration.

        Args:
            answer: approve, redo or reject.
            login: who says it.
            note: in their own words; a waiver is not taken without.
            waive: the rules by which the check refused it and which they let pass, each by its name.

        Raises:
            WrongUse: this person may not decide; or they waive what refused nothing, or without a reason.
            CheckRefused: what the check refused cannot be approved, unless all of it is waived.
        """
        role = decisions.role_of(login, self.way.settings)
        if waive:
            deciding.require_all_named(self.checked, waive)
        elif answer is DecisionAnswer.APPROVE:
            self.require_passed()
        with self.sessions.begin() as session:
            deciding.decide(
                session,
                self.checked,
                run_id=self.run_id,
                execution_id=f"{self.run_id}/decide",
                plan_version=self.plan.version,
                answer=answer,
                waive=bool(waive),
                person=Person(login),
                role=role,
                note=note,
            )

    def require_passed(self) -> None:
        """Go on only if the check passed.

        Raises:
            CheckRefused: it did not.
        """
        if not self.checked.figures["passed"]:
            failed = ", ".join(deciding.refusing_rules(self.checked))
            raise CheckRefused(
                f"the check refused the restoration: {failed}",
                reel=self.way.reel_id,
                file=self.way.vault.path(self.checked.output("report").uri),
                action="read the report, then run again with --strength gentler or fewer treatments; or let each of"
                " these rules pass with --waive-rule RULE --note WHY --approve-as NAME",
            )

    def end_with_the_condition(self) -> StepResult:
        """End here, as a profile that restores nothing asks: the plan step with the condition report."""
        _ = self.plan  # what `planned` drafted, recorded as a version
        return self.planned

    def leave_to_a_person(self) -> None:
        """End here until somebody decides.

        Raises:
            DecisionNeeded: always.
        """
        with self.sessions.begin() as session:
            reels.set_state(session, self.way.reel_id, ReelState.AWAITING_DECISION)
        raise DecisionNeeded(
            "the restoration waits for a person's decision",
            reel=self.way.reel_id,
            file=self.way.vault.path(self.checked.output("report").uri),
            action="look at the report, then run the same command with --approve-as NAME",
        )

    @cached_property
    def documents(self) -> dict[str, Reference]:
        """The reel in the catalogue; the papers its package takes along. Needs an approval."""
        from restoration_tasks.steps.publishing import publish_restoration

        return publish_restoration(
            self.sessions,
            self.way,
            run_id=self.run_id,
            execution_id=f"{self.run_id}/catalogue",
            ingested=self.ingested,
            assembled=self.assembled,
            checked=self.checked,
            plan=self.plan.reference,
            plan_version=self.plan.version,
        )

    @cached_property
    def packaged(self) -> StepResult:
        """The BagIt package."""
        documents = self.documents
        return self._one(
            StepName.PACKAGE,
            lambda asks: self.way.package(
                asks,
                self.ingested,
                self.plan.reference,
                self.assembled,
                self.checked,
                documents,
                self.way.bag_info(self.assembled.ended.date(), self.plan.version),
            ),
        )

    @cached_property
    def _pace(self) -> Pace:
        with self.sessions() as session:
            return pace_of(session, self.way.settings, self.way.reel_id, self.run_id)

    def _one(self, step: StepName, spec_for: Callable[[Execution], Spec]) -> StepResult:
        task = journal.Task(self.run_id, step)
        return self._work(task, (spec_for(self._execution(task)),))[0]

    def _lanes(self, step: StepName, spec_for: Callable[..., Spec], plan: Plan | None = None) -> dict[str, StepResult]:
        """Work every batch, some side by side."""
        found: dict[str, StepResult] = {}
        with ThreadPoolExecutor(self.way.settings.lanes) as lanes:
            futures = []
            for batch in self.way.batches(step, self.shots, self._pace, plan):
                task = journal.Task(self.run_id, step, batch.number - 1)
                specs = tuple(spec_for(self._execution(task), segment) for segment in batch.segments)
                futures.append(lanes.submit(self._work, task, specs))
            try:
                for future in futures:
                    found |= {str(result.segment): result for result in future.result()}
            except BaseException:
                lanes.shutdown(wait=False, cancel_futures=True)
                self._stop_all()
                raise
        return found

    def _execution(self, task: journal.Task) -> Execution:
        return Execution(task.execution_id, fresh=StepName(task.task_id) in self._fresh)

    def _work(self, task: journal.Task, specs: tuple[Spec, ...]) -> list[StepResult]:
        if not all(finished(spec, self.way.vault) for spec in specs):
            self._process(write_specs(self.way.vault, specs))
        results = [self.way.result_of(spec) for spec in specs]
        for spec, result in zip(specs, results, strict=True):
            journal.record(self.sessions, task, spec, result)
            self._say(_line(spec, result))
            for warning in result.warnings:
                self._say(f"  note: {warning}")
        return results

    def _process(self, spec_uri: str) -> None:
        process = StepProcess(spec_uri, self.way.settings)
        with self._guard:
            self._running.add(process)
        try:
            for line in process.lines():
                if (progress := parse_line(line)) is not None:
                    self.report(progress)
            process.check()
        finally:
            process.stop()
            with self._guard:
                self._running.discard(process)

    def _stop_all(self) -> None:
        with self._guard:
            running = list(self._running)
        for process in running:
            process.stop()


def _line(spec: Spec, result: StepResult) -> str:
    if result.execution_id != spec.execution_id:
        return f"{spec.label}: reused"
    if result.compared is not None:
        return f"{spec.label}: worked again in {result.wall_s:.1f} s; the bytes {_agreement(result)}"
    return f"{spec.label}: {result.wall_s:.1f} s"


def _agreement(result: StepResult) -> str:
    assert result.compared is not None
    if not result.compared.differing:
        return f"agree with attempt {result.compared.with_attempt}"
    return f"DIFFER from attempt {result.compared.with_attempt} in {', '.join(result.compared.differing)}"
