"""The long tests: faults at random moments and hostile bytes, for as many minutes as asked; totals are kept and go on.

    python -m benchmarks.soak [--minutes 60] [--only full_disk]

Each round takes the next seed. A fault round runs a small reel its whole way while something befalls it (its processes
are killed with -9, its disks fill up, its database goes, a second run starts, a finished file rots, its vault cannot be
written), and asks for the bytes of an undisturbed run, one unbroken chain, no process and nothing in scratch left. A
fuzz round feeds damaged headers, manifests, specs, plans, tables and forms to their readers, which must answer or
refuse, never break. Exit 1 at the first round that fails.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.soak_faults import DISTURBANCES, NEED_MOUNT, Calm, Disturbance, can_mount, watched
from benchmarks.soak_fuzz import FUZZ_CASES, fuzz_round
from benchmarks.soak_home import Home, SoakFailed, require_no_process
from restoration_tasks.runtime.errors import ExitCode

REELS = 4
"""Reels that are made for a round at most."""
TOTALS = Path(__file__).parents[1] / "docs" / "benchmarks" / "soak.json"

console = Console()


def main() -> int:
    """Run rounds until the time is up."""
    parser = argparse.ArgumentParser(description="Faults and hostile bytes, for a while.")
    parser.add_argument("--minutes", type=float, default=60.0)
    names = sorted({one.__name__ for one in DISTURBANCES})
    parser.add_argument("--only", choices=names, help="this fault every round")
    asked = parser.parse_args()
    deadline = time.monotonic() + 60 * asked.minutes
    chosen = [one for one in DISTURBANCES if asked.only in (None, one.__name__)]
    if not can_mount():
        console.print("this user may not mount: the rounds of full and read-only disks are left out")
        chosen = [one for one in chosen if one not in NEED_MOUNT]
    totals = read_totals()
    while True:
        seed = int(totals["rounds"]) + 1
        disturb = chosen[seed % len(chosen)]
        try:
            totals["fuzz_cases"] += fuzz_round(seed)
            done = fault_round(seed, disturb)
        except SoakFailed as failure:
            console.print(f"[bold red]round {seed} ({disturb.__name__}) failed:[/] {failure}", highlight=False)
            return 1
        totals["rounds"] = seed
        totals["faults"] = dict(Counter(totals["faults"]) + done)
        write_totals(totals)
        said = ", ".join(f"{count} x {kind}" for kind, count in sorted(done.items())) or "no fault hit it"
        console.print(f"round {seed}: {said}; {FUZZ_CASES} hostile inputs; all as it must be", highlight=False)
        if time.monotonic() >= deadline:
            break
    console.print(f"{totals['rounds']} rounds so far, faults: {totals['faults']}")
    console.print(f"{totals['rounds']} passed, 0 failed")
    return 0


def read_totals() -> dict[str, Any]:
    """What earlier soaks have done."""
    if TOTALS.exists():
        kept: dict[str, Any] = json.loads(TOTALS.read_text())
        return kept
    return {"rounds": 0, "faults": {}, "fuzz_cases": 0}


def write_totals(totals: dict[str, Any]) -> None:
    """Keep it."""
    TOTALS.parent.mkdir(parents=True, exist_ok=True)
    totals["last"] = datetime.now(UTC).date().isoformat()
    TOTALS.write_text(json.dumps(totals, indent=1, sort_keys=True) + "\n")


def undisturbed(folder: Path, seed: int) -> tuple[Home, Calm]:
    """A reel taken its whole way, and how long that took.

    Reels of 96x72 are made at random, and the check, whose limits are for film, refuses some. Then another is made.

    Raises:
        SoakFailed: the run failed, or the check refused every reel.
    """
    for another in range(REELS):
        home = Home.delivered(folder / f"calm-{another}", seed + another * 1000)
        code, calm = watched(home.start_reel())
        if code == ExitCode.DONE:
            return home, calm
        home.stop_database()
        if code != ExitCode.CHECK_REFUSED:
            break
        console.print(f"the check refused the reel of seed {seed + another * 1000}: another is made", highlight=False)
    raise SoakFailed(f"the undisturbed run failed; see {home.log_end()}")


def fault_round(seed: int, disturb: Disturbance) -> Counter[str]:
    """One reel, undisturbed and disturbed. Returns what befell it, by kind."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="reelkeeper-soak-") as name:
        folder = Path(name)
        pattern, calm = undisturbed(folder, seed)
        wild = pattern.same_delivery(folder / "wild")
        try:
            done = disturb(wild, chance, calm)
            wild.require_same(pattern)
            wild.require_whole_record()
            wild.require_scratch_given_back()
            return done
        finally:
            for home in (pattern, wild):
                home.stop_database()
            require_no_process(folder)


if __name__ == "__main__":
    sys.exit(main())
