"""The database server is killed with -9 under those who record and under a run: nothing is lost or recorded twice."""

from __future__ import annotations

import threading
import time
from itertools import groupby

import psutil
import pytest
from sqlalchemy import select, text

from restoration_tasks.catalogue import embedded, migrate
from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.catalogue.postmaster import postmaster_of
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.verify import verify
from restoration_tasks.runtime.errors import DatabaseError
from tests.cli.conftest import REEL, Archive
from tests.fixtures.postgres import server_home
from tests.integration.reels import deliver
from tests.provenance.results import step_result

WRITERS, EACH, REELS = 4, 40, ("KILLED-1", "KILLED-2")
BEFORE = 40
"""So many events are acknowledged before the kill."""
PATIENCE_S = 60


@pytest.fixture
def server_folder():
    """Data folder of a running server with the present schema, as an archive runs it: not without fsync."""
    with server_home() as home:
        server = embedded.start(home / "postgres")
        migrate.upgrade(server.reelkeeper_url)
        yield server.folder
        embedded.stop(server.folder)


class Writer(threading.Thread):
    """Records a run's executions one after the other; after an error the same one again, as a task tried again does."""

    def __init__(self, number: int, url: str) -> None:
        super().__init__()
        self.executions = [(REELS[count % len(REELS)], f"w{number}/{count}") for count in range(EACH)]
        self.recorder = Recorder(open_sessions(url))
        self.acknowledged = {}
        self.errors = []

    def run(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        for reel, execution in self.executions:
            while execution not in self.acknowledged and time.monotonic() < deadline:
                try:
                    recorded = self.recorder.record(step_result(reel_id=reel, execution_id=execution))
                    self.acknowledged[execution] = (reel, recorded.seq, recorded.hash)
                except DatabaseError as error:
                    self.errors.append(str(error))
                    time.sleep(0.05)


def test_nothing_acknowledged_is_lost_and_the_rest_is_recorded_once(server_folder):
    url = embedded.connect(server_folder).reelkeeper_url
    writers = [Writer(number, url) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    wait_until(lambda: sum(len(writer.acknowledged) for writer in writers) >= BEFORE)
    kill(server_folder)
    wait_until(lambda: all(writer.errors for writer in writers))
    acknowledged = {execution: place for writer in writers for execution, place in writer.acknowledged.items()}
    assert len(acknowledged) < WRITERS * EACH, "the server was killed when all was done"
    again = embedded.start(server_folder)
    assert "had not been stopped" in again.notes[0]
    assert again.reelkeeper_url == url
    for writer in writers:
        writer.join(PATIENCE_S)

    with open_sessions(url)() as session:
        held = {
            execution: (reel, seq, digest)
            for execution, reel, seq, digest in session.execute(
                select(Event.execution_id, Event.reel_id, Event.seq, Event.hash)
            )
        }
        assert session.scalar(text("SELECT count(*) FROM reelkeeper.events")) == WRITERS * EACH
        assert verify(session).ok
    assert acknowledged.items() <= held.items()
    assert held == {execution: place for writer in writers for execution, place in writer.acknowledged.items()}
    for _, places in groupby(sorted(held.values()), key=lambda place: place[0]):
        assert [seq for _, seq, _ in places] == list(range(1, WRITERS * EACH // len(REELS) + 1))
    said = {error for writer in writers for error in writer.errors}
    assert all("the catalogue database cannot be reached: " in error for error in said), said
    assert all("Next: start it (`make up`)" in error for error in said), said


class OwnServer(Archive):
    """A home whose database is the server in it, as on a machine by itself."""

    @property
    def environment(self):
        return {name: value for name, value in super().environment.items() if name != "REELKEEPER_DATABASE_URL"}


@pytest.mark.timeout(300)
def test_a_run_whose_server_is_killed_ends_with_the_reason_and_goes_on_where_it_was():
    with server_home() as home:
        archive = OwnServer(home, "")
        reel = deliver(archive.home / "inbox", REEL)
        command = ("run", reel.delivery, "--reel-id", REEL)
        run = archive.start(*command)
        # in the middle of the pieces that two lanes work on at once
        wait_until(lambda: any("/assess/" in result for result in archive.landed()))
        kill(archive.home / "postgres")
        _, said = run.communicate(timeout=PATIENCE_S)
        assert run.returncode not in (0, 4), said
        assert "the catalogue database cannot be reached" in said
        landed = archive.landed()

        again = archive.run(*command)
        assert again.returncode == 4, again.stderr
        assert set(landed) < set(archive.landed()), "what was made is kept, and more was made"
        verified = archive.run("provenance", "verify")
        assert verified.returncode == 0, verified.stderr


def kill(folder):
    """End the postmaster, which would start its children anew, and then all of them, with SIGKILL."""
    postmaster = postmaster_of(folder)
    for process in [postmaster, *postmaster.children(recursive=True)]:
        process.kill()
    psutil.wait_procs([postmaster], PATIENCE_S)


def wait_until(holds):
    deadline = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)
