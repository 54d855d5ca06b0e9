"""What of a shot's path is the gate's, and what the camera's: the likeliest of many courses a camera may have taken.

A place is the sum of a camera that stands still, goes on with a speed that changes a little with every frame, or with
an acceleration that does; of a gate that holds each frame a little off (an autoregressive process about its middle, of
no memory up to four fifths from a frame to the next); and of small errors of measuring. A Kalman filter says how likely
a path is under each (J. Durbin, S. J. Koopman, "Time Series Analysis by State Space Methods", 2012, chapters 4 and 7),
and smoothing under the likeliest where the gate held each frame (H. E. Rauch, F. Tung, C. T. Striebel, 1965). A camera
stands still in all directions or in none, and there is one gate, so they are chosen together for all three.

A camera pushed about at random explains its own path and leaves the gate nothing. Nothing adds up along a shot: the
gate's part goes back to its middle by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.course import Doubles
from restoration_tasks.assessment.placing import Placing


class Camera(IntEnum):
    """How a camera may go."""

    STANDS = 0
    STEADY = 1
    """Its speed changes from frame to frame, or never."""
    SMOOTH = 2
    """Its acceleration does."""


SPEED_CHANGES = (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 2.0, 4.0)
ACCELERATION_CHANGES = (0.001, 0.003, 0.01, 0.03, 0.1)
"""Standard deviations of what changes with a frame, pixels at 720 px width."""
GATES_PX = (0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12)
"""Standard deviations of the gate, pixels at 720 px width; beside them none."""
MEMORIES = (0.0, 0.3, 0.6)
"""How much of a frame's place in the gate the next one keeps."""
SPEED_PX, ACCELERATION_PX = 1.0, 0.3
"""What a camera's speed and acceleration usually are. A camera that moves must move enough to be worth that guess."""
BREAK_PX = 100.0
"""How far apart two parts of a shot may lie that no move joins."""
LEAST_NOISE_PX = 0.01
KEPT, LEAST_SHARE = 12, 0.01
"""Candidates that are smoothed at most, and the chance that each must have."""


@dataclass(frozen=True, eq=False)
class GatePath:
    """Where the gate held each frame."""

    off: Doubles
    """`(T, 3)`: as `Placing.path`, about its own mean; 0 where the camera explains all."""
    stands: float
    """How likely it is that the camera stands still, 0–1."""
    evidence: float
    """How much likelier the path is with a gate than with the camera alone, natural logarithm."""


class _Courses(NamedTuple):
    """Candidates: `K` ways in which a path may come about. The state is place, speed, acceleration and gate."""

    camera: Doubles
    """`(K,)`: a `Camera` each."""
    gate: Doubles
    """`(K,)`: standard deviation; 0 is none."""
    memory: Doubles
    onward: Doubles
    """`(K, 4, 4)`: what becomes of a state with the next frame."""
    shaken: Doubles
    """`(K, 4, 4)`: covariance of what comes in with it."""
    begin: Doubles
    """`(K, 4, 4)`: covariance of the first frame's state, whose place is known."""

    def only(self, numbers: NDArray[np.intp]) -> _Courses:
        """Some of them."""
        return _Courses(*(part[numbers] for part in self))


def gate_path(placing: Placing) -> GatePath:
    """Where the gate held each frame: what the candidates say, each by its chance."""
    courses = _courses()
    filters = [_Filter(placing, axis) for axis in range(3)]
    chances = np.stack([one.run(courses)[0] for one in filters])
    stands, no_gate = courses.camera == Camera.STANDS, courses.gate == 0
    together = np.full((2, len(MEMORIES)), 0.0)
    held = np.zeros((2, len(MEMORIES), *chances.shape))
    without = []
    for still in (0, 1):
        may = np.stack([stands == still, stands == still, np.ones_like(stands)])
        without.append(float(_log_mean(np.where(may & no_gate, chances, -np.inf)).sum()))
        for number, memory in enumerate(MEMORIES):
            fits = may & (no_gate | (courses.memory == memory))
            held[still, number] = np.where(fits, chances, -np.inf)
            together[still, number] = _log_mean(held[still, number]).sum()
    share = np.exp(together - together.max())
    share /= share.sum()
    off = np.zeros((len(placing.path), 3))
    for axis, one in enumerate(filters):
        own = np.exp(held[:, :, axis] - held[:, :, axis].max(axis=2, keepdims=True))
        weights = np.einsum("sm,smk->k", share, own / own.sum(axis=2, keepdims=True))
        best = np.argsort(weights)[::-1][:KEPT]
        best = best[weights[best] > LEAST_SHARE]
        off[:, axis] = one.smoothed(courses.only(best)) @ (weights[best] / weights[best].sum())
    evidence = float(_log_mean(together.reshape(1, -1))[0]) - max(without)
    return GatePath(off - off.mean(axis=0), float(share[1].sum()), max(evidence, 0.0))


