"""Do a frame's pieces lie where the scene moves in ways that nobody can follow? Dirt falls anywhere on the film.

Pieces of dirt are spread evenly over a picture, whatever is in it. Limbs, wheels and leaves that were not followed lie
close together, where what surrounds them is explained badly too. How many pieces there are where motion is followed
best says how many to expect elsewhere; of what is more than that most is false. This is the local false discovery rate
(B. Efron: "Large-Scale Inference", 2010, chapter 5), with the frames' own calm half as the null.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from restoration_tasks.assessment.dirt import CALM, Pieces, raised
from restoration_tasks.assessment.recurrence import HALF, Doubles

EDGES = np.array([CALM, 0.75, 0.9, 0.97])
"""The picture by how badly it is explained: its calm half, and four parts of the rest, each worse than the last."""
SHARES = np.diff(EDGES, prepend=0.0, append=1.0)
Counts = npt.NDArray[np.float64]
"""`(5,)` pieces in each part of the picture."""


@dataclass(frozen=True)
class UnrestLimits:
    """When there are too many pieces in a part of the picture.

    Chosen on training clips and the validation clip, thinned to every third and sixth frame, at 720, 320 and 176 pixels
    width: of the area found on clean ones 22 % is left; of dirt over 0.03 to 2 % of them 99.9 %.
    """

    prior: float = 0.5
    """Pieces that are taken to be in the calm half beside those found there."""
    usual: float = 1.5
    """So many times as many as expected are no reason to doubt."""
    bar: float = 3.0
    """Logits by which the bar rises with each doubling beyond that."""


def counted(several: Iterable[Pieces]) -> Counts:
    """How many pieces that count lie in each part of their pictures."""
    counts = np.zeros(len(SHARES))
    for pieces in several:
        counts += np.bincount(_parts(pieces)[pieces.confidence >= HALF], minlength=len(SHARES))
    return counts


def spread_evenly(after: Doubles, pieces: Pieces, counts: Counts, limits: UnrestLimits) -> Doubles:
    """Confidences, less in those parts of the picture that have more pieces than its calm half lets expect.

    Args:
        after: `(n + 1,)` what other doubts left of them.
        pieces: they themselves.
        counts: of this frame and the frames around it, before any doubt.
        limits: how many are too many.
    """
    expected = (counts[0] + limits.prior) * SHARES / SHARES[0]
    bar = limits.bar * np.log2(np.maximum(counts / expected / limits.usual, 1.0))
    bar[0] = 0.0
    return after if not bar.any() else raised(after, bar[_parts(pieces)])


def _parts(pieces: Pieces) -> npt.NDArray[np.intp]:
    return np.searchsorted(EDGES, pieces.unrest, side="right")
