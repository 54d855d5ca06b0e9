"""Read a JSON object with a very long array in it: item by item, as the whole takes ten times its text in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_SPACE: Final = re.compile(r"[ \t\n\r]*")
_DECODER: Final = json.JSONDecoder()


def read_object(text: str, arrays: Mapping[str, Callable[[Iterator[Any]], Any]]) -> dict[str, Any]:
    """What `json.loads` gives of an object, but for some of its members.

    Args:
        text: JSON, an object.
        arrays: by the name of a member, what is made of the items of its array as they are read. It must take them all.
            A member that is no array is read as any other.

    Raises:
        ValueError: it is no JSON, or no object.
    """
    found: dict[str, Any] = {}
    place = _Place(text)
    for _ in place.members("{", "}"):
        name = place.value()
        if not isinstance(name, str):
            raise json.JSONDecodeError("Expecting a name in quotes", text, place.at)
        place.skip(":")
        if name in arrays and text.startswith("[", place.at):
            found[name] = arrays[name](place.value() for _ in place.members("[", "]"))
        else:
            found[name] = place.value()
    if place.at < len(text):
        raise json.JSONDecodeError("Extra data", text, place.at)
    return found


class _Place:
    """How far a text is read; always at something, never at space."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = self._after(0)

    def _after(self, at: int) -> int:
        found = _SPACE.match(self._text, at)
        return found.end() if found else at

    def skip(self, sign: str) -> None:
        """Pass a sign that must stand here."""
        if not self._text.startswith(sign, self.at):
            raise json.JSONDecodeError(f"Expecting {sign!r}", self._text, self.at)
        self.at = self._after(self.at + 1)

    def value(self) -> Any:
        """Read the value that begins here."""
        found, end = _DECODER.raw_decode(self._text, self.at)
        self.at = self._after(end)
        return found

    def members(self, begin: str, end: str) -> Iterator[None]:
        """Stand before each member of an object or array in turn, the caller reading it."""
        self.skip(begin)
        while not self._text.startswith(end, self.at):
            yield
            if not self._text.startswith(end, self.at):
                self.skip(",")
                if self._text.startswith(end, self.at):
                    raise json.JSONDecodeError("Expecting a value", self._text, self.at)
        self.skip(end)
