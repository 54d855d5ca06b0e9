"""Recorded files that really lie in a vault."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from restoration_tasks.catalogue import reels
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.runtime.spec import OutputFile, StepName
from restoration_tasks.runtime.vault import READ_ONLY, Vault
from tests.provenance.results import step_result


def keep(
    sessions: sessionmaker[Session], vault: Vault, reel_id: str, step: StepName, files: dict[str, bytes], run: str = "r"
) -> dict[str, Path]:
    """Write files as a step does, and record them; where they lie, by name."""
    outputs, places = [], {}
    for name, content in files.items():
        uri = f"vault:reels/{reel_id}/{step}/{run}/a001/{name}.bin"
        vault.write_bytes(uri, content)
        path = vault.local_path(uri)
        assert path is not None
        path.chmod(READ_ONLY)
        places[name] = path
        digest = hashlib.sha256(content).hexdigest()
        outputs.append(
            OutputFile(name=name, uri=uri, sha256=digest, bytes=len(content), media_type="application/octet-stream")
        )
    with sessions.begin() as session:
        reels.register(session, reel_id)
    result = step_result(step, f"{run}/{step}/{reel_id}", outputs=tuple(outputs), inputs={}, reel_id=reel_id)
    Recorder(sessions).record(result)
    return places
