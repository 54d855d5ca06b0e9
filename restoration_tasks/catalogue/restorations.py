"""Restorations: what a run published enters the catalogue, as a reel of the restored version, linked to its source."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from restoration_tasks.catalogue import recorded_files, reels, scans
from restoration_tasks.catalogue.descriptions import ensure_described, ensure_restored_version
from restoration_tasks.catalogue.frames import MASTER
from restoration_tasks.catalogue.record_models import Restoration
from restoration_tasks.provenance.recorder import RecordedEvent
from restoration_tasks.runtime.spec import OutputFile, StepName

ACCESS: Final = "access"
CONDITION: Final = "condition"
"""Figure of the check step: what it measured before and after."""


def enter(session: Session, event: RecordedEvent, products: Sequence[OutputFile], *, plan_version: int | None) -> None:
    """Enter what a catalogue event vouches for, in its transaction. Without a restored master there is nothing.

    Figures come from the newest events of assemble and check; what they do not say stays null.
    """
    if not any(product.name == MASTER for product in products):
        return
    reel_id = event.reel_id
    ids = recorded_files.object_ids(session, event.id)
    held = {product.name: ids[product.uri, product.sha256] for product in products}
    scan = scans.newest(session, reel_id)
    joined = _figures(session, reel_id, StepName.ASSEMBLE)
    measured = _figures(session, reel_id, StepName.CHECK).get(CONDITION) or {}
    session.add(
        Restoration(
            event_id=event.id,
            reel_id=reel_id,
            manifestation_id=ensure_restored_version(session, ensure_described(session, reel_id)),
            plan_version=plan_version,
            master_id=held[MASTER],
            access_id=held.get(ACCESS),
            scan_id=None if scan is None else scan.event_id,
            **{name: joined.get(name) for name in ("frames", "frames_changed", "sound_tracks")},
            condition_before=measured.get("before"),
            condition_after=measured.get("after"),
        )
    )
    session.flush()


def newest_master(session: Session, reel_id: str) -> uuid.UUID | None:
    """The reel's restored master as it was published last; None where none was.

    Raises:
        UnknownReel: no such reel.
    """
    reels.require(session, reel_id)
    return session.scalar(
        select(Restoration.master_id)
        .where(Restoration.reel_id == reel_id)
        .order_by(Restoration.recorded_at.desc())
        .limit(1)
    )


def _figures(session: Session, reel_id: str, step: StepName) -> dict[str, Any]:
    found = recorded_files.newest(session, reel_id, step)
    figures: dict[str, Any] = {} if found is None else found.detail.get("figures") or {}
    return figures
