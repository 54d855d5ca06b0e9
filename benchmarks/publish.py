"""The page of figures: docs/benchmarks.md and its plots, made from what benchmarks kept, and from nothing else.

    python -m benchmarks.publish

Each benchmark keeps its figures in docs/benchmarks/NAME.json. This reads them and writes every bar with what was asked
and measured, met or missed. It measures nothing; tests/benchmarks/test_publish.py holds the page to the kept figures.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FIGURES = ROOT / "docs" / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks.md"

Kept = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One bar, or one figure nothing was asked of."""

    what: str
    measured: str
    asked: str = ""
    met: bool | None = None


@dataclass(frozen=True)
class Section:
    """What one benchmark found."""

    title: str
    file: str
    command: str
    rows: Callable[[Kept], Iterator[Row]]
    plot: str = ""
    """Name of its plot beside the figures, without ending."""


def main() -> None:
    """Write the page and the plots."""
    from benchmarks.plots import draw

    PAGE.write_text(page(), encoding="utf-8")
    for name in draw(FIGURES):
        print(FIGURES / f"{name}.svg")
    print(PAGE)


def page() -> str:
    """The page as the kept figures make it."""
    lines = [
        "# Figures",
        "",
        "Every figure here was measured by the command beside it and kept in [docs/benchmarks](benchmarks).",
        "This page is made of those files by `python -m benchmarks.publish`, missed bars included. Speeds are",
        "ratios of runs made together wherever that can be, as the machine is shared with other work. What",
        "stands behind a bar (recipe, clips, peers) is in the benchmark and in its recipe beside it.",
        "",
    ]
    counts = {True: 0, False: 0}
    body: list[str] = []
    for section in SECTIONS:
        path = FIGURES / section.file
        if not path.exists():
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        body += [f"## {section.title}", "", f"`{section.command}`{_when(kept)}", ""]
        body += ["| what | asked | measured | |", "|---|---|---|---|"]
        for row in section.rows(kept):
            verdict = {True: "met", False: "**missed**", None: ""}[row.met]
            body.append(f"| {row.what} | {row.asked} | {row.measured} | {verdict} |")
            if row.met is not None:
                counts[row.met] += 1
        body.append("")
        if section.plot:
            body += [f"![{section.title}](benchmarks/{section.plot}.svg)", ""]
    lines.append(f"Of {sum(counts.values())} bars measured, {counts[True]} are met and {counts[False]} missed.")
    return "\n".join([*lines, "", *body]).rstrip() + "\n"


def _when(kept: Kept) -> str:
    """Date, machine and versions, as far as they were kept."""
    date = kept.get("date") or kept.get("at") or kept.get("last")
    machine = kept.get("machine")
    if isinstance(machine, Mapping):
        machine = ", ".join(f"{name} {value}" for name, value in machine.items())
    versions = ", ".join(f"{name} {value}" for name, value in kept.get("versions", {}).items())
    said = [f"on {date}" if date else "", str(machine or ""), versions]
    return "".join(f"; {one}" for one in said if one)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _bars(bars: list[dict[str, Any]], about: str = "") -> Iterator[Row]:
    for one in bars:
        how = f" ({one['measured as']})" if "measured as" in one else ""
        measured = one["measured"]
        yield Row(
            f"{about}{one['bar']}{how}",
            "not measured here" if measured is None else _number(measured),
            _number(one["asked"]) if "asked" in one else "",
            one["met"],
        )


def _listed(kept: Kept) -> Iterator[Row]:
    """Benchmarks that keep a list of bars."""
    yield from _bars(kept["bars"])
    made, of = (kept.get("figures", {}).get(name) for name in ("pieces made", "of"))
    if made is not None and made < of:
        yield Row("**so far measured on**", f"{made} of {of} pieces of the recipe")


def _single(kept: Kept) -> Iterator[Row]:
    """Benchmarks with one bar."""
    yield from _bars([kept["bar"]])


def _picture(kept: Kept) -> Iterator[Row]:
    for part, bars in kept["bars"].items():
        yield from _bars(bars, about=f"{part}: ")


