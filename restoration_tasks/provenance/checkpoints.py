"""Signed checkpoints: chain heads as they were at a time, written outside the database and signed.

Statement (`reelkeeper.checkpoint/1`), the very bytes that are signed: canonical JSON (`runtime.spec.canonical_json`) of

    {"format": "reelkeeper.checkpoint/1", "number": n, "taken": time, "previous": sha256 or null, "key": fingerprint,
     "heads": [[reel_id, length, head], …]}

`number` counts from 1 without gaps, `previous` is the sha256 of statement `number - 1`, `heads` are sorted by reel and
name what was not signed before: all statements together name every reel. Who takes one away, or puts another in its
place, breaks the line that the next ones sign.

In the vault: `provenance/checkpoints/00000/00000001.json`, its signature (64 bytes) beside it as `.sig`, public keys as
`provenance/keys/<fingerprint>.pem`. In a package: `checkpoint.json`, `checkpoint.sig`, `checkpoint.pem`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from restoration_tasks.provenance.chain import utc_text
from restoration_tasks.provenance.signing import PublicKey, SigningKey
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.spec import canonical_json
from restoration_tasks.runtime.vault import Vault

FORMAT = "reelkeeper.checkpoint/1"
FOLDER = ("provenance", "checkpoints")
KEYS = ("provenance", "keys")
_A_FOLDER = 1000
"""Checkpoints in one folder of the vault: every package has one."""


class Head(BaseModel):
    """A chain's length and newest hash, as a statement names them: `[reel_id, length, hash]`."""

    model_config = ConfigDict(frozen=True)

    reel_id: str
    seq: int = Field(ge=1)
    hash: str = Field(pattern="^[0-9a-f]{64}$")


class _Statement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    format: str = Field(pattern=f"^{FORMAT}$")
    number: int = Field(ge=1)
    taken: datetime
    previous: str | None
    key: str
    heads: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Checkpoint:
    """A statement with its signature; whether that is good, `broken` says."""

    number: int
    taken: datetime
    previous: str | None
    key: str
    """Fingerprint of the key it names."""
    heads: tuple[Head, ...]
    statement: bytes
    signature: bytes

    @property
    def sha256(self) -> str:
        """What the next checkpoint names as `previous`."""
        return hashlib.sha256(self.statement).hexdigest()

    @property
    def uri(self) -> str:
        """Where it lies in the vault."""
        return uri_of(self.number)

    def broken(self, keys: Collection[PublicKey]) -> str | None:
        """What is wrong with its signature, in words; None where one of these keys made it."""
        named = next((key for key in keys if key.fingerprint == self.key), None)
        if named is None:
            return f"it names a key that is not trusted here (fingerprint {self.key[:16]}…)"
        return None if named.verifies(self.statement, self.signature) else "its signature does not fit its content"


@dataclass(frozen=True)
class Line:
    """All checkpoints of a vault, read in order."""

    heads: dict[str, list[tuple[int, str, int]]] = field(default_factory=dict)
    """Place, hash and checkpoint by reel, only of checkpoints whose signature is good."""
    newest: Checkpoint | None = None
    problems: tuple[tuple[int, str], ...] = ()
    """Checkpoint and what is wrong with it."""


def sign(key: SigningKey, number: int, previous: str | None, taken: datetime, heads: Collection[Head]) -> Checkpoint:
    """Make a checkpoint; writes nothing."""
    ordered = tuple(sorted(heads, key=lambda head: (head.reel_id, head.seq)))
    statement = canonical_json(
        {
            "format": FORMAT,
            "number": number,
            "taken": utc_text(taken),
            "previous": previous,
            "key": key.public.fingerprint,
            "heads": [[head.reel_id, head.seq, head.hash] for head in ordered],
        }
    )
    return Checkpoint(number, taken, previous, key.public.fingerprint, ordered, statement, key.sign(statement))


def read(statement: bytes, signature: bytes, *, source: object = None) -> Checkpoint:
    """A checkpoint from its two files; its signature is not looked at yet.

    Raises:
        ProvenanceBroken: this is no checkpoint.
    """
    try:
        said = _Statement.model_validate_json(statement)
        heads = tuple(Head(reel_id=reel_id, seq=seq, hash=digest) for reel_id, seq, digest in said.heads)
    except ValidationError as error:
        raise ProvenanceBroken(
            f"this is no checkpoint: {error.errors()[0]['msg']}",
            file=source,
            action="compare it with the copies in packages and backups of the vault",
        ) from error
    return Checkpoint(said.number, said.taken, said.previous, said.key, heads, statement, signature)


