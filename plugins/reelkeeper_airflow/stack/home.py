"""The home folder of a stack: where things lie in it, the secrets made once, the users and their passwords."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
"""The checkout this package lies in; `dags/` and `plugins/` are read from it."""


class Role(StrEnum):
    """Roles of Airflow's simple auth manager, each holding the rights of those before it."""

    VIEWER = "viewer"
    USER = "user"
    OP = "op"
    ADMIN = "admin"


USERS: Mapping[str, Role] = {
    "operator": Role.OP,
    "conservator": Role.OP,
    "viewer": Role.VIEWER,
    "admin": Role.ADMIN,
}
"""The people of a one-machine stack. Who may decide is a setting of its own (`REELKEEPER_CONSERVATORS`)."""


@dataclass(frozen=True)
class Secrets:
    """Keys that all processes of a stack share; made once, so that a restart logs nobody out."""

    jwt: str
    """Signs the tokens of the REST API and of the tasks."""
    session: str
    """Signs the UI's session."""
    fernet: str
    """Encrypts Airflow's connections: 32 bytes, URL-safe base64."""

    @classmethod
    def new(cls) -> Secrets:
        """Make fresh keys."""
        return cls(
            jwt=secrets.token_urlsafe(48),
            session=secrets.token_urlsafe(32),
            fernet=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
        )


@dataclass(frozen=True)
class Home:
    """A stack's folder. Everything the stack writes lies below `root`."""

    root: Path

    @classmethod
    def find(cls, given: str | None, environment: Mapping[str, str]) -> Home:
        """Take the folder from the command line, `REELKEEPER_HOME`, or `.reelkeeper` beside the checkout's README."""
        chosen = given or environment.get("REELKEEPER_HOME") or str(REPOSITORY / ".reelkeeper")
        return cls(Path(chosen).expanduser().resolve())

    @property
    def vault(self) -> Path:
        """Where the steps keep their results."""
        return self.root / "vault"

    @property
    def inbox(self) -> Path:
        """Where the scanner leaves its folders, one a reel."""
        return self.root / "inbox"

    @property
    def postgres(self) -> Path:
        """Postgres' own folder."""
        return self.root / "postgres"

    @property
    def airflow(self) -> Path:
        """`AIRFLOW_HOME`."""
        return self.root / "airflow"

    @property
    def logs(self) -> Path:
        """One log a process; the tasks' logs lie in `tasks/` below it."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Process records of what is running now."""
        return self.root / "run"

    @property
    def passwords_file(self) -> Path:
        """User → password, JSON, readable by its owner only (the simple auth manager's own format)."""
        return self.root / "passwords.json"

    @property
    def secrets_file(self) -> Path:
        """The stack's keys, readable by their owner only."""
        return self.root / "secrets.json"

    def prepare(self) -> None:
        """Create the folders. Safe to repeat."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (self.vault, self.inbox, self.airflow, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)

    def secrets(self) -> Secrets:
        """Read the keys, making them on first use."""
        if not self.secrets_file.exists():
            new = Secrets.new()
            _write_private(self.secrets_file, {"jwt": new.jwt, "session": new.session, "fernet": new.fernet})
        return Secrets(**json.loads(self.secrets_file.read_text()))

    def passwords(self) -> dict[str, str]:
        """Read the users' passwords, making those that are missing."""
        known: dict[str, str] = {}
        if self.passwords_file.exists():
            known = json.loads(self.passwords_file.read_text())
        missing = [user for user in USERS if user not in known]
        if missing:
            known |= {user: secrets.token_urlsafe(12) for user in missing}
            _write_private(self.passwords_file, known)
        return known


def _write_private(path: Path, content: Mapping[str, str]) -> None:
    """Write JSON that never existed with wider rights than 0600, whole or not at all."""
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump(content, file)
        file.write("\n")
    partial.replace(path)
