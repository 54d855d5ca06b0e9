"""A headless Chromium, driven through its DevTools protocol: for tests in a browser, and for the guide's pictures."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

WIDTH, HEIGHT = 1440, 900
PATIENCE_S = 60.0


class Browser:
    """One page of it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.complaints: list[str] = []
        """Errors of scripts, and what a page's security policy stopped, since `listen`."""

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and give its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(timeout=PATIENCE_S))).get("id") != number:
            self._hear(message)
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def listen(self) -> None:
        """Begin to collect `complaints`."""
        self.call("Runtime.enable")
        self.call("Log.enable")

    def _hear(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.complaints.append(str(details.get("exception", {}).get("description", details["text"])))
        entry = params.get("entry", {})
        if message.get("method") == "Log.entryAdded" and entry.get("source") == "security":
            self.complaints.append(entry["text"])

    def evaluate(self, script: str) -> Any:
        """Run a script in the page and give its value, awaited if it is a promise."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return answer["result"].get("value")

    def go(self, url: str) -> None:
        """Go to a page."""
        self.call("Page.navigate", url=url)

    def open(self, url: str, ready: str) -> None:
        """Go to a page and wait until it shows the text `ready`."""
        self.go(url)
        self.wait(f"document.body && document.body.innerText.includes({json.dumps(ready)})", f"{ready!r} on {url}")

    def wait(self, condition: str, what: str, *, settle_s: float = 2.5) -> None:
        """Wait until a script gives something true, and a moment longer for what moves."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.evaluate(f"!!({condition})"):  # an element of the page arrives here as an empty value
            if time.monotonic() > deadline:
                shown = self.evaluate("document.body.innerText")
                raise RuntimeError(f"waited in vain for {what}; the page shows: {str(shown)[:600]}")
            time.sleep(0.3)
        time.sleep(settle_s)

    def size(self, width: int, height: int) -> None:
        """Set the size of the page in pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def theme(self, name: str) -> None:
        """Prefer `light` or `dark`, as a person's system does."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def type(self, text: str) -> None:
        """Type into the field that has the focus."""
        self.call("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key that types nothing, such as `Tab`."""
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def push(self, text: str) -> None:
        """Press the mouse on the button that bears exactly this text: some of Airflow's hear nothing else."""
        button = f"[...document.querySelectorAll('button')].find(one => one.innerText.trim() === {json.dumps(text)})"
        self.wait(button, f"the button {text!r}", settle_s=0.5)
        middle = "one => [one.left + one.width / 2, one.top + one.height / 2]"
        x, y = self.evaluate(f"({middle})({button}.getBoundingClientRect())")
        self.drag((x, y), (x, y))

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag the mouse from one place of the page to another, px."""
        self._mouse("mousePressed", start)
        self._mouse("mouseMoved", end)
        self._mouse("mouseReleased", end)

    def _mouse(self, kind: str, at: tuple[float, float]) -> None:
        self.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], button="left", buttons=1, clickCount=1)

    def sign_in(self, url: str, token: str) -> None:
        """Give the page a user's token, as signing in does."""
        self.call("Network.setCookie", name="_token", value=token, url=url)

    def picture(self, path: Path, most_bytes: int) -> None:
        """Write what the page shows as WebP, as finely as goes into so many bytes."""
        for quality in (82, 70, 55, 40, 25):
            shot = self.call("Page.captureScreenshot", format="webp", quality=quality)
            content = base64.b64decode(shot["data"])
            if len(content) <= most_bytes:
                break
        path.write_bytes(content)


@contextlib.contextmanager
def browser() -> Iterator[Browser]:
    """Start Chromium with a profile of its own; it ends with the block."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or "google-chrome"
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        arguments = [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-port=0",
            f"--user-data-dir={profile}", f"--window-size={WIDTH},{HEIGHT}", "about:blank",
        ]  # fmt: skip
        process = subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port_file = Path(profile) / "DevToolsActivePort"
            deadline = time.monotonic() + PATIENCE_S
            while not port_file.exists() or not port_file.read_text().strip():
                if time.monotonic() > deadline:
                    raise RuntimeError("Chromium did not start")
                time.sleep(0.1)
            port = port_file.read_text().splitlines()[0]
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
                page = next(target for target in json.loads(answer.read()) if target["type"] == "page")
            with connect(page["webSocketDebuggerUrl"], max_size=None) as socket:
                found = Browser(socket)
                found.call("Page.enable")
                found.size(WIDTH, HEIGHT)
                yield found
        finally:
            process.terminate()
            process.wait(10)
