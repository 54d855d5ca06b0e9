"""Step `assess`: measure the damage of one segment, frame by frame."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from restoration_tasks.media.segments import Segment
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork


class AssessParams(BaseModel):
    """What is measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: Segment


def run(work: StepWork) -> None:
    """Write the damage maps (`map.mkv`) and the table of figures (`figures.parquet`)."""
    import cv2

    from restoration_tasks.assessment.figures import write_figures
    from restoration_tasks.assessment.measure import measure_segment

    cv2.setNumThreads(work.settings.threads)
    segment = work.parse_params(AssessParams).segment
    rows = measure_segment(
        work.input("master"),
        segment,
        work.output("map", "map.mkv", media_type="video/x-matroska"),
        progress=work.progress,
    )
    write_figures(work.output("figures", "figures.parquet", media_type="application/vnd.apache.parquet"), rows)
    work.figure("frames", len(rows))
    work.figure("dirt_area", round(sum(row.dirt_area for row in rows) / len(rows), 6))
    work.figure("dirt_severity", round(sum(row.dirt_severity for row in rows) / len(rows), 1))
    work.figure("specks", sum(row.dirt_count for row in rows))
    work.figure("near_duplicates", sum(row.near_duplicate for row in rows))
    work.agent(AgentKind.SOFTWARE, "OpenCV", cv2.__version__)


STEP = StepDefinition(name=StepName.ASSESS, version="2", run=run)
