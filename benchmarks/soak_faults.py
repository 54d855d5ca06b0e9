"""What the soak does to a reel under way: kills, a full disk, a dead database, a second run, rot, a read-only vault.

Each disturbance leaves the reel finished by running again, as its staff would; the caller asks for the same bytes and
an unbroken record afterwards.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.soak_home import LONGEST_RUN_S, REEL, Home, SoakFailed
from restoration_tasks.catalogue import embedded
from restoration_tasks.catalogue.postmaster import postmaster_of
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.spec import SpecFile, StepName

MOST_TIMES = 12
"""A round ends undisturbed after so many disturbances, or it might never end."""
DISK_BYTES = 2 * 1024**3
"""Of the disk that is filled: memory, taken only as it is written."""
LEFT_BYTES = 3 * 1024**2
"""At most so much is left on a disk that fills up: a small reel's largest file is of that size."""

WAY = tuple(step for step in StepName if step is not StepName.ENLARGE)
"""Steps of a run for which nobody asked a larger version, in their order."""
LATEST = 0.7
"""Share of a step's undisturbed life after which it is killed at the latest."""


@dataclass(frozen=True)
class Calm:
    """How long an undisturbed run took."""

    seconds: float
    lives_s: Mapping[str, float]
    """By step, how long a process of it lived at most."""


Disturbance = Callable[[Home, random.Random, Calm], Counter[str]]
"""Takes the home, the round's chance and what an undisturbed run took; returns what was done, by kind."""


# -- killed processes --------------------------------------------------------------------------------------------------


def kills(home: Home, chance: random.Random, calm: Calm) -> Counter[str]:
    """Kill a step, the whole family or the database server at random moments until the reel has ended well."""
    done: Counter[str] = Counter()
    for _ in range(MOST_TIMES):
        run = home.start_reel()
        try:
            run.wait(chance.uniform(0.1, 0.6) * calm.seconds)
        except subprocess.TimeoutExpired:
            done[_kill_something(home, run.pid, chance)] += 1
        if run.wait(LONGEST_RUN_S) == 0:
            return done
    _finish(home)
    return done


def kills_each_step(home: Home, chance: random.Random, calm: Calm) -> Counter[str]:
    """Kill every step of the way once, from the first to the last, each at a random moment of its work."""
    done: Counter[str] = Counter()
    for step in WAY:
        run = home.start_reel()
        while run.poll() is None:
            working = [process for process in _steps_of(run.pid) if _step_of(process) == step.value]
            if working:
                victim = chance.choice(working)
                with suppress(psutil.TimeoutExpired):
                    victim.wait(chance.uniform(0.0, LATEST) * calm.lives_s.get(step.value, 0.0))
                if victim.is_running():
                    done[step.value] += 1
                    for one in (victim, *_family(victim)):
                        _kill(one)
                else:  # it was quicker: the run is killed instead, so that the steps after it have their turn
                    done["everything"] += 1
                    _kill_all_but_database(psutil.Process(run.pid))
                break
            time.sleep(0.01)
        run.wait(LONGEST_RUN_S)
    _finish(home)
    return done


def watched(run: subprocess.Popen[bytes]) -> tuple[int, Calm]:
    """Wait for a run to end. Gives its exit code, and how long it and its steps took."""
    started, lives = time.monotonic(), dict[str, float]()
    while run.poll() is None:
        for process in _steps_of(run.pid):
            step = _step_of(process)
            with suppress(psutil.NoSuchProcess):
                lives[step] = max(lives.get(step, 0.0), time.time() - process.create_time())
        time.sleep(0.05)
    return int(run.returncode), Calm(time.monotonic() - started, lives)


def _steps_of(conductor: int) -> list[psutil.Process]:
    """The step processes that a run has at work now."""
    try:
        return [child for child in psutil.Process(conductor).children() if "step" in child.cmdline()]
    except psutil.NoSuchProcess:
        return []


