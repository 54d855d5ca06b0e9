from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration import plan_yaml
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment, PlanSlice
from restoration_tasks.restoration.wires import Wire, WireOn
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.spec import canonical_json

DIRT = PlannedTreatment(name="dirt", params={"threshold": 0.5}, why="Dirt covers 2 %.")


def flicker(frames):
    params = {"gain": [round(1 + 0.01 * i, 5) for i in range(frames)], "offset": [0.0] * frames}
    return PlannedTreatment(name="flicker", params=params, why="Brightness jumps – über 4 Werte: “schlimm”.")


def plan(**changes):
    shots = (
        PlannedShot(shot=1, start=0, stop=10, treatments=(flicker(10), DIRT)),
        PlannedShot(shot=2, start=10, stop=12),
    )
    return Plan(**{"reel_id": "demo-reel", "shots": shots} | changes)


def test_a_plan_survives_yaml():
    text = plan().to_yaml()
    assert Plan.from_yaml(text) == plan()
    assert Plan.from_yaml(text).sha256 == plan().sha256
    assert "why: Dirt covers 2 %." in text
    assert "gain: [1.0, 1.01, 1.02," in text, "curves stand in a row"


words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="\ufeff"), max_size=60)


@settings(max_examples=15, deadline=None)
@given(words, words)
def test_any_words_survive_yaml(reason, author):
    original = plan(reason=reason, author=author)
    assert Plan.from_yaml(original.to_yaml()) == original


@pytest.mark.parametrize("shots", [0, 1, 3])
def test_written_shot_by_shot_it_is_what_it_is_written_at_once(shots):
    one = plan().shots[0]
    long = plan().model_copy(update={"shots": tuple(one.model_copy(update={"shot": at}) for at in range(shots))})
    assert long.to_yaml().split("\n", 2)[2] == plan_yaml.dumped(long.model_dump(mode="json"))


def test_a_long_plan_is_read_without_a_tree_of_all_its_words():
    """PyYAML's own way takes fifty times the text."""
    one = plan().shots[0]
    text = plan().model_copy(update={"shots": tuple(one.model_copy(update={"shot": at}) for at in range(40))}).to_yaml()
    plan_yaml.loaded(text)  # what is imported or kept once is no part of it
    tracemalloc.start()
    try:
        read = plan_yaml.loaded(text)
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(read["shots"]) == 40
    assert most - held < 3 * len(text)


@pytest.mark.parametrize("hostile", ["\x1b[2J", "\x00", "a\x85b", "\u2028"])
def test_control_characters_are_refused(hostile):
    with pytest.raises(ValueError, match="author"):
        plan(author=hostile)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not valid"),
        ("{", "not readable YAML"),
        ("!!python/object/apply:os.system ['true']", "not readable YAML"),
        ("a: &x [1]\nb: *x", "aliases"),
        ("a: !!set {x}", "tags"),
        ("<<: {a: 1}", "not readable YAML"),
        ("reel_id: a\n---\nreel_id: b", "one document"),
        ("reel_id: a\nreel_id: b", "each once"),
        ("[" * 2000, "not readable YAML"),
        ("reel_id: ../../etc\nshots: []", "reel_id"),
        ("reel_id: demo\nsurprise: 1", "surprise"),
    ],
)
def test_hostile_text_is_refused_in_one_line(text, said):
    with pytest.raises(PlanError, match=said) as caught:
        Plan.from_yaml(text, source="plan.yaml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("treatment", "said"),
    [
        ({"name": "colourise", "params": {}, "why": ""}, "unknown treatment"),
        ({"name": "dirt", "params": {"threshold": 3}, "why": ""}, "shot 1.*threshold"),
        ({"name": "dirt", "params": {"power": 3}, "why": ""}, "power"),
        ({"name": "flicker", "params": {"gain": [1.0], "offset": [0.0]}, "why": ""}, "1 entries for a shot of 4"),
        ({"name": "flicker", "params": {"gain": [99.0], "offset": [0.0]}, "why": ""}, "gain"),
    ],
)
def test_treatments_are_checked_with_the_shot_named(treatment, said):
    shot = {"shot": 1, "start": 0, "stop": 4, "treatments": [treatment]}
    with pytest.raises(PlanError, match=said):
        Plan.model_validate({"reel_id": "demo", "shots": [shot]}).validate_treatments()