def _demo(kept: Kept) -> Iterator[Row]:
    for seed in kept["seeds"]:
        score, name = seed["score"], f"seed {seed['seed']}: "
        yield Row(
            f"{name}PSNR of the damaged shots, gain in dB",
            _number(seed["gain_db"]),
            f"≥ {kept['required_gain_db']:g}",
            seed["gain_db"] >= kept["required_gain_db"],
        )
        identical = seed["clean_identical"]
        yield Row(f"{name}its clean shot", "bit-identical" if identical else "changed", "bit-identical", identical)
        for figure in ("psnr_db", "ssim", "vmaf"):
            before, after = score["before"][figure], score["after"][figure]
            yield Row(f"{name}{figure}, damaged shots, before → after", f"{_number(before)} → {_number(after)}")


def _ingest(kept: Kept) -> Iterator[Row]:
    from benchmarks.ingest import LEAST_CHECK_RATIO, MOST_ENCODE_RATIO, MOST_GROWTH, MOST_MEMORY_BYTES

    speed, encode = kept["check"]["speed_ratio"], kept["encode"]["time_ratio"]
    memory = kept["memory_bytes"]
    growth = memory["1600 small frames"] / memory["320 small frames"]
    yield Row(
        "checking a 2K delivery, × the speed of `md5sum` and `sha256sum`",
        _number(speed),
        f"≥ {LEAST_CHECK_RATIO}",
        speed >= LEAST_CHECK_RATIO,
    )
    yield Row(
        "FFV1 in resumable parts, × the time of plain ffmpeg",
        _number(encode),
        f"≤ {MOST_ENCODE_RATIO}",
        encode <= MOST_ENCODE_RATIO,
    )
    yield Row(
        "memory, 2K, MiB",
        _number(memory["2K"] / 2**20),
        f"≤ {MOST_MEMORY_BYTES >> 20}",
        memory["2K"] <= MOST_MEMORY_BYTES,
    )
    yield Row("memory of a reel five times as long, ×", _number(growth), f"≤ {MOST_GROWTH}", growth <= MOST_GROWTH)


def _models(kept: Kept) -> Iterator[Row]:
    for split, clips in kept["interpolation"].items():
        for name, one in clips.items():
            asked = 0.3 if one["large_motion"] else 0.0
            yield Row(
                f"new frames, {split}, {name}: dB over RIFE alone",
                _number(one["over_rife_db"]),
                f"≥ {asked:g}",
                one["over_rife_db"] >= asked,
            )
            yield Row(
                f"new frames, {split}, {name}: dB over OpenCV DIS",
                _number(one["over_dis_db"]),
                "≥ 0",
                one["over_dis_db"] >= 0,
            )
            time = one["time_over_rife"]
            yield Row(f"new frames, {split}, {name}: × RIFE's time", _number(time), "≤ 1.5", time <= 1.5)
            worse = one["worse_than_nearer_neighbour"]["ours"]
            yield Row(f"new frames, {split}, {name}: worse than the nearer neighbour", str(worse), "0", worse == 0)
    for split, clips in kept["super_resolution"].items():
        for name, one in clips.items():
            psnr = one["psnr_db"]
            lead = psnr["basicvsr-x4"] - psnr["bicubic"]
            yield Row(f"4 × `faithful`, {split}, {name}: dB over bicubic", _number(lead), "≥ 2", lead >= 2)


def _faces(kept: Kept) -> Iterator[Row]:
    damaged = kept["carphone_damaged"]
    for kind in ("blur", "noise"):
        yield Row(f"faces: rank correlation of measured and true {kind}", _number(damaged[kind]["rank_correlation"]))
    yield Row("seconds a look, 720x405", _number(kept["seconds_a_look_720x405"]))


def _portraits(kept: Kept) -> Iterator[Row]:
    yield from _bars(kept["bars"])
    for strength, row in kept["figures"]["by strength"].items():
        told = f"{row['gain_db']:+.2f} dB over the input, {row['over_realesrgan_db']:+.2f} over Real-ESRGAN"
        yield Row(f"portraits, {strength}: {row['cases']} cases", told)


def _infrared(kept: Kept) -> Iterator[Row]:
    for name, one in kept["films"].items():
        yield Row(f"infrared channel of {name}: used of delivered", f"{one['used']} of {one['channels']}")


