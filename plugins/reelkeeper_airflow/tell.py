"""The task that tells another catalogue of what it has not taken yet."""

from __future__ import annotations

import logging

from airflow.sdk import task

from reelkeeper_airflow.journal import catalogue
from reelkeeper_airflow.operators.mixin import staff_language
from restoration_tasks.runtime.settings import Settings

log = logging.getLogger(__name__)

EVERY_HOUR = "17 * * * *"


def when_to_tell() -> str | None:
    """Every hour where a catalogue is to be told, as cron; never by itself where none is."""
    return None if Settings().catalogue_webhook is None else EVERY_HOUR


@task
def tell() -> dict[str, int]:
    """Send what is due; fail, once each, for what nobody took for a day."""
    from restoration_tasks.catalogue import outbox
    from restoration_tasks.runtime.errors import NotDelivered

    settings = Settings()
    with staff_language():
        delivery = outbox.send(catalogue(settings), outbox.posting(settings))
        for reel_id in delivery.sent:
            log.info("Told of reel %s", reel_id)
        if delivery.said is not None:
            log.warning("Not everything was taken; it will be tried again: %s", delivery.said)
        if delivery.overdue:
            raise NotDelivered(
                f"the catalogue has not been told of {len(delivery.overdue)} restorations for a day, first of reel"
                f" {delivery.overdue[0]}; the line above says why",
                action="put that right; what waits is kept and sent by itself, or now with `reelkeeper catalogue send`",
            )
    return {"sent": len(delivery.sent), "waiting": delivery.waiting}
