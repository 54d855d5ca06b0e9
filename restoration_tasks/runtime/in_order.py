"""Work done some ahead of where it is needed, in threads, given back in order, with bounded memory."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")
SWITCH_S = 0.0005
"""How long a thread may go on when another waits to be let in. Measured on two threads of the repair, at 5 ms and at
this in turns: a tenth less time."""


def in_order(
    work: Callable[[Item], Done], items: Iterable[Item], *, threads: int, ahead: int
) -> Generator[Done, None, None]:
    """What `work` makes of each item, in the order given.

    An error is raised when its item's turn comes, after what comes before it. Left early, nothing more is begun.

    Args:
        work: called in a thread; it should leave the interpreter lock (reading, hashing, numpy).
        items: taken only as far ahead as is worked.
        threads: how many are worked at once.
        ahead: how many results may wait beside the one in use.
    """
    left = iter(items)
    # Calls out of the interpreter last a fraction of a millisecond here; by default a thread that comes back from one
    # waits for up to five before it is let in again.
    sys.setswitchinterval(min(sys.getswitchinterval(), SWITCH_S))
    with ThreadPoolExecutor(threads, thread_name_prefix="ahead") as pool:
        waiting: deque[Future[Done]] = deque()
        try:
            waiting.extend(pool.submit(work, item) for item in islice(left, ahead))
            while waiting:
                done = waiting.popleft().result()
                waiting.extend(pool.submit(work, item) for item in islice(left, 1))
                yield done
                # The consumer may hold on to it; this generator must not keep it alive as well.
                del done
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