def _gpu(kept: Kept) -> Iterator[Row]:
    width, height = kept["size"]
    yield Row(
        f"dirt found and repaired at {width}x{height}, {kept['lanes']} lanes, frames/s",
        _number(kept["fps"]),
        "≥ 24",
        kept["fps"] >= 24,
    )


def _pages(kept: Kept) -> Iterator[Row]:
    asked = kept["asked_ms"]
    for name, one in kept["pages"].items():
        yield Row(
            f"{name}: median ms ({one['cpu_ms']} ms of processor)",
            _number(one["median_ms"]),
            f"≤ {asked}",
            one["median_ms"] <= asked,
        )


def _queue(kept: Kept) -> Iterator[Row]:
    for one in kept["queries"]:
        asked = "≤ 50" if one["bar"] else ""
        yield Row(f"{one['name']}: median ms", _number(one["median_ms"]), asked, one["passed"] if one["bar"] else None)
    for one in kept["year"]:
        ratio = one["worst_over_first"]
        yield Row(
            f"a simulated year: storage × {one['storage_median']:g}, half lost at acidity {one['half_lost_at']:g},"
            f" budget {one['share']:g} of the archive, seed {one['seed']}: worst first saves × first in, first out",
            _number(ratio),
            "> 1",
            ratio > 1,
        )


def _catalogue(kept: Kept) -> Iterator[Row]:
    verify, insert, writers = kept["verify"], kept["insert"], kept["writers"]
    yield Row(
        f"record verified, {verify['events']} events, the machine's load {verify['load']:.1f}: events/s",
        _number(verify["events_per_s"]),
        f"≥ {verify['bar']:g}",
        verify["passed"],
    )
    yield Row(
        f"an event written, the machine's load {insert['load']:.1f}: median ms",
        _number(insert["median_ms"]),
        f"≤ {insert['bar']:g}",
        insert["passed"],
    )
    yield Row("of it the commit, median ms", _number(insert["of_it_commit_median_ms"]))
    yield Row(
        f"{writers['writers']} writers at once, one unbroken chain",
        "yes" if writers["passed"] else "no",
        "yes",
        writers["passed"],
    )
    restored, tampered = kept["restored"], kept["tampered"]
    yield Row(
        f"{restored['events']} events dumped, put back, verified against what was signed",
        "yes" if restored["passed"] else "no",
        "yes",
        restored["passed"],
    )
    yield Row("tamperings found and named", str(tampered["found"]), f"{tampered['of']}", tampered["passed"])


def _scaling(kept: Kept) -> Iterator[Row]:
    yield from _bars(kept["bars"])
    for frames, one in kept["reels"].items():
        yield Row(f"{frames} frames: processor seconds a frame, all steps", _number(one["cpu_s_a_frame"]))
        largest = max(one["steps"].values(), key=lambda step: int(step["memory_bytes"]))
        yield Row(f"{frames} frames: memory of the largest step, MB", _number(largest["memory_bytes"] / 1e6))
    for lanes, one in kept["lanes"].items():
        yield Row(f"{one['frames']} frames with lanes side by side: {lanes}; seconds", _number(one["wall_s"]))
        if one["start_cpu_s"]:
            yield Row("what a lane takes beside its work, seconds of processor", _number(one["start_cpu_s"]["median"]))


def _scheduler(kept: Kept) -> Iterator[Row]:
    yield from _bars(kept["bars"])
    for name, one in kept["passes"].items():
        active = one["runs"].get("running", 0)
        waiting = one["runs"].get("queued", 0)
        yield Row(
            f"a pass of the scheduler, {name} ({active} runs active, {waiting} queued): median ms",
            f"{one['median_ms']} ({one['cpu_ms']} of processor)",
        )
        if "lanes" in one:
            yield Row(
                f"the passes that expand its {one['lanes']} lanes, the longest to assess and to restore: ms",
                " and ".join(_number(took) for took in one["expanding_ms"]),
            )
            yield Row("what a lane is given as XCom, bytes in the mean", _number(one["xcom_bytes"]["given_mean"]))
            yield Row("what a lane leaves as XCom, bytes at most", _number(one["xcom_bytes"]["left_most"]))
    # figures from before lanes were measured have none
    for one in kept.get("plan", ()):
        yield Row(
            f"pods that do {_number(one['frames_per_s'])} frames/s: how many, and a start's share of the work",
            f"{one['pods']}; {_number(one['start_share'])}",
        )
    for name, seconds in kept["read_cpu_s"].items():
        yield Row(f"reading {name}: seconds of processor", _number(seconds))


