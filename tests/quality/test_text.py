"""Text on screen that is not the scan's refuses a reel, wherever a repair was allowed to write."""

from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.quality.expectations import evaluate
from restoration_tasks.quality.findings import Severity, Status
from restoration_tasks.quality.measure import ReelMeter, Treatment
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.rules import Table
from restoration_tasks.quality.suites import rules
from tests.fixtures.titles import HEIGHT, WIDTH, card

TEXT = np.zeros((HEIGHT, WIDTH), np.bool_)
TEXT[30:72, 10:250] = True


def judged(text, change=None):
    """What the rule says of three frames of a title, all of which may be written to; the middle one changed."""
    meter = ReelMeter(PictureFormat(WIDTH, HEIGHT, "gray10le"), policy())
    for number in range(3):
        scan = np.rint(1023 * card()).astype(np.uint16)
        restored = scan.copy()
        if change is not None and number == 1:
            restored[change] += 1
        meter.add(
            frame=number, scan_number=86400 + number, shot="s001", treatment=Treatment.MASKED, recorded_md5="",
            assembled_md5="", recorded_px=0, master=(scan,), restored=(restored,), mask=np.ones_like(TEXT),
            mapped_share=0.0, text=text,
        )  # fmt: skip
    wanted = [one for one in rules(policy(), frames=3, shots=1, files=0) if one.id == "fidelity.text_untouched"]
    (found,) = evaluate(wanted, {Table.FRAMES: meter.frames_table()})
    return found


def test_one_pixel_of_text_refuses_a_reel_and_the_frame_is_named():
    found = judged(TEXT, (40, 100))
    assert (found.status, found.severity) == (Status.FAILED, Severity.FAIL)
    assert [(one.frame, one.scan) for one in found.frames] == [(1, 86401)]


@pytest.mark.parametrize("change", [None, (100, 300)])
def test_text_as_it_was_scanned_passes_whatever_is_beside_it(change):
    assert judged(TEXT, change).status is Status.PASSED


def test_where_there_is_no_text_nothing_is_passed():
    assert judged(None, (40, 100)).status is Status.NOT_APPLICABLE
