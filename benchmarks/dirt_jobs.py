"""The work of the benchmark of dirt, hairs and scratches, cut into jobs, and the processes that do them."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from benchmarks import real_labels, vapoursynth_env
from benchmarks.clean_scenes import SCENES
from benchmarks.dirt_cases import Case, Take, cases, takes
from benchmarks.dirt_checks import CleanJob, DetectionJob, IdentityJob, clean, detection, identity, real, uprights
from benchmarks.dirt_contenders import (
    BLIND_PEERS,
    TRUE_FILLS,
    Job,
    case_digest,
    contender_digest,
    product_digest,
    recipe_of,
    work,
)
from benchmarks.dirt_speed import ROUNDS, SpeedJob, memory, speed
from benchmarks.kept import Result, digest, source_digest
from benchmarks.uprights import shots as upright_shots
from restoration_tasks.runtime.settings import Device
from restoration_tasks.training.clips import CLIPS
from restoration_tasks.training.damage import DamageKind
from restoration_tasks.training.recipe import Recipe, Split

PEER_CASES = ((2, 0), (5, 1))
"""Strengths, and places of their seeds, at which peers and fills are compared unless others are asked for: a light and
a heavy one. The blind part has all six strengths and all seeds."""
SEVERAL_BITS = ((8, False), (10, False), (16, False), (10, True))
"""Bit depths, and whether grey, for bit-identity."""
SPEED_FRAMES = {(640, 272): 96, (1440, 1080): 24}
MEMORY_FRAMES = 48
GPU_SIZE, GPU_FRAMES = (2048, 1556), 96


class Part(StrEnum):
    """What is measured."""

    BLIND = "blind"
    TRUE = "true"
    PEERS = "peers"
    DETECTION = "detection"
    CLEAN = "clean"
    UPRIGHTS = "uprights"
    IDENTITY = "identity"
    SPEED = "speed"
    REAL = "real"


@dataclass(frozen=True)
class Unit:
    """One piece of work, by the part and key it is kept under."""

    part: str
    key: str
    made_by: str
    work: Callable[[Any], Result]
    job: Any
    group: str
    """Units of one group are done one after another by one process: they share what is dear to make."""


@dataclass(frozen=True)
class Choice:
    """What of it all is asked for."""

    split: str
    parts: Sequence[Part]
    seeds: Sequence[int] | None = None
    strengths: Sequence[int] | None = None
    quick: bool = False
    gpu: bool = False

    @property
    def most(self) -> int | None:
        """Frames of each take, for a quick look."""
        return 8 if self.quick else None

    def cases(self, recipe: Recipe, split: Split, few: bool = False) -> Iterator[Case]:
        """The cases asked for; with `few`, those of `PEER_CASES` as far as strengths and seeds were not asked for."""
        strengths = {strength for strength, _ in PEER_CASES}
        for case in cases(recipe, split, seeds=self.seeds, strengths=self.strengths, most=self.most):
            pair = (case.strength, split.seeds.index(case.seed)) in PEER_CASES
            light = pair or (self.seeds and case.strength in strengths) or self.strengths
            if light or not few:
                yield case


def units(choice: Choice) -> list[Unit]:
    """All work of a choice, in the order it is done in."""
    recipe = recipe_of()
    split: Split = getattr(recipe, choice.split)
    made: list[Unit] = []
    for part in Part:
        if part in choice.parts:
            made += _UNITS[part](choice, recipe, split)
    return made


def left_out() -> dict[str, str]:
    """Peers that cannot run here, and why."""
    interpreter, why = vapoursynth_env.python()
    return {} if interpreter else {"vapoursynth": why}


def _on_cases(part: Part, contenders: Sequence[str], *, few: bool) -> Callable[[Choice, Recipe, Split], list[Unit]]:
    prefix = "true" if part is Part.TRUE else "blind"

    def made(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:
        absent = left_out() if part is Part.PEERS else {}
        names = [name for name in contenders if name not in absent]
        return [
            Unit(
                part,
                f"{case.key}/{name}",
                digest(case_digest(case, recipe, split), contender_digest(f"{prefix}/{name}")),
                work,
                Job(case, choice.split, f"{prefix}/{name}"),
                case.key,
            )
            for case in choice.cases(recipe, split, few)
            for name in names
        ]

    return made


def _detection(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:
    code = digest(source_digest("benchmarks/dirt_checks.py"), product_digest())
    return [
        Unit(
            Part.DETECTION,
            case.key,
            digest(code, case_digest(case, recipe, split)),
            detection,
            DetectionJob(case, choice.split),
            case.key,
        )
        for case in choice.cases(recipe, split)
    ]


def _checks_digest(recipe: Recipe, take: Take, *names: str) -> str:
    code = source_digest("benchmarks/dirt_checks.py", "benchmarks/dirt_cases.py", "benchmarks/scoring.py", *names)
    return digest(code, product_digest(), recipe.clips[take.clip].sha256, list(take.frames))


def _clean(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:
    jobs = []
    for take in takes(recipe, split, choice.most):
        jobs.append(CleanJob(take, None, 0))
        if not take.thinned:
            jobs += [CleanJob(take, scene, 9000 + n) for n, scene in enumerate(SCENES)]
    return [
        Unit(
            Part.CLEAN,
            job.key,
            _checks_digest(recipe, job.take, "benchmarks/clean_scenes.py"),
            clean,
            job,
            job.key,
        )
        for job in jobs
    ]


def _uprights(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:
    whole = [take for take in takes(recipe, split) if not take.thinned]
    made = list(upright_shots(whole))
    return [
        Unit(
            Part.UPRIGHTS,
            shot.key,
            _checks_digest(recipe, shot.take, "benchmarks/uprights.py"),
            uprights,
            shot,
            shot.key,
        )
        for shot in (made[::8] if choice.quick else made)
    ]


def _identity(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:
    seed = (choice.seeds or split.seeds)[0]
    chosen = cases(recipe, split, seeds=[seed], strengths=[3], most=choice.most or 16)
    smallest = next(case for case in chosen if case.kind is DamageKind.DIRT and not case.take.thinned)
    return [
        Unit(
            Part.IDENTITY,
            job.key,
            digest(_checks_digest(recipe, smallest.take), case_digest(smallest, recipe, split)),
            identity,
            job,
            job.key,
        )
        for job in (IdentityJob(smallest, choice.split, bits, grey) for bits, grey in SEVERAL_BITS)
    ]


def _real(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:  # noqa: ARG001 - real film has no split
    code = source_digest("benchmarks/dirt_checks.py", "benchmarks/real_film_runs.py", "benchmarks/real_score.py")
    found = []
    for labels in real_labels.load():
        if real_labels.film_folder(labels.run) is not None:
            made_by = digest(code, product_digest(), labels.model_dump(mode="json"))
            found.append(Unit(Part.REAL, labels.run, made_by, real, labels.run, labels.run))
    return found


def _speed(choice: Choice, recipe: Recipe, split: Split) -> list[Unit]:
    whole = [take for take in takes(recipe, split) if not take.thinned]
    # The largest clip: what is timed is shrunk more than it is grown.
    take = max(whole, key=lambda one: CLIPS[one.clip].width * CLIPS[one.clip].height)
    if choice.gpu:
        return [_timed(SpeedJob(take, GPU_SIZE, GPU_FRAMES, Device.CUDA), recipe)]
    jobs = [
        SpeedJob(take, size, max(8, frames // 8) if choice.quick else frames, rounds=1 if choice.quick else ROUNDS)
        for size, frames in SPEED_FRAMES.items()
    ]
    frames = 12 if choice.quick else MEMORY_FRAMES
    return [_timed(job, recipe) for job in (*jobs, SpeedJob(take, (640, 272), frames, memory=True))]


def _timed(job: SpeedJob, recipe: Recipe) -> Unit:
    code = source_digest("benchmarks/dirt_speed.py")
    made_by = digest(code, product_digest(), recipe.clips[job.take.clip].sha256, job.key, job.frames, job.rounds)
    return Unit(Part.SPEED, job.key, made_by, memory if job.memory else speed, job, "speed")


_UNITS: dict[Part, Callable[[Choice, Recipe, Split], list[Unit]]] = {
    Part.BLIND: _on_cases(Part.BLIND, ("network",), few=False),
    Part.TRUE: _on_cases(Part.TRUE, TRUE_FILLS, few=True),
    Part.PEERS: _on_cases(Part.PEERS, BLIND_PEERS, few=True),
    Part.DETECTION: _detection,
    Part.CLEAN: _clean,
    Part.UPRIGHTS: _uprights,
    Part.IDENTITY: _identity,
    Part.SPEED: _speed,
    Part.REAL: _real,
}


def run(asked: Sequence[Unit], processes: int) -> Iterator[tuple[Unit, Result | BaseException]]:
    """Do the work, each as soon as it is done; speed alone and last, for nothing else may run beside it.

    Yields:
        the unit and its result, or why it failed.
    """
    groups: dict[str, list[Unit]] = {}
    for unit in asked:
        groups.setdefault(unit.group, []).append(unit)
    alone = groups.pop("speed", [])
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_begin) as pool:
        queue = iter(groups.values())
        running: set[Future[list[tuple[Unit, Result | BaseException]]]] = set()
        # No more is handed out than is being done: an interrupt leaves nothing behind that still has to run.
        for group in queue:
            running.add(pool.submit(_do, group))
            if len(running) >= processes:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield from future.result()
        for future in running:
            yield from future.result()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        del os.environ[name]
    for unit in alone:
        yield from _do([unit])


def _begin() -> None:
    import cv2
    import torch

    cv2.setNumThreads(1)
    torch.set_num_threads(1)


def _do(group: Sequence[Unit]) -> list[tuple[Unit, Result | BaseException]]:
    made: list[tuple[Unit, Result | BaseException]] = []
    for unit in group:
        begun = time.monotonic()
        try:
            result = unit.work(unit.job)
            made.append((unit, {**result, "wall_s": round(time.monotonic() - begun, 1)}))
        except Exception as error:
            # One case that fails is told at the end; the others go on.
            made.append((unit, error))
    return made
