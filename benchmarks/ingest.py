"""Ingest against plain tools on the same files in the same run: checking, encoding, memory.

Writes a synthetic 2K scan (grainy 10-bit DPX, 2048x1556), then measures, the contenders taking turns so that a busy
machine hurts all alike:

- checking a delivery (md5, sha256, header, decode, picture digest, header side-car) against `md5sum` and `sha256sum`
  run side by side in two processes;
- encoding it to FFV1 in resumable parts of the length ingest makes, joined, against one plain `ffmpeg` with the same
  settings;
- the memory of the whole step for a short and a long reel.

Bars: checking at 0.7 x the speed of the two tools or better; encoding within 1.1 x of plain ffmpeg's time; under 1 GB,
and not more for the long reel than for the short one. Prints a table, writes docs/benchmarks/ingest.json; exit 1 if a
bar is missed.

    python -m benchmarks.ingest [--frames 192] [--rounds 3] [--folder FOLDER]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.command import run
from restoration_tasks.media import ffmpeg
from restoration_tasks.media.delivery.delivery import delivery_digest, find_delivery
from restoration_tasks.media.delivery.fixity import check_delivery
from restoration_tasks.media.delivery.sequence import find_sequence
from restoration_tasks.media.master import write_master
from restoration_tasks.media.reader import sequence_format
from restoration_tasks.media.stills.dpx import Transfer, write_dpx
from restoration_tasks.media.stills.rebuild import remainder_of
from restoration_tasks.media.stills.side_car import RemainderWriter
from restoration_tasks.media.writer import Ffv1Settings, encode_sequence
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.spec import Source, Spec, SpecFile, StepName
from restoration_tasks.steps.ingest import STEP
from restoration_tasks.steps.ingest.picture import PART_FRAMES

WIDTH, HEIGHT = 2048, 1556
SMALL = (360, 270)
"""Size of the reels whose memory is compared: their lengths matter, not their pictures."""
SHORT, LONG = 320, 1600
"""Frames of those two; both longer than a row group of the header side-car (256), which is gathered in memory."""
LEAST_CHECK_RATIO = 0.7
MOST_ENCODE_RATIO = 1.1
MOST_MEMORY_BYTES = 1 << 30
MOST_GROWTH = 1.15
"""How much more memory a reel five times as long may take: noise of sampling, not growth."""
FIGURES = Path(__file__).parents[1] / "docs" / "benchmarks" / "ingest.json"

console = Console()


@dataclass
class Contest:
    """Seconds of two contenders, round by round."""

    ours_s: list[float] = field(default_factory=list)
    theirs_s: list[float] = field(default_factory=list)

    def run(self, ours: Callable[[], None], theirs: Callable[[], None], rounds: int) -> None:
        """Let them take turns; who begins alternates."""
        for number in range(rounds):
            order = [(self.ours_s, ours), (self.theirs_s, theirs)]
            for times, work in order if number % 2 == 0 else reversed(order):
                begun = time.monotonic()
                work()
                times.append(time.monotonic() - begun)

    @property
    def ratio(self) -> float:
        """Their time over ours, by the median of the rounds' own ratios."""
        return statistics.median(theirs / ours for ours, theirs in zip(self.ours_s, self.theirs_s, strict=True))


@dataclass(frozen=True)
class Memory:
    """Most bytes the whole step held at a time."""

    large: int
    """For 2K frames."""
    short: int
    """For `SHORT` small frames."""
    long: int
    """For `LONG` small frames."""

    @classmethod
    def measured(cls, folder: Path) -> Memory:
        """Ingest a reel of large frames, a short and a long one of small frames."""
        short, long = (peak_bytes(make_scan(folder / f"m{frames}", frames, SMALL), folder) for frames in (SHORT, LONG))
        return cls(peak_bytes(make_scan(folder / "large", PART_FRAMES, (WIDTH, HEIGHT)), folder), short, long)

    @classmethod
    def of_last_run(cls) -> Memory:
        """The figures that stand in docs/benchmarks."""
        held = json.loads(FIGURES.read_text())["memory_bytes"]
        return cls(held["2K"], held[f"{SHORT} small frames"], held[f"{LONG} small frames"])


