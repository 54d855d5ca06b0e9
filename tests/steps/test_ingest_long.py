"""Two thousand frames: one flipped bit is found, and a killed ingest ends with the same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from restoration_tasks.media.delivery.delivery import delivery_digest
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.launch import StepProcess, write_specs
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Source, Spec, StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps import ingest
from tests.media.pictures import delivery

FRAMES = 2000
LEAST_PARTS = 4
"""Parts that must be there before the kill."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def reel(tmp_path_factory) -> Path:
    return delivery(tmp_path_factory.mktemp("long") / "reel-9", FRAMES, first=1, size=(32, 24))


def spec(vault: str, reel: Path) -> Spec:
    return Spec(
        step=StepName.INGEST,
        step_version=ingest.STEP.version,
        reel_id="reel-9",
        sources={"delivery": Source(location=str(reel), sha256=delivery_digest(reel)[0])},
        vault=vault,
        execution_id="run/ingest",
    )


def test_one_flipped_bit_in_two_thousand_frames_is_refused_by_name(settings, reel, tmp_path):
    copy = shutil.copytree(reel, tmp_path / "reel-9")
    victim = copy / "reel_0001234.dpx"
    content = bytearray(victim.read_bytes())
    content[-700] ^= 0x10
    victim.write_bytes(content)
    with pytest.raises(DeliveryError, match=r"reel_0001234\.dpx, frame 1234: the file's md5") as refused:
        run_step(spec(settings.vault_root, copy), ingest.STEP, settings)
    assert "more findings" not in str(refused.value)
    assert not list(settings.home.rglob("result.json"))


def test_a_killed_ingest_of_two_thousand_frames_ends_with_the_same_bytes(settings, reel, tmp_path):
    straight = settings.model_copy(update={"home": tmp_path / "straight"})
    whole = run_step(spec(straight.vault_root, reel), ingest.STEP, straight)

    asked = spec(settings.vault_root, reel)
    uri = write_specs(Vault(settings.vault_root), (asked,))
    process = StepProcess(uri, settings)
    reader = threading.Thread(target=lambda: list(process.lines()))
    reader.start()
    try:
        deadline = time.monotonic() + 120
        while len(finished := list(settings.scratch_folder.rglob("parts/0*.mkv"))) < LEAST_PARTS:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        reader.join()
    assert not list(settings.home.glob("vault/reels/reel-9/ingest/*/result.json"))
    before = {path: path.stat().st_mtime_ns for path in finished}

    kept: dict[Path, int] = {}

    def watch(progress) -> None:
        if progress.unit == "frames joined" and not kept:
            kept.update({path: path.stat().st_mtime_ns for path in before})

    result = run_step(asked, ingest.STEP, settings, watch)
    assert kept == before, "finished parts were made again"
    assert [(o.name, o.sha256) for o in result.outputs] == [(o.name, o.sha256) for o in whole.outputs]
