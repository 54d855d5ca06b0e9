"""METS 1.12 of a reel: descriptions (Dublin Core, PBCore), the PREMIS record, its kept files, and how they belong."""

from __future__ import annotations

import posixpath
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from restoration_tasks.provenance import premis
from restoration_tasks.provenance.chain import ReelChain, utc_text
from restoration_tasks.provenance.description import KeptFile, ReelDescription, Use
from restoration_tasks.provenance.dublin_core import dublin_core
from restoration_tasks.provenance.pbcore import pbcore
from restoration_tasks.provenance.vocabulary import ObjectRole
from restoration_tasks.provenance.xml_document import Namespace, document

METS: Final = Namespace("mets", "http://www.loc.gov/METS/", "https://www.loc.gov/standards/mets/mets.xsd")
XLINK: Final = Namespace("xlink", "http://www.w3.org/1999/xlink")
PLACE: Final = "documents/mets.xml"
"""Where the document lies in a package, under `data/`: places of files are given from there."""

_DC, _PBCORE = "dublin-core", "pbcore"


def mets_xml(line: ReelChain, description: ReelDescription, *, names: Mapping[str, str] | None = None) -> bytes:
    """METS of a reel (UTF-8).

    A file with a `place` is located in the package beside its place in the vault; fixity is the recorded sha256.

    Args:
        line: the chain; all its events and agents are wrapped.
        description: the reel's description, with the files to list.
        names: people's names by agent id; people without one are given by id alone.
    """
    root = METS.root("mets", {"OBJID": description.reel_id, "LABEL": description.title, "TYPE": "film reel"})
    _header(root, line, description)
    _wrap(METS.add(root, "dmdSec", attributes={"ID": _DC}), "DC").append(dublin_core(description))
    _wrap(METS.add(root, "dmdSec", attributes={"ID": _PBCORE}), "OTHER", "PBCORE").append(pbcore(description))
    _administration(root, line, description, names or {})
    if description.files:
        _files(root, line, description)
    _structure(root, description)
    return document(root)


def _header(root: ET.Element, line: ReelChain, description: ReelDescription) -> None:
    # the time of the newest event, not of this writing: the same record gives the same bytes
    dated = {"CREATEDATE": utc_text(line.events[-1].recorded_at)} if line.events else {}
    header = METS.add(root, "metsHdr", attributes=dated)
    agent = METS.add(header, "agent", attributes={"ROLE": "CREATOR", "TYPE": "OTHER", "OTHERTYPE": "SOFTWARE"})
    METS.add(agent, "name", "Reelkeeper")
    if description.item is not None:
        METS.add(header, "altRecordID", description.item, {"TYPE": "shelf mark"})


def _administration(root: ET.Element, line: ReelChain, description: ReelDescription, names: Mapping[str, str]) -> None:
    """One section: the listed files as PREMIS objects, then every event and agent of the chain."""
    section = METS.add(root, "amdSec")
    listed = {file.id for file in description.files}
    for entry in line.objects():
        if entry.id in listed:
            wrapped = METS.add(section, "techMD", attributes={"ID": _id("object", entry.id)})
            premis.add_file(_wrap(wrapped, "PREMIS:OBJECT"), line, entry)
    reel = METS.add(section, "digiprovMD", attributes={"ID": "reel"})
    premis.add_reel(_wrap(reel, "PREMIS:OBJECT"), line.reel_id, description.title)
    for event in line.events:
        wrapped = METS.add(section, "digiprovMD", attributes={"ID": _id("event", event.id)})
        premis.add_event(_wrap(wrapped, "PREMIS:EVENT"), event)
    for agent in line.agents():
        wrapped = METS.add(section, "digiprovMD", attributes={"ID": _id("agent", agent.id)})
        premis.add_agent(_wrap(wrapped, "PREMIS:AGENT"), agent, names.get(agent.id))


def _files(root: ET.Element, line: ReelChain, description: ReelDescription) -> None:
    makers: dict[str, list[str]] = {}
    for event in line.events:
        for entry in event.objects:
            if entry.link == ObjectRole.OUTCOME:
                makers.setdefault(entry.id, []).append(_id("event", event.id))
    section = METS.add(root, "fileSec")
    for use, files in _by_use(description):
        group = METS.add(section, "fileGrp", attributes={"USE": use})
        for number, file in files:
            _file(group, number, file, makers)


def _file(group: ET.Element, number: str, file: KeptFile, makers: Mapping[str, list[str]]) -> None:
    attributes = {
        "ID": number,
        "MIMETYPE": file.media_type,
        "SIZE": str(file.bytes),
        "CHECKSUM": file.sha256,
        "CHECKSUMTYPE": "SHA-256",
        "USE": file.role,
    }
    if file.made is not None:
        attributes["CREATED"] = utc_text(file.made)
    if file.id is not None:
        attributes["ADMID"] = " ".join((_id("object", file.id), *makers.get(file.id, ())))
    element = METS.add(group, "file", attributes=attributes)
    if file.place is not None:
        way = posixpath.relpath(file.place, posixpath.dirname(PLACE))
        _locate(element, quote(way), {"LOCTYPE": "URL"})
    _locate(element, quote(file.uri, safe=":/"), {"LOCTYPE": "OTHER", "OTHERLOCTYPE": "vault URI"})


def _locate(element: ET.Element, way: str, kind: Mapping[str, str]) -> None:
    METS.add(element, "FLocat", attributes={**kind, XLINK.tag("type"): "simple", XLINK.tag("href"): way})


def _structure(root: ET.Element, description: ReelDescription) -> None:
    structure = METS.add(root, "structMap", attributes={"TYPE": "physical"})
    reel = METS.add(
        structure,
        "div",
        attributes={"TYPE": "reel", "LABEL": description.title, "DMDID": f"{_DC} {_PBCORE}", "ADMID": "reel"},
    )
    for order, (use, files) in enumerate(_by_use(description), start=1):
        part = METS.add(reel, "div", attributes={"TYPE": use, "ORDER": str(order)})
        for number, _ in files:
            METS.add(part, "fptr", attributes={"FILEID": number})


def _by_use(description: ReelDescription) -> list[tuple[Use, list[tuple[str, KeptFile]]]]:
    """The files, each with its id here, by what they are kept for, in that order; a use without files is left out."""
    numbered = [(f"file-{number}", file) for number, file in enumerate(description.files, start=1)]
    uses = [(use, [(number, file) for number, file in numbered if file.use is use]) for use in Use]
    return [(use, files) for use, files in uses if files]


def _wrap(section: ET.Element, kind: str, other: str | None = None) -> ET.Element:
    """Where metadata of a kind goes inside a section."""
    named = {"MDTYPE": kind} if other is None else {"MDTYPE": kind, "OTHERMDTYPE": other}
    return METS.add(METS.add(section, "mdWrap", attributes=named), "xmlData")


def _id(what: str, number: str) -> str:
    return f"{what}-{number}"
