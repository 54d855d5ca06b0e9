"""`reelkeeper queue`, `fixity` and `scratch` as people type them: what they print, and what they refuse."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.catalogue.migrate import upgrade
from restoration_tasks.cli.main import app, main
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.runtime.vault import Vault
from tests.steps.kept import keep

WORDS = ("--as", "ana", "--reason", "the donor asks")


@pytest.fixture
def typed(archive, monkeypatch):
    """Type a command; its output."""
    monkeypatch.setenv("REELKEEPER_HOME", str(archive.home))
    monkeypatch.setenv("REELKEEPER_DATABASE_URL", archive.database_url)
    upgrade(archive.database_url)

    def run(*words: str) -> str:
        done = CliRunner().invoke(app, list(words), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def refused(monkeypatch, capsys, *words: str) -> str:
    """The line of a command that is refused as wrong use."""
    monkeypatch.setattr("sys.argv", ["reelkeeper", *words])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == ExitCode.WRONG_USE
    return capsys.readouterr().err


def test_a_reel_comes_into_the_queue_is_moved_held_and_let_go(typed, monkeypatch, capsys):
    assert "put into the queue" in typed("queue", "add", "A", "B", "--as", "ana", "--base", "acetate", "--made", "1926")
    assert "judged anew" in typed("queue", "add", "B", "--as", "ana", "--ad-strip", "3", "--frames", "900")
    shown = typed("queue", "list").splitlines()
    assert [line.split()[0] for line in shown] == ["reel", "B", "A"]
    assert "carrier" in shown[1]
    assert "900 (delivery)" in shown[1]
    assert "age" in shown[2]
    assert "0 reels come before it" in typed("queue", "override", "A", "--priority", "100", *WORDS)
    rows = [json.loads(line) for line in typed("queue", "list", "--json").splitlines()]
    assert [(row["reel_id"], row["priority"]) for row in rows] == [("A", 100.0), ("B", 100.0)]
    typed("queue", "hold", "A", *WORDS)
    assert "the donor asks" in typed("queue", "list", "--state", "held back")
    typed("queue", "release", "A", *WORDS)
    assert "held back" not in typed("queue", "list")
    assert "cannot be said of the reel's place" in refused(monkeypatch, capsys, "queue", "release", "A", *WORDS)
    assert "no such reel is registered" in refused(monkeypatch, capsys, "queue", "hold", "NONE", *WORDS)
    assert "2 reels:" in typed("queue", "estimate")
    assert "the demo's figures" in typed("queue", "estimate", "--frames", "1000")


def test_audit_says_what_it_read_and_ends_red_for_a_loss(typed, archive, monkeypatch, capsys):
    vault, sessions = Vault(str(archive.home / "vault")), open_sessions(archive.database_url)
    files = keep(sessions, vault, "A", StepName.INGEST, {"master": b"m" * 1000})
    files |= keep(sessions, vault, "A", StepName.RESTORE, {"segment": b"s" * 10})
    assert "2 files read" in typed("fixity", "audit", "--every-days", "1")
    told = json.loads(typed("fixity", "status", "--json"))
    assert (told["files"]["held"], told["bytes"]["held"], told["bad"]) == (2, 1010, [])
    assert "0.00 GB could be let go" in typed("scratch", "release")
    files["master"].unlink()
    monkeypatch.setattr(
        "sys.argv", ["reelkeeper", "fixity", "audit", "--every-days", "1", "--run-id", "second", "--json"]
    )
    with pytest.raises(SystemExit) as left:
        main()
    out = capsys.readouterr()
    assert left.value.code == ExitCode.FAILED
    assert json.loads(out.out)["bad"] == 1
    assert "reel A, file vault:reels/A/ingest/r/a001/master.bin: a recorded file is gone" in out.err
    assert "missing: reel A" in typed("fixity", "status")
    assert "is missing" in typed("queue", "list", "--purpose", "repair")
