"""Find dirt in the scanner's own channel of it: infrared light that dirt blocks, or a matte the scanner drew.

Dyes let infrared light pass and dust does not (Edgar, US patent 5 266 805, 1993), so what is dark in infrared lies on
the film, whatever the picture shows there, and whether it moves or not. Silver is as opaque in infrared as in visible
light: of black-and-white film the channel shows the picture, and of Kodachrome in part. So before it is believed, its
fine structure is held against that of the picture. What stands out is measured against the median of its surround, and
by the noise's median absolute deviation, as SANE's infrared cleaning does (`sanei_ir`, Rickmann, 2012).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.media.delivery.polarity import Polarity
from restoration_tasks.restoration.motion import Luma

Floats = npt.NDArray[np.float32]
"""`(H, W)` float32."""
Map = npt.NDArray[np.uint8]
"""`(H, W)` uint8: confidence × 255, 128 at the limit."""

_SMALL_PX = 256
"""Width of the copy on which the level of the surround is found."""
_WINDOW = 33
"""Side of the median's window there, an eighth of the width: dirt of a twelfth of the width is seen through."""
_SPECKS = 11
"""Side of the median's window there that takes dirt away and leaves the picture: specks of a fiftieth of the width."""
_LAMP_PX = 24.0
"""Standard deviation, there, of the blur that follows the lamp's fall-off."""
_NO_LIGHT = 0.05
"""A level under this share of the range is none, as of a clean matte: contrasts are then shares of the range."""
_MAD = 1.4826
"""Standard deviation of a normal distribution over its median absolute deviation."""


@dataclass(frozen=True)
class InfraredLimits:
    """What counts as dirt, and what makes a channel of dirt. Chosen on simulated channels (`tests/assessment`)."""

    contrast: float = 0.10
    """Share of the light that must be missing (of a matte: that must be drawn): 0.05 in density, about 23 codes of a
    10-bit log scan. What blocks less is hardly seen in the picture."""
    noise: float = 5.0
    """And how many standard deviations of the channel's own noise: of a million pixels of pure noise none."""
    soft_share: float = 0.45
    """A speck reaches out to where its contrast falls under this share of the above."""
    lowest_score: float = 0.8
    """Specks are kept in the map from this multiple of the limits (confidence 0.39); 1 is confidence one half."""
    smallest_px: float = 1.5
    """Area under which a speck is taken for noise, in a picture of 720x540; scaled with the picture's area."""
    largest_share: float = 0.03
    """A connected area above this share of the picture is the gate, a splice or a leader, not dirt."""
    slack_px_per_width: float = 1 / 1024
    """How far the map is widened, as a share of the width and at least a pixel: infrared light is focused elsewhere and
    bent less, so that a speck lies a pixel or two beside itself at 2K."""
    picture: float = 0.04
    """How strongly the picture may show in the channel (`picture_share`): less than half of what would be taken for
    dirt. Figures of simulated dyes and silver: `benchmarks/infrared.py`."""
    covered: float = 0.10
    """Share of the pixels that stand out from which the channel shows something else than dirt."""
    one_sided: float = 3.0
    """How many times more of the channel must lie to one side of its level than to the other to say which side dirt is
    on: its level is then near one end of the range it uses."""
    matte_level: float = 0.25
    """Level above which a channel is no matte: a matte is nothing where the film is clean."""


@dataclass(frozen=True)
class Sample:
    """One frame looked at to judge a channel."""

    channel: Floats
    """`(H, W)`, 0 to 1 of the channel's range."""
    luma: Luma
    """The picture's analysis copy of the same size."""


@dataclass(frozen=True)
class Judgement:
    """Whether a channel is used, and how it is read."""

    polarity: Polarity | None
    """How it is read; None where it is not used."""
    why: str
    """In words for staff: how its polarity is known, or why it is not used."""
    doubtful: bool = False
    """Whether somebody should look: something was delivered that ought to show dirt, and it is not used, or was read
    as measured because nobody said how."""
    open: bool = False
    """Whether nothing but its polarity is lacking: another part of the reel may show it."""


