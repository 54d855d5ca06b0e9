"""Deliveries by hand: looking at one, taking it in with a waiver, making every file again."""

from __future__ import annotations

import json
import shutil

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import REEL
from tests.integration.reels import FIRST_NUMBER

pytestmark = pytest.mark.timeout(300)


def rows(archive, query: str) -> list[tuple]:
    engine = create_engine(archive.database_url)
    with engine.connect() as connection:
        found = [tuple(row) for row in connection.execute(text(query))]
    engine.dispose()
    return found


def test_looking_at_a_delivery_says_what_ingest_would_and_writes_nothing(archive, reel):
    whole = archive.run("delivery", reel.delivery)
    assert whole.returncode == 0, whole.stderr
    assert "30 dpx frames, numbers 1001 to 1030; manifest manifest-md5.txt; marked as finished" in whole.stdout
    assert not archive.landed()

    (reel.delivery / f"{REEL}_0001010.dpx").unlink()
    (reel.delivery / f"{REEL}_0001012.dpx").write_bytes(b"")
    refused = archive.run("delivery", reel.delivery, "--json")
    assert refused.returncode == 1
    told = json.loads(refused.stdout)
    assert {one["id"] for one in told["findings"] if one["grade"] == "fail"} == {"missing-frames:1010", "empty:1012"}
    names = archive.run("delivery", reel.delivery, "--names-only")
    assert names.returncode == 1
    assert "a person can let it pass as 'missing-frames:1010'" in names.stdout
    assert "a person can let it pass as 'empty:1012'" in names.stdout


def test_a_waiver_needs_a_name_and_is_recorded_and_files_come_out_again(archive, reel, tmp_path):
    gone = reel.delivery / f"{REEL}_{FIRST_NUMBER + 4:07d}.dpx"
    shutil.move(gone, tmp_path / gone.name)
    waive = ("--waive", "missing-frames:1005=burnt in 1967")

    refused = archive.run("ingest", REEL)
    assert refused.returncode == 1
    assert f"{gone.name}, frame 1005" in refused.stderr
    assert "waive it as 'missing-frames:1005'" in refused.stderr
    nameless = archive.run("ingest", REEL, *waive)
    assert nameless.returncode == 2
    assert "--as" in nameless.stderr
    unknown = archive.run("ingest", REEL, "--waive", "unlike-first:3=never mind", "--as", "ana")
    assert unknown.returncode == 2
    assert "cannot be waived" in unknown.stderr

    out = tmp_path / "again"
    done = archive.run("ingest", REEL, *waive, "--as", "ana", "--rebuild-to", out)
    assert done.returncode == 0, done.stderr
    assert "waived: fail: " in done.stdout
    assert "made again, byte for byte: 29 frame files from the master, 1 files kept as delivered" in done.stdout
    for path in reel.delivery.iterdir():
        if path.name != ".ready":
            assert (out / path.name).read_bytes() == path.read_bytes()

    assert rows(archive, "SELECT finding, reason FROM reelkeeper.waivers") == [("missing-frames:1005", "burnt in 1967")]
    assert rows(archive, "SELECT frames, substituted_frames, width, kind FROM reelkeeper.scans") == [(30, 1, 96, "dpx")]
    people = "SELECT login FROM reelkeeper.agent_names JOIN reelkeeper.waivers ON person_id = agent_id"
    assert rows(archive, people) == [("ana",)]
    sample = archive.run("ingest", REEL, *waive, "--verify-reversible", "sample")
    assert sample.returncode == 0, sample.stderr
    assert "24 frame files from the master" in sample.stdout
    assert archive.run("provenance", "verify", REEL).returncode == 0
