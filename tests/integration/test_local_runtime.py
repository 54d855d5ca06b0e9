"""The whole DAG on a real Airflow with steps as subprocesses: approval, reuse, clearing, another pass, bad input."""

from __future__ import annotations

import html
from typing import Any
from urllib.parse import quote

import pytest
from reelkeeper_airflow.stack.rest import RestError
from sqlalchemy import select

from restoration_tasks.catalogue import drafts, lock, nights, plans, queue, reels, scans, waivers
from restoration_tasks.catalogue.models import DraftChoice, ReelState
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.models import AgentName, Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import DECISION_TERM, DecisionAnswer
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps import queueing
from tests.browser import browser
from tests.integration import in_the_browser
from tests.integration.accessible import faults, unseen_focus
from tests.integration.conftest import Stack
from tests.integration.in_the_browser import in_frame
from tests.integration.over_http import answer_to
from tests.integration.reels import CLEAN_SHOT, SHOTS, deliver
from tests.plugins.page_routes import every_route

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

REEL = "TEST-0001"
FORM = {"batch_frames": 1}
"""One shot a lane."""
STEPS = ("ingest", "shots", "plan", "assemble", "check", "package")
LANES = ("assess.batch", "restore.batch")
CLEARED_LANE = 2


def approve(stack: Stack, run_id: str, version: int = 1) -> None:
    stack.answer(run_id, "Approve", plan_version=version, note=None, strength="same")


@pytest.fixture(scope="module")
def first_run(stack: Stack) -> tuple[str, dict[str, Any]]:
    """A run from the trigger to the package, and the question it asked."""
    deliver(stack.inbox, REEL)
    run_id = stack.trigger(REEL, **FORM)
    question = stack.wait_asked(run_id)
    with pytest.raises(RestError, match="403"):
        stack.answer(run_id, "Approve", client=stack.operator, plan_version=1, note=None, strength="same")
    approve(stack, run_id)
    assert stack.wait_over(run_id) == "success", stack.failures(run_id)
    return run_id, question


def did(stack: Stack, run_id: str) -> dict[tuple[str, int], str]:
    """How each step came to its result."""
    asked = [(name, -1) for name in STEPS] + [(name, lane) for name in LANES for lane in range(SHOTS)]
    return {task: stack.xcom(run_id, *task)["did"] for task in asked}


