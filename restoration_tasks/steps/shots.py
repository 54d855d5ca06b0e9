"""Step `shots`: find how the reel is put together and cut it into segments."""

from __future__ import annotations

from typing import TYPE_CHECKING

from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    from restoration_tasks.assessment.shots import Shot
    from restoration_tasks.media.editorial import EditorialShot

EDITORIAL = {"otio": "application/vnd.pixar.opentimelineio+json", "edl": "text/plain"}
"""Media types of what editors take in."""


def run(work: StepWork) -> None:
    """Read the master once, write `shots.json`; for editors `shots.otio`, `shots.edl` too."""
    from importlib.metadata import version

    from restoration_tasks.assessment.parts import PartKind
    from restoration_tasks.assessment.shots import EdgeKind, find_shots, read_shots, shots_json
    from restoration_tasks.media.editorial import as_edl, as_otio
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.models.transnet import DISTRIBUTION, WEIGHTS_SHA256, TransNet

    reader = FrameReader(work.input("master"))
    network = TransNet(threads=work.settings.threads)
    shots = find_shots(reader, reader.format, network, lambda done: work.progress(done, len(reader)))
    text = shots_json(shots)
    work.output("shots", "shots.json", media_type="application/json").write_text(text)
    edited, fps = editorial_shots(shots), reader.format.fps
    for name, make in (("otio", as_otio), ("edl", as_edl)):
        path = work.output(f"shots_{name}", f"shots.{name}", media_type=EDITORIAL[name])
        path.write_text(make(work.reel_id, edited, fps, "master.mkv"), encoding="utf-8")
    work.figure("shots", len(shots))
    work.figure("segments", len(read_shots(text)[1]))
    work.figure("dissolves", sum(shot.head.kind is EdgeKind.DISSOLVE for shot in shots))
    work.figure("flashes", sum(len(shot.flashes) for shot in shots))
    work.figure("splices", sum(len(shot.splices) for shot in shots))
    work.figure("no_picture", sum(shot.kind is not PartKind.PICTURE for shot in shots))
    work.agent(AgentKind.MODEL, "TransNetV2", version(DISTRIBUTION), WEIGHTS_SHA256)


def editorial_shots(shots: list[Shot]) -> list[EditorialShot]:
    """The shots as editors know them."""
    from restoration_tasks.assessment.parts import PartKind
    from restoration_tasks.assessment.shots import EdgeKind
    from restoration_tasks.media.editorial import EditorialShot, Mark

    edited = []
    for before, shot in zip([None, *shots], shots, strict=False):
        dissolves = before is not None and shot.head.kind is EdgeKind.DISSOLVE
        marks = [Mark("flash", flash.start, flash.stop - flash.start) for flash in shot.flashes]
        marks += [Mark("splice", splice.frame, 1) for splice in shot.splices]
        edited.append(
            EditorialShot(
                shot.start,
                shot.stop,
                "" if shot.kind is PartKind.PICTURE else shot.kind.value,
                (before.tail.frames, shot.head.frames) if before is not None and dissolves else None,
                tuple(marks),
            )
        )
    return edited


STEP = StepDefinition(name=StepName.SHOTS, version="3", run=run)
