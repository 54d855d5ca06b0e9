"""Tell another program by HTTP: one JSON body, signed, with a key by which it knows what it has had before."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import JsonValue

from restoration_tasks.runtime.errors import NotDelivered
from restoration_tasks.runtime.spec import canonical_json

if TYPE_CHECKING:
    from requests import PreparedRequest

TIMEOUT_S = 10.0
"""To connect, and between two bytes of the answer."""
SIGNATURE = "X-Reelkeeper-Signature"
"""`sha256=` and the HMAC-SHA256 of the body (RFC 2104) in hex, as other senders of webhooks write it."""
KEY = "Idempotency-Key"
"""The same for every try of one message (draft-ietf-httpapi-idempotency-key-header)."""


def post(url: str, body: Mapping[str, JsonValue], *, key: str, secret: str | None = None) -> None:
    """Post a message. What is redirected is not followed: the address in the settings is the one that gets it.

    Args:
        url: `https` or `http` address. User names and passwords in it are refused.
        body: JSON; sent in its canonical form, which the signature covers.
        key: names the message, so that whoever gets it twice can tell.
        secret: shared with the receiver; without one the message is not signed.

    Raises:
        NotDelivered: it did not arrive, or was not accepted (anything but 2xx).
    """
    import requests

    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
        raise NotDelivered(
            "this is no address to post to", expected="https://host/path, without a login", action="correct the setting"
        )
    where = f"{parts.scheme}://{parts.netloc}{parts.path}"  # what follows may hold a secret
    content = canonical_json(body)
    headers = {"Content-Type": "application/json", KEY: key, "User-Agent": "reelkeeper"}
    if secret:
        headers[SIGNATURE] = f"sha256={hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()}"
    try:
        # the environment's proxies hold; its .netrc, which could add a login, does not
        with requests.Session() as session:
            session.auth = _no_login
            answer = session.post(url, data=content, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        raise NotDelivered(
            f"{where} did not answer: {type(error).__name__}", action="check the address and that it answers"
        ) from None
    if not 200 <= answer.status_code < 300:
        raise NotDelivered(
            f"{where} did not accept the message",
            expected="an answer of 2xx",
            found=answer.status_code,
            action="ask whoever runs it, or correct the address",
        )


def _no_login(request: PreparedRequest) -> PreparedRequest:
    return request
