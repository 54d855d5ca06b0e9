"""Frame files of a reel, made from pictures and what the master's side-car keeps of each delivered file's headers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from restoration_tasks import __version__
from restoration_tasks.runtime.errors import MediaError, WrongUse
from restoration_tasks.runtime.files import disk_errors

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.scanned_files import ScannedFile
    from restoration_tasks.media.delivery.sequence import ImageSequence
    from restoration_tasks.media.picture import Frame
    from restoration_tasks.media.stills.rebuild import Remainder
    from restoration_tasks.media.stills.side_car import RemainderReader
    from restoration_tasks.steps.revert.record import Ingested


def require(reel: Ingested) -> None:
    """Refuse a reel whose frame files cannot be made again.

    Raises:
        WrongUse: it was delivered as a video, or as files of a kind that cannot be taken apart.
    """
    own = sum(file.stands_in is None for file in reel.scan.files)
    kept = any(output.name == "headers" for output in reel.ingest.outputs)
    if not own or not kept or len(_headers(reel)) != own:
        raise WrongUse(
            "frame files cannot be made of this reel",
            reel=reel.way.reel_id,
            expected="a delivery of DPX or uncompressed TIFF",
            found=reel.scan.picture.kind if own else "a video",
            action="write one file instead: a name ending in .mkv",
        )


class FrameFiles:
    """Writes frame files under the names the scan's have; one that shows the scan is the delivered file, byte for byte.

    A place where another frame's file stands in gets that file's headers under the name it should have had.
    """

    def __init__(self, reel: Ingested, folder: Path) -> None:
        """Prepare.

        Args:
            reel: whose; `require` has let it pass.
            folder: where the files go; made if needed. Frames of several folders keep their folders below it.
        """
        self._reel, self._folder = reel, folder
        self._headers = _headers(reel)
        self._places: list[int] = []
        files = reel.scan.files
        own = [file.name for file in files if file.stands_in is None]
        self._row = {name: row for row, name in enumerate(own)}
        self._base = os.path.commonpath([PurePosixPath(_name(file)).parent for file in files])

    def write(self, place: int, frame: Frame, treatments: Sequence[str]) -> None:
        """Write a frame.

        A DPX whose picture is not the scan's gets a line in its process history where it has room for one (FADGI,
        Guidelines for Embedded Metadata within DPX File Headers, 2018, section 12.1: a new line for each change).

        Args:
            place: its place in the reel.
            frame: its planes.
            treatments: what the plan does to it.

        Raises:
            MediaError: the side-car is not of this master.
            VaultError: the disk is full.
        """
        from restoration_tasks.media.picture import frame_md5
        from restoration_tasks.media.stills.process_history import HistoryLine, with_line
        from restoration_tasks.media.stills.rebuild import rebuilt
        from restoration_tasks.media.stills.still import StillKind

        remainder, target = self._remainder(place), self._target(place)
        content = rebuilt(remainder, frame)
        if remainder.kind is StillKind.DPX and frame_md5(frame) != self._reel.framemd5[place]:
            depth = self._reel.scan.picture.bit_depth
            line = HistoryLine(bit_depth=f"{depth}-bit", text=f"Reelkeeper {__version__}; {'; '.join(treatments)}")
            with contextlib.suppress(MediaError):
                content = with_line(content, line, name=remainder.name)
        with disk_errors(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        self._places.append(place)

    @cached_property
    def written(self) -> ImageSequence:
        """The files, in the order they were written."""
        from restoration_tasks.media.delivery.sequence import ImageSequence, SequenceFrame
        from restoration_tasks.media.stills.still import StillKind

        frames = []
        for index, place in enumerate(self._places):
            path = self._target(place)
            status = path.stat()
            number = self._reel.scan.number_at(place)
            name = path.relative_to(self._folder).as_posix()
            frames.append(SequenceFrame(index, number, self._folder, name, status.st_size, status.st_mtime_ns))
        return ImageSequence(self._folder, StillKind(self._reel.scan.picture.kind), tuple(frames))

    def _target(self, place: int) -> Path:
        return self._folder / PurePosixPath(_name(self._reel.scan.files[place])).relative_to(self._base)

    def _remainder(self, place: int) -> Remainder:
        name = self._reel.scan.files[place].name
        remainder = self._headers[self._row[name]]
        if remainder.name != name:
            raise MediaError(
                "the header side-car does not belong to this master",
                reel=self._reel.way.reel_id,
                expected=name,
                found=remainder.name,
                action="restore it from a copy of the package",
            )
        return remainder


def _name(file: ScannedFile) -> str:
    """The name of a place's own file, also where another stands in for it."""
    return file.own_name or file.name


def _headers(reel: Ingested) -> RemainderReader:
    from restoration_tasks.media.stills.side_car import RemainderReader

    return RemainderReader(reel.file("headers"))
