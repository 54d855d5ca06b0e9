"""Telling another program: what arrives, what the signature covers, and what is never done."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket

import pytest

from restoration_tasks.runtime.errors import NotDelivered
from restoration_tasks.runtime.webhook import KEY, SIGNATURE, post
from tests.fixtures.receivers import HOST, receiver

SECRET = "only the two of us"
BODY = {"title": "疲倦的死神 \u202e<b>", "frames": 30}


def test_the_body_arrives_as_it_was_signed_with_the_key_of_the_message():
    with receiver() as kept:
        post(kept.url, BODY, key="run/1", secret=SECRET)
        post(kept.url, BODY, key="run/1")
    (path, headers, content), (_, unsigned, _) = kept.got
    assert (path, json.loads(content), headers[KEY]) == ("/hook", BODY, "run/1")
    assert headers[SIGNATURE] == f"sha256={hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()}"
    assert SIGNATURE not in unsigned


@pytest.mark.parametrize("status", [302, 400, 401, 500])
def test_what_is_not_accepted_is_not_delivered_and_nobody_else_gets_it(status):
    with receiver() as other, receiver(status, {"Location": other.url}) as kept:
        with pytest.raises(NotDelivered, match=f"2xx, found {status}"):
            post(kept.url, BODY, key="run/1", secret=SECRET)
        assert len(kept.got) == 1
        assert other.got == []


def test_nobody_there_is_said_without_the_secrets_of_the_address():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    with pytest.raises(NotDelivered, match="did not answer: ConnectionError") as caught:
        post(f"http://{HOST}:{port}/hook?token=abc123", BODY, key="run/1", secret=SECRET)
    assert "abc123" not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/x", "https://", "https://me:pw@host/x", "hook"])
def test_what_is_no_address_to_post_to_is_refused(url):
    with pytest.raises(NotDelivered, match="no address to post to") as caught:
        post(url, BODY, key="run/1")
    assert "pw" not in str(caught.value)
