"""The scores have known answers, the scenes and tracks are what they say, results are kept, and a case runs through."""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from benchmarks import dirt, dirt_cases, peers, sheets
from benchmarks.clean_scenes import SCENES, over
from benchmarks.dirt_bars import BARS, judged
from benchmarks.dirt_cases import FULL, Aged, Case, Motion, Take, shot_motion, takes
from benchmarks.dirt_checks import REACH_LOGITS, confidence_place
from benchmarks.dirt_contenders import OF_WHOLE_FRAMES, Job, contender_digest, recipe_of, work
from benchmarks.dirt_jobs import PEER_CASES, Choice, Part, Unit, units
from benchmarks.engines import ungated
from benchmarks.kept import Kept, imported, source_digest
from benchmarks.scoring import BEST_DB, Errors, Flicker, Line, at_least, interval, match_tracks, psnr_db
from benchmarks.sheets import difference, spread
from benchmarks.true_tracks import planned_lines, true_lines
from benchmarks.uprights import Camera, shots
from restoration_tasks.restoration.plan import ONLY_ADDED, Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.training.damage import DamageKind, Scratch


def textured(frames: int = 6, height: int = 96, width: int = 128) -> list[np.ndarray]:
    """A smooth texture that moves by a pixel a frame, 10-bit codes."""
    rng = np.random.default_rng(5)
    wide = cv2.GaussianBlur(rng.random((height, width + frames, 3)).astype(np.float32), (0, 0), 3)
    wide = (wide - wide.min()) / (wide.max() - wide.min()) * 0.6 + 0.2
    return [
        np.ascontiguousarray(np.rint(wide[:, n : n + width] * FULL).astype(np.uint16).transpose(2, 0, 1))
        for n in range(frames)
    ]


# --- scores


def test_psnr_by_region_by_hand():
    truth = np.zeros((1, 4, 4), np.uint16)
    found, mask = truth.copy(), np.zeros((4, 4), bool)
    mask[0] = True
    found[0, 0] = 100
    errors = Errors()
    errors.add(found, truth, mask, 1000)
    scored = errors.psnr_db()
    assert scored["damage"] == pytest.approx(20)
    assert scored["total"] == pytest.approx(20 + 10 * math.log10(4))
    assert scored["outside"] == BEST_DB
    assert psnr_db(0.01) == pytest.approx(20)


def test_no_damage_has_no_psnr_in_the_damage():
    errors = Errors()
    errors.add(np.ones((1, 2, 2), np.uint16), np.ones((1, 2, 2), np.uint16), np.zeros((2, 2), bool), 1023)
    assert errors.psnr_db()["damage"] is None


def test_the_interval_holds_the_mean_and_is_that_of_its_seed():
    values = np.random.default_rng(2).normal(10, 2, 60)
    low, high = interval(values)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / math.sqrt(60), rel=0.15)
    assert interval([3.0, 3.0]) == (3.0, 3.0)
    assert interval(values) == (low, high)


def test_small_pieces_are_not_asked_for():
    mask = np.zeros((12, 12), bool)
    mask[1:3, 1:3] = True
    mask[5, 5:8] = True
    assert at_least(mask, 3).sum() == 3
    assert at_least(mask, 2).sum() == 7


def test_flicker_compares_the_repaired_area_with_its_surround():
    flow = np.zeros((64, 64, 2), np.float32)
    mask = np.zeros((64, 64), bool)
    mask[24:40, 24:40] = True
    first, second = np.full((64, 64), 0.5, np.float32), np.full((64, 64), 0.52, np.float32)
    second[mask] = 0.56
    flicker = Flicker()
    flicker.add((first, second), (mask, mask), flow)
    repaired, surround = flicker.means()
    assert repaired == pytest.approx(0.06, abs=1e-4)
    assert surround == pytest.approx(0.02, abs=1e-4)
    assert Flicker().means() is None


