"""The whole way without Airflow: approval, reuse, fresh work, kill -9, the record of it all."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import psutil
import pytest
from sqlalchemy import create_engine, text

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.stills.dpx import read_dpx_10bit
from restoration_tasks.provenance.export import verify_export
from restoration_tasks.runtime.spec import StepName, StepResult
from tests.cli.conftest import REEL
from tests.integration.reels import CLEAN_SHOT, FRAMES_A_SHOT

pytestmark = pytest.mark.timeout(300)


def newest(archive, step: StepName) -> list[StepResult]:
    found = (archive.home / "vault" / "reels" / REEL / step).glob("*/result.json")
    return [StepResult.model_validate_json(path.read_bytes()) for path in sorted(found)]


def local(archive, uri: str) -> Path:
    return archive.home / "vault" / uri.removeprefix("vault:")


def test_the_whole_way_then_again_then_fresh(archive, reel):
    waiting = archive.run("run", reel.delivery, "--reel-id", REEL)
    assert waiting.returncode == 4, waiting.stderr
    assert "waits for a person's decision" in waiting.stderr
    assert newest(archive, StepName.PACKAGE) == []

    stranger = archive.run("run", reel.delivery, "--reel-id", REEL, "--approve-as", "mallory")
    assert stranger.returncode == 2
    assert "may not decide" in stranger.stderr

    done = archive.run("run", reel.delivery, "--reel-id", REEL, "--approve-as", "conservator", "--note", "seen")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if not line.startswith(("{", "package: /", "  note"))]
    assert all("reused" in line for line in lines if not line.startswith("package")), done.stdout

    # the clean shot is the scan's, code value for code value; a dirty one is not
    restored = list(FrameReader(local(archive, newest(archive, StepName.ASSEMBLE)[0].output("restoration_master").uri)))
    scan = [read_dpx_10bit(path) for path in sorted(reel.delivery.glob("*.dpx"))]
    for place, (frame, delivered) in enumerate(zip(restored, scan, strict=True)):
        green, blue, red = frame
        same = np.array_equal(np.stack((red, green, blue)), delivered)
        if place // FRAMES_A_SHOT + 1 == CLEAN_SHOT:
            assert same, f"frame {place} of the clean shot changed"
    assert any(result.figures["frames_changed"] for result in newest(archive, StepName.RESTORE))

    # the record in the package verifies by itself, and the database agrees
    bag = newest(archive, StepName.PACKAGE)[0]
    assert verify_export(local(archive, bag.output("chain").uri).read_bytes()).ok
    assert archive.run("provenance", "verify", REEL).returncode == 0
    # the catalogue has the restored version, and follows its frames back to the scan's
    (row,) = csv.DictReader(io.StringIO(archive.run("catalogue", "export", "--csv", "-").stdout))
    assert (row["state"], len(row["restored_master_sha256"])) == ("restored", 64)
    assert "specks; " in row["condition_before"]
    assert archive.run("catalogue", "frames", REEL, "1").stdout.count("frame 1") == 3
    treatment = local(archive, bag.output("treatment_report").uri).read_text()
    assert "1 of 3 shots are the scan, bit for bit" in treatment
    assert "approved the restoration as conservator, plan version 1: “seen”" in treatment
    assert "Approved by person" in treatment, "a package holds nobody's name"
    paper = archive.home / "paper.html"
    written = archive.run("treatment", REEL, str(paper), "--with-names")
    assert written.returncode == 0, written.stderr
    assert "Approved by conservator." in paper.read_text()

    again = archive.run("run", reel.delivery, "--reel-id", REEL, "--approve-as", "conservator")
    assert again.returncode == 0, again.stderr
    said = [
        line for line in again.stdout.splitlines() if ": reused" in line or ": worked" in line or line.endswith(" s")
    ]
    assert said
    assert all(line.endswith("reused") for line in said), again.stdout

    fresh = archive.run("restore", REEL, "--fresh", "--delivery", reel.delivery)
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout.count("the bytes agree with attempt 1") == len(newest(archive, StepName.RESTORE))
    waive_what_the_check_refuses(archive, reel)


def waive_what_the_check_refuses(archive, reel) -> None:
    """Put a check in place that refused the reel by one rule; approve it by name and rule."""
    (path,) = (archive.home / "vault" / "reels" / REEL / "check").glob("*/result.json")
    result = StepResult.model_validate_json(path.read_bytes())
    file = local(archive, result.output("check").uri)
    report = json.loads(file.read_text())
    rule = next(one for one in report["results"] if one["severity"] == "fail")
    rule |= {"status": "failed", "count": 1, "detail": "1 is another."}
    content = json.dumps(report | {"passed": False, "failed_rules": [rule["id"]]}).encode()
    file.chmod(0o600)
    file.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    outputs = tuple(
        one.model_copy(update={"sha256": sha256, "bytes": len(content)}) if one.name == "check" else one
        for one in result.outputs
    )
    figures = result.figures | {"passed": False, "failed_rules": [rule["id"]]}
    path.chmod(0o600)
    path.write_text(result.model_copy(update={"outputs": outputs, "figures": figures}).model_dump_json())

    command = ("run", reel.delivery, "--reel-id", REEL, "--approve-as", "conservator")
    refused = archive.run(*command)
    assert refused.returncode == 3, refused.stderr
    assert f"the check refused the restoration: {rule['id']}" in refused.stderr
    waived = archive.run(*command, "--waive-rule", rule["id"], "--note", "the title card was painted over")
    assert waived.returncode == 0, waived.stderr
    bags = newest(archive, StepName.PACKAGE)
    papers = [local(archive, bag.output("treatment_report").uri).read_text() for bag in bags]
    engine = create_engine(archive.database_url)
    with engine.connect() as connection:
        broken = text("SELECT rule, waived FROM reelkeeper.v_broken_rules WHERE newest AND severity = 'fail'")
        assert connection.execute(broken).all() == [(rule["id"], True)]
    engine.dispose()
    assert ["the title card was painted over" in paper for paper in papers].count(True) == 1


def test_nobody_waives_a_rule_without_name_and_reason(archive, reel):
    command = ("run", reel.delivery, "--reel-id", REEL, "--waive-rule", "integrity.size")
    for more in (("--note", "so it was"), ("--approve-as", "conservator")):
        refused = archive.run(*command, *more)
        assert refused.returncode == 2
        assert "not waived without a name and a reason" in refused.stderr
    assert archive.landed() == []


def test_kill_9_in_the_middle_of_a_restore_step_ends_with_the_same_bytes_and_one_event(archive, reel):
    process = archive.start("restore", REEL)
    victim = wait_for_step(process.pid, StepName.RESTORE)
    for child in [victim, *victim.children(recursive=True)]:
        child.send_signal(signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "killed by signal SIGKILL" in err
    finished_before = {result.segment for result in newest(archive, StepName.RESTORE)}

    done = archive.run("restore", REEL)
    assert done.returncode == 0, done.stderr
    disturbed = {result.segment: result for result in newest(archive, StepName.RESTORE)}
    assert disturbed.keys() > finished_before
    fresh = archive.run("restore", REEL, "--fresh")
    assert fresh.returncode == 0, fresh.stderr
    assert fresh.stdout.count("the bytes agree") == len(disturbed)
    recorded = {result.execution_id for result in disturbed.values()}
    assert len(recorded) == len(disturbed)
    engine = create_engine(archive.database_url)
    with engine.connect() as connection:
        for execution in recorded:
            query = text("SELECT count(*) FROM reelkeeper.events WHERE execution_id = :id")
            assert connection.execute(query, {"id": execution}).scalar() == 1
    engine.dispose()


def wait_for_step(conductor: int, step: StepName) -> psutil.Process:
    """The process of a step, once it is at work."""
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline:
        for child in psutil.Process(conductor).children():
            try:
                line = child.cmdline()
                if "step" in line and json.loads(Path(line[-1]).read_text())["specs"][0]["step"] == step:
                    time.sleep(0.3)
                    os.kill(child.pid, 0)
                    return child
            except (psutil.NoSuchProcess, ProcessLookupError, FileNotFoundError, ValueError):
                continue
        time.sleep(0.02)
    raise AssertionError(f"no {step} step ran")


def test_a_killed_command_leaves_no_process_and_no_lock(archive, reel):
    process = archive.start("restore", REEL)
    victim = wait_for_step(process.pid, StepName.ASSESS)
    family = [victim, *victim.children(recursive=True)]
    process.kill()
    process.communicate(timeout=60)
    _, left = psutil.wait_procs(family, timeout=10)
    assert left == []
    done = archive.run("restore", REEL)
    assert done.returncode == 0, done.stderr
