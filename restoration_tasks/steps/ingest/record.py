"""What ingest writes down: the record of the scan, technical metadata, and the figures of the catalogue's columns."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from restoration_tasks.media.delivery.findings import Grade, by_grade
from restoration_tasks.runtime.errors import DeliveryError
from restoration_tasks.runtime.files import write_atomic

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.delivery import Delivery
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.records import FrameRecord
    from restoration_tasks.runtime.step import StepWork
    from restoration_tasks.steps.ingest import IngestParams
    from restoration_tasks.steps.ingest.infrared import Infrared
    from restoration_tasks.steps.ingest.picture import Picture

TECHNICAL = "technical.json"


def write(
    work: StepWork,
    delivery: Delivery,
    checked: CheckedDelivery,
    params: IngestParams,
    taken: Picture,
    master: Path,
    shown: Infrared | None = None,
) -> None:
    """Write `scan.json` and `technical.json`, and report the figures."""
    from restoration_tasks.media.delivery.specification import specification_named
    from restoration_tasks.media.technical import columns, technical_record
    from restoration_tasks.steps.ingest import infrared

    technical = {"master": technical_record(master)}
    technical |= {path.name: technical_record(path) for path in (delivery.container, *delivery.sound) if path}
    write_atomic(
        work.output("technical", TECHNICAL, media_type="application/json"),
        json.dumps(technical, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n",
    )
    scan(work, delivery, checked, params, taken, shown)
    ordered = specification_named(params.specification).infrared if params.specification else None
    found = columns(technical["master"])
    header = checked.records[0].header.dpx if checked.records else None
    figures: dict[str, JsonValue] = {
        "kind": taken.kind,
        "frames": taken.frames,
        "width": taken.format.width,
        "height": taken.format.height,
        "fps": str(taken.format.fps),
        "duration_s": round(float(taken.frames / taken.format.fps), 3),
        "bit_depth": taken.format.bit_depth,
        "pix_fmt": taken.format.pix_fmt,
        "transfer": taken.format.transfer,
        "primaries": taken.format.primaries,
        "scanner": header.input_device if header else None,
        "creator": header.creator if header else None,
        "project": header.project if header else None,
        "sound_tracks": found.sound_tracks,
        "sound_channels": found.sound_channels,
        "sound_rate_hz": found.sound_rate_hz,
        "sound_bits": found.sound_bit_depth,
        "master_format": " ".join(
            str(part).removeprefix("Version ")
            for part in (found.container, found.container_version, found.video_codec, found.video_codec_version)
            if part
        ),
        "master_bytes": master.stat().st_size,
        "substituted_frames": sum(1 for record in checked.records if record.frame.stands_in),
        "warnings": len(by_grade(checked.findings, Grade.WARN)),
        **infrared.figures(shown, checked, taken, ordered),
    }
    for name, value in figures.items():
        if value is not None:
            work.figure(name, value)


def scan(
    work: StepWork,
    delivery: Delivery,
    checked: CheckedDelivery,
    params: IngestParams,
    taken: Picture,
    shown: Infrared | None = None,
) -> None:
    """Write `scan.json`."""
    from restoration_tasks.media.delivery.scan import ScannedPicture, scan_of
    from restoration_tasks.steps.ingest import infrared

    fmt = taken.format
    first = checked.records[0].header if checked.records else None
    header: dict[str, JsonValue] | None = None
    if first is not None and first.dpx is not None:
        header = {name: value for name, value in dataclasses.asdict(first.dpx).items() if value is not None}
        if history := _process_history(checked.records[0]):
            header["process_history"] = history
    scan_of(
        delivery,
        checked,
        ScannedPicture(
            kind=taken.kind,
            width=fmt.width,
            height=fmt.height,
            bit_depth=fmt.bit_depth,
            pix_fmt=fmt.pix_fmt,
            fps=str(fmt.fps),
            transfer=fmt.transfer,
            primaries=fmt.primaries,
        ),
        header=header,
        waivers=params.waivers,
        expected_frames=params.expected_frames,
        specification=params.specification,
        container_frames=None if checked.records else taken.frames,
        infrared=infrared.scanned(shown, checked),
    ).write(work.output("scan", "scan.json", media_type="application/json"))


def _process_history(record: FrameRecord) -> list[JsonValue]:
    """The lines of the first frame's process history, as FADGI writes it; one that cannot be read is kept unread."""
    from restoration_tasks.media.stills.process_history import history_of
    from restoration_tasks.media.stills.still import parse_still

    raw = record.frame.path.read_bytes()
    header = parse_still(raw, record.name).dpx
    if header is None:
        return []
    try:
        return [str(line) for line in history_of(raw, header)]
    except DeliveryError as error:
        return [f"not readable: {error.message}"]
