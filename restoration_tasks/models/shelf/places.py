"""Where the files of a network lie or would lie, what its licence says, and what brings it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

from restoration_tasks.models.shelf.entry import Brought, Entry, InWheel, OurOwn, Source, WithDependency
from restoration_tasks.runtime.errors import ModelError, ReelkeeperError
from restoration_tasks.runtime.packed import PackedFile


@dataclass(frozen=True)
class ModelFile:
    """One file of a network."""

    path: Path
    """Where it lies, or would lie."""
    sha256: str


@dataclass(frozen=True, kw_only=True)
class PackedModel(PackedFile):
    """A file of a network inside a package."""

    what: ClassVar[str] = "model"
    error: ClassVar[type[ReelkeeperError]] = ModelError

    @property
    def once_there(self) -> str:
        """Ask for it again."""
        return f"run `reelkeeper models install {self.name}`, or give the wheel with --from"


def packed(name: str, source: InWheel) -> tuple[PackedModel, ...]:
    """The files of a network in a wheel, as what they are fetched by; the licence last."""
    return tuple(
        PackedModel(
            name=name,
            package=source.package,
            version=source.version,
            wheel_sha256=source.wheel_sha256,
            member=member,
            member_sha256=sha256,
        )
        for member, sha256 in (*source.members, source.licence)
    )


def brought_path(folder: Path, file: str, sha256: str) -> Path:
    """Where a network the archive brought is kept: by its digest, as those out of wheels."""
    return folder / sha256[:16] / file


def files_of(entry: Entry, folder: Path) -> tuple[ModelFile, ...]:
    """The files of a network, the network itself first.

    Args:
        entry: which.
        folder: where the shelf keeps what it fetched.
    """
    match entry.source:
        case InWheel() as source:
            return tuple(ModelFile(one.kept_in(folder), one.member_sha256) for one in packed(entry.name, source)[:-1])
        case WithDependency() as source:
            return (ModelFile(_installed(source), source.sha256),)
        case OurOwn(path, sha256):
            return (ModelFile(path, sha256),)
        case Brought(file, sha256):
            return (ModelFile(brought_path(folder, file, sha256), sha256),)


def words_of(source: Source) -> str:
    """Where a network comes from, for people."""
    match source:
        case InWheel(package, version):
            return f"{package}=={version}"
        case WithDependency(distribution):
            return f"{distribution}, installed with Reelkeeper"
        case OurOwn():
            return "part of Reelkeeper"
        case Brought(brought_from=path):
            return f"brought from {path}"


def action_for(entry: Entry) -> str:
    """What brings a network, as the next action of an error."""
    match entry.source:
        case InWheel():
            return f"run `reelkeeper models install {entry.name}`"
        case WithDependency(install=install):
            return install
        case OurOwn():
            return "install Reelkeeper again"
        case Brought(brought_from=path):
            return f"bring the file again: `reelkeeper models install {entry.name} --from {path}`"


def licence_text(entry: Entry, folder: Path) -> str | None:
    """The words of a network's licence, where they are at hand."""
    match entry.source:
        case InWheel() as source:
            path = packed(entry.name, source)[-1].kept_in(folder)
            return path.read_text(errors="replace") if path.is_file() else None
        case WithDependency(distribution):
            return _text_in(distribution)
        case OurOwn():
            return _text_in("reelkeeper")
        case Brought():
            return None


def _installed(source: WithDependency) -> Path:
    """The file inside an installed package, which is not imported."""
    spec = find_spec(source.package)
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0] if places else source.package) / source.file


def _text_in(distribution: str) -> str | None:
    """The licence among a distribution's own papers."""
    try:
        papers: Sequence[metadata.PackagePath] = metadata.files(distribution) or ()
    except metadata.PackageNotFoundError:
        return None
    found = next((paper for paper in papers if paper.name.upper().startswith(("LICENSE", "LICENCE"))), None)
    return None if found is None else found.read_text()
