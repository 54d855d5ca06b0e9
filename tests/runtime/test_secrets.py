"""Secrets stay where they belong: planted ones are in no spec, result, log or error, and a step is not given them."""

from __future__ import annotations

import pytest
from reelkeeper_airflow.operators.outcome import summarise

from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.runtime.errors import DatabaseError, ReelkeeperError
from restoration_tasks.runtime.launch import step_process, write_specs
from restoration_tasks.runtime.runner import finished
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.way import Way
from tests.media.pictures import delivery

PLANTED = {
    "REELKEEPER_DATABASE_URL": "postgresql://worker:planted-database-word@127.0.0.1:1/reelkeeper",
    "REELKEEPER_SIGNING_KEY": "/planted/signing/place.pem",
    "REELKEEPER_CATALOGUE_WEBHOOK": "http://127.0.0.1:1/hook?token=planted-hook-token",
    "REELKEEPER_CATALOGUE_WEBHOOK_SECRET": "planted-hook-word",
    "AWS_ACCESS_KEY_ID": "planted-store-id",
    "AWS_SECRET_ACCESS_KEY": "planted-store-word",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql://airflow:planted-airflow-word@db/airflow",
    "AIRFLOW__CORE__FERNET_KEY": "planted-fernet-word",
    "AIRFLOW_CONN_STORE": '{"password": "planted-connection-word"}',
    "AIRFLOW_VAR_TOKEN": "planted-variable-word",
}
MARK = "planted"


@pytest.fixture
def planted(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a fresh home, in a process that holds every secret there is."""
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    return Settings(home=settings.home)


def test_a_step_is_not_given_what_it_does_not_need(planted: Settings) -> None:
    left = {name for name, value in planted.environment().items() if MARK in value}
    # A vault in an object store is reached with these; where steps run as pods, a secret of the cluster holds them.
    assert left == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}


def test_nothing_a_step_writes_or_says_holds_a_secret(planted: Settings) -> None:
    """One reel that is taken in, and one that fails as its delivery is gone, in one process."""
    vault = Vault(planted.vault_root)
    specs = []
    for reel in ("WHOLE", "ABSENT"):
        folder = delivery(planted.inbox_folder / reel, 2)
        specs.append(Way(reel, planted, RunOptions()).ingest(Execution(f"secrets/{reel}")))
    for path in folder.iterdir():
        path.unlink()
    with step_process(write_specs(vault, tuple(specs)), planted) as process:
        told = list(process.lines())
        with pytest.raises(ReelkeeperError) as failed:
            process.check()
    result = finished(specs[0], vault)
    assert result is not None
    told += [str(failed.value), str(summarise("vault:x", ["secrets/WHOLE"], [result]).xcom())]
    written = [path for path in planted.home.rglob("*") if path.is_file()]
    assert {"result.json", "master.mkv"} <= {path.name for path in written}, "a result is among what is searched"
    assert [path for path in written if "ABSENT" in path.read_text(errors="replace")], "and the failure"
    assert not [path for path in written if MARK.encode() in path.read_bytes()]
    assert not [line for line in told if MARK in line]


def test_an_error_of_the_database_does_not_tell_its_password(planted: Settings) -> None:
    assert planted.database_url is not None
    with pytest.raises(DatabaseError) as caught, open_sessions(planted.database_url.get_secret_value())() as session:
        session.connection()
    assert MARK not in str(caught.value)
    assert "***" in str(caught.value), "the address without the password is told"


SECRET = [name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)]


def test_every_secret_of_the_settings_is_among_the_planted() -> None:
    """A new one is searched for like the others."""
    assert {"database_url", "catalogue_webhook", "catalogue_webhook_secret"} <= set(SECRET)
    assert {f"REELKEEPER_{name}".upper() for name in SECRET} <= set(PLANTED)


@pytest.mark.parametrize("name", SECRET)
def test_settings_do_not_print_a_secret(planted: Settings, name: str) -> None:
    value = PLANTED[f"REELKEEPER_{name}".upper()]
    assert getattr(planted, name).get_secret_value() == value
    for shown in (repr(planted), str(planted), planted.model_dump_json()):
        assert value not in shown


def test_all_threads_of_a_step_share_one_heap(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there are processor cores would each keep one of their own; pods: see `tests/plugins/pods`."""
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    assert settings.environment()["MALLOC_ARENA_MAX"] == "1"