@pytest.mark.parametrize(
    "shots",
    [
        [{"shot": 1, "start": 5, "stop": 5}],
        [{"shot": 1, "start": 0, "stop": 5}, {"shot": 2, "start": 4, "stop": 8}],
        [{"shot": 1, "start": 0, "stop": 5}, {"shot": 1, "start": 5, "stop": 8}],
    ],
)
def test_shots_must_follow_one_another(shots):
    with pytest.raises(ValueError, match="shot"):
        Plan.model_validate({"reel_id": "demo", "shots": shots})


def test_a_slice_is_in_the_order_of_work_and_cut_to_its_segment():
    part = plan().slice_for(Segment("s001-02", 1, 4, 7, 0, 10))
    assert [name for name, _ in part.treatments] == ["dirt", "flicker"], "masked repairs come first"
    assert part.treatments[1][1].gain == (1.04, 1.05, 1.06)
    assert PlanSlice.from_json(part.as_json()) == part
    assert plan().slice_for(Segment("s002-01", 2, 10, 12, 10, 12)).treatments == ()


def test_other_words_make_no_other_slice_but_other_parameters_do():
    segment = Segment("s001-01", 1, 0, 10, 0, 10)
    reworded = DIRT.model_copy(update={"why": "Someone else says so."})
    bolder = DIRT.model_copy(update={"params": {"threshold": 0.4}})

    def text(treatment):
        shot = PlannedShot(shot=1, start=0, stop=10, treatments=(treatment,))
        return canonical_json(plan(shots=(shot,)).slice_for(segment).as_json())

    assert text(reworded) == text(DIRT)
    assert text(bolder) != text(DIRT)


def test_a_plan_for_another_cut_of_the_reel_is_refused():
    with pytest.raises(PlanError, match="does not fit"):
        plan().slice_for(Segment("s001-01", 1, 0, 11, 0, 11))
    with pytest.raises(PlanError, match="does not fit"):
        plan().slice_for(Segment("s009-01", 9, 0, 11, 0, 11))


@pytest.mark.parametrize("value", [None, [], {"treatments": 1}, {"treatments": [{"name": "dirt"}]}])
def test_what_is_no_slice_is_refused(value):
    with pytest.raises(PlanError):
        PlanSlice.from_json(value)


def test_a_wire_a_person_named_is_added_to_those_there_are_and_stays_when_the_reel_is_planned_anew():
    wire = Wire(key=2, ends=(1, 2, 3, 4), on=(WireOn(frame=2, width_px=2, pieces=((1, 2, 3, 4),)),))
    other = wire.model_copy(update={"key": 3})
    bare = Plan(reel_id="r1", shots=(PlannedShot(shot=1, start=0, stop=10), PlannedShot(shot=2, start=10, stop=20)))
    plan = bare.with_wire(2, wire, "seen").with_wire(2, other, "seen too")
    assert plan.shots[0].treatments == ()
    (asked,) = plan.shots[1].treatments
    assert (asked.name, asked.why) == ("wires", "seen seen too")
    assert asked.checked.wires == (wire, other)
    assert bare.with_asks_of(plan).shots == plan.shots
    assert Plan.from_yaml(plan.to_yaml()) == plan
    with pytest.raises(PlanError, match="no such frame"):
        bare.with_wire(1, wire.model_copy(update={"on": (WireOn(frame=10, width_px=2, pieces=((1, 2, 3, 4),)),)}), "x")
