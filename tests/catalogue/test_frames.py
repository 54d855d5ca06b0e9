"""What is known of single frames and of files: exceptions, origins, policies, and restorations in the catalogue."""

from __future__ import annotations

import hashlib
import json

import pytest
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from restoration_tasks.catalogue import descriptions, frames, journal, policies
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.record_models import CheckPolicy, ExceptionKind, FrameException, ObjectRelationship
from restoration_tasks.catalogue.work_models import Manifestation, ManifestationKind
from restoration_tasks.provenance.models import DigitalObject, Event
from restoration_tasks.runtime.errors import SourceChanged, WrongUse
from restoration_tasks.runtime.spec import OutputFile, Spec, StepName
from restoration_tasks.runtime.vault import Vault
from tests.catalogue.reel import ANA, RUN, catalogue, ingest_result, make_decided, make_ingested
from tests.provenance.results import REEL, output, step_result

SPLICE = Range(10, 12)


def put(vault: Vault, name: str, content: bytes) -> OutputFile:
    uri = f"vault:reels/{REEL}/x/{name}"
    vault.write_bytes(uri, content)
    digest = hashlib.sha256(content).hexdigest()
    return OutputFile(name=name, uri=uri, sha256=digest, bytes=len(content), media_type="x/x")


def record(sessions, vault, result):
    """As a finished task is recorded."""
    task = journal.Task(RUN, result.step)
    spec = Spec(
        step=result.step, step_version="1", reel_id=REEL, segment=result.segment, vault=str(vault.local_root),
        execution_id=result.execution_id,
    )  # fmt: skip
    return journal.record(sessions, task, spec, result)


def scan_json(stands_in: list[str | None]) -> bytes:
    files = [
        {"name": f"{n}.dpx", "number": n, "bytes": 1, "md5": "0" * 32, "sha256": "0" * 64, "stands_in": reason}
        for n, reason in enumerate(stands_in)
    ]
    picture = {
        "kind": "dpx", "width": 4, "height": 4, "bit_depth": 10, "pix_fmt": "gray10le", "fps": "24",
        "transfer": "linear", "primaries": "unknown",
    }  # fmt: skip
    nothing = {"manifest": None, "manifest_algorithm": None, "header": None, "strays": []}
    return json.dumps({"delivery": "x", "picture": picture, "files": files} | nothing).encode()


def test_places_where_a_neighbour_stands_in_are_noted_once(sessions, vault):
    make_ingested(sessions)
    content = scan_json([None, "missing", "missing", "damaged", None, "missing"])
    taken = ingest_result().model_copy(
        update={"outputs": (put(vault, "scan", content),), "execution_id": "again", "figures": ingest_result().figures}
    )
    record(sessions, vault, taken)
    record(sessions, vault, taken)
    with sessions() as session:
        found = [(frames.shown(one.frames), one.kind) for one in frames.exceptions(session, REEL)]
    missing = ExceptionKind.MISSING
    assert found == [("1-2", missing), ("3", ExceptionKind.SUBSTITUTED), ("5", missing)]


def test_a_person_names_frames_and_takes_it_back(sessions):
    make_ingested(sessions)
    name = {"reason": "a splice", "person": ANA}
    with sessions.begin() as session:
        frames.name_exception(session, REEL, SPLICE, ExceptionKind.EXCLUDED, **name)
    with sessions.begin() as session, pytest.raises(WrongUse, match=r"found excluded, frames 10-11"):
        frames.name_exception(session, REEL, Range(11, 20), ExceptionKind.DUPLICATE, **name)
    with sessions.begin() as session, pytest.raises(WrongUse, match="frames from 0 to 239, found 240"):
        frames.name_exception(session, REEL, Range(240, 241), ExceptionKind.DUPLICATE, **name)
    with sessions.begin() as session, pytest.raises(WrongUse, match="exactly these"):
        frames.withdraw_exception(session, REEL, Range(10, 11), **name)
    with sessions.begin() as session:
        frames.withdraw_exception(session, REEL, SPLICE, **name)
        assert frames.exceptions(session, REEL) == []
        said = session.scalars(select(Event.detail).where(Event.subtype == "frames named").order_by(Event.seq)).all()
        assert [(one["first"], one["stop"], one.get("withdrawn")) for one in said] == [(10, 12, None), (10, 12, True)]


def test_what_ingest_found_no_person_takes_back(sessions, vault):
    make_ingested(sessions)
    record(sessions, vault, ingest_result().model_copy(
        update={"outputs": (put(vault, "scan", scan_json([None, "missing"])),), "execution_id": "again"}
    ))  # fmt: skip
    with sessions.begin() as session, pytest.raises(WrongUse, match="exactly these"):
        frames.withdraw_exception(session, REEL, Range(1, 2), reason="x", person=ANA)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(FrameException)) == 1


def restored_in_two(sessions, vault) -> None:
    """Two segments restored and joined, recorded twice, as a retry does."""
    bounds = {"s001-01": (0, 100), "s002-01": (100, 240)}
    parts = {name: output("segment", f"{name}.mkv") for name in bounds}
    for _ in range(2):
        for name, (start, stop) in bounds.items():
            done = step_result(
                execution_id=f"{RUN}/restore/0/0/{name}", segment=name, outputs=(parts[name],),
                params={"segment": {"id": name, "shot": 1, "start": start, "stop": stop}, "plan": {}},
            )  # fmt: skip
            record(sessions, vault, done)
        joined = step_result(
            StepName.ASSEMBLE, f"{RUN}/assemble/-1/0",
            inputs={"master": output("master").reference}
            | {f"segment/{name}": part.reference for name, part in parts.items()},
            outputs=tuple(put(vault, name, name.encode()) for name in ("restoration_master", "access", "comparison")),
            params={"segments": [{"id": name, "start": a, "stop": b} for name, (a, b) in bounds.items()]},
            figures={"frames": 240, "frames_changed": 12, "sound_tracks": 0},
        )  # fmt: skip
        record(sessions, vault, joined)


