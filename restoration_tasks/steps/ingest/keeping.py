"""What is kept of a delivery beside the master: what its frame files hold beside their samples, and whole files."""

from __future__ import annotations

import contextlib
import io
import tarfile
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

from restoration_tasks.media.delivery.frame_reading import storage_error
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.picture import frame_md5
from restoration_tasks.media.stills.exr import decode_opacity
from restoration_tasks.media.stills.float_coding import FloatCoding
from restoration_tasks.media.stills.rebuild import remainder_of
from restoration_tasks.media.stills.side_car import RemainderWriter
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.runtime.errors import DeliveryError

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.records import FileRecord, FrameRecord
    from restoration_tasks.media.picture import Frame
    from restoration_tasks.media.stills.still import StillHeader
    from restoration_tasks.runtime.step import StepWork

HEADERS = "headers.parquet"
SIDE_HEADERS = "infrared-headers.parquet"
DELIVERED = "delivered.tar"
_READ_ONLY = 0o444
_KEPT_WHOLE = frozenset({FileRole.CONTAINER, FileRole.MANIFEST, FileRole.PAPER, FileRole.FRAME, FileRole.INFRARED})
"""Files the master does not hold: the delivered video, everything written about the scan, frames nothing can read
or that belong to no picture."""


class SeenOpacity:
    """The opacity of EXR frames, which the master does not hold: whether it says anything, and its digests."""

    def __init__(self) -> None:
        self.md5s: dict[str, str] = {}
        """By the names of the frames' files."""
        self._range: tuple[int, int] | None = None
        self._readable = True

    @property
    def says_something(self) -> bool:
        """Whether every frame's can be read, and they are not all one value, as of pictures without holes."""
        return self._readable and self._range is not None and self._range[0] < self._range[1]

    def see(self, record: FrameRecord, raw: bytes, header: StillHeader) -> None:
        """Look at a good frame file."""
        if header.exr is None or not header.exr.has_opacity or not self._readable:
            return
        try:
            (codes,) = decode_opacity(raw, header.exr, record.name)
        except DeliveryError:  # it holds what is no number: nothing that could be used
            self._readable = False
            return
        low, high = self._range or (0xFFFF, 0)
        self._range = (min(low, int(codes.min())), max(high, int(codes.max())))
        self.md5s[record.name] = frame_md5((codes,))


class Keeping:
    """Takes what the one read of each file gives, in order, and writes it away; nothing is held in memory.

    Frame files that can be rebuilt from the master leave only what they hold beside their samples (`headers.parquet`).
    The side sequence's go into a file of their own (`infrared-headers.parquet`).
    All others are kept as delivered, in one uncompressed tar (`delivered.tar`) without dates or owners.
    """

    def __init__(self, work: StepWork) -> None:
        self._work = work
        self._stack = contextlib.ExitStack()
        self._headers: dict[str, RemainderWriter] = {}
        self._tar: tarfile.TarFile | None = None
        self._codes: tuple[int, int] | None = None
        self.opacity = SeenOpacity()

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
            self.opacity.see(record, raw, header)
        self._keep(HEADERS, record, raw, header, frame)

    def infrared(self, record: FrameRecord, raw: bytes, header: StillHeader, frame: Frame) -> None:
        """Take a good frame file of the side sequence."""
        self._keep(SIDE_HEADERS, record, raw, header, frame)

    def _keep(self, headers: str, record: FrameRecord, raw: bytes, header: StillHeader, frame: Frame) -> None:
        if header.rebuilds:
            self._side_car(headers).write(remainder_of(raw, header, frame, record.name))
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

    def _side_car(self, file: str) -> RemainderWriter:
        if file not in self._headers:
            name = file.removesuffix(".parquet").replace("-", "_")
            path = self._work.output(name, file, media_type="application/vnd.apache.parquet")
            self._headers[file] = self._stack.enter_context(RemainderWriter(path))
        return self._headers[file]

    def _add(self, name: str, size: int, stream: IO[bytes]) -> None:
        if self._tar is None:
            path = self._work.output("delivered", DELIVERED, media_type="application/x-tar")
            self._tar = self._stack.enter_context(tarfile.open(path, "w", format=tarfile.PAX_FORMAT))  # noqa: SIM115
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, _READ_ONLY
        self._tar.addfile(entry, stream)
