"""New frames between two frames, for large motion: RIFE and optical flow, mixed by a network of our own. Generative.

RIFE (Huang et al., ECCV 2022), shown the frames as they are and mirrored, and dense inverse search (Kroeger et al.,
ECCV 2016; from either frame) both look from coarse to fine, fail on different things, and are two guesses that
`network.BetweenNet` makes one frame of.
Neither frame may be from another shot: whoever calls knows the cuts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.media.picture import REC709
from restoration_tasks.models.own import knows_bfloat16
from restoration_tasks.runtime.errors import WrongUse

if TYPE_CHECKING:
    from torch import Tensor

    from restoration_tasks.models.between.guesses import Guess
    from restoration_tasks.models.between.network import Candidates
    from restoration_tasks.models.ifnet import IFNet

Shares = NDArray[np.float32]
"""`(C, H, W)` float32, C is 1 (grey) or 3 (R, G, B); shares of the code range, 0–1."""

MULTIPLE_PX = 16
"""Sides the network takes: its coarsest look is at a quarter, in steps of four."""
LEAST_PX = 48
"""Smallest side the optical flow's pyramid takes."""


@dataclass(frozen=True)
class Interpolator:
    """Makes frames between frames. One a thread: it keeps working memory."""

    network: Any
    """`models.ifnet.IFNet`, from `load_motion`."""
    mixer: Any = None
    """`models.between.network.BetweenNet`, from `models.between.load`; None where only candidates are asked for."""
    device: str = "cpu"
    """The torch device it lies on."""
    flow: Any = field(default_factory=lambda: cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM))

    @property
    def halved(self) -> bool:
        """Whether motion is looked for in half the precision."""
        return bool(next(self.network.parameters()).element_size() < 4)

    def between(self, before: Shares, after: Shares, share: float = 0.5) -> Shares:
        """A frame between two of one shot.

        Args:
            before: the frame before, `(C, H, W)`.
            after: the frame after, of the same shape.
            share: 0–1, how far it is from one to the other; at 0 and 1 the frames themselves are handed back.

        Raises:
            WrongUse: the frames differ in shape, or the share lies outside.
        """
        if before.shape != after.shape or before.ndim != 3 or before.shape[0] not in {1, 3} or not 0 <= share <= 1:
            raise WrongUse(
                "no frame can be made between these",
                expected="two frames of one shape, grey or R, G, B, and a share of 0 to 1",
                found=f"{before.shape}, {after.shape} and {share}",
            )
        if share in {0, 1}:
            return (after if share else before).copy()
        if self.mixer is None:
            raise WrongUse("this interpolator makes candidates and no frames", action="give it the mixing network")
        import torch

        height, width = before.shape[1:]
        with torch.inference_mode():
            seen = self.candidates(before, after, share)
            way = torch.full((1, 1, 1, 1), share, device=self.device)
            made = self.mixer(seen.frames, seen.belief, way)[0, :, :height, :width].clamp(0, 1).cpu().numpy()
        return made if len(before) == 3 else np.asarray(made.mean(axis=0, keepdims=True), np.float32)

    def candidates(self, before: Shares, after: Shares, share: float) -> Candidates:
        """What the mixing network chooses from; arguments as for `between`, sides grown to multiples of 16."""
        from restoration_tasks.models.between.network import Candidates

        return Candidates(*self._guesses(before, after, share), share)

    def _guesses(self, before: Shares, after: Shares, share: float) -> tuple[Tensor, Guess, Guess]:
        """The pair, grown and in colour, and what the network and optical flow say of it."""
        import torch

        from restoration_tasks.models.between.guesses import at_share, from_flows

        first, second = (_padded(frame) for frame in (before, after))
        pair = torch.from_numpy(np.concatenate((first, second)))[None].to(self.device)
        one, other = _analysis(first), _analysis(second)
        forth, back = self._flow(one, other), self._flow(other, one)
        return pair, at_share(self.network.looking_twice(pair), share), from_flows(forth, back, share)

    def _flow(self, one: NDArray[np.uint8], other: NDArray[np.uint8]) -> Tensor:
        import torch

        found = self.flow.calc(one, other, np.zeros((*one.shape, 2), np.float32))
        return torch.from_numpy(np.ascontiguousarray(found.transpose(2, 0, 1)))[None].to(self.device)


def _padded(frame: Shares) -> Shares:
    """`(3, H, W)`, grown to the right and below by repeating the edge."""
    channels = frame if len(frame) == 3 else np.repeat(frame, 3, axis=0)
    sides = [max(-(-side // MULTIPLE_PX) * MULTIPLE_PX, LEAST_PX) - side for side in frame.shape[1:]]
    return np.pad(np.asarray(channels, np.float32), ((0, 0), (0, sides[0]), (0, sides[1])), mode="edge")


def _analysis(frame: Shares) -> NDArray[np.uint8]:
    """8-bit luma to find motion on."""
    luma = sum(channel * np.float32(weight) for channel, weight in zip(frame, REC709, strict=True))
    return np.asarray(cv2.convertScaleAbs(np.asarray(luma, np.float32), alpha=255.0), np.uint8)


def models() -> dict[str, str]:
    """What an interpolator uses: name on the shelf to sha256."""
    from restoration_tasks.models import rife
    from restoration_tasks.models.between import load

    return {rife.NAME: rife.SHA256, load.NAME: load.SHA256}


def load_motion(device: str = "cpu") -> IFNet:
    """What looks for motion: RIFE from the shelf, in bfloat16 where the processor computes in it.

    It looks twice, which half the precision makes up for in time; on clips not learnt from the frames differ by less
    than 0.01 dB.

    Raises:
        ModelError: torch or the network is not installed, or it is another than pinned.
    """
    import torch

    from restoration_tasks.models.rife import NAME, load_rife
    from restoration_tasks.models.shelf.shelf import Shelf

    precision = torch.bfloat16 if device == "cpu" and knows_bfloat16() else torch.float32
    network: IFNet = load_rife(Shelf.of().require(NAME)[0])
    return network.to(device, precision, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def load_interpolator(device: str = "cpu") -> Interpolator:
    """An interpolator with the networks from the shelf.

    Raises:
        ModelError: torch or a network is not installed, or is another than pinned.
    """
    from restoration_tasks.models.between.load import load_between
    from restoration_tasks.models.own import Running

    return Interpolator(load_motion(device), load_between(running=Running(device)), device)
