"""Where each frame of a shot lies: the readings of the weave gauge of a whole shot, put together to one path.

How the cells of the picture moved from one frame to another is brought to one move, one turn and one change of size by
a robust fit (Tukey's biweight), so that what moves by itself in the scene has no say, and a camera that goes nearer is
no turn. Moves from the frame before add up their errors along a shot; those from the frame four before hold them
together: the path is the one that fits both best (least squares, each by its own uncertainty).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.course import Doubles
from restoration_tasks.assessment.gauge import Scanned
from restoration_tasks.assessment.weave import CELLS, COLUMNS, FAR, ROWS, SD_WIDTH, WeaveReading

FEWEST_CELLS = 6
"""Cells that a move is fitted to at least: it has four numbers."""
ROUNDS = 20
REACH, FINEST_PX = 4.0, 0.03
"""Tukey's biweight reaches so many robust deviations, of at least so many pixels."""
RAYLEIGH = 1.18
"""Median distance of a round normal distribution of deviation 1."""
MAD_TO_SD = 1.4826
LEAST_NOISE_PX = 0.01
"""Uncertainty of a cell at least, pixels at 720 px width."""
ENOUGH = 50
"""Differences of cells that tell their noise."""
OFF = 3.0
"""Standard deviations from which a far move loses its say: a corner that was taken for another."""
HELD = 1e-6
"""Stiffness that keeps parts apart that nothing joins; beside that of any move it is nothing."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Placing:
    """Where the frames of a shot lie, against its first one."""

    path: Doubles
    """`(T, 3)`: to the right, down, and turned against the clock, all in pixels at 720 px width; a turn counts as far
    as it moves the picture's pixels (root mean square)."""
    seen: Bools
    """`(T,)`: whether the frame is joined to any other."""
    joined: Bools
    """`(T,)`: whether it is joined to the frame seen before it, straight or by others."""
    noise_px: float
    """Uncertainty of a frame's place against those beside it, standard deviation."""
    drift_px: float
    """What is uncertain more with every frame."""


def arm_px(scan: Scanned) -> float:
    """How far pixels lie from the picture's middle, root mean square, pixels at 720 px width."""
    return float(SD_WIDTH * np.hypot(1.0, scan.height / scan.width) / np.sqrt(12.0))


def placing(rows: Sequence[WeaveReading], scan: Scanned) -> Placing:
    """Where the frames of a shot lie.

    Args:
        rows: what was read off each frame, in order; at least one.
        scan: what was scanned.
    """
    near = _moves([row.x_px for row in rows], [row.y_px for row in rows], [row.followed for row in rows], scan)
    far = _moves(
        [row.far_x_px for row in rows], [row.far_y_px for row in rows], [row.far_followed for row in rows], scan
    )
    noise = _usual(near.sd)
    path = _path(near, far, far.weights)
    off = np.zeros(len(rows))
    off[FAR:] = np.hypot(*(path[FAR:] - path[:-FAR] - far.by[FAR:])[:, :2].T)
    allowed = OFF * np.hypot(np.where(far.known, far.sd, 1.0), 2 * noise)
    path = _path(near, far, far.weights / (1 + np.square(off / allowed)))
    path[:, 2] *= arm_px(scan)
    parts = _parts(near.known, far.known)
    seen = np.bincount(parts)[parts] > 1
    joined = np.zeros(len(rows), np.bool_)
    places = np.flatnonzero(seen)
    joined[places[1:]] = parts[places[1:]] == parts[places[:-1]]
    drift = _usual(far.sd) / np.sqrt(FAR) if far.known.any() else noise
    return Placing(path, seen, joined, noise, drift)


class _Moves(NamedTuple):
    """Moves into each frame from one before it."""

    by: Doubles
    """`(T, 3)`: x and y in pixels at 720 px width, turn in radians against the clock."""
    sd: Doubles
    """`(T,)`: uncertainty; infinite where nothing could be followed."""

    @property
    def known(self) -> Bools:
        return np.isfinite(self.sd)

    @property
    def weights(self) -> Doubles:
        return np.asarray(np.where(self.known, 1.0 / np.square(np.where(self.known, self.sd, 1.0)), 0.0), np.float64)


def _usual(deviations: Doubles) -> float:
    known = deviations[np.isfinite(deviations)]
    return float(np.median(known)) if len(known) else LEAST_NOISE_PX


