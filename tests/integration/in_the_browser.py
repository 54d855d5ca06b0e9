"""What a person does on the Reels pages, inside Airflow's frame, in a real browser."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.browser import Browser

RUNS = "/dags/restore_reel/runs/"
LEISURE_S = 2.0
"""No person answers sooner; Airflow 3.3 asks again if its scheduler has not yet seen the asking process end."""


def log_in(page: Browser, url: str, user: str, password: str) -> None:
    """Sign in as people do: name, password, button."""
    page.go(f"{url}/auth/login")
    page.wait("!!document.querySelector('input[name=password]')", "the login form", settle_s=0.5)
    for field, value in (("username", user), ("password", password)):
        page.evaluate(f"document.querySelector('input[name={field}]').focus()")
        page.type(value)
    page.evaluate("document.querySelector('button[type=submit]').click()")
    page.wait("!location.pathname.startsWith('/auth')", "Airflow after the login", settle_s=0.5)


def open_reels(page: Browser) -> None:
    """Press *Reels* in Airflow's own navigation; the board comes up in its frame."""
    reels = "[...document.querySelectorAll('a')].find(one => one.getAttribute('href')?.endsWith('/plugin/reels'))"
    page.wait(f"!!{reels}", "Reels in the navigation", settle_s=0.3)
    page.evaluate(f"{reels}.click()")
    page.wait(in_frame("frame.querySelector('h1')?.innerText === 'Reels'"), "the board", settle_s=0.3)


def follow(page: Browser, text: str, then: str, what: str) -> None:
    """Follow the link of this text in the frame, and wait until a script of the frame says true."""
    link = f"[...frame.querySelectorAll('a')].find(one => one.innerText.trim() === {json.dumps(text)})"
    page.wait(in_frame(f"!!{link}"), f"the link {text!r}", settle_s=0.1)
    page.evaluate(in_frame(f"{link}.click()"))
    page.wait(in_frame(then), what, settle_s=0.3)


def in_frame(script: str) -> str:
    """A script about the document in the frame; false while there is none."""
    found = "const frame = document.querySelector('iframe')?.contentDocument"
    return f"(() => {{ {found}; return frame?.body ? {script} : false }})()"


def move_wipe(page: Browser, share: float) -> float:
    """Drag the wipe to a share of the picture's width; give where it is afterwards."""
    box: dict[str, Any] = page.evaluate(
        in_frame(
            "(() => { const out = document.querySelector('iframe').getBoundingClientRect();"
            " const box = frame.getElementById('stage').getBoundingClientRect();"
            " return { left: out.left + box.left, top: out.top + box.top, width: box.width, height: box.height } })()"
        )
    )
    y = box["top"] + box["height"] / 2
    page.drag((box["left"] + box["width"] / 2, y), (box["left"] + box["width"] * share, y))
    return float(page.evaluate(in_frame("parseFloat(frame.getElementById('stage').style.getPropertyValue('--at'))")))


def mark(page: Browser, choice: str, note: str) -> None:
    """Mark the present shot and keep the mark."""
    page.evaluate(in_frame(f"frame.querySelector('[name=choice][value={choice}]').click()"))
    page.evaluate(in_frame("frame.getElementById('note').focus()"))
    page.evaluate("document.querySelector('iframe').contentWindow.focus()")
    page.type(note)
    page.evaluate(in_frame("frame.querySelector('#mark button').click()"))
    page.wait(in_frame("frame.getElementById('said').innerText.startsWith('Kept.')"), "the mark to be kept", settle_s=0)


def press_button(page: Browser, text: str, then: str, what: str) -> None:
    """Press the button of this text in the frame, and wait until a script of the frame says true."""
    button = f"[...frame.querySelectorAll('button')].find(one => one.innerText.trim() === {json.dumps(text)})"
    page.wait(in_frame(f"!!{button} && !{button}.disabled"), f"the button {text!r}", settle_s=0.1)
    page.evaluate(in_frame(f"{button}.click()"))
    page.wait(in_frame(then), what, settle_s=0.1)


def press_key(page: Browser, key: str, then: str, what: str) -> None:
    """Press a key in the frame, and wait until a script of the frame says true."""
    page.evaluate("document.querySelector('iframe').contentWindow.focus()")
    page.press(key)
    page.wait(in_frame(then), what, settle_s=0.1)


def write(page: Browser, selector: str, text: str) -> None:
    """Type into a field of the frame, in place of what is in it."""
    field = f"frame.querySelector({json.dumps(selector)})"
    page.evaluate("document.querySelector('iframe').contentWindow.focus()")
    page.evaluate(in_frame(f"({field}.focus(), {field}.select(), true)"))
    page.type(text)


