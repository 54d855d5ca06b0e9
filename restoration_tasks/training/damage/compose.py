"""Several kinds of damage on one clip, each with a seed of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from restoration_tasks.training.damage.base import DamagedFrame, FrameDamage, Picture, age_stream


@dataclass(frozen=True)
class Damage:
    """Kinds of damage in the order the film met them.

    A natural order: grain and fade (the emulsion), flicker and weave (camera and printer), stain, scratch, dirt and
    hair (the print's life), tear, missing frames. Later ones lie on top; weave and tears carry along what was there.
    """

    kinds: Sequence[FrameDamage]
    """The damages; several of one kind are allowed (their masks are united)."""
    seed: int = 0
    """Seed of the whole; each damage works with a seed made from this, its own, and its place in the order."""

    def seeded(self) -> list[FrameDamage]:
        """The damages with the seeds they work with."""
        return [
            replace(kind, seed=int(np.random.SeedSequence((self.seed, kind.seed, place)).generate_state(1)[0]))
            for place, kind in enumerate(self.kinds)
        ]

    def apply(
        self, frames: Iterable[Picture], *, bit_depth: int | None = None, first: int = 0
    ) -> Iterator[DamagedFrame]:
        """Damage a stream of clean frames, one at a time; see `FrameDamage.apply`."""
        yield from age_stream(frames, self.seeded(), bit_depth=bit_depth, first=first)
