"""Measure a restored reel against its scan in one pass: one row a frame, one row a shot, three frames in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from restoration_tasks.media.picture import ColourModel, Frame, PictureFormat, frame_md5
from restoration_tasks.media.table import WHOLE, Columns
from restoration_tasks.quality.around import NOTHING, AroundMeter
from restoration_tasks.quality.dye_meter import DyeMeter
from restoration_tasks.quality.faces import UNCHANGED, face_change
from restoration_tasks.quality.lettering import LetteringMeter
from restoration_tasks.quality.metrics import luma
from restoration_tasks.quality.pixels import Luma, Mask, changes, off_curve, spike_count
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.rules import InPieces
from restoration_tasks.quality.shot_sums import SHOT_COLUMNS, ShotSums
from restoration_tasks.quality.texture import SAME, Texture, colour_drift, compared
from restoration_tasks.quality.weave_meter import WeaveMeter

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from restoration_tasks.assessment.faces import Face
    from restoration_tasks.quality.permits import Expected

SAMPLING_PX: Final = 4
"""Whether a frame stands still is judged on every fourth pixel of every fourth line: a repeat is everywhere."""
GRAIN_PX: Final = 2.0
"""Standard deviation of the blur that takes grain out before motion is looked for under it."""


NO_TEXT, HELD_TEXT = "none", "held"


class Treatment(StrEnum):
    """The most far-reaching kind of treatment a frame or a shot had."""

    UNTOUCHED = "untouched"
    MASKED = "masked"
    """Local repairs only."""
    REBUILT = "rebuilt"
    """Stains taken off, tears mended, wires taken out or faces made clearer inside the plan's own outlines; local
    repairs besides."""
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
    assembled_md5: str
    """What the framemd5 made when the restored master was put together says."""
    restored_md5: str
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
    place_off_px: float
    structure: float
    grain_ratio: float
    grain_least: float
    """What `grain_ratio` may be at least: less where less grain was asked for."""
    sharpness_ratio: float
    colour_drift: float
    """This and those before: see `texture.Texture`."""
    face_shift: float
    face_structure: float
    """This and the one before: see `faces.FaceChange`."""
    out_of_order: bool = False
    lasting_share: float = 0.0
    lettering_lost: float = 0.0
    """Share of a letter's strokes that is gone, of the letter that lost most. This and the two before are known only
    when the next frame has come: see `around.Around` and `lettering`."""
    text: str = NO_TEXT
    """Whether text on screen was to stay as it was scanned: `held` or `none`."""
    text_changed_px: int = 0
    """Pixels of it that are not the scan's."""


