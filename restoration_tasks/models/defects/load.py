"""The two networks with the weights that ship with Reelkeeper, checked by digest, ready to be used on pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.candidates import Around, fill_candidates
from restoration_tasks.models.defects.features import detector_features
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.models.defects.motion import FlowFinder, Following, Mask, Picture
from restoration_tasks.models.defects.tensors import unpack
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.files import sha256_file

if TYPE_CHECKING:
    from torch import nn

FOLDER = Path(__file__).parent
THRESHOLDS = {defect: f"threshold_{defect}" for defect in Defect}
"""Names of the default thresholds in the detector's metadata."""


class Weights(StrEnum):
    """The files of weights."""

    DETECTOR = "detector.safetensors"
    FUSION = "fusion.safetensors"


UNCHOSEN = 0.5
"""Threshold of weights for which none was chosen yet."""

SHIPPED_SHA256 = {
    Weights.DETECTOR: "261c4cd36dcdb0a7000c39076b8ec0e1d034168163a05dcafb81720f363ce54f",
    Weights.FUSION: "44d7af87ec72cff2dfdf36f6ca0fc4bb2e6255cd7798c8b8b60975ab5edabd75",
}
"""Digests of the weights in the package; they enter the signature of every step that uses them."""


@dataclass(frozen=True)
class Detector:
    """The loaded detector. One a thread: it keeps working memory."""

    network: Any
    sha256: str
    """Digest of its weights."""
    thresholds: Mapping[Defect, float]
    """Probability from which a pixel counts as damaged unless asked otherwise; chosen on validation clips only."""
    finder: FlowFinder

    def detect(self, centre: Picture, before: Sequence[Picture], after: Sequence[Picture]) -> NDArray[np.float32]:
        """Where a frame is damaged.

        Args:
            centre: `(C, H, W)` float32, R, G, B or grey, 0–1; any size.
            before: up to two distinct frames of the same shot before it, nearest first, of the same shape.
            after: up to two after it, nearest first. With no neighbour at all only lines can be found.

        Returns:
            `(3, H, W)` float32, 0–1: probability of dirt, hair and scratch, in the order of `kinds.Defect`.
        """
        import torch

        from restoration_tasks.models.defects.networks import padded

        features = torch.from_numpy(detector_features(centre, before, after, self.finder))
        height, width = centre.shape[1:]
        with torch.inference_mode():
            planes = padded(features[None]).contiguous(memory_format=torch.channels_last)
            maps = torch.sigmoid(self.network(planes))[0, :, :height, :width]
        return np.ascontiguousarray(maps.numpy(), np.float32)


@dataclass(frozen=True)
class Repairer:
    """The loaded repair network. One a thread: it keeps working memory."""

    network: Any
    sha256: str
    """Digest of its weights."""
    finder: FlowFinder

    def repair(self, centre: Picture, mask: Mask, around: Around) -> Picture:
        """A frame with its damage filled.

        Args:
            centre: `(C, H, W)` float32, R, G, B or grey, 0–1; any size.
            mask: what to fill, `(H, W)`.
            around: its neighbours and their damage.

        Returns:
            `(C, H, W)` float32; outside the mask the very numbers of `centre`.
        """
        if not mask.any():
            return centre.copy()
        import torch

        from restoration_tasks.models.defects.networks import padded

        made = fill_candidates(centre, mask, around, self.finder)
        height, width = mask.shape
        with torch.inference_mode():
            candidates = padded(torch.from_numpy(made.candidates))[None]
            usable = padded(torch.from_numpy(made.usable)[None])
            hole = padded(torch.from_numpy(mask.astype(np.float32))[None, None])
            filled = self.network(candidates, usable, hole)[0, :, :height, :width].numpy()
        if centre.shape[0] == 1:
            filled = filled.mean(axis=0, keepdims=True)
        repaired = centre.copy()
        repaired[:, mask] = np.clip(filled[:, mask], 0.0, 1.0)
        return repaired


def load_detector(weights: Path | None = None, *, threads: int | None = None) -> Detector:
    """The detector.

    Args:
        weights: a file of one's own training; the shipped one, whose digest is checked, if None.
        threads: processor threads torch may use; as torch has it, if None.

    Raises:
        ModelError: torch is not installed, or the weights are missing, damaged, or other than those shipped.
    """
    networks = _networks()
    path, sha256 = _checked(Weights.DETECTOR, weights)
    network = networks.DefectNet(fused=True)
    metadata = _fill(network, path, threads)
    import torch

    network.to(memory_format=torch.channels_last)
    thresholds = {defect: float(metadata.get(name, UNCHOSEN)) for defect, name in THRESHOLDS.items()}
    return Detector(network, sha256, thresholds, FlowFinder(Following.SMALL))


def load_repairer(weights: Path | None = None, *, threads: int | None = None) -> Repairer:
    """The repair network; arguments and errors as for `load_detector`."""
    networks = _networks()
    path, sha256 = _checked(Weights.FUSION, weights)
    network = networks.FusionNet(fused=True)
    _fill(network, path, threads)
    return Repairer(network, sha256, FlowFinder(Following.STIFF))


def found_mask(maps: NDArray[np.float32], thresholds: Mapping[Defect, float]) -> Mask:
    """What is to be repaired: where a map reaches its threshold, and one pixel around for the soft edge.

    Args:
        maps: `(3, H, W)`, 0–1, of `Detector.detect`.
        thresholds: by kind, 0–1.

    Returns:
        `(H, W)` bool.
    """
    sure = np.logical_or.reduce([found >= thresholds[defect] for defect, found in zip(Defect, maps, strict=True)])
    return np.asarray(cv2.dilate(sure.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)


def _networks() -> ModuleType:
    """The module of the networks, whose import takes torch along."""
    try:
        from restoration_tasks.models.defects import networks
    except ImportError as error:
        raise ModelError(
            "the damage networks need torch",
            expected="the vision extra",
            found=error,
            action="install it (pip install 'reelkeeper[vision]')",
        ) from error
    return networks


def _checked(kind: Weights, own: Path | None) -> tuple[Path, str]:
    path = FOLDER / kind if own is None else own
    if not path.is_file():
        raise ModelError(
            "the weights of a damage network are missing",
            file=path,
            expected=kind.value,
            found="no file",
            action="install Reelkeeper again, or train them: reelkeeper train defects",
        )
    found, _ = sha256_file(path)
    if own is None and found != SHIPPED_SHA256[kind]:
        raise ModelError(
            "the weights of a damage network are not the ones this version knows",
            file=path,
            expected=SHIPPED_SHA256[kind],
            found=found,
            action="install Reelkeeper again; to use weights of your own, name their file",
        )
    return path, found


def _fill(network: nn.Module, path: Path, threads: int | None) -> dict[str, str]:
    """Put the weights of a file into a network and make it ready for use; the file's metadata."""
    import torch

    tensors, metadata = unpack(path.read_bytes())
    try:
        network.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()})
    except RuntimeError as error:
        raise ModelError(
            "the weights are those of another network",
            file=path,
            found=str(error).splitlines()[0],
            action="name weights trained by this version",
        ) from error
    if threads is not None:
        torch.set_num_threads(threads)
    network.eval()
    return metadata
