"""The scanner's inbox: which deliveries are marked as finished, and which reels they hold. Nothing in it is changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from restoration_tasks.media.delivery.listing import READY_SUFFIX
from restoration_tasks.runtime.errors import DeliveryError, ReelkeeperError
from restoration_tasks.runtime.identifiers import reel_id_for


@dataclass(frozen=True)
class WaitingReel:
    """A reel of a delivery that the scanner has marked as finished."""

    reel_id: str
    delivery: Path
    """The reel's own folder: the delivery, or one of the reels in it."""
    marked_ns: int
    """When the mark was made, in nanoseconds since the epoch; tells a second delivery from the first."""

    @property
    def run_id(self) -> str:
        """The same for the same delivery of the same reel, so that it is never started twice."""
        return f"inbox__{self.reel_id}__{self.marked_ns}"


@dataclass(frozen=True)
class Inbox:
    """What is ready to be taken in."""

    waiting: tuple[WaitingReel, ...]
    unfit: tuple[str, ...]
    """One line for each marked delivery that cannot be started, saying why."""


def marks(inbox: Path) -> dict[str, int]:
    """When each finished delivery of an inbox was marked, by folder name; cheap enough to ask every few seconds.

    A mark is `NAME/.ready`, `NAME/anything.ready`, or `NAME.ready` beside the folder.

    Raises:
        DeliveryError: the inbox cannot be read, for example because its storage is not mounted.
    """
    found: dict[str, int] = {}
    try:
        entries = sorted(inbox.iterdir())
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith("."):
                own = [path for path in entry.iterdir() if path.name.endswith(READY_SUFFIX) and path.is_file()]
                beside = entry.with_name(entry.name + READY_SUFFIX)
                times = [path.stat().st_mtime_ns for path in (*own, beside) if path.is_file()]
                if times:
                    found[entry.name] = max(times)
    except OSError as error:
        raise DeliveryError(
            f"the inbox cannot be read: {error.strerror}",
            file=inbox,
            action="check that the storage is mounted and the service user may read it",
        ) from error
    return found


def look(inbox: Path) -> Inbox:
    """The reels of all finished deliveries; several in one delivery are several reels.

    Raises:
        DeliveryError: the inbox cannot be read.
    """
    from restoration_tasks.media.delivery.delivery import reels_in

    waiting: list[WaitingReel] = []
    unfit: list[str] = []
    for name, marked_ns in marks(inbox).items():
        folder = inbox / name
        try:
            reels = reels_in(folder)
        except ReelkeeperError as error:
            unfit.append(str(error))
            continue
        for reel in reels or (None,):
            reel_id = reel_id_for(name) if reel is None else reel_id_for(name, reel)
            if reel_id is None:
                unfit.append(f"delivery {name!r}: no reel id can be made of this name. Next: rename the folder.")
            else:
                waiting.append(WaitingReel(reel_id, folder if reel is None else folder / reel, marked_ns))
    return Inbox(_without_clashes(waiting, unfit), tuple(unfit))


def _without_clashes(waiting: list[WaitingReel], unfit: list[str]) -> tuple[WaitingReel, ...]:
    """Leave out reels whose folders' names come to the same reel id: which one is meant, a person has to say."""
    by_id: dict[str, list[WaitingReel]] = {}
    for reel in waiting:
        by_id.setdefault(reel.reel_id, []).append(reel)
    for reel_id, reels in by_id.items():
        if len(reels) > 1:
            named = ", ".join(repr(reel.delivery.name) for reel in reels)
            unfit.append(f"deliveries {named} all come to the reel id {reel_id!r}. Next: rename all but one.")
    return tuple(reels[0] for reels in by_id.values() if len(reels) == 1)


def is_delivery(folder: Path) -> bool:
    """Whether there is something to look at: a folder, or one reel of the folder above it, told by its files' names."""
    from restoration_tasks.media.delivery.delivery import reels_in

    if folder.is_dir():
        return True
    try:
        return folder.parent.is_dir() and folder.name in reels_in(folder.parent)
    except ReelkeeperError:
        return False


def delivery_of(inbox: Path, reel_id: str) -> Path:
    """The folder of a reel: `inbox/<reel id>`, or the marked delivery whose names come to this reel id."""
    plain = inbox / reel_id
    if plain.is_dir() or not inbox.is_dir():
        return plain
    return next((reel.delivery for reel in look(inbox).waiting if reel.reel_id == reel_id), plain)