def main() -> int:
    """Run the benchmark; the exit code says whether every bar is held."""
    parser = argparse.ArgumentParser(description="Ingest against plain tools on the same files.")
    parser.add_argument("--frames", type=int, default=2 * PART_FRAMES, help="frames of the 2K scan")
    parser.add_argument("--encode-frames", type=int, default=2 * PART_FRAMES, help="of them, frames that are encoded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None, help="where to work (needs 4 GB)")
    parser.add_argument("--speed-only", action="store_true", help="keep the memory figures of the last run")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="reelkeeper-bench-", dir=chosen.folder) as name:
        folder = Path(name)
        scan = make_scan(folder / "scan", chosen.frames, (WIDTH, HEIGHT))
        checking, encoding = Contest(), Contest()
        for path in scan.iterdir():  # every contender finds the files in memory
            path.read_bytes()
        checking.run(lambda: check(scan, folder), lambda: sums(scan), chosen.rounds)
        encoding.run(
            lambda: encode(scan, folder, chosen.encode_frames),
            lambda: plain_encode(scan, folder, chosen.encode_frames),
            max(1, chosen.rounds - 1),
        )
        console.print(f"check {checking.ratio:.2f} x their speed; encode {1 / encoding.ratio:.3f} x its time")
        memory = Memory.of_last_run() if chosen.speed_only else Memory.measured(folder)
    return report(chosen, checking, encoding, memory)


def make_scan(folder: Path, frames: int, size: tuple[int, int], seed: int = 1) -> Path:
    """A delivery of grainy frames that move: smooth pictures would flatter the encoder, white noise hurt it."""
    width, height = size
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grains = [random.normal(0, 9, (3, height + 16, width + 16)).astype(np.float32) for _ in range(3)]
    for number in range(frames):
        picture = 400 + 180 * np.sin((x + 3 * number) / 97) * np.cos(y / 61)
        down, across = random.integers(0, 16, 2)
        grain = grains[number % 3][:, down : down + height, across : across + width]
        codes = np.clip(np.rint(picture + grain + np.array([0, 40, -30])[:, None, None]), 64, 940).astype(np.uint16)
        write_dpx(
            folder / f"scan_{number:07d}.dpx",
            codes,
            frame_position=number,
            sequence_length=frames,
            transfer=Transfer.PRINTING_DENSITY,
            project="benchmark",
            input_device="synthetic",
        )
    (folder / ".ready").touch()
    return folder


def check(scan: Path, folder: Path) -> None:
    """The check as ingest makes it, header side-car included."""
    with RemainderWriter(folder / "headers.parquet") as side_car:
        check_delivery(
            find_delivery(scan),
            keep=lambda record, raw, header, frame: side_car.write(remainder_of(raw, header, frame, record.name)),
        )


def sums(scan: Path) -> None:
    """The two tools an archive would use, side by side."""
    names = sorted(path.name for path in scan.glob("*.dpx"))
    running = [
        subprocess.Popen([tool, *names], cwd=scan, stdout=subprocess.DEVNULL) for tool in ("md5sum", "sha256sum")
    ]
    if any(process.wait() for process in running):
        raise RuntimeError("a digest tool failed")


def encode(scan: Path, folder: Path, frames: int) -> None:
    """Parts as ingest makes them, joined."""
    sequence = find_sequence(scan).part(0, frames)
    fmt = sequence_format(sequence.header(), Fraction(24))
    parts = []
    for start in range(0, frames, PART_FRAMES):
        parts.append(folder / f"part-{start}.mkv")
        encode_sequence(sequence.part(start, start + PART_FRAMES), fmt, parts[-1])
    write_master(parts, folder / "ours.mkv", proved_later=True)


def plain_encode(scan: Path, folder: Path, frames: int) -> None:
    """One ffmpeg, as a handbook would write it, with our encoder's settings."""
    fmt = sequence_format(find_sequence(scan).header(), Fraction(24))
    chosen = Ffv1Settings().options(fmt)
    options = [
        str(part)
        for name in ("c:v", "level", "g", "slicecrc", "slices", "context", "threads", "pix_fmt")
        for part in (f"-{name}", chosen[name])
    ]
    reading = ["-framerate", "24", "-f", "image2", "-i", "scan_%07d.dpx"]
    command = [ffmpeg.binary(), "-v", "error", "-y", *reading, "-frames:v", str(frames), *options]
    subprocess.run([*command, str(folder / "plain.mkv")], check=True, cwd=scan, stdin=subprocess.DEVNULL)


