"""The Reels pages over HTTP, on a real Postgres: who may see and do what, and that nothing hostile gets through."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import ValidationError
from reelkeeper_airflow.pages.app import create_app
from reelkeeper_airflow.pages.links import MOUNT
from reelkeeper_airflow.pages.plan_editor import settings_of
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import drafts, lock, plans, reels, waivers
from restoration_tasks.catalogue.models import DraftChoice, ReelState
from restoration_tasks.provenance.agents import Person
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.restoration.treatment import registry
from tests.plugins.page_routes import every_route
from tests.plugins.restored_reel import RUN, SPECK, RestoredReel

HOSTILE = "<script>alert(1)</script>"
PAGES = f"{MOUNT}/reels"
WRITE = {"X-Reelkeeper": "1"}
SignIn = Callable[..., TestClient]


@pytest.fixture
def reel(
    tmp_path: Path, sessions: sessionmaker[Session], database: str, monkeypatch: pytest.MonkeyPatch
) -> RestoredReel:
    """A restored reel with a hostile title, and the settings that lead to it."""
    monkeypatch.setenv("REELKEEPER_VAULT", str(tmp_path / "vault"))
    monkeypatch.setenv("REELKEEPER_SCRATCH", str(tmp_path / "scratch"))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", database)
    return RestoredReel(tmp_path / "vault", sessions, title=HOSTILE)


@pytest.fixture
def sign_in(reel: RestoredReel) -> SignIn:
    """Give a browser of a user of some role, at the app as Airflow mounts it."""
    from airflow.api_fastapi.app import create_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
    from airflow.api_fastapi.core_api.security import get_user

    create_auth_manager()

    def client(role: str | None = "OP", name: str = "ana") -> TestClient:
        pages, site = create_app(), FastAPI()
        if role is not None:
            pages.dependency_overrides[get_user] = lambda: SimpleAuthManagerUser(username=name, role=role)
        site.mount(MOUNT, pages)
        return TestClient(site, follow_redirects=False)

    return client


def picture(content: bytes) -> np.ndarray:
    found = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


def address(reel: RestoredReel, what: str, *digests: str, frame: int = 2) -> str:
    return f"{PAGES}/{reel.reel_id}/{what}/{'/'.join(digests)}/{frame}.png"


def test_nobody_gets_anything(reel: RestoredReel, sign_in: SignIn) -> None:
    digests = {"sha256": reel.master.sha256, "before": reel.master.sha256, "after": reel.restored.sha256}
    client, routes = sign_in(None), every_route(reel.reel_id, **digests)
    assert len(routes) >= 15
    for method, path in routes:
        assert client.request(method, path, headers=WRITE, json={}).status_code == 401, path


def test_a_hostile_title_is_text(reel: RestoredReel, sign_in: SignIn) -> None:
    client = sign_in()
    for path in (PAGES, f"{PAGES}/{reel.reel_id}", f"{PAGES}/{reel.reel_id}/compare", f"{PAGES}/{reel.reel_id}/record"):
        answer = client.get(path)
        assert answer.status_code == 200, path
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in answer.text
        assert HOSTILE not in answer.text
        assert "<b>stays" not in answer.text
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self';" in policy
        # Nothing that policy would stop: no script but files of ours, no handler in the markup.
        scripts = re.findall(r"<script([^>]*)>", answer.text)
        assert all("src=" in one or 'type="application/json"' in one for one in scripts)
        assert not re.search(r"<[^>]+\son[a-z]+\s*=", answer.text)


def test_what_the_check_found_is_shown_from_the_record_and_of_older_checks_from_their_file(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    older = RestoredReel(Path(str(reel.vault.root)), sessions, "PAGES-2", kept=False)
    found = "<b>Look at.</b> No speck &lt;b&gt;stays&lt;/b&gt;. 1 does."
    for one in (reel, older):
        assert found in sign_in().get(f"{PAGES}/{one.reel_id}").text
        one.path(one.check).unlink()
    assert found in sign_in().get(f"{PAGES}/{reel.reel_id}").text
    assert found not in sign_in().get(f"{PAGES}/{older.reel_id}").text


def test_what_was_waived_of_the_check_stands_beside_it_and_nothing_of_another_check(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    assert "Let pass." not in sign_in().get(f"{PAGES}/{reel.reel_id}").text
    for number, (rule, sha256) in enumerate((("fidelity.text_kept", reel.check.sha256), ("integrity.size", "0" * 64))):
        with sessions.begin() as session:
            waivers.record_check(
                session, reel.reel_id, run_id=RUN, execution_id=f"{RUN}/record_decision/-1/{number}", rules=[rule],
                reason=HOSTILE, person=Person("ana", "Ana Petrova"), check_sha256=sha256,
            )  # fmt: skip
    page = sign_in().get(f"{PAGES}/{reel.reel_id}").text
    assert re.findall(r"Let pass\.</b> <code>([^<]+)</code> by Ana Petrova, ", page) == ["fidelity.text_kept"]
    assert HOSTILE not in page


def test_the_board_is_found_filtered_and_paged_by_the_database(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        for number in range(120):
            reels.register(session, f"B-{number:03d}", title="Harbour 100%" if number == 7 else "")
        reels.set_state(session, "B-003", ReelState.FAILED)
        lock.acquire(session, "B-003", "run-3")
    client = sign_in()
    whole = client.get(PAGES, params={"sort": "reel"}).text
    assert "page 1 of 3" in whole
    assert whole.count('<th scope="row">') == 50
    assert 'href="/reelkeeper/reels/B-000"' in whole
    last = client.get(PAGES, params={"sort": "reel", "page": 3}).text
    assert 'href="/reelkeeper/reels/B-099"' not in last
    assert f'href="/reelkeeper/reels/{reel.reel_id}"' in last
    assert client.get(PAGES, params={"sort": "reel", "page": 99}).text.count('<th scope="row">') == 21
    failed = client.get(PAGES, params={"state": "failed"}).text
    assert failed.count('<th scope="row">') == 1
    assert "/dags/restore_reel/runs/run-3" in failed
    # Punctuation does not count, every word does, and an odd state or order is passed over.
    assert client.get(PAGES, params={"q": "100% harb"}).text.count('<th scope="row">') == 1
    assert "No reel fits" in client.get(PAGES, params={"q": "1%0"}).text
    assert client.get(PAGES, params={"state": "x' OR 1=1", "sort": ";", "q": "' OR '1'='1"}).status_code == 200
    assert client.get(PAGES, params={"q": "no text\0"}).status_code == 400


def test_only_who_may_start_sees_the_button(reel: RestoredReel, sign_in: SignIn) -> None:
    assert "data-start" in sign_in("OP").get(PAGES).text
    assert "data-start" not in sign_in("VIEWER").get(PAGES).text


def test_the_reel_page_tells_what_was_done_and_how_it_is_proved(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    client = sign_in()
    shown = client.get(f"{PAGES}/{reel.reel_id}").text
    assert "Dirt covers 0.8 % of the picture." in shown
    assert "1 of 4" in shown
    assert reel.restored.sha256 in shown
    assert "All 6 events were computed again" in shown
    assert client.get(f"{PAGES}/{reel.reel_id}/timeline.json").json() == {
        "frame": [0, 1, 2, 3], "dirt": [0.0, 0.0, 0.8, 0.0], "scratches": [0.0] * 4, "changed": [0.0, 0.0, 0.7812, 0.0],
    }  # fmt: skip
    with sessions.begin() as session:
        session.execute(text("ALTER TABLE reelkeeper.events DISABLE TRIGGER append_only"))
        session.execute(text("UPDATE reelkeeper.events SET subtype = 'x' WHERE seq = 3"))
    tampered = client.get(f"{PAGES}/{reel.reel_id}").text
    assert "This record was tampered with" in tampered
    assert "event 3" in tampered
    assert 'class="flawed"' in client.get(f"{PAGES}/{reel.reel_id}/record").text


def test_the_documentation_of_treatment_is_a_page_for_everybody_who_may_look(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    client = sign_in("VIEWER")
    assert f'href="{PAGES}/{reel.reel_id}/treatment"' in client.get(f"{PAGES}/{reel.reel_id}").text
    answer = client.get(f"{PAGES}/{reel.reel_id}/treatment")
    assert (answer.status_code, reel.restored.sha256 in answer.text) == (200, True)
    assert HOSTILE not in answer.text
    assert "connect-src 'none'" in answer.headers["content-security-policy"]
    with sessions.begin() as session:
        reels.register(session, "BARE")
    assert client.get(f"{PAGES}/BARE/treatment").status_code == 422
    assert "/BARE/treatment" not in client.get(f"{PAGES}/BARE").text


def test_a_reel_without_anything_has_a_page_too(sign_in: SignIn, sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as session:
        reels.register(session, "BARE")
    client = sign_in()
    for path in ("BARE", "BARE/compare", "BARE/record"):
        assert client.get(f"{PAGES}/{path}").status_code == 200
    assert client.get(f"{PAGES}/BARE/timeline.json").json() == {"frame": []}


def test_frames_are_exact_and_kept_by_digest(reel: RestoredReel, sign_in: SignIn) -> None:
    client = sign_in("VIEWER")
    before = client.get(address(reel, "frames", reel.master.sha256))
    assert before.headers["cache-control"] == "private, max-age=31536000, immutable"
    scan, restored = picture(before.content), picture(client.get(address(reel, "frames", reel.restored.sha256)).content)
    assert scan.shape == (48, 64, 3)
    # 10-bit code values as a screen shows them, of frame 2 and no other
    assert restored[0, 0, 0] == round(202 / 1023 * 255)
    assert scan[SPECK].max() == round(60 / 1023 * 255)
    apart = picture(client.get(address(reel, "differences", reel.master.sha256, reel.restored.sha256)).content)
    outside = apart.copy()
    outside[SPECK] = 0
    assert apart[SPECK].min() == 255
    assert outside.max() == 0
    found = picture(client.get(address(reel, "damage", reel.map.sha256)).content)
    assert (found[SPECK][..., 3] > 0).all()
    assert (found[..., 3] > 0).sum() == 24
    again = {"If-None-Match": before.headers["etag"]}
    assert client.get(address(reel, "frames", reel.master.sha256), headers=again).status_code == 304
    assert picture(client.get(address(reel, "frames", reel.master.sha256, frame=3)).content)[10, 22, 0] > 60


NOT_THERE = [
    "{reel}/frames/{access}/0.png",  # a file of the reel, but no master
    "{reel}/frames/{other}/0.png",
    "{reel}/frames/{master}/6.png",  # one frame beyond the last
    "{reel}/frames/{master}/-1.png",
    "NO-SUCH/frames/{master}/0.png",
    "{reel}/frames/..%2f..%2fsecret/0.png",
    "{reel}/damage/{master}/0.png",
    "{reel}/files/{master}/other.mkv",
    "{reel}/files/{other}/master.mkv",
    "{reel}/files/{linked}/check.json",  # a link out of the vault has taken its place
    "..%2f..%2fetc/compare",
    "%2fetc%2fpasswd",
    "NO-SUCH",
    "NO-SUCH/record",
]


def test_what_is_not_there_is_404(reel: RestoredReel, sign_in: SignIn, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text("no")
    checked = reel.path(reel.check)
    checked.unlink()
    checked.symlink_to(secret)
    master, access, linked = (one.sha256 for one in (reel.master, reel.access, reel.check))
    client = sign_in()
    for path in NOT_THERE:
        filled = path.format(reel=reel.reel_id, master=master, access=access, linked=linked, other="0" * 64)
        assert client.get(f"{PAGES}/{filled}").status_code == 404, path


def test_files_come_in_ranges_and_by_digest(reel: RestoredReel, sign_in: SignIn) -> None:
    path = f"{PAGES}/{reel.reel_id}/files/{reel.access.sha256}/access.mp4"
    client = sign_in("VIEWER")
    part = client.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, bytes(range(10, 20)))
    assert part.headers["etag"] == f'"{reel.access.sha256}"'
    assert client.get(path, headers={"If-None-Match": part.headers["etag"]}).status_code == 304


def test_a_file_that_changed_since_it_was_recorded_is_not_shown(reel: RestoredReel, sign_in: SignIn) -> None:
    with reel.path(reel.restored).open("ab") as stream:
        stream.write(b"x")
    answer = sign_in().get(address(reel, "frames", reel.restored.sha256))
    assert answer.status_code == 409
    assert "another size than recorded" in answer.json()["detail"]


def test_marks_are_kept_changed_and_taken_back(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    client, path = sign_in("USER"), f"{PAGES}/{reel.reel_id}/marks"
    mark = {"plan_version": 1, "shot": 1, "choice": "redo", "note": HOSTILE}
    assert client.post(path, json=mark, headers=WRITE).json() == {"marked": 1, "of": 2}
    assert client.post(path, json=mark | {"choice": "accept"}, headers=WRITE).json() == {"marked": 1, "of": 2}
    assert sign_in("USER", "bo").post(path, json=mark | {"shot": 2}, headers=WRITE).json() == {"marked": 1, "of": 2}
    with sessions.begin() as session:
        kept = drafts.of_version(session, reel.reel_id, 1)
        assert [(one.shot, one.choice, one.login) for one in kept] == [
            (1, DraftChoice.ACCEPT, "ana"),
            (2, DraftChoice.REDO, "bo"),
        ]
    for page in (reel.reel_id, f"{reel.reel_id}/compare"):
        assert HOSTILE not in client.get(f"{PAGES}/{page}").text
    told = re.search(r'id="told">(.*?)</script>', client.get(f"{PAGES}/{reel.reel_id}/compare").text)
    assert told is not None
    content = json.loads(told[1])
    assert [(one["note"], one["mine"]) for one in content["drafts"]] == [(HOSTILE, True), (HOSTILE, False)]
    assert content["changed"] == [[2, 2]]
    assert content["segments"] == [{"start": 0, "stop": 4, "map": reel.map.sha256}]
    empty = {"plan_version": 1, "shot": 1, "choice": "none", "note": " "}
    assert client.post(path, json=empty, headers=WRITE).json() == {"marked": 0, "of": 2}


WRITERS = [
    ("VIEWER", WRITE, 403),
    ("USER", {}, 403),
    ("USER", WRITE | {"Origin": "https://elsewhere.example"}, 403),
    ("USER", WRITE | {"Sec-Fetch-Site": "cross-site"}, 403),
    ("USER", WRITE | {"Sec-Fetch-Site": "same-site"}, 403),
    ("USER", WRITE | {"Origin": "http://testserver"}, 200),
    ("USER", WRITE | {"Sec-Fetch-Site": "same-origin", "Origin": "https://archive.example"}, 200),
]


def test_only_people_with_the_role_write_and_only_from_our_own_pages(reel: RestoredReel, sign_in: SignIn) -> None:
    mark = {"plan_version": 1, "shot": 1, "choice": "accept", "note": ""}
    for role, headers, status in WRITERS:
        answer = sign_in(role).post(f"{PAGES}/{reel.reel_id}/marks", json=mark, headers=headers)
        assert answer.status_code == status, (role, headers)


def test_a_mark_that_fits_nothing_is_refused(reel: RestoredReel, sign_in: SignIn) -> None:
    client = sign_in()
    for change, status in (
        ({"shot": 3}, 422),
        ({"plan_version": 2}, 404),
        ({"choice": "approve"}, 422),
        ({"note": "x" * 2001}, 422),
    ):
        mark = {"plan_version": 1, "shot": 1, "choice": "accept", "note": ""} | change
        assert client.post(f"{PAGES}/{reel.reel_id}/marks", json=mark, headers=WRITE).status_code == status, change


def changes(*treatments: dict[str, object], shot: int = 2, version: int = 1) -> dict[str, object]:
    return {"from_version": version, "reason": "by hand", "shots": [{"shot": shot, "treatments": list(treatments)}]}


def test_a_saved_plan_is_the_next_version_and_leaves_the_one_before(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    client, path = sign_in("USER"), f"{PAGES}/{reel.reel_id}/plan"
    shown = client.get(path).text
    assert shown.count("data-params=") == len(reel.plan.shots)
    assert shown.count('min="0.35" max="0.95"') == 1, "each setting once, however many shots there are"
    assert HOSTILE not in shown
    softer = {"name": "dirt", "params": {"threshold": 0.8, "engine": "network"}}
    assert client.post(path, json=changes(softer), headers=WRITE).json() == {"version": 2}
    off = changes(shot=1, version=2)
    assert client.post(path, json=off, headers=WRITE).json() == {"version": 3}
    with sessions.begin() as session:
        first, second, third = (Plan.from_yaml(plans.get(session, reel.reel_id, number).yaml) for number in (1, 2, 3))
        assert plans.get(session, reel.reel_id, 1).yaml == reel.plan.to_yaml()
        assert plans.made_by_person(session, reel.reel_id, 3)
        assert not plans.made_by_person(session, reel.reel_id, 1)
    assert [(one.name, one.params) for one in second.shots[1].treatments] == [("dirt", {"threshold": 0.8})]
    assert second.shots[0] == first.shots[0]
    assert (third.shots[0].treatments, third.shots[1], third.author[:7], third.parent) == (
        (),
        second.shots[1],
        "person ",
        2,
    )
    assert reel.vault.path(f"vault:reels/{reel.reel_id}/plans/v0003.yaml").is_file()


def test_a_plan_that_is_none_is_not_saved(reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]) -> None:
    client, path = sign_in(), f"{PAGES}/{reel.reel_id}/plan"
    for change, status, said in (
        (changes({"name": "dirt", "params": {"threshold": 2}}), 422, "threshold"),
        (changes({"name": "dirt", "params": {"threshold": "</script>"}}), 422, "threshold"),
        (changes({"name": "dirt", "params": {"engine": "magic"}}), 422, "One of "),
        (changes({"name": "dirt", "params": {"only_added": 1}}), 422, "Yes or no."),
        (changes({"name": "dirt", "params": {"magic": 1}}), 422, "cannot be set by hand"),
        (changes({"name": "flicker", "params": {}}), 422, "measured first"),
        (changes({"name": "magic", "params": {}}), 422, "magic"),
        (changes({"name": "dirt"}, {"name": "dirt"}), 422, "twice"),
        (changes(shot=9), 422, "no such shot"),
        (changes(version=4), 404, "version"),
        (changes() | {"reason": ""}, 422, "reason"),
    ):
        answer = client.post(path, json=change, headers=WRITE)
        assert (answer.status_code, said in answer.text) == (status, True), (change, answer.text)
    assert client.post(path, json=changes({"name": "dirt"}), headers=WRITE).status_code == 200
    meanwhile = client.post(path, json=changes(shot=1), headers=WRITE)
    assert (meanwhile.status_code, "saved meanwhile" in meanwhile.text) == (409, True)
    assert sign_in("VIEWER").post(path, json=changes(shot=1, version=2), headers=WRITE).status_code == 403
    assert client.post(path, json=changes(shot=1, version=2)).status_code == 403
    with sessions.begin() as session:
        newest = plans.latest(session, reel.reel_id)
        assert newest is not None
        assert newest.version == 2


def test_a_wrong_setting_is_told_with_its_field(reel: RestoredReel, sign_in: SignIn) -> None:
    wrong = changes({"name": "dirt", "params": {"threshold": 0.2}}, shot=1)
    answer = sign_in().post(f"{PAGES}/{reel.reel_id}/plan", json=wrong, headers=WRITE)
    rule = "A number, at least 0.35 and at most 0.95."
    assert answer.json() == {
        "detail": f"shot 1, dirt, threshold: {rule}",
        "at": {"shot": 1, "treatment": "dirt", "param": "threshold", "rule": rule},
    }


def model_allows(treatment: str, name: str, value: float) -> bool:
    """Whether the treatment's own model has nothing against this one value."""
    try:
        registry()[treatment].params_model.model_validate({name: value})
    except ValidationError as error:
        return all(name not in one["loc"][:1] for one in error.errors())
    return True


