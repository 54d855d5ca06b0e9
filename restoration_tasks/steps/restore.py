"""Step `restore`: carry out the plan's slice on one segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, JsonValue

from restoration_tasks import __version__
from restoration_tasks.media.segments import Segment
from restoration_tasks.runtime.errors import StepFailed
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    from restoration_tasks.restoration.changes import FrameChange
    from restoration_tasks.restoration.plan_slice import PlanSlice


class RestoreParams(BaseModel):
    """What is restored, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: Segment
    plan: JsonValue
    """`PlanSlice.as_json()`."""


def run(work: StepWork) -> None:
    """Write the restored segment and what changed in each frame."""
    import cv2

    from restoration_tasks.models.shelf.entry import InWheel
    from restoration_tasks.models.shelf.known import KNOWN
    from restoration_tasks.restoration.changes import REPAIRS, write_changes
    from restoration_tasks.restoration.pipeline import restore_segment
    from restoration_tasks.restoration.plan_slice import PlanSlice
    from restoration_tasks.restoration.treatment import Means

    cv2.setNumThreads(1)  # frames are worked side by side instead
    params = work.parse_params(RestoreParams)
    part = PlanSlice.from_json(params.plan)
    changes = restore_segment(
        work.input("master"),
        params.segment,
        part,
        work.output("segment", "segment.mkv", media_type="video/x-matroska"),
        maps=[work.input(name) for name in work.input_names if name.startswith("map/")],
        means=Means.of(work.profile, work.settings.threads, work.settings.memory_share),
        progress=work.progress,
        remark=work.warn,
    )
    outside = sum(change.outside_map_px for change in changes)
    if outside:
        raise StepFailed(
            f"{outside} pixels outside the damage map were changed by a repair",
            reel=work.reel_id,
            frame=next(change.frame for change in changes if change.outside_map_px),
            action="report this as a fault of the treatment; nothing was published",
        )
    write_changes(work.output("changes", "changes.parquet", media_type="application/vnd.apache.parquet"), changes)
    work.figure("frames", len(changes))
    work.figure("frames_changed", sum(change.changed_px > 0 for change in changes))
    work.figure("changed_share", round(sum(change.changed_share for change in changes) / len(changes), 6))
    work.figure("repaired_px", sum(change.repaired_px for change in changes))
    for kind in REPAIRS:
        work.figure(f"repaired_{kind}_px", sum(getattr(change, f"repaired_{kind}_px") for change in changes))
    for name, value in _faces(part, changes).items():
        work.figure(name, value)
    work.figure("treatments", [name for name, _ in part.treatments])
    work.agent(AgentKind.SOFTWARE, "OpenCV", cv2.__version__)
    for name, sha256 in part.models.items():
        shelved = KNOWN.get(name)
        title = f"defects {name} network" if shelved is None else shelved.title
        version = shelved.source.version if shelved and isinstance(shelved.source, InWheel) else __version__
        work.agent(AgentKind.MODEL, title, version, sha256)


def _faces(part: PlanSlice, changes: Sequence[FrameChange]) -> dict[str, JsonValue]:
    """Which faces were made clearer, by which engine, and how much was taken; nothing where none was to be."""
    from restoration_tasks.restoration.portraits import PortraitParams

    tracks = [track for _, params in part.treatments if isinstance(params, PortraitParams) for track in params.treated]
    if not tracks:
        return {}
    listed: list[JsonValue] = [
        {"tier": track.tier.value, "engine": "fusion", "width_px": round(track.places[0][2], 1), "cycles": track.cycles}
        for track in tracks
    ]
    return {
        "faces": listed,
        "faces_clearer": sum(change.faces_clearer for change in changes),
        "faces_left": sum(change.faces_left for change in changes),
        "face_blend_least": min(change.face_blend for change in changes),
    }


STEP = StepDefinition(name=StepName.RESTORE, version="8", run=run)