class ReelMeter:
    """Takes the frames of a reel in order and gives the tables the suites are run on.

    Args:
        picture: format of scan and restored master.
        policy: the limits that say what is black, frozen or a spike.
    """

    def __init__(self, picture: PictureFormat, policy: Policy) -> None:
        self._picture = picture
        self._policy = policy
        self._rows = Columns(Measured)
        self._last: deque[Measured] = deque(maxlen=3)
        self._shots: list[ShotSums] = []
        self._recent: deque[tuple[Luma, Luma]] = deque(maxlen=3)
        self._around, self._lettering = AroundMeter(policy), LetteringMeter(policy)

    def add(
        self,
        *,
        frame: int,
        scan_number: int,
        shot: str,
        treatment: Treatment,
        recorded_md5: str,
        assembled_md5: str,
        recorded_px: int,
        master: Frame,
        restored: Frame,
        mask: Mask,
        mapped_share: float,
        dirt: Mask | None = None,
        expected: Expected | None = None,
        faces: Sequence[Face] = (),
        text: Mask | None = None,
        repaired: Mask | None = None,
    ) -> Measured:
        """Measure the next frame.

        Args:
            frame: 0-based position in the reel.
            scan_number: the scanner's own number.
            shot: id of the shot; a new one starts the temporal measures afresh.
            treatment: what the plan did to the frame.
            recorded_md5: the frame's digest as ingest recorded it.
            assembled_md5: digest of the restored frame as the assemble step recorded it.
            recorded_px: pixels changed, as the restore step recorded it.
            master: planes of the preservation master.
            restored: planes of the restored master.
            mask: `(H, W)`, true where local treatments may write.
            mapped_share: share of the frame's pixels that the damage map calls damaged, 0 … 1.
            dirt: `(H, W)`: those of the mask where nothing that lasts longer than a frame may be; all of it if None.
            expected: what the plan makes of the frame, where its numbers tell.
            faces: that are in the frame, as far as was looked for any.
            text: `(H, W)`: text on screen that must stay as it was scanned; nowhere if None.
            repaired: `(H, W)`: the mask without faces that were made clearer; the mask if None.
        """
        before, after = self._luma(master if expected is None else expected.basis), self._luma(restored)
        whole = before if expected is None or expected.whole is None else self._luma(expected.whole)
        changed, outside = changes(master, restored, mask)
        if not self._shots or self._shots[-1].shot != shot:
            if self._shots:
                self._shots[-1].end()
            self._shots.append(ShotSums(shot, treatment, frame))
            self._recent.clear()
            self._around.cut()
            self._lettering.cut()
        self._shots[-1].treatment = max(Treatment(self._shots[-1].treatment), treatment, key=REACH.index)
        judged = treatment is not Treatment.GENERATIVE
        self._around.add(frame, whole, after, mask if dirt is None else mask & dirt, judged=judged)
        shown = whole if np.array_equal(whole, after) else after
        lasting = None if dirt is None else mask & ~dirt
        self._lettering.add(frame, whole, shown, lasting, judged=judged)
        previous = self._recent[-1] if self._recent else None
        self._recent.append((before, after))
        size, lessened = before.size, expected is not None and expected.within > 0
        planned, bright = float(before.mean(dtype=np.float64)), float(after.mean(dtype=np.float64))
        scanned = planned if expected is None else float(self._luma(master).mean(dtype=np.float64))
        texture = self._texture(treatment, master, restored, mask, (whole, after), expected)
        row = Measured(
            frame=frame,
            scan_number=scan_number,
            shot=shot,
            treatment=treatment.value,
            recorded_md5=recorded_md5,
            master_md5=frame_md5(master),
            assembled_md5=assembled_md5,
            restored_md5=frame_md5(restored),
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
            text=NO_TEXT if text is None else HELD_TEXT,
            text_changed_px=0 if text is None else changes(master, restored, ~text)[1],
            grain_least=self._policy.limit("grain_ratio_min") * (1.0 if expected is None else expected.grain_kept),
            **asdict(texture),
            **asdict(face_change(whole, after, mask if repaired is None else repaired, faces) if judged else UNCHANGED),
        )
        self._rows.add(row)
        self._last.append(row)
        self._sum(self._shots[-1], row, size)
        if expected is not None and expected.moves:
            self._shots[-1].weave = self._shots[-1].weave or WeaveMeter(self._picture)
            self._shots[-1].weave.look(master, restored)
        if expected is not None and expected.recolours:
            self._shots[-1].dyes = self._shots[-1].dyes or DyeMeter(self._picture)
            self._shots[-1].dyes.look(master, restored)
        return row

    def frames_table(self, rows: slice = WHOLE, only: Collection[str] | None = None) -> pd.DataFrame:
        """One row a frame measured; the columns of `Measured`, also where there is no row.

        Args:
            rows: which of them; all, if not given.
            only: the columns it is to have; all, if None.
        """
        self._around.end()
        self._lettering.cut()
        pixels = self._picture.width * self._picture.height
        frames = list(self._rows.values("frame", rows))
        told = [self._around.found.get(frame, NOTHING) for frame in frames]
        return self._rows.table(
            rows,
            only,
            out_of_order=np.array([one.out_of_order for one in told], np.bool_),
            lasting_share=np.array([one.lasting_px for one in told], np.float64) / pixels,
            lettering_lost=np.array([self._lettering.lost.get(frame, 0.0) for frame in frames], np.float64),
        )

    def in_pieces(self) -> InPieces:
        """The same, made when it is asked for."""
        return InPieces(len(self._rows), self._rows.names, self.frames_table)

    def shots_table(self) -> pd.DataFrame:
        """One row a shot: means over its frames, and what the rules allow."""
        import pandas as pd

        self._around.end()
        pixels = self._picture.width * self._picture.height
        rows = []
        for shot in self._shots:
            frames = range(shot.first, shot.first + shot.frames)
            told = [self._around.found[frame] for frame in frames if frame in self._around.found]
            rows.append(shot.row(pixels, told, self._policy))
        return pd.DataFrame(rows, columns=SHOT_COLUMNS)

    def _texture(
        self,
        treatment: Treatment,
        master: Frame,
        restored: Frame,
        mask: Mask,
        lumas: tuple[Luma, Luma],
        expected: Expected | None,
    ) -> Texture:
        """How the restored frame compares with the planned one; frames made anew are to compare with none."""
        planned = master
        if expected is not None:
            planned = expected.basis if expected.whole is None else expected.whole
        if treatment is Treatment.GENERATIVE or not changes(planned, restored, mask)[1]:
            return SAME
        return compared(*lumas, mask, colour_drift(planned, restored, self._picture))

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

    def _sum(self, shot: ShotSums, row: Measured, pixels: int) -> None:
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
        same = all(one.changed_px == 0 for one in self._last)
        shot.spikes[0] += in_scan
        shot.spikes[1] += in_scan if same else spike_count(earlier[1], middle[1], later[1], limit)
        means = [(one.brightness_planned, one.brightness_after) for one in self._last]
        for side in (0, 1):
            shot.flicker[side] += abs(means[1][side] - (means[0][side] + means[2][side]) / 2)


def off_plan(expected: Expected | None, restored: Frame, mask: Mask) -> int:
    """Pixels outside the mask that are not what the plan's numbers make of the scan's, as near as they tell."""
    if expected is None or expected.whole is None:
        return 0
    return changes(expected.whole, restored, mask, within=expected.within)[1]