def test_flicker_follows_the_motion():
    frames = [frame.mean(axis=0) / np.float32(FULL) for frame in textured(2)]
    mask = np.zeros(frames[0].shape, bool)
    mask[40:50, 40:50] = True
    still, moving = Flicker(), Flicker()
    still.add((frames[0], frames[1]), (mask, mask), np.zeros((*mask.shape, 2), np.float32))
    flow = np.zeros((*mask.shape, 2), np.float32)
    flow[..., 0] = -1
    moving.add((frames[0], frames[1]), (mask, mask), flow)
    assert moving.means()[0] < 0.05 * still.means()[0]


def line(first: int, stop: int, x: float) -> Line:
    return Line(dict.fromkeys(range(first, stop), x), 4.0)


def test_tracks_are_matched_by_place_and_time():
    true = [line(0, 20, 50.0), line(0, 20, 90.0)]
    whole = match_tracks(true, [line(1, 19, 51.0), line(0, 20, 91.5)])
    assert (whole.right, whole.met, whole.f1) == (2, 2, 1.0)
    pieces = match_tracks(true, [line(0, 6, 50.0), line(10, 17, 50.0)])
    assert (pieces.right, pieces.met) == (2, 1)
    assert pieces.f1 == pytest.approx(2 * 1 * 0.5 / 1.5)
    beside = match_tracks(true, [line(0, 20, 57.0)])
    assert (beside.right, beside.met, beside.f1) == (0, 0, 0.0)
    assert match_tracks([], []).f1 == 1.0
    assert match_tracks([], [line(0, 9, 5.0)]).f1 == 0.0


def test_the_default_threshold_is_the_middle_of_the_scale():
    at = confidence_place(np.array([0.2, 0.5, 0.0, 1.0], np.float32), 0.2)
    assert at[0] == pytest.approx(0.5)
    assert at[1] == pytest.approx(0.5 + math.log(4) / (2 * REACH_LOGITS))
    assert 0 <= at[2] < 0.5 < at[3] <= 1


# --- what is damaged, and what only looks like it


def test_takes_know_their_cuts_and_their_speed():
    recipe = recipe_of()
    by_name = {take.name: take for take in takes(recipe, recipe.test)}
    assert by_name["bikes"].shots == [(0, 30), (30, 48)]
    assert by_name["bikes_thinned"].shots == [(0, 16), (16, 36), (36, 48)]
    assert by_name["bikes_thinned"].thinned
    assert not by_name["carphone"].thinned
    assert {take.clip for take in by_name.values()} == set(recipe.test.clips)


@pytest.fixture
def small_take(monkeypatch):
    frames = textured()
    take = Take("textured", "carphone", range(len(frames)), False)
    monkeypatch.setattr(dirt_cases, "clean_frames", lambda _: tuple(frames))
    return take


def test_motion_is_measured(small_take):
    measured = shot_motion(small_take, (0, 6))
    assert measured.motion is Motion.FAST
    # A pixel of 128 on a clip 176 wide.
    assert measured.median_px == pytest.approx(720 / 176, rel=0.15)


def test_true_lines_are_where_the_scratches_lie():
    clean = [np.full((3, 90, 180), 400, np.uint16) for _ in range(8)]
    scratch = Scratch(lines=5.0, opacity=(0.8, 0.9), broken_share=0, seed=4)
    laid = list(scratch.apply(clean, bit_depth=10))
    made = Aged(clean, [f.picture for f in laid], [f.truth.masks[DamageKind.SCRATCH] for f in laid], scratch)
    lines = true_lines(made, (0, 8))
    assert lines
    for one in lines:
        for frame, x in one.places.items():
            columns = np.flatnonzero(made.masks[frame][45])
            assert np.abs(columns + 0.5 - x).min() <= 1.5
    # What cannot be seen is not asked for.
    assert true_lines(Aged(clean, clean, made.masks, scratch), (0, 8)) == []


