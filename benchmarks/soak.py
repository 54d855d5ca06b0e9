"""The long tests: kills at random moments and hostile bytes, for as many minutes as asked; totals are kept and go on.

    python -m benchmarks.soak [--minutes 60]

Each round takes the next seed. A kill round runs a small reel its whole way while its processes are killed with -9 at
random moments, and asks for the bytes of an undisturbed run, one unbroken chain and no process left. A fuzz round feeds
damaged headers, manifests, specs and plans to their readers, which must answer or refuse, never break. Exit 1 at the
first round that fails.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console

from restoration_tasks.media.delivery.manifest import Algorithm, read_manifest
from restoration_tasks.media.stills.dpx_header import HEADER_BYTES, parse_header
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.spec import SpecFile, StepName, StepResult
from tests.integration.reels import deliver

TOTALS = Path(__file__).parents[1] / "docs" / "benchmarks" / "soak.json"
MOST_KILLS = 12
"""A round ends undisturbed after so many, or it might never end."""
LONGEST_RUN_S = 600
FUZZ_CASES = 400
REEL = "soak"

console = Console()


class SoakFailed(Exception):
    """A round did not end as it must."""


def main() -> int:
    """Run rounds until the time is up."""
    parser = argparse.ArgumentParser(description="Kills and hostile bytes, for a while.")
    parser.add_argument("--minutes", type=float, default=60.0)
    deadline = time.monotonic() + 60 * parser.parse_args().minutes
    totals = read_totals()
    while True:
        seed = int(totals["rounds"]) + 1
        try:
            totals["fuzz_cases"] += fuzz_round(seed)
            kills = kill_round(seed)
        except SoakFailed as failure:
            console.print(f"[bold red]round {seed} failed:[/] {failure}", highlight=False)
            return 1
        totals["rounds"] = seed
        totals["kills"] = dict(Counter(totals["kills"]) + kills)
        write_totals(totals)
        console.print(f"round {seed}: {sum(kills.values())} kills, {FUZZ_CASES} hostile inputs; all as it must be")
        if time.monotonic() >= deadline:
            break
    console.print(f"{totals['rounds']} rounds so far, kills by step: {totals['kills']}")
    console.print(f"{totals['rounds']} passed, 0 failed")
    return 0


def read_totals() -> dict[str, Any]:
    """What earlier soaks have done."""
    if TOTALS.exists():
        kept: dict[str, Any] = json.loads(TOTALS.read_text())
        return kept
    return {"rounds": 0, "kills": {}, "fuzz_cases": 0}


def write_totals(totals: dict[str, Any]) -> None:
    """Keep it."""
    TOTALS.parent.mkdir(parents=True, exist_ok=True)
    totals["last"] = datetime.now(UTC).date().isoformat()
    TOTALS.write_text(json.dumps(totals, indent=1, sort_keys=True) + "\n")


# -- kills -------------------------------------------------------------------------------------------------------------


def kill_round(seed: int) -> Counter[str]:
    """One reel, undisturbed and disturbed. Returns kills by step."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="reelkeeper-soak-") as name:
        folder = Path(name)
        try:
            calm, wild = folder / "calm", folder / "wild"
            deliver(calm / "inbox", REEL, seed=seed)
            shutil.copytree(calm / "inbox", wild / "inbox", copy_function=shutil.copy2)
            started = time.monotonic()
            if run_reel(calm).wait(LONGEST_RUN_S) != 0:
                raise SoakFailed(f"the undisturbed run failed; see {log_end(calm)}")
            calm_s = time.monotonic() - started
            kills = disturb(wild, chance, calm_s)
            require_same(payload(calm), payload(wild))
            verify_chain(wild)
            return kills
        finally:
            for home in ("calm", "wild"):
                stop_database(folder / home)
            require_no_process(folder)


def run_reel(home: Path) -> subprocess.Popen[bytes]:
    """Start `reelkeeper run` on the home's reel."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("REELKEEPER_")}
    command = [sys.executable, "-m", "restoration_tasks.cli.main", "run", str(home / "inbox" / REEL)]
    with (home / "run.log").open("ab") as log:
        return subprocess.Popen(
            [*command, "--reel-id", REEL, "--approve-as", "conservator"],
            env=environment | {"REELKEEPER_HOME": str(home)},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def log_end(home: Path) -> str:
    """The last of what the home's runs said."""
    return (home / "run.log").read_text()[-800:]


def disturb(home: Path, chance: random.Random, calm_s: float) -> Counter[str]:
    """Run the reel and kill a step, or the conductor, at random moments until it has ended well."""
    kills: Counter[str] = Counter()
    for _ in range(MOST_KILLS):
        run = run_reel(home)
        try:
            run.wait(chance.uniform(0.1, 0.6) * calm_s)
        except subprocess.TimeoutExpired:
            kills[kill_something(run.pid, chance)] += 1
        if run.wait(LONGEST_RUN_S) == 0:
            return kills
    if run_reel(home).wait(LONGEST_RUN_S) != 0:
        raise SoakFailed(f"the run does not recover; see {log_end(home)}")
    return kills


def kill_something(conductor: int, chance: random.Random) -> str:
    """Kill a running step with all its children, or the conductor itself. Says which."""
    try:
        process = psutil.Process(conductor)
        steps = [child for child in process.children() if "step" in child.cmdline()]
    except psutil.NoSuchProcess:
        return "between"
    if steps and chance.random() < 0.7:
        step = chance.choice(steps)
        label = step_of(step)
        for victim in (step, *step.children(recursive=True)):
            kill(victim)
        return label
    for victim in (process, *process.children(recursive=True)):
        if "postgres" not in victim.name():
            kill(victim)
    return "everything"


