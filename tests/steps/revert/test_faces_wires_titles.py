"""A face, a wire and a title on a short reel: treated by the real steps, each taken back to the pixels of the scan."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import cv2
import numpy as np
import pytest

from restoration_tasks.assessment.wire_named import as_planned
from restoration_tasks.assessment.wire_tracking import follow
from restoration_tasks.media import framemd5
from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.stills.dpx import Transfer, write_dpx
from restoration_tasks.restoration.plan import PlannedTreatment
from restoration_tasks.restoration.regions import Region, RegionAction, RegionKind
from restoration_tasks.runtime.progress import silent
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.asked import RunOptions
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.revert import look
from restoration_tasks.steps.revert.record import Ingested
from restoration_tasks.steps.revert.taking_back import Asked, take_back
from restoration_tasks.steps.way import Way
from tests.assessment.wired import FRAMES, HEIGHT, WIDTH, looks, seen_ends, wired
from tests.fixtures.titles import card
from tests.restoration.test_portraits import LANDMARKS
from tests.steps.revert.reels import ASKS, assessed, taken_in

REEL = "short-2"
OWN = {"portraits": 1, "wires": 2, "titles": 3}
"""What each shot gets."""
BOUNDS = [(FRAMES * place, FRAMES * (place + 1)) for place in range(len(OWN))]
FACE_PX, CYCLES = 50.0, 8.0
SPECK, SPECKED = (53, 60, 40, 48), 4
"""Left, right, top, bottom of a speck on a letter of the title, and the frame it lies on."""
WHOLE = ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT), (0, HEIGHT))

pytestmark = pytest.mark.timeout(300)


def faces(astronaut):
    """The photograph's face, 50 pixels wide, soft and grainy; it moves a pixel and a half a frame."""
    rng, scale = np.random.default_rng(2), FACE_PX / 88
    for number in range(FRAMES):
        x, y = 227 * scale - WIDTH / 2 - 1.5 * (number - 4), 126 * scale - HEIGHT / 2
        matrix = np.array([[scale, 0, -x], [0, scale, -y]], np.float64)
        soft = cv2.GaussianBlur(astronaut, (0, 0), 0.5 / scale)
        moved = cv2.warpAffine(soft, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REPLICATE).astype(np.float32)
        blurred = cv2.GaussianBlur(moved, (0, 0), 0.1874 / CYCLES * FACE_PX) / 255
        yield codes(blurred.transpose(2, 0, 1) + rng.normal(0, 0.02, (3, HEIGHT, WIDTH)))


def titles():
    """An intertitle that stands, with a dark speck on one letter of one frame."""
    for number in range(FRAMES):
        shown = card()[:HEIGHT, :WIDTH].copy()
        if number == SPECKED:
            left, right, top, bottom = SPECK
            shown[top:bottom, left:right] = 0.1
        yield codes(np.repeat(shown[None], 3, axis=0))


def codes(shares):
    return np.clip(np.rint(shares * 1023), 0, 1023).astype(np.uint16)


@dataclass(frozen=True)
class Short:
    """The reel and what a person adds to its plan, shot by shot."""

    found: Ingested
    added: dict[str, PlannedTreatment]


@pytest.fixture(scope="module")
def short(tmp_path_factory, astronaut):
    settings = Settings(home=tmp_path_factory.mktemp("faces") / "home")
    folder = settings.inbox_folder / REEL
    folder.mkdir(parents=True)
    _, wire = wired()
    frames = [*faces(astronaut), *(one.picture for one in wire), *titles()]
    digests = {}
    for number, frame in enumerate(frames, start=1):
        path = folder / f"{REEL}_{number:07d}.dpx"
        write_dpx(path, frame, fps=24.0, frame_position=number - 1, sequence_length=len(frames),
                  transfer=Transfer.BT709, colorimetric_code=6, project=REEL)  # fmt: skip
        digests[path.name] = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    write_manifest(folder / "manifest-md5.txt", digests)
    found, segments = taken_in(settings, REEL, folder, BOUNDS, engine="classical")
    return Short(assessed(found, segments), {name: PlannedTreatment(name=name, params=params, why="a person asked")
                                             for name, params in asked(wire).items()})  # fmt: skip


