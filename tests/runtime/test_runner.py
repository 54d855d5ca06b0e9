"""The step contract: reuse, fresh, atomic results, immutability, kills."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import stat
import time

import pytest

from restoration_tasks import __version__
from restoration_tasks.runtime.errors import DeliveryError, SourceChanged, StepFailed, WrongUse
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import AgentKind, Spec, StepName, Verdict
from restoration_tasks.runtime.step import StepDefinition
from restoration_tasks.runtime.vault import Vault
from tests.fixtures.specs import make_spec


def hello_spec(settings, **changes) -> Spec:
    return make_spec(settings, **({"params": {"text": "hello"}} | changes))


class Counting:
    """A step that writes its parameter and counts how often it worked."""

    def __init__(self, suffix: str = "") -> None:
        self.times = 0
        self.suffix = suffix

    def __call__(self, work) -> None:
        self.times += 1
        work.output("text", "text.txt", media_type="text/plain").write_text(f"{work.params['text']}{self.suffix}")
        work.figure("times", self.times)

    @property
    def definition(self) -> StepDefinition:
        return StepDefinition(name=StepName.SHOTS, version="1", run=self)


def test_finished_work_is_reused_by_another_execution(settings):
    step = Counting()
    first = run_step(hello_spec(settings), step.definition, settings)
    second = run_step(hello_spec(settings, execution_id="other/shots/0"), step.definition, settings)
    assert step.times == 1
    assert second == first
    assert second.execution_id == "run/shots/0"


def test_payload_is_read_only_and_the_result_names_its_digest(settings):
    result = run_step(hello_spec(settings), Counting().definition, settings)
    vault = Vault(settings.vault_root)
    file = vault.local_path(result.output("text").uri)
    assert file.read_text() == "hello"
    assert not file.stat().st_mode & stat.S_IWUSR
    assert vault.verify(result.output("text"))
    assert vault.result_at(f"vault:reels/reel-1/shots/{result.signature}/result.json") == result


def test_fresh_work_keeps_the_old_result_and_says_that_the_bytes_agree(settings):
    step = Counting()
    first = run_step(hello_spec(settings), step.definition, settings)
    again = run_step(hello_spec(settings, fresh=True, execution_id="run/shots/1"), step.definition, settings)
    assert step.times == 2
    assert again.attempt == 2
    assert again.compared.verdict is Verdict.AGREES
    assert again.outputs == first.outputs  # no second copy of the same bytes
    assert Vault(settings.vault_root).attempts("reel-1", StepName.SHOTS, first.signature) == [first, again]


def test_fresh_work_that_differs_is_named_and_becomes_the_newest(settings):
    first = run_step(hello_spec(settings), Counting().definition, settings)
    again = run_step(
        hello_spec(settings, fresh=True, execution_id="run/shots/1"), Counting(" again").definition, settings
    )
    assert again.compared.verdict is Verdict.DIFFERS
    assert again.compared.differing == ("text",)
    vault = Vault(settings.vault_root)
    assert vault.local_path(first.output("text").uri).read_text() == "hello"
    assert vault.result("reel-1", StepName.SHOTS, first.signature) == again


def test_fresh_work_mends_a_file_that_lost_its_bytes_on_the_disk(settings):
    first = run_step(hello_spec(settings), Counting().definition, settings)
    vault = Vault(settings.vault_root)
    file = vault.local_path(first.output("text").uri)
    file.chmod(0o644)
    file.write_text("hellO")  # of the same size: nobody notices until somebody reads it
    again = run_step(hello_spec(settings, fresh=True, execution_id="run/shots/1"), Counting().definition, settings)
    assert again.compared.verdict is Verdict.AGREES
    assert vault.verify(again.output("text"))
    assert not file.stat().st_mode & stat.S_IWUSR
    assert any("damaged" in warning for warning in again.warnings)


def test_a_fresh_execution_that_was_retried_works_only_once(settings):
    step = Counting()
    run_step(hello_spec(settings), step.definition, settings)
    fresh = hello_spec(settings, fresh=True, execution_id="run/shots/1")
    assert run_step(fresh, step.definition, settings) == run_step(fresh, step.definition, settings)
    assert step.times == 2


def test_a_lost_output_is_made_again(settings):
    step = Counting()
    first = run_step(hello_spec(settings), step.definition, settings)
    Vault(settings.vault_root).local_path(first.output("text").uri).unlink()
    second = run_step(hello_spec(settings, execution_id="other"), step.definition, settings)
    assert step.times == 2
    assert not Vault(settings.vault_root).missing(second)


def test_a_step_that_fails_leaves_no_result(settings):
    def fails(work):
        work.output("text", "text.txt", media_type="text/plain").write_text("half")
        raise DeliveryError("frame 7 is truncated", file="r_0007.dpx", action="ask for the frame again")

    spec = hello_spec(settings)
    with pytest.raises(DeliveryError, match=r"reel reel-1, file r_0007.dpx: .* Next: ask for the frame again\."):
        run_step(spec, StepDefinition(name=StepName.SHOTS, version="1", run=fails), settings)
    assert Vault(settings.vault_root).result("reel-1", StepName.SHOTS, spec.signature) is None


def test_a_promised_file_that_is_missing_is_an_error(settings):
    def promises(work):
        work.output("text", "text.txt", media_type="text/plain")

    with pytest.raises(StepFailed, match=r"text\.txt"):
        run_step(hello_spec(settings), StepDefinition(name=StepName.SHOTS, version="1", run=promises), settings)


def test_an_input_that_changed_is_refused(settings):
    first = run_step(hello_spec(settings), Counting().definition, settings)
    file = Vault(settings.vault_root).local_path(first.output("text").uri)
    file.chmod(0o644)
    file.write_text("HELLO")

    def reads(work):
        work.input("text").read_bytes()

    spec = hello_spec(settings, inputs={"text": first.reference("text")})
    with pytest.raises(SourceChanged, match="changed since it was recorded"):
        run_step(spec, StepDefinition(name=StepName.SHOTS, version="1", run=reads), settings)


def test_another_version_of_the_step_is_refused(settings):
    with pytest.raises(WrongUse, match="version 2"):
        run_step(hello_spec(settings, step_version="2"), Counting().definition, settings)


def test_the_signature_is_about_bytes_and_not_about_who_asks(settings):
    spec = hello_spec(settings)
    assert spec.signature == hello_spec(settings, execution_id="x", fresh=True, vault="/elsewhere").signature
    assert spec.signature != hello_spec(settings, params={"text": "other"}).signature
    assert spec.signature != hello_spec(settings, models={"net": "0" * 64}).signature


def _slow_worker(settings_json: str, started) -> None:
    from restoration_tasks.runtime.settings import Settings

    settings = Settings(**json.loads(settings_json))

    def slow(work):
        part = work.part("first.txt")
        part.write_text("kept")
        started.set()
        time.sleep(60)

    run_step(hello_spec(settings), StepDefinition(name=StepName.SHOTS, version="1", run=slow), settings)


def test_a_killed_step_leaves_nothing_but_its_parts_and_the_next_finishes(settings):
    context = multiprocessing.get_context("spawn")
    started = context.Event()
    process = context.Process(target=_slow_worker, args=(json.dumps({"home": str(settings.home)}), started))
    process.start()
    assert started.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    process.join()

    def resumes(work):
        text = work.part("first.txt").read_text()
        work.output("text", "text.txt", media_type="text/plain").write_text(text + " and finished")

    spec = hello_spec(settings)
    assert Vault(settings.vault_root).result("reel-1", StepName.SHOTS, spec.signature) is None
    result = run_step(spec, StepDefinition(name=StepName.SHOTS, version="1", run=resumes), settings)
    assert Vault(settings.vault_root).local_path(result.output("text").uri).read_text() == "kept and finished"


def test_a_result_names_program_image_and_device(settings):
    image = f"archive.example/restoration:1@sha256:{'a' * 64}"
    pinned = settings.model_copy(update={"image": image})
    result = run_step(hello_spec(settings), Counting().definition, pinned)
    program, device = result.agents
    assert (program.kind, program.name, program.sha256) == (AgentKind.SOFTWARE, "reelkeeper", "a" * 64)
    assert program.version == __version__
    assert (device.kind, device.version) == (AgentKind.DEVICE, "cpu")
    assert device.name
    unpinned = run_step(hello_spec(settings, params={"text": "other"}), Counting().definition, settings)
    assert unpinned.agents[0].sha256 is None
