"""A small reel with known truth: clean, dirty and flickering shot, scan, restoration, damage maps."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from restoration_tasks.media.picture import PictureFormat, frame_md5
from restoration_tasks.quality.copies import PIXEL_FORMATS, CopiedFrame
from restoration_tasks.quality.faces import NOT_LOOKED
from restoration_tasks.quality.measure import ReelMeter, Treatment
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.property_rules import facts_asked
from restoration_tasks.quality.rules import Table
from restoration_tasks.quality.sound import sound_rules

PICTURE = PictureFormat(width=96, height=72, pix_fmt="gray10le")
SHOT_FRAMES = 6
SHOTS = {"s001": Treatment.UNTOUCHED, "s002": Treatment.MASKED, "s003": Treatment.TONAL}
FIRST_SCAN_NUMBER = 86400
NOTHING_TO_SAY = {
    "fidelity.light_as_planned": "",
    "fidelity.colours_as_planned": "",
    "fidelity.moved_as_planned": "",
    "fidelity.no_more_than_grain_taken": "",
    "fidelity.text_untouched": "",
    "fidelity.faces_in_place": NOT_LOOKED,
    "fidelity.faces_kept": NOT_LOOKED,
    **{rule.id: "the scan has no sound" for rule in sound_rules(policy(), tracks=0)},
}
"""Rules with nothing to speak about, and what they say: no shot is evened out in density, gets its colours back, is
steadied or has less grain, no text is on screen, nobody looked for faces, and there is no sound."""


@dataclass
class Reel:
    """Frames are lists of plane tuples, so that a test can spoil one of them."""

    scan: list = field(default_factory=list)
    restored: list = field(default_factory=list)
    masks: list = field(default_factory=list)
    shots: list = field(default_factory=list)
    recorded: list = field(default_factory=list)
    changed_px: list = field(default_factory=list)
    assembled: list = field(default_factory=list)
    """Digests of the restored frames; those of the frames as they are, where a test leaves it empty."""

    def tables(self):
        """The tables of the check, as the step would measure them."""
        import pandas as pd

        meter = ReelMeter(PICTURE, policy())
        for number, (scan, restored, mask, shot) in enumerate(
            zip(self.scan, self.restored, self.masks, self.shots, strict=False)
        ):
            meter.add(
                frame=number,
                scan_number=FIRST_SCAN_NUMBER + number,
                shot=shot,
                treatment=SHOTS[shot],
                recorded_md5=self.recorded[number],
                assembled_md5=self.assembled[number] if self.assembled else frame_md5(restored),
                recorded_px=self.changed_px[number],
                master=scan,
                restored=restored,
                mask=mask,
                mapped_share=float(mask.mean()),
            )
        facts = [
            (fact, "as it was", "as it was") for _, names in facts_asked(scan_copy=True).values() for fact in names
        ]
        files = [(f"scan/{number:06d}.dpx", "ab" * 32, "ab" * 32) for number in range(len(self.scan))]
        copied = [
            CopiedFrame(
                frame=number,
                scan_number=FIRST_SCAN_NUMBER + number,
                copy=copy,
                luma_db=60.0,
                chroma_db=60.0,
                tones_db=70.0,
                place_off_px=0.0,
                out_of_order=False,
                y_low=30.0,
                y_high=200.0,
                saturation_max=90.0,
                saturation_max_allowed=181.02,
                outliers=0.001,
                outliers_allowed=0.009,
                repeated_lines=0.0,
                repeated_lines_allowed=0.03,
            )
            for copy in PIXEL_FORMATS
            for number in range(len(self.scan))
        ]
        return {
            Table.COPIES: pd.DataFrame(copied),
            Table.FRAMES: meter.frames_table(),
            Table.SHOTS: meter.shots_table(),
            Table.FACTS: pd.DataFrame(facts, columns=["fact", "expected", "found"]),
            Table.FILES: pd.DataFrame(files, columns=["file", "expected", "found"]),
        }


def make_reel() -> Reel:
    """A moving texture; specks in the second shot, all repaired; flicker in the third, halved."""
    rng = np.random.default_rng(7)
    scene = cv2.GaussianBlur(rng.uniform(0, 1, (PICTURE.height, PICTURE.width + 64)), (0, 0), 4)
    scene = (300 + 400 * (scene - scene.min()) / np.ptp(scene)).astype(np.int32)
    reel = Reel()
    for number in range(SHOT_FRAMES * len(SHOTS)):
        shot = list(SHOTS)[number // SHOT_FRAMES]
        clean = scene[:, 2 * number : 2 * number + PICTURE.width].copy()
        scanned, restored, mask = clean, clean, np.zeros(clean.shape, bool)
        if SHOTS[shot] is Treatment.MASKED:
            y, x = rng.integers(4, 60, 2)
            mask[y : y + 6, x : x + 6] = True
            scanned = np.where(mask, 20, clean)
        if SHOTS[shot] is Treatment.TONAL:
            swing = 60 if number % 2 else -60
            scanned, restored = clean + swing, clean + swing // 2
        reel.scan.append((scanned.astype(np.uint16),))
        reel.restored.append((restored.astype(np.uint16),))
        reel.masks.append(mask)
        reel.shots.append(shot)
    reel.changed_px = [int((a[0] != b[0]).sum()) for a, b in zip(reel.scan, reel.restored, strict=True)]
    reel.recorded = [frame_md5(frame) for frame in reel.scan]
    return reel
