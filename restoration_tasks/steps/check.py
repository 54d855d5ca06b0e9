"""Check: hold the restored master against the scan, frame by frame, and say whether it may be signed off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, JsonValue

from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import atomic_file, write_atomic
from restoration_tasks.runtime.memory import give_back
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    import pandas as pd

    from restoration_tasks.assessment.faces import Face
    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.media.digests import PackedDigests
    from restoration_tasks.media.picture import Frame, PictureFormat
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.media.table import Columns
    from restoration_tasks.quality.copies import CopiedFrame
    from restoration_tasks.quality.findings import CheckReport
    from restoration_tasks.quality.frame_record import FrameRecord
    from restoration_tasks.quality.measure import ReelMeter
    from restoration_tasks.quality.permits import Permit
    from restoration_tasks.quality.rules import InPieces, Rule, Table
    from restoration_tasks.report.frame_pictures import Drawn
    from restoration_tasks.report.stills import StillPicker
    from restoration_tasks.restoration.damage_map import DamageMap
    from restoration_tasks.restoration.plan import Plan


UNRECORDED: Final = -1
"""Stands for a frame of which the restore step left no record; no count of pixels equals it."""


class CheckParams(BaseModel):
    """Parameters of the step; the policy is part of the release."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    carried_out: dict[str, str]
    """By segment, the digest of the slice of a plan that its restoration was asked for (`agreement.slice_digest`)."""


@dataclass(frozen=True)
class _Reel:
    """What is compared, opened."""

    scan: Scan
    plan: Plan
    permits: tuple[Permit, ...]
    segments: tuple[Segment, ...]
    recorded: PackedDigests
    """framemd5 of the scan, as ingest recorded it."""
    assembled: PackedDigests
    """framemd5 of the restored master, as the assemble step recorded it."""
    areas: FrameRecord
    """Share of damage by frame and kind, as the assess step recorded it."""
    changed: FrameRecord
    """Pixels changed by frame, and pixels repaired by kind of damage, as the restore step recorded them."""
    faces: tuple[dict[int, list[Face]] | None, ...]
    """By segment, the faces of the scan, as the assess step found them; None where it did not look."""
    master: Path
    restored: Path

    def permit(self, index: int) -> Permit:
        """What may change in a frame; nothing where the plan has no shot (the table of shots then has one too many)."""
        from restoration_tasks.quality.permits import Permit

        known = next((permit for permit in self.permits if permit.start <= index < permit.stop), None)
        return known or Permit.nothing(index)


@dataclass(frozen=True)
class _Passed:
    """What was seen of the reel as a whole while its frames went by."""

    decoded: int
    """Frames of the restored master that were decoded."""
    complaint: str | None
    """Why decoding stopped early; None if it did not."""
    other_maps: tuple[int, ...]
    """Frames whose damage map is not as it was recorded."""


@dataclass(frozen=True)
class _Found:
    """What was measured of a reel, and what the report shows of it besides; nothing that only measuring needs."""

    scan: Scan
    plan: Plan
    wanted: tuple[Rule, ...]
    tables: dict[Table, pd.DataFrame | InPieces]
    meter: ReelMeter
    stills: StillPicker
    repaired: dict[str, dict[str, float]]
    """By shot, the mean share of the picture that was repaired, by kind of damage."""
    drawn: Drawn
    """Pictures of the frames that break rules most."""


def run(work: StepWork) -> None:
    """Measure once, judge, write `check.json`, `report.html` and `policy.yaml`.

    A refusal is a result like any other: it is written, with `passed` false. Only what keeps the check from being made
    at all (the preservation master or a map cannot be read) is an error.

    Raises:
        MediaError: the preservation master or a damage map cannot be read.
        PlanError: the plan is not one.
    """
    from restoration_tasks.quality.expectations import evaluate
    from restoration_tasks.quality.findings import CheckReport
    from restoration_tasks.quality.policy import policy, policy_text

    found = _found(work)
    give_back()  # great-expectations comes on top of what is held now
    check = CheckReport(
        reel_id=work.reel_id,
        policy_version=policy().version,
        frames=found.scan.frames,
        results=evaluate(found.wanted, found.tables),
    )
    write_atomic(work.output("policy", "policy.yaml", media_type="application/yaml"), policy_text())
    check_file = work.output("check", "check.json", media_type="application/json")
    write_atomic(check_file, check.model_dump_json(indent=1).encode() + b"\n")
    found.tables.clear()
    _write_report(work, found, check)


