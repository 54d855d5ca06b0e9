"""Deliveries as scanners leave them, with every header filled in, and the ways to spoil them."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from restoration_tasks.media.delivery.delivery import find_delivery
from restoration_tasks.media.delivery.findings import Finding, Waiver
from restoration_tasks.media.delivery.fixity import CheckedDelivery, check_delivery
from restoration_tasks.media.stills import dpx

FIRST = 1000
"""Number of the first frame of a reel made here."""


def frame(folder: Path, number: int, *, position: int, length: int, prefix: str = "film_", seed: int = 0) -> Path:
    """One small DPX frame of noise with a complete header, time code and edge code."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed * 100_003 + number)
    path = folder / f"{prefix}{number:06d}.dpx"
    dpx.write_dpx(
        path,
        random.integers(0, 1024, (3, 6, 8)).astype(np.uint16),
        frame_position=position,
        sequence_length=length,
        creator="Scanner Control 5",
        project="Bio 1907",
        input_device="Arriscan 123",
    )
    put(path, "I", 1920, timecode(position))
    edge_code(path, position)
    return path


def side_frame(path: Path, number: int, *, size: tuple[int, int] = (6, 8)) -> Path:
    """One small grey DPX frame of infrared light with a speck."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(7_000_003 + number)
    light = random.integers(880, 900, (1, *size)).astype(np.uint16)
    light[0, 2:4, number % 4 : number % 4 + 2] = 100
    dpx.write_dpx(path, light, creator="Scanner Control 5", project="Bio 1907", input_device="Arriscan 123")
    return path


def side(folder: Path, count: int = 8, *, name: str = "ir/film_{number:06d}.dpx") -> Path:
    """A side sequence in a delivery that `scan` made, and the manifest anew."""
    for number in range(FIRST, FIRST + count):
        side_frame(folder / name.format(number=number), number)
    sign(folder)
    return folder


def edge_code(path: Path, position: int, *, prefix: str = "123456") -> None:
    """A 35 mm edge code with four perforations a frame."""
    feet, offset = divmod(400 + 4 * position, 64)
    text = f"02{'55'}{offset:02d}{prefix}{feet:04d}".encode()
    put(path, f"{len(text)}s", 1664, text)


def timecode(position: int, rate: int = 24) -> int:
    """Binary coded digits of a time code that begins at one o'clock."""
    seconds, frames = divmod(3600 * rate + position, rate)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return int(f"{hours:02d}{minutes:02d}{seconds:02d}{frames:02d}", 16)


def put(path: Path, kind: str, at: int, value: object) -> None:
    """Overwrite a field of a big-endian header."""
    raw = bytearray(path.read_bytes())
    struct.pack_into(f">{kind}", raw, at, value)
    path.write_bytes(raw)


def scan(folder: Path, count: int = 8, *, first: int = FIRST, mark: bool = True, **options: object) -> Path:
    """A delivery without a fault: frames, manifest and mark."""
    for place in range(count):
        frame(folder, first + place, position=place, length=count, **options)
    sign(folder)
    if mark:
        (folder / ".ready").touch()
    return folder


def sign(folder: Path, names: Iterable[str] | None = None, *, file: str = "manifest-md5.txt") -> Path:
    """Write the manifest anew over everything there, as `md5sum` would."""
    kinds = (".dpx", ".wav", ".mov", ".mkv", ".tif", ".png", ".log")
    chosen = names or sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.suffix.lower() in kinds
    )
    lines = [f"{hashlib.md5((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in chosen]
    (folder / file).write_text("".join(lines))
    return folder / file


def at(folder: Path, place: int) -> Path:
    """The frame file at a place of a reel made by `scan`."""
    return folder / f"film_{FIRST + place:06d}.dpx"


def checked(folder: Path, reel: str | None = None, *waivers: str, **options: object) -> CheckedDelivery:
    """The check of a delivery; waivers by their names."""
    answered = [Waiver(finding=one, reason="known to the archive") for one in waivers]
    return check_delivery(find_delivery(folder, reel), waivers=answered, **options)


def found(folder: Path, reel: str | None = None, **options: object) -> list[str]:
    """Ids and grades of everything found about a delivery: `fail truncated:1003`."""
    return told(checked(folder, reel, **options).findings)


def told(findings: Iterable[Finding]) -> list[str]:
    """Findings by grade and id."""
    return [f"{finding.grade} {finding.id}" for finding in findings]