def test_what_may_be_set_is_what_the_models_allow() -> None:
    rules = set()
    for treatment in registry():
        for setting in settings_of(treatment):
            assert setting.allows(setting.default), (treatment, setting.name)
            rules.add(setting.rule)
            for end, outwards in ((setting.least, -1), (setting.most, 1)):
                for value in () if end is None else (end, end + outwards):
                    allowed = model_allows(treatment, setting.name, value)
                    assert setting.allows(value) is allowed, (treatment, setting.name, value)
    assert {
        "A number, at least 0.35 and at most 0.95.",
        "A number, at least 0 and less than 1.",
        "A number, more than 0 and at most 1.",
        "Yes or no.",
    } <= rules


def test_the_tab_of_a_run_leads_to_its_reel(
    reel: RestoredReel, sign_in: SignIn, sessions: sessionmaker[Session]
) -> None:
    with sessions.begin() as session:
        lock.acquire(session, reel.reel_id, "manual__2026-01-02T00:00:00+00:00")
    client = sign_in("VIEWER")
    path = f"{MOUNT}/runs/manual__2026-01-02T00%3A00%3A00%2B00%3A00/reel"
    answer = client.get(path, params={"dag": "restore_reel"})
    assert (answer.status_code, answer.headers["location"]) == (307, f"{PAGES}/{reel.reel_id}")
    assert client.get(path, params={"dag": "other"}).status_code == 404


def test_errors_are_pages_for_people_and_json_for_scripts(sign_in: SignIn) -> None:
    client = sign_in()
    shown = client.get(f"{PAGES}/NO-SUCH", headers={"Accept": "text/html"})
    assert (shown.status_code, "There is nothing here." in shown.text) == (404, True)
    assert client.get(f"{PAGES}/NO-SUCH").json()["detail"].startswith("reel NO-SUCH: no such reel is registered.")
    told = sign_in(None).get(PAGES, headers={"Accept": "text/html"})
    assert (told.status_code, "You are not signed in." in told.text) == (401, True)


def test_style_sheets_and_scripts_are_kept_by_digest(sign_in: SignIn) -> None:
    client = sign_in("VIEWER")
    loaded = re.findall(r'(?:src|href)="(/reelkeeper/static/[^"]+)"', client.get(PAGES).text)
    assert len(loaded) == 4
    for path in loaded:
        answer = client.get(path)
        assert (answer.status_code, "immutable" in answer.headers["cache-control"]) == (200, True)
    for path in ("0000000000000000/reels.css", "0000000000000000/access.py", "x/..%2faccess.py"):
        assert client.get(f"{MOUNT}/static/{path}").status_code == 404
