"""Decode and encode frame files in memory with OpenImageIO, which itself reads and writes files only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.stills.errors import damaged
from restoration_tasks.runtime.errors import DeliveryError, MediaError


class Plugin(StrEnum):
    """OpenImageIO's names of the formats it is used for."""

    TIFF = "tiff"
    EXR = "openexr"


class SampleType(StrEnum):
    """Numeric types asked of OpenImageIO, by its own names; each is the file's own, so nothing is converted."""

    UINT8 = "uint8"
    UINT16 = "uint16"
    HALF = "half"
    FLOAT = "float"


class Decoded(NamedTuple):
    """A picture with what OpenImageIO knows of its file."""

    samples: npt.NDArray[Any]
    """`(height, width, channels)`, R, G, B, A or Y."""
    spec: Any
    """An OpenImageIO `ImageSpec`."""


@contextmanager
def _memory_file(raw: bytes | memoryview = b"") -> Iterator[int]:
    """Descriptor of an anonymous file in memory (Linux), which has a path as long as it is open."""
    descriptor = os.memfd_create("reelkeeper-frame", os.MFD_CLOEXEC)
    try:
        rest = memoryview(raw)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        yield descriptor
    finally:
        os.close(descriptor)


def _path(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def read_samples(raw: bytes | memoryview, name: str, plugin: Plugin, kind: SampleType) -> Decoded:
    """The first picture of a file.

    Args:
        raw: the whole file.
        name: file name for messages.
        plugin: the format it must be of.
        kind: type of its samples.

    Raises:
        DeliveryError: the picture cannot be decoded.
    """
    import OpenImageIO

    wish = OpenImageIO.ImageSpec()
    # Else colours would be multiplied by opacity, and codes would not be the file's.
    wish.attribute("oiio:UnassociatedAlpha", 1)
    with _memory_file(raw) as descriptor:
        image = OpenImageIO.ImageInput.open(_path(descriptor), wish)
        if image is None:
            raise _undecodable(name, _complaint(OpenImageIO))
        try:
            samples = image.read_image(OpenImageIO.TypeDesc(kind.value))
            # Some faults of a strip are only said, and zeros stand in the picture for it.
            said = _complaint(image)
            if samples is None or said or image.format_name() != plugin:
                raise _undecodable(name, said)
            return Decoded(samples, image.spec())
        finally:
            image.close()


def _complaint(speaker: Any) -> str:
    """What OpenImageIO or one of its readers says of its last failure, in one line; empty where there was none."""
    try:
        said = str(speaker.geterror())
    except UnicodeDecodeError as error:
        # It quotes the file's own text, which in a damaged file is any bytes.
        said = error.object.decode("ascii", "replace")
    return " ".join(said.split())


def _undecodable(name: str, said: str) -> DeliveryError:
    return damaged(name, f"the picture cannot be decoded: {said or 'it gave no reason'}")


def write_samples(samples: npt.NDArray[Any], spec: Any, name: str, plugin: Plugin) -> bytes:
    """A file with these samples and the attributes of `spec`.

    Args:
        samples: `(height, width, channels)`.
        spec: an OpenImageIO `ImageSpec` of that size and the type of the samples.
        name: file name for messages.
        plugin: the format to write.

    Raises:
        MediaError: it cannot be written so.
    """
    import OpenImageIO

    image = OpenImageIO.ImageOutput.create(plugin.value)
    with _memory_file() as descriptor:
        done = (
            image is not None
            and image.open(_path(descriptor), spec)
            and image.write_image(np.ascontiguousarray(samples))
            and image.close()
        )
        if not done:
            said = _complaint(OpenImageIO if image is None else image)
            raise MediaError(f"the frame cannot be written: {said}", file=name, action="choose another kind of output")
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, size, 0)