def _family(process: psutil.Process) -> list[psutil.Process]:
    """Its children and theirs; none of one that is gone."""
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _kill_something(home: Home, conductor: int, chance: random.Random) -> str:
    """Kill a running step with all its children, the conductor, or the database. Says which."""
    try:
        process = psutil.Process(conductor)
    except psutil.NoSuchProcess:
        return "between"
    steps = _steps_of(conductor)
    draw = chance.random()
    if draw < 0.15 and (server := postmaster_of(home.postgres)) is not None:
        _kill(server)
        return "database"
    if steps and draw < 0.75:
        step = chance.choice(steps)
        label = _step_of(step)
        for victim in (step, *step.children(recursive=True)):
            _kill(victim)
        return label
    _kill_all_but_database(process)
    return "everything"


def _kill_all_but_database(conductor: psutil.Process) -> None:
    for victim in (conductor, *_family(conductor)):
        with suppress(psutil.NoSuchProcess):
            if "postgres" not in victim.name():
                _kill(victim)


def _kill(process: psutil.Process) -> None:
    """SIGKILL; one that has ended meanwhile is as dead."""
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return


def _step_of(process: psutil.Process) -> str:
    """The step a process works on, from its spec file."""
    try:
        return SpecFile.parse(Path(process.cmdline()[-1]).read_bytes(), source="spec").specs[0].step.value
    except (psutil.NoSuchProcess, ReelkeeperError, OSError, IndexError):
        return "between"


# -- storage that fails ------------------------------------------------------------------------------------------------


def full_disk(home: Home, chance: random.Random, calm: Calm) -> Counter[str]:
    """Fill the disk of the vault, of the scratch files or of both under a run; then make room and run again."""
    done: Counter[str] = Counter()
    names = chance.choice((("vault",), ("scratch",), ("vault", "scratch")))
    with _disks(home, names) as disks:
        for _ in range(MOST_TIMES):
            since = len(home.log())
            run = home.start_reel()
            try:
                run.wait(chance.uniform(0.02, 0.9) * calm.seconds)
            except subprocess.TimeoutExpired:
                disk = chance.choice(disks)
                _resize(disk, shutil.disk_usage(disk).used + chance.randrange(LEFT_BYTES))
            code = run.wait(LONGEST_RUN_S)
            for disk in disks:
                _resize(disk, DISK_BYTES)
            home.require_no_traceback(since)
            if code == 0:
                break
            said = home.log()[since:]
            if not any(words in said for words in ("disk is full", "not enough room", "No space left")):
                raise SoakFailed(f"a run on a full disk does not say so: {home.log_end()}")
            done["full disk"] += 1
        _finish(home)
    return done


def read_only_vault(home: Home, chance: random.Random, calm: Calm) -> Counter[str]:
    """Run on a vault that cannot be written, empty or half full; then make it writable and run again."""
    with _disks(home, ("vault",)) as (disk,):
        if chance.random() < 0.5:
            half = home.start_reel()
            try:
                half.wait(0.5 * calm.seconds)
            except subprocess.TimeoutExpired:
                _kill_all_but_database(psutil.Process(half.pid))
            half.wait()
            time.sleep(1.0)  # steps see that their parent is gone within half a second
        _mount("-o", "remount,ro", str(disk))
        since = len(home.log())
        code = home.start_reel().wait(LONGEST_RUN_S)
        _mount("-o", "remount,rw", str(disk))
        home.require_no_traceback(since)
        if code == 0 or "read-only" not in home.log()[since:]:
            raise SoakFailed(f"a run on a read-only vault does not say so (exit {code}): {home.log_end()}")
        _finish(home)
    return Counter({"read-only vault": 1})


def can_mount() -> bool:
    """Whether this user may mount a disk of memory, as the rounds of failing storage need."""
    return subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode == 0


@contextmanager
def _disks(home: Home, names: tuple[str, ...]) -> Iterator[tuple[Path, ...]]:
    """Folders of the home as disks of their own; their content stays when the block has ended."""
    disks = tuple(home.folder / name for name in names)
    for disk in disks:
        disk.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={DISK_BYTES}", "reelkeeper-soak", str(disk))
    try:
        yield disks
    finally:
        for disk in disks:
            copy = disk.with_name(f"{disk.name}.kept")
            shutil.copytree(disk, copy)
            subprocess.run(["umount", str(disk)], check=True)
            disk.rmdir()
            copy.rename(disk)