def judge(samples: Sequence[Sample], said: Polarity | None = None, limits: InfraredLimits | None = None) -> Judgement:
    """Whether a channel can be trusted to show dirt, and its polarity.

    Args:
        samples: frames from all over what is judged, at least one.
        said: the polarity, where a name or the scan specification states it.
        limits: see there.
    """
    limits = limits or InfraredLimits()
    views = [_view(sample, limits) for sample in samples]
    picture = float(np.quantile([view.picture for view in views], 0.75))
    if picture > limits.picture:
        return Judgement(
            None,
            f"it shows the picture itself (by {100 * picture:.0f} % of its light), as of silver or Kodachrome film",
            doubtful=True,
        )
    covered = float(np.mean([view.covered for view in views]))
    if covered > limits.covered:
        return Judgement(None, f"{100 * covered:.0f} % of it stands out, which cannot all be dirt", doubtful=True)
    below, above = (float(np.mean([getattr(view, side) for view in views])) for side in ("below", "above"))
    level = float(np.median([view.level for view in views]))
    return _read_as(said, _polarity(below, above, level, limits), below + above > 0)


def _read_as(said: Polarity | None, measured: Polarity | None, anything: bool) -> Judgement:
    if said is not None and measured in (None, said):
        return Judgement(said, "its polarity is stated")
    if said is not None:
        return Judgement(None, f"it is said to be a {said} and looks like a {measured}", doubtful=True)
    if not anything:
        return Judgement(None, "nothing stands out in it", open=True)
    if measured is None:
        return Judgement(None, "its polarity is neither stated nor clear", doubtful=True, open=True)
    return Judgement(measured, f"its polarity ({measured}) is measured: nothing states it", doubtful=True)


@dataclass(frozen=True)
class _View:
    """What one sample shows."""

    level: float
    below: float
    """How much lies below the level, beyond noise and limit: the mean over all pixels, 0 where nothing does."""
    above: float
    """The same above the level."""
    covered: float
    picture: float
    """See `picture_share`."""


def _view(sample: Sample, limits: InfraredLimits) -> _View:
    level, steady = surround_level(sample.channel)
    departure = _smoothed(sample.channel - level)
    floor = max(limits.contrast * float(np.median(level)), limits.contrast / 5, limits.noise * _noise(departure))
    out = (np.abs(departure) > floor) & steady
    share = float(np.count_nonzero(out)) / out.size
    seen = departure[out]
    below, above = (float(np.clip(side * seen, 0, None).sum()) / out.size for side in (-1, 1))
    return _View(float(np.median(level)), below, above, share, picture_share(sample))


def _polarity(below: float, above: float, level: float, limits: InfraredLimits) -> Polarity | None:
    if below > limits.one_sided * above:
        return Polarity.TRANSMISSION
    if above > limits.one_sided * below and level <= limits.matte_level:
        return Polarity.MATTE
    return None


def picture_share(sample: Sample) -> float:
    """How strongly the picture shows in a channel: 0 not at all, 1 with departures as large as the channel's level.

    How far the channel's structure departs (99 of 100 pixels, as a share of its level), times the correlation of that
    structure with the picture's. Looked at in copies of a fixed width, through a median that takes dirt away (it shows
    in both) and without the slow fall-off of the lamp.
    """
    height, whole = sample.luma.shape
    width = min(whole, _SMALL_PX)
    size = (width, max(round(height * width / whole), 1))
    seen, shown = (
        _band(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32))
        for picture in (sample.channel, sample.luma.astype(np.float32))
    )
    spreads = float(seen.std()), float(shown.std())
    if spreads[0] < 1e-5 or spreads[1] < 0.5:  # nothing to compare: a clean matte, a blank picture
        return 0.0
    level = float(np.median(sample.channel))
    reach = float(np.quantile(np.abs(seen), 0.99)) / (level if level >= _NO_LIGHT else 1.0)
    product = (seen - seen.mean()) * (shown - shown.mean())
    return reach * abs(float(product.mean()) / (spreads[0] * spreads[1]))


def _band(picture: Floats) -> Floats:
    clean = _median(picture, _SPECKS)
    return np.asarray(clean - cv2.GaussianBlur(clean, (0, 0), _LAMP_PX), np.float32)


