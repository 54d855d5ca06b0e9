"""A step that ran out of memory is tried again with less at once: the same bytes, or the record says what is other."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import pytest
import torch

from restoration_tasks.cli import step as command
from restoration_tasks.restoration.treatment import Means
from restoration_tasks.runtime import launch
from restoration_tasks.runtime.errors import OutOfMemory, StepFailed
from restoration_tasks.runtime.launch import StepProcess, read_failure, write_specs
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import NumericProfile, StepName, Verdict
from restoration_tasks.runtime.step import StepDefinition
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps import registry
from restoration_tasks.steps.registry import definition
from tests.fixtures.specs import make_spec
from tests.steps.worked_reel import REEL_ID, SEGMENTS, make_worked_reel

CV_ERROR = cv2.error("(-4:Insufficient memory) Failed to allocate")
CV_ERROR.code = -4


def broken(monkeypatch, settings, error):
    """The spec file of a step that ends with an error, after `step run` has been through it."""

    def run(work):
        del work
        raise error

    made = StepDefinition(name=StepName.SHOTS, version="1", run=run)
    monkeypatch.setattr(registry, "definition", lambda _name: made)
    monkeypatch.setenv("REELKEEPER_HOME", str(settings.home))
    vault = Vault(settings.vault_root)
    uri = write_specs(vault, (make_spec(settings),))
    with pytest.raises(StepFailed) as failed:
        command.run(str(vault.path(uri)))
    return uri, failed.value


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
        CV_ERROR,
    ],
    ids=["python", "gpu", "processor", "opencv"],
)
def test_whoever_had_no_memory_the_next_try_plans_with_half(monkeypatch, settings, error):
    monkeypatch.setenv("REELKEEPER_MEMORY_SHARE", "0.5")
    uri, failed = broken(monkeypatch, settings, error)
    assert isinstance(failed, OutOfMemory)
    assert failed.retry_helps
    told = read_failure(Vault(settings.vault_root), uri)
    assert (told.kind, told.memory_share) == ("OutOfMemory", 0.5)
    assert share_of_a_process(monkeypatch, settings, uri) == 0.25


def test_another_error_is_not_taken_for_it(monkeypatch, settings):
    uri, failed = broken(monkeypatch, settings, RuntimeError("another thing"))
    assert not isinstance(failed, OutOfMemory)
    assert share_of_a_process(monkeypatch, settings, uri) == 1


@pytest.mark.parametrize("kills", [(7, 8), (7, 7)], ids=["the kernel", "somebody"])
def test_a_step_that_the_kernel_ended_is_told_from_one_that_somebody_killed(monkeypatch, settings, kills):
    uri = write_specs(Vault(settings.vault_root), (make_spec(settings),))
    script = settings.home / "python"
    script.write_text("#!/bin/sh\nkill -9 $$\n")
    script.chmod(0o755)
    count = iter([*kills, 8])
    monkeypatch.setattr(launch, "kernel_kills", lambda: next(count))
    with monkeypatch.context() as context:
        context.setattr(sys, "executable", str(script))
        with pytest.raises(StepFailed) as failed:
            StepProcess(uri, settings).check()
    starved = kills[0] < kills[1]
    assert isinstance(failed.value, OutOfMemory) is starved
    assert ("ran out of memory" if starved else "killed by signal SIGKILL") in str(failed.value)
    assert share_of_a_process(monkeypatch, settings, uri) == (0.5 if starved else 1)


def test_the_kernel_says_how_many_it_ended():
    told = dict(line.split() for line in Path("/proc/vmstat").read_text().splitlines())
    assert launch.kernel_kills() == int(told.get("oom_kill", 0))


def share_of_a_process(monkeypatch, settings, uri):
    """What the process of the next try on this machine is told to plan with."""
    script = settings.home / "python"
    script.write_text(f"#!{sys.executable}\nimport os; print(os.environ['REELKEEPER_MEMORY_SHARE'])\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    process = StepProcess(uri, settings)
    (line,) = process.lines()
    process.check()
    return float(line)


def test_with_less_memory_fewer_frames_are_worked_at_once():
    def at_once(threads, share):
        return Means.of(NumericProfile(), threads, share).threads

    assert [at_once(8, share) for share in (1, 0.5, 0.25, 1 / 16)] == [8, 4, 2, 1]
    assert at_once(1, 0.5) == 1


@pytest.mark.parametrize("step", [StepName.ASSESS, StepName.RESTORE])
def test_a_step_tried_again_with_less_gives_the_same_bytes(settings, monkeypatch, step):
    from restoration_tasks.assessment import measure, readings
    from restoration_tasks.restoration import pipeline

    used = []
    for module in (measure, readings, pipeline):
        monkeypatch.setattr(module, "in_order", noting(used, module.in_order))
    segment = SEGMENTS[0]
    reel = make_worked_reel(settings.model_copy(update={"threads": 4}))
    inputs, params = {"master": reel.master}, {}
    if step is StepName.RESTORE:
        assessed = reel.work(StepName.ASSESS, inputs, segment=segment)
        inputs |= {f"map/{segment.id}": assessed.reference("map")}
        params = {"plan": {"treatments": [{"name": "dirt", "params": {}}]}}
    reel.work(step, inputs, segment=segment, **params)
    assert set(used) == {4}
    used.clear()
    again = make_spec(
        settings,
        step=step,
        step_version=definition(step).version,
        reel_id=REEL_ID,
        segment=segment.id,
        inputs=inputs,
        params=params | {"segment": segment.as_json()},
        execution_id="run/again/0",
        fresh=True,
    )
    result = run_step(again, definition(step), reel.settings.model_copy(update={"memory_share": 0.25}))
    assert set(used) == {1}
    assert result.compared.verdict is Verdict.AGREES


def noting(used, in_order):
    def noted(*args, threads, **others):
        used.append(threads)
        return in_order(*args, threads=threads, **others)

    return noted
