"""The one thing said where a network is asked for and torch is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from restoration_tasks.runtime.errors import ModelError


@contextmanager
def needs_torch(what: str) -> Iterator[None]:
    """Around imports that take torch along.

    Args:
        what: it is needed for, in the words of the message.

    Raises:
        ModelError: torch is not installed.
    """
    try:
        yield
    except ImportError as error:
        raise ModelError(
            f"{what} torch",
            expected="the vision extra",
            found=error,
            action="install it (pip install 'reelkeeper[vision]')",
        ) from error
