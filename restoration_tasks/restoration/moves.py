"""Moves of frames that are made anew in a shot that is steadied: such a frame lies between those it is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import JsonValue

MOVES = ("x", "y", "turn")


def between(params: Mapping[str, JsonValue], frames: Sequence[int]) -> dict[str, JsonValue]:
    """Parameters of `stabilise` with the moves of some frames taken from those around them.

    What was measured of a destroyed frame says where its damage lay; the frame made in its place lies as far as its
    neighbours do, in proportion.

    Args:
        params: as the plan has them.
        frames: those made anew, counted from the shot's start.
    """
    changed = dict(params)
    for name in MOVES:
        moves = np.array(params.get(name) or [], np.float64)
        kept = np.setdiff1d(np.arange(len(moves)), frames)
        if len(kept) and len(kept) < len(moves):
            # Adding 0 makes −0.0 a plain 0.
            moves = np.round(np.interp(np.arange(len(moves)), kept, moves[kept]), 5) + 0.0
            changed[name] = moves.tolist()
    return changed
