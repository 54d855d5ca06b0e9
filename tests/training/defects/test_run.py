"""The whole training in small: fetch, train, measure, write; and what is refused before an hour is spent."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.models.defects.load import Weights, load_detector, load_repairer
from restoration_tasks.runtime.errors import MediaError, WrongUse
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.training import clips
from restoration_tasks.training.damage import DamageKind
from restoration_tasks.training.defects import evaluate
from restoration_tasks.training.defects.evaluate import validation_runs
from restoration_tasks.training.defects.fit import FitSettings
from restoration_tasks.training.defects.footage import gather
from restoration_tasks.training.defects.run import Course, Finish, train_defects
from restoration_tasks.training.defects.samples import SampleSize
from restoration_tasks.training.recipe import ClipPin, Recipe, Split, Strength

torch.set_num_threads(1)
LOCAL = (DamageKind.DIRT, DamageKind.HAIR, DamageKind.SCRATCH)


@pytest.fixture
def recipe(offline_clip, cache, monkeypatch):
    """A recipe that trains and validates on the tiny clip: enough to go the way once."""
    monkeypatch.setitem(clips.CLIPS, "tiny", offline_clip)
    monkeypatch.setattr(clips, "default_cache", lambda: cache)
    pin = ClipPin(
        package=offline_clip.requirement,
        wheel_sha256=offline_clip.wheel_sha256,
        member=offline_clip.member,
        sha256=offline_clip.member_sha256,
        frames=(0, 16),
    )
    wide = {"radius_px": 9.0, "largest_px": 30.0, "area": [0.02, 0.03], "opacity": [0.5, 1.0]}
    strengths = {
        DamageKind.DIRT: tuple(Strength(parameters=wide, psnr_db=31.0) for _ in range(6)),
        DamageKind.HAIR: tuple(Strength(parameters={"strands": 2.0, "width_px": [4, 5]}) for _ in range(6)),
        DamageKind.SCRATCH: tuple(Strength(parameters={"lines": 3.0}) for _ in range(6)),
    } | {kind: tuple(Strength(parameters={}) for _ in range(6)) for kind in evaluate._HARMLESS}
    part = {"purpose": "a test", "kinds": LOCAL}
    # The rules against training on what is measured are tested with the recipe itself.
    return Recipe.model_construct(
        version=1,
        clips={"tiny": pin},
        train=Split(clips=("tiny",), seeds=(1000, 1001), **part),
        validation=Split(clips=("tiny",), seeds=(1, 2), **part),
        test=Split(clips=(), seeds=(101,), **part),
        strengths=strengths,
    )


def test_it_trains_measures_and_writes_and_goes_on(recipe, tmp_path):
    told = []
    course = Course(
        minutes=5,
        seed=1000,
        steps=2,
        size=SampleSize(96, 64),
        settings=FitSettings(batch=2, workers=0, pool=8),
        finish=Finish(minutes=5, seed=1001),
        photographs=(),
        tell=told.append,
    )
    trained = train_defects(tmp_path, recipe, course)
    for kind, sha256 in trained.sha256.items():
        assert sha256_file(tmp_path / kind)[0] == sha256
    evaluation = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    assert set(evaluation["kinds"]) == set(Defect)
    for figures in evaluation["kinds"].values():
        assert 0 < figures["chance"] < 0.2
        assert 0 <= figures["average_precision"] <= 1
    assert 30 < evaluation["repair"]["input_db"] < 32
    assert evaluation["repair"]["true_mask_telea_db"] > evaluation["repair"]["input_db"]
    card = (tmp_path / "card.md").read_text(encoding="utf-8")
    assert "Seeds 1000 and 1001" in card
    assert all(sha256 in card for sha256 in trained.sha256.values())
    assert re.search(r"\| tiny \| tinyclip==1\.0 \|.*CC0-1\.0 \|", card)
    for kind, threshold in load_detector(tmp_path / Weights.DETECTOR).thresholds.items():
        assert threshold == evaluation["kinds"][kind]["threshold"]
    load_repairer(tmp_path / Weights.FUSION)
    assert any("reading tiny" in line for line in told)
    again = train_defects(tmp_path, recipe, course)  # both networks have had their steps
    assert again.sha256 == trained.sha256


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda recipe: recipe, "this seed is not for training .expected 1000, 1001, found 1."),
        (
            lambda recipe: recipe.model_copy(
                update={"train": recipe.train.model_copy(update={"clips": (), "seeds": (1,)})}
            ),
            "names no clips to train on",
        ),
    ],
)
def test_a_measuring_seed_and_an_empty_list_are_refused(recipe, tmp_path, change, complaint):
    with pytest.raises(WrongUse, match=complaint):
        train_defects(tmp_path, change(recipe), Course(minutes=1, seed=1))
    assert not list(tmp_path.iterdir())


def test_validation_runs_are_damaged_as_they_say(recipe):
    runs, name = validation_runs(recipe, lambda _: None)
    assert name == "tiny"
    assert {run.kind for run in runs} == {*LOCAL, None}
    for run in runs:
        for clean, damaged, mask in zip(run.clean, run.damaged, run.masks, strict=True):
            assert np.array_equal(clean[:, ~mask], damaged[:, ~mask])
            assert mask.any() or run.kind is not DamageKind.DIRT


def test_footage_is_shrunk_kept_and_read_once(offline_clip, cache, monkeypatch, tmp_path):
    monkeypatch.setattr(clips, "default_cache", lambda: cache)
    monkeypatch.setattr("restoration_tasks.training.defects.footage.SHORT_SIDE_PX", 36)
    told = []
    (first,) = gather([offline_clip], [], tmp_path, told.append)
    assert first.frames.shape == (16, 36, 48, 3)
    assert first.scenes == ((0, 16),)
    assert len(told) == 1
    (again,) = gather([offline_clip], [], tmp_path, told.append)
    assert np.array_equal(again.frames, first.frames)
    assert len(told) == 1


def test_a_file_that_is_no_photograph_is_refused(tmp_path):
    from restoration_tasks.training.defects.footage import _photograph

    path = tmp_path / "still.png"
    path.write_bytes(b"no picture")
    with pytest.raises(MediaError, match="photograph cannot be read"):
        _photograph(path)
