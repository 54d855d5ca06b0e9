"""Stream frames with their neighbours; memory holds one window, however long the reel is."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from restoration_tasks.runtime.errors import WrongUse

Item = TypeVar("Item")


def windows(frames: Iterable[Item], radius: int) -> Iterator[tuple[int, Mapping[int, Item]]]:
    """Each frame with its neighbours up to `radius` frames away.

    Args:
        frames: the frames of one shot, in order (no window looks across a cut: give one shot at a time).
        radius: neighbours on each side, 0 or more.

    Yields:
        `(index, {offset: frame})`: offset 0 is the frame itself, -1 the one before; offsets beyond the ends are absent.

    Raises:
        WrongUse: a negative radius.

    >>> [(i, dict(w)) for i, w in windows("abc", 1)]
    [(0, {0: 'a', 1: 'b'}), (1, {-1: 'a', 0: 'b', 1: 'c'}), (2, {-1: 'b', 0: 'c'})]
    """
    if radius < 0:
        raise WrongUse("a window's radius is 0 or more", expected="0 or more", found=radius)
    source = iter(frames)
    held: deque[Item] = deque()
    first = index = 0
    exhausted = False
    while True:
        while not exhausted and first + len(held) <= index + radius:
            try:
                held.append(next(source))
            except StopIteration:
                exhausted = True
        if index >= first + len(held):
            return
        yield index, {first + place - index: item for place, item in enumerate(held)}
        index += 1
        if index - first > radius:
            held.popleft()
            first += 1