def _resize(disk: Path, size: int) -> None:
    """Give a disk another size; what is on it stays."""
    _mount("-o", f"remount,size={max(size, 4096)}", str(disk))


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


def rot(home: Home, chance: random.Random, _calm: Calm) -> Counter[str]:
    """Flip one bit of a finished file: who reads it must refuse, and its own step worked again must mend it.

    What a package holds of it may be the same file on the disk; an audit then makes that good from the mended one.
    """
    _finish(home)
    readers = {StepName.INGEST: "assess", StepName.RESTORE: "assemble", StepName.ASSEMBLE: "check"}
    step = chance.choice(tuple(readers))
    found = [result for result in home.results()[step] if result.outputs]
    named = {StepName.INGEST: "master", StepName.ASSEMBLE: "restoration_master"}.get(step)
    result = chance.choice(found)
    output = result.output(named) if named else result.outputs[0]
    path = home.vault.local_path(output.uri)
    assert path is not None
    raw = bytearray(path.read_bytes())
    raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    path.chmod(0o644)
    path.write_bytes(raw)
    since = len(home.log())
    code = home.do(readers[step], REEL, "--fresh")
    home.require_no_traceback(since)
    if code == 0 or "has changed since it was recorded" not in home.log()[since:]:
        raise SoakFailed(f"{readers[step]} read {output.uri} although a bit of it was flipped: {home.log_end()}")
    home.require(step, REEL, "--fresh")
    home.require(readers[step], REEL, "--fresh")
    home.require("fixity", "audit", "--every-days", "1")
    return Counter({"flipped bit": 1})


# -- others at work ----------------------------------------------------------------------------------------------------


def restarted_database(home: Home, chance: random.Random, calm: Calm) -> Counter[str]:
    """Stop the database under a run, as an administrator would, and let it come back a moment later."""
    done: Counter[str] = Counter()
    for _ in range(MOST_TIMES):
        since = len(home.log())
        run = home.start_reel()
        try:
            run.wait(chance.uniform(0.2, 0.9) * calm.seconds)
        except subprocess.TimeoutExpired:
            if home.postgres.exists() and embedded.stop(home.postgres):
                done["database restarted"] += 1
        code = run.wait(LONGEST_RUN_S)
        home.require_no_traceback(since)
        if code == 0:
            return done
    _finish(home)
    return done


def two_at_once(home: Home, chance: random.Random, calm: Calm) -> Counter[str]:
    """Start the same reel twice, at any distance: one works, the other is told so or finds the work done."""
    first = home.start_reel()
    time.sleep(chance.choice((0.0, chance.uniform(0.0, 1.0))) * calm.seconds)
    second = home.start_reel()
    codes = sorted((first.wait(LONGEST_RUN_S), second.wait(LONGEST_RUN_S)))
    home.require_no_traceback()
    if 0 not in codes:
        raise SoakFailed(f"of two runs at once none ended well ({codes}): {home.log_end()}")
    if codes != [0, 0] and "another run works on this reel" not in home.log():
        raise SoakFailed(f"the second of two runs is not told about the first ({codes}): {home.log_end()}")
    return Counter({"two at once": 1})


def _finish(home: Home) -> None:
    """Run the reel undisturbed.

    Raises:
        SoakFailed: it does not end well.
    """
    if home.start_reel().wait(LONGEST_RUN_S) != 0:
        raise SoakFailed(f"the run does not recover; see {home.log_end()}")


DISTURBANCES: tuple[Disturbance, ...] = (
    kills,
    full_disk,
    kills_each_step,
    restarted_database,
    rot,
    kills,
    two_at_once,
    read_only_vault,
)
"""One a round, in this order."""
NEED_MOUNT = (full_disk, read_only_vault)
