"""Fill damage the classical way: the best neighbour's own pixels, held in check by the median of all."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from restoration_tasks.media.picture import Work
from restoration_tasks.restoration.boxes import boxes_around
from restoration_tasks.restoration.damage_map import Mask
from restoration_tasks.restoration.fill import Filler, FillJob, Masked
from restoration_tasks.restoration.motion import Effort, Flow, Luma, MotionEstimator

Floats = npt.NDArray[np.float32]

MARGIN_PX = 12
"""How much clean surround is taken along with a speck, to match brightness and judge the motion by."""
TRUSTED_MATCH = 3.0
"""A neighbour is used where its surround differs by less than this many times the best neighbour's, plus
`MATCH_FLOOR`."""
MATCH_FLOOR = 2.0 / 255.0
POOR_MATCH = 0.10
"""Mean difference of the surround (share of the code range) above which motion was not followed and time has no
answer."""
GRAIN_REACH = 3.0
"""One neighbour's own grain is kept where it lies within this many grain deviations of the neighbours' median."""


class ClassicalFill(Filler):
    """Fills each speck from up to four motion-compensated neighbours, matched to the brightness around the speck."""

    def fill(self, jobs: Sequence[FillJob]) -> list[Work]:
        """The frames with every speck filled, one a job."""
        return [self._filled(job) for job in jobs]

    def _filled(self, job: FillJob) -> Work:
        shown, mask = job.centre.shown, job.centre.mask
        repaired = shown.work.copy()
        # Motion is estimated on a copy whose dirt is papered over, so that it neither attracts nor repels the flow.
        motion = MotionEstimator(Effort.CARRY)
        sources = [
            _Source(other.shown.work, other.mask, motion.flow(papered(job.centre), papered(other)))
            for other in (*job.before, *job.after)
        ]
        full = np.float32(shown.picture.max_code)
        for box in boxes_around(mask, MARGIN_PX):
            patch = _Patch(shown.work[(slice(None), *box)].astype(np.float32) / full, mask[box])
            filled = patch.fill(
                [source.patch(box, full) for source in sources], seed=(shown.index, box[0].start, box[1].start)
            )
            codes = np.clip(np.rint(filled * full), 0, full).astype(repaired.dtype)
            region = repaired[(slice(None), *box)]
            region[:, mask[box]] = codes[:, mask[box]]
        return repaired


def papered(frame: Masked) -> Luma:
    """The analysis picture with its damage papered over; kept with the frame."""
    return frame.kept(
        "papered",
        lambda: np.asarray(cv2.inpaint(frame.shown.luma, frame.mask.astype(np.uint8), 3, cv2.INPAINT_TELEA), np.uint8),
    )


class _Source:
    """One neighbouring frame a fill may come from."""

    def __init__(self, work: Work, mask: Mask, flow: Flow) -> None:
        self._work, self._mask, self._flow = work, mask, flow

    def patch(self, box: tuple[slice, slice], full: np.float32) -> tuple[Floats, Mask]:
        """Its pixels brought onto a box of the frame.

        Returns:
            `(C, h, w)` shares of the code range, and `(h, w)` which of them are clean and shown.
        """
        rows, columns = box
        x, y = np.meshgrid(
            np.arange(columns.start, columns.stop, dtype=np.float32), np.arange(rows.start, rows.stop, dtype=np.float32)
        )
        x += self._flow[(*box, 0)]
        y += self._flow[(*box, 1)]
        height, width = self._mask.shape
        # Cut out what the box needs before sampling: cv2.remap cannot address pictures wider than 32767 px, and it
        # is faster.
        left, top = max(int(np.floor(x.min())) - 3, 0), max(int(np.floor(y.min())) - 3, 0)
        left, top = min(left, width - 1), min(top, height - 1)
        right, bottom = max(int(np.ceil(x.max())) + 4, left + 1), max(int(np.ceil(y.max())) + 4, top + 1)
        cut = (slice(top, bottom), slice(left, right))
        shows = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        x -= left
        y -= top
        moved = np.stack(
            [
                cv2.remap(channel[cut].astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
                for channel in self._work
            ]
        )
        dirty = cv2.remap(self._mask[cut].astype(np.float32), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return moved / full, shows & (dirty < 0.01)


class _Patch:
    """A box of the frame: specks to fill and the clean surround to fill them by."""

    def __init__(self, picture: Floats, mask: Mask) -> None:
        self.picture, self.mask = picture, mask
        # Soft edges reach beyond what was found: the first pixels outside are no witness.
        self.surround = ~(cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)

    def fill(self, sources: list[tuple[Floats, Mask]], seed: tuple[int, int, int]) -> Floats:
        """The box with its specks filled, `(C, h, w)` shares of the code range; to be used inside the mask only."""
        matched = [match for source in sources if (match := self._matched(*source)) is not None]
        best = min((error for _, _, error in matched), default=np.inf)
        if best > POOR_MATCH:
            matched = []
        kept = [
            (values, clean)
            for values, clean, error in sorted(matched, key=lambda m: m[2])
            if error <= TRUSTED_MATCH * best + MATCH_FLOOR
        ]
        filled = self.picture.copy()
        missing = self.mask.copy()
        if kept:
            self._fill_from_time(filled, missing, kept, grain=best)
        if missing.any():
            self._fill_from_surround(filled, missing, seed)
        return filled

    def _matched(self, values: Floats, clean: Mask) -> tuple[Floats, Mask, float] | None:
        """A neighbour's patch matched to the surround's brightness, and how far the two differ there."""
        witness = self.surround & clean
        if np.count_nonzero(witness) < 12 or not (self.mask & clean).any():
            return None
        difference = self.picture[:, witness] - values[:, witness]
        shift = np.median(difference, axis=1, keepdims=True)
        error = float(np.abs(difference - shift).mean())
        matched = values + shift[..., None]
        return matched, clean, error

    def _fill_from_time(self, filled: Floats, missing: Mask, kept: list[tuple[Floats, Mask]], *, grain: float) -> None:
        """Take the best-matching neighbour's own pixel, grain and all, unless it strays from the median of all."""
        stack = np.stack([values for values, _ in kept])
        clean = np.stack([np.broadcast_to(shown, stack.shape[2:]) for _, shown in kept])
        known = clean.any(axis=0) & self.mask
        values = np.where(clean[:, None], stack, np.float32(np.nan))[..., known]
        # The median of those that show the place: NaN sorts last, so it lies in the middle of the first `count`.
        ordered, count = np.sort(values, axis=0), clean[:, known].sum(axis=0)
        lower, upper = (
            np.take_along_axis(ordered, k[None, None, :], axis=0)[0] for k in ((count - 1) // 2, count // 2)
        )
        median = 0.5 * (lower + upper)
        first = clean[:, known].argmax(axis=0)
        nearest = np.take_along_axis(values, first[None, None, :], axis=0)[0]
        reach = np.float32(
            GRAIN_REACH * 1.2533 * grain
        )  # mean absolute deviation to standard deviation of a normal law
        filled[:, known] = np.where(np.abs(nearest - median) <= reach, nearest, median)
        missing &= ~known

    def _fill_from_surround(self, filled: Floats, missing: Mask, seed: tuple[int, int, int]) -> None:
        """Continue the surround inwards (Telea, 2004) and give it the surround's own grain strength."""
        hole = missing.astype(np.uint8)
        rng = np.random.default_rng(seed)
        witness = self.surround if self.surround.any() else ~self.mask
        for channel in filled:
            fine = channel - cv2.GaussianBlur(channel, (0, 0), 1.5)
            grain = 1.4826 * float(np.median(np.abs(fine[witness]))) if witness.any() else 0.0
            # cv2.inpaint leaves the range on float pictures (OpenCV 5.0); 16 bits are finer than any scan.
            codes = np.rint(np.clip(channel, 0.0, 1.0) * 65535.0).astype(np.uint16)
            smooth = cv2.inpaint(codes, hole, 4, cv2.INPAINT_TELEA).astype(np.float32) / np.float32(65535.0)
            noise = rng.standard_normal(channel.shape).astype(np.float32) * np.float32(grain)
            channel[missing] = (smooth + noise)[missing]
