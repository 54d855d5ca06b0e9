"""What a package's PREMIS, METS, PBCore and PROV state, held against its chain and its files.

Chain, files and manifest are proved elsewhere (`package_check`). These documents are made of them, for others to read,
so whatever they state of a digest or an event has to be the same.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.mets import METS, XLINK
from restoration_tasks.provenance.pbcore import DIGEST, PBCORE
from restoration_tasks.provenance.premis import CHAIN, PREMIS
from restoration_tasks.runtime.files import disk_errors
from restoration_tasks.steps.package import PLACES


def documents_disagree(bag: Path, line: ReelChain) -> list[str]:
    """What the documents state that chain or files do not bear out, as sentences.

    A document that is not there is passed over here; `package_check` names it.

    Args:
        bag: the folder of the bag.
        line: its chain.
    """
    problems: list[str] = []
    for role, judge in _JUDGES.items():
        path = bag / "data" / PLACES[role]
        if not path.is_file():
            continue
        try:
            with disk_errors(path):
                problems += [f"{path.name} {complaint}" for complaint in judge(path.read_bytes(), path, line)]
        except (ParseError, ValueError, KeyError, TypeError, AttributeError) as error:
            kind = "JSON of PROV" if path.suffix == ".json" else "XML"
            problems.append(f"{path.name} is no {kind}: {error}")
    return problems


def _premis(content: bytes, _path: Path, line: ReelChain) -> Iterable[str]:
    root = _root(content)
    yield from _events(root, line)
    yield from _objects(root, line, every=True)


def _mets(content: bytes, path: Path, line: ReelChain) -> Iterable[str]:
    """Events and files as in the chain; what is located in the package is there, as in the manifest, with its size."""
    root = _root(content)
    yield from _events(root, line)
    yield from _objects(root, line, every=False)
    data = path.parents[1]
    digests = _manifest(data.parent)
    for file in root.iter(METS.tag("file")):
        for place in file.iter(METS.tag("FLocat")):
            if place.get("LOCTYPE") != "URL":
                continue
            name = posixpath.normpath(f"{path.parent.name}/{unquote(place.get(XLINK.tag('href'), ''))}")
            stated = (file.get("CHECKSUM"), file.get("SIZE"))
            if name not in PLACES.values():
                yield f"locates a file at {name}, where a package has none"
            elif not (data / name).is_file():
                yield f"lists {name}, which is not there"
            elif stated != (digests.get(f"data/{name}"), str((data / name).stat().st_size)):
                yield f"states another digest or size of {name}"


def _pbcore(content: bytes, _path: Path, line: ReelChain) -> Iterable[str]:
    recorded = {entry.sha256 for entry in line.objects()}
    for element in _root(content).iter(PBCORE.tag("instantiationIdentifier")):
        if element.get("source") == DIGEST and element.text not in recorded:
            yield f"names a file the chain does not know, sha256 {element.text}"


def _prov(content: bytes, _path: Path, line: ReelChain) -> Iterable[str]:
    said: dict[str, dict[str, dict[str, Any]]] = json.loads(content)
    hashes = [activity["rk:hash"] for activity in said.get("activity", {}).values()]
    if hashes != [event.hash for event in line.events]:
        yield "holds other events than the chain"
    stated = {name.removeprefix("uuid:"): one.get("rk:sha256") for name, one in said["entity"].items()}
    if {number: digest for number, digest in stated.items() if digest} != {e.id: e.sha256 for e in line.objects()}:
        yield "states other files or digests than the chain"


def _events(root: Element, line: ReelChain) -> Iterable[str]:
    hashes = [element.text for element in root.iter(CHAIN.tag("hash"))]
    if hashes != [event.hash for event in line.events]:
        yield "holds other events than the chain"


def _objects(root: Element, line: ReelChain, *, every: bool) -> Iterable[str]:
    """PREMIS files as in the chain: all of its files, or some."""
    recorded = {(entry.id, entry.sha256, str(entry.bytes)) for entry in line.objects()}
    stated = set()
    for element in root.iter(PREMIS.tag("object")):
        digest = element.find(f".//{PREMIS.tag('messageDigest')}")
        if digest is not None:
            number = element.findtext(f".//{PREMIS.tag('objectIdentifierValue')}")
            stated.add((number, digest.text, element.findtext(f".//{PREMIS.tag('size')}")))
    if (stated != recorded) if every else not stated <= recorded:
        yield "states other files or digests than the chain"


def _manifest(bag: Path) -> dict[str, str]:
    """Digests of the payload by path, as the bag's manifest states them (RFC 8493, section 2.1.3); none without one."""
    if not (bag / "manifest-sha256.txt").is_file():
        return {}
    lines = (bag / "manifest-sha256.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def _root(content: bytes) -> Element:
    try:
        root: Element = fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError("it has a document type, which ours never have") from error
    return root


_JUDGES: Final[dict[str, Callable[[bytes, Path, ReelChain], Iterable[str]]]] = {
    "premis": _premis,
    "mets": _mets,
    "pbcore": _pbcore,
    "prov": _prov,
}
"""By role in the package, what finds complaints of a document."""