def _log_mean(chances: Doubles) -> Doubles:
    """Natural logarithm of the mean chance of those that are possible, along the last axis."""
    most = chances.max(axis=-1)
    mean = np.exp(chances - most[..., None]).sum(axis=-1) / np.isfinite(chances).sum(axis=-1)
    return np.asarray(most + np.log(mean), np.float64)


@cache
def _courses() -> _Courses:
    cameras = [(Camera.STANDS, 0.0)]
    cameras += [(Camera.STEADY, change) for change in SPEED_CHANGES]
    cameras += [(Camera.SMOOTH, change) for change in ACCELERATION_CHANGES]
    gates = [(0.0, 0.0)] + [(gate, memory) for gate in GATES_PX for memory in MEMORIES]
    many = [(camera, change, gate, memory) for camera, change in cameras for gate, memory in gates]
    camera, change, gate, memory = np.array(many, np.float64).T
    onward, shaken, begin = (np.zeros((len(many), 4, 4)) for _ in range(3))
    onward[:, range(4), range(4)] = 1.0
    onward[:, 3, 3] = memory
    moves, smooth = camera != Camera.STANDS, camera == Camera.SMOOTH
    onward[:, 0, 1] = moves
    onward[:, 0, 2], onward[:, 1, 2] = 0.5 * smooth, smooth
    shaken[:, 1, 1] = np.where(camera == Camera.STEADY, change**2, 0.0)
    shaken[:, 2, 2] = np.where(smooth, change**2, 0.0)
    shaken[:, 3, 3] = gate**2 * (1 - memory**2)
    begin[:, 1, 1] = np.where(moves, SPEED_PX**2, 0.0)
    begin[:, 2, 2] = np.where(smooth, ACCELERATION_PX**2, 0.0)
    # The first frame lies where it lies: what the gate holds it off by, the camera is off by the other way.
    begin[:, 0, 0] = begin[:, 3, 3] = gate**2
    begin[:, 0, 3] = begin[:, 3, 0] = -(gate**2)
    return _Courses(camera, gate, memory, onward, shaken, begin)


class _Filter:
    """The path of one direction under the candidates."""

    def __init__(self, placing: Placing, axis: int) -> None:
        self._seen, self._joined = placing.seen, placing.joined
        self._first = int(np.argmax(placing.seen))
        self._path = placing.path[:, axis] - placing.path[self._first, axis]
        self._drift = placing.drift_px**2
        self._noise = max(placing.noise_px, LEAST_NOISE_PX) ** 2

    def run(self, courses: _Courses, kept: list[tuple[Doubles, ...]] | None = None) -> tuple[Doubles, Doubles]:
        """How likely each candidate is, `(K,)` natural logarithms, and its state at the end, `(K, 4)`.

        Args:
            courses: the candidates.
            kept: takes for every frame the state and its covariance before and after the frame was looked at.
        """
        state, spread = np.zeros((len(courses.gate), 4)), courses.begin
        chance = np.zeros(len(courses.gate))
        back = courses.onward.transpose(0, 2, 1)
        for frame, place in enumerate(self._path):
            if frame:
                state = (courses.onward @ state[..., None])[..., 0]
                spread = courses.onward @ spread @ back + courses.shaken
                spread[:, 0, 0] += self._drift
                if self._seen[frame] and not self._joined[frame] and frame > self._first:
                    spread[:, 0, 0] += BREAK_PX**2
            before = (state, spread)
            if self._seen[frame] and frame != self._first:
                row = spread[:, :, 0] + spread[:, :, 3]
                power = row[:, 0] + row[:, 3] + self._noise
                error = place - state[:, 0] - state[:, 3]
                chance -= 0.5 * (np.log(power) + np.square(error) / power)
                gain = row / power[:, None]
                state = state + gain * error[:, None]
                spread = spread - gain[:, :, None] * row[:, None, :]
            if kept is not None:
                kept.append((*before, state, spread))
        return chance, state

    def smoothed(self, courses: _Courses) -> Doubles:
        """`(T, K)`: where the gate held each frame under each of some candidates."""
        kept: list[tuple[Doubles, ...]] = []
        self.run(courses, kept)
        state, back = kept[-1][2], courses.onward.transpose(0, 2, 1)
        gate = [state[:, 3]]
        for (_, _, after, spread), (predicted, wide, _, _) in zip(kept[-2::-1], kept[:0:-1], strict=True):
            carry = spread @ back @ np.linalg.pinv(wide, hermitian=True)
            state = after + (carry @ (state - predicted)[..., None])[..., 0]
            gate.append(state[:, 3])
        return np.stack(gate[::-1])
