"""Any network on a frame of any size within a memory budget: in tiles that overlap, halved where memory runs out."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.settings import Device
from restoration_tasks.runtime.spec import NumericProfile

if TYPE_CHECKING:
    from torch import Tensor, nn

SMALLEST_TILE_PX = 64
"""Below it a tile is mostly overlap: memory that does not suffice for this does not suffice."""
RESERVED = 0.8
"""Share of the free memory that tiles may take: libraries keep working memory that no accounting sees."""

OPENCV_NO_MEMORY = -4
"""`cv::Error::StsNoMem`."""
CONTAINER = Path("/sys/fs/cgroup")
"""Where Linux says how much memory a container may take (control groups, version 2)."""

Planes = NDArray[np.float32]
"""`(C, H, W)` float32, 0–1."""


@dataclass(frozen=True)
class Tileable:
    """A network from pictures to pictures, and what has to be known to cut its work into tiles."""

    network: Any
    """From `(B, C, H, W)` to `(B, c, H · scale, W · scale)`."""
    scale: int = 1
    """How many times larger its result is."""
    overlap_px: int = 32
    """Pixels of the frame around a tile that the network sees as well. From twice its reach on (how far a pixel has
    influence) tiles change nothing; where the reach is longer, tiles pass over into each other in the inner half."""
    multiple_px: int = 1
    """Sides the network takes."""


def tiled(
    tileable: Tileable,
    picture: Planes,
    profile: NumericProfile,
    *,
    progress: Callable[[int, int], None] | None = None,
    may_shrink: bool = True,
) -> tuple[Planes, NumericProfile]:
    """What a network makes of a picture.

    Args:
        tileable: the network, which lies on the profile's device in its precision.
        picture: `(C, H, W)`, 0–1.
        profile: where and how exactly, and the side of a tile without its overlap; 0 for the whole frame at once.
        progress: called with the tiles that are done and their number.
        may_shrink: whether to go on with smaller tiles where memory runs out; else that error is raised.

    Returns:
        `(c, H · scale, W · scale)` float32, and the profile it was made by: where memory ran out, the tile is smaller
        than asked. Other tiles may give other last bits, so who records results records this profile.

    Raises:
        ModelError: memory does not suffice for the smallest tile, or the device is not there.
    """
    _require_device(profile.device)
    while True:
        try:
            return _once(tileable, picture, profile, progress), profile
        except (MemoryError, RuntimeError) as error:
            if not (may_shrink and is_out_of_memory(error)):
                raise
            side = profile.tile_px or max(picture.shape[1:])
            if side // 2 < SMALLEST_TILE_PX:
                raise ModelError(
                    "memory does not suffice for a tile of a network",
                    expected=f"room for {side} by {side} pixels and {tileable.overlap_px} around",
                    found=str(error).splitlines()[0][:200],
                    action="free memory, use another device, or take a smaller network",
                ) from error
            profile = replace_tile(profile, side // 2)
        _release(profile.device)


def replace_tile(profile: NumericProfile, tile_px: int) -> NumericProfile:
    """The profile with another tile."""
    return profile.model_copy(update={"tile_px": tile_px})


def _once(
    tileable: Tileable, picture: Planes, profile: NumericProfile, progress: Callable[[int, int], None] | None
) -> Planes:
    import torch

    _, height, width = picture.shape
    scale, overlap = tileable.scale, tileable.overlap_px
    tile = profile.tile_px or max(height, width)
    dtype = getattr(torch, profile.precision)
    boxes = list(tile_boxes(height, width, tile))
    made: Planes | None = None
    weights = np.zeros((height * scale, width * scale), np.float32)
    for done, box in enumerate(boxes, 1):
        wide = box.grown(overlap, height, width, tileable.multiple_px)
        shown = _to_multiple(picture[:, wide.rows, wide.columns], tileable.multiple_px)
        with torch.inference_mode():
            out = tileable.network(torch.from_numpy(shown)[None].to(profile.device.value, dtype))
            result = out[0, :, : wide.height * scale, : wide.width * scale].float().cpu().numpy()
        if len(boxes) == 1:
            return np.ascontiguousarray(result)
        if made is None:
            made = np.zeros((len(result), *weights.shape), np.float32)
        weight = _weight(box, wide, scale)
        made[:, wide.scaled(scale).rows, wide.scaled(scale).columns] += result * weight
        weights[wide.scaled(scale).rows, wide.scaled(scale).columns] += weight
        if progress is not None:
            progress(done, len(boxes))
    assert made is not None
    made /= weights
    return made


@dataclass(frozen=True)
class Box:
    """Part of a frame."""

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its lines."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns."""
        return slice(self.left, self.left + self.width)

    def grown(self, by_px: int, height: int, width: int, multiple_px: int = 1) -> Box:
        """The box and what is around it, inside a frame; it begins at a multiple of so many pixels, as the frame does.

        A network that takes pixels in groups would group others if it began between them.
        """
        top, left = (max(place - by_px, 0) // multiple_px * multiple_px for place in (self.top, self.left))
        bottom = min(self.top + self.height + by_px, height)
        right = min(self.left + self.width + by_px, width)
        return Box(top, left, bottom - top, right - left)

    def scaled(self, by: int) -> Box:
        """The same part of an enlarged frame."""
        return replace(self, top=self.top * by, left=self.left * by, height=self.height * by, width=self.width * by)


def tile_boxes(height: int, width: int, tile_px: int) -> Iterator[Box]:
    """Boxes of nearly one size that cover a frame, none with a side above `tile_px`."""
    for top, bottom in _cuts(height, tile_px):
        for left, right in _cuts(width, tile_px):
            yield Box(top, left, bottom - top, right - left)


def _cuts(length: int, tile_px: int) -> Iterator[tuple[int, int]]:
    count = -(-length // tile_px)
    places = [round(length * part / count) for part in range(count + 1)]
    yield from itertools.pairwise(places)


def _weight(box: Box, wide: Box, scale: int) -> Planes:
    """How much a tile counts at each pixel: 1 inside, falling to nothing at the rim.

    The outer half of the overlap counts for nothing, for what lies beyond the tile is missing there; in the inner half
    one tile passes over into the next.
    """
    return np.outer(
        _ramp(box.top - wide.top, box.height, wide.top + wide.height - box.top - box.height, scale),
        _ramp(box.left - wide.left, box.width, wide.left + wide.width - box.left - box.width, scale),
    ).astype(np.float32)


def _ramp(before: int, inside: int, after: int, scale: int) -> NDArray[np.float64]:
    length = (before + inside + after) * scale
    place = np.arange(length) + 0.5
    weight = np.ones(length)
    for overlap, far in ((before * scale, place), (after * scale, length - place)):
        if overlap:
            weight = np.minimum(weight, np.clip(far / overlap * 2 - 1, 1e-6, 1))
    return weight


def _to_multiple(planes: Planes, multiple_px: int) -> Planes:
    below, right = ((-side) % multiple_px for side in planes.shape[1:])
    return np.ascontiguousarray(np.pad(planes, ((0, 0), (0, below), (0, right)), mode="edge"))


def _require_device(device: Device) -> None:
    import torch

    if device is Device.CUDA and not torch.cuda.is_available():
        raise ModelError(
            "there is no GPU that torch can use",
            expected="a CUDA device",
            found="none",
            action="set REELKEEPER_DEVICE=cpu, or run where there is one",
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether a computation ended for want of memory: Python's, torch's on either device, OpenCV's."""
    if isinstance(error, MemoryError):
        return True
    # Whoever raised one of torch's errors has loaded torch; where it is missing there are none.
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return "can't allocate memory" in str(error) or getattr(error, "code", None) == OPENCV_NO_MEMORY


def _release(device: Device) -> None:
    import torch

    if device is Device.CUDA:
        torch.cuda.empty_cache()


def free_bytes(device: Device) -> int:
    """Memory that is free where a network computes; in a container, what its limit leaves."""
    _require_device(device)
    if device is Device.CUDA:
        import torch

        return int(torch.cuda.mem_get_info()[0])
    import psutil

    free = int(psutil.virtual_memory().available)
    try:
        limit, used = ((CONTAINER / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return free
    return free if limit == "max" else min(free, max(int(limit) - int(used), 0))


# -- accounting --------------------------------------------------------------------------------------------------------


def peak_bytes(network: nn.Module, shape: tuple[int, ...], *, half: bool = False) -> int:
    """The most memory a network holds at once for a picture of a size, its weights included; nothing is computed.

    The network runs on torch's `meta` device, which has shapes and no numbers, and every result is counted from when it
    is made to when nothing needs it. What libraries take to compute a convolution comes on top.

    Args:
        network: on any device; it is copied, not changed.
        shape: `(B, C, H, W)` that it is shown.
        half: whether it computes in half precision.
    """
    import copy

    import torch

    from restoration_tasks.models.held import Held

    dtype = torch.float16 if half else torch.float32
    ghost = copy.deepcopy(network).to("meta", dtype)
    own: int = sum(tensor.numel() * tensor.element_size() for tensor in ghost.state_dict().values())
    with torch.inference_mode(), Held() as held:
        shown: Tensor = torch.empty(shape, dtype=dtype, device="meta")
        ghost(shown)
    return own + int(held.most)


def tile_for(tileable: Tileable, channels: int, budget_bytes: int, *, largest_px: int, half: bool = False) -> int:
    """The largest tile that stays inside a memory budget, a multiple of 16 pixels.

    Args:
        tileable: the network.
        channels: of the picture.
        budget_bytes: what there is; a part of it is kept back for what libraries take.
        largest_px: the longer side of the frame; no larger tile is tried.
        half: whether it computes in half precision.

    Raises:
        ModelError: the smallest tile does not fit.
    """

    def fits(tile_px: int) -> bool:
        side = -(-(tile_px + 2 * tileable.overlap_px) // tileable.multiple_px) * tileable.multiple_px
        return peak_bytes(tileable.network, (1, channels, side, side), half=half) <= budget_bytes * RESERVED

    low, high = SMALLEST_TILE_PX // 16, -(-largest_px // 16)
    if not fits(low * 16):
        raise ModelError(
            "memory does not suffice for the smallest tile of a network",
            expected=f"room for {low * 16} pixels and {tileable.overlap_px} around",
            found=f"{budget_bytes / 2**20:.0f} MiB",
            action="free memory, or take a smaller network",
        )
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(middle * 16) else (low, middle - 1)
    return low * 16
