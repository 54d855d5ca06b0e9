"""An archive in the database for the benchmark of the pages: most reels by SQL alone, some recorded as steps record."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text

from restoration_tasks.catalogue import checks, lock, plans, reels, scans
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.media.segments import cut_segments
from restoration_tasks.media.table import write_rows
from restoration_tasks.provenance.agents import Participant
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.provenance.vocabulary import AgentKind
from restoration_tasks.quality.findings import CheckReport, RuleResult, Severity, Status
from restoration_tasks.restoration.changes import FrameChange, write_changes
from restoration_tasks.restoration.plan import Plan, PlannedShot, PlannedTreatment
from restoration_tasks.runtime.spec import NumericProfile, OutputFile, Reference, StepName, StepResult
from restoration_tasks.runtime.vault import Vault

EVENTS_A_REEL = 100
WHOLE_REELS = 10
"""Reels that are there with every file a page reads; the pages of single reels are measured on them."""
SHOTS, SHOT_FRAMES = 46, 240
"""Of those: eight minutes of film."""
AUTHOR = Participant(AgentKind.SOFTWARE, "reelkeeper")
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)

FILL = [
    "SET LOCAL session_replication_role = replica",  # foreign keys hold by construction; checking them takes minutes
    "INSERT INTO reelkeeper.agents (id, kind, name) VALUES (gen_random_uuid(), 'software', 'filler')",
    # what they are looked for by comes from a trigger otherwise, and triggers are off
    """INSERT INTO reelkeeper.reels (id, title, words, state, delivery_uri, state_since)
       SELECT 'F-' || lpad(r::text, 6, '0'), 'Filler reel ' || md5(r::text),
         reelkeeper.folded('F-' || lpad(r::text, 6, '0') || ' Filler reel ' || md5(r::text)),
         (ARRAY['registered','in work','awaiting decision','failed','restored','restored','restored','rejected'])
           [1 + r % 8], '', now() - r * interval '7 minutes'
       FROM generate_series(1, :reels) AS r""",
    """INSERT INTO reelkeeper.chains (reel_id, length, head)
       SELECT 'F-' || lpad(r::text, 6, '0'), :events, encode(sha256(('F-' || r || '-' || :events)::bytea), 'hex')
       FROM generate_series(1, :reels) AS r""",
    """INSERT INTO reelkeeper.plans (reel_id, version, author_id, reason, sha256, yaml)
       SELECT 'F-' || lpad(r::text, 6, '0'), 1, (SELECT id FROM reelkeeper.agents LIMIT 1), 'measured',
         repeat('0', 64), repeat('shot: 1 ', 200) FROM generate_series(1, :reels) AS r""",
    """INSERT INTO reelkeeper.events (id, reel_id, seq, event_type, subtype, execution_id, started, ended, recorded_at,
         outcome, detail, previous_hash, hash)
       SELECT gen_random_uuid(), 'F-' || lpad(r::text, 6, '0'), s,
         CASE s WHEN 2 THEN 'metadata extraction' ELSE 'modification' END,
         CASE s WHEN 2 THEN 'shot detection' ELSE 'restoration' END, 'run-' || r || '/restore.batch/' || s || '/0',
         now(), now(), now(), 'success',
         json_build_object('step', 'restore', 'figures', json_build_object('shots', 40, 'segments', 40),
           'padding', repeat('x', 500)),
         encode(sha256(('F-' || r || '-' || s - 1)::bytea), 'hex'),
         encode(sha256(('F-' || r || '-' || s)::bytea), 'hex')
       FROM generate_series(1, :reels) AS r, generate_series(1, :events) AS s""",
    """INSERT INTO reelkeeper.digital_objects (id, reel_id, role, uri, sha256, bytes, media_type)
       SELECT gen_random_uuid(), reel_id, 'segment', 'vault/' || reel_id || '/' || seq, hash, 1, 'video/x-matroska'
       FROM reelkeeper.events""",
    """INSERT INTO reelkeeper.event_objects (event_id, object_id, role)
       SELECT event.id, held.id, 'outcome' FROM reelkeeper.events AS event
       JOIN reelkeeper.digital_objects AS held ON held.reel_id = event.reel_id AND held.sha256 = event.hash""",
    """INSERT INTO reelkeeper.conditions (event_id, reel_id, run_id, result_uri, frames, urgency, severities, carrier,
         shots)
       SELECT id, reel_id, 'run', '', 1000, 100 * random(), '{}', '{}', '[]'
       FROM reelkeeper.events WHERE seq IN (3, 4)""",
    """INSERT INTO reelkeeper.executions (id, run_id, task_id, map_index, generation, segment, result_uri, signature,
         outcome)
       SELECT gen_random_uuid(), 'run-' || r, 'restore.batch', s, 0, 's' || lpad(s::text, 3, '0') || '-01', '', '',
         'success' FROM generate_series(1, :reels) AS r, generate_series(1, 40) AS s""",
    """INSERT INTO reelkeeper.active_runs (reel_id, run_id)
       SELECT id, 'run-' || ltrim(substr(id, 3), '0') FROM reelkeeper.reels WHERE state = 'in work'""",
]
"""The same for every reel of these, their hashes only as long as real ones: nobody verifies them."""


def fill(sessions: Sessions, count: int) -> None:
    """Make so many reels with `EVENTS_A_REEL` events each, by SQL alone."""
    with sessions.begin() as session:
        for statement in FILL:
            values = {"reels": count, "events": EVENTS_A_REEL}
            session.execute(text(statement), {name: one for name, one in values.items() if f":{name}" in statement})


@dataclass(frozen=True)
class Row:
    """The columns of a table of figures that the pages read."""

    frame: int
    dirt_area: float
    hair_area: float
    scratch_area: float


class WholeReel:
    """A reel of `SHOTS` shots with its files in a vault, its events recorded one by one as steps record them."""

    def __init__(self, vault: Path, sessions: Sessions, reel_id: str) -> None:
        self.reel_id, self._vault, self._recorder, self._events = reel_id, vault, Recorder(sessions), 0
        segments = cut_segments([(SHOT_FRAMES * shot, SHOT_FRAMES * (shot + 1)) for shot in range(SHOTS)])
        dirt = PlannedTreatment(name="dirt", why="Dirt or hair covers 0.3 % of the picture on average.")
        plan = Plan(
            reel_id=reel_id,
            shots=tuple(
                PlannedShot(shot=one.shot, start=one.start, stop=one.stop, treatments=(dirt,)) for one in segments
            ),
        )
        with sessions.begin() as session:
            reels.register(session, reel_id, title=f"Whole {reel_id}")
            reels.set_state(session, reel_id, ReelState.AWAITING_DECISION)
            lock.acquire(session, reel_id, f"run-{reel_id}")
            plans.save(session, reel_id, plan.to_yaml(), author=AUTHOR, reason="measured")
        self.master = self._file("master.mkv", b"master")
        technical = {
            "frames": SHOTS * SHOT_FRAMES, "width": 2048, "height": 1556, "fps": "24", "bit_depth": 10,
            "pix_fmt": "gbrp10le", "kind": "dpx",
        }  # fmt: skip
        taken_in = self._record(StepName.INGEST, {"master": self.master}, figures=technical)
        with sessions.begin() as session:
            scans.enter(session, taken_in[0], taken_in[1], result_uri="vault:x/result.json")
        listed = json.dumps({"segments": [one.as_json() for one in segments]}).encode()
        self._record(
            StepName.SHOTS, {"shots": self._file("shots.json", listed)}, figures={"shots": SHOTS, "segments": SHOTS}
        )
        read: dict[str, Reference] = {}
        for one in segments:
            read |= self._assessed(one.id, range(one.start, one.stop))
        for one in segments:
            read |= self._restored(one.id, range(one.start, one.stop))
        self.restored = self._file("restored.mkv", b"restored")
        self._record(StepName.ASSEMBLE, {"restoration_master": self.restored}, read={"master": self.master})
        rule = RuleResult(id="a", severity=Severity.FAIL, status=Status.PASSED, sentence="The size stays.")
        report = CheckReport(reel_id=reel_id, policy_version="1", frames=SHOTS * SHOT_FRAMES, results=(rule,) * 60)
        read |= {
            "restoration_master": self.restored,
            "plan": self._file("plans/v0001.yaml", plan.to_yaml().encode()),
        }
        written = self._file("check.json", report.model_dump_json().encode())
        checked = self._record(StepName.CHECK, {"check": written}, read=read)
        with sessions.begin() as session:
            checks.enter(session, *checked, Vault(str(vault)), run_id=f"run-{reel_id}")

    def _assessed(self, segment: str, frames: range) -> dict[str, Reference]:
        path = self._path(f"{segment}/figures.parquet")
        write_rows(path, Row, [Row(frame, 0.003, 0.0, 0.0) for frame in frames])
        found = {
            "map": self._file(f"{segment}/map.mkv", segment.encode()),
            "figures": self._file(f"{segment}/figures.parquet", path.read_bytes()),
        }
        self._record(StepName.ASSESS, found, segment=segment)
        return {f"{name}/{segment}": file for name, file in found.items()}

    def _restored(self, segment: str, frames: range) -> dict[str, Reference]:
        path = self._path(f"{segment}/changes.parquet")
        write_changes(path, [FrameChange(frame, frame % 3, 0.001, 1, 1, 0, 0, 0) for frame in frames])
        changes = self._file(f"{segment}/changes.parquet", path.read_bytes())
        self._record(StepName.RESTORE, {"changes": changes}, segment=segment)
        return {f"changes/{segment}": changes}

    def _path(self, name: str) -> Path:
        path = self._vault / "reels" / self.reel_id / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _file(self, name: str, content: bytes) -> Reference:
        self._path(name).write_bytes(content)
        uri = f"vault:reels/{self.reel_id}/{name}"
        return Reference(uri=uri, sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))

    def _record(
        self,
        step: StepName,
        made: dict[str, Reference],
        *,
        read: dict[str, Reference] | None = None,
        figures: dict[str, Any] | None = None,
        segment: str | None = None,
    ) -> tuple[Any, StepResult]:
        self._events += 1
        at = BEGAN + timedelta(minutes=self._events)
        media_type = "application/octet-stream"
        result = StepResult(
            step=step, step_version="1", reel_id=self.reel_id, segment=segment, signature=f"{self._events:064x}",
            attempt=1, execution_id=f"run-{self.reel_id}/{step}/{self._events}/0", inputs=read or {}, params={},
            models={}, profile=NumericProfile(), figures=figures or {}, agents=(), warnings=(), started=at, ended=at,
            outputs=tuple(OutputFile(name=key, media_type=media_type, **one.model_dump()) for key, one in made.items()),
            wall_s=1.0, cpu_s=1.0,
        )  # fmt: skip
        return self._recorder.record(result).id, result
