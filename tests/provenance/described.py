"""A reel's chain and description made in memory, with any text in every place that takes text."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject, ReelChain
from restoration_tasks.provenance.description import (
    CheckFound,
    Condition,
    DecisionTaken,
    Maker,
    ReelDescription,
    Scan,
    Title,
    kept_files,
)
from restoration_tasks.provenance.text import storable
from restoration_tasks.provenance.vocabulary import DECISION_TERM, STEP_TERMS, EventTerm
from restoration_tasks.runtime.spec import StepName
from tests.provenance.results import REEL, START, digest

PERSON = "c0ffee00-0000-4000-8000-000000000001"
NAMES = {PERSON: "Ana Petrova"}
WORK = "c0ffee00-0000-4000-8000-000000000002"


def described(text: str = "Titel") -> tuple[ReelChain, ReelDescription]:
    """Ingest, restoration and assembly (reused once), check and decision, and the description, all bearing `text`."""
    kept = storable(text)  # as the recorder hands it to the database
    master, segment = _file("master", 1, kept), _file("segment", 2, kept)
    products = (_file("restoration_master", 3, kept), _file("access", 4, kept))
    software = LinkedAgent("executing program", _number(20), "software", kept or "none", kept, None)
    model = LinkedAgent("executing program", _number(21), "model", "dirt-small", "1", digest("weights"))
    device = LinkedAgent("executing program", _number(22), "device", "scanner", None, None)
    person = LinkedAgent("implementer", PERSON, "person", None, None, None)
    assemble = STEP_TERMS[StepName.ASSEMBLE]
    planned = [
        (STEP_TERMS[StepName.INGEST], (), (master,), (software, device)),
        (STEP_TERMS[StepName.RESTORE], (master,), (segment,), (software, model)),
        (assemble, (master, segment), products, (software,)),
        (assemble, (master, segment), products, (software,)),
        (STEP_TERMS[StepName.CHECK], products, (_file("report", 5, kept),), (software,)),
        (DECISION_TERM, (), (), (person,)),
    ]
    events, before = [], chain.genesis(REEL)
    for seq, (term, read, made, agents) in enumerate(planned, start=1):
        events.append(_event(seq, before, term, read, made, agents, kept))
        before = events[-1].hash
    line = ReelChain(REEL, len(events), before, tuple(events))
    scan = Scan(
        frames=240, width=2048, height=1556, fps="24", bit_depth=10, pix_fmt="gbrp10le", duration_s=10.0,
        transfer=text, scanner=text, sound_tracks=1, sound_channels=2, sound_rate_hz=48000, sound_bits=24,
        master_format=text,
    )  # fmt: skip
    return line, ReelDescription(
        reel_id=REEL,
        titles=(Title(text, "original", "deu"), Title("Other", text, None)),
        work_id=WORK,
        item=text,
        year="1927",
        countries=(text,),
        languages=("deu", "en"),
        makers=(Maker("camera", text), Maker("director", text)),
        scan=scan,
        condition=Condition(63.0, {"dirt": 40.0}),
        check=CheckFound(False, (text,)),
        decisions=(DecisionTaken("approve", "conservator", 1, START),),
        files=kept_files(line),
    )


def in_package(description: ReelDescription) -> ReelDescription:
    """The same with places in a package."""
    files = tuple(dataclasses.replace(file, place=f"masters/{file.role}.mkv") for file in description.files)
    return dataclasses.replace(description, files=files)


def _file(role: str, number: int, text: str) -> LinkedObject:
    return LinkedObject(
        "", _number(number), role, f"vault:reels/{text}/{role}", digest(role), 1000 + number, "video/mp4"
    )


def _event(
    seq: int,
    before: str,
    term: EventTerm,
    read: tuple[LinkedObject, ...],
    made: tuple[LinkedObject, ...],
    agents: tuple[LinkedAgent, ...],
    text: str,
) -> ChainedEvent:
    started = START + timedelta(minutes=seq)
    return ChainedEvent(
        id=_number(10 + seq),
        reel_id=REEL,
        seq=seq,
        event_type=term.type.value,
        subtype=term.subtype,
        execution_id=f"run-1/{seq}/{text}",
        started=started,
        ended=started + timedelta(seconds=30),
        recorded_at=started + timedelta(seconds=31),
        outcome="success",
        detail=json.dumps({"message": text}, ensure_ascii=False),
        previous_hash=before,
        hash="",
        objects=tuple(
            dataclasses.replace(entry, link=link)
            for link, entries in (("source", read), ("outcome", made))
            for entry in entries
        ),
        agents=agents,
    ).sealed()


def _number(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"