def _found(work: StepWork) -> _Found:
    """Measure the reel, each thing once."""
    from restoration_tasks.quality.agreement import AS_ASSESSED, AS_CARRIED_OUT, maps_found, plan_found
    from restoration_tasks.quality.copies import ACCESS, MEZZANINE, PIXEL_FORMATS, SCAN_ACCESS
    from restoration_tasks.quality.enlarged import enlarged_rules, enlarged_tables
    from restoration_tasks.quality.expectations import farthest_frames
    from restoration_tasks.quality.faces import why_idle
    from restoration_tasks.quality.facts import facts_table, files_table
    from restoration_tasks.quality.measure import ReelMeter
    from restoration_tasks.quality.policy import policy
    from restoration_tasks.quality.rules import InPieces, Table
    from restoration_tasks.quality.sound import sound_table
    from restoration_tasks.quality.suites import rules
    from restoration_tasks.report.frame_pictures import OF_PICTURES, draw
    from restoration_tasks.report.stills import StillPicker

    params = work.parse_params(CheckParams)
    reel = _open(work)
    picture = _picture(reel.master)
    meter, stills = ReelMeter(picture, policy()), StillPicker(picture)
    passed = _measure(work, reel, picture, meter, stills)
    copies = {name: work.input(name) for name in PIXEL_FORMATS if name != SCAN_ACCESS or name in work.input_names}
    sound = sound_table(
        reel.master,
        restored=reel.restored,
        mezzanine=copies[MEZZANINE],
        access=copies[ACCESS],
        frames=reel.scan.frames,
        fps=Fraction(reel.scan.picture.fps),
    )
    copied, unread = _compared_copies(work, reel, copies)
    facts = facts_table(
        reel.scan,
        master=reel.master,
        restored=reel.restored,
        copies=copies,
        unread=unread,
        comparison=work.input("comparison"),
        decoded=passed.decoded,
        decode_error=passed.complaint,
        agreement={
            "plan": (AS_CARRIED_OUT, plan_found(reel.plan, reel.segments, params.carried_out)),
            "damage maps": (AS_ASSESSED, maps_found(passed.other_maps)),
        },
    )
    files = files_table(
        reel.scan,
        work.source("delivery"),
        lambda done: work.progress(done, files.rows, "delivered files"),
    )
    tables: dict[Table, pd.DataFrame | InPieces] = {
        Table.SOUND: sound,
        Table.COPIES: InPieces(len(copied), copied.names, copied.table),
        Table.FRAMES: meter.in_pieces(),
        Table.SHOTS: meter.shots_table(),
        Table.FACTS: facts,
        Table.FILES: files,
    }
    wanted = rules(
        policy(),
        frames=reel.scan.frames,
        shots=len(reel.permits),
        files=files.rows,
        tracks=len(sound),
        no_faces=why_idle(reel.faces),
        scan_copy=SCAN_ACCESS in copies or reel.recorded != reel.assembled,
    )
    if reel.plan.enlarge is not None:
        wanted += enlarged_rules(policy(), frames=reel.scan.frames)
        tables |= enlarged_tables(
            reel.scan,
            reel.plan.enlarge,
            restored=reel.restored,
            enlarged=work.input("enlarged_master"),
            access=work.input("enlarged_access"),
            progress=lambda done, total: work.progress(done, total, "enlarged frames"),
        )
    # While great-expectations is not loaded yet: it takes more than all else, and ffmpeg would come on top of it.
    pictured = [rule for rule in wanted if rule.table is Table.FRAMES and rule.id.startswith(OF_PICTURES)]
    drawn = draw(farthest_frames(pictured, meter.in_pieces()), reel.master, reel.restored)
    return _Found(reel.scan, reel.plan, wanted, tables, meter, stills, _repaired_shares(reel), drawn)


