"""What is enlarged stays true to its source, whatever the network made of it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from restoration_tasks.models.enlargers import ANIMATION, load_enlarger
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.models.tiling import Tileable
from restoration_tasks.restoration.enlarge import enlarge, enlarge_run, grown, shrunk
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.spec import NumericProfile
from tests.models.moving_pair import moving_pair

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

cv2.setNumThreads(1)


class Drifting(nn.Module):
    """Enlarges twice, shifts the colours and adds detail of its own."""

    def __init__(self, colour=0.08, detail=0.05):
        super().__init__()
        self.colour, self.detail = colour, detail

    def forward(self, shown):
        large = nn.functional.interpolate(shown, scale_factor=2.0, mode="nearest")
        rows = torch.arange(large.shape[2])[:, None] + torch.arange(large.shape[3])
        return large + self.colour * torch.tensor([1.0, -1.0, 0.5])[:, None, None] + self.detail * (rows % 2 * 2 - 1)


def rms_codes(one, other):
    return float(np.sqrt(np.mean(np.square((one - other) * 255, dtype=np.float64))))


SOURCE = 0.2 + 0.6 * moving_pair()[:3, 20:80, 20:100]


def test_what_drifted_is_brought_back_and_detail_stays():
    made = enlarge(Tileable(Drifting(), 2), SOURCE)
    assert rms_codes(shrunk(np.clip(Drifting()(torch.from_numpy(SOURCE)[None])[0].numpy(), 0, 1), 2), SOURCE) > 10
    assert made.differs_codes == pytest.approx(rms_codes(shrunk(made.picture, 2), SOURCE), abs=1e-6)
    assert made.differs_codes <= 0.5
    assert made.rounds >= 1
    plain = grown(SOURCE, 2)
    assert np.abs(np.diff(made.picture)).mean() > 2 * np.abs(np.diff(plain)).mean()  # the checks are still there


def test_true_as_it_stands_nothing_is_done_to_it():
    class Bicubic(nn.Module):
        def forward(self, shown):
            return torch.from_numpy(grown(shown[0].numpy(), 2))[None]

    soft = np.asarray(cv2.GaussianBlur(SOURCE.transpose(1, 2, 0), (0, 0), 3).transpose(2, 0, 1))
    made = enlarge(Tileable(Bicubic(), 2), soft)
    assert made.rounds == 0
    assert np.array_equal(made.picture, np.clip(grown(soft, 2), 0, 1))


def test_grey_stays_grey():
    made = enlarge(Tileable(Drifting(), 2), SOURCE[:1])
    assert made.picture.shape == (1, 120, 160)
    assert made.differs_codes <= 0.5


@pytest.mark.parametrize(("value", "told"), [(float("nan"), "no picture.*float32"), (0.3, "does not go back")])
def test_what_cannot_be_brought_back_is_an_error(value, told):
    class Wild(nn.Module):
        def forward(self, shown):
            return torch.full_like(nn.functional.interpolate(shown, scale_factor=2.0), value)

    outside = np.where(np.indices(SOURCE.shape).sum(0) % 2, 1.5, -0.5).astype(np.float32)  # no picture reaches it
    with pytest.raises(ModelError, match=told):
        enlarge(Tileable(Wild(), 2), outside)
    if value == 0.3:  # nothing of the frame is in it, and the frame comes back all the same
        assert enlarge(Tileable(Wild(), 2), SOURCE).differs_codes <= 0.5


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_the_real_network_for_animation_in_tiles(shelved, scale):
    name = ANIMATION[scale]
    own = load_enlarger(KNOWN[name], shelved(name))
    made = enlarge(own, SOURCE[:, :40, :70], NumericProfile(tile_px=64))
    assert made.picture.shape == (3, 40 * scale, 70 * scale)
    assert made.differs_codes <= 1.0
    assert made.profile.tile_px == 64


def test_a_run_of_frames_is_enlarged_together_each_true_to_its_own():
    class Run(nn.Module):
        def forward(self, shown):
            assert shown.shape[1] == 6
            return torch.cat([Drifting()(frame) for frame in shown.split(3, 1)], 1)

    other = np.ascontiguousarray(SOURCE[:, ::-1])
    made = enlarge_run(Tileable(Run(), 2), [SOURCE, other])
    for one, source in zip(made, (SOURCE, other), strict=True):
        assert rms_codes(shrunk(one.picture, 2), source) <= 0.5
