"""A mended tear changes half a frame: the check holds it against the plan's outline, and not against a share of it."""

from __future__ import annotations

import numpy as np

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.quality.measure import ReelMeter, Treatment
from restoration_tasks.quality.permits import Permit
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.suites import rules
from restoration_tasks.restoration.damage_map import DamageMap
from restoration_tasks.restoration.pipeline import restore_segment
from tests.restoration.moving import whole, write_master
from tests.restoration.test_tears import FMT, one, plan, torn_clip


def test_a_mended_tear_is_local_however_large_and_one_pixel_beside_it_is_not(tmp_path):
    _, damaged = torn_clip([4])
    frames = len(damaged)
    master = write_master(tmp_path / "master.mkv", damaged, FMT)
    asked = plan(frames, tears=[one(4, 4)])
    changes = restore_segment(master, whole(frames), asked.slice_for(whole(frames)), tmp_path / "made.mkv")
    permit, tables = Permit.of(asked.shots[0]), []
    for spoilt in (False, True):
        meter = ReelMeter(FMT, policy())
        for number, (frame, after) in enumerate(
            zip(FrameReader(master), FrameReader(tmp_path / "made.mkv"), strict=True)
        ):
            written = after[0].copy()
            if spoilt and number == 4:
                written[2, 2] ^= 1
            meter.add(
                frame=number,
                scan_number=number,
                shot=permit.shot,
                treatment=permit.kind(number),
                recorded_md5="",
                assembled_md5="",
                recorded_px=changes[number].changed_px,
                master=frame,
                restored=(written,),
                mask=permit.mask(number, frame, DamageMap.empty(written.shape), FMT),
                mapped_share=0.0,
                expected=permit.expected(number, frame, FMT),
            )
        tables.append(meter.frames_table())
    good, bad = tables
    assert good["treatment"].tolist() == ["untouched"] * 4 + ["rebuilt"] + ["untouched"] * 4
    assert good["changed_share"][4] > policy().limit("masked_share_max")
    assert good["outside_px"].sum() == 0
    assert bad["outside_px"].tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    asked_of = {
        rule.id: rule.scope.values
        for rule in rules(policy(), frames=frames, shots=1, files=frames)
        if rule.scope is not None and rule.scope.column == "treatment"
    }
    assert Treatment.REBUILT in asked_of["fidelity.only_damage_changed"]
    assert Treatment.REBUILT not in asked_of["fidelity.repairs_stay_local"]
    assert np.array_equal(good["changed_px"], [change.changed_px for change in changes])
