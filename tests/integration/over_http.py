"""Plain HTTP to the running stack, with paths and headers that no browser would send and somebody else does."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import HTTPConnection
from urllib.parse import urlsplit

PATIENCE_S = 60.0


def answer_to(
    url: str,
    path: str,
    *,
    method: str = "GET",
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
) -> tuple[int, str]:
    """Send one request and give status and text of the answer.

    Args:
        url: of the stack.
        path: not normalised, so that `..` arrives as such.
        method: GET, POST …
        token: of a signed-in user, sent as a browser does, in its cookie; None for nobody.
        headers: further ones.
        body: sent as JSON.
    """
    sent = {"Content-Type": "application/json", **(headers or {})} if body is not None else dict(headers or {})
    if token is not None:
        sent["Cookie"] = f"_token={token}"
    connection = HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)
    try:
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()
