"""Letting go of working files: only of finished reels, only segments, on record, and never what must stay."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from restoration_tasks.catalogue import holdings, lock, reels
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.queue_models import HoldingState
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.runtime.errors import ReelBusy
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps import scratch
from restoration_tasks.steps.audit import audit
from tests.steps.kept import keep


@pytest.fixture
def vault(settings):
    return Vault(settings.vault_root)


def finished(sessions, vault, reel_id="A", *, packaged=True):
    """A reel on record as a run leaves it; its files by name."""
    files = keep(sessions, vault, reel_id, StepName.INGEST, {"master": b"m" * 900})
    files |= keep(sessions, vault, reel_id, StepName.ASSESS, {"map": b"p" * 50})
    files |= keep(sessions, vault, reel_id, StepName.RESTORE, {"segment": b"g" * 400, "changes": b"c" * 5})
    files |= keep(sessions, vault, reel_id, StepName.ASSEMBLE, {"restoration_master": b"r" * 800})
    if packaged:
        files |= keep(sessions, vault, reel_id, StepName.PACKAGE, {"bag": b"b"})
    with sessions.begin() as session:
        reels.set_state(session, reel_id, ReelState.RESTORED)
    return files


def could(sessions, vault, **asked):
    with sessions.begin() as session:
        return {one.reel_id: [file.role for file in one.files] for one in scratch.releasable(session, vault, **asked)}


def test_only_the_segments_go_and_the_chain_says_which(settings, sessions, vault):
    files = finished(sessions, vault)
    assert could(sessions, vault) == {"A": ["segment"]}
    assert all(path.exists() for path in files.values()), "saying it changes nothing"
    gone = scratch.release(sessions, vault, "A", "run")
    assert gone.bytes == 400
    assert [name for name, path in files.items() if not path.exists()] == ["segment"]
    assert could(sessions, vault) == {}
    assert scratch.release(sessions, vault, "A", "run") is None
    with sessions() as session:
        event = session.scalars(select(Event).where(Event.event_type == "deletion")).one()
        assert (event.subtype, event.detail["bytes"]) == ("working files released", 400)
        assert holdings.standing(session, 90).files[HoldingState.RELEASED] == 1
        assert lock.holder(session, "A") is None
        assert not verify(session).findings
    assert not audit(sessions, settings, "w1", every_days=1).bad, "what was let go is not lost"


def test_what_is_not_finished_or_not_whole_is_left_alone(sessions, vault):
    finished(sessions, vault, "A", packaged=False)
    finished(sessions, vault, "B")["restoration_master"].unlink()
    finished(sessions, vault, "C")
    finished(sessions, vault, "D")
    keep(sessions, vault, "D", StepName.RESTORE, {"segment": b"h" * 9}, run="another pass")
    finished(sessions, vault, "E")
    with sessions.begin() as session:
        lock.acquire(session, "C", "somebody")
        reels.set_state(session, "E", ReelState.REJECTED)
    assert could(sessions, vault) == {}
    with pytest.raises(ReelBusy):
        scratch.release(sessions, vault, "C", "run")
    for reel_id in "ABDE":
        assert scratch.release(sessions, vault, reel_id, "run") is None
    with sessions() as session:
        assert lock.holder(session, "C").run_id == "somebody"


def test_killed_before_the_files_are_gone_the_next_call_removes_them(sessions, vault, monkeypatch):
    files = finished(sessions, vault)
    monkeypatch.setattr(scratch, "_remove", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        scratch.release(sessions, vault, "A", "run")
    monkeypatch.undo()
    assert files["segment"].exists()
    assert scratch.remove_left_over(sessions, vault) == 1
    assert not files["segment"].exists()
    assert files["map"].exists()