def test_a_frame_of_a_copy_is_followed_back_to_the_scan(sessions, vault):
    make_decided(sessions)
    restored_in_two(sessions, vault)
    with sessions() as session:
        held = dict(session.execute(select(DigitalObject.role, DigitalObject.id)).all())
        for frame, in_segment in ((99, 99), (100, 0), (239, 139)):
            found = frames.origins(session, held["access"], frame)
            assert [(one.role, one.frame) for one in found] == [
                ("restoration_master", frame), ("segment", in_segment), ("master", frame),
            ]  # fmt: skip
        assert frames.origins(session, held["access"], 240) == []
        assert frames.origins(session, held["comparison"], 0) == []
        assert session.scalar(select(func.count()).select_from(ObjectRelationship)) == 5


def test_a_frame_of_the_larger_version_is_followed_back_to_the_scan(sessions, vault):
    """Its segments are made from the restored ones, neighbours of which are only looked at."""
    make_decided(sessions)
    restored_in_two(sessions, vault)
    bounds = {"s001-01": (0, 100), "s002-01": (100, 240)}
    parts = {name: output("segment", f"{name}.mkv").reference for name in bounds}
    larger = {name: output("enlarged", f"larger-{name}.mkv") for name in bounds}
    for name, (start, stop) in bounds.items():
        segment = {"id": name, "shot": 1, "start": start, "stop": stop}
        record(sessions, vault, step_result(
            StepName.ENLARGE, f"{RUN}/enlarge/0/0/{name}", segment=name, outputs=(larger[name],),
            inputs={f"segment/{part}": reference for part, reference in parts.items()}, params={"segment": segment},
        ))  # fmt: skip
    record(sessions, vault, step_result(
        StepName.ASSEMBLE, f"{RUN}/assemble/-1/1",
        inputs={f"enlarged/{name}": part.reference for name, part in larger.items()},
        outputs=tuple(put(vault, name, name.encode()) for name in ("enlarged_master", "enlarged_access")),
        params={
            "segments": [{"id": name, "start": a, "stop": b} for name, (a, b) in bounds.items()],
            "enlarge": {"factor": 2},
        },
    ))  # fmt: skip
    with sessions() as session:
        held = dict(session.execute(select(DigitalObject.role, DigitalObject.id)).all())
        found = frames.origins(session, held["enlarged_access"], 100)
        assert [(one.role, one.frame) for one in found] == [
            ("enlarged_master", 100), ("enlarged", 0), ("segment", 0), ("master", 100),
        ]  # fmt: skip


def checked(vault, text: bytes, version: str, execution: str):
    figures = {
        "passed": True, "policy_version": version,
        "condition": {"before": {"specks": 0.02, "fade": 40.0}, "after": {"specks": 0.001, "fade": 4.0}},
    }  # fmt: skip
    return step_result(StepName.CHECK, execution, outputs=(put(vault, "policy", text),), figures=figures)


def test_a_policy_is_kept_as_the_first_check_left_it(sessions, vault):
    make_decided(sessions)
    first = record(sessions, vault, checked(vault, b"version: '3'\n", "3", "1"))
    record(sessions, vault, checked(vault, b"version: '3'\n", "3", "2"))
    with sessions() as session:
        kept = policies.require(session, "3")
        assert (kept.yaml, kept.event_id) == ("version: '3'\n", first.id)
        assert session.scalar(select(func.count()).select_from(CheckPolicy)) == 1
        with pytest.raises(WrongUse, match="expected 3, found 4"):
            policies.require(session, "4")
    with pytest.raises(SourceChanged, match="version 3 of the check policy has another text"):
        record(sessions, vault, checked(vault, b"version: '3'\nlooser\n", "3", "3"))


def test_a_published_reel_is_a_restored_version_of_its_source(sessions, vault):
    make_decided(sessions)
    restored_in_two(sessions, vault)
    record(sessions, vault, checked(vault, b"version: '3'\n", "3", "1"))
    products = [put(vault, name, name.encode()) for name in ("restoration_master", "access")]
    for run in (RUN, RUN):
        catalogue(sessions, vault, products, run=run)
    with sessions() as session:
        (row,) = descriptions.rows(session)
        assert (row["state"], row["title"], row["work"]) == ("restored", "Reel three", REEL)
        assert (row["restored_master_uri"], row["restored_master_sha256"]) == (products[0].uri, products[0].sha256)
        assert row["access_copy_uri"] == products[1].uri
        assert (row["condition_before"], row["condition_after"]) == (
            "fade; 40 | specks; 0.02",
            "fade; 4 | specks; 0.001",
        )
        restored = session.scalars(select(Manifestation).where(Manifestation.kind == ManifestationKind.RESTORED)).one()
        source = session.get_one(Manifestation, restored.source_id)
        assert (source.kind, source.work_id) == (ManifestationKind.SOURCE, restored.work_id)


def test_a_run_that_was_not_approved_leaves_no_restored_version(sessions, vault):
    make_decided(sessions)
    catalogue(sessions, vault, [put(vault, "restoration_master", b"x")], state=ReelState.REJECTED)
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Manifestation)) == 0
