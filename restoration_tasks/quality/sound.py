"""The sound held against the preservation master's: the same samples in the masters, in step and as loud in copies."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from restoration_tasks.quality.findings import Severity
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.rules import Expectation, Kind, Rule, Table
from restoration_tasks.runtime.errors import MediaError

if TYPE_CHECKING:
    import pandas as pd

    from restoration_tasks.media.sound.listening import Heard
    from restoration_tasks.media.sound.tracks import SoundTrack

SEARCHED_S: Final = 2.0
"""How far either way sound is looked for; what lies farther off is other sound."""
HEARD: Final = 1e-3
"""Root mean square, share of full scale, below which a stretch is silent and tells nothing (-60 dB)."""
LEAST_S: Final = 0.1
"""Shorter stretches tell nothing: the coder fills its last block."""
AS_GOOD: Final = 0.999
"""Of the greatest correlation; so near it a lag is as good."""
NO_TRACK: Final = "no such track"


@dataclass(frozen=True)
class TrackHeard:
    """One sound track of the preservation master, and what became of it."""

    track: int
    """From 1."""
    form: str
    """Channels, rate, depth and when it begins."""
    restored_form: str
    samples_md5: str
    """Of the decoded samples in one common form."""
    restored_md5: str
    mezzanine_md5: str
    channels: int
    access_channels: int
    """0 where it has no such track."""
    picture_off_frames: float
    """By how much the track is longer or shorter than the picture."""
    access_length_off_frames: float | None = None
    """By how much the access copy's is longer or shorter than this one."""
    access_sync_off_frames: float | None = None
    """How early or late the access copy's sound is, at its worst; stretches of 8 s."""
    access_alike: float | None = None
    """How like the two sound when laid over each other, 0 … 1, where it is worst."""
    access_loudness_off_lu: float | None = None
    """These four are null where the access copy cannot be heard, which breaks their rules."""


COLUMNS: Final = tuple(field.name for field in fields(TrackHeard))


def sound_rules(policy: Policy, *, tracks: int) -> tuple[Rule, ...]:
    """What masters and copies must keep of the sound.

    Args:
        policy: the thresholds.
        tracks: how many the preservation master has; the rules have nothing to speak about where it has none.
    """
    idle = "" if tracks else "the scan has no sound"

    def rule(name: str, sentence: str, *expectations: Expectation, severity: Severity = Severity.FAIL) -> Rule:
        return Rule(f"sound.{name}", Table.SOUND, severity, sentence, expectations, idle=idle)

    def equal(one: str, other: str) -> Expectation:
        return Expectation(Kind.PAIR_EQUAL, {"column_A": one, "column_B": other})

    def limits(column: str, low: float, high: float) -> Expectation:
        return Expectation(Kind.BETWEEN, {"column": column, "min_value": low, "max_value": high})

    frame = policy.limit("sound_off_frames_max")
    return (
        rule(
            "every_track_heard",
            "Every sound track of the scan was compared with the restored master's and the copies', once.",
            Expectation(Kind.ROW_COUNT, {"value": tracks}),
            Expectation(Kind.UNIQUE, {"column": "track"}),
        ),
        rule(
            "samples_kept",
            "The restored master has the scan's sound, sample by sample, in the same channels, from the same moment.",
            equal("samples_md5", "restored_md5"),
            equal("form", "restored_form"),
        ),
        rule(
            "mezzanine_has_the_samples",
            "The mezzanine has the scan's sound, sample by sample.",
            equal("samples_md5", "mezzanine_md5"),
        ),
        rule(
            "access_is_the_sound",
            "The access copy has the scan's sound in as many channels, from beginning to end.",
            equal("channels", "access_channels"),
            limits("access_alike", policy.limit("sound_alike_min"), 1.0001),
            limits("access_length_off_frames", 0, frame),
        ),
        rule(
            "access_in_step",
            "Nowhere is the sound of the access copy early or late by more than a frame.",
            limits("access_sync_off_frames", 0, frame),
        ),
        rule(
            "access_as_loud",
            "The access copy is as loud as the scan.",
            limits("access_loudness_off_lu", 0, policy.limit("sound_loudness_off_max")),
        ),
        rule(
            "as_long_as_the_picture",
            "The sound is as long as the picture, to a frame.",
            limits("picture_off_frames", 0, frame),
            severity=Severity.WARN,
        ),
    )


