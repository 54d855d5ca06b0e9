"""The form of the night: when it begins, how much it may take, and how many reels at once."""

from __future__ import annotations

from airflow.sdk import Param

from reelkeeper_airflow.restore_reel.form import profile_field
from restoration_tasks.runtime.settings import Settings


def night_schedule() -> str:
    """When the night begins by itself, as cron."""
    return Settings().night_schedule


def night_form() -> dict[str, Param]:
    """Build the fields; a night that starts by itself goes by the settings."""
    settings = Settings()
    return {
        "profile": profile_field(settings.profile),
        "budget_hours": Param(
            settings.night_hours,
            type="number",
            exclusiveMinimum=0,
            maximum=10_000,
            title="Hours to fill",
            description_md="Hours of the GPU (or of all cores, where there is none), by the estimates of the queue.",
        ),
        "most_at_once": Param(
            settings.night_reels,
            type="integer",
            minimum=1,
            maximum=100,
            title="Reels at once",
            description_md="A reel that waits for a decision does not count.",
        ),
    }
