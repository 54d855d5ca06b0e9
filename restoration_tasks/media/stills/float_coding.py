"""Codes for floating-point pictures that keep order and every bit, so that integer codecs and treatments can take them.

A half (IEEE 754 binary16) becomes a 16-bit code that grows with its value; no two halves share a code. Since a half's
bits grow with its exponent first, the codes are nearly logarithmic in light, as a film scan's densities are.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from restoration_tasks.runtime.errors import MediaError

Codes = npt.NDArray[np.uint16]
"""Ordered codes 0 to 65535: 0x8000 is +0, below it lie the negative values."""

_SIGN = 0x8000
_TOP = 0xFFFF
LOWEST_FINITE = 0x0400
"""Code of the lowest finite half, -65504."""
HIGHEST_FINITE = 0xFBFF
"""Code of the highest finite half, 65504."""


def to_codes(values: npt.NDArray[np.float16]) -> Codes:
    """Ordered codes of halves: greater values have greater codes, and -0 lies just below +0."""
    bits = values.view(np.uint16)
    return np.where(bits & _SIGN, ~bits, bits | _SIGN).astype(np.uint16)


def to_half(codes: Codes) -> npt.NDArray[np.float16]:
    """The halves that `to_codes` made codes of, bit for bit."""
    bits = np.where(codes & _SIGN, codes & (_SIGN - 1), ~codes).astype(np.uint16)
    return bits.view(np.float16)


@dataclass(frozen=True)
class FloatCoding:
    """Stretches the codes a reel uses over the whole 16-bit range, so that treatments see the contrast there is.

    `unstretch(stretch(codes)) == codes` for all codes in the range, because stretched codes lie at least one apart.
    """

    low: int
    """Lowest ordered code, which becomes 0."""
    high: int
    """Highest ordered code, which becomes 65535."""

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= _TOP:
            raise MediaError(
                "the range of a float coding is wrong",
                expected="0 ≤ low ≤ high ≤ 65535",
                found=f"{self.low}, {self.high}",
            )

    def stretch(self, codes: Codes) -> Codes:
        """Codes over the whole range.

        Raises:
            MediaError: a code lies outside `low` to `high`.
        """
        if codes.size and (int(codes.min()) < self.low or int(codes.max()) > self.high):
            raise MediaError(
                "a picture leaves the range of its reel's float coding",
                expected=f"{self.low} to {self.high}",
                found=f"{int(codes.min())} to {int(codes.max())}",
                action="check whether the delivery changed while it was read in, then ingest it again",
            )
        return _scaled(codes.astype(np.uint32) - np.uint32(self.low), _TOP, max(self.high - self.low, 1))

    def unstretch(self, stretched: Codes) -> Codes:
        """The ordered codes nearest to stretched ones; all of them lie in `low` to `high`."""
        within = _scaled(stretched.astype(np.uint32), self.high - self.low, _TOP)
        return (within + np.uint16(self.low)).astype(np.uint16)

    def as_json(self) -> str:
        """One line of JSON."""
        return json.dumps({"coding": "half-ordered/1", "high": self.high, "low": self.low}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read `as_json`.

        Raises:
            MediaError: it is not one.
        """
        try:
            record = json.loads(text)
            if record["coding"] != "half-ordered/1":
                raise ValueError(record["coding"])
            return cls(int(record["low"]), int(record["high"]))
        except (ValueError, KeyError, TypeError) as error:
            raise MediaError("not a record of a float coding", found=text, action="ingest the reel again") from error


def _scaled(values: npt.NDArray[np.uint32], times: int, over: int) -> Codes:
    """`values * times / over`, rounded to nearest. 65535 * 65535 + 32767 still fits 32 bits."""
    return ((values * np.uint32(times) + np.uint32(over // 2)) // np.uint32(over)).astype(np.uint16)
