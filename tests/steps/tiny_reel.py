"""A tiny reel in a real vault: every input of assemble, check and package, made by our own writers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from restoration_tasks.assessment.figures import FrameFigures, write_figures
from restoration_tasks.media import copies, framemd5
from restoration_tasks.media.delivery.scan import Scan, ScannedFile, ScannedPicture
from restoration_tasks.media.join import cut
from restoration_tasks.media.segments import cut_segments
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.quality.agreement import slice_digest
from restoration_tasks.quality.measure import Treatment
from restoration_tasks.restoration.changes import FrameChange, write_changes
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Reference, Source, Spec, StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.registry import definition
from tests.quality.synthetic import FIRST_SCAN_NUMBER, PICTURE, SHOT_FRAMES, SHOTS, Reel, make_reel

REEL_ID = "tiny-1"
FRAMES = SHOT_FRAMES * len(SHOTS)
SEGMENTS = cut_segments([(place * SHOT_FRAMES, (place + 1) * SHOT_FRAMES) for place in range(len(SHOTS))])
MAP_FORMAT = map_format(PICTURE)
NOTHING = np.zeros((PICTURE.height, PICTURE.width), np.uint8)
FIGURES = (0, 0.0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, False, 0.0, 0, 0, 0, 0.0, False)
"""Of a frame's figures, those after its area of dirt, which the check does not read."""


