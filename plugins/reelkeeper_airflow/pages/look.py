"""What every Reels page has in common: the template, the headers, and the words staff read for states and numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from reelkeeper_airflow.pages.access import DAG, Looker
from reelkeeper_airflow.pages.files import FOR_EVER, unchanged
from reelkeeper_airflow.pages.links import MOUNT

HEADERS: Final = {
    # Scripts are files of ours only. Styles may be inline: Plotly writes its own into the page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:;"
        " media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    # What a page says is true now and for this person.
    "Cache-Control": "private, no-store",
}
STATIC: Final = {
    "theme.js": "text/javascript",
    "common.js": "text/javascript",
    "live.js": "text/javascript",
    "timeline.js": "text/javascript",
    "film.js": "text/javascript",
    "compare.js": "text/javascript",
    "plan.js": "text/javascript",
    "reels.css": "text/css",
    "report.css": "text/css",
    "plotly.js": "text/javascript",
}
"""Everything the pages load, by name."""
_ELSEWHERE: Final = {
    "report.css": ("restoration_tasks.report", "report.css"),
    "plotly.js": ("plotly", "package_data/plotly.min.js"),
}

router = APIRouter()


@router.get("/static/{digest}/{name}")
def static(digest: str, name: str, request: Request, _user: Looker) -> Response:
    """A style sheet or script; its digest is in the address, so that a browser keeps it until it changes."""
    if name not in STATIC:
        raise HTTPException(404, "There is no such file.")
    content, known = _asset(name)
    if digest != known:
        raise HTTPException(404, "There is no such version of this file. Next: load the page again.")
    headers = {"Cache-Control": FOR_EVER, "ETag": f'"{known}"', "X-Content-Type-Options": "nosniff"}
    return unchanged(request, known) or Response(content, media_type=STATIC[name], headers=headers)


def page(request: Request, name: str, user: BaseUser | None, *, code: int = 200, **shown: Any) -> Response:
    """A page as HTML. Whatever comes from a reel or a person is escaped; a name that is not given is an error."""
    root = str(request.scope.get("root_path", ""))
    text = (
        _environment()
        .get_template(name)
        .render(
            **shown,
            code=code,
            root=root,
            airflow=root.removesuffix(MOUNT),
            dag=DAG,
            person=user.get_name() if user else None,
        )
    )
    return HTMLResponse(text, code, headers=HEADERS)


def asset_path(name: str) -> str:
    """The address of a style sheet or script below the pages' root."""
    return f"/static/{_asset(name)[1]}/{name}"


@lru_cache(maxsize=len(STATIC))
def _asset(name: str) -> tuple[bytes, str]:
    """Content and the beginning of its digest."""
    package, path = _ELSEWHERE.get(name, ("reelkeeper_airflow.pages", f"static/{name}"))
    content = files(package).joinpath(path).read_bytes()
    return content, hashlib.sha256(content).hexdigest()[:16]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from restoration_tasks.report.page import percent, size

    environment = Environment(
        loader=PackageLoader("reelkeeper_airflow.pages", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": percent, "size": size, "ago": ago, "when": when, "number": number, "figure": figure,
        "segment": lambda text: quote(str(text), safe=""),
    }  # fmt: skip
    environment.globals |= {"asset": asset_path, "states": STATES, "state_help": STATE_HELP}
    return environment


STATES: Final[Mapping[str, str]] = {
    "awaiting decision": "needs a decision",
    "in work": "in work",
    "failed": "failed",
    "registered": "waiting to start",
    "restored": "restored",
    "superseded": "next pass asked for",
    "rejected": "rejected",
}
"""States of a reel as staff say them, in the order people want to see them."""
STATE_HELP: Final[Mapping[str, str]] = {
    "awaiting decision": "Somebody has to look and answer in Airflow.",
    "in work": "A run is at work, or was stopped in the middle.",
    "failed": "The last run failed; its log says why.",
    "registered": "Known, but no run has begun.",
    "restored": "Approved, catalogued and packaged.",
    "superseded": "A person asked for another pass; the next run takes over.",
    "rejected": "A person turned the restoration down.",
}


def number(value: float) -> str:
    """A count with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u202f")


def figure(value: object) -> str:
    """A figure of a step as staff read it.

    >>> figure(0.123456), figure(True), figure(None), figure([1, 2])
    ('0.1235', 'yes', '–', '1, 2')
    """
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list() | tuple():
            return ", ".join(figure(one) for one in value) or "none"
        case dict():
            return ", ".join(f"{name} {figure(one)}" for name, one in value.items()) or "none"
        case _:
            return str(value)


def when(moment: datetime | None) -> str:
    """A time of day in UTC, as the provenance has it."""
    return "–" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that says enough.

    >>> ago(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 3, tzinfo=UTC))
    '2 days ago'
    """
    if moment is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"
