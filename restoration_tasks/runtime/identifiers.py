"""Ids that become folder names: what a reel id may be, and why a hostile one is refused at the door."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator

from restoration_tasks.runtime.errors import WrongUse

REEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Letters, digits, dot, underscore and hyphen; 64 at most; starts with a letter or digit, so never `..` or `-x`."""

_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
_DOTS = re.compile(r"\.{2,}")


def check_reel_id(reel_id: str) -> str:
    """Return the reel id unchanged if it may name a folder.

    Raises:
        WrongUse: it is empty, too long, or holds anything but letters, digits, `.`, `_` and `-`.
    """
    if not REEL_ID.fullmatch(reel_id) or ".." in reel_id or reel_id.endswith("."):
        raise WrongUse(
            f"{reel_id[:80]!r} is not a reel id",
            expected="1-64 letters, digits, '.', '_' or '-', starting with a letter or digit",
            found=repr(reel_id[:80]),
            action="give the reel id as it is written on the delivery folder, for example 'HK-1967-012_r3'",
        )
    return reel_id


def reel_id_for(*names: str) -> str | None:
    """The reel id a delivery's folder names stand for, or None where nothing of them can be one.

    A name that is a reel id already stays as it is; other characters become hyphens, and several names are joined by an
    underscore: `("HK 1967", "reel 01")` is `HK-1967_reel-01`.
    """
    parts = [_UNFIT.sub("-", unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()) for name in names]
    joined = "_".join(part.strip("-.") for part in parts if part.strip("-."))
    found = _DOTS.sub(".", joined).lstrip("._-")[:64].rstrip(".-_")
    return found if REEL_ID.fullmatch(found) else None


def folder_name(text: str) -> str:
    """A name for a folder from any text, such as a run id: what no reel id may hold becomes a hyphen.

    >>> folder_name("scheduled__2026-11-28T20:00:00+00:00")
    'scheduled__2026-11-28T20-00-00-00-00'
    """
    return _UNFIT.sub("-", text).strip("-.") or "-"


def _validated(reel_id: str) -> str:
    # pydantic turns ValueError into its own report; ours is not a ValueError
    try:
        return check_reel_id(reel_id)
    except WrongUse as error:
        raise ValueError(str(error)) from error


ReelId = Annotated[str, AfterValidator(_validated)]
