"""Super-resolution true to its source: shrunk again, what a network enlarged gives the source.

Networks drift in colour and brightness and take grain for drawing. Back-projection (M. Irani, S. Peleg: "Improving
Resolution by Image Registration", CVGIP 1991) shrinks the result, looks at what differs from the source, and puts that
difference back, enlarged, until the rest is too small to see. What the network adds is then only what the scan could
not resolve.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.tiling import Tileable, tiled
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.spec import NumericProfile

Shares = NDArray[np.float32]
"""`(C, H, W)` float32, C is 1 (grey) or 3 (R, G, B); shares of the code range, 0–1."""

CODE = 1 / 255
"""A code value at 8 bits."""
ALLOWED_CODES = 1.0
"""How far the shrunk result may lie from the source, root mean square of a frame."""
AIM = 0.5
"""Share of that at which no more is done."""
MOST_ROUNDS = 20
"""Rounds after which a result that still differs is an error; 1 to 6 are usual."""


@dataclass(frozen=True)
class Enlarged:
    """A frame of more pixels."""

    picture: Shares
    """`(C, H · scale, W · scale)`."""
    differs_codes: float
    """How far it lies from the source when it is shrunk: root mean square, code values at 8 bits."""
    rounds: int
    """Back-projections it took."""
    profile: NumericProfile
    """What it was made by; the tile is smaller than asked where memory ran out."""


def enlarge(tileable: Tileable, source: Shares, profile: NumericProfile | None = None) -> Enlarged:
    """A frame enlarged by a network that takes one frame; arguments and errors as for `enlarge_run`."""
    return enlarge_run(tileable, [source], profile)[0]


def enlarge_run(
    tileable: Tileable,
    sources: Sequence[Shares],
    profile: NumericProfile | None = None,
) -> list[Enlarged]:
    """Frames of one shot enlarged together by a network that looks at all of them, each true to its source.

    Args:
        tileable: from `models.enlargers.load_enlarger`.
        sources: the frames, of one size. Memory and tiles are for all of them at once.
        profile: where and how exactly the network computes; the processor in single precision if None.

    Raises:
        ModelError: memory does not suffice, or what the network made cannot be brought back to the source.
    """
    drawn, used = drawn_larger(tileable, sources, profile or NumericProfile())
    return [brought_back(picture, source, tileable.scale, used) for picture, source in zip(drawn, sources, strict=True)]


def drawn_larger(
    tileable: Tileable, sources: Sequence[Shares], profile: NumericProfile, *, wanted: slice = slice(None)
) -> tuple[NDArray[np.float32], NumericProfile]:
    """What the network by itself makes of frames, not yet brought back to them.

    Args:
        tileable: from `models.enlargers.load_enlarger`.
        sources: the frames, of one size.
        profile: where and how exactly it computes.
        wanted: which of them are handed back; the others are only looked at, and take no memory enlarged.

    Returns:
        `(T, 3, H · scale, W · scale)`, grey as three channels, and the profile it was made by.

    Raises:
        ModelError: memory does not suffice, or what the network made is no picture.
    """
    shown = [source if len(source) == 3 else np.repeat(source, 3, axis=0) for source in sources]
    joined = np.ascontiguousarray(np.concatenate(shown), np.float32)
    made, used = tiled(_only(tileable, len(sources), wanted), joined, profile)
    if not np.isfinite(made).all():
        raise ModelError(
            "a network made something that is no picture",
            expected="numbers",
            found="not a number, or infinite",
            action="compute in single precision (REELKEEPER_PRECISION=float32), or use another network",
        )
    return made.reshape(-1, 3, *made.shape[1:]), used


def _only(tileable: Tileable, frames: int, wanted: slice) -> Tileable:
    """The same network, of whose frames only some are handed back."""
    first, stop, _ = wanted.indices(frames)
    if (first, stop) == (0, frames):
        return tileable
    network = tileable.network
    return replace(tileable, network=lambda shown: network(shown)[:, 3 * first : 3 * stop])


def brought_back(
    made: Shares,
    source: Shares,
    scale: int,
    used: NumericProfile,
    *,
    as_kept: Callable[[Shares], Shares] | None = None,
) -> Enlarged:
    """A frame that, shrunk again, is its source.

    Args:
        made: what a network drew, `(3, H · scale, W · scale)`.
        source: `(C, H, W)`.
        scale: how many times larger it is.
        used: what it was made by.
        as_kept: what is left of a picture when it is written and read again, where that is less: chroma of fewer
            samples takes the edges off colours.

    Raises:
        ModelError: it cannot be brought back.
    """
    if len(source) == 1:
        made = np.asarray(made.mean(axis=0, keepdims=True), np.float32)
    # YUV reaches beyond black and white; what the source holds there, its larger version may hold as well.
    low, high = min(0.0, float(source.min())), max(1.0, float(source.max()))
    picture = np.clip(made, low, high)
    for done in range(MOST_ROUNDS + 1):
        missing = source - shrunk(as_kept(picture) if as_kept else picture, scale)
        differs = float(np.sqrt(np.mean(np.square(missing, dtype=np.float64)))) / CODE
        if differs <= ALLOWED_CODES * AIM or (done == MOST_ROUNDS and differs <= ALLOWED_CODES):
            return Enlarged(picture, differs, done, used)
        picture = np.clip(picture + grown(missing, scale), low, high)
    raise ModelError(
        "what the network made of a frame does not go back to it",
        expected=f"at most {ALLOWED_CODES:g} code values of difference when it is shrunk",
        found=f"{differs:.2f} after {MOST_ROUNDS} rounds",
        action="enlarge with another network, or not at all",
    )


def shrunk(picture: Shares, scale: int) -> Shares:
    """A picture by so many times smaller, with bicubic weights spread over what each pixel covers."""
    _, height, width = picture.shape
    return _resized(picture, height // scale, width // scale)


def grown(picture: Shares, scale: int) -> Shares:
    """A picture by so many times larger, bicubic."""
    _, height, width = picture.shape
    return _resized(picture, height * scale, width * scale)


def _resized(picture: Shares, height: int, width: int) -> Shares:
    import torch
    from torch.nn import functional

    with torch.inference_mode():
        planes = torch.from_numpy(np.ascontiguousarray(picture, np.float32))[None]
        found = functional.interpolate(planes, (height, width), mode="bicubic", antialias=True, align_corners=False)
        out: Shares = found[0].numpy()
    return out