def sound_table(
    master: Path, *, restored: Path, mezzanine: Path, access: Path, frames: int, fps: Fraction
) -> pd.DataFrame:
    """The table that `sound_rules` are about: one row a track of the preservation master.

    Sound is decoded in stretches; memory does not grow with its length. A fault of the restored master or a copy is a
    finding, not a crash.

    Args:
        master: preservation master.
        restored: restored master.
        mezzanine: ProRes copy.
        access: H.264 copy.
        frames: of the picture.
        fps: of the picture.

    Raises:
        MediaError: the preservation master cannot be read.
    """
    import pandas as pd

    from restoration_tasks.media.sound.tracks import samples_digest, sound_tracks

    tracks = sound_tracks(master)
    digests = [samples_digest(master, track) for track in tracks]
    whole = sum(lasts for _, lasts in digests)
    rows = []
    for track, (digest, lasts) in zip(tracks, digests, strict=True):
        in_restored, in_mezzanine, in_access = (_track(path, track.index) for path in (restored, mezzanine, access))
        # Delivered files are tracks beside each other, or parts after each other.
        off = min(abs(length * fps - frames) for length in (Fraction(lasts), Fraction(whole)))
        rows.append(
            TrackHeard(
                track=track.index + 1,
                form=_form(track),
                restored_form=_form(in_restored),
                samples_md5=digest,
                restored_md5=_digest(restored, in_restored),
                mezzanine_md5=_digest(mezzanine, in_mezzanine),
                channels=track.channels,
                access_channels=in_access.channels if in_access else 0,
                picture_off_frames=float(off),
                **_beside(master, access, track.index, float(fps)),
            )
        )
    return pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS))


def tracks_found(path: Path) -> str:
    """How many sound tracks a file has, as text, or why that cannot be told."""
    from restoration_tasks.media.sound.tracks import sound_tracks

    try:
        return str(len(sound_tracks(path)))
    except MediaError as error:
        return error.message


def _track(path: Path, index: int) -> SoundTrack | None:
    from restoration_tasks.media.sound.tracks import sound_tracks

    try:
        return next((track for track in sound_tracks(path) if track.index == index), None)
    except MediaError:
        return None


def _form(track: SoundTrack | None) -> str:
    if track is None:
        return NO_TRACK
    return f"{track.channels} channels, {track.rate_hz} Hz, {track.bits} bits, from {track.delay_s:.3f} s"


def _digest(path: Path, track: SoundTrack | None) -> str:
    from restoration_tasks.media.sound.tracks import samples_digest

    if track is None:
        return NO_TRACK
    try:
        return samples_digest(path, track)[0]
    except MediaError as error:
        return error.message


def _beside(master: Path, access: Path, track: int, fps: float) -> dict[str, float | None]:
    """The figures of the access copy; nulls where it cannot be heard."""
    from restoration_tasks.media.sound.listening import RATE_HZ, loudness_lufs, windows

    lengths, late, alike = [0, 0], 0, 1.0
    try:
        for pair in zip_longest(windows(master, track), windows(access, track)):
            one, other = (np.zeros(0, np.float32) if heard is None else heard for heard in pair)
            lengths = [lengths[0] + one.size, lengths[1] + other.size]
            lag, like = offset(one, other)
            late, alike = max(late, abs(lag)), min(alike, like)
        apart_lu = abs(loudness_lufs(master, track) - loudness_lufs(access, track))
    except MediaError:
        return {}
    return {
        "access_length_off_frames": abs(lengths[0] - lengths[1]) / RATE_HZ * fps,
        "access_sync_off_frames": late / RATE_HZ * fps,
        "access_alike": alike,
        "access_loudness_off_lu": apart_lu,
    }


def offset(one: Heard, other: Heard) -> tuple[int, float]:
    """How many samples later the other stretch of sound is, and how like they are when laid over each other, 0 … 1.

    What cannot be told is no difference: where both are silent, or there is less than `LEAST_S` of either.
    The lag is where their cross-correlation is greatest, at most `SEARCHED_S`; of lags as good, as a pure tone has
    them, the least.

    >>> click = np.zeros(8000, np.float32)
    >>> click[1000] = 0.5
    >>> offset(click, np.roll(click, 40))
    (40, 1.0)
    """
    from restoration_tasks.media.sound.listening import RATE_HZ

    least = round(LEAST_S * RATE_HZ)
    strength = [float(np.linalg.norm(heard)) for heard in (one, other)]
    silent = [
        amount <= HEARD * np.sqrt(max(heard.size, 1)) for amount, heard in zip(strength, (one, other), strict=True)
    ]
    if all(silent) or min(one.size, other.size) < least:
        return 0, 1.0
    if any(silent):
        return 0, 0.0
    most = min(round(SEARCHED_S * RATE_HZ), min(one.size, other.size) - 1)
    size = 1 << (one.size + other.size - 1).bit_length()
    spectrum = np.conj(np.fft.rfft(one, size)) * np.fft.rfft(other, size)
    circular = np.fft.irfft(spectrum, size)
    lags = np.arange(-most, most + 1)
    likeness = circular[lags] / (strength[0] * strength[1])
    good = lags[likeness >= likeness.max() * AS_GOOD]
    return int(good[np.abs(good).argmin()]), round(float(np.clip(likeness.max(), 0, 1)), 6)
