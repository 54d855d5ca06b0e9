"""A small reel, ingested and assessed by the real steps, with a plan; nothing of it is restored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from restoration_tasks.restoration.plan import Plan, PlannedTreatment
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.steps.revert.record import Ingested
from tests.integration.reels import CLEAN_SHOT, FRAMES_A_SHOT, SHOTS, SmallReel, deliver
from tests.steps.revert.reels import assessed, plan_of, taken_in

BOUNDS = [(place * FRAMES_A_SHOT, (place + 1) * FRAMES_A_SHOT) for place in range(SHOTS)]
TREATMENTS = (
    PlannedTreatment(name="dirt", why="specks"),
    PlannedTreatment(
        name="flicker",
        params={"gain": [1.05, 0.95] * (FRAMES_A_SHOT // 2), "offset": [0.0] * FRAMES_A_SHOT},
        why="it pulses",
    ),
)


@dataclass(frozen=True)
class Reel:
    """The reel and where it lies."""

    small: SmallReel
    found: Ingested
    plan: Plan

    @property
    def settings(self) -> Settings:
        return self.found.way.settings

    def delivered(self) -> list[Path]:
        return sorted(self.small.delivery.glob("*.dpx"))

    def in_vault(self) -> dict[str, int]:
        root = Path(self.settings.vault_root)
        return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}

    def scratch(self) -> list[str]:
        folder = self.settings.scratch_folder / self.small.reel_id / "revert"
        return sorted(path.name for path in folder.iterdir() if path.name != "lock") if folder.exists() else []


@pytest.fixture(scope="module")
def reel(tmp_path_factory) -> Reel:
    settings = Settings(home=tmp_path_factory.mktemp("revert") / "home", vault=None, inbox=None, scratch=None)
    small = deliver(settings.inbox_folder, "reel.7")
    found, segments = taken_in(settings, small.reel_id, small.delivery, BOUNDS)
    treatments = [() if segment.shot == CLEAN_SHOT else TREATMENTS for segment in segments]
    return Reel(small, assessed(found, segments), plan_of(small.reel_id, segments, treatments))
