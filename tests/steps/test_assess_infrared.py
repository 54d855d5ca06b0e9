"""The way of a scan with a channel of dirt: delivered beside the picture or in its fourth plane, taken in, used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenImageIO as oiio
import pytest

from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.stills import dpx
from restoration_tasks.restoration.damage_map import CERTAIN, DamageMap
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.registry import definition
from restoration_tasks.steps.way import Way
from tests.assessment.channels import dirt, infrared, matte, picture

FRAMES = 4
SHOT = Segment("s001-01", 1, 0, FRAMES, 0, FRAMES)
FIXED = dirt(3)
"""Dirt on one place in every frame of a scene at rest: the picture alone cannot tell it from the scene."""


def codes(values):
    return np.rint(1023 * values).astype(np.uint16)


def light(number, **film):
    return infrared(picture(1), FIXED, seed=number, **film)


def shown(number):
    grain = np.random.default_rng(number).normal(0, 0.004, FIXED.shape)
    return codes(np.clip(picture(1) * (1 - FIXED) + grain, 0, 1))


def beside(folder: Path, name: str, channel) -> Path:
    """A colour scan with a side sequence."""
    (folder / name).mkdir(parents=True)
    for number in range(FRAMES):
        dpx.write_dpx(folder / f"x_{number:04d}.dpx", np.stack([shown(number)] * 3))
        dpx.write_dpx(folder / name / f"x_{number:04d}.dpx", codes(channel(number))[None])
    (folder / ".ready").touch()
    return folder


def within(folder: Path, channel) -> Path:
    """A colour scan with a fourth plane."""
    folder.mkdir(parents=True)
    for number in range(FRAMES):
        pixels = np.stack([*[shown(number)] * 3, codes(channel(number))], axis=-1)
        spec = oiio.ImageSpec(pixels.shape[1], pixels.shape[0], 4, "uint16")
        spec.attribute("oiio:BitsPerSample", 10)
        path = str(folder / f"x_{number:04d}.dpx")
        out = oiio.ImageOutput.create(path)
        assert out.open(path, spec), out.geterror()
        # the writer takes 16 bits and drops the lowest six
        assert out.write_image((pixels << 6).astype(np.uint16)), out.geterror()
        out.close()
    (folder / ".ready").touch()
    return folder


def assessed(settings, delivery: Path, **options):
    """Result and maps of the assessment, asked for and worked as the way does."""
    way = Way("reel-7", settings, RunOptions(delivery=str(delivery), engine="classical", **options))

    def work(spec):
        return run_step(spec, definition(spec.step), settings)

    ingest = work(way.ingest(Execution("t/ingest")))
    result = work(way.assess(Execution("t/assess"), ingest, SHOT))
    path = Vault(settings.vault_root).fetch(result.reference("map"), settings.scratch_folder)
    return result, [DamageMap.from_frame(frame).dirt for frame in FrameReader(path)]


def share_found(maps):
    return min(np.mean(one[FIXED > 0.2] >= CERTAIN) for one in maps)


@pytest.mark.parametrize(("name", "polarity"), [("ir", "transmission"), ("dirt matte", "matte")])
def test_a_side_sequence_that_says_what_it_is(settings, tmp_path, name, polarity):
    channel = light if polarity == "transmission" else lambda _: matte(FIXED)
    result, maps = assessed(settings, beside(tmp_path / "reel-7", name, channel))
    assert (result.figures["infrared"], result.figures["infrared_polarity"]) == ("side", polarity)
    assert result.warnings == ()
    assert share_found(maps) > 0.98


def test_a_fourth_plane_is_measured_and_that_is_said(settings, tmp_path):
    result, maps = assessed(settings, within(tmp_path / "reel-7", light))
    assert (result.figures["infrared"], result.figures["infrared_polarity"]) == ("alpha", "transmission")
    (warning,) = result.warnings
    assert "the fourth plane of the scan is used to find dirt in frames 0 to 3" in warning
    assert "is measured" in warning
    assert share_found(maps) > 0.98


def test_a_person_says_how_it_is_read_or_that_it_is_left_alone(settings, tmp_path):
    reel = within(tmp_path / "reel-7", light)
    stated, maps = assessed(settings, reel, infrared="transmission")
    assert (stated.warnings, share_found(maps) > 0.98) == ((), True)
    wrong, maps = assessed(settings, reel, infrared="matte")
    assert (wrong.figures["infrared"], share_found(maps) < 0.3) == ("none", True)
    assert "said to be a matte and looks like a transmission" in wrong.warnings[0]
    left, maps = assessed(settings, reel, infrared="off")
    assert (left.figures["infrared"], left.warnings, share_found(maps) < 0.3) == ("none", (), True)


def test_silver_film_is_refused_with_a_warning(settings, tmp_path):
    result, maps = assessed(settings, beside(tmp_path / "reel-7", "ir", lambda n: light(n, silver=0.7)))
    assert result.figures["infrared"] == "none"
    assert "the infrared frames are not used to find dirt in frames 0 to 3: it shows the picture" in result.warnings[0]
    assert share_found(maps) < 0.3


def test_the_channel_is_part_of_what_is_asked(settings, tmp_path):
    delivery = beside(tmp_path / "reel-7", "ir", light)
    way = Way("reel-7", settings, RunOptions(delivery=str(delivery), engine="classical"))
    spec = way.ingest(Execution("t/ingest"))
    ingest = run_step(spec, definition(spec.step), settings)
    asked = way.assess(Execution("t"), ingest, SHOT)
    assert asked.inputs["infrared"] == ingest.reference("infrared")
    assert asked.params["infrared"] == {"source": "side", "polarity": "transmission"}
    off = replace(way, options=way.options.model_copy(update={"infrared": "off"})).assess(Execution("t"), ingest, SHOT)
    assert set(off.inputs) == {"master"}
    assert off.signature != asked.signature


def test_a_clip_uses_its_fourth_plane_and_says_so(tmp_path, settings):
    from restoration_tasks.runtime.progress import silent
    from restoration_tasks.steps.clip import restore_clip

    source, target = within(tmp_path / "clip", light), tmp_path / "out.mkv"
    run = restore_clip(source, target, treatments=("dirt",), engine="classical", progress=silent)
    (note,) = run.notes
    assert "the fourth plane of the scan is used to find dirt in frames 0 to 3" in note
    assert run.frames_changed == FRAMES
    for before, after in zip(FrameReader(source), FrameReader(target), strict=True):
        assert np.array_equal(before[3], after[3])
        assert np.mean((before[0] != after[0])[FIXED > 0.2]) > 0.9
