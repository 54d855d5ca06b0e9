"""The header side-car of a master: one Parquet file with what each delivered frame file holds beside its samples."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from restoration_tasks.media.stills.rebuild import Remainder
from restoration_tasks.media.stills.still import StillKind
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import disk_errors

_FRAMES = 256
"""Frames of a row group: what is read to get at one of them."""
_GROUP_BYTES = 32 << 20
"""A group is also closed at this size, so that frames full of garbage do not pile up in memory."""
_COLUMNS = ("name", "kind", "picture_bytes", "head", "tail", "padding")


def _schema() -> Any:
    import pyarrow

    kinds = (pyarrow.string(), pyarrow.string(), pyarrow.int64(), *3 * (pyarrow.binary(),))
    return pyarrow.schema([pyarrow.field(*pair, nullable=False) for pair in zip(_COLUMNS, kinds, strict=True)])


class RemainderWriter:
    """Writes a side-car frame by frame. It takes its name when the block ends well; else nothing is left.

    The same remainders give the same bytes.
    """

    def __init__(self, path: Path) -> None:
        """Prepare.

        Args:
            path: file to write.
        """
        self.path = path
        self.frames = 0
        self._draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
        self._held: list[Remainder] = []
        self._held_bytes = 0

    def __enter__(self) -> Self:
        """Open the file."""
        from pyarrow import parquet

        with disk_errors(self.path):
            # Heads differ in a counter or two: one page a group lets zstd see all of them at once.
            self._file = parquet.ParquetWriter(
                self._draft,
                _schema(),
                compression="zstd",
                compression_level=9,
                use_dictionary=False,
                write_statistics=False,
                data_page_size=_GROUP_BYTES,
            )
        return self

    def write(self, remainder: Remainder) -> None:
        """Add the next frame's."""
        self._held.append(remainder)
        self._held_bytes += len(remainder.head) + len(remainder.tail) + len(remainder.padding)
        self.frames += 1
        if len(self._held) == _FRAMES or self._held_bytes >= _GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        import pyarrow

        if not self._held:
            return
        columns = [[getattr(one, name) for one in self._held] for name in _COLUMNS]
        columns[1] = [one.kind.value for one in self._held]
        with disk_errors(self.path):
            self._file.write_table(pyarrow.table(columns, schema=_schema()))
        self._held, self._held_bytes = [], 0

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Finish the file, or remove what there is of it."""
        try:
            if kind is None:
                self._flush()
            with disk_errors(self.path):
                self._file.close()
                if kind is None:
                    self._draft.replace(self.path)
        finally:
            self._draft.unlink(missing_ok=True)


class RemainderReader:
    """Reads a side-car by the frame's place; one group of frames is in memory at a time."""

    def __init__(self, path: Path) -> None:
        """Open a side-car.

        Args:
            path: what a `RemainderWriter` wrote.

        Raises:
            MediaError: it is not one.
        """
        import pyarrow
        from pyarrow import parquet

        self.path = path
        try:
            self._file = parquet.ParquetFile(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise self._refuse(str(error)) from error
        if not self._file.schema_arrow.equals(_schema()):
            raise self._refuse("it has other columns")
        ends, total = [], 0
        for group in range(self._file.num_row_groups):
            total += self._file.metadata.row_group(group).num_rows
            ends.append(total)
        self._ends = ends
        self._group = -1
        self._rows: list[dict[str, Any]] = []

    def __len__(self) -> int:
        """Frames."""
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, place: int) -> Remainder:
        """The remainder of a frame by its place, from 0.

        Raises:
            IndexError: there is no such place.
            MediaError: the side-car is damaged there.
        """
        import bisect

        import pyarrow

        if not 0 <= place < len(self):
            raise IndexError(place)
        group = bisect.bisect_right(self._ends, place)
        if group != self._group:
            try:
                self._rows = self._file.read_row_group(group).to_pylist()
            except (OSError, pyarrow.ArrowException) as error:
                raise self._refuse(str(error)) from error
            self._group = group
        row = self._rows[place - (self._ends[group - 1] if group else 0)]
        return Remainder(**(row | {"kind": StillKind(row["kind"])}))

    def _refuse(self, why: str) -> MediaError:
        return MediaError(
            f"the header side-car of the master cannot be read: {' '.join(why.split())}",
            file=self.path,
            action="fetch it again from another copy of the package",
        )
