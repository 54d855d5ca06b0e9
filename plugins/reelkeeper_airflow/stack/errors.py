"""Why the stack could not be started or stopped, in one line."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot do what was asked; the message is one line and ends with what to do next."""
