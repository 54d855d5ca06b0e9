"""What was delivered, file by file: the record (`scan.json`) that fixity, catalogue and package go back to."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import write_atomic


class ScannedFile(BaseModel):
    """One delivered frame file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Relative to the delivery folder."""
    number: int = Field(ge=0)
    """The scan's own frame number."""
    bytes: int = Field(gt=0)
    md5: str = Field(pattern=r"^[0-9a-f]{32}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ScannedPicture(BaseModel):
    """What all frames have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    width: int
    height: int
    bit_depth: int
    pix_fmt: str
    fps: str
    """Frames a second as a fraction, such as `24000/1001`."""
    transfer: str
    primaries: str


class Scan(BaseModel):
    """A delivery as it was read in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = "reelkeeper.scan/1"
    delivery: str
    """Name of the delivery folder."""
    manifest: str | None
    """Name of the scanner's manifest that every file was checked against; None where there was none."""
    manifest_algorithm: str | None
    picture: ScannedPicture
    header: dict[str, JsonValue] | None
    """First frame's header, where the kind has one worth keeping (DPX)."""
    strays: tuple[str, ...]
    """Files in the delivery that are no frames and were left alone."""
    files: tuple[ScannedFile, ...] = Field(min_length=1)
    """In the order of the reel: place 0 first."""

    def write(self, path: Path) -> None:
        """Write `scan.json`."""
        write_atomic(path, self.model_dump_json(indent=1).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `scan.json`.

        Raises:
            MediaError: it is not one.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise MediaError(
                f"not a record of a scan: {error.errors()[0]['msg']}", file=path, action="ingest the reel again"
            ) from error
