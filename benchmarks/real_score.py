"""How well a detector's findings agree with a label mask, by objects and by pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.real_marks import DAMAGES, IGNORE, VALUES, Kind
from restoration_tasks.runtime.errors import WrongUse

OBJECT_SHARE = 0.4
"""Share of a labelled object's pixels that have to be found, and of a found object's that have to be labelled."""


@dataclass(frozen=True)
class Tally:
    """How many of how many. Tallies of several frames add up."""

    hits: int = 0
    of: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(self.hits + other.hits, self.of + other.of)

    @property
    def share(self) -> float:
        """0 to 1; nan where there was nothing to hit."""
        return self.hits / self.of if self.of else float("nan")


@dataclass(frozen=True)
class Score:
    """What a detector found of the labels, and how much of what it found is labelled. Frames' scores add up."""

    objects: dict[Kind, Tally]
    """Recall by kind: labelled objects found, of those labelled."""
    pixels: dict[Kind, Tally]
    """Recall by kind: labelled pixels found, of those labelled."""
    right_objects: Tally
    """Precision over all kinds: found objects that are labelled, of those found."""
    right_pixels: Tally
    """Precision over all kinds: found pixels that are labelled, of those found."""

    def __add__(self, other: Score) -> Score:
        return Score(
            objects={kind: self.objects[kind] + other.objects[kind] for kind in DAMAGES},
            pixels={kind: self.pixels[kind] + other.pixels[kind] for kind in DAMAGES},
            right_objects=self.right_objects + other.right_objects,
            right_pixels=self.right_pixels + other.right_pixels,
        )

    @property
    def object_recall(self) -> float:
        """Over all kinds, 0 to 1."""
        return sum(self.objects.values(), Tally()).share

    @property
    def pixel_recall(self) -> float:
        """Over all kinds, 0 to 1."""
        return sum(self.pixels.values(), Tally()).share


def objects_of(mask: NDArray[np.bool_]) -> tuple[int, NDArray[np.int32]]:
    """Connected areas (8 neighbours): how many, and the number of each pixel's, 0 outside."""
    count, areas = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return count - 1, np.asarray(areas, np.int32)


def score(found: NDArray[np.bool_], label: NDArray[np.uint8], slack_px: int = 1) -> Score:
    """Compare what a detector found with a label mask, by objects (connected areas) and by pixels.

    A labelled object is found when at least `OBJECT_SHARE` of its pixels are; a found object is right when at least
    that share of its pixels lies on labelled ones or within `slack_px` of them. Found pixels on ignored places, or
    within `slack_px` of them, count neither way unless they lie on a label or within its slack; a found object with
    nothing else counts neither way.

    Args:
        found: bool (H, W).
        label: uint8 (H, W) of `VALUES`.
        slack_px: how far beside a label a found pixel is not yet wrong, all eight ways.

    Raises:
        WrongUse: the two have not the same size.
    """
    if found.shape != label.shape:
        raise WrongUse("what was found has another size than the label", expected=label.shape, found=found.shape)
    near = np.ones((2 * slack_px + 1,) * 2, np.uint8)
    labelled = np.isin(label, [VALUES[kind] for kind in DAMAGES])
    right = found & (cv2.dilate(labelled.astype(np.uint8), near) > 0)
    counting = right | (found & (cv2.dilate((label == IGNORE).astype(np.uint8), near) == 0))
    objects, pixels = {}, {}
    for kind in DAMAGES:
        of_kind = label == VALUES[kind]
        count, areas = objects_of(of_kind)
        size = np.bincount(areas.ravel(), minlength=count + 1)[1:]
        hit = np.bincount(areas[found], minlength=count + 1)[1:]
        objects[kind] = Tally(int(np.sum(hit >= OBJECT_SHARE * size)), count)
        pixels[kind] = Tally(int(np.sum(found & of_kind)), int(of_kind.sum()))
    count, areas = objects_of(found)
    size = np.bincount(areas[counting], minlength=count + 1)[1:]
    hit = np.bincount(areas[right], minlength=count + 1)[1:]
    return Score(
        objects=objects,
        pixels=pixels,
        right_objects=Tally(int(np.sum((size > 0) & (hit >= OBJECT_SHARE * size))), int(np.sum(size > 0))),
        right_pixels=Tally(int(right.sum()), int(counting.sum())),
    )


def pooled(scores: Iterable[Score]) -> Score:
    """The scores of several frames as one; every object and pixel weighs the same."""
    empty = {kind: Tally() for kind in DAMAGES}
    return sum(scores, Score(empty, empty, Tally(), Tally()))
