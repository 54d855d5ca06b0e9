"""Ingest: check everything of a delivery, make the preservation master, prove that nothing of the scan is lost."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.media.delivery.findings import Grade, Waiver, gravest_first, require_none_open, waived
from restoration_tasks.media.frame_rate import FrameRate
from restoration_tasks.runtime.errors import MediaError, SourceChanged
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from restoration_tasks.media.delivery.delivery import Delivery
    from restoration_tasks.media.delivery.findings import Finding
    from restoration_tasks.steps.ingest.picture import Picture
    from restoration_tasks.steps.ingest.sound import Sound

TOLD = 200
"""Findings written to the log one by one; `scan.json` holds them all."""


class IngestParams(BaseModel):
    """Parameters of the step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fps: FrameRate = "24"
    """Frames a second where the frames' headers do not say."""
    expected_frames: int | None = Field(default=None, ge=1)
    """Frames of the reel by the catalogue."""
    specification: str | None = None
    """Name of the scan specification it was ordered as."""
    waivers: tuple[Waiver, ...] = ()
    """Findings that a person lets pass."""


def run(work: StepWork) -> None:
    """Read a delivery in.

    Raises:
        DeliveryError: a finding that refuses the delivery and that nobody has waived.
        SourceChanged: the delivery is not the one that was asked for, or changed while it was read.
        MediaError: the master would not hold exactly the scan.
        VaultError: there is not enough room.
    """
    from restoration_tasks.media import ffmpeg, framemd5
    from restoration_tasks.media.delivery.delivery import find_delivery
    from restoration_tasks.media.delivery.fixity import check_delivery, findings_by_name, require_unchanged
    from restoration_tasks.steps.ingest import infrared, record, sound
    from restoration_tasks.steps.ingest import picture as pictures
    from restoration_tasks.steps.ingest.keeping import Keeping

    params = work.parse_params(IngestParams)
    delivery = find_delivery(work.source("delivery"))
    _require_as_asked(work, delivery)
    # what its names alone show is said before a night is spent reading it
    require_none_open(findings_by_name(delivery, params.expected_frames), params.waivers)
    pictures.ask_for_kept_files(work, delivery)
    with Keeping(work) as keeping:
        checked = check_delivery(
            delivery,
            waivers=params.waivers,
            expected_frames=params.expected_frames,
            specification=params.specification,
            fps=Fraction(params.fps),
            progress=lambda done, total, unit: work.progress(done, total, f"{unit} checked"),
            keep=keeping.frame,
            keep_infrared=keeping.infrared,
        )
        tell(work, checked.findings, params.waivers)
        require_none_open(checked.findings, params.waivers)
        delivery = delivery.without_listing()
        taken = pictures.take(work, delivery, checked, Fraction(params.fps), keeping)
        shown = infrared.take(work, delivery, checked, taken, keeping.opacity)
        heard = sound.take(work, checked, keeping)
        keeping.files(checked)

    master = _master(work, taken, heard)
    digests = taken.prove(master)
    heard.prove(master)
    if shown is not None:
        shown.write()
    require_unchanged(checked)
    framemd5.write(work.output("framemd5", "master.framemd5", media_type="text/plain"), digests, taken.format)
    heard.write(work)
    record.write(work, delivery, checked, params, taken, master, shown)
    work.agent(AgentKind.SOFTWARE, "ffmpeg", ffmpeg.version())


def tell(work: StepWork, findings: Sequence[Finding], waivers: Sequence[Waiver]) -> None:
    """Say every finding in the log, what refuses first; warnings and what was waived also stand in the result."""
    let_pass = {finding.id: waiver for finding, waiver in waived(findings, waivers)}
    told = gravest_first(findings)
    for finding in told[:TOLD]:
        if finding.id in let_pass:
            work.warn(f"waived: {finding} Reason: {let_pass[finding.id].reason}")
        elif finding.grade is Grade.WARN:
            work.warn(str(finding))
        else:
            work.note(str(finding))
    if len(told) > TOLD:
        work.warn(f"{len(told) - TOLD} more findings stand in the record of the scan only")


def _require_as_asked(work: StepWork, delivery: Delivery) -> None:
    """The delivery must still be what the worker saw when it asked for this work."""
    from restoration_tasks.media.delivery.delivery import delivery_digest

    asked = work.spec.sources["delivery"].sha256
    found, _frames = delivery_digest(delivery)
    if found != asked:
        raise SourceChanged(
            "the delivery has changed since this work was asked for",
            file=delivery.folder,
            expected=asked,
            found=found,
            action="check that the scanner has finished, then start the run again",
        )


def _master(work: StepWork, taken: Picture, heard: Sound) -> Path:
    """The master: picture, sound, tags and timecode in one file, built as its formats say."""
    from restoration_tasks.media import conformance
    from restoration_tasks.media.master import write_master

    master = work.output("master", "master.mkv", media_type="video/x-matroska")
    write_master(
        taken.parts,
        master,
        sound=heard.parts,
        tags={"TITLE": work.reel_id, **taken.tags},
        timecode=taken.timecode,
        proved_later=True,
        progress=lambda done: work.progress(done, taken.frames, "frames joined"),
    )
    report = conformance.check(master)
    if report.failures:
        raise MediaError(
            f"the master is not built as Matroska and FFV1 say: {report.failures[0]}",
            file=master.name,
            expected="no failed implementation check",
            found=f"{len(report.failures)} failed",
            action="report this as a fault; nothing was taken in",
        )
    if report.tool is None:
        work.note("MediaConch is not installed here: the master's conformance was not checked.")
    else:
        work.agent(AgentKind.SOFTWARE, *report.tool.split(" ", 1))
    work.figure("conformance_checks", report.checks)
    return master


STEP = StepDefinition(name=StepName.INGEST, version="3", run=run)
