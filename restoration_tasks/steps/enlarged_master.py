"""The larger version of a reel in one file, and its access copy; both say in themselves what they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.step import StepWork

if TYPE_CHECKING:
    from collections.abc import Mapping


def make_enlarged(work: StepWork, ids: Sequence[str], asked: Enlargement, master: Path, frames: int) -> None:
    """Join the larger segments, lay the scan's sound beside them, prove and copy.

    Args:
        work: the assemble step at work.
        ids: of the segments, in the order of the reel.
        asked: what the plan asks for.
        master: the preservation master, whose sound is carried.
        frames: how many the scan has.

    Raises:
        MediaError: a segment is damaged, or frames are missing.
    """
    from restoration_tasks.media import copies, framemd5
    from restoration_tasks.media.join import join
    from restoration_tasks.media.master import carry_sound
    from restoration_tasks.media.probe import probe
    from restoration_tasks.runtime.files import link_or_copy

    film, picture, copy = (work.part(f"enlarged{name}") for name in (".mkv", "-picture.mkv", ".mp4"))
    tags = tags_of(asked)
    if not film.exists():
        if not picture.exists():
            join(
                [work.input(f"enlarged/{id_}") for id_ in ids],
                picture,
                progress=lambda done: work.progress(done, frames, "enlarged frames joined"),
            )
        carry_sound(master, picture, film, tags=tags)
        picture.unlink()
    found = framemd5.compute(film, progress=lambda done: work.progress(done, frames, "enlarged frames proved"))
    if len(found) != frames:
        raise MediaError(
            "the larger version has not as many frames as the scan",
            reel=work.reel_id,
            expected=frames,
            found=len(found),
            action="clear the enlarge tasks, then this one",
        )
    if not copy.exists():
        copies.access(
            film,
            copy,
            comment=tags["COMMENT"],
            progress=lambda done: work.progress(done, frames, "frames of the enlarged access copy"),
        )
    large = probe(film).format
    link_or_copy(film, work.output("enlarged_master", "enlarged.mkv", media_type="video/x-matroska"))
    framemd5.write(work.output("enlarged_framemd5", "enlarged.framemd5", media_type="text/plain"), found, large)
    link_or_copy(copy, work.output("enlarged_access", "enlarged.mp4", media_type="video/mp4"))
    work.figure("enlarged", f"{large.width} x {large.height}: {asked.words}")


def tags_of(asked: Enlargement) -> Mapping[str, str]:
    """What the files say of themselves: who sees one without its papers must know what the network added."""
    entry = asked.entry
    return {
        "COMMENT": f"Enlarged from the restoration master, {asked.words}.",
        "EFFECT": entry.effect.value.upper() if asked.generative else entry.effect.value,
        "MODEL": "; ".join(f"{name} sha256 {sha256}" for name, sha256 in asked.models.items()),
    }
