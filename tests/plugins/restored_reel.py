"""A small reel as it stands after its check: masters, damage map and tables in a vault, and the record of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import checks, plans, reels, scans
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.table import write_rows
from restoration_tasks.media.writer import encode_frames
from restoration_tasks.provenance.agents import Participant
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.vocabulary import AgentKind
from restoration_tasks.quality.findings import CheckReport, FrameNumber, RuleResult, Severity, Status
from restoration_tasks.restoration.changes import FrameChange, write_changes
from restoration_tasks.restoration.damage_map import DamageMap, map_format
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.spec import NumericProfile, OutputFile, Reference, StepName, StepResult
from restoration_tasks.runtime.vault import Vault

PICTURE = PictureFormat(64, 48, "gbrp10le", Fraction(24))
FRAMES = 6
SPECK = (slice(10, 14), slice(20, 26))
"""Where frame 2 was dirty: rows and columns."""
SEGMENT = {"id": "s001-01", "shot": 1, "start": 0, "stop": 4, "shot_start": 0, "shot_stop": 4}
CLEAN = {"id": "s002-01", "shot": 2, "start": 4, "stop": 6, "shot_start": 4, "shot_stop": 6}
RUN = "manual__2026-01-01T00:00:00+00:00"
AUTHOR = Participant(AgentKind.SOFTWARE, "reelkeeper")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def frames(*, dirty: bool) -> list[Frame]:
    """Six frames of 10-bit grey ramps, one of them with a speck if wanted."""
    made = []
    for index in range(FRAMES):
        plane = np.broadcast_to(np.arange(64, dtype=np.uint16) * 8 + 200 + index, (48, 64)).copy()
        if dirty and index == 2:
            plane[SPECK] = 60
        made.append((plane, plane.copy(), plane.copy()))
    return made


@dataclass(frozen=True)
class Row:
    """The columns of a table of figures that the pages read."""

    frame: int
    dirt_area: float
    hair_area: float
    scratch_area: float


class RestoredReel:
    """Builds it in a vault and records it; `kept` false leaves the findings of its check to their file alone.

    `films` are real films in place of an access copy that is none, `access` and `scan_access`; `fps` is their rate.
    """

    def __init__(
        self,
        vault: Path,
        sessions: sessionmaker[Session],
        reel_id: str = "PAGES-1",
        title: str = "",
        *,
        kept: bool = True,
        films: Mapping[str, Path] | None = None,
        fps: str = "24",
    ) -> None:
        self.reel_id, self.vault, self._recorder = reel_id, Vault(str(vault)), Recorder(sessions)
        self._events = 0
        with sessions.begin() as session:
            reels.register(session, reel_id, title=title, delivery_uri="/inbox/x")
            reels.set_state(session, reel_id, ReelState.AWAITING_DECISION)
        dirt = PlannedTreatment(name="dirt", params={}, why="Dirt covers 0.8 % of the picture.")
        first = PlannedShot(shot=1, start=0, stop=4, treatments=(dirt,))
        self.plan = Plan(reel_id=reel_id, shots=(first, PlannedShot(shot=2, start=4, stop=6)))
        with sessions.begin() as session:
            plans.save(session, reel_id, self.plan.to_yaml(), author=AUTHOR, reason="measured")
        master = self._made("master.mkv", lambda path: encode_frames(frames(dirty=True), PICTURE, path))
        ingested = self._record(StepName.INGEST, made={"master": master}, figures=self._technical() | {"fps": fps})
        with sessions.begin() as session:
            scans.enter(session, ingested[0], ingested[1], result_uri="vault:x/result.json")
        shots = self._made("shots.json", lambda path: path.write_text(json.dumps({"segments": [SEGMENT, CLEAN]})))
        self._record(
            StepName.SHOTS, read={"master": master}, made={"shots": shots}, figures={"shots": 2, "segments": 2}
        )
        damage = self._made("map.mkv", self._map)
        figures = self._made("figures.parquet", self._figures)
        self._record(StepName.ASSESS, made={"map": damage, "figures": figures}, segment="s001-01")
        changes = self._made("changes.parquet", self._changes)
        self._record(StepName.RESTORE, read={"map": damage}, made={"changes": changes}, segment="s001-01")
        restored = self._made("restored.mkv", lambda path: encode_frames(frames(dirty=False), PICTURE, path))
        access = self._made("access.mp4", lambda path: path.write_bytes(bytes(range(256)) * 4))
        assembled = {"restoration_master": restored, "access": access}
        for name, film in (films or {}).items():
            assembled[name] = self._made(film.name, lambda path, film=film: shutil.copyfile(film, path))
        self._record(StepName.ASSEMBLE, read={"master": master}, made=assembled)
        check = self._made("check.json", lambda path: path.write_text(self._findings()))
        report = self._made("report.html", lambda path: path.write_text("<h1>Report</h1>"))
        plan = self._made("plans/v0001.yaml", lambda path: path.write_text(self.plan.to_yaml()))
        checked = self._record(
            StepName.CHECK,
            read={
                "restoration_master": restored,
                "map/s001-01": damage,
                "figures/s001-01": figures,
                "changes/s001-01": changes,
                "plan": plan,
            },
            made={"check": check, "report": report},
            figures={"passed": True},
        )
        if kept:
            with sessions.begin() as session:
                checks.enter(session, *checked, self.vault, run_id=RUN)
        self.master, self.restored, self.map, self.access, self.check = master, restored, damage, access, check

    def path(self, file: Reference) -> Path:
        """Where a file lies."""
        return Path(str(self.vault.path(file.uri)))

    def _made(self, name: str, make: Callable[[Path], Any]) -> Reference:
        uri = f"vault:reels/{self.reel_id}/{name}"
        path = Path(str(self.vault.path(uri)))
        path.parent.mkdir(parents=True, exist_ok=True)
        make(path)
        sha256, size = sha256_file(path)
        return Reference(uri=uri, sha256=sha256, bytes=size)

    def _record(
        self,
        step: StepName,
        *,
        made: dict[str, Reference],
        read: dict[str, Reference] | None = None,
        figures: dict[str, Any] | None = None,
        segment: str | None = None,
    ) -> tuple[Any, StepResult]:
        self._events += 1
        started = NOW + timedelta(minutes=self._events)
        outputs = [
            OutputFile(name=name, media_type="application/octet-stream", **file.model_dump())
            for name, file in made.items()
        ]
        execution = f"{RUN}/{self.reel_id}.{step}/-1/0" + (f"/{segment}" if segment else "")
        result = StepResult(
            step=step, step_version="1", reel_id=self.reel_id, segment=segment, signature=f"{self._events:064x}",
            attempt=1, execution_id=execution, inputs=read or {}, params={}, models={}, profile=NumericProfile(),
            outputs=tuple(outputs), figures=figures or {}, agents=(), warnings=(), started=started, ended=started,
            wall_s=1.0, cpu_s=1.0,
        )  # fmt: skip
        return self._recorder.record(result).id, result

    @staticmethod
    def _technical() -> dict[str, Any]:
        return {
            "frames": FRAMES, "width": 64, "height": 48, "fps": "24", "duration_s": 0.25, "bit_depth": 10,
            "pix_fmt": "gbrp10le", "kind": "dpx",
        }  # fmt: skip

    @staticmethod
    def _map(path: Path) -> None:
        maps = [DamageMap.empty((48, 64)) for _ in range(4)]
        dirt = np.zeros((48, 64), np.uint8)
        dirt[SPECK] = 255
        maps[2] = replace(maps[2], dirt=dirt)
        encode_frames([one.as_frame() for one in maps], map_format(PICTURE), path)

    @staticmethod
    def _figures(path: Path) -> None:
        write_rows(path, Row, [Row(frame, 0.008 if frame == 2 else 0.0, 0.0, 0.0) for frame in range(4)])

    @staticmethod
    def _changes(path: Path) -> None:
        changes = [FrameChange.nothing(frame) for frame in range(4)]
        changes[2] = FrameChange(2, 24, 24 / 3072, 24, 24, 0, 0, 0)
        write_changes(path, changes)

    def _findings(self) -> str:
        noted = RuleResult(
            id="benefit.specks", severity=Severity.WARN, status=Status.FAILED, sentence="No speck <b>stays</b>.",
            detail="1 does.", count=1, frames=(FrameNumber(frame=2, scan=1002),),
        )  # fmt: skip
        kept = RuleResult(id="integrity.size", severity=Severity.FAIL, status=Status.PASSED, sentence="The size stays.")
        report = CheckReport(reel_id=self.reel_id, policy_version="1", frames=FRAMES, results=(noted, kept))
        return report.model_dump_json()
