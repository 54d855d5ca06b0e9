"""Plans: immutable numbered versions, one line of them for each reel."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.errors import UnknownPlan
from restoration_tasks.catalogue.models import Plan
from restoration_tasks.provenance.agents import Participant, Person, ensure_agents
from restoration_tasks.provenance.models import Agent
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import AgentKind
from restoration_tasks.runtime.errors import PlanError


@dataclass(frozen=True)
class PlanVersion:
    """One version of a reel's plan."""

    reel_id: str
    version: int
    """From 1, without gaps."""
    parent: int | None
    """The version this one was made from; None for a plan from scratch."""
    author_id: uuid.UUID
    reason: str
    sha256: str
    """Of `yaml` in UTF-8."""
    yaml: str
    created_at: datetime


def save(
    session: Session,
    reel_id: str,
    yaml: str,
    *,
    author: Participant | Person,
    reason: str,
    parent: int | None = None,
) -> PlanVersion:
    """Save a plan as the reel's next version. Concurrent saves get numbers of their own.

    Saving what the newest version already holds (text, parent, author and reason), as a retried task does, gives that
    version back.

    Raises:
        UnknownReel: no such reel.
        UnknownPlan: the reel has no version `parent`.
        PlanError: the text holds characters no database stores.
    """
    if storable(yaml) != yaml:
        raise PlanError(
            "the plan holds NUL or broken characters", reel=reel_id, action="save the plan file again as UTF-8 text"
        )
    author_id = ensure_agents(session, [author])[author]
    reels.require(session, reel_id, lock=True)
    newest = latest(session, reel_id)
    if parent is not None:
        get(session, reel_id, parent)
    digest = hashlib.sha256(yaml.encode()).hexdigest()
    same = (parent, author_id, storable(reason), digest)
    if newest is not None and (newest.parent, newest.author_id, newest.reason, newest.sha256) == same:
        return newest
    plan = Plan(
        reel_id=reel_id,
        version=1 if newest is None else newest.version + 1,
        parent=parent,
        author_id=author_id,
        reason=storable(reason),
        sha256=digest,
        yaml=yaml,
    )
    session.add(plan)
    session.flush()
    return _version(plan)


def get(session: Session, reel_id: str, version: int) -> PlanVersion:
    """One version.

    Raises:
        UnknownPlan: the reel has none of that number.
    """
    plan = session.get(Plan, (reel_id, version))
    if plan is None:
        newest = latest(session, reel_id)
        raise UnknownPlan(
            f"there is no plan version {version}",
            reel=reel_id,
            expected="no plan yet" if newest is None else f"a version from 1 to {newest.version}",
            found=version,
            action="name a version that exists, or run the plan step first",
        )
    return _version(plan)


def latest(session: Session, reel_id: str) -> PlanVersion | None:
    """The newest version, or None."""
    plan = session.scalar(select(Plan).where(Plan.reel_id == reel_id).order_by(Plan.version.desc()).limit(1))
    return None if plan is None else _version(plan)


def made_by_person(session: Session, reel_id: str, version: int) -> bool:
    """Whether a person made a version, by hand, and not the plan step."""
    kind = session.scalar(
        select(Agent.kind)
        .join(Plan, Plan.author_id == Agent.id)
        .where(Plan.reel_id == reel_id, Plan.version == version)
    )
    return kind is AgentKind.PERSON


def _version(plan: Plan) -> PlanVersion:
    return PlanVersion(
        reel_id=plan.reel_id,
        version=plan.version,
        parent=plan.parent,
        author_id=plan.author_id,
        reason=plan.reason,
        sha256=plan.sha256,
        yaml=plan.yaml,
        created_at=plan.created_at,
    )
