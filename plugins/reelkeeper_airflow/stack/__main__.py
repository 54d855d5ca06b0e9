"""`python -m reelkeeper_airflow.stack up|down|status`: what `make up` and `make down` call."""

from __future__ import annotations

import argparse
import os
import sys

from reelkeeper_airflow.stack.environment import Layout
from reelkeeper_airflow.stack.errors import StackError
from reelkeeper_airflow.stack.home import Home
from reelkeeper_airflow.stack.service import down, logins, status, up
from restoration_tasks.runtime.errors import ReelkeeperError


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(arguments: list[str] | None = None) -> int:
    """Run one command. Exit code 0 done, 1 it failed (one line says why), 2 wrong use."""
    parser = argparse.ArgumentParser(prog="python -m reelkeeper_airflow.stack", description=__doc__)
    parser.add_argument("command", choices=["up", "down", "status"])
    parser.add_argument("--home", help="folder of the stack (default: REELKEEPER_HOME, or .reelkeeper in the checkout)")
    parser.add_argument(
        "--port", type=int, default=Layout().port, help="port of the UI and the REST API (default: 8080)"
    )
    parser.add_argument("--task-slots", type=int, default=Layout().task_slots, help="tasks at work at one time")
    chosen = parser.parse_args(arguments)
    home = Home.find(chosen.home, os.environ)
    try:
        match chosen.command:
            case "up":
                _say(logins(up(home, Layout(port=chosen.port, task_slots=chosen.task_slots), _say)))
            case "down":
                down(home, _say)
            case _:
                states = status(home)
                for name, state in states.items():
                    _say(f"{name:<14} {state}")
                return 0 if set(states.values()) == {"healthy"} else 1
    except (StackError, ReelkeeperError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
