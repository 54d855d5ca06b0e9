"""Takes the pictures of the operator's guide from a running stack, with headless Chromium.

    python docs/screenshots/take.py --home .reelkeeper

The stack must be up and hold one finished run of `restore_reel` and one that waits for a decision.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import itertools
import json
import shutil
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from reelkeeper_airflow.stack.environment import HOST
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestClient
from reelkeeper_airflow.stack.service import remembered_port

FOLDER = Path(__file__).parent
WIDTH, HEIGHT = 1440, 900
TALL = 1240
"""Height of a page whose form is long."""
PATIENCE_S = 60.0
DAG = "restore_reel"


class Browser:
    """One page of a headless Chromium, driven through its DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Send one command and give its result."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while (message := json.loads(self._socket.recv(timeout=PATIENCE_S))).get("id") != number:
            continue
        if "error" in message:
            raise RuntimeError(f"{method}: {message['error']['message']}")
        result: dict[str, Any] = message["result"]
        return result

    def evaluate(self, script: str) -> Any:
        """Run a script in the page and give its value."""
        return self.call("Runtime.evaluate", expression=script, returnByValue=True)["result"].get("value")

    def open(self, url: str, ready: str) -> None:
        """Go to a page and wait until it shows the text `ready`."""
        self.call("Page.navigate", url=url)
        self.wait(f"document.body && document.body.innerText.includes({json.dumps(ready)})", f"{ready!r} on {url}")

    def wait(self, condition: str, what: str) -> None:
        """Wait until a script says true, and a moment longer for what moves."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.evaluate(condition):
            if time.monotonic() > deadline:
                shown = self.evaluate("document.body.innerText")
                raise RuntimeError(f"waited in vain for {what}; the page shows: {str(shown)[:600]}")
            time.sleep(0.3)
        time.sleep(2.5)

    def size(self, width: int, height: int) -> None:
        """Set the size of the page in pixels."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def picture(self, name: str) -> None:
        """Write what the page shows."""
        shot = self.call("Page.captureScreenshot", format="png")
        (FOLDER / f"{name}.png").write_bytes(base64.b64decode(shot["data"]))


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


def sign_in(page: Browser, client: RestClient) -> None:
    """Give the page a user's token, as signing in does."""
    page.call("Network.setCookie", name="_token", value=client.token, url=client.url)


def click(text: str, *, within: str = "button, a, [role=tab]") -> str:
    """Write the script that clicks what bears exactly this text, and says whether it was there."""
    return (
        f"(() => {{ const found = [...document.querySelectorAll({json.dumps(within)})]"
        f".find(one => one.innerText.trim() === {json.dumps(text)}); found && found.click(); return !!found; }})()"
    )


def grid(page: Browser, url: str) -> None:
    """The grid of a finished run, lanes and all."""
    page.open(f"{url}/dags/{DAG}", "open_reel")
    page.wait(
        "(() => { const one = document.querySelector('[aria-label=\"Expand all task groups\"]'); one && one.click(); return !!one })()",
        "groups",
    )
    page.picture("grid")


def form(page: Browser, url: str) -> None:
    """The trigger form."""
    page.open(f"{url}/dags/{DAG}", "Trigger")
    page.wait(click("Trigger"), "the Trigger button")
    page.wait("document.body.innerText.includes('reel id, as it is written')", "the form")
    page.picture("trigger-form")


def approval(page: Browser, url: str, run_id: str) -> None:
    """The question to the conservator."""
    page.size(WIDTH, TALL)
    page.open(f"{url}/dags/{DAG}/runs/{run_id}/tasks/decide/required_actions", "is the restoration good?")
    page.picture("approval")


def waiting_run(client: RestClient) -> str:
    """Find the run that waits for a decision."""
    path = "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&state=awaiting_input"
    details = client.get(path)["hitl_details"]
    if not details:
        raise SystemExit("No run waits for a decision. Trigger restore_reel first.")
    return str(details[0]["task_instance"]["dag_run_id"])


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--home", help="folder of the running stack")
    home = Home.find(parser.parse_args().home, {})
    url = f"http://{HOST}:{remembered_port(home)}"
    clients = {user: RestClient(url, user, home.passwords()[user]) for user in ("operator", "conservator")}
    run_id = waiting_run(clients["conservator"])
    pictures: list[tuple[str, Callable[[Browser], None]]] = [
        ("operator", lambda page: grid(page, url)),
        ("operator", lambda page: form(page, url)),
        ("conservator", lambda page: approval(page, url, run_id)),
    ]
    with browser() as page:
        for user, take in pictures:
            sign_in(page, clients[user])
            take(page)


if __name__ == "__main__":
    main()
