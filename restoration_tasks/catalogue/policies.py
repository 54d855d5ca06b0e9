"""Check policies: each version kept as the first check that went by it left it."""

from __future__ import annotations

import uuid

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from restoration_tasks.catalogue.record_models import CheckPolicy
from restoration_tasks.runtime.errors import SourceChanged, VaultError, WrongUse
from restoration_tasks.runtime.spec import StepResult
from restoration_tasks.runtime.vault import Vault

OUTPUT = "policy"
"""Output of the check step: the policy's text."""
FIGURE = "policy_version"
"""Its figure: which version that is."""


def enter(session: Session, event_id: uuid.UUID, result: StepResult, vault: Vault) -> None:
    """Keep the policy a check went by, where its version is new.

    A check of an earlier version of the step left none.

    Raises:
        VaultError: the text is gone.
        SourceChanged: this version has been kept with another text: somebody changed a threshold without a new version.
    """
    outputs = {output.name: output for output in result.outputs}
    if OUTPUT not in outputs:
        return
    version, file = str(result.figures[FIGURE]), outputs[OUTPUT]
    text = vault.read_bytes(file.uri)
    if text is None:
        raise VaultError("the check's policy is gone", reel=result.reel_id, file=file.uri, action="clear the check")
    session.execute(
        insert(CheckPolicy)
        .values(version=version, sha256=file.sha256, yaml=text.decode(), event_id=event_id)
        .on_conflict_do_nothing(index_elements=[CheckPolicy.version])
    )
    kept = require(session, version)
    if kept.sha256 != file.sha256:
        raise SourceChanged(
            f"version {version} of the check policy has another text than before",
            reel=result.reel_id,
            expected=f"sha256 {kept.sha256}",
            found=file.sha256,
            action="give the changed policy a version of its own",
        )


def require(session: Session, version: str) -> CheckPolicy:
    """A version of the policy.

    Raises:
        WrongUse: no check on record went by it.
    """
    found = session.get(CheckPolicy, version)
    if found is None:
        known = ", ".join(session.scalars(select(CheckPolicy.version).order_by(CheckPolicy.version)))
        raise WrongUse(
            "no check on record went by that policy",
            expected=known or "any, once a reel was checked",
            found=version,
            action="name one of those",
        )
    return found