def _moves(x: object, y: object, followed: object, scan: Scanned) -> _Moves:
    """One move a frame out of those of its cells, pixels of the scan."""
    moves = np.stack([np.asarray(x, np.float64), np.asarray(y, np.float64)], axis=1) * (SD_WIDTH / scan.width)
    seen = np.asarray(followed, np.float64) > 0
    enough = seen.sum(axis=1) >= FEWEST_CELLS
    basis, by = _basis(scan), np.zeros((len(seen), 4))
    if not enough.any():
        return _Moves(by[:, :3], np.full(len(seen), np.inf))
    moves, seen = moves[enough], seen[enough]
    fit = np.zeros((len(seen), 4))
    fit[:, :2] = np.nanmedian(np.where(seen[:, None], moves, np.nan), axis=2)
    for _ in range(ROUNDS):
        left = moves - np.einsum("acd,td->tac", basis, fit)
        far = np.where(seen, np.hypot(left[:, 0], left[:, 1]), np.nan)
        spread = np.nanmedian(far, axis=1) / RAYLEIGH
        share = np.where(seen, far / (REACH * np.maximum(spread, FINEST_PX))[:, None], 1.0)
        weights = np.square(1 - np.minimum(np.square(share), 1.0))
        normal = np.einsum("acd,tc,ace->tde", basis, weights, basis) + HELD * np.eye(4)
        fit = np.linalg.solve(normal, np.einsum("acd,tc,tac->td", basis, weights, moves)[..., None])[..., 0]
    # What cells keep moving by (a thing nearer than the rest) is no uncertainty: only what changes is.
    change = np.diff(np.where((seen & (weights > 0))[:, None], left, np.nan), axis=0)
    change = change[np.isfinite(change)]
    cell = MAD_TO_SD * np.median(np.abs(change)) / np.sqrt(2) if len(change) >= ENOUGH else np.median(spread)
    usual = max(float(np.median(spread)), LEAST_NOISE_PX)
    deviation = max(float(cell), LEAST_NOISE_PX) * np.maximum(spread / usual, 1.0)
    sd = np.full(len(enough), np.inf)
    sd[enough] = deviation / np.sqrt(np.maximum(weights.sum(axis=1), 1.0))
    by[enough] = fit
    return _Moves(by[:, :3], sd)


def _basis(scan: Scanned) -> Doubles:
    """`(2, CELLS, 4)`: how each cell moves, right and down, by a move, a turn and a change of size."""
    row, column = np.divmod(np.arange(CELLS), COLUMNS)
    x = ((column + 0.5) / COLUMNS - 0.5) * SD_WIDTH
    y = ((row + 0.5) / ROWS - 0.5) * SD_WIDTH * scan.height / scan.width
    none, whole = np.zeros(CELLS), np.ones(CELLS)
    return np.stack([np.stack([whole, none, y, x], axis=1), np.stack([none, whole, -x, y], axis=1)])


def _path(near: _Moves, far: _Moves, far_weights: Doubles) -> Doubles:
    """`(T, 3)`: the path that fits all moves best."""
    from scipy.linalg import solveh_banded

    frames = len(near.by)
    # Upper bands of a symmetric matrix: the diagonal is the last one.
    bands, pull = np.zeros((FAR + 1, frames)), np.zeros((frames, 3))
    bands[FAR] = HELD
    bands[FAR, 0] += 1.0
    for lag, moves, all_weights in ((1, near, near.weights), (FAR, far, far_weights)):
        if frames <= lag:
            continue
        weights, by = all_weights[lag:], moves.by[lag:]
        bands[FAR, lag:] += weights
        bands[FAR, : frames - lag] += weights
        bands[FAR - lag, lag:] -= weights
        pull[lag:] += weights[:, None] * by
        pull[: frames - lag] -= weights[:, None] * by
    return np.asarray(solveh_banded(bands, pull), np.float64)


def _parts(near: Bools, far: Bools) -> NDArray[np.intp]:
    """`(T,)`: frames with the same number are joined by moves."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    frames = len(near)
    ends = [np.flatnonzero(known[lag:]) + lag for lag, known in ((1, near), (FAR, far))]
    stop = np.concatenate(ends)
    start = np.concatenate([ends[0] - 1, ends[1] - FAR])
    graph = coo_array((np.ones(len(stop)), (start, stop)), shape=(frames, frames))
    return np.asarray(connected_components(graph, directed=False)[1], np.intp)
