"""Choose and draw the stills of a report as the frames stream by: per shot the frame the restoration did most for."""

from __future__ import annotations

import base64
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import PRINTING_DENSITY, ColourModel, Frame, PictureFormat, half_codes_of
from restoration_tasks.media.stills.float_coding import FloatCoding, to_half
from restoration_tasks.quality.measure import Measured
from restoration_tasks.quality.pixels import PROBABLY

STILL_WIDTH_PX: Final = 720
THUMBNAIL_WIDTH_PX: Final = 284
DETAIL_PX: Final = 96
"""Side of the square shown pixel by pixel; it is enlarged by whole pixels, so that grain stays grain."""
DETAIL_ZOOM: Final = 4
JPEG_QUALITY: Final = 86
SHOWN_SHOTS: Final = 24
"""Only so many shots get stills, those changed most; every shot gets a thumbnail. Keeps a report under about 12 MB."""
DAMAGE_BGR: Final = (64, 110, 255)
"""Colour of damage in map views: warm on a grey picture, also for the commonest colour deficiencies."""

CINEON_BLACK: Final = 95
CINEON_WHITE: Final = 685
"""10-bit codes of black and reference white of printing density (Kodak Cineon; SMPTE 268M)."""

Bgr = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Still:
    """The pictures of one shot, as JPEG data URIs; the larger ones only where the shot is among the most changed."""

    shot: str
    frame: int
    """0-based position of the frame shown."""
    scan_number: int
    score: float
    """How much there is to see; 0 for an untouched shot."""
    thumbnail: str
    before: str = ""
    after: str = ""
    damage: str = ""
    detail_before: str = ""
    detail_after: str = ""

    @property
    def has_pictures(self) -> bool:
        """Whether there is more than the thumbnail."""
        return bool(self.before)


@dataclass(frozen=True)
class _Candidate:
    row: Measured
    score: float
    before: Frame
    after: Frame
    found: npt.NDArray[np.uint8]


class Display:
    """Shows frames of one format as a screen does. Nothing of it is ever written to a master."""

    def __init__(self, picture: PictureFormat) -> None:
        self._picture = picture
        self._table = _view_table(picture)

    def view(self, frame: Frame) -> Bgr:
        """A frame, `(H, W, 3)` B, G, R 8 bit."""
        if self._picture.layout.model is ColourModel.GREY:
            grey = self._table[frame[0]]
            return np.dstack((grey, grey, grey))
        if self._picture.layout.model is ColourModel.RGB:
            green, blue, red = frame[:3]
            return np.dstack((self._table[blue], self._table[green], self._table[red]))
        return _yuv_to_bgr(self._picture, frame)


class StillPicker:
    """Holds one candidate of the present shot and the finished stills; it does not grow with the length of a shot.

    Args:
        picture: format of the frames offered.
    """

    def __init__(self, picture: PictureFormat) -> None:
        self._display = Display(picture)
        self._best: _Candidate | None = None
        self._seen = 0
        self._stills: list[Still] = []

    def offer(self, row: Measured, before: Frame, after: Frame, found: npt.NDArray[np.uint8]) -> None:
        """Consider a frame.

        Args:
            row: what was measured of it.
            before: planes of the scan.
            after: planes of the restored master.
            found: `(H, W)` damage map, probability × 255.
        """
        if self._best is not None and self._best.row.shot != row.shot:
            self._finish()
        self._seen += 1
        score = (row.mapped_share + row.brightness_drift + 1e-6) if row.changed_px else 0.0
        # Of a shot nothing was done to, a frame from its later half: the first ones often still move or fade in.
        settled = not score and self._seen & (self._seen - 1) == 0
        if self._best is None or score > self._best.score or (settled and not self._best.score):
            self._best = _Candidate(row, score, before, after, found)

    def chosen(self) -> tuple[Still, ...]:
        """The stills of every shot offered, in order."""
        self._finish()
        return tuple(self._stills)

    def _finish(self) -> None:
        if self._best is None:
            return
        self._stills.append(self._draw(self._best))
        self._best, self._seen = None, 0
        shown = [still for still in self._stills if still.has_pictures]
        if len(shown) > SHOWN_SHOTS:
            least = min(shown, key=lambda still: still.score)
            place = self._stills.index(least)
            self._stills[place] = replace(least, before="", after="", damage="", detail_before="", detail_after="")

    def _draw(self, best: _Candidate) -> Still:
        before, after = self._display.view(best.before), self._display.view(best.after)
        still = Still(
            shot=best.row.shot,
            frame=best.row.frame,
            scan_number=best.row.scan_number,
            score=best.score,
            thumbnail=jpeg(fitted(after, THUMBNAIL_WIDTH_PX)),
        )
        if not best.score:
            return still
        y, x = _busiest(best.found, DETAIL_PX)
        detail = (slice(y, y + DETAIL_PX), slice(x, x + DETAIL_PX))
        return replace(
            still,
            before=jpeg(fitted(before, STILL_WIDTH_PX)),
            after=jpeg(fitted(after, STILL_WIDTH_PX)),
            damage=jpeg(damage_view(fitted(before, STILL_WIDTH_PX), best.found)),
            detail_before=jpeg(_enlarged(before[detail])),
            detail_after=jpeg(_enlarged(after[detail])),
        )


