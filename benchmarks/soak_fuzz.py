"""Hostile bytes for the soak: damaged headers, manifests, specs, plans, tables, forms; they are read or refused."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmarks.soak_home import REEL, SoakFailed
from restoration_tasks.catalogue.tables import read_table
from restoration_tasks.media.delivery.manifest import Algorithm, read_manifest
from restoration_tasks.media.stills.dpx_header import HEADER_BYTES, parse_header
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.spec import SpecFile
from restoration_tasks.steps.asked import RunOptions
from tests.integration.reels import deliver

FUZZ_CASES = 400
REFUSED = (ReelkeeperError, ValidationError)
"""How a reader says no; what a page is sent is checked by pydantic, which its server answers with 422."""


def fuzz_round(seed: int, cases: int = FUZZ_CASES) -> int:
    """Feed so many damaged inputs to the readers, the same for the same seed. Returns how many."""
    pages = _pages()
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
            (TABLE, lambda raw: read_bytes_as_table(folder, raw)),
            (FORM, RunOptions.model_validate_json),
            (MARK, pages.marks.Mark.model_validate_json),
            (CHANGE, pages.plan_editor.PlanChange.model_validate_json),
        ]
        for case in range(cases):
            sound, reader = readers[case % len(readers)]
            # whole once, or all would be refused for what they are and not for their damage
            whole = case < len(readers)
            damaged = sound if whole else damage(sound, chance)
            try:
                reader(damaged)
            except REFUSED as error:
                if whole:
                    raise SoakFailed(f"a reader refused what is sound: {error}") from error
            except Exception as error:
                raise SoakFailed(f"a reader broke on {damaged[:200]!r}: {type(error).__name__}: {error}") from error
    return cases


def _pages() -> Any:
    """The Reels pages, which load Airflow: only here, and with a home of its own."""
    import tests.plugins.conftest  # noqa: F401, I001 -- first: it makes the home
    import reelkeeper_airflow.pages.marks
    import reelkeeper_airflow.pages.plan_editor

    return reelkeeper_airflow.pages


def read_bytes_as_manifest(folder: Path, raw: bytes) -> object:
    """Read bytes as a manifest file."""
    path = folder / "fuzzed.md5"
    path.write_bytes(raw)
    return read_manifest(path, Algorithm.MD5)


def read_bytes_as_table(folder: Path, raw: bytes) -> object:
    """Read bytes as a table of descriptions that staff bring."""
    path = folder / "fuzzed.csv"
    path.write_bytes(raw)
    return list(read_table(path).rows)


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
TABLE = b'reel_id,title,work_type,note\n"A-1","Hafen, abends",film,"zwei\nZeilen"\nA-2;Ausfahrt;film;\n'
FORM = b'{"profile":null,"strength":"same","batch_frames":120,"waivers":[],"fps":"24","less_grain":10}'
MARK = b'{"plan_version":1,"shot":3,"choice":"redo","note":"the face is soft"}'
CHANGE = (
    b'{"from_version":1,"reason":"too bold","shots":'
    b'[{"shot":1,"treatments":[{"name":"dirt","params":{"threshold":0.5}}]}]}'
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
