"""How a benchmark ends: an error is one line on stderr and an exit code; TERM ends it as Ctrl-C does."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from restoration_tasks.runtime.errors import ExitCode, ReelkeeperError


def run(main: Callable[[], int | None], name: str = "benchmark") -> None:
    """Run a benchmark's `main` and leave the process. Ended by TERM it still stops the database it started."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        sys.exit(main())
    except ReelkeeperError as error:
        sys.stderr.write(f"{name}: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.stderr.write(f"{name}: broken off; run it again to go on\n")
        sys.exit(ExitCode.FAILED)