def _compared_copies(
    work: StepWork, reel: _Reel, copies: dict[str, Path]
) -> tuple[Columns[CopiedFrame], dict[str, str]]:
    """What was measured of the copies, each beside the master it shows, and by copy why it could not be read."""
    from restoration_tasks.media.table import Columns
    from restoration_tasks.quality.copies import SCAN_ACCESS, CopiedFrame, compare_copies
    from restoration_tasks.quality.policy import policy

    rows = Columns(CopiedFrame)
    unread: dict[str, str] = {}
    for beside, scanned, what in (
        (reel.restored, False, "frames of the copies"),
        (reel.master, True, "frames of the scan's copy"),
    ):
        if chosen := {name: path for name, path in copies.items() if (name == SCAN_ACCESS) is scanned}:
            unread |= compare_copies(
                rows,
                reel.scan,
                policy(),
                restored=beside,
                copies=chosen,
                progress=partial(work.progress, unit=what),
            )
    return rows, unread


def _open(work: StepWork) -> _Reel:
    from restoration_tasks.assessment.faces import read_faces
    from restoration_tasks.media import framemd5
    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.models.defects.kinds import Defect
    from restoration_tasks.quality.frame_record import CHANGED, FrameRecord, area_column, repaired_column
    from restoration_tasks.quality.permits import Permit
    from restoration_tasks.restoration.changes import REPAIRS
    from restoration_tasks.restoration.plan import Plan

    plan_file = work.input("plan")
    plan = Plan.from_yaml(plan_file.read_bytes(), source=plan_file.name)
    listed = json.loads(work.input("shots").read_bytes())["segments"]
    return _Reel(
        scan=Scan.read(work.input("scan")),
        plan=plan,
        permits=tuple(Permit.of(shot) for shot in plan.shots),
        segments=tuple(Segment.from_json(one) for one in listed),
        recorded=framemd5.read(work.input("framemd5")),
        assembled=framemd5.read(work.input("restored_framemd5")),
        areas=FrameRecord.read(_of_kind(work, "figures"), [area_column(kind) for kind in Defect]),
        changed=FrameRecord.read(_of_kind(work, "changes"), [CHANGED, *map(repaired_column, REPAIRS)]),
        faces=tuple(read_faces(work.input(name)) for name in work.input_names if name.startswith("faces/")),
        master=work.input("master"),
        restored=work.input("restoration_master"),
    )


def _of_kind(work: StepWork, kind: str) -> list[Path]:
    """The segments' tables of one kind."""
    return [work.input(name) for name in work.input_names if name.startswith(f"{kind}/")]


def _repaired_shares(reel: _Reel) -> dict[str, dict[str, float]]:
    """By shot: mean share of the picture that was repaired, by kind of damage; only what was repaired at all."""
    from restoration_tasks.quality.frame_record import repaired_column
    from restoration_tasks.restoration.changes import REPAIRS

    pixels = reel.scan.picture.width * reel.scan.picture.height
    shares = {}
    for permit in reel.permits:
        total = {kind: reel.changed.total(repaired_column(kind), permit.start, permit.stop) for kind in REPAIRS}
        frames = permit.stop - permit.start
        shares[permit.shot] = {kind: count / frames / pixels for kind, count in total.items() if count}
    return shares


def _condition(shots: pd.DataFrame, when: str) -> dict[str, JsonValue]:
    """What the reel suffers from, `before` or `after`: means of its shots by their frames.

    Specks (share of the pixels, bright or dark for one frame), flicker (of mean brightness, share of the code range),
    fade (severity, 0 to 100), weave (pixels).
    """
    names = {"specks": "spikes", "flicker": "flicker", "fade": "fade", "weave_px": "weave"}
    frames = max(int(shots["frames"].sum()), 1)
    return {
        name: round(float((shots[f"{column}_{when}"] * shots["frames"]).sum()) / frames, 6)
        for name, column in names.items()
    }


def _picture(master: Path) -> PictureFormat:
    from restoration_tasks.media.reader import probe_format

    return probe_format(master)


