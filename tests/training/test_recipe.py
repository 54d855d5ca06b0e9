"""The committed recipe keeps the design's rules, and a loosened one is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.training.damage import DamageKind, Dirt
from restoration_tasks.training.recipe import PSNR_TOLERANCE_DB, Recipe, calibrated, input_psnr_db

COMMITTED = Path(__file__).parents[2] / "benchmarks" / "recipe.yaml"


def changed(tmp_path: Path, change) -> Path:
    content = yaml.safe_load(COMMITTED.read_text(encoding="utf-8"))
    change(content)
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_the_committed_recipe_is_valid_and_covers_every_kind():
    recipe = Recipe.load(COMMITTED)
    assert set(recipe.test.kinds) == set(DamageKind)
    assert not set(recipe.train.clips) & {*recipe.test.clips, *recipe.validation.clips}
    cases = list(recipe.cases(recipe.test))
    assert len(cases) >= len(recipe.test.clips) * len(DamageKind) * 6 * 3
    for _, kind, _, strength, seed in cases:
        assert recipe.damage(kind, strength, recipe.test, seed).kind is kind


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda r: r["strengths"]["hair"].pop(), "at least 6"),
        (lambda r: r["strengths"]["dirt"][0]["parameters"].update(area=[0.001, 0.03]), "dirt covers"),
        (lambda r: r["strengths"]["dirt"][0].update(psnr_db=30.0), "24 to 28"),
        (lambda r: r["strengths"]["dirt"][0].pop("psnr_db"), "24 to 28"),
        (lambda r: r["test"]["parameters"]["dirt"].update(area=[0.03, 0.06]), "dirt covers"),
        (lambda r: r["train"]["clips"].append("carphone"), "clip in two splits"),
        (lambda r: r["validation"]["seeds"].append(101), "seed in two splits"),
        (lambda r: r["clips"]["city"].update(sha256="0" * 64), "not the one"),
        (lambda r: r["clips"]["city"].update(frames=[0, 500]), "frames 0 to 190"),
        (lambda r: r["test"]["clips"].append("mystery"), "no pin"),
        (lambda r: r["strengths"].pop("tear"), "no strengths"),
        (lambda r: r["strengths"]["grain"][0]["parameters"].update(sigmaa=1), "no such parameter"),
        (lambda r: r.update(surprise=1), "surprise"),
        (lambda r: r["thinned"]["city_thinned"].update(clip="cockatoo"), "no clip of validation or test"),
        (lambda r: r["thinned"]["city_thinned"].update(every=1), "greater than or equal to 2"),
        (lambda r: r["thinned"]["city_thinned"].update(frames=[0, 500]), "frames 0 to 190"),
        (lambda r: r["thinned"].update(bikes=r["thinned"]["city_thinned"]), "is a clip"),
    ],
)
def test_a_loosened_recipe_is_refused(tmp_path, change, complaint):
    with pytest.raises(WrongUse, match=complaint):
        Recipe.load(changed(tmp_path, change))


def grey_frames() -> list[np.ndarray]:
    rng = np.random.default_rng(1)
    return [rng.integers(250, 700, (1, 144, 192)).astype(np.uint16) for _ in range(2)]


def test_calibrated_dirt_has_the_psnr_asked_for():
    dirt = Dirt(area=(0.02, 0.03), opacity=(0.9, 1.0), translucent_share=0, radius_px=8, largest_px=20, seed=3)
    frames = grey_frames()
    full = input_psnr_db(dirt, frames, 10)
    wanted = full + 1.0
    found = input_psnr_db(calibrated(dirt, frames, 10, wanted), frames, 10)
    assert abs(found - wanted) <= PSNR_TOLERANCE_DB
    assert abs(full - wanted) > PSNR_TOLERANCE_DB


def test_a_strength_out_of_reach_is_an_error():
    with pytest.raises(WrongUse, match="cannot be reached"):
        calibrated(Dirt(area=(0.01, 0.011), seed=1), grey_frames(), 10, 15.0)
