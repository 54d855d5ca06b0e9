"""PREMIS 3 XML of a reel: the reel, its files, events and agents, with the chain's hashes beside each event."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject, ReelChain
from restoration_tasks.provenance.vocabulary import LOCAL_AUTHORITY, AgentKind, EventType
from restoration_tasks.provenance.xml_document import XSI, Namespace, document

PREMIS = Namespace("premis", "http://www.loc.gov/premis/v3", "https://www.loc.gov/standards/premis/v3/premis-v3-0.xsd")
CHAIN = Namespace("rk", "urn:reelkeeper:chain:1")
"""Of the chain's elements inside `eventDetailExtension`."""
_UUID = "UUID"
_REEL = "reel"

_AGENT_TYPES = {
    AgentKind.PERSON: "person",
    AgentKind.ORGANISATION: "organization",
    AgentKind.SOFTWARE: "software",
    AgentKind.MODEL: "software",
    AgentKind.DEVICE: "hardware",
}
"""Our kinds in the words of the PREMIS agent type vocabulary."""


def premis_xml(line: ReelChain, *, title: str | None = None, names: Mapping[str, str] | None = None) -> bytes:
    """PREMIS XML of a chain, from the database or from an export.

    Args:
        line: the chain.
        title: the reel's title.
        names: people's names by agent id; people without one are given by id alone.
    """
    root = PREMIS.root("premis", {"version": "3.0"})
    add_reel(root, line.reel_id, title)
    for entry in line.objects():
        add_file(root, line, entry)
    for event in line.events:
        add_event(root, event)
    for agent in line.agents():
        add_agent(root, agent, (names or {}).get(agent.id))
    return document(root)


def add_reel(root: ET.Element, reel_id: str, title: str | None) -> None:
    """The reel as an intellectual entity."""
    element = _add(root, "object")
    element.set(XSI.tag("type"), "premis:intellectualEntity")
    _identifier(element, "object", _REEL, reel_id)
    if title is not None:
        _property(element, "title", title)


def add_file(root: ET.Element, line: ReelChain, entry: LinkedObject) -> None:
    """A file with its fixity, and which events it is linked to."""
    element = _add(root, "object")
    element.set(XSI.tag("type"), "premis:file")
    _identifier(element, "object", _UUID, entry.id)
    _property(element, "role", entry.role)
    characteristics = _add(element, "objectCharacteristics")
    fixity = _add(characteristics, "fixity")
    _add(fixity, "messageDigestAlgorithm", "SHA-256")
    _add(fixity, "messageDigest", entry.sha256)
    _add(characteristics, "size", str(entry.bytes))
    designation = _add(_add(characteristics, "format"), "formatDesignation")
    _add(designation, "formatName", entry.media_type)
    location = _add(_add(element, "storage"), "contentLocation")
    _add(location, "contentLocationType", "vault URI")
    _add(location, "contentLocationValue", entry.uri)
    relationship = _add(element, "relationship")
    _add(relationship, "relationshipType", "structural")
    _add(relationship, "relationshipSubType", "is part of")
    _identifier(relationship, "relatedObject", _REEL, line.reel_id)
    for event in line.events:
        if any(linked.id == entry.id for linked in event.objects):
            _identifier(element, "linkingEvent", _UUID, event.id)


def add_event(root: ET.Element, event: ChainedEvent) -> None:
    """An event with its place in the chain."""
    element = _add(root, "event")
    _identifier(element, "event", _UUID, event.id)
    known = {member.value: member.authority for member in EventType}
    _add(element, "eventType", event.event_type, authority=known.get(event.event_type, LOCAL_AUTHORITY))
    # an interval in the Extended Date/Time Format, which PREMIS dates allow
    _add(element, "eventDateTime", f"{chain.utc_text(event.started)}/{chain.utc_text(event.ended)}")
    _add(_add(element, "eventDetailInformation"), "eventDetail", event.subtype)
    information = _add(element, "eventDetailInformation")
    _add(information, "eventDetail", event.detail)
    place = CHAIN.add(_add(information, "eventDetailExtension"), "place")
    for name, value in (
        ("seq", str(event.seq)),
        ("executionId", event.execution_id),
        ("recordedAt", chain.utc_text(event.recorded_at)),
        ("previousHash", event.previous_hash),
        ("hash", event.hash),
    ):
        CHAIN.add(place, name, value)
    _add(_add(element, "eventOutcomeInformation"), "eventOutcome", event.outcome)
    for agent in event.agents:
        _add(_identifier(element, "linkingAgent", _UUID, agent.id), "linkingAgentRole", agent.link)
    for entry in event.objects:
        _add(_identifier(element, "linkingObject", _UUID, entry.id), "linkingObjectRole", entry.link)


def add_agent(root: ET.Element, agent: LinkedAgent, person: str | None) -> None:
    """An agent; a person by id alone unless `person` names them."""
    element = _add(root, "agent")
    _identifier(element, "agent", _UUID, agent.id)
    name = agent.name or person
    if name is not None:
        _add(element, "agentName", name)
    _add(element, "agentType", _AGENT_TYPES[AgentKind(agent.kind)])
    if agent.version is not None:
        _add(element, "agentVersion", agent.version)
    if agent.kind == AgentKind.MODEL:
        _add(element, "agentNote", "model")
    if agent.sha256 is not None:
        _add(element, "agentNote", f"sha256 {agent.sha256}")


def _identifier(parent: ET.Element, what: str, kind: str, value: str) -> ET.Element:
    element = _add(parent, f"{what}Identifier")
    _add(element, f"{what}IdentifierType", kind)
    _add(element, f"{what}IdentifierValue", value)
    return element


def _property(parent: ET.Element, kind: str, value: str) -> None:
    element = _add(parent, "significantProperties")
    _add(element, "significantPropertiesType", kind)
    _add(element, "significantPropertiesValue", value)


def _add(parent: ET.Element, name: str, content: str | None = None, **attributes: str) -> ET.Element:
    return PREMIS.add(parent, name, content, attributes)