def _median(small: Floats, window: int) -> Floats:
    """Median over a window of this side (less in a small picture).

    OpenCV's takes 8 bits: spread over the range that 996 of 1000 pixels use, a step is a 250th of it.
    """
    low, high = (float(value) for value in np.quantile(small, (0.002, 0.998)))
    span = max(high - low, 1e-6)
    coded = np.clip((small - low) / span * 255.0 + 0.5, 0, 255).astype(np.uint8)
    side = max(3, min(window, 2 * (min(coded.shape) // 2) - 1))
    found = cv2.medianBlur(coded, side).astype(np.float32)
    return np.asarray(found / np.float32(255) * np.float32(span) + np.float32(low), np.float32)


def _smoothed(picture: Floats) -> Floats:
    """Specks are at least two pixels wide, as infrared light is focused; single pixels are noise."""
    return np.asarray(cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 0.7), np.float32)


def _noise(departure: Floats) -> float:
    thin = departure[::2, ::2]
    return _MAD * float(np.median(np.abs(thin - np.median(thin))))


def surround_level(channel: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The channel's level around each pixel, and where it is steady.

    Args:
        channel: `(H, W)`, 0 to 1.

    Returns:
        `(level, steady)`: the median over a window of an eighth of the width, and False at the edges of the gate, where
        the level jumps, and in its black.
    """
    height, width = channel.shape
    scale = min(1.0, _SMALL_PX / width)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = np.asarray(cv2.resize(channel, size, interpolation=cv2.INTER_AREA), np.float32)
    level = _median(small, _WINDOW)
    reference = float(np.median(level))
    box = np.ones((3, 3), np.uint8)
    jump = cv2.dilate(level, box) - cv2.erode(level, box)
    steady = (jump <= 0.25 * max(reference, 0.05)) & (level >= 0.2 * reference)
    whole = (width, height)
    return (
        np.asarray(cv2.resize(level, whole, interpolation=cv2.INTER_LINEAR), np.float32),
        cv2.resize(steady.astype(np.uint8), whole, interpolation=cv2.INTER_NEAREST) > 0,
    )


def infrared_confidence(channel: Floats, polarity: Polarity, limits: InfraredLimits | None = None) -> Map:
    """Where one frame is dirty by its channel: specks and hairs alike.

    Args:
        channel: `(H, W)`, 0 to 1 of the channel's range.
        polarity: how it is read.
        limits: what counts as dirt.

    Returns:
        the map for the dirt plane; a piece and its soft edge carry one confidence, `s² / (1 + s²)` of its score `s`,
        which is its strongest contrast over the limit.
    """
    limits = limits or InfraredLimits()
    level, steady = surround_level(channel)
    if polarity is Polarity.TRANSMISSION:
        missing = (level - channel) / np.maximum(level, np.float32(1e-3))
    else:
        missing = (channel - level) / np.maximum(np.float32(1) - level, np.float32(1e-3))
    contrast = _smoothed(np.asarray(missing, np.float32))
    contrast[~steady] = 0
    limit = max(limits.contrast, limits.noise * _noise(contrast))
    found = _pieces(np.asarray(contrast / limit, np.float32), steady, limits)
    slack = max(1, round(channel.shape[1] * limits.slack_px_per_width))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * slack + 1, 2 * slack + 1))
    return np.asarray(cv2.dilate(found, disc), np.uint8)


def _pieces(score: Floats, steady: npt.NDArray[np.bool_], limits: InfraredLimits) -> Map:
    """Connected pieces, each with the confidence of its strongest pixel.

    What touches a place where the level jumps is left out: in the corners of the gate the level is not the gate's.
    """
    candidates = (score > limits.soft_share).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(candidates, connectivity=8)
    strong = score >= limits.lowest_score
    best = np.zeros(count, np.float32)
    np.maximum.at(best, np.asarray(labels[strong], np.intp), score[strong])
    area = stats[:, cv2.CC_STAT_AREA]
    smallest = max(2.0, limits.smallest_px * score.size / (720 * 540))
    best[(area < smallest) | (area > limits.largest_share * score.size)] = 0
    jumps = cv2.dilate((~steady).astype(np.uint8), np.ones((5, 5), np.uint8))
    best[np.unique(labels[jumps > 0])] = 0
    best[0] = 0
    square = best**2
    confidence = np.rint(255 * square / (1 + square)).astype(np.uint8)
    return np.asarray(confidence[labels], np.uint8)
