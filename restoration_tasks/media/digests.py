"""Digests of the frames of a reel kept as bytes: 16 for an md5, of which its text takes 81, and there are many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload


class PackedDigests(Sequence[str]):
    """Digests of one algorithm in order: a sequence of lower-case hex texts, made anew wherever one is asked for.

    Equal to any sequence of the same texts.

    Args:
        digests: the first ones.
    """

    __slots__ = ("_bytes", "_each")

    def __init__(self, digests: Iterable[str] = ()) -> None:
        self._bytes, self._each = bytearray(), 0
        for digest in digests:
            self.append(digest)

    def append(self, digest: str) -> None:
        """Take one more.

        Raises:
            ValueError: it is no digest, or one of another algorithm than the first.
        """
        raw = bytes.fromhex(digest)
        self._each = self._each or len(raw)
        if not raw or len(raw) != self._each:
            raise ValueError(f"not a digest of {self._each} bytes: {digest!r}")
        self._bytes += raw

    def __len__(self) -> int:
        return len(self._bytes) // self._each if self._each else 0

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> PackedDigests: ...

    def __getitem__(self, place: int | slice) -> str | PackedDigests:
        if isinstance(place, slice):
            return PackedDigests(self[one] for one in range(*place.indices(len(self))))
        first = range(len(self))[place] * self._each  # refuses what lies beyond, counts from the end below 0
        return self._bytes[first : first + self._each].hex()

    def __iter__(self) -> Iterator[str]:
        return (self._bytes[first : first + self._each].hex() for first in range(0, len(self._bytes), self._each or 1))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PackedDigests):
            return self._bytes == other._bytes and self._each == other._each
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == its for one, its in zip(self, other, strict=True))

    __hash__: Any = None  # it grows
