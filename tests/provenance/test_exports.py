"""Exports: hostile text survives or is made harmless, files re-parse, the chain verifies without the database."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET

import pytest

from restoration_tasks.provenance import chain, export, premis
from restoration_tasks.provenance.agents import Person, names_of_people
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.text import xml_text
from restoration_tasks.provenance.verify import Tampering
from restoration_tasks.provenance.vocabulary import DecisionAnswer
from restoration_tasks.runtime.errors import ProvenanceBroken
from restoration_tasks.runtime.spec import StepName
from tests.provenance.results import REEL, START, digest, output, step_result

P = {"p": premis.PREMIS.uri, "rk": premis.CHAIN.uri}
HOSTILE = [
    "<script>alert('x')</script> & ]]> <!-- --> <![CDATA[",
    "東京物語 麦秋 晩春",
    "\u202eمرحبا\u202c بالعالم שלום",
    "long " * 2000,
    "nul \x00 bell \x07 escape \x1b del \x7f c1 \x85 nonchar \ufffe\uffff surrogate \udcff",
    "tab\tline\nend",
    "emoji \U0001f39e combining a\u0301",
    "%s {} ${jndi:ldap://x} ' OR 1=1; --",
]


@pytest.fixture
def recorder(sessions):
    recorder = Recorder(sessions)
    recorder.record(step_result(StepName.INGEST, "run-1/ingest", inputs={}, outputs=(output("master"),)))
    recorder.record(step_result(minute=5))
    recorder.record_decision(
        REEL, execution_id="run-1/decide", answer=DecisionAnswer.APPROVE, person=Person("ana", "Ana Petrova"),
        role="conservator", plan_version=1, plan_sha256=digest("plan"), at=START,
    )  # fmt: skip
    return recorder


def line_of(sessions, reel=REEL):
    with sessions() as session:
        return next(chain.load(session, reel))


def test_premis_holds_the_reel_its_files_events_and_agents(recorder):
    root = ET.fromstring(premis.premis_xml(line_of(recorder.sessions), title="Titel"))
    assert root.tag == premis.PREMIS.tag("premis")
    assert [event.findtext("p:eventType", namespaces=P) for event in root.findall("p:event", P)] == [
        "ingestion", "modification", "decision",
    ]  # fmt: skip
    assert root.findtext(".//p:significantPropertiesValue", namespaces=P) == "Titel"
    digests = {element.text for element in root.findall(".//p:messageDigest", P)}
    assert digests == {digest("master"), digest("segment")}
    kinds = sorted(element.text or "" for element in root.findall("p:agent/p:agentType", P))
    assert kinds == ["person", "software", "software"]
    # every link leads to something in the file
    known = {element.text for what in ("object", "event", "agent") for element in root.findall(
        f"p:{what}/p:{what}Identifier/p:{what}IdentifierValue", P
    )}  # fmt: skip
    for what in ("linkingAgent", "linkingObject", "linkingEvent", "relatedObject"):
        links = [element.text for element in root.findall(f".//p:{what}Identifier/p:{what}IdentifierValue", P)]
        assert links
        assert set(links) <= known
    hashes = [element.text for element in root.findall(".//rk:hash", P)]
    befores = [element.text for element in root.findall(".//rk:previousHash", P)]
    assert befores[1:] == hashes[:-1]


def test_names_of_people_are_left_out_unless_asked_for(recorder):
    line = line_of(recorder.sessions)
    with recorder.sessions() as session:
        names = names_of_people(session)
    assert b"Ana" not in premis.premis_xml(line)
    assert b"Ana Petrova" in premis.premis_xml(line, names=names)
    assert b"Ana" not in export.chain_json(line)


def test_the_elements_come_in_the_order_of_the_schema(recorder):
    """Orders as in the PREMIS 3.0 schema's sequences."""
    order = {
        "object": ["objectIdentifier", "significantProperties", "objectCharacteristics", "storage", "relationship",
                   "linkingEventIdentifier"],
        "event": ["eventIdentifier", "eventType", "eventDateTime", "eventDetailInformation",
                  "eventOutcomeInformation", "linkingAgentIdentifier", "linkingObjectIdentifier"],
        "agent": ["agentIdentifier", "agentName", "agentType", "agentVersion", "agentNote"],
    }  # fmt: skip
    line = line_of(recorder.sessions)
    people = {agent.id: "Ana" for agent in line.agents() if agent.kind == "person"}
    root = ET.fromstring(premis.premis_xml(line, title="t", names=people))
    tops = [child.tag.rpartition("}")[2] for child in root]
    assert tops == sorted(tops, key=list(order).index)
    for child in root:
        known = order[child.tag.rpartition("}")[2]]
        names = [part.tag.rpartition("}")[2] for part in child]
        assert names == sorted(names, key=known.index)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_passes_through_premis_and_json(recorder, hostile):
    recorder.record_failure(
        REEL, StepName.SHOTS, execution_id=f"run-1/{hostile}", started=START, ended=START, message=hostile
    )
    line = line_of(recorder.sessions)
    xml, chain_json = premis.premis_xml(line, title=hostile), export.chain_json(line)
    root = ET.fromstring(xml)
    assert root.findtext(".//p:significantPropertiesValue", namespaces=P) == xml_text(hostile)
    detail = root.findall("p:event", P)[-1].findall(".//p:eventDetail", P)[-1].text
    assert xml_text(json.loads(detail or "")["message"]) == xml_text(hostile)
    assert b"<script" not in xml
    assert export.verify_export(chain_json).ok


def test_an_exported_chain_verifies_alone_and_a_changed_one_does_not(recorder):
    content = export.chain_json(line_of(recorder.sessions))
    report = export.verify_export(content)
    assert (report.ok, report.events) == (True, 3)
    assert premis.premis_xml(export.read(content)).count(b"<premis:event>") == 3
    changed = json.loads(content)
    changed["events"][1]["detail"] = changed["events"][1]["detail"].replace("0.0125", "0.0225")
    (finding,) = export.verify_export(json.dumps(changed).encode()).findings
    assert (finding.kind, finding.seq) == (Tampering.CHANGED, 2)
    del changed["events"][1]
    (finding,) = export.verify_export(json.dumps(changed).encode()).findings
    assert (finding.kind, finding.seq) == (Tampering.REMOVED, 2)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"format": 1}', b"\xff"])
def test_what_is_no_export_is_named(content):
    with pytest.raises(ProvenanceBroken, match="not an exported chain"):
        export.read(content, source="chain.json")
