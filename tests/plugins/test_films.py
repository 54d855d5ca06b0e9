"""The films of the comparison in a real browser: both show one frame at every moment; wipe, flicker, keys, steps."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI
from reelkeeper_airflow.pages.app import create_app
from reelkeeper_airflow.pages.links import MOUNT
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.media import copies
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.writer import encode_frames
from tests.browser import Browser, browser
from tests.plugins.restored_reel import FRAMES, RestoredReel

pytestmark = pytest.mark.timeout(180)

FPS = 3
FILM = PictureFormat(64, 48, "gbrp10le", Fraction(FPS), "bt709", "bt709")
STEP, SCAN, RESTORED = 130, 60, 120
"""10-bit grey of the films: by frame, and of the first frame of each."""
SHOWN = """(() => {
  const stage = document.getElementById("stage");
  const grey = (name) => {
    const picture = document.querySelector(`#${name} canvas`);
    return picture ? picture.getContext("2d").getImageData(32, 24, 1, 1).data[0] : null;
  };
  window.seen = [];
  new MutationObserver(() => stage.dataset.playing === "true"
    && window.seen.push([Number(stage.dataset.frame), grey("before"), grey("after")]))
    .observe(stage, { attributes: true, attributeFilter: ["data-frame"] });
  return true;
})()"""
"""Notes, for each frame the page says it shows, what its two pictures show."""


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The access copies of scan and restoration: every frame another grey."""
    folder, made = tmp_path_factory.mktemp("films"), {}
    for name, file, first in (("access", "access.mp4", RESTORED), ("scan_access", "scan.mp4", SCAN)):
        greys = [np.full((48, 64), first + STEP * frame, np.uint16) for frame in range(FRAMES)]
        encode_frames([(grey, grey, grey) for grey in greys], FILM, folder / f"{name}.mkv")
        copies.access(folder / f"{name}.mkv", folder / file)
        made[name] = folder / file
    return made


@pytest.fixture
def site(tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The pages at an address, with a conservator signed in."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    monkeypatch.setenv("REELKEEPER_VAULT", str(tmp_path / "vault"))
    monkeypatch.setenv("REELKEEPER_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", database)
    create_auth_manager()
    pages, app = create_app(), FastAPI()
    pages.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username="ana", role="OP")
    app.mount(MOUNT, pages)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}{MOUNT}"
        server.should_exit = True
        thread.join()


def of_stage(page: Browser, what: str) -> str:
    return str(page.evaluate(f"document.getElementById('stage').dataset.{what}"))


def open_comparison(page: Browser, site: str, reel: RestoredReel) -> None:
    page.go(f"{site}/reels/{reel.reel_id}/compare#0")
    page.wait("document.getElementById('stage')?.dataset.frame === '0'", "the first frame", settle_s=0)


def test_both_films_show_the_frame_the_page_names(
    tmp_path: Path, sessions: sessionmaker[Session], films: dict[str, Path], site: str
) -> None:
    reel = RestoredReel(tmp_path / "vault", sessions, films=films, fps=str(FPS))
    with browser() as page:
        page.listen()
        open_comparison(page, site, reel)
        page.evaluate(SHOWN)
        assert page.evaluate("!document.querySelector('#before canvas')"), "a still first"
        page.push("▶ Play")
        page.wait("window.seen.length >= 2", "the films to play", settle_s=0)
        page.wait("document.getElementById('stage').dataset.playing === 'false'", "the end", settle_s=0)
        seen = page.evaluate("window.seen")
        assert seen[0][0] <= 1
        assert len({frame for frame, _, _ in seen}) >= FRAMES - 2, "a busy machine may miss some"
        for frame, before, after in seen:
            assert abs(before - (SCAN + STEP * frame) / 4) < 5, f"frame {frame} of the scan"
            assert abs(after - (RESTORED + STEP * frame) / 4) < 5, f"frame {frame} of the restoration"
        # at its end it stands at the last frame, as it is in the masters
        last = f"document.querySelector('#after img')?.alt === 'Frame {FRAMES - 1}, restored'"
        page.wait(last, "the still of the last frame", settle_s=0)
        assert page.complaints == []


def test_wipe_flicker_steps_and_keys_work_while_films_play(
    tmp_path: Path, sessions: sessionmaker[Session], films: dict[str, Path], site: str
) -> None:
    reel = RestoredReel(tmp_path / "vault", sessions, films=films, fps=str(FPS))
    visible = "getComputedStyle(document.getElementById('after')).visibility"
    with browser() as page:
        open_comparison(page, site, reel)
        page.press("k")
        page.wait("document.querySelector('#after canvas')", "the films", settle_s=0)
        box = page.evaluate(
            "(({ left, top, width, height }) => [left, top, width, height])"
            "(document.getElementById('stage').getBoundingClientRect())"
        )
        middle = box[1] + box[3] / 2
        page.drag((box[0] + box[2] / 2, middle), (box[0] + box[2] * 0.25, middle))
        cut = "getComputedStyle(document.getElementById('after')).clipPath"
        assert page.evaluate(cut) in ("inset(0px 0px 0px 25%)", "inset(0 0 0 25%)")
        page.press("f")
        for side in ("hidden", "visible"):
            page.wait(f"{visible} === '{side}'", f"the flicker: {side}", settle_s=0)
        page.press("w")

        # a step stops the films and goes on by stills; so does the jump to the next changed frame
        page.press("Home")
        page.wait("document.querySelector('#before img')?.alt === 'Frame 0, as scanned'", "a still", settle_s=0)
        assert (of_stage(page, "playing"), page.evaluate("document.getElementById('play').innerText")) == (
            "false", "▶ Play",
        )  # fmt: skip
        page.press("k")
        page.wait("document.querySelector('#after canvas')", "the films again", settle_s=0)
        page.press("k")
        page.wait("document.querySelector('#after img')", "a still where they stopped", settle_s=0)
        stopped = int(of_stage(page, "frame"))
        assert page.evaluate("document.querySelector('#after img').alt") == f"Frame {stopped}, restored"
        page.press("ArrowRight" if stopped < FRAMES - 1 else "ArrowLeft")
        beside = stopped + (1 if stopped < FRAMES - 1 else -1)
        page.wait(f"document.getElementById('stage').dataset.frame === '{beside}'", "one frame on", settle_s=0)
        page.press("Home")
        page.press("k")
        page.press("n")
        page.wait("document.getElementById('stage').dataset.frame === '2'", "the changed frame", settle_s=0)
        assert of_stage(page, "playing") == "false"
        assert page.evaluate("document.getElementById('failed').hidden")


def test_a_restoration_made_before_there_was_a_film_of_its_scan_says_so(
    tmp_path: Path, sessions: sessionmaker[Session], films: dict[str, Path], site: str
) -> None:
    reel = RestoredReel(tmp_path / "vault", sessions, films={"access": films["access"]}, fps=str(FPS))
    with browser() as page:
        open_comparison(page, site, reel)
        assert page.evaluate("document.getElementById('play').disabled")
        assert "before there was a film" in page.evaluate("document.getElementById('play').title")
        page.press("k")
        assert of_stage(page, "playing") == "None"
