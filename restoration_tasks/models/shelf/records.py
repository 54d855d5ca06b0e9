"""What the archive recorded on its shelf, in YAML: networks it brought, and licences a named person accepted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from restoration_tasks.models.shelf.entry import NAME, Architecture, Brought, Entry, Licence
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.runtime.errors import ModelError
from restoration_tasks.runtime.files import write_atomic

Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,120}$")]
SpdxId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,80}$")]
Kept = TypeVar("Kept", bound=BaseModel)


class Acceptance(BaseModel):
    """That a person accepts the terms of a network for this archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    licence: SpdxId
    person: str = Field(min_length=1, max_length=200)
    at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))


class Supplied(BaseModel):
    """A network the archive brought: weights of its own for an architecture this version loads."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    architecture: Architecture
    licence: SpdxId
    file: FileName
    sha256: Sha256
    bytes: int = Field(ge=1)
    brought_from: str
    """The path it had."""

    @property
    def entry(self) -> Entry:
        """The same as an entry of the shelf: for what the known network of this architecture is for."""
        like = next(entry for entry in KNOWN.values() if entry.architecture is self.architecture)
        return replace(
            like,
            name=self.name,
            title=f"{like.title}, weights supplied",
            paper=f"{like.paper}; who trained these weights is not stated",
            licence=Licence(self.licence, "As stated by whoever brought the file."),
            source=Brought(self.file, self.sha256, self.brought_from),
        )


def acceptances(folder: Path) -> dict[str, Acceptance]:
    """Those on record, by the name of the network."""
    return {kept.name: kept for kept in _read_all(folder / "accepted", Acceptance)}


def supplied(folder: Path) -> dict[str, Supplied]:
    """Networks the archive brought, by name."""
    return {kept.name: kept for kept in _read_all(folder / "supplied", Supplied)}


def accept(folder: Path, acceptance: Acceptance) -> None:
    """Record it."""
    _write(folder / "accepted" / f"{acceptance.name}.yaml", acceptance)


def record(folder: Path, brought: Supplied) -> None:
    """Record a network whose file is kept already."""
    _write(folder / "supplied" / f"{brought.name}.yaml", brought)


def _write(path: Path, kept: BaseModel) -> None:
    text: str = yaml.safe_dump(kept.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_atomic(path, text.encode())


def _read_all(folder: Path, kind: type[Kept]) -> list[Kept]:
    return [_read(path, kind) for path in sorted(folder.glob("*.yaml"))]


def _read(path: Path, kind: type[Kept]) -> Kept:
    try:
        content: Any = yaml.safe_load(path.read_bytes())
        return kind.model_validate(content)
    except (OSError, yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise ModelError(
            "a record of the model shelf cannot be read",
            file=path,
            found=str(error).splitlines()[0],
            action="correct or remove the file, then run the command again",
        ) from error
