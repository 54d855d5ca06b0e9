"""A command that is ended by TERM ends as with Ctrl-C: in words, and with the database it started for itself."""

from __future__ import annotations

import signal
import subprocess
import sys

import psutil

from restoration_tasks.runtime.errors import ExitCode
from tests.fixtures.postgres import server_home

HOLDS = """
import sys, time
from pathlib import Path
from restoration_tasks.catalogue import embedded
from restoration_tasks.cli import main as cli

def hold():
    with embedded.borrowed(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        time.sleep(600)

cli.app = hold
cli.main()
"""


def test_ended_by_term_a_command_leaves_no_database_and_says_how_to_go_on():
    with server_home() as home:
        command = [sys.executable, "-c", HOLDS, str(home / "postgres")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            server = psutil.Process(int(process.stdout.readline()))
            process.send_signal(signal.SIGTERM)
            said = process.communicate(timeout=60)[1]
        assert said.splitlines()[-1] == "reelkeeper: stopped. Run the same command again to go on."
        assert process.returncode == ExitCode.FAILED
        assert not server.is_running()
