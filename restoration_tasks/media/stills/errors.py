"""What can be wrong with a single frame file, where callers have to tell one fault from another."""

from __future__ import annotations

from restoration_tasks.runtime.errors import DeliveryError

FETCH_AGAIN = "copy this file from the scanner again"
"""What to do about a file that did not arrive as it was written."""


class TruncatedFrame(DeliveryError):
    """The file ends before its picture does."""


def truncated(name: str, kind: str, expected: object = None, found: object = None) -> TruncatedFrame:
    """The error for a file that ends too early.

    Args:
        name: file name.
        kind: kind of file as staff call it, such as `DPX`.
        expected: how much there should be.
        found: how much there is.
    """
    return TruncatedFrame(f"the {kind} is truncated", file=name, expected=expected, found=found, action=FETCH_AGAIN)


def damaged(name: str, message: str, expected: object = None, found: object = None) -> DeliveryError:
    """The error for a file that contradicts itself, so that only a new copy helps."""
    return DeliveryError(message, file=name, expected=expected, found=found, action=FETCH_AGAIN)


def unread(name: str, found: object, expected: str, action: str) -> DeliveryError:
    """The error for a whole file of a variant that Reelkeeper does not read."""
    return DeliveryError("this kind of picture is not read", file=name, expected=expected, found=found, action=action)
