"""`reelkeeper delivery FOLDER`: what a scanner's folder holds and what is wrong with it; nothing is written."""

from __future__ import annotations

import json
import sys
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from restoration_tasks.runtime.errors import ExitCode, WrongUse

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.delivery import Delivery
    from restoration_tasks.media.delivery.findings import Finding

LABEL = "delivery"


def register(app: typer.Typer) -> None:
    """Add the command of this file."""
    app.command()(delivery)


def delivery(
    folder: Annotated[Path, typer.Argument(help="The scanner's folder.")],
    reel: Annotated[str | None, typer.Option(help="One reel of a delivery that holds several.")] = None,
    names_only: Annotated[
        bool, typer.Option("--names-only", help="Look at names, sizes and the manifest; read no file.")
    ] = False,
    fps: Annotated[str, typer.Option(help="Frames per second where the scan's headers do not say.")] = "24",
    expected_frames: Annotated[int | None, typer.Option(min=1, help="How many frames the reel has.")] = None,
    specification: Annotated[str | None, typer.Option(help="What the scan was ordered as, such as 35mm-4k.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a reel, for programs.")] = False,
) -> None:
    """Check a delivery as ingest would, and say all that is wrong (exit code 1 if it would be refused)."""
    from restoration_tasks.media.delivery.delivery import find_delivery, reels_in
    from restoration_tasks.media.delivery.fixity import findings_by_name
    from restoration_tasks.media.frame_rate import frame_rate

    try:
        rate = frame_rate(fps)
    except ValueError as error:
        raise WrongUse(str(error), action="say --fps 24 or --fps 24000/1001") from error
    refused = False
    for name in [reel] if reel else reels_in(folder) or (None,):
        found = find_delivery(folder, name)
        findings = (
            findings_by_name(found, expected_frames)
            if names_only
            else _read(found, rate, expected_frames, specification)
        )
        refused |= any(finding.grade == "fail" for finding in findings)
        if as_json:
            typer.echo(json.dumps(_as_json(found, findings), ensure_ascii=False))
        else:
            _say(found, findings)
    if refused:
        raise typer.Exit(ExitCode.FAILED)


def _read(
    found: Delivery, fps: Fraction, expected_frames: int | None, specification: str | None
) -> tuple[Finding, ...]:
    from contextlib import ExitStack

    from restoration_tasks.media.delivery.fixity import check_delivery
    from restoration_tasks.runtime.progress import Bars, StepProgress

    with ExitStack() as stack:
        bars = stack.enter_context(Bars()) if sys.stdout.isatty() else None

        def progress(done: int, total: int, unit: str) -> None:
            if bars:
                bars(StepProgress(label=LABEL, done=done, total=total, unit=unit))

        return check_delivery(
            found, expected_frames=expected_frames, specification=specification, fps=fps, progress=progress
        ).findings


def _content(found: Delivery) -> str:
    if found.sequence is not None:
        frames = found.sequence.frames
        what = f"{len(frames)} {found.sequence.kind} frames, numbers {frames[0].number} to {frames[-1].number}"
    else:
        what = f"the video {found.container.name}" if found.container else "nothing to restore"
    sound = f", {len(found.sound)} sound files" if found.sound else ""
    sound += f", {len(found.infrared.sequence)} infrared frames" if found.infrared else ""
    manifest = f"manifest {found.manifest.path.name}" if found.manifest else "no manifest"
    return f"{what}{sound}; {manifest}; {'marked as finished' if found.marked else 'no completion mark'}"


def _say(found: Delivery, findings: tuple[Finding, ...]) -> None:
    from restoration_tasks.media.delivery.findings import Grade, by_grade, gravest_first

    typer.echo(f"{found.reel or found.folder.name}: {_content(found)}")
    for finding in gravest_first(findings):
        typer.echo(f"  {finding}")
        if finding.grade is Grade.FAIL and finding.rule.waivable:
            typer.echo(f"        a person can let it pass as {finding.id!r}")
    counts = ", ".join(f"{len(by_grade(findings, grade))} {grade}" for grade in Grade if by_grade(findings, grade))
    typer.echo(f"  findings: {counts or 'none'}")


def _as_json(found: Delivery, findings: tuple[Finding, ...]) -> dict[str, Any]:
    from restoration_tasks.media.delivery.scan import ScanFinding

    return {
        "reel": found.reel,
        "folder": str(found.folder),
        "frames": len(found.sequence) if found.sequence else None,
        "video": found.container.name if found.container else None,
        "infrared": len(found.infrared.sequence) if found.infrared else None,
        "sound": [path.name for path in found.sound],
        "manifest": found.manifest.path.name if found.manifest else None,
        "marked": found.marked,
        "findings": [
            ScanFinding.of(finding).model_dump(mode="json") | {"id": finding.id, "action": finding.action}
            for finding in findings
        ],
    }
