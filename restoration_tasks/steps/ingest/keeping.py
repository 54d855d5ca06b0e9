"""What is kept of a delivery beside the master: what its frame files hold beside their samples, and whole files."""

from __future__ import annotations

import contextlib
import io
import tarfile
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from restoration_tasks.media.delivery.frame_reading import storage_error
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.stills.float_coding import FloatCoding
from restoration_tasks.media.stills.rebuild import remainder_of
from restoration_tasks.media.stills.side_car import RemainderWriter
from restoration_tasks.media.stills.still import StillKind

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.records import FileRecord, FrameRecord
    from restoration_tasks.media.picture import Frame
    from restoration_tasks.media.stills.still import StillHeader
    from restoration_tasks.runtime.step import StepWork

HEADERS = "headers.parquet"
DELIVERED = "delivered.tar"
_READ_ONLY = 0o444
_KEPT_WHOLE = frozenset({FileRole.CONTAINER, FileRole.MANIFEST, FileRole.PAPER, FileRole.FRAME})
"""Files the master does not hold: the delivered video, everything written about the scan, frames nothing can read."""


class Keeping:
    """Takes what the one read of each file gives, in order, and writes it away; nothing is held in memory.

    Frame files that can be rebuilt from the master leave only what they hold beside their samples (`headers.parquet`).
    All others are kept as delivered, in one uncompressed tar (`delivered.tar`) without dates or owners.
    """

    def __init__(self, work: StepWork) -> None:
        self._work = work
        self._stack = contextlib.ExitStack()
        self._headers: RemainderWriter | None = None
        self._tar: tarfile.TarFile | None = None
        self._codes: tuple[int, int] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        self._stack.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish the files, or remove what there is of the side-car."""
        self._stack.__exit__(kind, value, traceback)

    @property
    def coding(self) -> FloatCoding | None:
        """The range of the ordered codes seen so far; None where no picture was of floating point."""
        return FloatCoding(*self._codes) if self._codes else None

    def frame(self, record: FrameRecord, raw: bytes, header: StillHeader, frame: Frame) -> None:
        """Take a good frame file."""
        if header.kind is StillKind.EXR:
            low, high = self._codes or (0xFFFF, 0)
            self._codes = (min(low, *(int(p.min()) for p in frame)), max(high, *(int(p.max()) for p in frame)))
        if header.rebuilds:
            self._side_car().write(remainder_of(raw, header, frame, record.name))
        else:
            self._add(record.name, len(raw), io.BytesIO(raw))

    def files(self, checked: CheckedDelivery) -> None:
        """Take the files beside the frames that the master does not hold."""
        for file in checked.files:
            if file.role in _KEPT_WHOLE:
                self.file(file)

    def file(self, record: FileRecord) -> None:
        """Take a whole file.

        Raises:
            SourceChanged: it is not there any more.
            DeliveryError: the storage does not give it.
        """
        try:
            stream = record.path.open("rb")
        except OSError as error:
            raise storage_error(error, record.path.parent, record.name) from error
        with stream:
            self._add(record.name, record.bytes, stream)

    def _side_car(self) -> RemainderWriter:
        if self._headers is None:
            path = self._work.output("headers", HEADERS, media_type="application/vnd.apache.parquet")
            self._headers = self._stack.enter_context(RemainderWriter(path))
        return self._headers

    def _add(self, name: str, size: int, stream: IO[bytes]) -> None:
        if self._tar is None:
            path = self._work.output("delivered", DELIVERED, media_type="application/x-tar")
            self._tar = self._stack.enter_context(tarfile.open(path, "w", format=tarfile.PAX_FORMAT))  # noqa: SIM115
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, _READ_ONLY
        self._tar.addfile(entry, stream)
