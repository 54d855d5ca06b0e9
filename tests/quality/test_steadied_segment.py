"""What the restore step makes of a shot with dirt, weave and flicker is what the check expects, pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.measure import ReelMeter
from restoration_tasks.quality.permits import Permit
from restoration_tasks.quality.policy import policy
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.pipeline import restore_segment
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from tests.restoration.moving import GREY, add_dirt, moving_clip
from tests.restoration.test_pipeline import write_maps

FRAMES = 8
MOVES = {
    "x": [0.0, 1.3, -0.7, 2.4, 0.2, -1.1, 0.0, 0.6],
    "y": [0.0, -0.4, 1.9, 0.0, 0.5, -2.2, 0.0, 0.3],
    "turn": [0.0, 0.1, -0.2, 0.05, 0.0, 0.3, 0.0, 0.0],
}
TREATMENTS = (
    PlannedTreatment(name="dirt", params={"threshold": 0.5, "engine": "classical"}, why="w"),
    PlannedTreatment(name="stabilise", params=MOVES, why="w"),
    PlannedTreatment(name="flicker", params={"gain": [1.0, 1.02] * 4, "offset": [0.0] * FRAMES}, why="w"),
)


def written(path, clip, picture):
    with FrameWriter(path, picture) as writer:
        for frame in clip:
            planes = [frame[0]]
            # Chroma of its own: a scene twice as small as the picture's.
            planes += [np.ascontiguousarray(frame[0][:h, :w]) for h, w in picture.plane_shapes[1:]]
            writer.write(tuple(planes))


@pytest.mark.parametrize("pix_fmt", ["gray10le", "yuv420p10le", "yuv422p10le"])
@pytest.mark.parametrize("cut", [FRAMES, 3])
def test_every_pixel_outside_the_moved_mask_is_expected(tmp_path, pix_fmt, cut):
    picture = PictureFormat(GREY.width, GREY.height, pix_fmt)
    dirty, masks = add_dirt(moving_clip(FRAMES))
    written(tmp_path / "master.mkv", dirty, picture)
    write_maps(tmp_path / "map.mkv", masks)
    plan = Plan(reel_id="r1", shots=(PlannedShot(shot=1, start=0, stop=FRAMES, treatments=TREATMENTS),))
    parts = [(0, cut), (cut, FRAMES)] if cut < FRAMES else [(0, FRAMES)]
    changes, restored = [], []
    for number, (start, stop) in enumerate(parts):
        segment = Segment(f"s001-{number + 1:02d}", 1, start, stop, 0, FRAMES)
        made = tmp_path / f"{segment.id}.mkv"
        changes += restore_segment(
            tmp_path / "master.mkv", segment, plan.slice_for(segment), made, maps=[tmp_path / "map.mkv"]
        )
        restored += list(FrameReader(made))
    permit, meter = Permit.of(plan.shots[0]), ReelMeter(picture, policy())
    for number, (frame, after) in enumerate(zip(FrameReader(tmp_path / "master.mkv"), restored, strict=True)):
        found = DamageMap.empty(masks[number].shape)
        found.dirt[masks[number]] = 255
        meter.add(
            frame=number,
            scan_number=number,
            shot=permit.shot,
            treatment=permit.kind(number),
            recorded_md5="",
            assembled_md5="",
            recorded_px=changes[number].changed_px,
            master=frame,
            restored=after,
            mask=permit.mask(number, frame, found, picture),
            mapped_share=float(masks[number].mean()),
            expected=permit.expected(number, frame, picture),
        )
    table = meter.frames_table()
    assert table["treatment"].tolist() == ["tonal", *["moved"] * 5, "tonal", "moved"]
    assert (table["off_plan_px"] == 0).all()
    assert (table["changed_px"] == table["recorded_px"]).all()
    assert (table["brightness_drift"] < 0.02).all()
    # What was repaired is counted as it was before the frame was moved.
    repaired = sum(change.repaired_px for change in changes)
    assert 0 < repaired <= masks.sum() * (4 if pix_fmt != "gray10le" else 1)
    assert all(change.outside_map_px == 0 for change in changes)
