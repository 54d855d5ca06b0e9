"""Measure a restored reel against its scan in one pass: one row a frame, one row a shot, three frames in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from restoration_tasks.media.picture import ColourModel, Frame, PictureFormat, frame_md5
from restoration_tasks.quality.dye_meter import NOTHING, DyeMeter
from restoration_tasks.quality.metrics import luma
from restoration_tasks.quality.pixels import Luma, Mask, changes, off_curve, spike_count
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.weave_meter import UNSEEN_PX, WeaveMeter

if TYPE_CHECKING:
    import pandas as pd

    from restoration_tasks.quality.permits import Expected

SAMPLING_PX: Final = 4
"""Whether a frame stands still is judged on every fourth pixel of every fourth line: a repeat is everywhere."""
GRAIN_PX: Final = 2.0
"""Standard deviation of the blur that takes grain out before motion is looked for under it."""


class Treatment(StrEnum):
    """The most far-reaching kind of treatment a frame or a shot had."""

    UNTOUCHED = "untouched"
    MASKED = "masked"
    """Local repairs only."""
    TONAL = "tonal"
    """Whole frames made brighter or darker, one curve a frame on code values; local repairs besides."""
    LIGHT = "light"
    """Whole frames made lighter or darker in density, here and there alike or not, by the plan's numbers alone."""
    COLOUR = "colour"
    """Every pixel given another colour, by the plan's numbers alone; brightness and local repairs besides."""
    MOVED = "moved"
    """Every pixel put elsewhere, by the plan's numbers alone; colour, brightness and local repairs besides."""
    GLOBAL = "global"
    """Whole frames changed in other ways."""
    GENERATIVE = "generative"


REACH: Final = list(Treatment)
"""From the least to the most far-reaching."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One frame of the scan held against its restored frame; shares are 0 … 1 of the pixels or of the code range."""

    frame: int
    scan_number: int
    shot: str
    treatment: str
    recorded_md5: str
    """What the framemd5 made at ingest says."""
    master_md5: str
    mapped_share: float
    """Share of pixels the damage map calls damaged."""
    changed_px: int
    """Pixels of which at least one sample differs from the scan."""
    changed_share: float
    recorded_px: int
    """Pixels changed, as the restore step counted them."""
    outside_px: int
    """Changed pixels outside the damage map."""
    off_curve_px: int
    """Pixels outside the damage map that did not get what other pixels of the same code in the same frame got."""
    off_plan_px: int
    """Pixels outside the damage map that are not what the plan's numbers make of the scan's, where frames are moved,
    light is evened out or colours are brought back, or differ by more than the plan allows, where grain is lessened;
    0 elsewhere."""
    brightness_before: float
    """Mean luma as a share of the code range."""
    brightness_planned: float
    """The same moved, and with colours brought back, as the plan says; as scanned where neither is done."""
    brightness_after: float
    brightness_drift: float
    """How far mean luma is from that, without sign."""
    black_added: bool
    """Black now, not black in the scan."""
    frozen_added: bool
    """Repeats the frame before it, where the scan moves."""


@dataclass(slots=True)
class _Shot:
    """Running sums of one shot; its size does not depend on its length."""

    shot: str
    treatment: Treatment
    """The most far-reaching of its frames so far."""
    first: int
    frames: int = 0
    changed_px: int = 0
    mapped_px: int = 0
    brightness_planned: float = 0.0
    brightness_after: float = 0.0
    spikes: list[int] = field(default_factory=lambda: [0, 0])
    flicker: list[float] = field(default_factory=lambda: [0.0, 0.0])
    triples: int = 0
    """Frames with a neighbour on both sides inside the shot."""
    dyes: DyeMeter | None = None
    """Reads how faded the shot looks; None where no colours are brought back."""
    weave: WeaveMeter | None = None
    """Reads how the shot trembles; None where it is not steadied."""


