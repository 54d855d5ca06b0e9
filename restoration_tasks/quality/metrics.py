"""Full-reference picture metrics: PSNR, SSIM and VMAF of a result against a known truth, streamed frame by frame."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import REC709

Picture = npt.NDArray[np.generic]
"""A work array `(C, H, W)` or one plane `(H, W)`, integer codes or float on the same scale."""

SSIM_WINDOW_PX: Final = 11
SSIM_SIGMA_PX: Final = 1.5
SSIM_K1: Final = 0.01
SSIM_K2: Final = 0.03


def luma(picture: Picture) -> npt.NDArray[np.float32]:
    """Return the luma plane `(H, W)` of a work array, float32 on the scale of the input.

    Three channels are taken as R, G, B and weighted by BT.709; one channel is returned as it is. A Y, U, V array
    must be reduced to its first plane by the caller, who alone knows the picture format.

    >>> luma(np.full((3, 2, 2), 100, np.uint16)).round(3).tolist()
    [[100.0, 100.0], [100.0, 100.0]]
    """
    if picture.ndim == 2:
        return picture.astype(np.float32)
    if picture.ndim != 3 or picture.shape[0] not in (1, 3):
        raise ValueError(f"a picture is (H, W), (1, H, W) or (3, H, W), not {picture.shape}")
    if picture.shape[0] == 1:
        return np.asarray(picture[0], dtype=np.float32)
    red, green, blue = (picture[channel].astype(np.float32) for channel in range(3))
    return np.asarray(REC709[0] * red + REC709[1] * green + REC709[2] * blue, dtype=np.float32)


def mse(reference: Picture, test: Picture) -> float:
    """Return the mean squared error over every sample, in squared code values.

    >>> mse(np.zeros((1, 4, 4), np.uint16), np.full((1, 4, 4), 3, np.uint16))
    9.0
    """
    _same_shape(reference, test)
    difference = reference.astype(np.float32) - test.astype(np.float32)
    return float(np.mean(np.square(difference), dtype=np.float64))


def psnr_db(mean_squared_error: float, max_code: float) -> float:
    """Return the peak signal-to-noise ratio in dB: `10 log10(max_code² / MSE)`; infinite where the error is zero.

    `max_code` is the largest code the depth can hold (1023 at 10 bit), as in ITU-T J.340.

    >>> round(psnr_db(1.0, 255), 2)
    48.13
    >>> psnr_db(0.0, 1023)
    inf
    """
    if mean_squared_error < 0 or max_code <= 0:
        raise ValueError(f"MSE {mean_squared_error} and max code {max_code} must not be negative")
    if mean_squared_error == 0:
        return math.inf
    return 10.0 * math.log10(max_code * max_code / mean_squared_error)


def ssim(reference: Picture, test: Picture, max_code: float) -> float:
    """Return the mean structural similarity of two pictures' luma, −1 … 1, 1 where they are equal.

    `SSIM = (2μxμy + C1)(2σxy + C2) / ((μx² + μy² + C1)(σx² + σy² + C2))`, local statistics under an 11 × 11 Gaussian
    window of σ 1.5 px, `C1 = (0.01 L)²`, `C2 = (0.03 L)²`, averaged over the positions where the window fits.

    Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to structural
    similarity", IEEE Transactions on Image Processing 13(4), 2004, equations 13 to 17.

    >>> plane = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> ssim(plane, plane, 255)
    1.0
    """
    _same_shape(reference, test)
    x, y = luma(reference) / np.float32(max_code), luma(test) / np.float32(max_code)
    if min(x.shape) < SSIM_WINDOW_PX:
        raise ValueError(f"SSIM needs pictures of at least {SSIM_WINDOW_PX} × {SSIM_WINDOW_PX} px, not {x.shape}")
    edge = SSIM_WINDOW_PX // 2

    def local_mean(plane: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        blurred = cv2.GaussianBlur(plane, (SSIM_WINDOW_PX, SSIM_WINDOW_PX), SSIM_SIGMA_PX)
        return np.asarray(blurred[edge:-edge, edge:-edge], dtype=np.float32)

    mean_x, mean_y = local_mean(x), local_mean(y)
    variance_x = local_mean(x * x) - mean_x * mean_x
    variance_y = local_mean(y * y) - mean_y * mean_y
    covariance = local_mean(x * y) - mean_x * mean_y
    c1, c2 = SSIM_K1**2, SSIM_K2**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x * mean_x + mean_y * mean_y + c1) * (variance_x + variance_y + c2)
    )
    return float(np.mean(similarity, dtype=np.float64))


@dataclass(frozen=True, slots=True)
class FrameScore:
    """How far one frame is from the truth."""

    frame: int
    """0-based position in the streams compared."""
    mse: float
    """Mean squared error over every sample, in squared code values."""
    ssim: float
    """Mean structural similarity of luma, −1 … 1."""


@dataclass(frozen=True, slots=True)
class Score:
    """How far a run of frames is from the truth."""

    frames: int
    """How many frames were compared."""
    psnr_db: float
    """PSNR of the pooled error: one MSE over all frames, then the logarithm (frames equal to the truth stay finite)."""
    ssim: float
    """Mean of the frames' structural similarity."""


