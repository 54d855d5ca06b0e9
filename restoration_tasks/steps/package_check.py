"""A package opened again, as a stranger would: with nothing but its own files, and a public key if there is one."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from restoration_tasks.provenance import checkpoints, export
from restoration_tasks.provenance.chain import ReelChain
from restoration_tasks.provenance.checkpoints import Checkpoint
from restoration_tasks.provenance.signing import PublicKey
from restoration_tasks.provenance.verify import Anchor, verify_chain
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.files import disk_errors, sha256_file
from restoration_tasks.steps.package import PLACES, REQUIRED
from restoration_tasks.steps.package_documents import documents_disagree

MADE_LATER = frozenset({"premis", "mets", "pbcore", "prov", "chain"}) | {
    "checkpoint",
    "checkpoint_signature",
    "checkpoint_key",
}
"""Of the roles in a package, those that a chain cannot name, as they are made of it."""


@dataclass(frozen=True)
class PackageReport:
    """What a package turned out to be."""

    reel_id: str
    files: int
    bytes: int
    events: int
    vouched_for: int
    """Files of the payload that the chain names with their digest."""
    checkpoint: int | None
    """Number of the signed checkpoint; None where it has none."""
    fingerprint: str | None
    """Of the key that signed it."""
    trusted: bool
    """Whether that key is one that was given; if not, it is the package's own: its fingerprint has to be compared."""
    problems: tuple[str, ...]

    def raise_if_broken(self) -> None:
        """Raise with the first problems.

        Raises:
            ProvenanceBroken: there are problems.
        """
        if self.problems:
            more = f"; and {len(self.problems) - 3} more" if len(self.problems) > 3 else ""
            raise ProvenanceBroken(
                "; ".join(self.problems[:3]) + more,
                reel=self.reel_id,
                action="do not rely on this package: compare it with another copy, or have it made again",
            )


def check_package(bag: Path, keys: Collection[PublicKey] = ()) -> PackageReport:
    """Validate the bag, recompute the chain, hold it against its checkpoint, and files and documents against it.

    Args:
        bag: the folder of the bag, the one with `bagit.txt`.
        keys: public keys to trust; without any, the package's own is taken, and the report says so.

    Raises:
        WrongUse: there is no bag.
        ProvenanceBroken: its chain or checkpoint is none.
    """
    import bagit

    if not (bag / "bagit.txt").is_file():
        raise WrongUse("there is no package here", file=bag, expected="a folder with bagit.txt", found="none")
    logging.getLogger("bagit").setLevel(logging.CRITICAL)  # it would log the same complaint before raising it
    problems: list[str] = []
    try:
        opened = bagit.Bag(str(bag))
        opened.validate()
    except bagit.BagError as error:
        problems.append(f"the bag does not validate: {' '.join(str(error).split())[:300]}")
    problems += [
        f"it lacks data/{PLACES[role]}" for role in PLACES if role in REQUIRED and not _place(bag, role).is_file()
    ]
    path = _place(bag, "chain")
    line = export.read(_bytes(path), source=path)
    signed, key, trusted = _signed(bag, keys, problems)
    anchors = [] if signed is None else _anchors(line, signed, problems)
    problems += [str(finding) for finding in verify_chain(line, anchors)]
    problems += documents_disagree(bag, line)
    named, strange = _held_against_chain(bag, line)
    payload = [file for file in (bag / "data").rglob("*") if file.is_file()]
    return PackageReport(
        line.reel_id,
        len(payload),
        sum(file.stat().st_size for file in payload),
        len(line.events),
        named,
        None if signed is None else signed.number,
        None if key is None else key.fingerprint,
        trusted,
        (*problems, *strange),
    )


def _signed(
    bag: Path, keys: Collection[PublicKey], problems: list[str]
) -> tuple[Checkpoint | None, PublicKey | None, bool]:
    """The checkpoint, the key that signed it, and whether that is one of those given."""
    path = _place(bag, "checkpoint")
    if not path.is_file():
        problems.append("it has no signed checkpoint: a chain rewritten as a whole could not be told from the true one")
        return None, None, False
    found = checkpoints.read(_bytes(path), _bytes(_place(bag, "checkpoint_signature")), source=path)
    pem = _place(bag, "checkpoint_key")
    own = PublicKey.read(_bytes(pem), source=pem)
    given = {key.fingerprint: key for key in keys}
    wrong = found.broken(tuple(given.values()) if given else (own,))
    if wrong is not None:
        problems.append(f"checkpoint {found.number}: {wrong}")
        return found, None, False
    return found, given.get(found.key, own), found.key in given


def _anchors(line: ReelChain, signed: Checkpoint, problems: list[str]) -> list[Anchor]:
    anchors = [Anchor(head.seq, head.hash, signed.number) for head in signed.heads if head.reel_id == line.reel_id]
    if not anchors:
        problems.append(f"checkpoint {signed.number} says nothing of reel {line.reel_id}")
    return anchors


def _held_against_chain(bag: Path, line: ReelChain) -> tuple[int, list[str]]:
    """How many files the chain names with the digest they have, and those it names with another."""
    recorded: dict[str, set[str]] = {}
    for event in line.events:
        for entry in event.objects:
            recorded.setdefault(entry.role, set()).add(entry.sha256)
    named, strange = 0, []
    for role, place in PLACES.items():
        file = bag / "data" / place
        if role in MADE_LATER or role not in recorded or not file.is_file():
            continue
        with disk_errors(file):
            digest, _ = sha256_file(file)
        if digest in recorded[role]:
            named += 1
        else:
            strange.append(f"data/{place} is not a {role} the chain knows (sha256 {digest})")
    return named, strange


def _place(bag: Path, role: str) -> Path:
    return bag / "data" / PLACES[role]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise ProvenanceBroken(
            "the package lacks this file", file=path, action="compare it with another copy, or have it made again"
        ) from error
