"""Every form of export: valid by its schema, whatever the text; nobody named unasked; the same facts in each."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import xmlschema
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import ProvDocument

from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.description import ReelDescription, Title
from restoration_tasks.provenance.dublin_core import DC, OAI_DC, dublin_core_xml
from restoration_tasks.provenance.events_csv import COLUMNS, events_csv
from restoration_tasks.provenance.mets import METS, XLINK, mets_xml
from restoration_tasks.provenance.pbcore import DIGEST, PBCORE, pbcore_xml
from restoration_tasks.provenance.premis import PREMIS, premis_xml
from restoration_tasks.provenance.prov_json import prov_json
from restoration_tasks.provenance.text import xml_text
from tests.provenance.described import NAMES, PERSON, described, in_package
from tests.provenance.results import REEL, digest
from tests.provenance.test_exports import HOSTILE

SCHEMAS = Path(__file__).parent / "schemas"
N = {one.prefix: one.uri for one in (PREMIS, METS, PBCORE, DC, OAI_DC, XLINK)}
FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n")
FIFTEEN = {
    "title", "creator", "subject", "description", "publisher", "contributor", "date", "type", "format", "identifier",
    "source", "language", "relation", "coverage", "rights",
}  # fmt: skip
"""The elements of Dublin Core (ISO 15836-1)."""

# Of the PBCore 2.1 schema: what may stand inside an element, in this order; `!` once or more, `?` at most once.
PBCORE_ORDER = {
    "pbcoreDescriptionDocument": (
        "pbcoreAssetType pbcoreAssetDate pbcoreIdentifier! pbcoreTitle! pbcoreSubject pbcoreDescription! pbcoreGenre"
        " pbcoreRelation pbcoreCoverage pbcoreAudienceLevel pbcoreAudienceRating pbcoreCreator pbcoreContributor"
        " pbcorePublisher pbcoreRightsSummary pbcoreInstantiation pbcoreAnnotation pbcorePart pbcoreExtension"
    ),
    "pbcoreCoverage": "coverage! coverageType?",
    "pbcoreCreator": "creator! creatorRole",
    "pbcoreContributor": "contributor! contributorRole",
    "pbcoreInstantiation": (
        "instantiationIdentifier! instantiationDate instantiationDimensions instantiationPhysical?"
        " instantiationDigital? instantiationStandard? instantiationLocation! instantiationMediaType?"
        " instantiationGenerations instantiationFileSize? instantiationTimeStart? instantiationDuration?"
        " instantiationDataRate? instantiationColors? instantiationTracks? instantiationChannelConfiguration?"
        " instantiationLanguage? instantiationAlternativeModes? instantiationEssenceTrack instantiationRelation"
        " instantiationRights instantiationAnnotation instantiationPart instantiationExtension"
    ),
    "instantiationEssenceTrack": (
        "essenceTrackType? essenceTrackIdentifier essenceTrackStandard? essenceTrackEncoding? essenceTrackDataRate?"
        " essenceTrackFrameRate? essenceTrackPlaybackSpeed? essenceTrackSamplingRate? essenceTrackBitDepth?"
        " essenceTrackFrameSize? essenceTrackAspectRatio? essenceTrackTimeStart? essenceTrackDuration?"
        " essenceTrackLanguage? essenceTrackAnnotation essenceTrackExtension"
    ),
}


@pytest.fixture(scope="module")
def premis_schema() -> xmlschema.XMLSchema:
    return xmlschema.XMLSchema(str(SCHEMAS / "premis-v3-0.xsd"), allow="local")


@pytest.fixture(scope="module")
def mets_schema() -> xmlschema.XMLSchema:
    """With that of PREMIS, so that what is wrapped is validated where it stands."""
    xlink = {XLINK.uri: str(SCHEMAS / "xlink.xsd")}
    schema = xmlschema.XMLSchema(str(SCHEMAS / "mets.xsd"), allow="local", locations=xlink)
    schema.add_schema(str(SCHEMAS / "premis-v3-0.xsd"), build=True)
    return schema


def validate(schema: xmlschema.XMLSchema, content: bytes) -> None:
    # the places of schemas that a document names are not followed: nothing is fetched
    schema.validate(io.BytesIO(content), use_location_hints=False)


def test_the_schemas_refuse_what_is_wrong(premis_schema, mets_schema):
    """A validation that passes everything would prove nothing."""
    line, description = described()
    for schema, content, wrong in (
        (premis_schema, premis_xml(line), (b"premis:eventOutcomeInformation>", b"premis:eventOutcome>")),
        (mets_schema, mets_xml(line, description), (b'CHECKSUMTYPE="SHA-256"', b'CHECKSUMTYPE="sha256"')),
        (mets_schema, mets_xml(line, description), (b'FILEID="file-1"', b'FILEID="file-99"')),
        (mets_schema, mets_xml(line, description), (b"premis:eventOutcomeInformation>", b"premis:eventOutcome>")),
    ):
        validate(schema, content)
        assert wrong[0] in content
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            validate(schema, content.replace(*wrong))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_premis_and_mets_are_valid_by_their_schemas(premis_schema, mets_schema, hostile):
    line, description = described(hostile)
    for names in ({}, {PERSON: hostile}):
        validate(premis_schema, premis_xml(line, title=hostile, names=names))
        content = mets_xml(line, in_package(description), names=names)
        validate(mets_schema, content)
        wrapped = ET.fromstring(content).findall(".//mets:amdSec/*/mets:mdWrap/mets:xmlData/*", N)
        assert len(wrapped) == 1 + len(description.files) + len(line.events) + len(line.agents())


def test_a_reel_of_which_nothing_is_known_is_valid_too(premis_schema, mets_schema):
    line, bare = ReelChain(REEL, 0, None, ()), ReelDescription(REEL, (Title("Titel"),))
    validate(premis_schema, premis_xml(line))
    validate(mets_schema, mets_xml(line, bare))
    require_pbcore(ET.fromstring(pbcore_xml(bare)))
    assert list(csv.reader(io.StringIO(events_csv(line).decode("utf-8-sig")))) == [list(COLUMNS)]
    assert set(ProvDocument.deserialize(content=prov_json(line, bare).decode(), format="json").get_records()) != set()


def test_mets_lists_the_kept_files_with_their_fixity_and_place():
    line, description = described()
    root = ET.fromstring(mets_xml(line, in_package(description)))
    files = root.findall("mets:fileSec/mets:fileGrp/mets:file", N)
    assert [(file.get("USE"), file.get("SIZE"), file.get("CHECKSUM")) for file in files] == [
        (kept, str(size), digest(kept))
        for kept, size in (("master", 1001), ("restoration_master", 1003), ("access", 1004), ("report", 1005))
    ]
    assert [place.get(XLINK.tag("href")) for place in files[0]] == ["../masters/master.mkv", "vault:reels/Titel/master"]
    # the reel's order: as scanned, restored, to be looked at, papers
    parts = root.findall("mets:structMap/mets:div/mets:div", N)
    assert [(part.get("ORDER"), part.get("TYPE")) for part in parts] == [
        ("1", "preservation"), ("2", "restoration"), ("3", "access"), ("4", "documentation"),
    ]  # fmt: skip
    by_id = {file.get("ID"): file.get("USE") for file in files}
    assert [by_id[pointer.get("FILEID")] for part in parts for pointer in part] == [file.get("USE") for file in files]


def require_pbcore(element: ET.Element) -> None:
    """Order, occurrence and required attributes of the PBCore 2.1 schema, down the tree."""
    name = element.tag.rpartition("}")[2]
    assert element.tag == PBCORE.tag(name)
    found = [child.tag.rpartition("}")[2] for child in element]
    if name in PBCORE_ORDER:
        order = PBCORE_ORDER[name].split()
        places = [one.rstrip("!?") for one in order]
        assert found == sorted(found, key=places.index), name
        for rule, place in zip(order, places, strict=True):
            assert not (rule.endswith("!") and found.count(place) == 0), f"{name} lacks {place}"
            assert not (rule.endswith("?") and found.count(place) > 1), f"{name} has more than one {place}"
        assert found.count("instantiationLocation") <= 1
    else:
        assert found == [], f"{name} holds no elements"
    if name in {"pbcoreIdentifier", "instantiationIdentifier"}:
        assert element.get("source")
    if name == "coverageType":
        assert element.text in {"Spatial", "Temporal"}
    if name == "instantiationLanguage":
        assert re.fullmatch("([a-z]{3}((;[a-z]{3})?)*)?", element.text or "")
    for child in element:
        require_pbcore(child)


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_pbcore_keeps_the_order_and_occurrence_of_its_schema(hostile):
    root = ET.fromstring(pbcore_xml(described(hostile)[1]))
    require_pbcore(root)
    kept = [
        one.findtext("pbcore:instantiationGenerations", namespaces=N)
        for one in root.iter(PBCORE.tag("pbcoreInstantiation"))
    ]
    assert kept == [None, "Preservation master", "Restoration master", "Access copy"]
    digests = [one.text for one in root.iter(PBCORE.tag("instantiationIdentifier")) if one.get("source") == DIGEST]
    assert digests == [digest("master"), digest("restoration_master"), digest("access")]
    tracks = root.findall(".//pbcore:instantiationEssenceTrack", N)
    assert [track.findtext("pbcore:essenceTrackType", namespaces=N) for track in tracks] == ["Video", "Audio"] * 2
    assert tracks[0].findtext("pbcore:essenceTrackFrameSize", namespaces=N) == "2048x1556"
    assert [one.text for one in root.iter(PBCORE.tag("instantiationLanguage"))] == ["deu"] * 3


def test_dublin_core_has_its_own_elements_only():
    root = ET.fromstring(dublin_core_xml(described("東京物語")[1]))
    assert root.tag == OAI_DC.tag("dc")
    names = [child.tag.removeprefix(DC.tag("")) for child in root]
    assert set(names) <= FIFTEEN
    said = {(name, child.text) for name, child in zip(names, root, strict=True)}
    assert said >= {
        ("title", "東京物語"), ("creator", "東京物語"), ("contributor", "東京物語"), ("date", "1927"),
        ("identifier", REEL), ("source", "東京物語"), ("type", "MovingImage"),
    }  # fmt: skip


def test_prov_is_read_by_others_and_makes_every_file_once():
    line, description = described()
    said = json.loads(prov_json(line, description))
    document = ProvDocument.deserialize(content=json.dumps(said), format="json")
    assert len(document.get_records()) == sum(len(records) for kind, records in said.items() if kind != "prefix")
    assert document == ProvDocument.deserialize(content=document.serialize(), format="json")
    made = [(one["prov:entity"][-2:], one["prov:activity"][-2:]) for one in said["wasGeneratedBy"].values()]
    assert made == [("01", "11"), ("02", "12"), ("03", "13"), ("04", "13"), ("05", "15")]
    # the second assembly found its files made already
    assert {one["prov:entity"][-2:] for one in said["used"].values() if one["prov:activity"].endswith("14")} == {
        "01", "02", "03", "04",
    }  # fmt: skip
    derived = {
        (one["prov:generatedEntity"][-2:], one["prov:usedEntity"][-2:]) for one in said["wasDerivedFrom"].values()
    }
    assert derived == {("02", "01"), ("03", "01"), ("03", "02"), ("04", "01"), ("04", "02"), ("05", "03"), ("05", "04")}
    known = {*said["entity"], *said["activity"], *said["agent"]}
    for kind in ("used", "wasGeneratedBy", "wasAssociatedWith", "wasDerivedFrom", "hadMember"):
        for relation in said[kind].values():
            assert {value for name, value in relation.items() if name not in {"prov:time", "prov:role"}} <= known


def test_the_table_of_events_names_each_with_its_files():
    line, _ = described()
    rows = table_of(events_csv(line))
    assert [row["seq"] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert rows[1]["sources"] == f"master {digest('master')}"
    assert rows[1]["outcomes"] == f"segment {digest('segment')}"
    assert rows[5]["agents"] == f"implementer: person {PERSON}"
    assert [row["hash"] for row in rows] == [event.hash for event in line.events]


@given(st.builds(str.__add__, st.sampled_from(["", "'", *FORMULA]), st.text(max_size=20)))
def test_no_cell_is_a_formula_and_each_can_be_read_back(text):
    line = dataclasses.replace(described()[0].events[0], subtype=text)
    content = events_csv(ReelChain(REEL, 1, line.hash, (line,)))
    _, row = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert not any(cell.startswith(FORMULA) for cell in row)
    assert table_of(content)[0]["subtype"] == xml_text(text)


def test_a_file_that_an_event_read_is_not_made_by_it():
    line, description = described()
    first = line.events[1]
    read = dataclasses.replace(first, objects=(first.objects[0], dataclasses.replace(first.objects[0], link="outcome")))
    said = json.loads(prov_json(dataclasses.replace(line, events=(read,)), description))
    assert "wasGeneratedBy" not in said
    assert len(said["used"]) == 1


def test_nobody_is_named_unless_names_are_given():
    line, description = described()
    for form in (
        lambda **names: premis_xml(line, **names),
        lambda **names: mets_xml(line, description, **names),
        lambda **names: prov_json(line, description, **names),
        lambda **names: events_csv(line, **names),
    ):
        assert b"Ana Petrova" not in form()
        assert b"Ana Petrova" in form(names=NAMES)


def table_of(content: bytes) -> list[dict[str, str]]:
    """The table read back, as its module says it is to be."""
    header, *rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [dict(zip(header, (cell.removeprefix("'") for cell in row), strict=True)) for row in rows]


def require_to_come_back(text: str) -> None:
    """That a text put everywhere comes out of every form as it was, but for what XML cannot hold."""
    line, description = described(text)
    fit = xml_text(text)
    assert (
        ET.fromstring(premis_xml(line, title=text)).findtext(".//premis:significantPropertiesValue", namespaces=N)
        == fit
    )
    mets = ET.fromstring(mets_xml(line, description))
    assert mets.get("LABEL") == fit
    assert (mets.findtext(".//dc:title", namespaces=N) or "") == fit
    pbcore = ET.fromstring(pbcore_xml(description))
    assert (pbcore.findtext("pbcore:pbcoreTitle", namespaces=N) or "") == fit
    assert pbcore.findall("pbcore:pbcoreTitle", N)[1].get("titleType") == fit
    assert (ET.fromstring(dublin_core_xml(description)).findtext("dc:title", namespaces=N) or "") == fit
    prov = json.loads(prov_json(line, description))
    assert prov["entity"][f"reel:{REEL}"]["prov:label"] == fit
    assert all(row["execution_id"].endswith(f"/{fit}") for row in table_of(events_csv(line)))


@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_comes_back_out_of_every_form(hostile):
    require_to_come_back(hostile)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_comes_back_out_of_every_form(text):
    require_to_come_back(text)