def _view_table(picture: PictureFormat) -> npt.NDArray[np.uint8]:
    """8-bit display code of each code value: densities as a print shows them, light as light, all else as it is."""
    codes = np.arange(picture.max_code + 1, dtype=np.float64) / picture.max_code
    if bounds := half_codes_of(picture.transfer):
        stretched = np.arange(picture.max_code + 1, dtype=np.uint16)
        light = to_half(FloatCoding(*bounds).unstretch(stretched)).astype(np.float64)
        codes = np.clip(light, 0, 1) ** (1 / 2.2)
    if picture.transfer == PRINTING_DENSITY:
        black = 10 ** ((CINEON_BLACK - CINEON_WHITE) * 0.002 / 0.6)
        light = (10 ** ((codes * 1023 - CINEON_WHITE) * 0.002 / 0.6) - black) / (1 - black)
        codes = np.clip(light, 0, 1) ** (1 / 2.2)
    return np.rint(codes * 255).astype(np.uint8)


def _yuv_to_bgr(picture: PictureFormat, frame: Frame) -> Bgr:
    """BT.709 to R, G, B (ITU-R BT.709-6, item 3); video range unless the stream says it is full."""
    planes = picture.to_work(frame).astype(np.float32) / picture.max_code
    low, luma_span, chroma_span = (0.0, 1.0, 1.0) if picture.full_range else (16 / 255, 219 / 255, 224 / 255)
    y, u, v = (planes[0] - low) / luma_span, (planes[1] - 0.5) / chroma_span, (planes[2] - 0.5) / chroma_span
    bgr = np.dstack((y + 1.8556 * u, y - 0.1873 * u - 0.4681 * v, y + 1.5748 * v))
    return np.asarray(np.rint(np.clip(bgr, 0, 1) * 255), dtype=np.uint8)


def fitted(picture: Bgr, width: int) -> Bgr:
    """At most so many pixels wide; never enlarged."""
    height, wide = picture.shape[:2]
    if wide <= width:
        return picture
    size = (width, max(1, round(height * width / wide)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _enlarged(picture: Bgr) -> Bgr:
    return np.asarray(np.repeat(np.repeat(picture, DETAIL_ZOOM, axis=0), DETAIL_ZOOM, axis=1), dtype=np.uint8)


def damage_view(picture: Bgr, found: npt.NDArray[np.uint8]) -> Bgr:
    """The damage in colour on a dimmed grey picture, ringed so that a single speck is seen."""
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    dimmed = (np.asarray(grey, dtype=np.float32) * 0.5 + 20).astype(np.uint8)
    sure = np.asarray(found > PROBABLY, dtype=np.uint8)
    small = cv2.resize(sure, (dimmed.shape[1], dimmed.shape[0]), interpolation=cv2.INTER_AREA)
    hit = cv2.dilate(np.asarray(small > 0, dtype=np.uint8), np.ones((3, 3), np.uint8))
    wide = cv2.dilate(hit, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9)))
    ring = cv2.morphologyEx(wide, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    view = np.dstack((dimmed, dimmed, dimmed))
    view[ring > 0] = DAMAGE_BGR
    view[hit > 0] = DAMAGE_BGR
    return view


def _busiest(found: npt.NDArray[np.uint8], side: int) -> tuple[int, int]:
    """Top left corner of the square with most damage, inside the picture."""
    height, width = found.shape
    amount = cv2.boxFilter((found > PROBABLY).astype(np.float32), -1, (side, side), normalize=False)
    _, _, _, (x, y) = cv2.minMaxLoc(amount)
    return max(0, min(y - side // 2, height - side)), max(0, min(x - side // 2, width - side))


def jpeg(picture: Bgr) -> str:
    """A data URI. Chroma is kept at full size: a coloured speck must look as large as it is."""
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY, *sampling])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode("ascii")
