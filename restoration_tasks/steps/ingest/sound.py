"""The sound of a delivery: as FLAC tracks of the master where FLAC holds it exactly, else kept as delivered."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.sound.rebuild import SoundRemainder
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from restoration_tasks.runtime.files import write_atomic

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.records import FileRecord
    from restoration_tasks.runtime.step import StepWork
    from restoration_tasks.steps.ingest.keeping import Keeping

SOUND_HEADERS = "sound-headers.jsonl"


class SoundHeaders(BaseModel):
    """What a delivered sound file held beside its samples: one line of `sound-headers.jsonl`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    """Relative to the delivery."""
    track: int
    """The master's sound track that holds the samples, from 0."""
    headers: SoundRemainder


@dataclass(frozen=True)
class SoundPart:
    """One FLAC track of the master."""

    file: str
    """The delivered file, relative to the delivery."""
    path: Path
    md5: str
    """Of its samples, as `sound.tracks.track_md5` gives it."""
    remainder: SoundRemainder | None
    """What the sound file held beside its samples; None for a track of the delivered video, which is kept whole."""


@dataclass(frozen=True)
class Sound:
    """The sound that goes into the master."""

    tracks: tuple[SoundPart, ...] = ()

    @property
    def parts(self) -> tuple[Path, ...]:
        """FLAC files, one a track."""
        return tuple(track.path for track in self.tracks)

    def prove(self, master: Path) -> None:
        """Every delivered sound file can be made again from the master, and every track holds its samples.

        Raises:
            MediaError: it cannot.
        """
        from restoration_tasks.media.sound.rebuild import require_rebuilds
        from restoration_tasks.media.sound.tracks import track_md5

        for index, track in enumerate(self.tracks):
            if track.remainder is not None:
                require_rebuilds(track.remainder, master, index)
            elif (found := track_md5(master, index)) != track.md5:
                raise MediaError(
                    f"sound track {index + 1} of the master does not hold the samples of the delivered video",
                    file=track.file,
                    expected=track.md5,
                    found=found,
                    action="clear the task to make the master again; if it fails twice, check the disk and memory",
                )

    def write(self, work: StepWork) -> None:
        """Write what the sound files hold beside their samples, where there are any."""
        kept = [
            SoundHeaders(file=track.file, track=index, headers=track.remainder)
            for index, track in enumerate(self.tracks)
            if track.remainder is not None
        ]
        if kept:
            path = work.output("sound_headers", SOUND_HEADERS, media_type="application/jsonl")
            write_atomic(path, "".join(f"{one.model_dump_json()}\n" for one in kept).encode())


def take(work: StepWork, checked: CheckedDelivery, keeping: Keeping) -> Sound:
    """Encode the sound beside the frames, and inside a delivered video.

    Raises:
        SourceChanged: a file vanished or changed.
        MediaError: ffmpeg failed, or the FLAC does not hold exactly the samples.
    """
    tracks: list[SoundPart] = []
    for file in checked.files:
        if file.role is FileRole.SOUND:
            track = _of_file(work, file, len(tracks))
            if track is None:
                keeping.file(file)
            else:
                tracks.append(track)
        elif file.role is FileRole.CONTAINER and checked.sequence is None:
            tracks += _of_container(work, file, len(tracks))
    return Sound(tuple(tracks))


def _of_file(work: StepWork, file: FileRecord, index: int) -> SoundPart | None:
    from restoration_tasks.media.sound import flac
    from restoration_tasks.media.sound.header import why_not_flac
    from restoration_tasks.media.sound.read import read_sound
    from restoration_tasks.media.sound.rebuild import remainder_of

    try:
        header = read_sound(file.path)
    except DeliveryError as error:
        # it was found damaged, and waived: what there is of it is kept as it is
        work.warn(f"{file.name} is kept as delivered and is no track of the master: {error.message}")
        return None
    if reason := why_not_flac(header):
        work.warn(f"{file.name} is kept as delivered and is no track of the master: {reason}")
        return None
    part = work.part(f"sound-{index}.mka")
    md5 = flac.encode(
        file.path,
        header,
        part,
        progress=lambda done: work.progress(done, header.samples, f"samples of {file.path.name}"),
    )
    return SoundPart(file.name, part, md5, remainder_of(file.path, header, md5))


def _of_container(work: StepWork, file: FileRecord, first: int) -> list[SoundPart]:
    from restoration_tasks.media.sound import flac
    from restoration_tasks.media.sound.tracks import sound_tracks

    found: list[SoundPart] = []
    for track in sound_tracks(file.path):
        if reason := flac.why_not_flac_track(track):
            work.warn(f"sound track {track.index + 1} of {file.name} stays in the delivered file only: {reason}")
            continue
        part = work.part(f"sound-{first + len(found)}.mka")
        found.append(SoundPart(file.name, part, flac.encode_track(file.path, track, part), None))
    return found