def asked(wire):
    places = [[WIDTH / 2 + 1.5 * (number - 4), HEIGHT / 2, FACE_PX] for number in range(FRAMES)]
    track = {
        "first": 0,
        "tier": "fair",
        "cycles": CYCLES,
        "places": places,
        "height": 1.25,
        "landmarks": [list(one) for one in LANDMARKS],
    }
    ends = seen_ends(wire[4])
    followed = follow(looks([one.picture for one in wire]), FRAMES, 4, ends)
    return {
        "portraits": {"tracks": [track], "faces": "fair", "sigma": [0.018] * 3, "radius_px": 0.3},
        "wires": {"engine": "classical", "wires": [as_planned(followed, ends).model_dump(mode="json")]},
        "titles": {},
    }


def marked(shot):
    """The title's shot with its text protected and its speck drawn, as a person draws them."""
    left, right, top, bottom = SPECK
    speck = ((left - 1, top - 1), (right, top - 1), (right, bottom), (left - 1, bottom))
    return (
        *(one for one in shot.regions if one.is_text),
        Region(action=RegionAction.PROTECT, kind=RegionKind.TEXT, frames=(0, FRAMES - 1), polygon=WHOLE),
        Region(action=RegionAction.ADD, kind=RegionKind.DIRT, frames=(SPECKED, SPECKED), polygon=speck),
    )


@pytest.fixture(scope="module", params=["feature", "martial-arts"])
def worked(request, short):
    """A plan by a profile with what a person added, and the frames as the restore step makes them, `framemd5` each."""
    before = short.found.way
    way = Way(REEL, before.settings, RunOptions(delivery=str(before.delivery), profile=request.param, fps="24",
                                                engine="classical"))  # fmt: skip
    shots = way.result_of(way.shots(ASKS, short.found.ingest))
    assessments = way.assessed(short.found.ingest, shots)
    planned = run_step(way.plan(ASKS, short.found.ingest, shots, assessments), definition(StepName.PLAN), way.settings)
    plan = way.plan_file(1, way.draft(planned)).plan
    own = {number: name for name, number in OWN.items()}
    by_hand = tuple(
        shot.model_copy(
            update={
                "treatments": (short.added[own[shot.shot]],),
                "regions": marked(shot) if own[shot.shot] == "titles" else (),
            }
        )
        for shot in plan.shots
    )
    plan = plan.model_copy(update={"shots": by_hand})
    made = []
    for segment in way.segments(shots):
        restored = run_step(way.restore(ASKS, short.found.ingest, assessments, plan, segment),
                            definition(StepName.RESTORE), way.settings)  # fmt: skip
        path = way.vault.fetch(restored.reference("segment"), way.settings.scratch_folder)
        made += framemd5.compute(path)
    return plan, made


def test_each_of_them_runs_in_the_pipeline_of_a_profile(worked, short):
    plan, made = worked
    assert plan.profile in {"feature", "martial-arts"}
    changed = [one != other for one, other in zip(made, short.found.framemd5, strict=True)]
    assert changed[: 2 * FRAMES] == [True] * (2 * FRAMES)
    assert changed[2 * FRAMES :] == [at == SPECKED for at in range(FRAMES)]


@pytest.mark.parametrize("name", list(OWN))
def test_taken_back_its_frames_are_the_scans_again(worked, short, tmp_path, name):
    plan, made = worked
    change = take_back(plan, Asked.parse("all", name))
    copy = look.Copy(short.found, change.plan, frozenset(OWN.values()), tmp_path / "copy.mkv")
    look.write(copy, silent)
    start, stop = BOUNDS[OWN[name] - 1]
    written = framemd5.compute(copy.target)
    assert written[start:stop] == short.found.framemd5[start:stop]
    assert [*written[:start], *written[stop:]] == [*made[:start], *made[stop:]]
