"""Real film through the product: a folder of frames, its shots found, measured, decided and repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import real_labels
from benchmarks.engines import Restored, assess, repair, result
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.assessment.shots import find_shots
from restoration_tasks.media.delivery.sequence import ImageSequence
from restoration_tasks.media.frame_source import as_source
from restoration_tasks.media.picture import Work
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.models.transnet import TransNet
from restoration_tasks.runtime.errors import WrongUse


@dataclass(frozen=True)
class RestoredRun:
    """A run of real film, before and after."""

    names: list[str]
    """Of the frames' files, without suffix."""
    frames: list[Work]
    """As they were, `(C, H, W)` codes."""
    full: int
    """The largest code."""
    shots: Sequence[tuple[int, int]]
    restored: Restored


def restored_run(run: str, engine: Engine, folder: Path) -> RestoredRun:
    """Restore one run of the real film.

    Args:
        run: its name.
        engine: which engine.
        folder: an empty folder to work in.

    Raises:
        WrongUse: the film is not at hand.
        DeliveryError: its folder holds no whole sequence.
    """
    film = real_labels.film_folder(run)
    if film is None:
        raise WrongUse("the real film is not at hand", reel=run, action="set REELKEEPER_REAL_FILM to its folder")
    source = as_source(film)
    assert isinstance(source, ImageSequence)
    reader, master = FrameReader(source), folder / "master.mkv"
    frames, network = [], TransNet()
    with FrameWriter(master, reader.format) as writer:
        for frame in reader:
            writer.write(frame)
            frames.append(frame)
    shots = [(shot.start, shot.stop) for shot in find_shots(frames, reader.format, network)]
    plan = assess(master, shots, engine, folder)
    repair(master, shots, plan, folder)
    return RestoredRun(
        [frame.path.stem for frame in source.frames],
        [reader.format.to_work(frame) for frame in frames],
        reader.format.max_code,
        shots,
        result(master, shots, plan, folder, {}),
    )
