"""Running a step: reuse what is finished, work in scratch, publish, write the result last."""

from __future__ import annotations

import fcntl
import logging
import resource
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from restoration_tasks.runtime.errors import StepFailed, WrongUse, about_reel
from restoration_tasks.runtime.files import disk_errors, sha256_file
from restoration_tasks.runtime.progress import Reporter, silent
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Comparison, OutputFile, Spec, StepResult, Verdict
from restoration_tasks.runtime.standing_agents import standing_agents
from restoration_tasks.runtime.step import StepDefinition, StepWork
from restoration_tasks.runtime.vault import Vault

log = logging.getLogger(__name__)


def finished(spec: Spec, vault: Vault) -> StepResult | None:
    """The result this spec may reuse, or None if there is work to do.

    A fresh spec takes only a result its own execution made (it was killed after publishing).
    """
    result = vault.result(spec.reel_id, spec.step, spec.signature)
    if result is None or (spec.fresh and result.execution_id != spec.execution_id):
        return None
    if missing := vault.missing(result):
        log.warning("%s: %s is gone or has another size; working it again", spec.label, missing[0].uri)
        return None
    return result


def run_step(spec: Spec, definition: StepDefinition, settings: Settings, report: Reporter = silent) -> StepResult:
    """Do one piece of work, or find it done.

    Args:
        spec: the work.
        definition: the step of that name.
        settings: this machine's settings.
        report: where progress goes.

    Raises:
        WrongUse: the spec was made for another version of the step.
        ReelkeeperError: the step's own error; nothing was published.
    """
    if definition.version != spec.step_version:
        raise WrongUse(
            f"the spec asks for version {spec.step_version} of {spec.step}, this is {definition.version}",
            reel=spec.reel_id,
            action="use the same release of Reelkeeper for Airflow and the restoration image",
        )
    vault = Vault(spec.vault)
    folder = settings.scratch_folder / spec.reel_id / spec.step / spec.signature
    with about_reel(spec.reel_id):
        if (result := finished(spec, vault)) is not None:
            return result
        with _alone(folder, spec):
            # whoever held the folder before may have finished the very same work
            if (result := finished(spec, vault)) is not None:
                return result
            if (result := _uncommitted(spec, vault)) is not None:
                vault.commit(result)
                return result
            return _work(spec, definition, settings, vault, folder, report)


def _uncommitted(spec: Spec, vault: Vault) -> StepResult | None:
    """What this execution finished but was killed before naming it the newest."""
    attempts = vault.attempts(spec.reel_id, spec.step, spec.signature)
    if attempts and attempts[-1].execution_id == spec.execution_id and not vault.missing(attempts[-1]):
        return attempts[-1]
    return None


def _work(
    spec: Spec, definition: StepDefinition, settings: Settings, vault: Vault, folder: Path, report: Reporter
) -> StepResult:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    work = StepWork(spec=spec, settings=settings, folder=folder, report=report)
    started, clock, cpu = datetime.now(UTC), time.monotonic(), _cpu_s()
    with disk_errors(folder):
        out.mkdir(parents=True)
        definition.run(work)
    digests = {name: (draft.file, *_measure(spec, draft.path)) for name, draft in work.outputs.items()}
    before = vault.attempts(spec.reel_id, spec.step, spec.signature)
    attempt = len(before) + 1
    previous = before[-1] if before and not vault.missing(before[-1]) else None
    compared = _compare(previous, {name: sha256 for name, (_, sha256, _) in digests.items()})
    kept = previous.outputs if previous and compared and compared.verdict is Verdict.AGREES else None
    for output in (one for one in kept or () if not vault.verify(one)):
        # the attempt before had these very bytes and its file has lost them: a reuse of it would carry the damage on
        vault.mend(output, work.outputs[output.name].path)
        work.warnings.append(f"{output.uri} was damaged on the disk; the same bytes, made again, took its place")
    base = f"{vault.work_uri(spec.reel_id, spec.step, spec.signature)}/a{attempt:03d}"
    outputs = kept or tuple(
        OutputFile(
            name=name,
            uri=f"{base}/{file}",
            sha256=sha256,
            bytes=size,
            media_type=work.outputs[name].media_type,
        )
        for name, (file, sha256, size) in digests.items()
    )
    if kept is None:
        vault.publish(spec, attempt, {draft.file: draft.path for draft in work.outputs.values()})
    wall_s = time.monotonic() - clock
    result = StepResult(
        step=spec.step,
        step_version=spec.step_version,
        reel_id=spec.reel_id,
        segment=spec.segment,
        signature=spec.signature,
        attempt=attempt,
        execution_id=spec.execution_id,
        inputs=spec.inputs,
        sources=spec.sources,
        params=spec.params,
        models=spec.models,
        profile=spec.profile,
        outputs=outputs,
        figures=work.figures,
        agents=(*work.agents, *standing_agents(settings, spec.profile.device)),
        warnings=tuple(work.warnings),
        started=started,
        # Not what the clock says now: it may have been set meanwhile, and nothing ends before it began.
        ended=started + timedelta(seconds=wall_s),
        wall_s=round(wall_s, 3),
        cpu_s=round(_cpu_s() - cpu, 3),
        compared=compared,
    )
    vault.commit(result)
    shutil.rmtree(out, ignore_errors=True)
    shutil.rmtree(folder / "parts", ignore_errors=True)
    return result


def _measure(spec: Spec, path: Path) -> tuple[str, int]:
    if not path.is_file():
        raise StepFailed(f"{spec.label} promised {path.name} and did not write it", reel=spec.reel_id)
    return sha256_file(path)


def _compare(previous: StepResult | None, digests: dict[str, str]) -> Comparison | None:
    """Hold new work against the attempt before it."""
    if previous is None:
        return None
    old = {output.name: output.sha256 for output in previous.outputs}
    differing = tuple(sorted(name for name in old.keys() | digests.keys() if old.get(name) != digests.get(name)))
    verdict = Verdict.DIFFERS if differing else Verdict.AGREES
    return Comparison(verdict=verdict, with_attempt=previous.attempt, differing=differing)


def _cpu_s() -> float:
    """Processor seconds of this process and the children it has waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@contextmanager
def _alone(folder: Path, spec: Spec) -> Iterator[None]:
    """Hold the scratch folder of a signature: the same work asked for twice is done once, the second waits."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("%s is being worked by another process; waiting for it", spec.label)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
