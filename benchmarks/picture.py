"""The proof of the treatments of the whole picture, by the committed recipe (picture.yaml), a part each.

    python -m benchmarks.picture [--parts fade weave] [--split test]

Every piece is kept in the JSON as soon as it is made; a run that was broken off goes on. Only what is asked for is made
again; the pieces of other parts stay as they are. Exit 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import (
    command,
    picture_fade,
    picture_flicker,
    picture_noise,
    picture_stains,
    picture_tears,
    picture_weave,
)
from benchmarks.dirt_cases import work_folder
from benchmarks.kept import Kept, Result, file_digest
from restoration_tasks.media import ffmpeg
from restoration_tasks.runtime.errors import ExitCode

FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "picture.json"
console = Console()


@dataclass(frozen=True)
class Part:
    """One treatment's proof."""

    pieces: Callable[[str], dict[str, tuple[str, Callable[[], Result]]]]
    """The pieces of a split: by key the digest of what makes it, and what does."""
    report: Callable[[dict[str, Result]], tuple[list[Result], Result]]
    """Bars and figures of the pieces."""


PARTS = {
    "fade": Part(picture_fade.pieces, picture_fade.report),
    "noise": Part(picture_noise.pieces, picture_noise.report),
    "weave": Part(picture_weave.pieces, picture_weave.report),
    "flicker": Part(picture_flicker.pieces, picture_flicker.report),
    "stains": Part(picture_stains.pieces, picture_stains.report),
    "tears": Part(picture_tears.pieces, picture_tears.report),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; the exit code says whether every bar of the parts asked for is held."""
    parser = argparse.ArgumentParser(description="The proof of the treatments of the whole picture.")
    parser.add_argument("--parts", nargs="+", choices=[*PARTS], default=[*PARTS])
    parser.add_argument("--split", choices=["validation", "test"], default="test", help="validation is to choose by")
    chosen = parser.parse_args(arguments)
    cv2.setNumThreads(1)
    kept = Kept(FIGURES if chosen.split == "test" else work_folder() / "picture-validation.json")
    asked = {name: PARTS[name].pieces(chosen.split) for name in chosen.parts}
    kept.keep_only({name: {key: digest for key, (digest, _) in pieces.items()} for name, pieces in asked.items()})
    for name, pieces in asked.items():
        for number, (key, (digest, make)) in enumerate(pieces.items(), 1):
            if not kept.has(name, key, digest):
                begun = time.monotonic()
                kept.put(name, key, digest, make())
                kept.save(_head(chosen.split, kept)[0])
                took = time.monotonic() - begun
                console.print(f"{name} [{number}/{len(pieces)}] {key}: {took:.0f} s", markup=False, highlight=False)
    head, bars = _head(chosen.split, kept)
    kept.save(head)
    table = Table("bar", "asked", "measured", "met")
    for bar in (bar for name in chosen.parts for bar in bars[name]):
        table.add_row(bar["bar"], f"{bar['asked']:g}", f"{bar['measured']:.4g}", "yes" if bar["met"] else "NO")
    console.print(table)
    for name in chosen.parts:
        console.print(json.dumps(head["figures"][name], indent=1), markup=False, highlight=False)
    met = all(bar["met"] for name in chosen.parts for bar in bars[name])
    return ExitCode.DONE if met else ExitCode.FAILED


def _head(split: str, kept: Kept) -> tuple[Result, dict[str, list[Result]]]:
    reports = {name: part.report(kept.part(name)) for name, part in PARTS.items() if kept.part(name)}
    versions: dict[str, Any] = {"numpy": np.__version__, "opencv": cv2.__version__, "ffmpeg": ffmpeg.version()}
    head: Result = {
        "benchmark": "picture",
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "split": split,
        "recipe": {name: file_digest(f"benchmarks/{name}.yaml") for name in ("recipe", "picture")},
        "versions": versions,
        "bars": {name: bars for name, (bars, _) in reports.items()},
        "figures": {name: figures for name, (_, figures) in reports.items()},
    }
    return head, {name: bars for name, (bars, _) in reports.items()}


if __name__ == "__main__":
    command.run(main)
