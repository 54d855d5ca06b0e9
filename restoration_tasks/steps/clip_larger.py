"""The larger version of a clip: asked for, made of the restored segments, and marked for what it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.media.segments import Segment
    from restoration_tasks.restoration.enlarge_segment import Progress
    from restoration_tasks.restoration.enlargement import EnlargeChoice, Enlargement

VIDEOS = (".mkv", ".mov", ".mp4")
"""Endings of what a larger version is written as."""


def require_larger(choice: EnlargeChoice, target: Path) -> Enlargement | None:
    """What is to be enlarged and how; None for `no`.

    Raises:
        WrongUse: it cannot be written as what the target is.
        ModelError: the network is not installed, or has other bytes than are pinned.
        DecisionNeeded: nobody has accepted its licence.
    """
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.enlargement import Enlargement

    asked = Enlargement.of(choice)
    if asked is None:
        return None
    if target.suffix.lower() not in VIDEOS:
        raise WrongUse(
            "a larger version is written as a video: frame files keep the size and headers of their source",
            file=target,
            expected="a name ending in .mkv (lossless), .mov or .mp4",
            found=target.name,
            action="name the output accordingly",
        )
    Shelf.of().require(asked.network)
    return asked


def enlarge_clip(
    segments: Sequence[Segment],
    restored: Callable[[Segment], Path],
    folder: Path,
    asked: Enlargement,
    progress: Callable[[Segment], Progress],
) -> Path:
    """The larger version of the restored segments, joined.

    Args:
        segments: of the clip, in order.
        restored: where the file of a restored segment lies.
        folder: scratch folder.
        asked: what is enlarged and how.
        progress: gives what is told of a segment.

    Raises:
        ModelError: memory does not suffice, or a frame cannot be brought back to the restored one.
    """
    from restoration_tasks.media.join import join
    from restoration_tasks.media.reader import probe_format
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.enlarge_segment import Part, enlarge_segment, ready
    from restoration_tasks.runtime.spec import NumericProfile

    settings = Settings()
    files = Shelf.of(settings).require(asked.network)
    picture = probe_format(restored(segments[0]))
    enlarger = ready(asked, files, NumericProfile.of(settings), picture.width, picture.height, settings.memory_share)
    made = []
    for segment in segments:
        parts = [Part(one, restored(one)) for one in segments if one.shot == segment.shot]
        kept = folder / f"{segment.id}-enlarged"
        kept.mkdir()
        made.append(folder / f"{segment.id}-enlarged.mkv")
        enlarge_segment(parts, segment, enlarger, kept.joinpath, made[-1], progress=progress(segment))
    larger = folder / "enlarged.mkv"
    join(made, larger)
    return larger
