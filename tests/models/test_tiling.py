"""Tiles change nothing where they overlap enough, never show, fit the budget, and are halved when they do not."""

from __future__ import annotations

import numpy as np
import pytest

from restoration_tasks.models.tiling import Tileable, peak_bytes, tile_boxes, tile_for, tiled
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.settings import Device
from restoration_tasks.runtime.spec import NumericProfile

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402


def network(layers=3, scale=1, width=8):
    """Its reach is one pixel a layer."""
    torch.manual_seed(3)
    stack = [nn.Conv2d(3, width, 3, padding=1), nn.PReLU(width)]
    for _ in range(layers - 2):
        stack += [nn.Conv2d(width, width, 3, padding=1), nn.PReLU(width)]
    stack += [nn.Conv2d(width, 3 * scale * scale, 3, padding=1), nn.PixelShuffle(scale)]
    return nn.Sequential(*stack).eval()


def picture(height=150, width=211):
    return np.random.default_rng(1).random((3, height, width), np.float32)


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("tile_px", [64, 100, 149])
def test_tiles_change_nothing_where_the_overlap_covers_twice_the_reach(scale, tile_px):
    own = Tileable(network(scale=scale), scale, overlap_px=6)
    whole, _ = tiled(own, picture(), NumericProfile())
    parts, profile = tiled(own, picture(), NumericProfile(tile_px=tile_px))
    assert whole.shape == (3, 150 * scale, 211 * scale)
    assert np.abs(parts - whole).max() < 1e-5
    assert profile.tile_px == tile_px


def test_seams_do_not_show_where_the_reach_is_longer_than_the_overlap():
    # Each pixel is the mean of the tile it is in: the worst case, every tile says something else.
    class Mean(nn.Module):
        def forward(self, shown):
            return shown.mean((2, 3), keepdim=True).expand_as(shown)

    ramp = np.broadcast_to(np.linspace(0, 1, 256, dtype=np.float32), (3, 64, 256))
    made, _ = tiled(Tileable(Mean(), overlap_px=32), ramp, NumericProfile(tile_px=64))
    assert np.ptp(made) > 0.3
    assert np.abs(np.diff(made, axis=2)).max() < 0.02


def test_sides_are_grown_to_what_the_network_takes():
    class Strict(nn.Module):
        def forward(self, shown):
            assert shown.shape[2] % 16 == shown.shape[3] % 16 == 0
            return shown

    shown = picture(50, 77)
    for tile_px in (0, 64):
        made, _ = tiled(Tileable(Strict(), multiple_px=16), shown, NumericProfile(tile_px=tile_px))
        assert np.allclose(made, shown, atol=1e-6)


def test_half_precision_is_the_profiles():
    own = Tileable(network().bfloat16())
    made, _ = tiled(own, picture(70, 70), NumericProfile(precision="bfloat16"))
    assert made.dtype == np.float32


class Hungry(nn.Module):
    """Runs out of memory on more than so many pixels."""

    def __init__(self, pixels, error):
        super().__init__()
        self.pixels, self.error = pixels, error

    def forward(self, shown):
        if shown.shape[2] * shown.shape[3] > self.pixels:
            raise self.error
        return shown


OUT_OF_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError("no memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: can't allocate memory"),
)


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=["gpu", "python", "processor"])
def test_out_of_memory_halves_the_tile_and_says_so(error):
    shown = picture(300, 400)
    made, profile = tiled(Tileable(Hungry(150 * 150, error), overlap_px=8), shown, NumericProfile(tile_px=400))
    assert profile.tile_px == 100
    assert np.allclose(made, shown, atol=1e-6)


def test_memory_that_never_suffices_is_an_error_that_says_what_to_do():
    with pytest.raises(ModelError, match=r"does not suffice.*room for 75 by 75.*Next: free memory"):
        tiled(Tileable(Hungry(10, MemoryError("none left"))), picture(300, 300), NumericProfile(tile_px=300))


def test_other_errors_are_not_taken_for_it():
    with pytest.raises(RuntimeError, match="another"):
        tiled(Tileable(Hungry(10, RuntimeError("another thing"))), picture(), NumericProfile())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_no_gpu_is_told_before_anything_is_done():
    with pytest.raises(ModelError, match=r"no GPU.*REELKEEPER_DEVICE"):
        tiled(Tileable(network()), picture(), NumericProfile(device=Device.CUDA))


@pytest.mark.parametrize(("height", "width", "tile_px"), [(1, 1, 64), (64, 65, 64), (1080, 1920, 500), (7, 3000, 64)])
def test_boxes_cover_a_frame_once(height, width, tile_px):
    covered = np.zeros((height, width), int)
    for box in tile_boxes(height, width, tile_px):
        assert box.height <= tile_px
        assert box.width <= tile_px
        covered[box.rows, box.columns] += 1
    assert (covered == 1).all()


@pytest.mark.parametrize("half", [False, True])
def test_the_accounting_is_what_the_layers_hold(half):
    own, size = network(layers=2, width=10), 2 if half else 4
    weights = sum(one.numel() for one in own.state_dict().values()) * size
    # at the worst moment: what it is shown, and the ten planes before and after the slopes
    expected = weights + (3 + 10 + 10) * 40 * 50 * size
    assert peak_bytes(own, (1, 3, 40, 50), half=half) == expected
    assert next(own.parameters()).device.type == "cpu"


def test_the_largest_tile_inside_a_budget_is_found():
    own = Tileable(network(width=16), overlap_px=8)
    budget = 20 * 2**20
    tile_px = tile_for(own, 3, budget, largest_px=4096)

    def needs(tile):
        return peak_bytes(own.network, (1, 3, tile + 16, tile + 16))

    assert tile_px % 16 == 0
    assert needs(tile_px) <= budget * 0.8 < needs(tile_px + 16)
    assert tile_for(own, 3, budget, largest_px=200) == 208
    with pytest.raises(ModelError, match="smallest tile"):
        tile_for(own, 3, 2**20, largest_px=4096)
