"""XML as every export writes it: elements by namespace, text that XML 1.0 can hold, the same bytes each time."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from restoration_tasks.provenance.text import xml_text


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace and the prefix our files give it."""

    prefix: str
    uri: str
    schema: str | None = None
    """Where its schema is published, for `xsi:schemaLocation`; nothing is ever fetched from there."""

    def __post_init__(self) -> None:
        ET.register_namespace(self.prefix, self.uri)

    def tag(self, name: str) -> str:
        """The name of an element or attribute of this namespace, as ElementTree writes it."""
        return f"{{{self.uri}}}{name}"

    def root(self, name: str, attributes: Mapping[str, str] | None = None) -> ET.Element:
        """The first element of a document, with the place of the schema."""
        element = ET.Element(self.tag(name), _fit(attributes))
        if self.schema is not None:
            element.set(XSI.tag("schemaLocation"), f"{self.uri} {self.schema}")
        return element

    def add(
        self, parent: ET.Element, name: str, content: str | None = None, attributes: Mapping[str, str] | None = None
    ) -> ET.Element:
        """A new last child of `parent`. What XML cannot hold in content or attributes becomes U+FFFD."""
        element = ET.SubElement(parent, self.tag(name), _fit(attributes))
        if content is not None:
            element.text = xml_text(content)
        return element


def _fit(attributes: Mapping[str, str] | None) -> dict[str, str]:
    return {name: xml_text(value) for name, value in (attributes or {}).items()}


XSI: Final = Namespace("xsi", "http://www.w3.org/2001/XMLSchema-instance")


def document(root: ET.Element) -> bytes:
    """The document of a root element: UTF-8, indented, with a declaration and a last line end."""
    ET.indent(root)
    content: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True)
    # ElementTree leaves carriage returns of text as they are; readers would make line feeds of them (XML 1.0, 2.11)
    return content.replace(b"\r", b"&#13;") + b"\n"
