"""What a sound file holds beside its samples, and the file made again from that and a master's FLAC track."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from restoration_tasks.media.sound import pcm
from restoration_tasks.media.sound.header import MAX_BESIDE_BYTES, SampleCoding, SampleLayout, SoundHeader
from restoration_tasks.media.sound.tracks import samples_of, the_track
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import DeliveryError, MediaError
from restoration_tasks.runtime.files import disk_errors, sha256_file, write_atomic


class SoundRemainder(BaseModel):
    """A delivered sound file without its samples."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")

    format: Literal["reelkeeper.sound/1"] = "reelkeeper.sound/1"
    name: str
    file_bytes: int = Field(gt=0)
    """Length of the whole file."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """Of the whole file."""
    pcm_bytes: int = Field(gt=0)
    pcm_md5: str = Field(pattern=r"^[0-9a-f]{32}$")
    """Of the samples in the common form (see `sound.pcm`)."""
    sample_bytes: int = Field(ge=1, le=3)
    big_endian: bool
    signed: bool
    head: bytes = Field(max_length=MAX_BESIDE_BYTES)
    """Everything before the first sample."""
    tail: bytes = Field(max_length=MAX_BESIDE_BYTES)
    """Everything after the last one."""

    @property
    def layout(self) -> SampleLayout:
        """How the samples lie in the file."""
        return SampleLayout(SampleCoding.INTEGER, self.sample_bytes, self.big_endian, self.signed)

    def write(self, path: Path) -> None:
        """Write it as JSON."""
        write_atomic(path, self.model_dump_json(indent=1).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> SoundRemainder:
        """Read it back.

        Raises:
            MediaError: it is no such file.
        """
        try:
            with disk_errors(path):
                return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise MediaError(
                f"this does not say what a sound file was: {error.errors()[0]['msg']}",
                file=path,
                action="take the file from another copy of the package",
            ) from error


def remainder_of(path: Path, header: SoundHeader, pcm_md5: str) -> SoundRemainder:
    """What a sound file holds beside its samples.

    Args:
        path: the file.
        header: of it; one that FLAC holds (`why_not_flac`).
        pcm_md5: of its samples, as `flac.encode` gives it.

    Raises:
        DeliveryError: it has changed since its header was read.
        VaultError: it cannot be read.
    """
    sha256, length = sha256_file(path)
    if length != header.file_bytes:
        raise DeliveryError(
            "the sound file changed while it was read",
            file=header.name,
            expected=f"{header.file_bytes} bytes",
            found=f"{length} bytes",
            action="check that nothing writes to the delivery, then run again",
        )
    with disk_errors(path), path.open("rb") as stream:
        head = stream.read(header.data_offset)
        stream.seek(header.data_offset + header.pcm_bytes)
        tail = stream.read()
    return SoundRemainder(
        name=header.name,
        file_bytes=length,
        sha256=sha256,
        pcm_bytes=header.pcm_bytes,
        pcm_md5=pcm_md5,
        sample_bytes=header.layout.sample_bytes,
        big_endian=header.layout.big_endian,
        signed=header.layout.signed,
        head=head,
        tail=tail,
    )


def rebuild(remainder: SoundRemainder, master: Path, index: int, out: Path) -> None:
    """Make the delivered file again, byte for byte.

    Args:
        remainder: what it held beside its samples.
        master: the file whose track holds the samples.
        index: of the track, among the sound tracks.
        out: file to write; it takes its name only when it is proved.

    Raises:
        MediaError: the master is damaged or holds other samples.
        WrongUse: there is no such track.
        VaultError: it cannot be written.
    """
    draft = draft_path(out)
    with disk_errors(out):
        try:
            with draft.open("wb") as stream:
                for block in rebuilt_blocks(remainder, master, index):
                    stream.write(block)
            draft.replace(out)
        finally:
            draft.unlink(missing_ok=True)


def require_rebuilds(remainder: SoundRemainder, master: Path, index: int) -> None:
    """Prove that `rebuild` would give the delivered file, without writing it.

    Raises:
        MediaError: it would not.
        WrongUse: there is no such track.
    """
    for _ in rebuilt_blocks(remainder, master, index):
        pass


def rebuilt_blocks(remainder: SoundRemainder, master: Path, index: int) -> Iterator[bytes]:
    """The delivered file's bytes, block by block.

    Raises:
        MediaError: at the end, where they are not exactly those that were delivered; or the master is damaged.
        WrongUse: there is no such track.
    """
    whole = hashlib.sha256(remainder.head)
    yield remainder.head
    for samples in samples_of(master, the_track(master, index)):
        block = pcm.from_canonical(samples, remainder.layout)
        whole.update(block)
        yield block
    whole.update(remainder.tail)
    yield remainder.tail
    if whole.hexdigest() != remainder.sha256:
        raise MediaError(
            f"sound track {index} does not give back the delivered file {remainder.name}",
            file=master,
            expected=remainder.sha256,
            found=whole.hexdigest(),
            action="check the master against its digest; if it is whole, this is another file's track",
        )
