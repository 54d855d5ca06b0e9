"""What is taken back of a plan: the rest of it stays word for word, and what cannot be meant is refused by name."""

from __future__ import annotations

import pytest

from restoration_tasks.media.delivery.scan import Scan, ScannedFile, ScannedPicture
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.restoration.regions import Region, RegionAction, RegionKind
from restoration_tasks.restoration.treatment import registry
from restoration_tasks.runtime.errors import MediaError, WrongUse
from restoration_tasks.steps.revert.proof import prove
from restoration_tasks.steps.revert.taking_back import Asked, shot_list, take_back

DIRT = PlannedTreatment(name="dirt", params={"threshold": 0.6}, why="specks in every frame")
FLICKER = PlannedTreatment(name="flicker", params={"gain": [1.1] * 10, "offset": [0.0] * 10}, why="it pulses")
PLANNED = ((DIRT, FLICKER), (), (DIRT,), (FLICKER,), (DIRT, FLICKER))


@pytest.fixture
def plan():
    shots = tuple(
        PlannedShot(shot=number, start=10 * number - 10, stop=10 * number, treatments=treatments)
        for number, treatments in enumerate(PLANNED, start=1)
    )
    return Plan(reel_id="reel-1", version=4, parent=2, author="anna", reason="by hand", shots=shots)


def left(change):
    return {shot.shot: tuple(one.name for one in shot.treatments) for shot in change.plan.shots}


def test_only_the_named_treatments_of_the_named_shots_go(plan):
    change = take_back(plan, Asked.parse("1,3-4", "dirt"))
    assert left(change) == {1: ("flicker",), 2: (), 3: (), 4: ("flicker",), 5: ("dirt", "flicker")}
    assert change.plan.shots[0].treatments == (FLICKER,)
    assert change.plan.shots[1:2] + change.plan.shots[3:] == plan.shots[1:2] + plan.shots[3:]
    assert (change.plan.version, change.plan.author, change.plan.reason) == (4, "anna", "by hand")
    assert change.lines == [
        "shot 1: dirt off; flicker stays",
        "shot 3: dirt off; the scan as it is",
        "shot 4: nothing of this to take back; flicker stays",
    ]


def test_all_means_all(plan):
    assert set(left(take_back(plan, Asked.parse("all", "all"))).values()) == {()}
    assert left(take_back(plan, Asked.parse("5", "all")))[5] == ()
    assert not take_back(plan, Asked.parse("2", "all")).takes_anything


def test_damage_added_by_hand_goes_with_the_treatment_that_repairs_it(plan):
    corners = ((1, 1), (5, 1), (5, 5))
    added = Region(action=RegionAction.ADD, kind=RegionKind.HAIR, frames=(0, 3), polygon=corners)
    protected = Region(action=RegionAction.PROTECT, frames=(0, 3), polygon=corners)
    marked = plan.with_region(1, added).with_region(1, protected)
    change = take_back(marked, Asked.parse("1", "dirt"))
    assert change.plan.shots[0].regions == (protected,)
    assert change.lines == ["shot 1: dirt off, with 1 region of damage drawn by hand; flicker stays"]
    assert Plan.from_yaml(change.plan.to_yaml()) == change.plan
    assert take_back(marked, Asked.parse("1", "flicker")).plan.shots[0].regions == (added, protected)


@pytest.mark.parametrize("name", registry())
def test_every_treatment_there_is_can_be_named(name):
    assert Asked.parse("1", name).takes(name)


@pytest.mark.parametrize("shots", ["", "x", "0", "3-", "-3", "7-5", "1,,2", "1.5", "all,3", "1 2", "9999999999"])
def test_what_is_no_shot_is_refused(shots):
    with pytest.raises(WrongUse, match=r"these are no shots.*3,5-7"):
        Asked.parse(shots, "dirt")


@pytest.mark.parametrize(("shots", "lacking"), [("6", 6), ("4-7", 6), ("1,999999999", 999999999), ("6-999999999", 6)])
def test_a_shot_the_reel_has_not_is_named_with_those_it_has(plan, shots, lacking):
    with pytest.raises(WrongUse, match=rf"reel reel-1: the reel has no shot {lacking} \(expected shots 1–5"):
        take_back(plan, Asked.parse(shots, "all"))


@pytest.mark.parametrize("off", ["", "magic", "dirt,magic", ","])
def test_a_treatment_there_is_not_is_refused(off):
    with pytest.raises(WrongUse, match=r"no such treatment.*dirt.*all"):
        Asked.parse("all", off)


def test_a_treatment_none_of_the_shots_has_is_refused(plan):
    with pytest.raises(WrongUse, match=r"plan version 4 has no flicker in shots 2–3 \(expected dirt, found flicker"):
        take_back(plan, Asked.parse("2-3", "dirt,flicker"))


def test_shots_in_words():
    assert shot_list([3]) == "shot 3"
    assert shot_list([7, 1, 2, 3, 5]) == "shots 1–3, 5, 7"
    assert shot_list(range(1, 60, 2)) == "shots 1, 3, 5, 7, 9, 11, 13, 15, 17, 19 and 20 more"


def scan():
    files = tuple(
        ScannedFile(name=f"r_{1001 + i}.dpx", number=1001 + i, bytes=1, md5="0" * 32, sha256="0" * 64)
        for i in range(50)
    )
    picture = ScannedPicture(
        kind="dpx", width=8, height=8, bit_depth=10, pix_fmt="gray10le", fps="24", transfer="bt709", primaries="bt709"
    )
    return Scan(
        delivery="r", manifest=None, manifest_algorithm=None, picture=picture, header=None, strays=(), files=files
    )


def test_the_proof_counts_what_equals_the_scan_and_says_nothing_of_the_rest(plan):
    scanned = [f"{i:032x}" for i in range(50)]
    change = take_back(plan, Asked.parse("1,3", "all"))
    written = dict(enumerate(scanned)) | {35: "other", 45: "other"}
    said = str(prove(change.plan, scan(), scanned, written))
    assert said == (
        "shots 1–3: 30 frames equal the scan, by framemd5; shot 4: still treated (flicker);"
        " shot 5: still treated (dirt, flicker)"
    )
    only_one = str(prove(change.plan, scan(), scanned, {frame: scanned[frame] for frame in range(20, 30)}))
    assert only_one == "shot 3: 10 frames equal the scan, by framemd5"


def test_a_frame_that_is_not_the_scans_is_named_by_reel_shot_and_number(plan):
    scanned = [f"{i:032x}" for i in range(50)]
    change = take_back(plan, Asked.parse("3", "all"))
    with pytest.raises(MediaError, match=r"reel reel-1, file r_1024.dpx, frame 1024: shot 3 has no treatment left"):
        prove(change.plan, scan(), scanned, dict(enumerate(scanned)) | {23: "other"})