def uri_of(number: int) -> str:
    """The `vault:` URI of a checkpoint's statement."""
    return f"vault:{'/'.join(FOLDER)}/{number // _A_FOLDER:05d}/{number:08d}.json"


def signature_uri(uri: str) -> str:
    """Where the signature of a statement lies."""
    return uri.removesuffix(".json") + ".sig"


def key_uri(fingerprint: str) -> str:
    """Where the public half of a key lies in the vault."""
    return f"vault:{'/'.join(KEYS)}/{fingerprint}.pem"


def write(vault: Vault, checkpoint: Checkpoint, key: PublicKey) -> None:
    """Write a checkpoint into the vault: the statement last, as it is there once that is there."""
    vault.write_bytes(key_uri(key.fingerprint), key.pem)
    vault.write_bytes(signature_uri(checkpoint.uri), checkpoint.signature)
    vault.write_bytes(checkpoint.uri, checkpoint.statement)


def find(vault: Vault, number: int) -> Checkpoint | None:
    """The checkpoint of this number in a vault; None where there is none.

    Raises:
        ProvenanceBroken: what lies there is none.
    """
    uri = uri_of(number)
    statement = vault.read_bytes(uri)
    if statement is None:
        return None
    return read(statement, vault.read_bytes(signature_uri(uri)) or b"", source=uri)


def published_keys(vault: Vault, fingerprints: Collection[str]) -> tuple[PublicKey, ...]:
    """Public keys as a vault holds them, such of these as are there and are what they are called."""
    found = []
    for fingerprint in fingerprints:
        pem = vault.read_bytes(key_uri(fingerprint))
        if pem is not None:
            try:
                key = PublicKey.read(pem, source=key_uri(fingerprint))
            except WrongUse:
                continue
            found += [key] if key.fingerprint == fingerprint else []
    return tuple(found)


def read_line(vault: Vault, keys: Collection[PublicKey], expected: dict[int, str]) -> Line:
    """Read every checkpoint of a vault, in order, and hold it against the one before.

    Args:
        vault: where they lie.
        keys: whose signatures count.
        expected: sha256 by number, as the database knows them.
    """
    heads: dict[str, list[tuple[int, str, int]]] = {}
    problems: list[tuple[int, str]] = []
    newest: Checkpoint | None = None
    previous: str | None = None
    for number, one in _in_order(vault, max(expected, default=0)):
        if isinstance(one, str):
            problems.append((number, one))
            previous = expected.get(number)
            continue
        wrong = one.broken(keys)
        if wrong is None and one.number != number:
            wrong = f"it is checkpoint {one.number}, put in the place of another"
        if wrong is None and one.previous != previous and (number > 1 or one.previous is not None):
            wrong = "it does not follow the one before it"
        if wrong is None and expected and expected.get(number, one.sha256) != one.sha256:
            wrong = "it is not the one that the database has on record"
        if wrong is not None:
            problems.append((number, wrong))
        else:
            newest = one
            for head in one.heads:
                heads.setdefault(head.reel_id, []).append((head.seq, head.hash, number))
        previous = one.sha256
    return Line(heads, newest, tuple(problems))


def _in_order(vault: Vault, known: int) -> Iterator[tuple[int, Checkpoint | str]]:
    for number in range(1, max(known, highest(vault)) + 1):
        try:
            found = find(vault, number)
        except ProvenanceBroken as error:
            yield number, error.message
        else:
            yield number, found if found is not None else "it is gone from the vault"


def highest(vault: Vault) -> int:
    """The highest number of a checkpoint that lies in a vault; 0 where there is none."""
    root = vault.root.joinpath(*FOLDER)
    for folder in sorted((one for one in root.iterdir() if one.is_dir()), reverse=True) if root.is_dir() else ():
        numbers = [int(file.stem) for file in folder.iterdir() if file.suffix == ".json" and file.stem.isdigit()]
        if numbers:
            return max(numbers)
    return 0
