"""Hostile bytes for the soak: damaged headers, manifests, specs and plans, which readers must answer or refuse."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.soak_home import REEL, SoakFailed
from restoration_tasks.media.delivery.manifest import Algorithm, read_manifest
from restoration_tasks.media.stills.dpx_header import HEADER_BYTES, parse_header
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.errors import ReelkeeperError
from restoration_tasks.runtime.spec import SpecFile
from tests.integration.reels import deliver

FUZZ_CASES = 400


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
