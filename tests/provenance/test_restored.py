"""A dump of the database, put back, verifies against what was signed before, with its guards in force."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import sessionmaker

from restoration_tasks.provenance import anchoring
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.runtime.vault import Vault
from tests.catalogue.checked import Checked
from tests.provenance.archive import OTHER, record
from tests.provenance.results import REEL, step_result


def test_a_dump_put_back_verifies_and_goes_on(postgres_server, sessions, empty_database, settings, tmp_path):
    Checked(sessions, Vault(str(tmp_path / "vault"))).record()
    record(sessions, range(2))
    record(sessions, range(2), OTHER)
    taken = anchoring.take(sessions, settings)
    record(sessions, range(3, 4))

    programs = Path(psutil.Process(postgres_server.pid).exe()).parent
    where = ["--host", str(postgres_server.socket_folder), "--username", "postgres"]
    dump = tmp_path / "reelkeeper.dump"
    source, target = sessions.kw["bind"].url.database, empty_database.split("?")[0].rsplit("/", 1)[1]
    subprocess.run([programs / "pg_dump", *where, "--format=custom", f"--file={dump}", source], check=True)
    subprocess.run([programs / "pg_restore", *where, "--exit-on-error", f"--dbname={target}", dump], check=True)

    engine = create_engine(empty_database)
    restored = sessionmaker(engine, expire_on_commit=False)
    report = anchoring.verify_archive(restored, settings)
    assert (report.ok, report.events, report.unanchored) == (True, 6, 1)
    assert report.checkpoint == taken.checkpoint.number
    with restored() as session, pytest.raises(IntegrityError, match="never changed"):
        session.execute(text("DELETE FROM reelkeeper.events"))
    broken = "SELECT rule, frames FROM reelkeeper.v_broken_rules ORDER BY rule DESC"
    with restored() as session:
        assert session.execute(text(broken)).all() == [("fidelity.text_kept", [9, 8]), ("benefit.specks", [])]
    again = Recorder(restored).record(step_result(execution_id=f"{REEL}/4", minute=4))
    assert (again.seq, anchoring.verify_archive(restored, settings).ok) == (5, True)
    engine.dispose()
