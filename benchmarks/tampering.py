"""How much tampering the check catches: a worked reel, one thing altered in it for each seed, everything else agreeing.

    python -m benchmarks.tampering [--seeds 1 2 3] [--home FOLDER]

The recipe is benchmarks/tampering.yaml. Writes docs/benchmarks/tampering.json: each attempt with the rules that refused
it. Exit 1 if fewer are caught than the recipe asks, or the untouched reel is refused. A broken run goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks import command
from benchmarks.bars import bar
from benchmarks.kept import ROOT, Kept, digest, file_digest, source_digest
from benchmarks.tampering_files import RECORDS, tamper_with_a_copy, tamper_with_sound
from benchmarks.tampering_pictures import KINDS, Target
from benchmarks.tampering_reel import House, build
from restoration_tasks.media import ffmpeg
from restoration_tasks.quality.findings import CheckReport
from restoration_tasks.quality.policy import policy
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.vault import Vault

RECIPE = Path(__file__).with_suffix(".yaml")
FIGURES = ROOT / "docs" / "benchmarks" / "tampering.json"
FAMILIES = ("picture", "sound", "copies", "records")


def main() -> int:
    """Run the benchmark; the exit code says whether enough was caught."""
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    seeds = range(recipe["seeds"]["first"], recipe["seeds"]["last"] + 1)
    parser = argparse.ArgumentParser(description="How much tampering the check catches.")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds), help="only these")
    parser.add_argument("--home", type=Path, default=None, help="the reel is worked here, once, and left")
    chosen = parser.parse_args()
    kept = Kept(FIGURES)
    with tempfile.TemporaryDirectory(prefix="reelkeeper-tampering-") as folder:
        home = chosen.home or Path(folder)
        if not (home / "vault").is_dir():
            home.mkdir(parents=True, exist_ok=True)
            build(home, recipe["reel"])
        for key, attempt in attempts(recipe, chosen.seeds).items():
            made_by = made_by_digest(attempt)
            if kept.has("attempts", key, made_by):
                continue
            kept.put("attempts", key, made_by, carried_out(home, attempt))
            kept.save()
            print(key, kept.part("attempts")[key], flush=True)
    return finish(kept, recipe, seeds)


def attempts(recipe: dict[str, Any], seeds: list[int]) -> dict[str, dict[str, Any]]:
    """What is done for each seed, and first for none: nothing."""
    return {"untouched": {"seed": 0, "family": "", "kind": "nothing", "strengths": {}}} | {
        f"seed {seed:02d}": drawn(recipe, seed) for seed in seeds
    }


def drawn(recipe: dict[str, Any], seed: int) -> dict[str, Any]:
    """Kind and strengths of a seed. Each kind has its turn, in an order of chance, before any has another."""
    rng = np.random.default_rng(seed)
    kinds = [(family, kind) for family in FAMILIES for kind in recipe[family]]
    round_, place = divmod(seed - recipe["seeds"]["first"], len(kinds))
    family, kind = kinds[np.random.default_rng([recipe["version"], round_]).permutation(len(kinds))[place]]
    strengths = {
        name: int(rng.integers(low, high + 1)) if isinstance(low, int) else round(float(rng.uniform(low, high)), 3)
        for name, (low, high) in recipe[family][kind].items()
    }
    return {"seed": seed, "family": family, "kind": kind, "strengths": strengths}


def made_by_digest(attempt: dict[str, Any]) -> str:
    """What an attempt's result depends on."""
    sources = ("restoration_tasks/quality", "restoration_tasks/steps/check.py", "restoration_tasks/media")
    own = [f"benchmarks/tampering{part}.py" for part in ("_pictures", "_files", "_reel", "_scene")]
    return digest(attempt, source_digest(*sources, *own), file_digest("restoration_tasks/quality/policy.yaml"))


def carried_out(home: Path, attempt: dict[str, Any]) -> dict[str, Any]:
    """Tamper once, and what the check says."""
    house = House.open(home, f"seed-{attempt['seed']}")
    try:
        rng = np.random.default_rng([attempt["seed"], 1])
        tamper(house, rng, attempt)
        result = house.check()
        vault = Vault(str(home / "vault"))
        report = CheckReport.model_validate_json(vault.read_bytes(result.output("check").uri) or b"")
    finally:
        house.close()
    return {**attempt, "refused": not report.passed, "rules": report.failed_rules, "warned": report.warned_rules}


def tamper(house: House, rng: np.random.Generator, attempt: dict[str, Any]) -> None:
    """Alter one thing."""
    family, kind, strengths = attempt["family"], attempt["kind"], attempt["strengths"]
    if family == "picture" and kind == "wrong_rate":
        slower = replace(house.picture, fps=Fraction(strengths["fps"]))
        house.replace_master(house.master_of("restored", frames=house.frames(), fmt=slower), None)
    elif family == "picture":
        target = Target(house.frames(), house.picture, house.shots, house.damaged(), rng)
        KINDS[kind](target, **strengths)
        house.replace_master(house.master_of("restored", frames=target.frames), target.frames)
    elif family == "sound":
        tamper_with_sound(house, rng, kind, strengths)
    elif family == "copies":
        tamper_with_a_copy(house, rng, kind, strengths)
    elif family == "records":
        RECORDS[kind](house, rng, **strengths)


def finish(kept: Kept, recipe: dict[str, Any], seeds: range) -> int:
    """Write the figures; the exit code says whether the bars are met."""
    wanted = attempts(recipe, list(seeds))
    kept.keep_only({"attempts": {key: made_by_digest(attempt) for key, attempt in wanted.items()}})
    done = kept.part("attempts")
    if set(done) != set(wanted):
        kept.save()
        return ExitCode.DONE
    caught = sum(one["refused"] for key, one in done.items() if key != "untouched")
    bars = [
        bar(f"of {len(seeds)} random tamperings, refused", caught, recipe["caught_at_least"]),
        bar("the untouched reel, refused", int(done["untouched"]["refused"]), 0, most=True),
    ]
    versions = {"ffmpeg": ffmpeg.version(), "python": platform.python_version(), "policy": policy().version}
    kept.save({"benchmark": "tampering", "date": f"{datetime.now(UTC):%Y-%m-%d}", "versions": versions, "bars": bars})
    print(json.dumps(bars, indent=1))
    return ExitCode.DONE if all(one["met"] for one in bars) else ExitCode.FAILED


if __name__ == "__main__":
    command.run(main)
