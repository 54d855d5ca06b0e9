"""Sound of masters and copies that is not the scan's: real files, each with one thing wrong, caught by its rule."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media import copies as making
from restoration_tasks.media.master import write_master
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.sound.flac import encode
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.expectations import evaluate
from restoration_tasks.quality.findings import Status
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.rules import Table
from restoration_tasks.quality.sound import offset, sound_rules, sound_table, tracks_found
from tests.media.sound.sounds import wave

FPS = Fraction(24)
SECONDS = 10
FRAMES = SECONDS * 24
RATE = 48000
PICTURE = PictureFormat(64, 48, "gray", FPS)


def optical_sound(seed: int = 1) -> np.ndarray:
    """Ten seconds of what film sounds like: speech-like bursts over hiss, `(N, 2)`, 16 bit."""
    rng = np.random.default_rng(seed)
    hiss = rng.normal(0, 1, (SECONDS * RATE, 2))
    voice = np.cumsum(rng.normal(0, 1, (SECONDS * RATE, 1)), axis=0)
    voice -= np.convolve(voice[:, 0], np.ones(400) / 400, "same")[:, None]
    swell = 0.5 + 0.5 * np.sin(np.arange(SECONDS * RATE)[:, None] / RATE * 2 * np.pi * 0.7)
    return np.clip(80 * hiss + 500 * voice * swell, -32768, 32767).astype("<i2")


@dataclass
class Heard:
    """A master with sound, and how one of another sound is made."""

    folder: Path
    master: Path
    mezzanine: Path
    access: Path

    def of(self, name: str, sound: np.ndarray | None) -> Path:
        """A master of the same picture with other sound, or none."""
        out = self.folder / f"{name}.mkv"
        tracks = []
        if sound is not None:
            delivered = wave(self.folder / f"{name}.wav", sound.tobytes(), channels=sound.shape[1])
            encode(delivered, read_sound(delivered), self.folder / f"{name}.mka")
            tracks.append(self.folder / f"{name}.mka")
        write_master([self.folder / "picture.mkv"], out, sound=tracks)
        return out

    def table(self, **spoiled: Path):
        files = {"restored": self.master, "mezzanine": self.mezzanine, "access": self.access} | spoiled
        return sound_table(self.master, **files, frames=FRAMES, fps=FPS)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    with FrameWriter(folder / "picture.mkv", PICTURE) as writer:
        for number in range(FRAMES):
            writer.write((np.full((48, 64), number, np.uint8),))
    made = Heard(folder, folder / "master.mkv", folder / "mezzanine.mov", folder / "access.mp4")
    made.of("master", optical_sound())
    making.mezzanine(made.master, made.mezzanine)
    making.access(made.master, made.access)
    return made


def broken(table, tracks: int = 1) -> set[str]:
    rules = sound_rules(policy(), tracks=tracks)
    return {one.id for one in evaluate(rules, {Table.SOUND: table}) if one.status is not Status.PASSED}


def test_sound_that_was_carried_passes(heard):
    table = heard.table()
    assert broken(table) == set()
    assert table.access_alike[0] > 0.99
    assert table.access_sync_off_frames[0] < 0.1
    assert table.access_loudness_off_lu[0] < 0.2


def one_sample(sound):
    sound[RATE, 0] += 1
    return sound


def one_channel(sound):
    return sound[:, :1]


@pytest.mark.parametrize("change", [one_sample, one_channel, lambda sound: sound[:-1]])
def test_samples_that_are_not_the_scans_are_caught(heard, change):
    other = heard.of("other", change(optical_sound()))
    assert "sound.samples_kept" in broken(heard.table(restored=other))
    making.mezzanine(other, heard.folder / "other.mov")
    assert broken(heard.table(mezzanine=heard.folder / "other.mov")) == {"sound.mezzanine_has_the_samples"}


def later(sound, frames=2):
    return np.roll(sound, frames * RATE // 24, axis=0)


def late_from_the_middle(sound):
    return np.concatenate([sound[: 8 * RATE], np.zeros((4000, 2), "<i2"), sound[8 * RATE : -4000]])


def louder(sound):
    return (sound * 1.26).astype("<i2")


def another(_):
    return optical_sound(seed=2)


def silent_for_a_second(sound):
    sound[3 * RATE : 4 * RATE] = 0
    return sound


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (later, "sound.access_in_step"),
        (late_from_the_middle, "sound.access_in_step"),
        (louder, "sound.access_as_loud"),
        (another, "sound.access_is_the_sound"),
        (silent_for_a_second, "sound.access_is_the_sound"),
        (one_channel, "sound.access_is_the_sound"),
        (lambda sound: sound[: -RATE // 2], "sound.access_is_the_sound"),
    ],
)
def test_sound_of_the_access_copy_that_is_not_the_scans_is_caught(heard, change, rule):
    making.access(heard.of("other", change(optical_sound())), heard.folder / "other.mp4")
    assert rule in broken(heard.table(access=heard.folder / "other.mp4"))


def test_sound_that_is_gone_or_cannot_be_read_is_caught(heard):
    silent = heard.of("silent", None)
    assert tracks_found(silent) == "0"
    making.access(silent, heard.folder / "silent.mp4")
    assert broken(heard.table(restored=silent, access=heard.folder / "silent.mp4")) == {
        "sound.samples_kept",
        "sound.access_is_the_sound",
        "sound.access_in_step",
        "sound.access_as_loud",
    }
    assert "sound.samples_kept" in broken(heard.table(restored=heard.folder / "nowhere.mkv"))


def test_sound_of_another_length_than_the_picture_is_told(heard):
    table = sound_table(
        heard.master, restored=heard.master, mezzanine=heard.mezzanine, access=heard.access, frames=FRAMES + 2, fps=FPS
    )
    assert broken(table) == {"sound.as_long_as_the_picture"}


def test_a_track_nobody_compared_is_missed(heard):
    assert broken(heard.table(), tracks=2) == {"sound.every_track_heard"}


def test_a_reel_without_sound_has_no_use_for_the_rules(heard):
    silent = heard.of("silent", None)
    table = sound_table(silent, restored=silent, mezzanine=silent, access=silent, frames=FRAMES, fps=FPS)
    results = evaluate(sound_rules(policy(), tracks=len(table)), {Table.SOUND: table})
    assert {one.status for one in results} == {Status.NOT_APPLICABLE}
    assert {one.detail for one in results} == {"the scan has no sound"}


@given(lag=st.integers(-4000, 4000), gain=st.floats(0.1, 1.0), seed=st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_an_offset_is_found_to_the_sample(lag, gain, seed):
    sound = np.random.default_rng(seed).normal(0, 0.1, 40000).astype(np.float32)
    found, like = offset(sound, np.roll(sound, lag) * np.float32(gain))
    assert found == lag
    assert like > 0.85
