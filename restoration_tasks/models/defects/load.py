"""The two networks with the weights that ship with Reelkeeper, checked by digest, ready to be used on pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.models.defects.candidates import FillCandidates, Sheet, Surroundings
from restoration_tasks.models.defects.features import Features, Look, MotionFinder, detector_features
from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.models.defects.motion import Flow, FlowFinder, Following, Mask, Picture
from restoration_tasks.models.needs_torch import needs_torch
from restoration_tasks.models.own import Running, checked, ready

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
    Weights.DETECTOR: "38e6bb55bdbb739e74916814a79f5070557eb425efb74e63ef640460af08db1d",
    Weights.FUSION: "d82612670e0f5b745e925733f2ff3010077f9b4e5e3afee5926d4026bdd06269",
}
"""Digests of the weights in the package; they enter the signature of every step that uses them."""


@dataclass(frozen=True)
class Detection:
    """What the detector says of one frame."""

    maps: NDArray[np.float32]
    """`(3, H, W)`, 0–1: probability of dirt, hair and scratch, in the order of `kinds.Defect`."""
    motion: Flow | None
    """`(H, W, 2)`: displacement of every pixel into the nearest frame before, else after; None without neighbours."""


@dataclass(frozen=True)
class Detector:
    """The loaded detector. One a thread: it keeps working memory."""

    network: Any
    sha256: str
    """Digest of its weights."""
    thresholds: Mapping[Defect, float]
    """Probability from which a pixel counts as damaged unless asked otherwise; chosen on validation clips only."""
    running: Running = field(default_factory=Running)
    finder: MotionFinder = field(default_factory=MotionFinder)

    def look(self, picture: Picture) -> Look:
        """A frame as the detector looks at it; keep it as long as the frame is a neighbour.

        Args:
            picture: `(C, H, W)` float32, R, G, B or grey, 0–1; any size.
        """
        return Look.of(picture)

    def features(self, centre: Look, before: Sequence[Look], after: Sequence[Look]) -> Features:
        """What the network is shown of a frame; arguments as for `detect`."""
        return detector_features(centre, before, after, self.finder)

    def detect(self, centre: Look, before: Sequence[Look], after: Sequence[Look]) -> Detection:
        """Where a frame is damaged.

        Args:
            centre: the frame.
            before: up to two distinct frames of the same shot before it, nearest first, of the same shape.
            after: up to two after it, nearest first. With no neighbour at all only lines can be found.
        """
        return self.found([self.features(centre, before, after)], centre.shape)[0]

    def found(self, features: Sequence[Features], shape: tuple[int, int]) -> list[Detection]:
        """What the network says of frames of one size.

        Args:
            features: one a frame; they go through the network together.
            shape: height and width of the frames themselves.
        """
        import torch

        from restoration_tasks.models.defects.networks import padded

        height, width = features[0].planes.shape[1:]
        with torch.inference_mode():
            shown = features[0].planes[None] if len(features) == 1 else np.stack([one.planes for one in features])
            planes = padded(self.running.put(shown))
            maps = torch.sigmoid(self.network(planes)[:, :, :height, :width].float()).cpu().numpy()
        return [
            Detection(_grown(found, shape), _grown_flow(one.motion, shape))
            for one, found in zip(features, maps, strict=True)
        ]


def _grown(maps: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Maps of a picture looked at in half size, at its own."""
    if maps.shape[1:] == shape:
        return np.ascontiguousarray(maps, np.float32)
    size = (shape[1], shape[0])
    return np.stack([cv2.resize(found, size, interpolation=cv2.INTER_LINEAR) for found in maps])


def _grown_flow(flow: Flow | None, shape: tuple[int, int]) -> Flow | None:
    if flow is None or flow.shape[:2] == shape:
        return flow
    scale = np.array([shape[1] / flow.shape[1], shape[0] / flow.shape[0]], np.float32)
    return np.asarray(cv2.resize(flow, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR) * scale, np.float32)


