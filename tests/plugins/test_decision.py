"""The decision: what a person is shown, and what is held against the answer before it is recorded."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from reelkeeper_airflow.restore_reel import record
from reelkeeper_airflow.restore_reel.describe import decision_body
from reelkeeper_airflow.restore_reel.form import next_form, trigger_form, way_from_form
from reelkeeper_airflow.restore_reel.people import Decision
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import drafts, plans, reels, waivers
from restoration_tasks.catalogue.models import DraftChoice, ReelState
from restoration_tasks.provenance.agents import Participant, Person
from restoration_tasks.provenance.models import AgentName, Event
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import verify
from restoration_tasks.provenance.vocabulary import DECISION_TERM, AgentKind, DecisionAnswer
from restoration_tasks.quality.findings import CheckReport, RuleResult, Severity, Status
from restoration_tasks.restoration.plan import Plan, PlannedShot
from restoration_tasks.runtime.errors import CheckRefused, WrongUse
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.spec import NumericProfile, OutputFile, StepName, StepResult
from restoration_tasks.runtime.vault import Vault

REEL = "UNIT-2"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
BROKEN = (
    RuleResult(id="a", severity=Severity.NOTE, status=Status.FAILED, sentence="No frame is black.", detail="1 is."),
    RuleResult(id="b", severity=Severity.FAIL, status=Status.CRASHED, sentence="Grain | stays.", detail="<b>crash</b>"),
    RuleResult(id="c", severity=Severity.FAIL, status=Status.PASSED, sentence="The size stays."),
)


class Bench:
    """A vault with a checked reel, and the catalogue that knows its plan."""

    def __init__(self, home: Path, sessions: sessionmaker[Session]) -> None:
        self.vault = Vault(str(home / "vault"))
        self.sessions = sessions
        self.plan = Plan(reel_id=REEL, shots=(PlannedShot(shot=1, start=0, stop=10),))
        with sessions.begin() as session:
            reels.register(session, REEL)
            author = Participant(AgentKind.SOFTWARE, "reelkeeper")
            plans.save(session, REEL, self.plan.to_yaml(), author=author, reason="measured")
        plan_uri = self._write("plans/v0001.yaml", self.plan.to_yaml())
        self.version = {"version": 1, "reason": "measured", "plan": {"uri": plan_uri}}
        self.assembled = self._result(StepName.ASSEMBLE, {"comparison": ("comparison.mp4", "video/mp4", "film")})

    def checked(self, *, passed: bool) -> StepResult:
        results = BROKEN if not passed else BROKEN[::2]
        report = CheckReport(reel_id=REEL, policy_version="1", frames=10, results=results)
        files = {
            "check": ("check.json", "application/json", report.model_dump_json()),
            "report": ("report.html", "text/html", "<h1>Report</h1>"),
        }
        return self._result(
            StepName.CHECK,
            files,
            passed=passed,
            failed_rules=[] if passed else ["b"],
            specks_less=0.82,
            condition={"before": {"specks": 0.01815, "weave_px": 0.0}, "after": {"specks": 0.000632, "weave_px": 0.0}},
        )

    def _result(self, step: StepName, files: dict[str, tuple[str, str, str]], **figures: Any) -> StepResult:
        outputs = []
        for name, (file, media_type, text) in files.items():
            uri = self._write(f"{step}/{file}", text)
            sha256, size = sha256_file(Path(str(self.vault.path(uri))))
            outputs.append(OutputFile(name=name, uri=uri, sha256=sha256, bytes=size, media_type=media_type))
        result = StepResult(
            step=step, step_version="1", reel_id=REEL, segment=None, signature="0" * 64, attempt=1, execution_id="x",
            inputs={}, params={}, models={}, profile=NumericProfile(), outputs=tuple(outputs), figures=figures,
            agents=(), warnings=(), started=NOW, ended=NOW, wall_s=1, cpu_s=1,
        )  # fmt: skip
        self._write(f"{step}/result.json", result.model_dump_json())
        return result

    def _write(self, file: str, text: str) -> str:
        uri = self.vault.uri("reels", REEL, file)
        self.vault.write_bytes(uri, text.encode())
        return uri


@pytest.fixture
def bench(tmp_path: Path, database: str, sessions: sessionmaker[Session], monkeypatch: pytest.MonkeyPatch) -> Bench:
    for name in [name for name in os.environ if name.startswith("REELKEEPER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("REELKEEPER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", database)
    return Bench(tmp_path / "home", sessions)


def test_a_refused_result_says_why_and_escapes_what_others_wrote(bench: Bench) -> None:
    body = decision_body(bench.vault, bench.version, bench.assembled, bench.checked(passed=False))
    assert body.startswith("The check **refused** this result")
    rules = [line for line in body.splitlines() if line.startswith("- **")]
    assert rules == [
        r"- **Refused**: Grain \| stays. \<b\>crash\</b\>",
        "- **Note**: No frame is black. 1 is.",
    ]
    assert "| specks less | 0.82 |" in body
    assert "| condition | specks 0.01815 → 0.000632, weave px 0 → 0 |" in body
    assert "| 1 | 0–9 | left alone | – |" in body


def test_what_the_check_refused_is_not_offered_for_approval(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.standard.operators import hitl

    asked: dict[str, Any] = {}
    monkeypatch.setattr(hitl.HITLOperator, "execute", lambda self, context: asked.update(vars(self)))
    for passed, options in ((True, ["Approve", "Redo", "Reject"]), (False, ["Redo", "Waive", "Reject"])):
        bench.checked(passed=passed)
        question = Decision(
            task_id="decide", reel={"reel_id": REEL}, version=bench.version,
            assembled=xcom(StepName.ASSEMBLE), checked=xcom(StepName.CHECK),
        )  # fmt: skip
        question.execute({"run_id": "run"})
        assert asked["options"] == options
        assert asked["params"].dump() == {"plan_version": 1, "note": None, "strength": "profile"}
    with bench.sessions.begin() as session:
        assert reels.status(session, REEL).state is ReelState.AWAITING_DECISION


def xcom(step: StepName) -> dict[str, Any]:
    uri = f"vault:reels/{REEL}/{step}/result.json"
    return {"uri": uri, "did": "worked", "work": 1, "wall_s": 1, "figures": {}, "warnings": 0}


def answer(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    *,
    person: str = "conservator",
    version: int = 1,
    note: str | None = " softer, please ",
) -> tuple[str, dict[str, Any]]:
    """Record an answer as the task would; give the way it leads and what it handed on."""
    handed: dict[str, Any] = {}
    ti = SimpleNamespace(
        task_id="record_decision", map_index=-1, max_tries=2, xcom_push=lambda key, value: handed.update({key: value})
    )
    form = {name: param.value for name, param in trigger_form().items()} | {"reel_id": REEL}
    context = {"run_id": "run-1", "ti": ti, "params": form}
    monkeypatch.setattr(record, "get_current_context", lambda: context)
    answered = {
        "chosen_options": [option],
        "params_input": {"plan_version": version, "note": note, "strength": "gentler"},
        "responded_at": "2026-01-01T12:00:00+00:00",
        "responded_by_user": {"id": person, "name": person},
    }
    led = record.record_decision.function({"reel_id": REEL}, bench.version, xcom(StepName.CHECK), answered)
    return led, handed


@pytest.mark.parametrize(("option", "leads"), [("Approve", "catalogue"), ("Redo", "redo"), ("Reject", "rejected")])
def test_an_answer_is_recorded_and_leads_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, option: str, leads: str
) -> None:
    bench.checked(passed=True)
    led, handed = answer(bench, monkeypatch, option)
    assert led == leads
    following = handed[record.NEXT_RUN]
    assert (following["reel_id"], following["strength"], following["reason"]) == (REEL, "gentler", "softer, please")
    with bench.sessions.begin() as session:
        status = reels.status(session, REEL)
        assert (status.last_answer, status.last_answer_plan_version) == (DecisionAnswer(option.lower()), 1)


def test_what_the_person_marked_goes_with_the_answer_and_what_others_marked_does_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.checked(passed=True)
    with bench.sessions.begin() as session:
        for login, note in (("conservator", "too soft"), ("viewer", "lovely")):
            drafts.save(session, REEL, 1, 1, choice=DraftChoice.REDO, note=note, person=Person(login))
    _, handed = answer(bench, monkeypatch, "Redo")
    assert handed[record.NEXT_RUN]["reason"] == "softer, please; shot 1: redo (too soft)"
    with bench.sessions.begin() as session:
        detail = session.scalars(select(Event.detail).where(Event.reel_id == REEL).order_by(Event.seq.desc())).first()
    assert detail is not None
    assert detail["shots"] == [{"shot": 1, "choice": "redo", "note": "too soft"}]


def test_redo_carries_out_what_a_person_saved_meanwhile(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.checked(passed=True)
    with bench.sessions.begin() as session:
        again = bench.plan.model_copy(update={"version": 2, "parent": 1, "author": "ana"})
        plans.save(session, REEL, again.to_yaml(), author=Person("ana"), reason="by hand", parent=1)
    _, handed = answer(bench, monkeypatch, "Redo")
    assert handed[record.NEXT_RUN]["use_plan_version"] == 2


def test_a_reason_fits_the_form() -> None:
    assert record.redo_reason("", []) == "another pass was asked for"
    assert len(record.redo_reason("x" * 1990, ["shot 1: redo"])) == 2000


@pytest.mark.parametrize(
    ("slip", "line"),
    [
        ({"person": "viewer"}, "user 'viewer' may not decide about restorations"),
        ({"version": 2}, "the decision names another plan version"),
    ],
)
def test_an_answer_that_may_not_count_is_not_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, slip: dict[str, Any], line: str
) -> None:
    bench.checked(passed=True)
    with pytest.raises(AirflowFailException, match=line):
        answer(bench, monkeypatch, "Approve", **slip)
    with bench.sessions.begin() as session:
        assert reels.status(session, REEL).last_answer is None


def test_approving_what_the_check_refused_is_not_recorded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.checked(passed=False)
    with pytest.raises(AirflowFailException, match="what the check refused cannot be approved"):
        answer(bench, monkeypatch, "Approve")
    with bench.sessions.begin() as session:
        assert reels.status(session, REEL).last_answer is None


REASON = "the lettering was burnt in twice; the second is gone on purpose"


def waive(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> str:
    checked = bench.checked(passed=False)
    recorded = checked.model_copy(update={"execution_id": "run-1/check/-1/0"})
    Recorder(bench.sessions).record(recorded)
    led, _ = answer(bench, monkeypatch, "Waive", note=REASON)
    assert led == "catalogue"
    return checked.output("check").sha256


def test_a_refused_check_is_waived_by_name_and_reason_and_every_rule_is_on_record(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = waive(bench, monkeypatch)
    with bench.sessions.begin() as session:
        (waived,) = waivers.of_reel(session, REEL)
        assert (waived.finding, waived.reason, waived.run_id) == ("b", REASON, "run-1")
        login = session.scalars(select(AgentName.login).where(AgentName.agent_id == waived.person_id)).one()
        assert login == "conservator"
        told = session.get_one(Event, waived.event_id)
        assert (told.event_type, told.subtype) == ("decision", "waiver of a finding")
        assert told.detail == {"finding": "b", "reason": REASON, "check_sha256": sha256}
        decided = session.scalars(select(Event.detail).where(Event.subtype == DECISION_TERM.subtype)).one()
        assert (decided["answer"], decided["waived"], decided["note"]) == ("approve", ["b"], REASON)
        assert reels.status(session, REEL).last_answer is DecisionAnswer.APPROVE
        waivers.require_passed_or_waived(session, REEL, "run-1")
        assert verify(session, REEL).ok


def test_the_same_answer_recorded_again_waives_nothing_twice(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    waive(bench, monkeypatch)
    answer(bench, monkeypatch, "Waive", note=REASON)
    with bench.sessions.begin() as session:
        assert len(waivers.of_reel(session, REEL)) == 1


@pytest.mark.parametrize(
    ("passed", "slip", "line"),
    [
        (False, {"note": None}, "not waived without a reason"),
        (False, {"note": " \n "}, "not waived without a reason"),
        (False, {"note": REASON, "person": "viewer"}, "user 'viewer' may not decide about restorations"),
        (True, {"note": REASON}, "the check refused nothing"),
    ],
)
def test_a_waiver_that_may_not_count_is_not_recorded(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, passed: bool, slip: dict[str, Any], line: str
) -> None:
    bench.checked(passed=passed)
    with pytest.raises(AirflowFailException, match=line):
        answer(bench, monkeypatch, "Waive", **slip)
    with bench.sessions.begin() as session:
        assert waivers.of_reel(session, REEL) == []
        assert reels.status(session, REEL).last_answer is None


def test_what_was_refused_and_not_waived_is_not_catalogued_and_a_new_check_needs_a_new_word(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def require() -> None:
        with bench.sessions.begin() as session:
            waivers.require_passed_or_waived(session, REEL, "run-1")

    with pytest.raises(CheckRefused, match="no check on record"):
        require()
    refused = bench.checked(passed=False)
    record_check = Recorder(bench.sessions).record
    record_check(refused.model_copy(update={"execution_id": "run-1/check/-1/0"}))
    with pytest.raises(CheckRefused, match=r"neither redone nor waived.*found b"):
        require()
    waive(bench, monkeypatch)
    require()
    record_check(refused.model_copy(update={"execution_id": "run-1/check/-1/1"}))
    with pytest.raises(CheckRefused, match="neither redone nor waived"):
        require()
    record_check(bench.checked(passed=True).model_copy(update={"execution_id": "run-1/check/-1/2"}))
    require()


def test_the_form_is_read_with_its_own_names(bench: Bench) -> None:
    form = {name: param.value for name, param in trigger_form().items()} | {"reel_id": REEL, "use_plan_version": 3}
    way = way_from_form(form, {"reel_id": REEL, "use_plan_version": 3})
    assert (way.reel_id, way.options.plan_version, way.options.batch_frames) == (REEL, 3, None)
    following = next_form(form, "stronger", "more")
    assert (following["use_plan_version"], following["strength"], following["reason"]) == (None, "stronger", "more")


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"reel_id": "../../x"}, "is not a reel id"),
        ({"reel_id": "R\n"}, "is not a reel id"),
        ({"reel_id": REEL, "plan_version": 1}, "the form has no field 'plan_version'"),
        ({"reel_id": REEL, "treatments": ["magic"]}, "the form was filled in wrongly"),
    ],
)
def test_a_slip_in_the_form_is_one_line(bench: Bench, given: dict[str, Any], line: str) -> None:
    form = {name: param.value for name, param in trigger_form().items()} | given
    with pytest.raises(WrongUse, match=line) as refused:
        way_from_form(form, given)
    assert "\n" not in str(refused.value)
