"""A bar as benchmarks keep it: what was asked, what was measured, and whether it is met."""

from __future__ import annotations

from benchmarks.kept import Result


def bar(words: str, value: float, asked: float, *, most: bool = False) -> Result:
    """One bar.

    Args:
        words: what it says.
        value: what was measured.
        asked: what it must be at least, or at most.
        most: whether it is the latter.
    """
    met = value <= asked if most else value >= asked
    return {"bar": words, "asked": asked, "measured": round(value, 4), "met": bool(met)}
