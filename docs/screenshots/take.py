"""Takes the pictures of the operator's guide from a running stack, with headless Chromium.

    python docs/screenshots/take.py --home .reelkeeper

The stack must be up and hold one finished run of `restore_reel` and one that waits for a decision.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from reelkeeper_airflow.stack.environment import HOST
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.rest import RestClient
from reelkeeper_airflow.stack.service import remembered_port
from tests.browser import WIDTH, Browser, browser

FOLDER = Path(__file__).parent
TALL = 1240
"""Height of a page whose form is long."""
DAG = "restore_reel"
PAGES = FOLDER / "pages"
SIZES = ((1280, 800), (1920, 1080))
FRAME = 20
"""Of the demo reel, for the comparison."""
REPORTS = {"Report": "check", "Condition": "condition", "Treatment": "treatment"}
"""Reports by the words of their links on a reel's page, and the names of their pictures."""
GRID = "document.querySelectorAll('a[href*=\"/tasks/check\"]').length > 1"
"""The squares of the grid are there, which come after the names."""
ONE_SIZE = frozenset({"difference"})
"""Pages that look the same at every width as another one that is shown."""
MOST_BYTES = 200 * 1024
"""Of one picture."""


def keep(page: Browser, path: Path) -> None:
    """Write what the page shows."""
    page.picture(path, MOST_BYTES)


def grid(page: Browser, url: str) -> None:
    """The grid of a finished run, lanes and all."""
    page.open(f"{url}/dags/{DAG}", "open_reel")
    page.wait(
        "(() => { const one = document.querySelector('[aria-label=\"Expand all task groups\"]'); one && one.click(); return !!one })()",
        "groups",
    )
    keep(page, FOLDER / "grid.webp")


def form(page: Browser, url: str) -> None:
    """The trigger form, and what may be chosen of the treatment."""
    page.size(WIDTH, 860)
    page.open(f"{url}/dags/{DAG}", "Trigger")
    page.push("Trigger")
    page.wait("document.body.innerText.includes('reel id, as it is written')", "the form")
    keep(page, FOLDER / "trigger-form.webp")
    page.size(WIDTH, 1720)
    page.push("Treatment")
    page.wait("document.body.innerText.includes('Show me the plan first')", "the section of treatment")
    keep(page, FOLDER / "trigger-form-treatment.webp")


def approval(page: Browser, url: str, run_id: str) -> None:
    """The question to the conservator."""
    page.size(WIDTH, TALL)
    page.open(f"{url}/dags/{DAG}/runs/{run_id}/tasks/decide/required_actions", "is the restoration good?")
    page.wait(GRID, "the grid beside it")
    keep(page, FOLDER / "approval.webp")


def pages(page: Browser, url: str, reel_id: str) -> None:
    """The Reels pages and the reports, light and dark; the pages at two widths, as the reports have one column."""
    reel = f"{url}/reelkeeper/reels/{reel_id}"
    shown = {
        "board": (f"{url}/reelkeeper/reels", "document.querySelector('.board')"),
        "reel": (
            reel,
            "document.querySelectorAll('.steps li').length && document.querySelector('.js-plotly-plot .main-svg')",
        ),
        "compare": (f"{reel}/compare#{FRAME}", "document.getElementById('stage')?.dataset.frame"),
        "difference": (f"{reel}/compare#{FRAME}", "document.getElementById('stage')?.dataset.frame"),
        "record": (f"{reel}/record", "document.querySelector('.record')"),
        "plan": (f"{reel}/plan", "document.getElementById('plan')"),
    }
    PAGES.mkdir(exist_ok=True)
    for width, height in SIZES:
        page.size(width, height)
        for theme in ("light", "dark"):
            page.theme(theme)
            for name, (address, ready) in shown.items():
                if name in ONE_SIZE and width != SIZES[0][0]:
                    continue
                page.go("about:blank")  # the same address with another frame would not be loaded again
                page.go(address)
                page.wait(f"!!({ready})", name)
                prepare(page, name)
                keep(page, PAGES / f"{name}-{theme}-{width}.webp")
    reports(page, reel)


def prepare(page: Browser, name: str) -> None:
    """Bring a page into the state that shows most of it."""
    if name == "plan":
        page.evaluate("document.querySelector('#plan summary').click()")
        page.wait("!!document.querySelector('.settings')", "the settings")
    if name == "difference":
        page.evaluate("document.querySelector('[name=mode][value=difference]').click()")
        page.evaluate("document.getElementById('damage').click()")
        page.wait(
            "document.querySelector('#difference img')?.naturalWidth > 0 && document.querySelector('#found img')?.naturalWidth > 0",
            name,
        )


def reports(page: Browser, reel: str) -> None:
    """What the check, the condition and the treatment are told in."""
    page.size(*SIZES[0])
    page.go(reel)
    page.wait("!!document.querySelector('.reel-head')", "the reel")
    found = page.evaluate(
        "Object.fromEntries([...document.querySelectorAll('.actions a')].map(one => [one.innerText, one.href]))"
    )
    for theme in ("light", "dark"):
        page.theme(theme)
        for words, name in REPORTS.items():
            page.open(found[words], "frames")
            keep(page, PAGES / f"{name}-{theme}-{SIZES[0][0]}.webp")


def in_airflow(page: Browser, url: str, reel_id: str) -> None:
    """The comparison as it stands inside Airflow."""
    page.size(WIDTH, TALL - 300)
    page.theme("light")
    page.go(f"{url}/plugin/reels/reelkeeper/reels/{reel_id}/compare#{FRAME}")
    stage = "document.querySelector('iframe')?.contentDocument?.getElementById('stage')?.dataset.frame"
    page.wait(f"!!{stage}", "the comparison in Airflow")
    keep(page, FOLDER / "compare.webp")


def waiting_run(client: RestClient) -> tuple[str, str]:
    """Find the run that waits for a decision, and its reel."""
    path = "/api/v2/dags/~/dagRuns/~/hitlDetails?response_received=false&state=awaiting_input"
    details = client.get(path)["hitl_details"]
    if not details:
        raise SystemExit("No run waits for a decision. Trigger restore_reel first.")
    run_id = str(details[0]["task_instance"]["dag_run_id"])
    return run_id, str(client.get(f"/api/v2/dags/{DAG}/dagRuns/{quote(run_id, safe='')}")["conf"]["reel_id"])


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--home", help="folder of the running stack")
    home = Home.find(parser.parse_args().home, {})
    url = f"http://{HOST}:{remembered_port(home)}"
    clients = {user: RestClient(url, user, home.passwords()[user]) for user in ("operator", "conservator")}
    run_id, reel_id = waiting_run(clients["conservator"])
    pictures: list[tuple[str, Callable[[Browser], None]]] = [
        ("operator", lambda page: grid(page, url)),
        ("operator", lambda page: form(page, url)),
        ("conservator", lambda page: approval(page, url, run_id)),
        ("conservator", lambda page: pages(page, url, reel_id)),
        ("conservator", lambda page: in_airflow(page, url, reel_id)),
    ]
    with browser() as page:
        for user, take in pictures:
            page.sign_in(url, clients[user].token)
            take(page)


if __name__ == "__main__":
    main()