class ReelMeter:
    """Takes the frames of a reel in order and gives the tables the suites are run on.

    Args:
        picture: format of scan and restored master.
        policy: the limits that say what is black, frozen or a spike.
    """

    def __init__(self, picture: PictureFormat, policy: Policy) -> None:
        self._picture = picture
        self._policy = policy
        self._rows: list[Measured] = []
        self._shots: list[_Shot] = []
        self._recent: deque[tuple[Luma, Luma]] = deque(maxlen=3)

    def add(
        self,
        *,
        frame: int,
        scan_number: int,
        shot: str,
        treatment: Treatment,
        recorded_md5: str,
        recorded_px: int,
        master: Frame,
        restored: Frame,
        mask: Mask,
        mapped_share: float,
        expected: Expected | None = None,
    ) -> Measured:
        """Measure the next frame.

        Args:
            frame: 0-based position in the reel.
            scan_number: the scanner's own number.
            shot: id of the shot; a new one starts the temporal measures afresh.
            treatment: what the plan did to the frame.
            recorded_md5: the frame's digest as ingest recorded it.
            recorded_px: pixels changed, as the restore step recorded it.
            master: planes of the preservation master.
            restored: planes of the restored master.
            mask: `(H, W)`, true where local treatments may write.
            mapped_share: share of the frame's pixels that the damage map calls damaged, 0 … 1.
            expected: what the plan makes of the frame, where its numbers tell.
        """
        before, after = self._luma(master if expected is None else expected.basis), self._luma(restored)
        changed, outside = changes(master, restored, mask)
        if not self._shots or self._shots[-1].shot != shot:
            self._shots.append(_Shot(shot, treatment, frame))
            self._recent.clear()
        self._shots[-1].treatment = max(self._shots[-1].treatment, treatment, key=REACH.index)
        previous = self._recent[-1] if self._recent else None
        self._recent.append((before, after))
        size, lessened = before.size, expected is not None and expected.within > 0
        planned, bright = float(before.mean(dtype=np.float64)), float(after.mean(dtype=np.float64))
        scanned = planned if expected is None else float(self._luma(master).mean(dtype=np.float64))
        row = Measured(
            frame=frame,
            scan_number=scan_number,
            shot=shot,
            treatment=treatment.value,
            recorded_md5=recorded_md5,
            master_md5=frame_md5(master),
            mapped_share=mapped_share,
            changed_px=changed,
            changed_share=changed / size,
            recorded_px=recorded_px,
            outside_px=outside,
            off_curve_px=off_curve(master, restored, mask, self._picture.max_code) if outside else 0,
            off_plan_px=off_plan(expected, restored, mask),
            brightness_before=scanned,
            brightness_planned=planned,
            brightness_after=bright,
            brightness_drift=abs(bright - planned),
            black_added=self._black(after) and not self._black(before),
            frozen_added=previous is not None and self._frozen(previous, (before, after), lessened),
        )
        self._rows.append(row)
        self._sum(self._shots[-1], row, size)
        if expected is not None and expected.moves:
            self._shots[-1].weave = self._shots[-1].weave or WeaveMeter(self._picture)
            self._shots[-1].weave.look(master, restored)
        if expected is not None and expected.recolours:
            self._shots[-1].dyes = self._shots[-1].dyes or DyeMeter(self._picture)
            self._shots[-1].dyes.look(master, restored)
        return row

    def frames_table(self) -> pd.DataFrame:
        """One row a frame measured; the columns of `Measured`, also where there is no row."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self._rows], columns=list(Measured.__dataclass_fields__))

    def shots_table(self) -> pd.DataFrame:
        """One row a shot: means over its frames, and what the benefit rules allow."""
        import pandas as pd

        pixels = self._picture.width * self._picture.height
        relative = 1 + self._policy.limit("benefit_tolerance_relative")
        absolute = self._policy.limit("benefit_tolerance_absolute")
        rows = []
        for shot in self._shots:
            triples = max(shot.triples, 1)
            spikes_before, spikes_after = (count / (triples * pixels) for count in shot.spikes)
            flicker_before, flicker_after = (total / triples for total in shot.flicker)
            fade_before, fade_after = shot.dyes.severities() if shot.dyes else (0.0, 0.0)
            weave_before, weave_after = shot.weave.trembles_px() if shot.weave else (0.0, 0.0)
            rows.append(
                {
                    "shot": shot.shot,
                    "treatment": shot.treatment.value,
                    "first_frame": shot.first,
                    "frames": shot.frames,
                    "changed_share": shot.changed_px / (shot.frames * pixels),
                    "mapped_share": shot.mapped_px / (shot.frames * pixels),
                    "brightness_drift": abs(shot.brightness_after - shot.brightness_planned) / shot.frames,
                    "spikes_before": spikes_before,
                    "spikes_after": spikes_after,
                    "spikes_allowed": spikes_before * relative + absolute,
                    "flicker_before": flicker_before,
                    "flicker_after": flicker_after,
                    "flicker_allowed": flicker_before * relative + absolute,
                    "fade_before": fade_before,
                    "fade_after": fade_after,
                    "fade_allowed": max(fade_before, NOTHING),
                    "weave_before": weave_before,
                    "weave_after": weave_after,
                    "weave_allowed": weave_before * relative + UNSEEN_PX,
                }
            )
        return pd.DataFrame(rows, columns=SHOT_COLUMNS)

    def _luma(self, frame: Frame) -> Luma:
        """Luma `(H, W)` as a share of the code range."""
        scale = np.float32(1 / self._picture.max_code)
        if self._picture.layout.model is ColourModel.RGB:
            green, blue, red = frame[:3]
            return luma(np.stack((red, green, blue))) * scale
        return luma(frame[0]) * scale

    def _black(self, plane: Luma) -> bool:
        dark = np.count_nonzero(plane <= np.float32(self._policy.limit("black_luma_max")))
        return bool(dark >= self._policy.limit("black_share_min") * plane.size)

    def _frozen(self, previous: tuple[Luma, Luma], present: tuple[Luma, Luma], lessened: bool) -> bool:
        """Whether the restored frame repeats the one before it although the scan moves.

        Where grain was lessened, that of the scan is no motion.
        """
        every = slice(None, None, SAMPLING_PX)
        last, now = previous[1][every, every], present[1][every, every]
        if float(np.mean(cv2.absdiff(last, now))) > self._policy.limit("frozen_difference_max"):
            return False
        last, now = (self._calm(one, lessened)[every, every] for one in (previous[0], present[0]))
        matched = now * (last.mean() / max(float(now.mean()), 1e-6))
        return float(np.median(cv2.absdiff(last, matched))) > self._policy.limit("moving_difference_min")

    @staticmethod
    def _calm(plane: Luma, lessened: bool) -> Luma:
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), GRAIN_PX), np.float32) if lessened else plane

    def _sum(self, shot: _Shot, row: Measured, pixels: int) -> None:
        shot.frames += 1
        shot.changed_px += row.changed_px
        shot.mapped_px += round(row.mapped_share * pixels)
        shot.brightness_planned += row.brightness_planned
        shot.brightness_after += row.brightness_after
        if len(self._recent) < 3:
            return
        shot.triples += 1
        earlier, middle, later = self._recent
        limit = self._policy.limit("spike_contrast_min")
        in_scan = spike_count(earlier[0], middle[0], later[0], limit)
        same = all(one.changed_px == 0 for one in self._rows[-3:])
        shot.spikes[0] += in_scan
        shot.spikes[1] += in_scan if same else spike_count(earlier[1], middle[1], later[1], limit)
        means = [(one.brightness_planned, one.brightness_after) for one in self._rows[-3:]]
        for side in (0, 1):
            shot.flicker[side] += abs(means[1][side] - (means[0][side] + means[2][side]) / 2)


def off_plan(expected: Expected | None, restored: Frame, mask: Mask) -> int:
    """Pixels outside the mask that are not what the plan's numbers make of the scan's, as near as they tell."""
    if expected is None or expected.whole is None:
        return 0
    return changes(expected.whole, restored, mask, within=expected.within)[1]


SHOT_COLUMNS: Final = [
    "shot",
    "treatment",
    "first_frame",
    "frames",
    "changed_share",
    "mapped_share",
    "brightness_drift",
    "spikes_before",
    "spikes_after",
    "spikes_allowed",
    "flicker_before",
    "flicker_after",
    "flicker_allowed",
    "fade_before",
    "fade_after",
    "fade_allowed",
    "weave_before",
    "weave_after",
    "weave_allowed",
]
