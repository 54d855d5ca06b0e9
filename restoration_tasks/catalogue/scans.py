"""Technical metadata of what was taken in: the columns staff search, from the figures of the ingest step."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.models import ScanRecord
from restoration_tasks.provenance.text import storable
from restoration_tasks.runtime.spec import StepResult

_OF_THE_ROW = {"event_id", "reel_id", "result_uri", "recorded_at"}


def enter(session: Session, event_id: uuid.UUID, result: StepResult, *, result_uri: str) -> None:
    """Fill the row of an ingest; entering the same event again changes nothing.

    A column takes the figure of its name, and stays null where the step gave none.
    """
    columns = [column.name for column in ScanRecord.__table__.columns if column.name not in _OF_THE_ROW]
    values: dict[str, Any] = {name: result.figures[name] for name in columns if result.figures.get(name) is not None}
    values = {name: storable(value) if isinstance(value, str) else value for name, value in values.items()}
    session.execute(
        insert(ScanRecord)
        .values(event_id=event_id, reel_id=result.reel_id, result_uri=result_uri, **values)
        .on_conflict_do_nothing()
    )


def newest(session: Session, reel_id: str) -> ScanRecord | None:
    """The reel's latest scan, or None where it was never taken in."""
    return session.scalar(
        select(ScanRecord).where(ScanRecord.reel_id == reel_id).order_by(ScanRecord.recorded_at.desc()).limit(1)
    )
