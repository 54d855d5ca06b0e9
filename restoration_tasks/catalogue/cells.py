"""Cells of a catalogue table: text a person typed into a value, and a value into text that reads back the same."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple, TypeVar

from restoration_tasks.catalogue.work_models import FIRST_YEAR, LAST_YEAR, MARK_CHARACTERS, TitleKind
from restoration_tasks.provenance.text import REPLACEMENT
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.identifiers import check_reel_id

CELL_CHARACTERS: Final = 32_767
"""What a cell of Excel holds at most."""
_COUNTRY: Final = re.compile(r"[A-Z]{2}|[A-Z]{4}")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_YEARS: Final = re.compile(r"([0-9]{4})(?:\s*[-–/]\s*([0-9]{4}))?")
_PIECES: Final = re.compile(r"\\(.)|([|;])", re.DOTALL)
_Value = TypeVar("_Value")


class Title(NamedTuple):
    """A title beside the preferred one."""

    title: str
    language: str | None
    kind: TitleKind


class Maker(NamedTuple):
    """Who made a film, as its credits say."""

    name: str
    role: str


class Years(NamedTuple):
    """The first and the last year; the same for a single one."""

    first: int
    last: int


def plain(text: str) -> str:
    """The text as it is kept: line ends are one character, blanks around it are gone."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def fault(text: str) -> str | None:
    """What keeps a text from being a cell, in words; None where nothing does."""
    if len(text) > CELL_CHARACTERS:
        return f"{len(text)} characters, of {CELL_CHARACTERS} at most"
    found = next((letter for letter in text if not _fits(letter)), None)
    return None if found is None else f"the control character U+{ord(found):04X}"


def harmless(text: str) -> str:
    """The text with what no cell may hold replaced, and cut to what fits: for words that nobody checked."""
    return plain("".join(letter if _fits(letter) else REPLACEMENT for letter in text)[:CELL_CHARACTERS])


def _fits(letter: str) -> bool:
    return letter in "\t\n\r" or unicodedata.category(letter) not in ("Cc", "Cs")


# reading: each raises ValueError where the text is no such value


def mark(text: str) -> str:
    """A shelf mark, a work's id or a variant's name.

    Raises:
        ValueError: it is too long for a key.
    """
    if len(text) > MARK_CHARACTERS:
        raise ValueError(text)
    return text


def reel_id(text: str) -> str:
    """A reel id.

    Raises:
        ValueError: it could not name a folder.
    """
    try:
        return check_reel_id(text)
    except WrongUse as error:
        raise ValueError(text) from error


def years(text: str) -> Years:
    """A year, or the first and last.

    >>> years("1963"), years("1963-1965")
    (Years(first=1963, last=1963), Years(first=1963, last=1965))

    Raises:
        ValueError: it is neither, or out of range.
    """
    match = _YEARS.fullmatch(text)
    if match is None:
        raise ValueError(text)
    first, last = int(match[1]), int(match[2] or match[1])
    if not FIRST_YEAR <= first <= last <= LAST_YEAR:
        raise ValueError(text)
    return Years(first, last)


def number_in(low: float, high: float) -> Callable[[str], float]:
    """Read a number in a range; a comma may stand for the point."""

    def read(text: str) -> float:
        found = float(text.replace(",", "."))
        if not low <= found <= high:
            raise ValueError(text)
        return found

    return read


def year(text: str) -> int:
    """A single year.

    Raises:
        ValueError: it is none in which film was made.
    """
    found = years(text)
    if found.first != found.last:
        raise ValueError(text)
    return found.first


def one_of(kind: type[StrEnum]) -> Callable[[str], Any]:
    """Read a term of a list; capitals and blanks do not count."""

    def squeezed(text: str) -> str:
        return "".join(text.lower().split())

    terms = {squeezed(member.value): member for member in kind}

    def read(text: str) -> StrEnum:
        if squeezed(text) not in terms:
            raise ValueError(text)
        return terms[squeezed(text)]

    return read


def codes(pattern: re.Pattern[str]) -> Callable[[str], tuple[str, ...]]:
    """Read several codes of a pattern, each once."""

    def read(text: str) -> tuple[str, ...]:
        found = tuple(parts[0] for parts in split(text) if len(parts) == 1 and pattern.fullmatch(parts[0]))
        if len(found) != len(split(text)) or len(set(found)) != len(found):
            raise ValueError(text)
        return found

    return read


_TITLE_KIND: Final = one_of(TitleKind)
countries = codes(_COUNTRY)
languages = codes(_LANGUAGE)


def titles(text: str) -> tuple[Title, ...]:
    """Titles as `title; language; kind`; language and kind may be left out.

    Raises:
        ValueError: there are more parts, a language that is no code, or a kind that is not in the list.
    """
    found = []
    for name, language, kind in _padded(text, 3):
        if not name or (language and not _LANGUAGE.fullmatch(language)):
            raise ValueError(text)
        found.append(Title(name, language or None, _TITLE_KIND(kind) if kind else TitleKind.ALTERNATIVE))
    return _each_once(found, text)


def makers(text: str) -> tuple[Maker, ...]:
    """Makers as `name; role`.

    Raises:
        ValueError: a name or a role is missing, or there are more parts.
    """
    found = [Maker(name, role) for name, role in _padded(text, 2)]
    if any(not one.name or not one.role for one in found):
        raise ValueError(text)
    return _each_once(found, text)


def _each_once(found: Sequence[_Value], text: str) -> tuple[_Value, ...]:
    if len(set(found)) != len(found):
        raise ValueError(text)
    return tuple(found)


def _padded(text: str, width: int) -> Iterable[tuple[str, ...]]:
    for parts in split(text):
        if len(parts) > width:
            raise ValueError(text)
        yield (*parts, *[""] * (width - len(parts)))


def split(text: str) -> list[tuple[str, ...]]:
    r"""Values between `|`, each in its parts between `;`; a backslash takes the meaning from what follows it.

    >>> split(r"a; b | c \| d")
    [('a', 'b'), ('c | d',)]
    """
    values: list[list[str]] = [[""]]
    end = 0
    for piece in _PIECES.finditer(text):
        values[-1][-1] += text[end : piece.start()]
        end = piece.end()
        if piece[1] is not None:
            values[-1][-1] += piece[1]
        elif piece[2] == "|":
            values.append([""])
        else:
            values[-1].append("")
    values[-1][-1] += text[end:]
    return [tuple(part.strip() for part in parts) for parts in values]


def join(values: Iterable[Iterable[str]]) -> str:
    """The text that `split` reads back as these values."""
    return " | ".join("; ".join(re.sub(r"([\\|;])", r"\\\1", part) for part in parts) for parts in values)


# writing


def written(value: Any) -> str:
    """The text of any value a column holds; empty for None."""
    match value:
        case None:
            return ""
        case Years(first, last):
            return str(first) if first == last else f"{first}-{last}"
        case float():
            return repr(int(value) if value.is_integer() else value)
        case tuple():
            parts = [(one,) if isinstance(one, str) else tuple(part or "" for part in one) for one in value]
            return join(parts)
        case _:
            return str(value)
