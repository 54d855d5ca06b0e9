"""Whether sound and picture last equally long."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from restoration_tasks.media.delivery.delivery import Delivery
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.records import FrameRecord
from restoration_tasks.runtime.errors import DeliveryError

TOLERANCE_FRAMES = 2
"""Recorder and scanner start and stop a frame apart; what is longer off is another reel's sound or speed."""


def sound_length_findings(
    delivery: Delivery, records: Sequence[FrameRecord], fps: Fraction | None, missing: int = 0
) -> tuple[Finding, ...]:
    """A finding for sound that lasts longer or shorter than the picture, where the rate is known.

    Several files may be tracks beside each other or parts after each other; either fits.

    Args:
        delivery: what was found.
        records: good frames.
        fps: frames a second; else the headers' rate.
        missing: frames that are missing, so that their sound is not too much.
    """
    from restoration_tasks.media.sound.read import read_sound

    stated = records[0].header.fps if records else None
    rate = fps or (None if stated is None else Fraction(stated).limit_denominator(1001))
    if rate is None or delivery.sequence is None or not delivery.sound:
        return ()
    try:
        lengths = [read_sound(path).duration_s for path in delivery.sound]
    except DeliveryError:
        return ()  # told as damaged already
    frames = len(delivery.sequence) + missing
    wanted, tolerance = frames / rate, TOLERANCE_FRAMES / rate
    off = [length for length in lengths if abs(length - wanted) > tolerance]
    if not off or abs(sum(lengths) - wanted) <= tolerance:
        return ()
    return (
        Finding(
            Grade.WARN,
            Rule.SOUND_LENGTH,
            "sound and picture do not last equally long",
            file=delivery.sound[lengths.index(off[0])].relative_to(delivery.root).as_posix(),
            count=len(off),
            expected=f"{float(wanted):.2f} seconds ({frames} frames at {rate} a second)",
            found=f"{float(off[0]):.2f} seconds",
            action="check that the sound is this reel's, and its speed",
        ),
    )
