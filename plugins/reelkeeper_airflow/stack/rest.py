"""A small client of Airflow's REST API, signed in as a named user."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Any

GET_TRIES = 3
PAUSE_S = 1.0


class RestError(Exception):
    """The API answered with an error status."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(f"HTTP {status}: {detail}")
        self.status = status
        self.detail = detail


@dataclass
class RestClient:
    """Speaks to `url` as `user`; signs in at the first call."""

    url: str
    user: str
    password: str = field(repr=False)
    timeout_s: float = 30.0
    _token: str | None = field(default=None, repr=False)

    @property
    def token(self) -> str:
        """The user's token (also good as the UI's cookie `_token`)."""
        if self._token is None:
            answer = self._send("POST", "/auth/token", {"username": self.user, "password": self.password}, {})
            self._token = str(answer["access_token"])
        return self._token

    def get(self, path: str) -> Any:
        """Send GET and give the JSON answer; asking again harms nobody, so a lost answer is asked for again."""
        for _ in range(GET_TRIES - 1):
            try:
                return self._signed("GET", path, None)
            except OSError:
                time.sleep(PAUSE_S)
        return self._signed("GET", path, None)

    def post(self, path: str, body: object) -> Any:
        """Send POST with a JSON body and give the JSON answer."""
        return self._signed("POST", path, body)

    def patch(self, path: str, body: object) -> Any:
        """Send PATCH with a JSON body and give the JSON answer."""
        return self._signed("PATCH", path, body)

    def _signed(self, method: str, path: str, body: object) -> Any:
        return self._send(method, path, body, {"Authorization": f"Bearer {self.token}"})

    def _send(self, method: str, path: str, body: object, headers: dict[str, str]) -> Any:
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 -- the address is our own stack's
            self.url + path, content, headers | {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_s) as response:  # noqa: S310
                raw = response.read()
        except urllib.error.HTTPError as error:
            raise RestError(error.code, error.read().decode(errors="replace")[:500]) from error
        return json.loads(raw) if raw else None
