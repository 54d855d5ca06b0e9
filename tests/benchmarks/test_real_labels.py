"""Labels of real film: they are read strictly, masks agree with them, and scoring counts what it says it counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import yaml

from benchmarks.real_labels import (
    DAMAGES,
    FOLDER,
    IGNORE,
    VALUES,
    Kind,
    RunLabels,
    Tally,
    differing,
    film_folder,
    labelled_frames,
    load,
    mask_path,
    pooled,
    read_mask,
    render,
    score,
)
from benchmarks.real_marks import Mark, Side, drawn, snapped
from restoration_tasks.runtime.errors import StepFailed, WrongUse

DIRT, HAIR, SCRATCH = (VALUES[kind] for kind in DAMAGES)
FILM_ABSENT = any(film_folder(run) is None for run, _ in labelled_frames())


def canvas(*boxes: tuple[int, int, int, int, int]) -> np.ndarray:
    """A label of 20x30 with boxes (value, top, left, bottom, right)."""
    label = np.zeros((20, 30), np.uint8)
    for value, top, left, bottom, right in boxes:
        label[top:bottom, left:right] = value
    return label


def found(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    return canvas(*((1, *box) for box in boxes)).astype(bool)


def test_every_run_has_five_labelled_frames_with_room_for_neighbours():
    runs = load()
    assert len(runs) == 4
    for labels in runs:
        assert len(labels.frames) >= 5
        numbers = sorted(int(frame) for frame in labels.frames)
        assert min(np.diff(numbers)) > 4


def test_labels_and_masks_are_of_the_same_frames_and_masks_hold_legal_values():
    expected = {mask_path(run, frame).name for run, frame in labelled_frames()}
    assert {path.name for path in (FOLDER / "masks").iterdir()} == expected
    for labels in load():
        for frame in labels.frames:
            mask = read_mask(labels.run, frame)
            assert mask.shape == (labels.size.height, labels.size.width)
            assert set(np.unique(mask)) <= {0, *VALUES.values()}
            drawn_kinds = {VALUES[mark.kind] for mark in labels.frames[frame]} - {IGNORE}
            assert set(np.unique(mask)) & {DIRT, HAIR, SCRATCH} == drawn_kinds


@pytest.mark.skipif(FILM_ABSENT, reason="the real film is absent; set REELKEEPER_REAL_FILM to the folder of its runs")
def test_the_masks_are_what_the_drawing_says():
    assert differing() == []


@pytest.mark.parametrize(
    "mark",
    [
        {"kind": "dirt"},
        {"kind": "dirt", "ellipse": [5, 5, 2, 2], "polygon": [[0, 0], [4, 0], [0, 4]]},
        {"kind": "hair", "polyline": [[0, 0], [5, 5]]},
        {"kind": "dirt", "ellipse": [5, 5, 2, 2], "width": 3},
        {"kind": "ignore", "snap": "dark", "ellipse": [5, 5, 2, 2]},
        {"kind": "mould", "ellipse": [5, 5, 2, 2]},
    ],
)
def test_a_mark_that_is_not_one_drawn_shape_is_refused(mark, tmp_path):
    size, border = {"width": 8, "height": 8}, {"left": 0, "top": 0, "right": 0, "bottom": 0}
    content = {"run": "r", "size": size, "border": border, "frames": {"1": [{"kind": "dirt", "ellipse": [5, 5, 2, 2]}]}}
    path = tmp_path / "r.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert load(tmp_path)[0].frames["1"][0].kind is Kind.DIRT
    content["frames"] = {"1": [mark]}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(WrongUse, match="cannot be read"):
        load(tmp_path)


def test_shapes_cover_the_pixels_whose_centres_they_hold():
    square = drawn(Mark(kind=Kind.IGNORE, polygon=((2, 3), (5, 3), (5, 7), (2, 7))), 10, 10)
    assert np.array_equal(np.argwhere(square).min(0), (3, 2))
    assert square.sum() == 12
    disc = drawn(Mark(kind=Kind.IGNORE, ellipse=(5, 5, 3, 2)), 10, 10)
    assert disc.sum(0).max() == 4
    assert disc.sum(1).max() == 6
    line = drawn(Mark(kind=Kind.IGNORE, polyline=((4.5, 0), (4.5, 10)), width=3), 10, 10)
    assert line.sum() == 30


def test_snapping_keeps_the_speck_and_leaves_the_slope_it_lies_on():
    ground = np.tile(np.linspace(40, 160, 40).astype(np.uint8), (30, 1))
    picture = ground.copy()
    picture[12:15, 18:21] += 50
    light = snapped(Mark(kind=Kind.DIRT, snap=Side.LIGHT, ellipse=(19.5, 13.5, 6, 6)), picture)
    assert np.array_equal(light, picture != ground)
    with pytest.raises(StepFailed, match="nothing stands out"):
        snapped(Mark(kind=Kind.DIRT, snap=Side.DARK, ellipse=(8, 8, 3, 3)), ground)


def test_a_line_that_fades_stays_one_line():
    picture = np.full((60, 20), 100, np.uint8)
    picture[:, 9] = np.linspace(200, 108, 60).astype(np.uint8)
    picture[30:34, 9] = 100
    line = snapped(Mark(kind=Kind.SCRATCH, snap=Side.LIGHT, polyline=((9.5, 0), (9.5, 60)), width=5), picture)
    assert np.array_equal(line, np.indices(picture.shape)[1] == 9)


def test_damage_lies_over_ignored_places_and_the_border_is_ignored():
    labels = RunLabels.model_validate(
        {
            "run": "r",
            "size": {"width": 30, "height": 20},
            "border": {"left": 2, "top": 0, "right": 0, "bottom": 1},
            "frames": {
                "1": [
                    {"kind": "dirt", "ellipse": [10, 10, 2, 2]},
                    {"kind": "ignore", "polygon": [[5, 5], [15, 5], [15, 15], [5, 15]]},
                ]
            },
        }
    )
    mask = render(labels, "1", np.zeros((20, 30), np.uint8))
    assert mask[10, 10] == DIRT
    assert mask[6, 6] == mask[3, 0] == mask[19, 20] == IGNORE
    assert mask[3, 20] == 0
    with pytest.raises(WrongUse, match="another size"):
        render(labels, "1", np.zeros((21, 30), np.uint8))


def test_an_object_is_found_from_forty_percent_of_its_pixels_on():
    label = canvas((DIRT, 2, 2, 4, 7), (HAIR, 10, 2, 12, 7))
    result = score(found((2, 2, 4, 4), (10, 2, 11, 5)), label)
    assert result.objects[Kind.DIRT] == Tally(1, 1)
    assert result.objects[Kind.HAIR] == Tally(0, 1)
    assert result.objects[Kind.SCRATCH] == Tally(0, 0)
    assert math.isnan(result.objects[Kind.SCRATCH].share)
    assert result.pixels[Kind.DIRT] == Tally(4, 10)
    assert result.pixels[Kind.HAIR] == Tally(3, 10)
    assert result.object_recall == 0.5
    assert result.pixel_recall == 0.35


def test_a_found_pixel_is_right_within_the_slack_and_wrong_beyond():
    label = canvas((SCRATCH, 0, 10, 20, 11))
    beside, further = found((0, 11, 20, 12)), found((0, 12, 20, 13))
    assert score(beside, label).right_pixels == Tally(20, 20)
    assert score(beside, label).objects[Kind.SCRATCH] == Tally(0, 1)
    assert score(further, label).right_pixels == Tally(0, 20)
    assert score(further, label, slack_px=2).right_pixels == Tally(20, 20)
    assert score(beside, label, slack_px=0).right_objects == Tally(0, 1)


def test_a_found_object_mostly_outside_labels_is_wrong():
    label = canvas((DIRT, 2, 2, 4, 4))
    result = score(found((2, 2, 4, 14), (10, 10, 12, 12)), label)
    assert result.right_objects == Tally(0, 2)
    assert result.right_pixels == Tally(6, 28)
    assert result.objects[Kind.DIRT] == Tally(1, 1)


def test_what_is_found_on_ignored_places_counts_neither_way():
    label = canvas((IGNORE, 0, 0, 10, 10), (DIRT, 4, 4, 6, 6))
    on_label = score(found((4, 4, 6, 6)), label)
    assert on_label.right_objects == on_label.objects[Kind.DIRT] == Tally(1, 1)
    assert score(found((0, 0, 3, 3), (9, 9, 11, 11)), label).right_objects == Tally(0, 0)
    partly = score(found((0, 8, 2, 16)), label)
    assert partly.right_pixels == Tally(0, 10)
    assert partly.right_objects == Tally(0, 1)


def test_nothing_found_is_no_precision_and_no_recall():
    result = score(found(), canvas((DIRT, 2, 2, 4, 4)))
    assert math.isnan(result.right_objects.share)
    assert result.object_recall == 0


def test_scores_of_frames_add_up_object_by_object():
    label = canvas((DIRT, 2, 2, 4, 4), (DIRT, 8, 8, 10, 10))
    one, both = score(found((2, 2, 4, 4)), label), score(found((2, 2, 4, 4), (8, 8, 10, 10), (15, 15, 17, 17)), label)
    total = pooled([one, both])
    assert total.objects[Kind.DIRT] == Tally(3, 4)
    assert total.right_objects == Tally(3, 4)
    assert pooled([]).right_objects == Tally(0, 0)


def test_sizes_have_to_agree():
    with pytest.raises(WrongUse, match="another size"):
        score(np.zeros((3, 3), bool), np.zeros((3, 4), np.uint8))
