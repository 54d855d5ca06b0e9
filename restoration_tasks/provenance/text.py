"""What text and numbers may reach the database and XML: hostile characters are replaced, never passed on."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# Postgres text holds neither NUL nor lone surrogates (which os.fsdecode makes of undecodable file names)
_NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
# everything outside the Char production of XML 1.0, section 2.2
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def storable(text: str) -> str:
    """The text as Postgres can hold it: NUL and lone surrogates become U+FFFD, all else stays."""
    return _NOT_STORABLE.sub(REPLACEMENT, text)


def xml_text(text: str) -> str:
    """The text as XML 1.0 can hold it: control characters but tab and line ends become U+FFFD, all else stays."""
    return _NOT_XML.sub(REPLACEMENT, text)


def storable_json(value: Any) -> Any:
    """The value as a JSON column can hold it, whatever figures brought along.

    Text is made `storable`; tuples become lists; an infinity or NaN (the PSNR of two equal pictures is infinite)
    becomes the text "inf", "-inf" or "nan", since JSON has no such number.

    Raises:
        TypeError: a value that is no JSON, such as an object or bytes.
    """
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return storable(str(value))
        case Mapping():
            return {storable(str(name)): storable_json(inner) for name, inner in value.items()}
        case list() | tuple():
            return [storable_json(inner) for inner in value]
        case _:
            raise TypeError(f"{type(value).__name__} does not belong into an event's detail")
