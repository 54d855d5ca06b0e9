"""The figures of the model shelf by the recipe in models.yaml, peers in the same run.

Writes docs/benchmarks/models.json. Parameters were chosen on training clips; `--split test` is run to report, once.
Times are processor seconds of one thread.

    python -m benchmarks.models --split validation
    python -m benchmarks.models --split test --parts interpolation super_resolution
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import yaml
from rich.console import Console
from rich.table import Table

from benchmarks import command, enlarging, interpolation

OUT = Path("docs/benchmarks/models.json")
RECIPE = Path(__file__).with_suffix(".yaml")
PARTS = ("interpolation", "super_resolution", "windows", "memory")


def interpolated(recipe: dict[str, Any], split: str, console: Console) -> dict[str, Any]:
    """Interpolation on every case of a split."""
    made_by = interpolation.makers()
    table = Table("case", "neighbour", "DIS", "RIFE", "ours", "over RIFE", "over DIS", "worse", "time")
    figures = {}
    for case in recipe["interpolation"][split]:
        name = interpolation.name_of(case)
        row = figures[name] = interpolation.measured(case, made_by)
        kinds = (interpolation.NEIGHBOUR, interpolation.DIS, interpolation.RIFE, interpolation.OURS)
        worse = row["worse_than_nearer_neighbour"]["ours"]
        gains = [f"{row['over_rife_db']:+.2f}", f"{row['over_dis_db']:+.2f}", f"{worse} of {row['frames']}"]
        table.add_row(name, *(f"{row['psnr_db'][kind]:.2f}" for kind in kinds), *gains, f"{row['time_over_rife']:.2f}")
    console.print(table)
    return figures


def enlarged(recipe: dict[str, Any], split: str, console: Console) -> dict[str, Any]:
    """Super-resolution on every case of a split."""
    factor, networks = recipe["super_resolution"]["factor"], enlarging.enlargers()
    table = Table("case", "network", "PSNR", "shrunk, codes from the source")
    figures = {}
    for case in recipe["super_resolution"][split]:
        row = figures[case["clip"]] = enlarging.measured(case, factor, networks)
        for name, psnr in row["psnr_db"].items():
            table.add_row(case["clip"], name, f"{psnr:.2f}", f"{row['differs_from_source_codes'][name]:.2f}")
    console.print(table)
    return figures


def in_windows(recipe: dict[str, Any], split: str, console: Console) -> dict[str, Any]:
    """Runs of frames enlarged in windows, on every case of a split."""
    table = Table("case", "how", "PSNR", "step at seams", "elsewhere")
    figures = {}
    for case in recipe["windows"].get(split, ()):
        row = figures[case["clip"]] = enlarging.in_windows(case, recipe["windows"]["factor"])
        for name, found in row.items():
            table.add_row(case["clip"], name, *(f"{found[kind]:.2f}" for kind in ("psnr_db", "seams", "elsewhere")))
    console.print(table)
    return figures


def remembered(console: Console) -> dict[str, Any]:
    """What networks need in memory."""
    figures = enlarging.memory(enlarging.enlargers())
    console.print_json(data=figures)
    return figures


def write(place: tuple[str, ...], figures: dict[str, Any]) -> None:
    """Put figures into their place in the file; what else is in it stays."""
    record = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else {}
    part = record
    for name in place[:-1]:
        part = part.setdefault(name, {})
    part[place[-1]] = figures
    OUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Measure, print, write."""
    import torch

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--split", choices=("validation", "test"), default="validation")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    console = Console(width=140)
    for part in chosen.parts:
        if part == "memory":
            write((part,), remembered(console))
        else:
            measure = {"interpolation": interpolated, "super_resolution": enlarged, "windows": in_windows}[part]
            write((part, chosen.split), measure(recipe, chosen.split, console))


if __name__ == "__main__":
    command.run(main, "models")
