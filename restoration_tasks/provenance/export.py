"""The chain of a reel as JSON that can be verified without the database.

The file holds every column and link the hashes cover (see `chain` for the canonical form), `detail` as the very text
that was hashed, and no person's name.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, ConfigDict, ValidationError, field_serializer

from restoration_tasks.provenance import chain
from restoration_tasks.provenance.chain import ChainedEvent, LinkedAgent, LinkedObject, ReelChain
from restoration_tasks.provenance.verify import VerifyReport, verify_chain
from restoration_tasks.runtime.errors import ProvenanceBroken

FORMAT = "reelkeeper.chain/1"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", from_attributes=True)


class _Object(_Strict):
    link: str
    id: str
    role: str
    uri: str
    sha256: str
    bytes: int
    media_type: str


class _Agent(_Strict):
    link: str
    id: str
    kind: str
    name: str | None
    version: str | None
    sha256: str | None


class _Event(_Strict):
    id: str
    reel_id: str
    seq: int
    event_type: str
    subtype: str
    execution_id: str
    started: datetime
    ended: datetime
    recorded_at: datetime
    outcome: str
    detail: str
    previous_hash: str
    hash: str
    objects: tuple[_Object, ...]
    agents: tuple[_Agent, ...]

    @field_serializer("started", "ended", "recorded_at")
    def _time(self, time: datetime) -> str:
        return chain.utc_text(time)


class _Chain(_Strict):
    format: str = FORMAT
    reel_id: str
    length: int
    head: str
    events: tuple[_Event, ...]


def chain_json(line: ReelChain) -> bytes:
    """A chain as JSON.

    Raises:
        ProvenanceBroken: its head is missing.
    """
    if line.length is None or line.head is None:
        raise ProvenanceBroken(
            "the row with the chain's head was removed", reel=line.reel_id, action="run `reelkeeper provenance verify`"
        )
    events = tuple(_Event.model_validate(event) for event in line.events)
    exported = _Chain(reel_id=line.reel_id, length=line.length, head=line.head, events=events)
    return exported.model_dump_json(indent=1).encode() + b"\n"


def read(content: bytes, *, source: object = None) -> ReelChain:
    """The chain an export holds; not verified yet.

    Raises:
        ProvenanceBroken: this is no export.
    """
    try:
        exported = _Chain.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        raise ProvenanceBroken(
            f"this is not an exported chain: {problem['msg']} at {'.'.join(map(str, problem['loc'])) or 'the start'}",
            file=source,
            action="export the reel again with `reelkeeper provenance export`",
        ) from error
    return ReelChain(
        exported.reel_id,
        exported.length,
        exported.head,
        tuple(
            ChainedEvent(
                **event.model_dump(exclude={"objects", "agents", "started", "ended", "recorded_at"}),
                started=event.started,
                ended=event.ended,
                recorded_at=event.recorded_at,
                objects=tuple(LinkedObject(**entry.model_dump()) for entry in event.objects),
                agents=tuple(LinkedAgent(**agent.model_dump()) for agent in event.agents),
            )
            for event in exported.events
        ),
    )


def verify_export(content: bytes, *, source: object = None) -> VerifyReport:
    """Verify an export by itself, with no database.

    Raises:
        ProvenanceBroken: this is no export.
    """
    line = read(content, source=source)
    return VerifyReport(1, len(line.events), tuple(verify_chain(line)))
