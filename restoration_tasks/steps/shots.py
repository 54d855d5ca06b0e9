"""Step `shots`: find the cuts and cut the reel into segments."""

from __future__ import annotations

from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

EDITORIAL = {"otio": "application/vnd.pixar.opentimelineio+json", "edl": "text/plain"}
"""Media types of what editors take in."""


def run(work: StepWork) -> None:
    """Read the master once, score every frame, write `shots.json`; for editors `shots.otio`, `shots.edl` too."""
    from importlib.metadata import version

    from restoration_tasks.assessment.shots import read_shots, shots_from_scores, shots_json
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.models.transnet import DISTRIBUTION, WEIGHTS_SHA256, TransNet, small_frame

    reader = FrameReader(work.input("master"))
    network = TransNet(threads=work.settings.threads)
    scores: list[float] = []
    for score in network.scores(small_frame(frame, reader.format) for frame in reader):
        scores.append(score)
        work.progress(len(scores), len(reader))
    shots = shots_from_scores(scores)
    text = shots_json(shots, scores)
    work.output("shots", "shots.json", media_type="application/json").write_text(text)
    from restoration_tasks.media.editorial import as_edl, as_otio

    bounds, fps = [(shot.start, shot.stop) for shot in shots], reader.format.fps
    for name, make in (("otio", as_otio), ("edl", as_edl)):
        path = work.output(f"shots_{name}", f"shots.{name}", media_type=EDITORIAL[name])
        path.write_text(make(work.reel_id, bounds, fps, "master.mkv"), encoding="utf-8")
    work.figure("shots", len(shots))
    work.figure("segments", len(read_shots(text)[1]))
    work.agent(AgentKind.MODEL, "TransNetV2", version(DISTRIBUTION), WEIGHTS_SHA256)


STEP = StepDefinition(name=StepName.SHOTS, version="2", run=run)
