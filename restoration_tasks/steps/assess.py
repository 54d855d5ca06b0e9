"""Step `assess`: measure the damage of one segment, frame by frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from restoration_tasks import __version__
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.side_channel import AskedChannel
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    from restoration_tasks.assessment.faces import FaceLooker

PARQUET = "application/vnd.apache.parquet"


class AssessParams(BaseModel):
    """What is measured, and by what."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: Segment
    engine: Literal["network", "classical"] = "network"
    faces: bool = False
    """Whether faces are looked for; the spec names the network then."""
    infrared: AskedChannel | None = None
    """The scanner's own channel of dirt; None where there is none, or none is to be used."""


def run(work: StepWork) -> None:
    """Write the damage maps (`map.mkv`) and the tables of figures, lines, readings and faces (all Parquet)."""
    import cv2

    from restoration_tasks.assessment.engine import Engine
    from restoration_tasks.assessment.faces import write_faces
    from restoration_tasks.assessment.figures import write_figures
    from restoration_tasks.assessment.lines import write_lines
    from restoration_tasks.assessment.measure import measure_segment
    from restoration_tasks.assessment.readings import gauges, read_segment, scanned, write_readings
    from restoration_tasks.assessment.scanner_channel import open_channel
    from restoration_tasks.restoration.treatment import Means

    params = work.parse_params(AssessParams)
    engine = Engine(params.engine)
    master, side = work.input("master"), work.input("infrared") if "infrared" in work.input_names else None
    means = Means.of(work.profile, work.settings.threads, work.settings.memory_share)
    looker = _face_looker(work, master, params.segment) if params.faces else None
    channel = open_channel(master, side, params.segment, params.infrared)
    measured = measure_segment(
        master,
        params.segment,
        work.output("map", "map.mkv", media_type="video/x-matroska"),
        engine=engine,
        means=means,
        channel=channel,
        progress=work.progress,
    )
    rows = measured.frames
    write_figures(work.output("figures", "figures.parquet", media_type=PARQUET), rows)
    write_lines(work.output("lines", "lines.parquet", media_type=PARQUET), measured.lines)
    read = read_segment(master, params.segment, means, gauges(), looker)
    readings = work.output("readings", "readings.parquet", media_type=PARQUET)
    write_readings(readings, read, gauges(), scanned(master))
    write_faces(work.output("faces", "faces.parquet", media_type=PARQUET), looker.found if looker else None)
    if looker is not None:
        work.figure("faces", sum(len(found) for found in looker.found.values()))
    work.figure("frames", len(rows))
    work.figure("dirt_area", round(sum(row.dirt_area for row in rows) / len(rows), 6))
    work.figure("hair_area", round(sum(row.hair_area for row in rows) / len(rows), 6))
    work.figure("dirt_severity", round(sum(row.dirt_severity for row in rows) / len(rows), 1))
    work.figure("specks", sum(row.dirt_count for row in rows))
    work.figure("hairs", sum(row.hair_count for row in rows))
    work.figure("lines", len(measured.lines))
    work.figure("near_duplicates", sum(row.near_duplicate for row in rows))
    for name, value in channel.figures.items():
        work.figure(name, value)
    if channel.warning:
        work.warn(channel.warning)
    work.agent(AgentKind.SOFTWARE, "OpenCV", cv2.__version__)
    for name, sha256 in engine.models.items():
        work.agent(AgentKind.MODEL, f"defects {name} network", __version__, sha256)


def _face_looker(work: StepWork, master: Path, segment: Segment) -> FaceLooker:
    """What looks for faces, with the network the spec names."""
    from restoration_tasks.assessment.faces import FaceLooker, frames_to_look_at
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.models.centerface import NAME, CenterFace
    from restoration_tasks.models.shelf.places import words_of
    from restoration_tasks.models.shelf.shelf import Shelf

    shelf = Shelf.of(work.settings)
    weights = shelf.require(NAME)[0]
    if work.spec.models.get(NAME) != weights.sha256:
        raise ModelError(
            "the spec asks for faces with another network than is installed",
            reel=work.reel_id,
            expected=work.spec.models.get(NAME, "none named"),
            found=weights.sha256,
            action="run the same version of Reelkeeper where work is given out and where it is done",
        )
    work.agent(AgentKind.MODEL, "CenterFace", words_of(shelf.entry(NAME).source), weights.sha256)
    picture = FrameReader(master, count=1).format
    return FaceLooker(CenterFace(weights.path), picture, frames_to_look_at(segment, float(picture.fps)))


STEP = StepDefinition(name=StepName.ASSESS, version="15", run=run)
