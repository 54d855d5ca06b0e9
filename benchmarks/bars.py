"""A bar as benchmarks keep it: what was asked, what was measured, and whether it is met."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

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


def tell(console: Console, head: Mapping[str, Any]) -> bool:
    """Print the bars and figures a benchmark keeps. Returns whether every bar is met."""
    table = Table("bar", "asked", "measured", "met")
    for one in head["bars"]:
        table.add_row(one["bar"], f"{one['asked']:g}", f"{one['measured']:.4g}", "yes" if one["met"] else "NO")
    console.print(table)
    console.print(json.dumps(head["figures"], indent=1), markup=False, highlight=False)
    return all(one["met"] for one in head["bars"])
