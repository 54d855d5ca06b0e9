"""The files of a scan's record, kept small: a reel has tens of thousands, and some steps hold the record all their way.

An object for each took some 1,000 bytes of memory, packed it takes about 100 (measured on 20,000).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from typing import Any, ClassVar, Final, Generic, Literal, Self, TypeVar, overload

from pydantic import ConfigDict, Field, GetCoreSchemaHandler, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, core_schema

from restoration_tasks.media.delivery.findings import SubstituteReason
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.digests import PackedDigests

MD5, SHA256 = r"^[0-9a-f]{32}$", r"^[0-9a-f]{64}$"
BEYOND: Final = 2**63
"""Of a number in a name (15 digits at most) or of bytes: what a column of them cannot hold."""


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ScannedFile:
    """One place of the reel and the delivered frame file whose picture stands there."""

    name: str
    """The file whose picture it is, relative to the delivery."""
    number: int = Field(ge=0, lt=BEYOND)
    """The scan's own frame number; of a missing frame the number it would have."""
    bytes: int = Field(gt=0, lt=BEYOND)
    md5: str = Field(pattern=MD5)
    sha256: str = Field(pattern=SHA256)
    role: Literal[FileRole.FRAME] = FileRole.FRAME
    part: str = ""
    """The folder, where numbers start anew in each part of the reel."""
    stands_in: SubstituteReason | None = None
    """Why the file stands in for the place's own frame; None where it is its own."""
    own_name: str | None = None
    """The name the place's own file has or should have had, where another stands in."""


@dataclass(frozen=True, slots=True, kw_only=True, config=ConfigDict(extra="forbid"))
class ScannedSideFile:
    """One frame of the side sequence that shows dirt."""

    name: str
    """Relative to the delivery."""
    number: int = Field(ge=0, lt=BEYOND)
    place: int = Field(ge=0, lt=BEYOND)
    """Its place in `infrared.mkv`, that of its picture in the reel."""
    bytes: int = Field(gt=0, lt=BEYOND)
    md5: str = Field(pattern=MD5)
    sha256: str = Field(pattern=SHA256)


File = TypeVar("File", ScannedFile, ScannedSideFile)


class PackedFiles(Sequence[File], Generic[File]):
    """Files in order, kept by column; each is made anew wherever it is asked for. It never changes.

    In a model it takes any sequence of files, and is written as one.

    Args:
        files: what it is to hold.
    """

    __slots__ = ("_digests", "_ends", "_names", "_numbers", "_rest", "_rests")
    kind: ClassVar[type[Any]]
    """Of what it holds."""

    def __init__(self, files: Iterable[File] = ()) -> None:
        names = [field.name for field in fields(self.kind)]
        self._names, self._ends = bytearray(), array("Q")
        self._numbers = {name: array("q") for name in ("number", "place", "bytes") if name in names}
        self._digests = {name: PackedDigests() for name in ("md5", "sha256")}
        # what nearly all files have in common: all else that there is of a file
        known: dict[tuple[Any, ...], int] = {}
        others = [name for name in names if name not in {"name", *self._numbers, *self._digests}]
        self._rest = array("L")
        for file in files:
            self._names += file.name.encode()
            self._ends.append(len(self._names))
            for name, column in self._numbers.items():
                column.append(getattr(file, name))
            for name, digests in self._digests.items():
                digests.append(getattr(file, name))
            rest = tuple(getattr(file, name) for name in others)
            self._rest.append(known.setdefault(rest, len(known)))
        self._rests = [dict(zip(others, rest, strict=True)) for rest in known]

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> File: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[File]: ...

    def __getitem__(self, place: int | slice) -> File | Sequence[File]:
        if isinstance(place, slice):
            return [self._file(one) for one in range(*place.indices(len(self)))]
        return self._file(range(len(self))[place])  # refuses what lies beyond, counts from the end below 0

    def __iter__(self) -> Iterator[File]:
        return map(self._file, range(len(self)))

    def _file(self, place: int) -> File:
        begin = self._ends[place - 1] if place else 0
        columns = {**self._numbers, **self._digests}
        made: File = self.kind(
            name=self._names[begin : self._ends[place]].decode(),
            **{name: column[place] for name, column in columns.items()},
            **self._rests[self._rest[place]],
        )
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(one == its for one, its in zip(self, other, strict=True))

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({list(self)!r})"

    @classmethod
    def of_json(cls, items: Iterable[Any]) -> Self:
        """Of the items of a JSON array, checked one by one.

        Raises:
            ValidationError: one of them is no file.
        """
        adapter: TypeAdapter[File] = TypeAdapter(cls.kind)
        return cls(map(adapter.validate_python, items))

    def lines(self) -> Iterator[bytes]:
        """Each file as `model_dump_json(indent=1)` writes it, without what stands between it and the next."""
        adapter: TypeAdapter[File] = TypeAdapter(self.kind)
        return (adapter.dump_json(file, indent=1) for file in self)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        each = handler.generate_schema(cls.kind)
        # a generator's items are validated as they are taken, so that no more than one is there as an object
        taken = core_schema.no_info_after_validator_function(cls, core_schema.generator_schema(each))
        return core_schema.json_or_python_schema(
            taken,
            core_schema.no_info_wrap_validator_function(cls._as_it_is, taken),
            serialization=core_schema.plain_serializer_function_ser_schema(
                tuple, return_schema=core_schema.tuple_variable_schema(each)
            ),
        )

    @classmethod
    def _as_it_is(cls, files: Any, take: core_schema.ValidatorFunctionWrapHandler) -> Any:
        return files if isinstance(files, cls) else take(files)


class FrameFiles(PackedFiles[ScannedFile]):
    """The frames of the reel."""

    __slots__ = ()
    kind = ScannedFile


class SideFiles(PackedFiles[ScannedSideFile]):
    """The frames of the side sequence."""

    __slots__ = ()
    kind = ScannedSideFile
