"""The embedded Postgres: started, found, stopped, and started again after every half-dead end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from restoration_tasks.catalogue import embedded
from restoration_tasks.runtime.errors import DatabaseError
from tests.fixtures.postgres import server_home


def ask(url: str, question: str = "SELECT current_database()") -> object:
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        return connection.scalar(text(question))


@pytest.fixture(scope="module")
def folder():
    with server_home("reelkeeper-höme-") as home:
        folder = home / "postgres"
        embedded.start(folder)
        yield folder
        embedded.stop(folder)


@pytest.fixture
def running(folder):
    return embedded.start(folder)


def test_it_holds_both_databases_and_is_found_again(running, folder):
    assert ask(running.reelkeeper_url) == "reelkeeper"
    assert ask(running.airflow_url) == "airflow"
    assert embedded.start(folder) == embedded.connect(folder) == running
    assert running.notes == ()


def test_its_socket_is_for_its_user_only_and_no_port_is_open(running):
    socket = next(running.socket_folder.glob(".s.PGSQL.*[0-9]"))
    assert socket.stat().st_mode & 0o077 == 0
    assert ask(running.reelkeeper_url, "SHOW listen_addresses") == ""


def test_commands_that_borrow_it_stop_it_when_the_last_has_ended(running, folder):
    with embedded.borrowed(folder) as found:
        assert found.pid == running.pid
    assert embedded.connect(folder).pid == running.pid, "it was started to stay"

    embedded.stop(folder)
    code = (
        "import sys; from pathlib import Path; from restoration_tasks.catalogue import embedded\n"
        "with embedded.borrowed(Path(sys.argv[1])) as server: print(server.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(folder)]
    first = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert first.stdout is not None
    pid = int(first.stdout.readline())
    with embedded.borrowed(folder) as server:
        assert server.pid == pid
        first.communicate(timeout=30)  # who started it goes first
        assert ask(server.reelkeeper_url) == "reelkeeper"
    assert not psutil.pid_exists(pid)

    killed = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert killed.stdout is not None
    pid = int(killed.stdout.readline())
    killed.kill()
    killed.wait()
    with embedded.borrowed(folder) as server:
        assert server.pid == pid, "nobody was left to stop it"
    assert not psutil.pid_exists(pid)

    with embedded.borrowed(folder):
        stays = embedded.start(folder)
    assert embedded.connect(folder) == stays, "somebody has said meanwhile that it is to stay"


def test_the_url_serves_asyncpg_too(running):
    """Airflow makes its asynchronous URL by exchanging the driver."""
    import asyncio

    from sqlalchemy.ext.asyncio import create_async_engine

    async def name() -> object:
        engine = create_async_engine(make_url(running.airflow_url).set(drivername="postgresql+asyncpg"))
        async with engine.connect() as connection:
            found = await connection.scalar(text("SELECT current_database()"))
        await engine.dispose()
        return found

    assert asyncio.run(name()) == "airflow"


def test_several_starters_at_once_start_one(running, folder):
    embedded.stop(folder)
    found: list[embedded.EmbeddedPostgres] = []
    code = (
        "import sys; from pathlib import Path; from restoration_tasks.catalogue import embedded;"
        "print(embedded.start(Path(sys.argv[1])).pid)"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True)
    starters = [threading.Thread(target=lambda: found.append(embedded.start(folder))) for _ in range(2)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    assert {server.pid for server in found} == {int(other.communicate()[0])}


def test_stop_stops_exactly_this_one(running, folder, postgres_server):
    assert embedded.stop(folder) is True
    assert not psutil.pid_exists(running.pid)
    assert psutil.pid_exists(postgres_server.pid)
    assert embedded.stop(folder) is False
    with pytest.raises(DatabaseError, match="not running"):
        embedded.connect(folder)


def test_a_killed_server_comes_back_with_what_was_committed(running, folder):
    engine = create_engine(running.reelkeeper_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS kept (n int)"))
        connection.execute(text("INSERT INTO kept VALUES (7)"))
    os.kill(running.pid, signal.SIGKILL)
    again = embedded.start(folder)
    assert again.pid != running.pid
    assert ask(again.reelkeeper_url, "SELECT max(n) FROM kept") == 7
    assert any("had not been stopped" in note for note in again.notes)


def test_a_pid_file_naming_another_program_is_seen_through(running, folder):
    """After a reboot another program may have the number: it must neither be taken for the server nor be stopped."""
    lines = (folder / "postmaster.pid").read_text().splitlines()
    embedded.stop(folder)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        (folder / "postmaster.pid").write_text("\n".join([str(bystander.pid), *lines[1:]]) + "\n")
        assert embedded.stop(folder) is False
        with pytest.raises(DatabaseError, match="not running"):
            embedded.connect(folder)
        server = embedded.start(folder)
        assert server.pid != bystander.pid
        assert str(bystander.pid) in server.notes[0]
        assert bystander.poll() is None
        assert ask(server.reelkeeper_url) == "reelkeeper"
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("content", ["", "garbage", "999999999\n/nowhere\n"])
def test_a_truncated_pid_file_does_not_stop_a_start(running, folder, content):
    embedded.stop(folder)
    (folder / "postmaster.pid").write_text(content)
    assert ask(embedded.start(folder).reelkeeper_url) == "reelkeeper"


def test_a_folder_that_is_no_database_is_left_alone(tmp_path):
    folder = tmp_path / "postgres"
    folder.mkdir()
    (folder / "precious.txt").write_text("keep")
    with pytest.raises(DatabaseError, match=r"not a database folder.*precious\.txt.*Next:"):
        embedded.start(folder)
    assert (folder / "precious.txt").read_text() == "keep"


def test_a_making_that_was_broken_off_is_set_aside():
    with server_home() as home:
        folder = home / "postgres"
        (folder / "global").mkdir(parents=True)
        (folder / "PG_VERSION").write_text("18\n")
        try:
            server = embedded.start(folder)
            assert ask(server.reelkeeper_url) == "reelkeeper"
            assert "broken off" in server.notes[0]
            assert (home / "postgres.broken-1" / "PG_VERSION").exists()
        finally:
            embedded.stop(folder)


def test_a_folder_with_a_space_is_refused_before_anything_is_made(tmp_path):
    with pytest.raises(DatabaseError, match="with a space"):
        embedded.start(tmp_path / "my home" / "postgres")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_configuration_is_one_clear_line(running, folder):
    embedded.stop(folder)
    configuration = folder / "postgresql.conf"
    good = configuration.read_text()
    try:
        configuration.write_text(good + "\nmax_connections = many\n")
        began = time.monotonic()
        with pytest.raises(DatabaseError, match=r"does not start.*Next: look at") as failure:
            embedded.start(folder)
        assert "\n" not in str(failure.value)
        assert time.monotonic() - began < 30
    finally:
        configuration.write_text(good)
