"""All benchmarks, one after the other, then the page of their figures: what `make bench` runs.

    python -m benchmarks.all [NAME …]

One that fails, or misses a bar, does not stop the rest; it is named at the end, and the exit code is 1. Ended by TERM
or Ctrl-C, the one at work is ended too, with the database it started, and the page is not made. Each keeps what it
has measured; those that work long (dirt, picture, wires, titles, assessment, cuts, tampering, scaling) go on where they
were.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import publish
from benchmarks.command import run
from restoration_tasks.runtime.errors import ExitCode

PATIENCE_S = 60.0
"""For one that is ended: it stops its database."""


@dataclass(frozen=True)
class Benchmark:
    """One benchmark, and what it is run with."""

    name: str
    """Of its module, and of the argument that names it."""
    writes: str
    """The file in docs/benchmarks."""
    minutes: int
    """It may take on two cores with nothing else to do, the first time. Of demo, dirt, assessment and scaling by the
    seconds they kept; of the others a guess to plan by, until somebody has read it off the last lines."""
    ways: tuple[tuple[str, ...], ...] = ((),)
    """Its arguments, for each time it is run."""
    gpu: bool = False
    """Whether it is left out where no CUDA device is at hand."""


ALL = (
    Benchmark("demo", "demo.json", 5, (("--seeds", "1"),)),
    Benchmark("dirt", "dirt.json", 120),
    Benchmark(
        "dirt_lanes",
        "dirt-gpu.json",
        5,
        (("--device", "cuda", "--lanes", "14", "--frames", "10", "--out", "docs/benchmarks/dirt-gpu.json"),),
        gpu=True,
    ),
    Benchmark("picture", "picture.json", 240),
    Benchmark("models", "models.json", 60, (("--split", "validation"), ("--split", "test"))),
    Benchmark("assessment", "assessment.json", 30),
    Benchmark("cuts", "cuts.json", 30),
    Benchmark("flicker", "flicker.json", 20),
    Benchmark("faces", "faces.json", 10),
    Benchmark("portraits", "portraits.json", 40),
    Benchmark("wires", "wires.json", 60),
    Benchmark("titles", "titles.json", 60),
    Benchmark("highlights", "highlights.json", 30),
    Benchmark("infrared", "infrared.json", 10),
    Benchmark("ingest", "ingest.json", 15),
    Benchmark("scaling", "scaling.json", 90),
    Benchmark("scheduler", "scheduler.json", 10),
    Benchmark("pages", "pages.json", 15),
    Benchmark("queue", "queue.json", 15),
    Benchmark("catalogue", "catalogue.json", 20),
    Benchmark("tampering", "tampering.json", 30),
    Benchmark("cost", "cost.json", 1),
)
"""In the order they are run; `cost` reckons with what those before it measured."""

NO_BENCHMARK = {
    "all": "runs the others",
    "publish": "writes the page",
    "dirt_speed": "the process that `dirt` measures",
    "vapoursynth_peer": "a peer that `dirt` runs",
    "real_labels": "draws masks of real film",
    "sheets": "pictures to look at",
    "soak": "`make soak`: works for as long as it is told",
}
"""Other programs of this folder, and why they are not run here."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; the exit code says whether all of it went well."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these: " + ", ".join(one.name for one in ALL))
    asked = parser.parse_args(arguments)
    known = {one.name: one for one in ALL}
    if unknown := [name for name in asked.names if name not in known]:
        parser.error(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}")
    return run_all([one for one in ALL if not asked.names or one.name in asked.names])


def run_all(
    chosen: Sequence[Benchmark],
    *,
    command: Callable[[Benchmark, Sequence[str]], list[str]] | None = None,
    page: Callable[[], None] = publish.main,
    gpu: Callable[[], bool] | None = None,
) -> int:
    """Run benchmarks in order, say how each ended, write the page.

    Args:
        chosen: which.
        command: the command line of one.
        page: writes the page from what is kept.
        gpu: whether a CUDA device is at hand.
    """
    ended: list[str] = []
    for number, one in enumerate(chosen, start=1):
        if one.gpu and not (gpu or _has_gpu)():
            _say(f"{one.name}: left out, no CUDA device")
            continue
        _say(f"{number} of {len(chosen)}: {one.name}, about {one.minutes} minutes")
        begun = time.monotonic()
        codes = [_one((command or _command)(one, arguments)) for arguments in one.ways]
        took = (time.monotonic() - begun) / 60.0
        _say(f"{one.name}: {took:.1f} minutes")
        if any(codes):
            ended.append(f"{one.name} (exit code {max(codes, key=abs)})")
    page()
    if ended:
        _say(f"failed, or missed a bar: {', '.join(ended)}")
    return ExitCode.FAILED if ended else ExitCode.DONE


def _command(benchmark: Benchmark, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", f"benchmarks.{benchmark.name}", *arguments]


def _one(command: Sequence[str]) -> int:
    """Run one to its end, and end it where we are ended."""
    with subprocess.Popen(command) as process:
        try:
            return process.wait()
        except BaseException:
            process.terminate()
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def _has_gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _say(line: str) -> None:
    print(line, flush=True)  # before the lines of the next one


if __name__ == "__main__":
    run(main, "bench")
