"""Files in, files out: a clip is cut, measured, planned and treated as a reel is, without vault or database."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_tasks import __version__
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.files import disk_errors, write_atomic
from restoration_tasks.runtime.progress import Reporter, StepProgress
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.assessment.engine import Engine
    from restoration_tasks.assessment.figures import FrameFigures
    from restoration_tasks.assessment.gauge import Gauge
    from restoration_tasks.assessment.lines import Line
    from restoration_tasks.media.delivery.sequence import ImageSequence
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.restoration.changes import FrameChange
    from restoration_tasks.restoration.enlargement import EnlargeChoice, Enlargement
    from restoration_tasks.restoration.plan import Plan
    from restoration_tasks.restoration.treatment import Means

COPIES = (".mov", ".mp4")
"""Endings of lossy copies; they are made from the lossless result."""


@dataclass(frozen=True)
class ClipRun:
    """What was done to a clip."""

    plan: Plan
    figures: list[FrameFigures]
    changes: list[FrameChange]
    notes: tuple[str, ...] = ()
    """What somebody should look at, in words."""

    @property
    def frames_changed(self) -> int:
        """Frames with any other code value than before."""
        return sum(change.changed_px > 0 for change in self.changes)


def restore_clip(
    source: Path,
    target: Path,
    *,
    treatments: Sequence[str],
    strength: str = "same",
    engine: str = "network",
    less_grain: int = 0,
    enlarge: EnlargeChoice = "no",
    masks: Path | None = None,
    kinds: bool = False,
    report: Path | None = None,
    progress: Reporter,
) -> ClipRun:
    """Restore a clip, gates on: what measures as clean is not touched.

    Args:
        source: folder of DPX, TIFF or PNG frames, or a video file.
        target: folder (frames keep their names and headers), or a video: `.mkv` (FFV1, lossless), `.mov`
            (ProRes 422 HQ) or `.mp4` (H.264); sound is carried over.
        treatments: names of the treatments that may be used.
        strength: `gentler`, `same` or `stronger`.
        engine: `network` or `classical`: what finds damage, and repairs it.
        less_grain: how much of the grain is to go, 0–100 per cent.
        enlarge: a larger version, which the target then is: a video, as frame files keep the size of their source.
        masks: folder for the damage maps, one PNG a frame (confidence × 255, the most of all kinds).
        kinds: whether each kind gets a folder of its own in there as well.
        report: JSON file for the plan and the figures of every frame.
        progress: where progress goes.

    Raises:
        WrongUse: source and target do not go together, or a treatment is not known.
        DeliveryError: the folder holds no whole sequence.
        MediaError: a frame cannot be decoded.
        ModelError: torch is not there for the networks, or one that is asked for is not installed.
        DecisionNeeded: nobody has accepted the licence of one that is asked for.
    """
    from restoration_tasks.assessment.engine import Engine
    from restoration_tasks.assessment.less_grain import models_asked
    from restoration_tasks.media.join import join
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.pipeline import restore_segment
    from restoration_tasks.restoration.treatment import registry
    from restoration_tasks.steps.clip_larger import enlarge_clip, require_larger

    unknown = [name for name in treatments if name not in registry()]
    if unknown:
        raise WrongUse("there is no such treatment", expected=", ".join(registry()), found=unknown[0])
    if "wires" in treatments:
        raise WrongUse(
            "a stunt wire is taken out only where a person has shown it, and a clip has nobody to ask",
            found="wires",
            action="run the clip as a reel, then `reelkeeper plans wire` with the wire's two ends on a frame",
        )
    opened = _require_pair(source, target)
    larger = require_larger(enlarge, target)
    for name in models_asked(None, less_grain, Engine(engine)):
        Shelf.of().require(name)
    asked, means = _Asked(treatments, strength, Engine(engine), less_grain, larger), _all_processors()
    scratch = Settings().scratch_folder
    scratch.mkdir(parents=True, exist_ok=True)
    with disk_errors(scratch), tempfile.TemporaryDirectory(prefix="clip-", dir=scratch) as name:
        folder = Path(name)
        master, total = _working_copy(opened, folder, progress)
        notes: list[str] = []
        segments, plan, figures = _measure(master, folder, source.name, asked, means, notes, progress)
        changes: list[FrameChange] = []
        for segment in segments:
            tell = _Within("restore", segment, total, progress)
            maps = [_map_path(folder, other) for other in segments if other.shot == segment.shot]
            changes += restore_segment(
                master,
                segment,
                plan.slice_for(segment),
                folder / f"{segment.id}.mkv",
                maps=maps,
                means=means,
                progress=tell,
            )
        restored = folder / "restored.mkv"
        join([folder / f"{segment.id}.mkv" for segment in segments], restored)
        if larger is not None:
            restored = enlarge_clip(
                segments,
                lambda one: folder / f"{one.id}.mkv",
                folder,
                larger,
                lambda one: _Within("enlarge", one, total, progress),
            )
        _deliver(restored, source, target, folder, treatments, larger)
        if masks is not None:
            _write_masks([_map_path(folder, segment) for segment in segments], opened, masks, kinds=kinds)
    run = ClipRun(plan, figures, changes, tuple(dict.fromkeys(notes)))
    if report is not None:
        write_atomic(report, _report(run).encode())
    return run


def _require_pair(source: Path, target: Path) -> Path | ImageSequence:
    """The source, opened; refused before any work if the target cannot be written from it."""
    from restoration_tasks.media.frame_source import as_source, open_source, open_target

    if target.suffix.lower() in COPIES:
        if source.resolve() == target.resolve():
            raise WrongUse("the output would replace the input", file=target, action="name another output")
        open_source(source)
    else:
        open_target(target, source, open_source(source).format)
    return as_source(source)


def _working_copy(source: Path | ImageSequence, folder: Path, progress: Reporter) -> tuple[Path, int]:
    """The clip as FFV1, the same code values, so that any frame can be reached; and how many frames it has."""
    from restoration_tasks.media.delivery import fixity
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.media.writer import FrameWriter

    if not isinstance(source, Path):
        fixity.read_frames(source)  # names the frame that is damaged or unlike the others before any work
    master, reader = folder / "master.mkv", FrameReader(source)
    with FrameWriter(master, reader.format) as writer:
        for done, frame in enumerate(reader, start=1):
            writer.write(frame)
            progress(_at("read", done, done))  # a stream does not say its length
    return master, writer.frames


@dataclass(frozen=True)
class _Asked:
    """What may be done to the clip."""

    treatments: Sequence[str]
    strength: str
    engine: Engine
    less_grain: int
    """Per cent."""
    larger: Enlargement | None


def _all_processors() -> Means:
    """A clip has the machine to itself: as many frames are worked side by side as there are processors."""
    from restoration_tasks.restoration.treatment import Means
    from restoration_tasks.runtime.spec import NumericProfile

    settings = Settings()
    return Means.of(NumericProfile.of(settings), max(settings.threads, os.cpu_count() or 1))


def _measure(
    master: Path, folder: Path, name: str, asked: _Asked, means: Means, notes: list[str], progress: Reporter
) -> tuple[list[Segment], Plan, list[FrameFigures]]:
    from restoration_tasks.assessment.decide import Strength, decide
    from restoration_tasks.assessment.dye_loss import dye_losses
    from restoration_tasks.assessment.fade import FadeGauge
    from restoration_tasks.assessment.grain_level import GrainGauge
    from restoration_tasks.assessment.less_grain import grain_found
    from restoration_tasks.assessment.measure import measure_segment
    from restoration_tasks.assessment.mending import tears_found
    from restoration_tasks.assessment.readings import FrameReadings, lights_of, read_segment, scanned
    from restoration_tasks.assessment.scanner_channel import open_channel
    from restoration_tasks.assessment.shots import find_shots
    from restoration_tasks.assessment.stain import StainGauge
    from restoration_tasks.assessment.steadying import gate_weaves
    from restoration_tasks.assessment.tear import TearGauge
    from restoration_tasks.assessment.text import TextGauge
    from restoration_tasks.assessment.titling import texts_found
    from restoration_tasks.assessment.uneven import UnevenGauge
    from restoration_tasks.assessment.unstaining import stains_found
    from restoration_tasks.assessment.weave import WeaveGauge
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.media.segments import cut_segments
    from restoration_tasks.media.side_channel import AskedChannel, ChannelSource
    from restoration_tasks.models.transnet import TransNet
    from restoration_tasks.restoration.plan import Plan

    reader = FrameReader(master)
    frames = len(reader)
    shots = find_shots(reader, reader.format, TransNet(), lambda done: progress(_at("shots", done, frames)))
    segments = cut_segments([(shot.start, shot.stop) for shot in shots])
    figures: list[FrameFigures] = []
    lines: list[Line] = []
    readings: list[FrameReadings] = []
    by_treatment: dict[str, Gauge[Any]] = {
        "stains": StainGauge(),
        "tears": TearGauge(),
        "stabilise": WeaveGauge(),
        "fade": FadeGauge(),
        "flicker": UnevenGauge(),
    }
    gauges = [gauge for name, gauge in by_treatment.items() if name in asked.treatments]
    gauges += [GrainGauge(), TextGauge()] if asked.less_grain else [TextGauge()]
    fourth = AskedChannel(source=ChannelSource.ALPHA) if reader.format.has_alpha else None
    for segment in segments:
        tell = _Within("assess", segment, frames, progress)
        channel = open_channel(master, None, segment, fourth)
        notes += [channel.warning] if channel.warning else []
        measured = measure_segment(
            master,
            segment,
            _map_path(folder, segment),
            engine=asked.engine,
            means=means,
            channel=channel,
            progress=tell,
        )
        figures += measured.frames
        lines += measured.lines
        readings += read_segment(master, segment, means, gauges)
    scan = scanned(master)
    planned = decide(
        shots,
        figures,
        asked.treatments,
        Strength(asked.strength),
        lines=lines,
        engine=asked.engine,
        losses=dye_losses(shots, readings, scan) if "fade" in asked.treatments else {},
        weaves=gate_weaves(shots, readings, scan),
        grains=grain_found(shots, readings, scan) if asked.less_grain else {},
        less_grain=asked.less_grain / 100,
        lights=lights_of(readings),
        stains=stains_found(shots, readings, scan),
        tears=tears_found(shots, readings, scan),
        texts=texts_found(shots, readings, scan),
    )
    plan = Plan(
        reel_id="clip",
        reason=f"measured on {name[:200]}",
        enlarge=asked.larger,
        shots=tuple(shot for shot, _ in planned),
    )
    return segments, plan, figures


def _map_path(folder: Path, segment: Segment) -> Path:
    return folder / f"{segment.id}.map.mkv"


def _deliver(
    restored: Path,
    source: Path,
    target: Path,
    folder: Path,
    treatments: Sequence[str],
    larger: Enlargement | None,
) -> None:
    """Write the target: frames under the source's names, or a video with the source's sound."""
    from restoration_tasks.media import copies
    from restoration_tasks.media.frame_source import open_target
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.media.stills.process_history import HistoryLine

    make = {".mov": copies.mezzanine, ".mp4": copies.access}.get(target.suffix.lower())
    if target.suffix.lower() != ".mkv" and make is None:
        reader = FrameReader(restored)
        history = HistoryLine(
            bit_depth=f"{reader.format.bit_depth}-bit", text=f"Reelkeeper {__version__}; {'; '.join(treatments)}"
        )
        with open_target(target, source, reader.format, history=history) as sink:
            for frame in reader:
                sink.write(frame)
        return
    picture = restored
    if make is not None:
        make(restored, picture := folder / f"picture{target.suffix.lower()}")
    _with_sound(picture, source, target, larger)


def _with_sound(picture: Path, source: Path, target: Path, larger: Enlargement | None) -> None:
    """The picture under the target's name, with the sound of the source where it has any.

    A larger version says in itself what it is.
    """
    from restoration_tasks.media import ffmpeg
    from restoration_tasks.media.writer import draft_path
    from restoration_tasks.steps.enlarged_master import tags_of

    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_path(target).with_suffix(target.suffix.lower())
    streams = [ffmpeg.graph.input(ffmpeg.file_url(picture))["v"]]
    if not source.is_dir():
        streams.append(ffmpeg.graph.input(ffmpeg.file_url(source))["a?"])
    tags = [f"{name}={text}" for name, text in tags_of(larger).items()] if larger else []
    copied = ffmpeg.graph.output(*streams, ffmpeg.file_url(draft), c="copy", **ffmpeg.BITEXACT)
    try:
        ffmpeg.run(copied, about=target, tags=tags)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _write_masks(maps: Sequence[Path], source: Path | ImageSequence, masks: Path, *, kinds: bool) -> None:
    """One PNG a frame, named as the frame; by position where the source is a video. Each kind apart if asked for."""
    import cv2

    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.models.defects.kinds import Defect
    from restoration_tasks.restoration.damage_map import DamageMap

    with disk_errors(masks):
        for folder in (masks, *(masks / kind for kind in Defect if kinds)):
            folder.mkdir(parents=True, exist_ok=True)
    frames = (DamageMap.from_frame(frame) for path in maps for frame in FrameReader(path))
    for place, found in enumerate(frames):
        name = f"{place:08d}" if isinstance(source, Path) else source.frames[place].path.stem
        planes = {masks: found.any} | {masks / kind: found.plane(kind) for kind in Defect if kinds}
        for folder, plane in planes.items():
            write_atomic(folder / f"{name}.png", cv2.imencode(".png", plane)[1].tobytes())


def _report(run: ClipRun) -> str:
    rows = [
        asdict(figures) | {name: value for name, value in asdict(change).items() if name != "frame"}
        for figures, change in zip(run.figures, run.changes, strict=True)
    ]
    plan = run.plan.model_dump(mode="json")
    content = {"format": "reelkeeper.clip/1", "plan": plan, "notes": run.notes, "frames": rows}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class _Within:
    """Turns the progress of a segment into that of the clip."""

    what: str
    segment: Segment
    total: int
    report: Reporter

    def __call__(self, done: int, _segment_frames: int) -> None:
        self.report(_at(self.what, self.segment.start + done, self.total))


def _at(what: str, done: int, total: int) -> StepProgress:
    return StepProgress(label=what, done=done, total=total, unit="frames")
