"""Ids that become folder names: what a reel id may be, and why a hostile one is refused at the door."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from restoration_tasks.runtime.errors import WrongUse

REEL_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
"""Letters, digits, dot, underscore and hyphen; 64 at most; starts with a letter or digit, so never `..` or `-x`."""


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


def _validated(reel_id: str) -> str:
    # pydantic turns ValueError into its own report; ours is not a ValueError
    try:
        return check_reel_id(reel_id)
    except WrongUse as error:
        raise ValueError(str(error)) from error


ReelId = Annotated[str, AfterValidator(_validated)]
