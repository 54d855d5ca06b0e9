"""Agents: found or made once, people's names kept apart so that they can be erased."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks import __version__
from restoration_tasks.provenance import statements
from restoration_tasks.provenance.models import Agent, AgentName
from restoration_tasks.provenance.statements import AgentIdentity
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import AgentKind, AgentRole
from restoration_tasks.runtime.standing_agents import NAME


@dataclass(frozen=True)
class Participant:
    """Software, a model, a device or an organisation, and what it was to an event."""

    kind: AgentKind
    name: str
    version: str | None = None
    sha256: str | None = None
    role: AgentRole = AgentRole.EXECUTING_PROGRAM

    def __post_init__(self) -> None:
        if self.kind is AgentKind.PERSON:
            raise ValueError("a person is a provenance.agents.Person: names of people do not enter the agents table")


PROGRAM = Participant(AgentKind.SOFTWARE, NAME, __version__)
"""This program, for what it does outside a step: it plans, catalogues, audits, forgets."""


@dataclass(frozen=True)
class Person:
    """A person as the authentication manager knows them, and what they were to an event."""

    login: str
    name: str | None = None
    role: AgentRole = AgentRole.AUTHORIZER


def ensure_agents(session: Session, wanted: Iterable[Participant | Person]) -> dict[Participant | Person, uuid.UUID]:
    """The ids of these agents, made where they are new.

    Call it before `events.append_event` in a transaction: everybody takes people first, other agents after them, each
    in one order, and chains last, so that two transactions never wait for each other.
    """
    ordered = sorted(set(wanted), key=repr)
    people = [agent for agent in ordered if isinstance(agent, Person)]
    ids: dict[Participant | Person, uuid.UUID] = {
        person: ensure_person(session, person.login, person.name) for person in people
    }
    keys = {agent: identity(agent) for agent in ordered if isinstance(agent, Participant)}
    rows = statements.ensure_agents(session, keys.values())
    return ids | {agent: uuid.UUID(rows[key].id) for agent, key in keys.items()}


def identity(agent: Participant) -> AgentIdentity:
    """What makes the agent one row, as the database can hold it."""
    version = None if agent.version is None else storable(agent.version)
    return AgentIdentity(agent.kind.value, storable(agent.name), version, agent.sha256)


def ensure_person(session: Session, login: str, name: str | None = None) -> uuid.UUID:
    """The agent id of the person with this login; a new id for one not known, or erased since."""
    login = storable(login)
    query = select(AgentName).where(AgentName.login == login)
    known = session.scalar(query)
    if known is None:
        person = Agent(id=uuid.uuid4(), kind=AgentKind.PERSON)
        session.add(person)
        session.flush()
        inserted = session.execute(
            insert(AgentName)
            .values(agent_id=person.id, login=login, name=None if name is None else storable(name))
            .on_conflict_do_nothing(index_elements=[AgentName.login])
            .returning(AgentName.agent_id)
        ).scalar()
        if inserted is not None:
            return inserted
        # somebody else was faster; our nameless row stays behind, referenced by nothing
        known = session.scalars(query).one()
    if name is not None and known.name != storable(name):
        known.name = storable(name)
        session.flush()
    return known.agent_id


def names_of_people(session: Session) -> dict[str, str]:
    """What the people who were not forgotten are called, or else log in as, by agent id."""
    rows = session.execute(select(AgentName.agent_id, AgentName.name, AgentName.login))
    return {str(agent_id): name or login for agent_id, name, login in rows}
