"""Files inside public packages, named and pinned by digest: what clean clips and photographs are fetched by."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, kw_only=True)
class PackedFile:
    """A file inside a package."""

    name: str
    """Short name, as recipes and model cards use it."""
    package: str
    """The package's name."""
    version: str
    """Its exact version."""
    wheel_sha256: str | None
    """Digest of its wheel; None where each platform has a wheel of its own and the member's digest must do."""
    member: str
    """The file's path inside the wheel."""
    member_sha256: str
    """Digest of the file."""
    licence: str
    """Licence of the file, or what its package says of it. Only clips free of conditions are shown in our documents."""

    @property
    def requirement(self) -> str:
        """The package as pip takes it."""
        return f"{self.package}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class Clip(PackedFile):
    """A clean clip inside a package."""

    width: int
    """Pixels a line."""
    height: int
    """Lines."""
    frames: int
    """Number of frames."""
    fps: Fraction
    """Frames a second."""
    scenes: tuple[tuple[int, int], ...] = ()
    """Frames `start ≤ i < stop` of each scene, where the clip has cuts."""


@dataclass(frozen=True, kw_only=True)
class Photograph(PackedFile):
    """A still photograph inside a package; a moving camera makes a clip of it."""