def peak_bytes(scan: Path, folder: Path) -> int:
    """Most memory the ingest step and its children held at a time (proportional set size where the kernel tells it)."""
    home = folder / f"home-{scan.name}"
    spec = Spec(
        step=StepName.INGEST,
        step_version=STEP.version,
        reel_id="benchmark",
        sources={"delivery": Source(location=str(scan), sha256=delivery_digest(scan)[0])},
        vault=str(home / "vault"),
        execution_id="benchmark",
    )
    asked = folder / f"{scan.name}.json"
    asked.write_text(SpecFile(specs=(spec,)).model_dump_json())
    environment = os.environ | {"REELKEEPER_HOME": str(home)}
    command = [sys.executable, "-m", "restoration_tasks.cli.main", "step", "run", str(asked)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        peak, over = 0, threading.Event()

        def watch() -> None:
            nonlocal peak
            parent = psutil.Process(process.pid)
            while not over.wait(0.1):
                peak = max(peak, held_bytes(parent))

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        over.set()
        watcher.join()
    if code:
        raise RuntimeError(f"the step failed with exit code {code}")
    return peak


def held_bytes(parent: psutil.Process) -> int:
    """What a process and its children hold just now (proportional set size where the kernel tells it)."""
    total = 0
    try:
        for process in (parent, *parent.children(recursive=True)):
            total += process.memory_full_info().pss
    except psutil.NoSuchProcess:
        pass
    return total


def report(chosen: argparse.Namespace, checking: Contest, encoding: Contest, memory: Memory) -> int:
    """Print and write the figures."""
    growth = memory.long / memory.short
    frame_bytes = 2048 + WIDTH * HEIGHT * 4
    rows = [
        (
            "check against md5sum + sha256sum",
            f"{checking.ratio:.2f} x their speed ({chosen.frames * frame_bytes / min(checking.ours_s) / 1e6:.0f} MB/s)",
            f"≥ {LEAST_CHECK_RATIO}",
            checking.ratio >= LEAST_CHECK_RATIO,
        ),
        (
            "FFV1 encode against plain ffmpeg",
            f"{1 / encoding.ratio:.3f} x its time ({chosen.encode_frames / min(encoding.ours_s):.2f} frames/s)",
            f"≤ {MOST_ENCODE_RATIO}",
            1 / encoding.ratio <= MOST_ENCODE_RATIO,
        ),
        (
            f"memory: 2K; {LONG} against {SHORT} small frames",
            f"{memory.large / 2**20:.0f} MiB; {growth:.2f} x",
            f"< 1 GiB; ≤ {MOST_GROWTH} x",
            memory.large < MOST_MEMORY_BYTES and growth <= MOST_GROWTH,
        ),
    ]
    table = Table("what", "measured", "bar", "held")
    for what, measured, bar, held in rows:
        table.add_row(what, measured, bar, "yes" if held else "NO")
    console.print(table)
    figures: dict[str, Any] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d}",
        "command": " ".join(["python -m benchmarks.ingest", *sys.argv[1:]]),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "ffmpeg": ffmpeg.version(),
        "scan": f"{chosen.frames} frames {WIDTH}x{HEIGHT} 10-bit RGB DPX",
        "check": {
            "ours_s": checking.ours_s,
            "md5sum_and_sha256sum_s": checking.theirs_s,
            "speed_ratio": checking.ratio,
        },
        "encode": {"ours_s": encoding.ours_s, "plain_ffmpeg_s": encoding.theirs_s, "time_ratio": 1 / encoding.ratio},
        "memory_bytes": {
            "2K": memory.large,
            f"{SHORT} small frames": memory.short,
            f"{LONG} small frames": memory.long,
        },
        "passed": all(held for *_, held in rows),
    }
    FIGURES.parent.mkdir(parents=True, exist_ok=True)
    FIGURES.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n")
    return ExitCode.DONE if figures["passed"] else ExitCode.FAILED


if __name__ == "__main__":
    run(main, "ingest")