def test_planned_lines_are_read_off_a_plan():
    track = {"first": 2, "last": 4, "x": [[2, 10.0, 14.0], [4, 12.0, 16.0]], "width_px": 3.0}
    treatment = PlannedTreatment(name="scratches", params={"tracks": [track]}, why="test")
    shot = PlannedShot(shot=1, start=100, stop=110, treatments=(treatment,))
    assert planned_lines(shot) == [Line({102: 12.0, 103: 13.0, 104: 14.0}, 3.0)]


@pytest.mark.parametrize("scene", SCENES)
def test_scenes_are_those_of_their_seed_and_show_something(scene):
    frames = textured(2, 48, 64)
    one, same, other = (over(frames, SCENES[scene], seed, FULL) for seed in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    assert one[0].dtype == np.uint16
    assert one[0].max() <= FULL
    assert all((a != b).any() for a, b in zip(one, frames, strict=True))


def test_there_are_enough_shots_with_upright_lines():
    made = list(shots([Take("carphone", "carphone", range(24), False)]))
    assert len(made) >= 20
    assert {shot.camera for shot in made} == set(Camera)
    assert len({shot.key for shot in made}) == len(made)


# --- peers


def test_peers_give_a_frame_for_a_frame_in_order():
    frames = [np.full((3, 32, 48), 100 + 50 * number, np.uint16) for number in range(5)]
    for peer in (peers.tmedian, peers.atadenoise, peers.removegrain):
        restored = peer(frames)
        assert len(restored) == 5
        means = [frame.mean() for frame in restored]
        assert means == sorted(means)
    assert peers.tmedian(frames)[2][0, 0, 0] == 200


def test_fills_with_the_true_mask_change_the_mask_alone():
    frames = [textured(1)[0]] * 5
    mask = np.zeros(frames[0].shape[1:], bool)
    mask[40:46, 60:66] = True
    damaged = [frame.copy() for frame in frames]
    damaged[2][:, mask] = 1000
    masks = [np.zeros_like(mask)] * 2 + [mask] + [np.zeros_like(mask)] * 2
    for restored in (peers.telea(damaged, masks), peers.weighted_median(damaged, masks)):
        assert np.array_equal(restored[2][:, ~mask], frames[2][:, ~mask])
        assert (restored[2][:, mask] != 1000).all()
    still = peers.weighted_median(damaged, masks)[2][:, mask].astype(int)
    assert np.abs(still - frames[2][:, mask]).max() <= 3


def test_a_weighted_median_leans_to_the_heavier():
    values = np.array([[[0.0]], [[1.0]], [[2.0]]], np.float32)
    even, heavy, none = (np.array(w, np.float32)[:, None] for w in ([1, 1, 1], [0.01, 0.01, 1], [0, 0, 0]))
    otherwise = np.array([[9.0]], np.float32)
    assert peers._weighted_median(values, even, otherwise)[0, 0] == pytest.approx(1.0)
    assert peers._weighted_median(values, heavy, otherwise)[0, 0] > 1.9
    assert peers._weighted_median(values, none, otherwise)[0, 0] == 9.0


def test_textbook_detectors_find_a_speck():
    frames = [textured(1)[0] for _ in range(3)]
    frames[1][:, 40:46, 60:66] = 1000
    for detect in (peers.sdi, peers.rod):
        masks = peers.detected(frames, detect)
        assert masks[1][41:45, 61:65].all()
        assert masks[1].sum() < 150
        assert not masks[0].any()


# --- results


def test_results_are_kept_and_stale_ones_dropped(tmp_path):
    kept = Kept(tmp_path / "kept.json")
    kept.put("blind", "a", "1", {"value": 1})
    kept.put("blind", "b", "1", {"value": 2})
    kept.put("real", "c", "1", {"value": 3})
    kept.save({"benchmark": "test"})
    again = Kept(tmp_path / "kept.json")
    assert again.has("blind", "a", "1")
    assert not again.has("blind", "a", "2")
    again.keep_only({"blind": {"a": "1", "b": "2"}})
    again.save()
    content = json.loads((tmp_path / "kept.json").read_text())
    assert content["benchmark"] == "test"
    assert set(content["parts"]["blind"]) == {"a"}
    assert set(content["parts"]["real"]) == {"c"}


def test_words_about_code_do_not_make_results_stale(tmp_path):
    texts = ['"""One."""\nX = 1\n"""Of X."""\n', '"""Other."""\n# why\nX   = 1\n', "X = 2\n"]
    digests = []
    for number, text in enumerate(texts):
        path = tmp_path / f"{number}.py"
        path.write_text(text)
        digests.append(source_digest(str(path)))
    assert digests[0] == digests[1] != digests[2]


def blind(tmp_path, gain: float) -> Kept:
    kept = Kept(tmp_path / "bars.json")
    shot = {
        "motion": "static",
        "input_db": {"total": 26.0, "damage": 10.0, "outside": 99.0},
        "db": {"total": 26.0 + gain, "damage": 25.0, "outside": 45.0},
        "flicker": [0.02, 0.02],
    }
    for seed in (1, 2):
        kept.put("blind", f"city/dirt/1/{seed}/network", "x", {"shots": [shot]})
    return kept


def test_bars_are_judged_by_their_figures(tmp_path):
    found = judged(blind(tmp_path, 14.0))
    assert len(found) == len(BARS)
    gain = found[0]
    assert (gain["measured"], gain["met"], gain["stretch met"], gain["of"]) == (14.0, True, False, 2)
    assert judged(blind(tmp_path, 12.9))[0]["met"] is False
    by_name = {bar["measured as"]: bar for bar in found}
    assert by_name["blind, mean PSNR over shots with dirt of all motions"]["met"] is True
    assert by_name["blind, mean ratio over shots with dirt"]["measured"] == 1.0
    assert by_name["frames/s at 640×272"] == {
        "bar": "≥ 8 frames/s at 640×272 and ≥ 1 frame/s at 1440×1080",
        "measured as": "frames/s at 640×272",
        "asked": 8.0,
        "measured": None,
        "met": None,
    }


def test_every_case_of_the_recipe_is_asked_for():
    recipe = recipe_of()
    made = units(Choice("test", (Part.BLIND, Part.TRUE)))
    of = {part: [unit for unit in made if unit.part is part] for part in (Part.BLIND, Part.TRUE)}
    clips = len(takes(recipe, recipe.test))
    assert len(of[Part.BLIND]) == clips * 3 * 6 * len(recipe.test.seeds)
    assert len(of[Part.TRUE]) == clips * 3 * len(PEER_CASES) * 4
    assert len({(unit.part, unit.key) for unit in made}) == len(made)
    one_seed = units(Choice("test", (Part.TRUE,), seeds=recipe.test.seeds[:1]))
    assert {unit.key.split("/")[2] for unit in one_seed} == {str(strength) for strength, _ in PEER_CASES}
    with pytest.raises(SystemExit):
        dirt.main(["--seeds", "1", "--parts", "true"])
    assert contender_digest("true/telea") != contender_digest("true/network")


def test_a_run_that_was_broken_off_goes_on(monkeypatch, tmp_path):
    def unit(key: str) -> Unit:
        return Unit(Part.REAL, key, "1", lambda job: {"value": job}, key, key)

    asked, done = [unit("a"), unit("b")], []

    def run(missing, processes):
        for one in missing:
            done.append(one.key)
            yield one, RuntimeError("no") if one.key == "b" and len(done) < 3 else {"value": 1}

    monkeypatch.setattr(dirt, "units", lambda choice: asked)
    monkeypatch.setattr(dirt, "run", run)
    monkeypatch.setattr(dirt, "_head", lambda *_: {"benchmark": "dirt"})
    monkeypatch.setattr(dirt, "breakdown", lambda _: {"blind": {}, "true": {}, "peers": {}, "real": {}})
    arguments = ["--parts", "real", "--out", str(tmp_path / "dirt.json")]
    assert dirt.main(arguments) == 1
    assert dirt.main(arguments) == 0
    assert done == ["a", "b", "b"]
    assert set(json.loads((tmp_path / "dirt.json").read_text())["parts"]["real"]) == {"a", "b"}


def test_a_case_runs_through_the_product_and_a_peer(small_take):
    case = Case(small_take, DamageKind.HAIR, 6, 102)
    product = work(Job(case, "test", "blind/network"))
    (shot,) = product["shots"]
    assert shot["frames"] == 6
    assert shot["db"]["outside"] > 40
    assert set(product["found"]) == {"right", "wrong", "missed"}
    filled = work(Job(case, "test", "true/network"))["shots"][0]
    assert filled["db"]["total"] > filled["input_db"]["total"] + 6
    spread_in = work(Job(case, "test", "true/telea"))["shots"][0]
    assert spread_in["db"]["total"] > spread_in["input_db"]["total"]


def test_a_contender_that_loses_frames_is_refused(small_take, monkeypatch):
    monkeypatch.setattr(peers, "tmedian", lambda frames: list(frames[1:]))
    with pytest.raises(ValueError, match="6 frames went in, 5 came out"):
        work(Job(Case(small_take, DamageKind.HAIR, 6, 102), "test", "blind/tmedian"))


# --- sheets


def test_sheets_are_spread_over_a_run_and_show_the_difference():
    assert spread(48)[0] > 0
    assert len(spread(48)) == 12
    assert spread(3) == [0, 1, 2]
    before, after = np.full((1, 4, 4), 500, np.uint16), np.full((1, 4, 4), 500, np.uint16)
    after[0, 0, 0] = 600
    seen = difference(before, after, 1000)
    assert seen[1, 1].tolist() == [128, 128, 128]
    assert seen[0, 0, 0] == pytest.approx(255 * 0.9, abs=1)


def test_a_run_that_is_not_labelled_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sheets.real_labels, "load", lambda: [SimpleNamespace(run="known")])
    with pytest.raises(WrongUse, match="no such run"):
        sheets.main([str(tmp_path), "--run", "gone"])