def compare(reference: Iterable[Picture], test: Iterable[Picture], max_code: float) -> Iterator[FrameScore]:
    """Score two streams of frames as they come; one pair is held at a time.

    Raises:
        ValueError: the streams differ in length or a pair in shape.
    """
    references, tests = iter(reference), iter(test)
    frame = 0
    while True:
        truth, found = next(references, None), next(tests, None)
        if truth is None and found is None:
            return
        if truth is None or found is None:
            raise ValueError(f"one stream ends at frame {frame}, the other goes on")
        yield FrameScore(frame, mse(truth, found), ssim(truth, found, max_code))
        frame += 1


def pooled(scores: Iterable[FrameScore], max_code: float) -> Score:
    """Pool frame scores: the MSE is averaged before the logarithm is taken, SSIM is averaged as it is.

    >>> pooled([FrameScore(0, 0.0, 1.0), FrameScore(1, 2.0, 0.5)], 255).psnr_db == psnr_db(1.0, 255)
    True
    """
    frames, error, similarity = 0, 0.0, 0.0
    for score in scores:
        frames += 1
        error += score.mse
        similarity += score.ssim
    if not frames:
        raise ValueError("there is nothing to pool: no frame was compared")
    return Score(frames, psnr_db(error / frames, max_code), similarity / frames)


def vmaf(reference: Path, test: Path, *, threads: int = 2) -> float:
    """Return the mean VMAF of a video against another of the same size, rate and length, 0 … 100.

    The model is libvmaf's default (`vmaf_v0.6.1`, trained for 1080p seen from three picture heights). Both files are
    brought to 4:2:0 at the same bit depth, which the model was made for, by the same conversion.

    Source: Li, Aaron, Katsavounidis, Moorthy, Manohara, "Toward a practical perceptual video quality metric",
    Netflix Technology Blog, 2016; libvmaf through ffmpeg's filter of that name.

    Raises:
        MediaError: a file cannot be decoded, or the two differ in size.
    """
    import ffmpeg as graph

    from restoration_tasks.media import ffmpeg

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def picture(role: str, path: Path) -> Any:
            # Under a name of its own, so that a file may also be compared with itself.
            (folder / role).symlink_to(path.absolute())
            video = graph.input(ffmpeg.file_url(folder / role)).video
            return video.filter("setpts", "PTS-STARTPTS").filter("format", "yuv420p10le")

        log = folder / "vmaf.json"
        scored = graph.filter(
            [picture("test", test), picture("reference", reference)],
            "libvmaf",
            log_fmt="json",
            log_path=str(log),
            n_threads=threads,
        )
        ffmpeg.run(graph.output(scored, "-", f="null"), about=test)
        return float(json.loads(log.read_text())["pooled_metrics"]["vmaf"]["mean"])


def _same_shape(reference: Picture, test: Picture) -> None:
    if reference.shape != test.shape:
        raise ValueError(f"pictures of different shape cannot be compared: {reference.shape} and {test.shape}")