def start_from_the_board(page: Browser, reel_id: str) -> str:
    """Press a reel's *Start …* and *Start*; give the id of the run whose page Airflow then shows."""
    start = f"frame.querySelector('[data-start={json.dumps(reel_id)}]')"
    page.wait(in_frame(f"!!{start}"), "the reel's button", settle_s=0.1)
    page.evaluate(in_frame(f"{start}.click()"))
    press_button(page, "Start", "!frame.getElementById('start').open", "the dialog to close")
    page.wait(f"location.pathname.startsWith({json.dumps(RUNS)})", "the run's page in Airflow", settle_s=0.1)
    return unquote(str(page.evaluate("location.pathname")).removeprefix(RUNS).split("/")[0])


def answer(page: Browser, option: str, note: str) -> None:
    """Fill in the note of the question Airflow shows, and press an option's button."""
    button = f"[...document.querySelectorAll('button')].find(one => one.innerText.trim() === {json.dumps(option)})"
    page.wait(f"!!{button} && !{button}.disabled", f"the button {option!r}", settle_s=LEISURE_S)
    page.evaluate("document.querySelector('[name=element_note]').focus()")
    page.type(note)
    page.evaluate(f"{button}.click()")
    page.wait(f"!{button} || {button}.disabled", "the answer to be taken", settle_s=0.5)


def run_tasks_shown(page: Browser) -> int:
    return int(page.evaluate(in_frame("frame.querySelectorAll('.steps li').length")))


def look_at_frames(page: Browser) -> None:
    """Every view of the comparison, by its keys, with pictures that really come."""
    shown = "frame.querySelector('#{} img')?.naturalWidth > 0 && !frame.getElementById('{}').hidden"
    frame = "Number(frame.getElementById('stage').dataset.frame)"
    press_key(page, "Home", f"{frame} === 0", "the first frame")
    press_key(page, "n", f"{frame} > 0", "the next changed frame")
    assert page.evaluate(in_frame("frame.getElementById('changed-said').innerText")).endswith("this one is")
    press_key(page, "d", shown.format("difference", "difference"), "the difference")
    press_key(page, "m", shown.format("found", "found"), "the damage found")
    press_key(page, "m", "frame.getElementById('found').hidden", "the damage to go")
    for side in ("before", "after"):
        press_key(page, "f", f"!frame.getElementById('side-{side}').hidden", f"the flicker: {side}")
    press_key(page, "w", "frame.getElementById('stage').dataset.mode === 'wipe'", "the wipe")
    assert page.evaluate(in_frame("frame.getElementById('failed').hidden"))


def play_films(page: Browser) -> None:
    """Let both films play from the first frame, move the wipe meanwhile, and stop them at a still."""
    press_key(page, "Home", "frame.querySelector('#before img')?.alt === 'Frame 0, as scanned'", "the first frame")
    press_button(page, "▶ Play", "frame.querySelectorAll('#before canvas, #after canvas').length === 2", "the films")
    assert move_wipe(page, 0.75) == pytest.approx(75, abs=0.5)
    press_key(page, "k", "frame.getElementById('stage').dataset.playing === 'false'", "the films to stop")
    still = (
        "frame.querySelector('#after img')?.alt === `Frame ${frame.getElementById('stage').dataset.frame}, restored`"
    )
    page.wait(in_frame(still), "a still where they stopped", settle_s=0)
    assert page.evaluate(in_frame("frame.getElementById('failed').hidden"))


def change_the_plan(page: Browser) -> int:
    """Make the repair of dirt in the shot shown more careful, after two slips; give the version it is saved as."""
    plan = "frame.getElementById('plan')"
    follow(page, "Change the plan of this shot", plan, "the plan")
    page.evaluate(in_frame("frame.querySelector('[data-shot=\"1\"] [data-treatment=dirt] summary').click()"))
    threshold = "#shot-1-dirt-threshold"
    page.wait(in_frame(f"frame.querySelector('{threshold}')"), "the settings", settle_s=0)
    refused = "frame.getElementById('shot-1-dirt-threshold-wrong').innerText === '{}'"
    rule = "A number, at least 0.35 and at most 0.95."
    write(page, "#reason", "the stars are not dirt")
    write(page, threshold, "2")
    press_button(page, "Save as the next version", refused.format(rule), "the field to be refused")
    # as a browser would that asks nobody: the server says the same, at the same field
    page.evaluate(in_frame(f"(frame.querySelector('{threshold}').removeAttribute('max'), true)"))
    write(page, threshold, "3")
    page.wait(in_frame(refused.format("")), "the sentence to go", settle_s=0)
    press_button(page, "Save as the next version", refused.format(rule), "the server's refusal")
    write(page, threshold, "0.8")
    saved = "/^Saved as version [0-9]+/.test(frame.getElementById('said').innerText)"
    press_button(page, "Save as the next version", saved, "the plan to be saved")
    return int(page.evaluate(in_frame("frame.getElementById('said').innerText.match(/[0-9]+/)[0]")))