def test_without_the_film_there_are_no_sheets(monkeypatch, tmp_path):
    monkeypatch.setattr(sheets.real_labels, "film_folder", lambda run: None)
    monkeypatch.setattr(sheets.real_labels, "load", lambda: [SimpleNamespace(run="gone")])
    assert sheets.main([str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out").exists()


def test_with_gates_off_a_shot_that_was_left_alone_for_its_looks_is_repaired_too():
    scratches = PlannedTreatment(name="scratches", params={"tracks": []}, why="scratched")
    dirt = [
        (),
        (PlannedTreatment(name="dirt", params=ONLY_ADDED["dirt"], why="looks like snow"),),
        (PlannedTreatment(name="dirt", params={"threshold": 0.4}, why="dirty"),),
    ]
    shots = [
        PlannedShot(shot=n, start=n, stop=n + 1, treatments=(*one, scratches)) for n, one in enumerate(dirt, start=1)
    ]
    for shot, params in zip(
        ungated(Plan(reel_id="demo", shots=tuple(shots))).shots, ({}, {}, {"threshold": 0.4}), strict=True
    ):
        assert [(one.name, one.params) for one in shot.treatments] == [("dirt", params), ("scratches", {"tracks": []})]


def test_a_piece_is_stale_when_anything_behind_it_changed_and_not_for_other_detectors():
    behind = imported(
        "restoration_tasks/assessment/measure.py",
        "restoration_tasks/assessment/decide.py",
        within="restoration_tasks/assessment",
        without=OF_WHOLE_FRAMES,
    )
    names = {Path(name).stem for name in behind}
    assert {"network", "recurrence", "scratches", "line_place", "seen", "figures"} <= names
    assert not {"fade", "weave", "condition", "readings"} & names