@dataclass
class TinyReel:
    """Files of the reel and the vault they lie in."""

    settings: object
    folder: Path
    frames: Reel
    references: dict[str, Reference] = field(default_factory=dict)
    carried_out: dict[str, str] = field(default_factory=dict)
    """By segment, the digest of the slice of the plan it was restored by."""

    @property
    def vault(self) -> Vault:
        return Vault(self.settings.vault_root)

    def keep(self, name: str, file: str, content: bytes | None = None) -> Path:
        """Where an input of that name lies; with content, it is written and registered."""
        path = Path(self.settings.vault_root) / "reels" / REEL_ID / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is not None:
            path.write_bytes(content)
            self.register(name, path)
        return path

    def register(self, name: str, path: Path) -> None:
        digest, size = sha256_file(path)
        uri = f"vault:{path.relative_to(self.settings.vault_root).as_posix()}"
        self.references[name] = Reference(uri=uri, sha256=digest, bytes=size)

    def video(self, name: str, file: str, frames, fmt=PICTURE, **options) -> Path:
        path = self.keep(name, file)
        with FrameWriter(path, fmt, **options) as writer:
            for frame in frames:
                writer.write(frame)
        self.register(name, path)
        return path

    def spec(self, step: StepName, names, *, params=None, fresh=False, execution="t/1") -> Spec:
        delivery = self.folder / "delivery"
        sources = {"delivery": Source(location=str(delivery), sha256="0" * 64)} if step is StepName.CHECK else {}
        return Spec(
            step=step,
            step_version=definition(step).version,
            reel_id=REEL_ID,
            inputs={name: self.references[name] for name in names},
            sources=sources,
            params={"carried_out": self.carried_out} if step is StepName.CHECK else params or {},
            vault=self.settings.vault_root,
            execution_id=execution,
            fresh=fresh,
        )

    def run(self, step: StepName, names, **options):
        return run_step(self.spec(step, names, **options), definition(step), self.settings)

    def read(self, result, name: str) -> bytes:
        return self.vault.read_bytes(result.output(name).uri)

    # -- what the steps read

    def make_scan(self) -> None:
        """Delivered files, their record, the preservation master and its framemd5."""
        delivery = self.folder / "delivery"
        delivery.mkdir(parents=True)
        files = []
        for place in range(FRAMES):
            path = delivery / f"{REEL_ID}_{FIRST_SCAN_NUMBER + place:07d}.dpx"
            content = f"frame {place}".encode() * 20
            path.write_bytes(content)
            files.append(
                ScannedFile(
                    name=path.name,
                    number=FIRST_SCAN_NUMBER + place,
                    bytes=len(content),
                    md5=hashlib.md5(content).hexdigest(),
                    sha256=hashlib.sha256(content).hexdigest(),
                )
            )
        picture = ScannedPicture(
            kind="dpx",
            width=96,
            height=72,
            bit_depth=10,
            pix_fmt="gray10le",
            fps="24",
            transfer="bt709",
            primaries="bt709",
        )
        Scan(
            delivery=REEL_ID,
            manifest=None,
            manifest_algorithm=None,
            picture=picture,
            header=None,
            strays=(),
            files=tuple(files),
        ).write(self.keep("scan", "scan.json"))
        self.register("scan", self.keep("scan", "scan.json"))
        self.video("master", "master.mkv", self.frames.scan)
        framemd5.write(self.keep("framemd5", "master.framemd5"), self.frames.recorded, PICTURE)
        self.register("framemd5", self.keep("framemd5", "master.framemd5"))

    def make_segments(self) -> None:
        """Restored segments, as the restore step leaves them: untouched ones are cut from the master."""
        master = self.keep("master", "master.mkv")
        for segment in SEGMENTS:
            name, file = f"segment/{segment.id}", f"segments/{segment.id}.mkv"
            if SHOTS[f"s{segment.shot:03d}"] is Treatment.UNTOUCHED:
                cut(master, segment.start, segment.stop, self.keep(name, file))
                self.register(name, self.keep(name, file))
            else:
                self.video(name, file, self.frames.restored[segment.start : segment.stop])

    def make_plan(self) -> Plan:
        """Shots, maps and the plan that was carried out."""
        treatments = {
            Treatment.UNTOUCHED: (),
            Treatment.MASKED: (PlannedTreatment(name="dirt", why="specks in every frame"),),
            Treatment.TONAL: (
                PlannedTreatment(
                    name="flicker",
                    params={"gain": [1.0] * SHOT_FRAMES, "offset": [30 / 1023, -30 / 1023] * (SHOT_FRAMES // 2)},
                    why="it flickers",
                ),
            ),
        }
        plan = Plan(
            reel_id=REEL_ID,
            shots=tuple(
                PlannedShot(
                    shot=one.shot, start=one.start, stop=one.stop, treatments=treatments[SHOTS[f"s{one.shot:03d}"]]
                )
                for one in SEGMENTS
            ),
        )
        self.keep("plan", "plan.yaml", plan.to_yaml().encode())
        shots = {"format": "reelkeeper.shots/1", "segments": [segment.as_json() for segment in SEGMENTS]}
        self.keep("shots", "shots.json", json.dumps(shots).encode())
        for segment in SEGMENTS:
            masks = self.frames.masks[segment.start : segment.stop]
            maps = [DamageMap(mask * np.uint8(255), NOTHING, NOTHING).as_frame() for mask in masks]
            self.video(f"map/{segment.id}", f"maps/{segment.id}.mkv", maps, fmt=MAP_FORMAT)
            self.keep_figures(segment)
            self.keep_changes(segment)
        self.carried_out = {one.id: slice_digest(plan.slice_for(one).as_json()) for one in SEGMENTS}
        return plan

    def keep_figures(self, segment) -> None:
        """What assess says of the damage: every mask is dirt."""
        name, file = f"figures/{segment.id}", f"figures/{segment.id}.parquet"
        self.keep(name, file).parent.mkdir(parents=True, exist_ok=True)
        rows = [
            FrameFigures(frame, float(self.frames.masks[frame].mean()), *FIGURES)
            for frame in range(segment.start, segment.stop)
        ]
        write_figures(self.keep(name, file), rows)
        self.register(name, self.keep(name, file))

    def keep_changes(self, segment) -> None:
        name, file = f"changes/{segment.id}", f"changes/{segment.id}.parquet"
        self.keep(name, file).parent.mkdir(parents=True, exist_ok=True)
        write_changes(
            self.keep(name, file),
            [
                FrameChange(frame, self.frames.changed_px[frame], 0.0, 0, 0, 0, 0, 0)
                for frame in range(segment.start, segment.stop)
            ],
        )
        self.register(name, self.keep(name, file))

    def make_restored(self, **options) -> None:
        """The restored master and its copies, without the assemble step."""
        restored = self.video("restoration_master", "restored.mkv", self.frames.restored, **options)
        framemd5.write(self.keep("restored_framemd5", "restored.framemd5"), framemd5.compute(restored), PICTURE)
        self.register("restored_framemd5", self.keep("restored_framemd5", "restored.framemd5"))
        copies.mezzanine(restored, self.keep("mezzanine", "mezzanine.mov"))
        copies.access(restored, self.keep("access", "access.mp4"))
        copies.access(self.keep("master", "master.mkv"), self.keep("scan_access", "scan.mp4"))
        if len(self.frames.restored) == FRAMES:
            copies.wipe(self.keep("master", "master.mkv"), restored, self.keep("comparison", "comparison.mp4"))
        else:  # there is none of a scan and a restoration of two lengths
            self.keep("comparison", "comparison.mp4", self.keep("access", "access.mp4").read_bytes())
        files = {"access": "access.mp4", "comparison": "comparison.mp4", "scan_access": "scan.mp4"}
        for name, file in {"mezzanine": "mezzanine.mov", **files}.items():
            self.register(name, self.keep(name, file))

    @property
    def check_inputs(self) -> list[str]:
        maps = [f"{kind}/{segment.id}" for segment in SEGMENTS for kind in ("map", "figures", "changes")]
        made = ["restoration_master", "restored_framemd5", "mezzanine", "access", "comparison", "scan_access"]
        return ["scan", "master", "framemd5", "shots", "plan", *made, *maps]


def tiny_reel(settings, folder: Path) -> TinyReel:
    return TinyReel(settings=settings, folder=folder, frames=make_reel())
