"""Fill damage with the repair network, boxes of one size together, and give the fills the grain of their surround."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import Work
from restoration_tasks.models.defects.motion import FlowFinder, Following
from restoration_tasks.restoration.boxes import batched_boxes
from restoration_tasks.restoration.carried import Carried, Continuation, Group, Sight, continued_around
from restoration_tasks.restoration.fill import Filler, FillJob, Masked
from restoration_tasks.restoration.grain import FineParts, grain_level, with_grain
from restoration_tasks.restoration.shares import codes
from restoration_tasks.restoration.steady import steadied
from restoration_tasks.restoration.treatment import Means

if TYPE_CHECKING:
    from restoration_tasks.models.defects.load import Repairer

Floats = NDArray[np.float32]

MARGIN_PX = 9
"""Clean surround the network sees beside damage: the ring in which grain is measured."""
BATCH_PX = 1 << 18
"""Pixels that go through the network at once on a processor; more would not be faster, and takes memory."""
GPU_BATCH_PX = 1 << 22


class NetworkFill(Filler):
    """Fills by the network, box by box."""

    def __init__(self, means: Means, *, grain: float, continuation: Continuation | None = None) -> None:
        """Make it for one thread.

        Args:
            means: what it may compute with.
            grain: how much of the missing grain a fill is given, 0–1.
            continuation: how the surround is continued into damage that no neighbour shows, used as it is; by default a
                candidate of the network like the others.
        """
        self._repairer = loaded_repairer(means)
        self._finder = FlowFinder(Following.STIFF)
        self._grain = grain
        self._own = continuation
        self._most_px = BATCH_PX if self._repairer.running.device == "cpu" else GPU_BATCH_PX

    def fill(self, jobs: Sequence[FillJob]) -> list[Work]:
        """The frames with their damage filled, one a job."""
        groups = [self._groups(job) for job in jobs]
        fills = iter(self._through_network([group for of_frame in groups for group in of_frame]))
        return [
            self._written(job, of_frame, [next(fills) for _ in of_frame])
            for job, of_frame in zip(jobs, groups, strict=True)
        ]

    def _groups(self, job: FillJob) -> list[Group]:
        before, after = ([self._sight(one, job) for one in side] for side in (job.before, job.after))
        centre = self._sight(job.centre, job)
        groups = Carried(centre, before, after, self._finder).groups(batched_boxes(job.centre.mask, MARGIN_PX))
        if self._own is not None:
            for group in groups:
                steady = steadied(centre, (*before, *after), group.boxes)
                group.candidates[:, -1] = np.stack(steady).transpose(0, 3, 1, 2)
        return groups

    def _sight(self, frame: Masked, job: FillJob) -> Sight:
        alone = not (job.before or job.after)
        return Sight(frame, self._own or partial(continued_around, fine=alone))

    def _through_network(self, groups: list[Group]) -> list[Floats]:
        """The fill of each group, `(N, C, h, w)`; boxes of one size of all groups together."""
        by_size: dict[tuple[int, ...], list[int]] = {}
        for number, group in enumerate(groups):
            by_size.setdefault(group.mask.shape[1:], []).append(number)
        filled: dict[int, list[Floats]] = {number: [] for number in range(len(groups))}
        for (height, width), numbers in by_size.items():
            waiting = [(number, box) for number in numbers for box in groups[number].for_network()]
            most = max(self._most_px // (height * width), 1)
            for first in range(0, len(waiting), most):
                batch = waiting[first : first + most]
                made = self._repairer.fill([box for _, box in batch])
                for (number, _), fill in zip(batch, made, strict=True):
                    filled[number].append(fill)
        return [self._in_channels(np.stack(filled[number]), group) for number, group in enumerate(groups)]

    def _in_channels(self, fill: Floats, group: Group) -> Floats:
        if group.picture.shape[1] == 1:
            fill = fill.mean(axis=1, keepdims=True)
        if self._own is None:
            return fill
        # Nothing else is known there, and the network need not guess: what is continued steadily stays steady.
        known = np.asarray(group.usable.any(axis=1))[:, None]
        return np.asarray(np.where(known, fill, group.candidates[:, -1]), np.float32)

    def _written(self, job: FillJob, groups: list[Group], fills: list[Floats]) -> Work:
        """The frame's own codes, with the fills rounded to codes inside its mask."""
        shown = job.centre.shown
        if self._grain > 0:
            parts = [FineParts.of(group, fill) for group, fill in zip(groups, fills, strict=True)]
            level = grain_level(self._sight(job.centre, job).continued, job.centre.mask, parts)
            fills = [
                with_grain(group, part, fill, level, frame=shown.index, amount=self._grain)
                for group, part, fill in zip(groups, parts, fills, strict=True)
            ]
        repaired = shown.work.copy()
        for group, fill in zip(groups, fills, strict=True):
            for number, box in enumerate(group.boxes):
                mask = group.mask[number]
                region = repaired[(slice(None), *box)]
                region[:, mask] = codes(fill[number][:, mask], shown.picture)
        return repaired


@cache
def loaded_repairer(means: Means) -> Repairer:
    """The repair network for these means, loaded once a process.

    Raises:
        ModelError: torch is not installed, or the weights are not those shipped.
    """
    from restoration_tasks.models.defects.load import load_repairer
    from restoration_tasks.models.own import Running

    # One thread a frame: frames are worked side by side, and the sums come out the same however many are.
    return load_repairer(threads=1, running=Running(device=means.device.value, half=means.half))