def kill(process: psutil.Process) -> None:
    """SIGKILL; one that has ended meanwhile is as dead."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def step_of(process: psutil.Process) -> str:
    """The step a process works on, from its spec file."""
    try:
        return SpecFile.parse(Path(process.cmdline()[-1]).read_bytes(), source="spec").specs[0].step.value
    except (psutil.NoSuchProcess, ReelkeeperError, OSError, IndexError):
        return "between"


def payload(home: Path) -> dict[str, list[str]]:
    """Digests of what each step made, whatever run made it. Bags hold the provenance of their run and are left out."""
    found: dict[str, list[str]] = {}
    for step in StepName:
        if step is StepName.PACKAGE:
            continue
        for path in sorted((home / "vault" / "reels" / REEL / step).glob("*/result.json")):
            result = StepResult.model_validate_json(path.read_bytes())
            key = f"{step} {result.segment or ''}".strip()
            found.setdefault(key, []).extend(f"{one.name} {one.sha256}" for one in result.outputs)
    return found


def require_same(calm: dict[str, list[str]], wild: dict[str, list[str]]) -> None:
    """The disturbed run must have made the same bytes."""
    for key in sorted(calm.keys() | wild.keys()):
        if calm.get(key) != wild.get(key):
            raise SoakFailed(f"{key} differs after kills: {calm.get(key)} and {wild.get(key)}")


def verify_chain(home: Path) -> None:
    """The provenance must be whole."""
    environment = os.environ | {"REELKEEPER_HOME": str(home)}
    command = [sys.executable, "-m", "restoration_tasks.cli.main", "provenance", "verify", REEL]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SoakFailed(f"the chain is broken: {done.stdout} {done.stderr}")


def stop_database(home: Path) -> None:
    """End the embedded server a killed conductor left running."""
    from restoration_tasks.catalogue import embedded

    if (home / "postgres").exists():
        embedded.stop(home / "postgres")


def require_no_process(folder: Path) -> None:
    """Nothing may go on working below the folder."""
    deadline = time.monotonic() + 10
    while True:
        left = [process for process in psutil.process_iter(["cmdline"]) if str(folder) in str(process.info["cmdline"])]
        if not left:
            return
        if time.monotonic() > deadline:
            raise SoakFailed(f"processes are left: {[process.info['cmdline'] for process in left][:3]}")
        time.sleep(0.2)


# -- hostile bytes -----------------------------------------------------------------------------------------------------


def fuzz_round(seed: int) -> int:
    """Feed damaged inputs to the readers. Returns how many."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="reelkeeper-fuzz-") as name:
        folder = Path(name)
        delivery = deliver(folder, REEL, seed=seed).delivery
        frame = next(delivery.glob("*.dpx")).read_bytes()
        manifest = (delivery / "manifest-md5.txt").read_bytes()
        plan = PLAN.to_yaml().encode()
        readers: list[tuple[bytes, Callable[[bytes], object]]] = [
            (frame[:HEADER_BYTES], lambda raw: parse_header(raw, file_bytes=len(frame), name="x.dpx")),
            (manifest, lambda raw: read_bytes_as_manifest(folder, raw)),
            (SPEC, lambda raw: SpecFile.parse(raw, source="x.json")),
            (plan, lambda raw: Plan.from_yaml(raw.decode(errors="replace"), source="x.yaml")),
        ]
        for case in range(FUZZ_CASES):
            sound, reader = readers[case % len(readers)]
            damaged = damage(sound, chance)
            try:
                reader(damaged)
            except ReelkeeperError:
                continue
            except Exception as error:
                raise SoakFailed(f"a reader broke on {damaged[:200]!r}: {type(error).__name__}: {error}") from error
    return FUZZ_CASES


def read_bytes_as_manifest(folder: Path, raw: bytes) -> object:
    """Read bytes as a manifest file."""
    path = folder / "fuzzed.md5"
    path.write_bytes(raw)
    return read_manifest(path, Algorithm.MD5)


def damage(sound: bytes, chance: random.Random) -> bytes:
    """Flip, cut, repeat or insert some bytes."""
    raw = bytearray(sound)
    for _ in range(chance.randint(1, 8)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(4):
            case 0 if at < len(raw):
                raw[at] = chance.randrange(256)
            case 1:
                del raw[at : at + chance.randint(1, 40)]
            case 2:
                raw[at:at] = raw[at : at + chance.randint(1, 40)]
            case _:
                raw[at:at] = chance.choice([b"\0", b"\xff\xff\xff\xff", b"../", b"&a *a", b"1e999", b"NaN", b"\n"])
        if not raw:
            raw = bytearray(b"\0")
    return bytes(raw)


SPEC = (
    b'{"format":"reelkeeper.specs/1","specs":[{"step":"shots","step_version":"1","reel_id":"r","segment":null,'
    b'"inputs":{"master":{"uri":"vault:reels/r/x","sha256":"' + b"0" * 64 + b'","bytes":1}},"params":{"a":[1,2]},'
    b'"vault":"/v","execution_id":"e"}]}'
)
PLAN = Plan(
    reel_id=REEL,
    shots=(
        PlannedShot(
            shot=1,
            start=0,
            stop=3,
            treatments=(
                PlannedTreatment(name="dirt", params={"threshold": 0.5}, why="dirt"),
                PlannedTreatment(name="flicker", params={"gain": [1.0, 1.1, 0.9], "offset": [0.0, 0.0, 0.0]}, why="x"),
            ),
        ),
    ),
)


if __name__ == "__main__":
    sys.exit(main())