@dataclass(frozen=True)
class Repairer:
    """The loaded repair network. One a thread: it keeps working memory."""

    network: Any
    sha256: str
    """Digest of its weights."""
    running: Running = field(default_factory=Running)
    finder: FlowFinder = field(default_factory=lambda: FlowFinder(Following.STIFF))

    def surroundings(self, centre: Sheet, before: Sequence[Sheet], after: Sequence[Sheet]) -> Surroundings:
        """A frame with its neighbours, from which boxes are filled; arguments as for `repair`."""
        return Surroundings(centre, before, after, self.finder)

    def fill(self, boxes: Sequence[FillCandidates]) -> list[NDArray[np.float32]]:
        """Fill boxes of one size together.

        Args:
            boxes: their candidates, all of one height and width.

        Returns:
            `(3, h, w)` float32 a box, 0–1; meant to be used inside its mask.
        """
        import torch

        from restoration_tasks.models.defects.networks import padded

        height, width = boxes[0].mask.shape
        count = len(boxes)
        # torch computes one picture alone in another way, whose last bits differ; a fill must not depend on company.
        boxes = [*boxes, *boxes] if count == 1 else boxes
        with torch.inference_mode():
            candidates = self.running.put(np.stack([box.candidates for box in boxes]))
            usable = padded(self.running.put(np.stack([box.usable for box in boxes])))
            hole = padded(self.running.put(np.stack([box.mask[None] for box in boxes])))
            flat = padded(candidates.flatten(1, 2))
            apart = flat.reshape(*candidates.shape[:3], *flat.shape[-2:])
            filled = self.network(apart, usable, hole)[:, :, :height, :width].float().clamp(0, 1).cpu().numpy()
        return list(filled[:count])

    def repair(self, centre: Sheet, before: Sequence[Sheet], after: Sequence[Sheet]) -> Picture:
        """A whole frame with its damage filled.

        Args:
            centre: the frame.
            before: up to two distinct frames of the same shot before it, nearest first, of the same shape.
            after: up to two after it, nearest first.

        Returns:
            `(C, H, W)` float32; outside the mask the very numbers of the frame.
        """
        repaired, mask = centre.picture.copy(), centre.mask
        if not mask.any():
            return repaired
        filled = self.fill([self.surroundings(centre, before, after).whole()])[0]
        if repaired.shape[0] == 1:
            filled = filled.mean(axis=0, keepdims=True)
        repaired[:, mask] = filled[:, mask]
        return repaired


def load_detector(
    weights: Path | None = None, *, threads: int | None = None, running: Running | None = None
) -> Detector:
    """The detector.

    Args:
        weights: a file of one's own training; the shipped one, whose digest is checked, if None.
        threads: processor threads torch may use; as torch has it, if None.
        running: where and how exactly it computes; on the processor in single precision, if None.

    Raises:
        ModelError: torch is not installed, or the weights are missing, damaged, or other than those shipped.
    """
    networks = _networks()
    path, sha256 = _checked(Weights.DETECTOR, weights)
    network = networks.DefectNet(fused=True)
    running = running or Running()
    metadata = ready(network, path, threads, running)
    thresholds = {defect: float(metadata.get(name, UNCHOSEN)) for defect, name in THRESHOLDS.items()}
    return Detector(network, sha256, thresholds, running)


def load_repairer(
    weights: Path | None = None, *, threads: int | None = None, running: Running | None = None
) -> Repairer:
    """The repair network; arguments and errors as for `load_detector`."""
    networks = _networks()
    path, sha256 = _checked(Weights.FUSION, weights)
    network = networks.FusionNet(fused=True)
    running = running or Running()
    ready(network, path, threads, running)
    return Repairer(network, sha256, running)


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
    with needs_torch("the damage networks need"):
        from restoration_tasks.models.defects import networks
    return networks


def _checked(kind: Weights, own: Path | None) -> tuple[Path, str]:
    return checked(FOLDER / kind, SHIPPED_SHA256[kind], own, train="reelkeeper train defects")
