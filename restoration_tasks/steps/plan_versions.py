"""From what the plan step drafted, or a person named, to a recorded version of the reel's plan."""

from __future__ import annotations

from sqlalchemy.orm import Session

from restoration_tasks.catalogue import plans
from restoration_tasks.provenance.agents import Participant, Person, ensure_person
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.errors import DatabaseError
from restoration_tasks.steps.asked import PlanFile
from restoration_tasks.steps.way import Way


def named(session: Session, way: Way, version: int) -> PlanFile:
    """A version that is already recorded.

    Raises:
        UnknownPlan: the reel has none of that number.
    """
    return way.plan_file(version, plans.get(session, way.reel_id, version).yaml)


def adopt(
    session: Session, way: Way, draft: str, *, author: Participant | Person, reason: str, parent: int | None = None
) -> PlanFile:
    """Record a draft as the reel's next version; one that asks for what the newest version asks for is that version.

    Args:
        session: committed by the caller.
        way: the reel's way.
        draft: YAML of the plan step, or of a person.
        author: who made it.
        reason: why, in plain words.
        parent: the version it was made from; by default the newest.

    Raises:
        PlanError: the draft is not a valid plan.
        ModelError: a network it needs is not installed, or is another than pinned.
        DecisionNeeded: nobody has accepted the licence of one.
        DatabaseError: somebody else recorded a version at the same moment.
    """
    drafted, newest = Plan.from_yaml(draft), plans.latest(session, way.reel_id)
    if newest is not None and not isinstance(author, Person):
        # What people drew by hand stays when the reel is measured and planned anew; only a person takes it out.
        drafted = drafted.with_asks_of(Plan.from_yaml(newest.yaml))
    if newest is not None and _asks_for_the_same(Plan.from_yaml(newest.yaml), drafted):
        return way.plan_file(newest.version, newest.yaml)
    if parent is None and newest is not None:
        parent = newest.version
    plan = drafted.model_copy(
        update={
            "version": 1 if newest is None else newest.version + 1,
            "parent": parent,
            # plans go into packages, where a name could not be erased any more
            "author": f"person {ensure_person(session, author.login, author.name)}"
            if isinstance(author, Person)
            else author.name,
            "reason": reason,
        }
    )
    way.require_models(plan.models)
    saved = plans.save(session, way.reel_id, plan.to_yaml(), author=author, reason=reason, parent=parent)
    if saved.version != plan.version:
        raise DatabaseError(
            "another version of the plan was recorded at the same moment",
            reel=way.reel_id,
            action="try again",
        )
    return way.plan_file(saved.version, saved.yaml)


def _asks_for_the_same(one: Plan, other: Plan) -> bool:
    return _asked(one) == _asked(other)


def _asked(plan: Plan) -> tuple[object, ...]:
    return (plan.profile, plan.profile_sha256, plan.instead_of_profile, plan.enlarge, plan.shots)
