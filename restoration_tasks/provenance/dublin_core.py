"""Dublin Core of a reel: the fifteen elements, in the container of OAI-PMH (`oai_dc`)."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Final

from restoration_tasks.provenance.description import ReelDescription
from restoration_tasks.provenance.xml_document import Namespace, document

OAI_DC: Final = Namespace(
    "oai_dc", "http://www.openarchives.org/OAI/2.0/oai_dc/", "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
)
DC: Final = Namespace("dc", "http://purl.org/dc/elements/1.1/")
_DIRECTOR: Final = "director"
"""Whom Dublin Core calls a film's creator; everybody else contributed."""


def dublin_core_xml(description: ReelDescription) -> bytes:
    """`oai_dc` XML of a reel (UTF-8)."""
    return document(dublin_core(description))


def dublin_core(description: ReelDescription) -> ET.Element:
    """The same as an element, to be wrapped."""
    root = OAI_DC.root("dc")
    for name, value in _statements(description):
        DC.add(root, name, value)
    return root


def _statements(description: ReelDescription) -> Iterator[tuple[str, str]]:
    for title in description.titles:
        yield "title", title.text
    for maker in description.makers:
        yield "creator" if maker.role == _DIRECTOR else "contributor", maker.name
    yield "description", description.summary
    if description.year is not None:
        yield "date", description.year
    yield "type", "MovingImage"  # of the DCMI type vocabulary
    for media_type in sorted({file.media_type for file in description.files}):
        yield "format", media_type
    yield "identifier", description.reel_id
    if description.work_id is not None:
        yield "relation", f"urn:uuid:{description.work_id}"
    if description.item is not None:
        yield "source", description.item
    for language in description.languages:
        yield "language", language
    for country in description.countries:
        yield "coverage", country