def test_reel_goes_its_whole_way(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    run_id, _ = first_run
    assert set(did(stack, run_id).values()) == {"worked"}
    titles = [stack.tasks(run_id)["restore.batch", lane]["rendered_map_index"] for lane in range(SHOTS)]
    assert titles == ["batch 1 · shot 1", "batch 2 · shot 2", "batch 3 · shot 3"]
    clean = stack.xcom(run_id, "restore.batch", CLEAN_SHOT - 1)["figures"]
    assert clean["frames_changed"] == 0
    with stack.sessions.begin() as session:
        status = reels.status(session, REEL)
        assert (status.state, status.last_answer, status.active_run) == (
            ReelState.RESTORED,
            DecisionAnswer.APPROVE,
            None,
        )
        # three for each lane's two steps, six for the reel's, the decision and the catalogue entry
        assert status.events == SHOTS * 2 + len(STEPS) + 2
        assert not verify(session, REEL).findings


def test_question_says_what_a_person_needs(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    run_id, question = first_run
    assert question["assigned_users"] == [{"id": "conservator", "name": "conservator"}]
    assert question["defaults"] is None
    assert "Nothing happens until somebody does." in stack.wait_mail(f"Reel {REEL} needs a decision", run_id)
    assert question["params"]["plan_version"]["value"] == 1
    body = question["body"]
    assert "The check **passed**" in body
    assert "{'" not in body, "figures stand in words, not as Python writes them"
    assert f"| {CLEAN_SHOT} | 10–19 | left alone |" in body
    for file in ("report.html", "comparison.mp4"):
        address = next(part.split(")")[0] for part in body.split("](") if f"{file})" in part)
        assert address.startswith("/reelkeeper/files/reels/")
        assert (stack.vault / address.removeprefix("/reelkeeper/files/")).is_file()


def test_second_run_works_nothing_twice(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    run_id = stack.trigger(REEL, **FORM)
    stack.wait_asked(run_id)
    approve(stack, run_id)
    assert stack.wait_over(run_id) == "success", stack.failures(run_id)
    assert set(did(stack, run_id).values()) == {"reused"}
    with stack.sessions.begin() as session:
        assert plans.latest(session, REEL).version == 1


def test_cleared_lane_works_afresh_with_what_follows(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    run_id, _ = first_run
    before = stack.tasks(run_id)
    cleared = stack.clear(run_id, ("restore.batch", CLEARED_LANE))
    assert ("restore.batch", CLEARED_LANE) in cleared
    stack.wait_asked(run_id, tries=2)
    approve(stack, run_id)
    assert stack.wait_over(run_id) == "success", stack.failures(run_id)

    after = stack.tasks(run_id)
    tried_again = {task for task in after if after[task]["try_number"] > before[task]["try_number"]}
    follows = {"larger_or_none", "assemble", "check", "decide", "record_decision", "catalogue", "package"}
    opened_and_closed = {"open_reel", "close_reel"}
    assert tried_again == {("restore.batch", CLEARED_LANE)} | {(name, -1) for name in follows | opened_and_closed}
    assert stack.xcom(run_id, "restore.batch", CLEARED_LANE)["did"] == "fresh: agrees"
    assert stack.xcom(run_id, "assemble")["did"] == "fresh: agrees"
    assert "the bytes agree" in stack.log(run_id, "restore.batch", CLEARED_LANE, tries=2)
    with stack.sessions.begin() as session:
        assert not verify(session, REEL).findings


def test_a_person_looks_and_marks_a_shot_inside_airflow(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    hostile = "<script>window.top.harmed = true</script>"
    with stack.sessions.begin() as session:
        reels.register(session, "TEST-HOSTILE", title=hostile)
    url, passwords = stack.running.layout.url, stack.running.home.passwords()
    with browser() as page:
        page.listen()
        in_the_browser.log_in(page, url, "conservator", passwords["conservator"])
        in_the_browser.open_reels(page)
        assert hostile in page.evaluate(in_the_browser.in_frame("frame.body.innerText"))
        in_the_browser.follow(page, REEL, "frame.querySelectorAll('.steps li').length > 3", "the reel and its run")
        in_the_browser.follow(
            page, "Compare before and after", "frame.getElementById('stage')?.dataset.frame", "both pictures"
        )
        assert in_the_browser.move_wipe(page, 0.25) == pytest.approx(25, abs=0.5)
        in_the_browser.mark(page, "redo", hostile)
        assert page.evaluate("window.harmed") is None
        # What a page's own policy stops, and scripts that fail, would be heard; that Airflow frames a page is known.
        assert [one for one in page.complaints if "sandbox" not in one] == []

        page.sign_in(url, stack.viewer.token)
        page.open(f"{url}/reelkeeper/reels/{REEL}/compare", "You may look, but not mark anything.")
        assert page.evaluate("document.querySelector('#mark fieldset').disabled")
        wrote = "fetch('marks', {method: 'POST', headers: {'X-Reelkeeper': '1', 'Content-Type': 'application/json'},"
        body = "body: JSON.stringify({plan_version: 1, shot: 1, choice: 'accept'})}).then(answer => answer.status)"
        assert page.evaluate(wrote + body) == 403
    with stack.sessions.begin() as session:
        (draft,) = drafts.of_version(session, REEL, 1)
        assert (draft.shot, draft.choice, draft.note, draft.login) == (1, DraftChoice.REDO, hostile, "conservator")
        drafts.save(session, REEL, 1, 1, choice=DraftChoice.NONE, note="", person=Person("conservator"))


def test_redo_supersedes_and_starts_the_next_plan_version(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    run_id = stack.trigger(REEL, **FORM)
    stack.wait_asked(run_id)
    stack.answer(run_id, "Redo", plan_version=1, note="grain looks washed", strength="gentler")
    assert stack.wait_over(run_id) == "success", stack.failures(run_id)
    following = stack.operator.get("/api/v2/dags/restore_reel/dagRuns?order_by=-start_date&limit=1")["dag_runs"][0]
    assert following["dag_run_id"] != run_id
    assert following["conf"]["strength"] == "gentler"

    question = stack.wait_asked(following["dag_run_id"])
    assert question["params"]["plan_version"]["value"] == 2
    with stack.sessions.begin() as session:
        version = plans.get(session, REEL, 2)
        assert (version.parent, version.reason) == (1, "grain looks washed")
        assert lock.holder(session, REEL).run_id == following["dag_run_id"]
    assert stack.xcom(following["dag_run_id"], "restore.batch", CLEAN_SHOT - 1)["did"] == "reused"

    stack.answer(following["dag_run_id"], "Reject", plan_version=2, note="worse", strength="same")
    assert stack.wait_over(following["dag_run_id"]) == "success"
    assert stack.tasks(following["dag_run_id"])["package", -1]["state"] == "skipped"
    with stack.sessions.begin() as session:
        assert reels.status(session, REEL).state is ReelState.REJECTED
        assert lock.holder(session, REEL) is None


def test_a_plan_can_be_read_and_stopped_before_any_pixel_is_touched(
    stack: Stack, first_run: tuple[str, dict[str, Any]]
) -> None:
    run_id = stack.trigger(REEL, **FORM, review_plan=True)
    question = stack.wait_asked(run_id, "review_plan")
    assert question["assigned_users"] == [{"id": "conservator", "name": "conservator"}]
    assert "the whole plan" in question["body"]
    assert "no picture has been touched" in question["body"]
    stack.answer(run_id, "Stop here", task="review_plan", note="ask the cameraman first")
    assert stack.wait_over(run_id) == "failed"
    assert "conservator stopped the run at the plan (ask the cameraman first)" in stack.log(run_id, "review_plan")
    tasks = stack.tasks(run_id)
    assert tasks["assemble", -1]["state"] == "upstream_failed"
    assert tasks["close_reel", -1]["state"] == "success"
    with stack.sessions.begin() as session:
        assert lock.holder(session, REEL) is None


def test_unknown_reel_fails_with_one_clear_line(stack: Stack) -> None:
    run_id = stack.trigger("NO-SUCH-REEL")
    assert stack.wait_over(run_id) == "failed"
    said = stack.log(run_id, "open_reel").splitlines()
    (line,) = [line for line in said if line.startswith("AirflowFailException: ")]
    assert "reel NO-SUCH-REEL: there is no delivery for this reel" in line
    assert "says why and what to do next" in stack.wait_mail("Reel NO-SUCH-REEL: the run failed", run_id)
    assert "Next: check the reel id" in line
    assert stack.tasks(run_id)["open_reel", -1]["try_number"] == 1
    assert not (stack.vault / "reels" / "NO-SUCH-REEL").exists()
    with stack.sessions.begin() as session:
        assert "NO-SUCH-REEL" not in {status.reel_id for status in reels.statuses(session)}


@pytest.mark.parametrize("reel_id", ["../../x", "", ".", "a/b", "a" * 65, "a\nb"])
def test_hostile_reel_id_is_refused_at_the_door(stack: Stack, reel_id: str) -> None:
    with pytest.raises(RestError, match="Invalid input for param reel_id") as refused:
        stack.trigger(reel_id)
    assert refused.value.status == 400


def test_unknown_field_of_the_form_is_refused(stack: Stack) -> None:
    deliver(stack.inbox, "TEST-0002")
    run_id = stack.trigger("TEST-0002", plan_version=3)
    assert stack.wait_over(run_id) == "failed"
    assert "the form has no field 'plan_version'" in stack.log(run_id, "open_reel")


def test_a_marked_delivery_starts_by_itself_and_a_person_can_let_its_gap_pass(stack: Stack) -> None:
    reel = deliver(stack.inbox, "TEST-0003")
    (reel.delivery / "TEST-0003_0001005.dpx").unlink()
    for mark in stack.inbox.glob("*/.ready"):
        mark.unlink()
    stack.pause("watch_inbox", False)
    try:
        (reel.delivery / ".ready").touch()
        run_id = stack.wait_run("inbox__TEST-0003__")
    finally:
        stack.pause("watch_inbox", True)
    assert stack.wait_over(run_id) == "failed"
    said = stack.log(run_id, "ingest")
    assert "TEST-0003_0001005.dpx, frame 1005" in said
    assert "waive it as 'missing-frames:1005'" in said
    assert stack.tasks(run_id)["ingest", -1]["try_number"] == 1
    assert (reel.delivery / ".ready").exists()

    allowed = stack.trigger("TEST-0003", waive=["missing-frames:1005=burnt in 1967"], expected_frames=30)
    stack.wait_task(allowed, "ingest", "success")
    figures = stack.xcom(allowed, "ingest")["figures"]
    assert (figures["frames"], figures["substituted_frames"]) == (30, 1)
    stack.end(allowed)
    with stack.sessions.begin() as session:
        (waived,) = waivers.of_reel(session, "TEST-0003")
        assert (waived.finding, waived.reason, waived.run_id) == ("missing-frames:1005", "burnt in 1967", allowed)
        assert session.get_one(AgentName, waived.person_id).login == "operator"
        scan = scans.newest(session, "TEST-0003")
        assert scan is not None
        assert (scan.frames, scan.width, scan.substituted_frames) == (30, 96, 1)


def put_into_the_queue(stack: Stack, *wanted: tuple[str, float, dict[str, Any]]) -> None:
    """Queue reels with a priority and a form."""
    settings, person = Settings(home=stack.running.home.root), Person("operator")
    with stack.sessions.begin() as session:
        for reel_id, priority, form in wanted:
            queueing.put(session, settings, reel_id, by=person, form=form)
            queue.override(session, reel_id, priority, person=person, reason="for the test")


def nightly_runs(stack: Stack) -> list[str]:
    """Every run of a reel that a night has started."""
    found = stack.operator.get("/api/v2/dags/restore_reel/dagRuns?order_by=-start_date&limit=100")["dag_runs"]
    return sorted(run["dag_run_id"] for run in found if run["dag_run_id"].startswith("nightly__"))


def test_a_night_starts_one_after_the_other_sums_up_and_cleared_starts_nothing_twice(stack: Stack) -> None:
    """One reel's delivery holds no frames, one cannot be opened, one was never scanned."""
    for reel_id in ("TEST-0009", "TEST-0011"):
        (stack.inbox / reel_id).mkdir()
        (stack.inbox / reel_id / "readme.txt").write_text("no frames")
    not_installed = {"enlarge": "faithful-4x"}
    put_into_the_queue(stack, ("TEST-0011", 50.0, not_installed), ("TEST-0009", 90.0, {}), ("TEST-0010", 70.0, {}))
    night = stack.of("nightly_batch")
    stack.pause(night.dag, False)
    try:
        night_id = night.start(budget_hours=1000, most_at_once=1)
        assert night.wait_over(night_id) == "success", night.failures(night_id)
        first, second = (nights.run_id_for(reel_id, night_id) for reel_id in ("TEST-0009", "TEST-0011"))
        chosen = night.xcom(night_id, "choose")
        assert (chosen["reels"], chosen["undelivered"]) == (2, 1), "what was never scanned stays where it is"
        assert night.tasks(night_id)["start_reel", 0]["rendered_map_index"] == "TEST-0009", "the worst first"
        assert stack.run(second)["start_date"] > stack.run(first)["end_date"], "one at a time"
        told = night.xcom(night_id, "sum_up")
        assert (told["taken"], told["held_back"], told["waiting_for_a_decision"]) == (2, 2, 0)
        summary = (stack.vault / told["summary"].removeprefix("vault:")).read_text()
        assert "held back: run " in summary
        assert "held back: reel TEST-0011" in summary, "why it could not be opened"

        night.clear(night_id, ("choose", -1))
        assert night.wait_over(night_id) == "success", night.failures(night_id)
        assert night.tasks(night_id)["choose", -1]["try_number"] == 2
        assert {first, second} <= set(nightly_runs(stack))
        assert len([run_id for run_id in nightly_runs(stack) if night_id in run_id]) == 2
        assert stack.tasks(second)["open_reel", -1]["try_number"] == 1
    finally:
        stack.pause(night.dag, True)
    with stack.sessions.begin() as session:
        states = {reel_id: reels.status(session, reel_id).queue_state for reel_id in ("TEST-0009", "TEST-0010")}
    assert states == {"TEST-0009": "held back", "TEST-0010": "waiting"}


def test_a_night_waits_for_no_person(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    """The reel of before, whose work is all there."""
    put_into_the_queue(stack, (REEL, 95.0, FORM))
    night = stack.of("nightly_batch")
    stack.pause(night.dag, False)
    try:
        night_id = night.start(budget_hours=0.0001, most_at_once=1)
        assert night.wait_over(night_id) == "success", night.failures(night_id)
    finally:
        stack.pause(night.dag, True)
    run_id = nights.run_id_for(REEL, night_id)
    told = night.xcom(night_id, "sum_up")
    assert (told["taken"], told["waiting_for_a_decision"]) == (1, 1)
    version = stack.wait_asked(run_id)["params"]["plan_version"]["value"]
    stack.answer(run_id, "Reject", plan_version=version, note="seen enough", strength="same")
    assert stack.wait_over(run_id) == "success", stack.failures(run_id)
    with stack.sessions.begin() as session:
        status = reels.status(session, REEL)
        assert (status.state, status.queue_state) == (ReelState.REJECTED, "done")


def test_viewer_may_look_but_not_start(stack: Stack) -> None:
    assert stack.viewer.get("/api/v2/dags/restore_reel")["dag_id"] == "restore_reel"
    with pytest.raises(RestError, match="403"):
        stack.viewer.post("/api/v2/dags/restore_reel/dagRuns", {"logical_date": None, "conf": {"reel_id": REEL}})


def test_a_shot_is_redone_and_approved_on_the_pages(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    """The whole way of a conservator, in a browser: start, watch, look, mark, change the plan, redo, look, approve."""
    url, passwords = stack.running.layout.url, stack.running.home.passwords()
    asked_for = "location.pathname.endsWith('/required_actions')"
    with browser() as page:
        page.listen()
        in_the_browser.log_in(page, url, "conservator", passwords["conservator"])
        in_the_browser.open_reels(page)
        run_id = in_the_browser.start_from_the_board(page, REEL)
        version = stack.wait_asked(run_id)["params"]["plan_version"]["value"]

        in_the_browser.open_reels(page)
        in_the_browser.follow(page, REEL, "frame.querySelector('.task-awaiting_input')", "the run that waits")
        steps = in_the_browser.run_tasks_shown(page)
        # a long reel's run has more tasks than Airflow gives at one time: as if that were five
        assert steps > 5
        fewer = "ask(one.replace('limit=100', 'limit=5'))"
        few = f"const ask = frame.defaultView.fetch; frame.defaultView.fetch = (one) => {fewer}"
        page.evaluate(in_frame(f"(() => {{ {few}; frame.querySelector('.steps').replaceChildren(); return true }})()"))
        every = f"frame.querySelectorAll('.steps li').length === {steps}"
        page.wait(in_frame(every), "all tasks of the run", settle_s=0)
        in_the_browser.follow(
            page, "Compare before and after", "frame.getElementById('stage')?.dataset.frame", "both pictures"
        )
        in_the_browser.play_films(page)
        in_the_browser.look_at_frames(page)
        in_the_browser.mark(page, "redo", "stars are gone")
        saved = in_the_browser.change_the_plan(page)
        assert saved == version + 1
        with stack.sessions.begin() as session:
            before, after = (Plan.from_yaml(plans.get(session, REEL, number).yaml) for number in (version, saved))
        dirt = [{one.name: one for one in plan.shots[0].treatments}["dirt"].params for plan in (before, after)]
        assert (dirt[0].get("threshold", 0.5), dirt[1]["threshold"]) == (0.5, 0.8)
        assert before.shots[1:] == after.shots[1:]

        in_the_browser.follow(page, REEL, "frame.querySelector('.reel-head')", "the reel")
        link = "[...frame.querySelectorAll('a')].find(one => one.innerText === 'Decide in Airflow')"
        page.evaluate(in_frame(f"{link}.click()"))
        page.wait(asked_for, "the question in Airflow", settle_s=0)
        in_the_browser.answer(page, "Redo", "once more")
        assert stack.wait_over(run_id) == "success", stack.failures(run_id)
        following = stack.wait_run("manual__")
        assert following != run_id
        assert stack.wait_asked(following)["params"]["plan_version"]["value"] == saved
        assert stack.tasks(run_id)["redo", -1]["state"] == "success"
        page.go(f"{url}{in_the_browser.RUNS}{quote(following, safe='')}/tasks/decide/required_actions")
        in_the_browser.answer(page, "Approve", "the stars are back")
        assert stack.wait_over(following) == "success", stack.failures(following)
        assert [one for one in page.complaints if "sandbox" not in one] == []

    with stack.sessions.begin() as session:
        events = session.scalars(select(Event).where(Event.reel_id == REEL).order_by(Event.seq)).all()
        assert reels.status(session, REEL).state is ReelState.RESTORED
    redone, approved = [one.detail for one in events if one.subtype == DECISION_TERM.subtype][-2:]
    assert (redone["answer"], redone["note"], redone["plan_version"]) == ("redo", "once more", version)
    assert redone["shots"] == [{"shot": 1, "choice": "redo", "note": "stars are gone"}]
    assert (approved["answer"], approved["note"], approved["plan_version"]) == ("approve", "the stars are back", saved)
    restored = [one.detail for one in events if one.execution_id.startswith(f"{following}/restore.batch/")]
    reused = {one["segment"] for one in restored if one["reused_from"] is not None}
    assert (len(restored), reused) == (SHOTS, {"s002-01", "s003-01"}), "only the shot that was changed is worked again"


NEVER_SERVED = (
    "/reelkeeper/files/../../../etc/passwd",
    "/reelkeeper/files/reels/../../keys/checkpoints.pem",
    "/reelkeeper/files/%2e%2e/%2e%2e/passwords.json",
    "/reelkeeper/files/reels/..%2f..%2fpasswords.json",
    "/reelkeeper/files//etc/passwd",
    "/reelkeeper/files/%2fetc%2fpasswd",
    "/reelkeeper/files/reels/%00",
    "/reelkeeper/reels/..%2f..%2fetc%2fpasswd",
    "/reelkeeper/reels/%2fetc%2fpasswd/compare",
    "/reelkeeper/static/../../../etc/passwd",
)


def test_the_pages_of_the_real_airflow_let_nobody_in_and_nothing_out(
    stack: Stack, first_run: tuple[str, dict[str, Any]]
) -> None:
    url, write = stack.running.layout.url, {"X-Reelkeeper": "1"}
    for method, path in every_route(REEL):
        status, _ = answer_to(url, path, method=method, headers=write, body={} if method == "POST" else None)
        assert status in {401, 403}, (method, path)
        assert answer_to(url, path, method=method, token="forged", headers=write)[0] in {401, 403}, (method, path)
    for path in NEVER_SERVED:
        assert answer_to(url, path, token=stack.viewer.token)[0] == (400 if "%00" in path else 404), path
    titles = {
        "TEST-TITLE-1": "<script>alert(1)</script>",
        "TEST-TITLE-2": "電影修復 第三本",
        "TEST-TITLE-3": "فيلم قديم",
    }
    with stack.sessions.begin() as session:
        for reel_id, title in titles.items():
            reels.register(session, reel_id, title=title)
    for reel_id, title in titles.items():
        for page in ("", f"/{reel_id}", f"/{reel_id}/compare", f"/{reel_id}/plan", f"/{reel_id}/record"):
            status, shown = answer_to(url, f"/reelkeeper/reels{page}", token=stack.viewer.token)
            assert (status, f"<bdi>{html.escape(title)}</bdi>" in shown) == (200, True), page
            assert "<script>alert" not in shown


def test_no_other_site_writes_and_no_viewer(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    url, token = stack.running.layout.url, stack.conservator.token
    mark = {"plan_version": 1, "shot": 2, "choice": "none", "note": ""}
    plan = {"from_version": 1, "reason": "from elsewhere", "shots": [{"shot": 1, "treatments": []}]}
    own = {"X-Reelkeeper": "1"}
    for path, body in ((f"/reelkeeper/reels/{REEL}/marks", mark), (f"/reelkeeper/reels/{REEL}/plan", plan)):
        for who, headers in (
            (token, {}),
            (token, own | {"Origin": "https://elsewhere.example"}),
            (token, own | {"Sec-Fetch-Site": "cross-site"}),
            (stack.viewer.token, own),
        ):
            assert answer_to(url, path, method="POST", token=who, headers=headers, body=body)[0] == 403, (path, headers)
    marks = f"/reelkeeper/reels/{REEL}/marks"
    assert answer_to(url, marks, method="POST", token=token, headers=own | {"Origin": url}, body=mark)[0] == 200
    for page, absent in (("", "data-start"), (f"/{REEL}", "data-start"), (f"/{REEL}/plan", "Save as the next version")):
        shown = answer_to(url, f"/reelkeeper/reels{page}", token=stack.viewer.token)[1]
        assert "Reelkeeper" in shown
        assert absent not in shown, page
        assert absent in answer_to(url, f"/reelkeeper/reels{page}", token=token)[1], page


def test_the_pages_keep_nobody_out(stack: Stack, first_run: tuple[str, dict[str, Any]]) -> None:
    """Every page in both themes, with the plan's settings unfolded: names, headings, contrast, and the keys' focus."""
    url = stack.running.layout.url
    pages = {
        "": ".board",
        f"/{REEL}": ".steps li",
        f"/{REEL}/compare": "#stage[data-frame]",
        f"/{REEL}/plan": "#plan",
        f"/{REEL}/record": ".record",
        f"/{REEL}/treatment": "h1",
        "/NO-SUCH": "h1",
    }
    with browser() as page:
        page.sign_in(url, stack.conservator.token)
        for theme in ("light", "dark"):
            page.theme(theme)
            for path, ready in pages.items():
                page.go("about:blank")
                page.go(f"{url}/reelkeeper/reels{path}")
                page.wait(f"document.querySelector('{ready}')", path, settle_s=0.2)
                page.evaluate("document.querySelectorAll('#plan summary').forEach(one => one.click())")
                assert faults(page) == [], (theme, path)
                assert unseen_focus(page, 8) == [], (theme, path)
