"""What was delivered, file by file: the record (`scan.json`) that fixity, catalogue and package go back to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule, Waiver
from restoration_tasks.media.delivery.listing import FileRole
from restoration_tasks.media.delivery.scanned_files import MD5, SHA256, FrameFiles, ScannedFile, SideFiles
from restoration_tasks.media.delivery.side_names import SideWord
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import atomic_file
from restoration_tasks.runtime.long_json import read_object

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.delivery import Delivery
    from restoration_tasks.media.delivery.fixity import CheckedDelivery
    from restoration_tasks.media.delivery.records import FrameRecord


class OtherFile(BaseModel):
    """A delivered file that is no frame of the reel, or a frame that could not be used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Relative to the delivery."""
    role: FileRole
    bytes: int = Field(ge=0)
    md5: str = Field(pattern=MD5)
    sha256: str = Field(pattern=SHA256)


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


class ScannedInfrared(BaseModel):
    """The side sequence that shows dirt, by infrared light or as a matte, as it was read in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    pix_fmt: str
    bit_depth: int
    word: SideWord
    """What its name says of it."""
    files: SideFiles
    """In the order of the reel."""
    absent: tuple[int, ...] = ()
    """Places of the reel without a side frame of their own; what stands there in `infrared.mkv` is never used."""


class ScanFinding(BaseModel):
    """One thing that was found about the delivery; see `findings.Finding`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    grade: Grade
    rule: Rule
    message: str
    file: str | None = None
    frame: int | None = None
    last_frame: int | None = None
    part: str = ""
    count: int = 1
    expected: str | None = None
    found: str | None = None

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The finding as it is recorded."""
        return cls.model_validate(finding, from_attributes=True)


class Scan(BaseModel):
    """A delivery as it was read in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["reelkeeper.scan/1", "reelkeeper.scan/2"] = "reelkeeper.scan/2"
    """Version 1 had frames only; what it lacks has its neutral value here."""
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
    files: FrameFiles
    """Frames in the order of the reel: place 0 first. Empty for a delivered video."""
    reel: str | None = None
    """Name of the reel in a delivery of several."""
    container: str | None = None
    """The delivered video, where there are no frames."""
    container_frames: int | None = Field(default=None, ge=1)
    """Frames of that video."""
    sound: tuple[str, ...] = ()
    """Delivered sound files."""
    others: tuple[OtherFile, ...] = ()
    """Every other file that was read: sound, video, papers, frames that cannot be used."""
    findings: tuple[ScanFinding, ...] = ()
    infrared: ScannedInfrared | None = None
    """Frames that show dirt, delivered beside those of the picture."""
    waivers: tuple[Waiver, ...] = ()
    """What a person answered for, each with the reason. Who that was is in the catalogue."""
    expected_frames: int | None = Field(default=None, ge=1)
    """Frames of the reel by the catalogue."""
    specification: str | None = None
    """Name and version of the scan specification it was checked against."""

    @model_validator(mode="after")
    def _has_pictures(self) -> Self:
        if not self.files and (self.container is None or self.container_frames is None):
            raise ValueError("a scan has frames, or a video whose frames are counted")
        return self

    @property
    def frames(self) -> int:
        """Frames of the reel."""
        return len(self.files) or self.container_frames or 0

    @property
    def delivered(self) -> dict[str, str]:
        """sha256 of each delivered file of picture and sound by its name; what must still be as it was read in."""
        scan = (FileRole.FRAME, FileRole.SOUND, FileRole.CONTAINER, FileRole.INFRARED)
        sums = {file.name: file.sha256 for file in self.files}
        sums |= {file.name: file.sha256 for file in self.infrared.files} if self.infrared else {}
        return sums | {file.name: file.sha256 for file in self.others if file.role in scan}

    def number_at(self, place: int) -> int:
        """The scan's own number of a frame; in a delivered video its place."""
        return self.files[place].number if self.files else place

    def root_of(self, folder: Path) -> Path:
        """The folder that the names of the record are relative to, from that of the reel, which may lie below it."""
        return next((path for path in (folder, *folder.parents) if path.name == self.delivery), folder)

    def write(self, path: Path) -> None:
        """Write `scan.json`: what `model_dump_json(indent=1)` gives, file by file, as a reel has tens of thousands."""
        place = b'\n "files": [],'
        bare = self.model_copy(update={"files": FrameFiles()})
        before, _, after = bare.__pydantic_serializer__.to_json(bare, indent=1).partition(place)
        with atomic_file(path) as out:
            out.write(before + place[:-2])
            for number, line in enumerate(self.files.lines()):
                out.write((b",\n  " if number else b"\n  ") + line.replace(b"\n", b"\n  "))
            out.write((b"\n ]," if self.files else b"],") + after + b"\n")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read `scan.json`.

        Raises:
            MediaError: it is not one.
        """
        try:
            return cls.parse(path.read_bytes())
        except ValidationError as error:
            raise _refused(error.errors()[0]["msg"], path) from error
        except ValueError as error:
            raise _refused(str(error), path) from error

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Take the content of `scan.json`, file by file.

        Raises:
            ValueError: it is not one; where it is JSON, a `ValidationError`.
        """
        return cls.model_validate(read_object(content.decode(), {"files": FrameFiles.of_json}))


def _refused(why: str, path: Path) -> MediaError:
    return MediaError(f"not a record of a scan: {why}", file=path, action="ingest the reel again")


def scan_of(
    delivery: Delivery,
    checked: CheckedDelivery,
    picture: ScannedPicture,
    *,
    header: dict[str, JsonValue] | None = None,
    waivers: Sequence[Waiver] = (),
    expected_frames: int | None = None,
    specification: str | None = None,
    container_frames: int | None = None,
    infrared: ScannedInfrared | None = None,
) -> Scan:
    """The record of a checked delivery.

    Args:
        delivery: as it was found.
        checked: what its check found.
        picture: what all frames have in common.
        header: of the first frame.
        waivers: what a person answered for.
        expected_frames: frames of the reel by the catalogue.
        specification: name and version of the scan specification it was checked against.
        container_frames: frames of a delivered video.
        infrared: the side sequence.
    """
    manifest, root = delivery.manifest, delivery.root
    return Scan(
        delivery=root.name,
        manifest=manifest.path.name if manifest else None,
        manifest_algorithm=str(manifest.algorithm) if manifest else None,
        picture=picture,
        header=header,
        strays=delivery.sequence.strays if delivery.sequence else (),
        files=FrameFiles(map(_scanned, checked.records)),
        reel=delivery.reel,
        container=delivery.container.relative_to(root).as_posix() if delivery.container else None,
        container_frames=container_frames,
        sound=tuple(path.relative_to(root).as_posix() for path in delivery.sound),
        others=tuple(
            OtherFile(name=file.name, role=file.role, bytes=file.bytes, md5=file.md5, sha256=file.sha256)
            for file in checked.files
        ),
        findings=tuple(ScanFinding.of(finding) for finding in checked.findings),
        infrared=infrared,
        waivers=tuple(waivers),
        expected_frames=expected_frames,
        specification=specification,
    )


def _scanned(record: FrameRecord) -> ScannedFile:
    frame = record.frame
    return ScannedFile(
        name=record.name,
        number=frame.number,
        bytes=record.bytes,
        md5=record.md5,
        sha256=record.sha256,
        part=frame.part,
        stands_in=frame.stands_in,
        own_name=frame.name if frame.stands_in else None,
    )