def _measure(work: StepWork, reel: _Reel, picture: PictureFormat, meter: ReelMeter, stills: StillPicker) -> _Passed:
    """Stream master, restored master and maps together, once."""
    from restoration_tasks.assessment.faces import joined
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.quality.agreement import map_agrees
    from restoration_tasks.quality.faces import FaceLookup
    from restoration_tasks.quality.frame_record import CHANGED
    from restoration_tasks.quality.pixels import damaged_share

    complaints: list[str] = []
    restored = _restored_frames(reel.restored, picture, complaints.append)
    maps, faces = _map_frames(work, reel.segments), FaceLookup(joined(reel.faces))
    total, decoded, other_maps = reel.scan.frames, 0, []
    for index, frame in enumerate(FrameReader(reel.master)):
        found, after = next(maps, None), next(restored, None)
        if after is None:
            break
        decoded += 1
        if found is None or index >= total:
            continue
        if not map_agrees(found, reel.areas.at(index)):
            other_maps.append(index)
        permit = reel.permit(index)
        allowed = permit.mask(index, frame, found, picture)
        row = meter.add(
            frame=index,
            scan_number=reel.scan.number_at(index),
            shot=permit.shot,
            treatment=permit.kind(index),
            recorded_md5=reel.recorded[index] if index < len(reel.recorded) else "",
            assembled_md5=reel.assembled[index] if index < len(reel.assembled) else "",
            recorded_px=int(reel.changed.at(index).get(CHANGED, UNRECORDED)),
            master=frame,
            restored=after,
            mask=allowed,
            mapped_share=damaged_share(found.any),
            dirt=permit.passing(index, found, picture),
            expected=permit.expected(index, frame, picture),
            faces=faces.near(index, permit.start, permit.stop),
            text=permit.held_text(index, allowed, picture),
            repaired=permit.mask(index, frame, found, picture, portraits=False) if permit.portrayed else None,
        )
        stills.offer(row, frame, after, found.any)
        work.progress(decoded, total)
    # Whatever the restored master holds beyond the scan is counted, so that a surplus frame is seen.
    decoded += sum(1 for _ in restored)
    return _Passed(decoded, complaints[0] if complaints else None, tuple(other_maps))


def _restored_frames(path: Path, picture: PictureFormat, complain: Callable[[str], None]) -> Iterator[Frame]:
    """Frames of the restored master until it ends or cannot be read on; a fault of it is a finding, not a crash."""
    from restoration_tasks.media.reader import FrameReader

    try:
        reader = FrameReader(path)
        if reader.format.plane_shapes != picture.plane_shapes or reader.format.dtype != picture.dtype:
            complain(f"another picture: {reader.format.width}x{reader.format.height} {reader.format.pix_fmt}")
            return
        yield from reader
    except MediaError as error:
        complain(error.message)


def _map_frames(work: StepWork, segments: tuple[Segment, ...]) -> Iterator[DamageMap]:
    """Damage maps of the whole reel, in order."""
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.restoration.damage_map import DamageMap

    for segment in segments:
        for frame in FrameReader(work.input(f"map/{segment.id}"), count=segment.frames):
            yield DamageMap.from_frame(frame)


def _write_report(work: StepWork, found: _Found, check: CheckReport) -> None:
    import great_expectations

    from restoration_tasks.quality.policy import policy
    from restoration_tasks.report.frame_pictures import worst_frames
    from restoration_tasks.report.page import ROLES, SHOWN, ReportedFile, render

    files = [
        ReportedFile(role, Path(work.spec.inputs[role].uri).name, reference.bytes, reference.sha256)
        for role in ROLES
        if (reference := work.spec.inputs.get(role))
    ]
    shots = found.meter.shots_table()
    page = render(
        check=check,
        scan=found.scan,
        plan=found.plan,
        frames=found.meter.frames_table(only=SHOWN),
        shots=shots,
        stills=found.stills.chosen(),
        files=files,
        repaired=found.repaired,
        worst=worst_frames(check.results, work.input("master"), work.input("restoration_master"), found.drawn),
    )
    with atomic_file(work.output("report", "report.html", media_type="text/html")) as out:
        out.writelines(piece.encode() for piece in page)
    work.figure("passed", check.passed)
    work.figure("failed_rules", list(check.failed_rules))
    work.figure("warned_rules", list(check.warned_rules))
    work.figure("policy_version", policy().version)
    work.figure("condition", {when: _condition(shots, when) for when in ("before", "after")})
    for result in check.results:
        if result.broken:
            work.warn(f"{result.id}: {result.sentence} Found: {result.detail}")
    work.agent(AgentKind.SOFTWARE, "great-expectations", great_expectations.__version__)


STEP = StepDefinition(name=StepName.CHECK, version="12", run=run)
