"""What counts as a frame rate where a person or a file states one: a whole number or a fraction, kept exactly."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated

from pydantic import AfterValidator

PATTERN = r"^[1-9]\d{0,5}(/[1-9]\d{0,4})?$"
"""Of its text: `24`, `50/3`, `24000/1001`, `30000/1001`. Decimals are refused: 23.976 stands for another fraction than
24000/1001, and is two frames off after a day."""
SLOWEST, FASTEST = Fraction(1), Fraction(1000)
"""Frames a second that a scan may have; silent film ran at 12 and more, a high-speed camera's film is shown slower."""


def frame_rate(text: str) -> Fraction:
    """Read a rate.

    Raises:
        ValueError: it is written otherwise, or is none that film has.
    """
    if not re.match(PATTERN, text) or text.endswith("\n"):
        raise ValueError(f"a frame rate is a whole number or a fraction such as 24000/1001, and {text!r} is neither")
    rate = Fraction(text)
    if not SLOWEST <= rate <= FASTEST:
        raise ValueError(f"a frame rate lies between {SLOWEST} and {FASTEST}, and {text} does not")
    return rate


FrameRate = Annotated[str, AfterValidator(lambda text: str(frame_rate(text)))]
"""A rate as it is written down, exactly, and one way only: `48000/2002` becomes `24000/1001`."""
