"""Ed25519 keys that sign checkpoints: the private half in a file outside the database, the public half for everybody.

Files are PKCS #8 and SubjectPublicKeyInfo in PEM, so that anybody can check a signature with OpenSSL alone:

    openssl pkeyutl -verify -pubin -inkey checkpoint.pem -rawin -in checkpoint.json -sigfile checkpoint.sig
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.files import disk_errors, sync_folder, write_atomic

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_SUFFIX = ".pub"
"""Of public keys beside the private one; every one that lies there is trusted."""
PRIVATE_MODE = 0o600


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key."""

    pem: bytes
    fingerprint: str
    """sha256 of the 32 bytes of the key, hex."""

    @classmethod
    def read(cls, pem: bytes, *, source: object = None) -> PublicKey:
        """A public key in PEM.

        Raises:
            WrongUse: it is none, or not of Ed25519.
        """
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        try:
            key = load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise WrongUse("this is no public key", file=source, expected="a PEM file", found=error) from error
        if not isinstance(key, Ed25519PublicKey):
            raise WrongUse("this key is of another kind", file=source, expected="Ed25519", found=type(key).__name__)
        return cls(pem, hashlib.sha256(key.public_bytes_raw()).hexdigest())

    def verifies(self, statement: bytes, signature: bytes) -> bool:
        """Whether the signature of these bytes was made with the private half."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        from cryptography.hazmat.primitives.serialization import load_pem_public_key

        key = load_pem_public_key(self.pem)
        assert isinstance(key, Ed25519PublicKey)
        try:
            key.verify(signature, statement)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """The private half of a key."""

    private: Ed25519PrivateKey
    public: PublicKey

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> SigningKey:
        """A key with its public half."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        pem = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return cls(private, PublicKey.read(pem))

    def sign(self, statement: bytes) -> bytes:
        """The signature of these bytes, 64 bytes."""
        return self.private.sign(statement)


def load(path: Path) -> SigningKey | None:
    """The key in a file; None where there is no file.

    Raises:
        WrongUse: the file holds no Ed25519 key, or everybody on the machine may read it.
        VaultError: it cannot be read.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if not path.exists():
        return None
    with disk_errors(path):
        mode = stat.S_IMODE(path.stat().st_mode)
        content = path.read_bytes()
    if mode & stat.S_IRWXO:
        raise WrongUse(
            "everybody on this machine may use the key that signs checkpoints",
            file=path,
            expected="mode 600 (640 for a mounted secret)",
            found=f"mode {mode:o}",
            action=f"chmod 600 {path}; if others had access, make a new key with `reelkeeper provenance key --new`",
        )
    try:
        private = load_pem_private_key(content, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise WrongUse("this is no signing key", file=path, expected="Ed25519 in PEM", found=error) from error
    if not isinstance(private, Ed25519PrivateKey):
        raise WrongUse("this key is of another kind", file=path, expected="Ed25519", found=type(private).__name__)
    return SigningKey.of(private)


def make(path: Path) -> SigningKey:
    """Make a key with its public half beside it; of several who make it at once, all get the same.

    Raises:
        VaultError: the folder cannot be written.
        WrongUse: what lies there is no key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # mkstemp makes it readable by its owner alone; a link appears whole and never takes another's place
        descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(
                    Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
                )
                stream.flush()
                os.fsync(stream.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            sync_folder(path.parent)
        finally:
            Path(draft).unlink()
    key = load(path)
    assert key is not None
    write_atomic(_public_file(path, key.public), key.public.pem)
    return key


def replace(path: Path) -> SigningKey:
    """Make a new key in the place of the old one, whose public half stays trusted for what it signed.

    Raises:
        VaultError: the folder cannot be written.
        WrongUse: what lies there is no key.
    """
    old = load(path)
    if old is not None:
        write_atomic(_public_file(path, old.public), old.public.pem)
        with disk_errors(path):
            path.unlink()
    return make(path)


def require(path: Path, *, first: bool) -> SigningKey:
    """The key to sign with, made where nothing was signed before.

    Args:
        path: its file.
        first: whether nothing has been signed yet; only then may a key be made without being asked for.

    Raises:
        ProvenanceBroken: the key is gone.
        WrongUse: what lies there is no key.
        VaultError: the file cannot be read or written.
    """
    if (key := load(path)) is not None:
        return key
    if first:
        return make(path)
    raise ProvenanceBroken(
        "the key that signs checkpoints is gone",
        file=path,
        action="put it back from its backup, or name its file in REELKEEPER_SIGNING_KEY; if it is lost, make another"
        " with `reelkeeper provenance key --new` and tell those who hold the old public key",
    )


def trusted(path: Path, more: Iterable[Path] = ()) -> tuple[PublicKey, ...]:
    """Public keys whose signatures count: that of the key, those kept beside it, and others that are named.

    Raises:
        WrongUse: one is no key.
        VaultError: one cannot be read.
    """
    found = {} if (key := load(path)) is None else {key.public.fingerprint: key.public}
    beside = sorted(path.parent.glob(f"*{PUBLIC_SUFFIX}")) if path.parent.is_dir() else []
    for file in (*beside, *more):
        with disk_errors(file):
            public = PublicKey.read(file.read_bytes(), source=file)
        found[public.fingerprint] = public
    return tuple(found.values())


def _public_file(path: Path, public: PublicKey) -> Path:
    return path.with_name(f"{path.stem}-{public.fingerprint[:16]}{PUBLIC_SUFFIX}")