def _cost(kept: Kept) -> Iterator[Row]:
    frames = kept["assumed"]["reel_frames"]
    for size, one in kept["reel"].items():
        low, usual, high = one["cents"]
        yield Row(f"a reel of {frames} frames at {size}: GPU-hours", _number(one["gpu_hours"]))
        yield Row("the same: hours of one core beside it, at most", _number(one["core_hours"]))
        yield Row("the same: cents, at the assumed prices (low to high)", f"{usual} ({low} to {high})")
    for one in kept["fleets"]:
        lost = one["lost_reels"]
        yield Row(
            f"{kept['assumed']['archive_reels']} such reels at 2K, {one['gpus']} GPUs, storage"
            f" × {one['storage_median']:g}, half lost at acidity {one['half_lost_at']:g}: years;"
            " reels' worth lost until their turn, worst first (first in, first out)",
            f"{_number(one['years'])}; {lost['worst first']} ({lost['first in, first out']})",
        )


def _tampering(kept: Kept) -> Iterator[Row]:
    yield from _bars(kept["bars"])
    attempts = [one for one in kept["parts"]["attempts"].values() if one["family"]]
    for family in ("picture", "sound", "copies", "records"):
        of_it = [one for one in attempts if one["family"] == family]
        yield Row(f"of them {family}: refused", f"{sum(one['refused'] for one in of_it)} of {len(of_it)}")


def _soak(kept: Kept) -> Iterator[Row]:
    yield Row("rounds passed, each ending with the bytes of an undisturbed run", str(kept["rounds"]))
    for kind, count in sorted(kept["faults"].items()):
        yield Row(f"faults: {kind}", str(count))
    yield Row("hostile inputs to readers", str(kept["fuzz_cases"]))


SECTIONS = (
    Section("The demo reel", "demo.json", "python -m benchmarks.demo --seeds 1", _demo),
    Section("Dirt, hairs, scratches", "dirt.json", "python -m benchmarks.dirt", _listed, plot="dirt"),
    Section("The same beside a GPU", "dirt-gpu.json", "python -m benchmarks.dirt_lanes", _gpu),
    Section(
        "Treatments of the whole picture", "picture.json", "python -m benchmarks.picture", _picture, plot="picture"
    ),
    Section("Networks of others, new frames, more pixels", "models.json", "python -m benchmarks.models", _models),
    Section("Damage assessment", "assessment.json", "python -m benchmarks.assessment", _listed),
    Section("Cuts", "cuts.json", "python -m benchmarks.cuts", _single),
    Section("Flicker, measured", "flicker.json", "python -m benchmarks.flicker", _single),
    Section("Faces", "faces.json", "python -m benchmarks.faces", _faces),
    Section("Clearer portraits", "portraits.json", "python -m benchmarks.portraits", _portraits),
    Section("Stunt wires", "wires.json", "python -m benchmarks.wires", _listed),
    Section("Text on screen", "titles.json", "python -m benchmarks.titles", _listed),
    Section("Light taken for dirt", "highlights.json", "python -m benchmarks.highlights", _listed),
    Section("The scanner's infrared channel", "infrared.json", "python -m benchmarks.infrared", _infrared),
    Section("Ingest", "ingest.json", "python -m benchmarks.ingest", _ingest),
    Section("The length of a reel", "scaling.json", "python -m benchmarks.scaling", _scaling, plot="scaling"),
    Section("Airflow's scheduler", "scheduler.json", "python -m benchmarks.scheduler", _scheduler),
    Section("What it costs", "cost.json", "python -m benchmarks.cost", _cost, plot="cost"),
    Section("The Reels pages", "pages.json", "python -m benchmarks.pages", _pages),
    Section("Queue and nights", "queue.json", "python -m benchmarks.queue", _queue),
    Section("The record", "catalogue.json", "python -m benchmarks.catalogue", _catalogue),
    Section("Tampering", "tampering.json", "python -m benchmarks.tampering", _tampering),
    Section("Faults", "soak.json", "make soak", _soak),
)

if __name__ == "__main__":
    main()
