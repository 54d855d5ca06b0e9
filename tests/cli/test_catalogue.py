"""`reelkeeper catalogue` as people type it."""

from __future__ import annotations

import json

import pytest

from restoration_tasks.catalogue import outbox
from restoration_tasks.catalogue.engine import open_sessions
from restoration_tasks.runtime.errors import NotDelivered
from tests.catalogue.reel import RUN, catalogue, make_decided, make_ingested
from tests.cli.test_queue import refused, typed  # noqa: F401 - a fixture
from tests.fixtures.receivers import receiver
from tests.provenance.results import REEL


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "films.csv"
    path.write_text("item,reel,title,year\nN-1,LOVE_r1,Été,1963\nN-2,,Ghost,\n", encoding="utf-8")
    return path


def test_a_table_comes_in_is_found_and_goes_out(typed, table, tmp_path):  # noqa: F811
    assert "2 rows: 2 would be new" in typed("catalogue", "import", str(table), "--as", "ana", "--dry-run")
    assert "2 rows: 2 new, 0 changed, 0 as they are known" in typed("catalogue", "import", str(table), "--as", "ana")
    assert "0 new, 0 changed, 2 as they are known" in typed("catalogue", "import", str(table), "--as", "ana")
    table.write_text(table.read_text("utf-8").replace("1963", "1964"), "utf-8")
    assert "row 2, N-1, reel LOVE_r1: year '1963' becomes '1964'" in typed(
        "catalogue", "import", str(table), "--as", "ana"
    )
    table.write_text(table.read_text("utf-8").replace("1964", "1965"), "utf-8")
    (told,) = typed("catalogue", "import", str(table), "--as", "ana", "--json").splitlines()
    assert json.loads(told)["changed"] == {"year": {"before": "1964", "now": "1965"}}
    assert typed("catalogue", "search", "ete") == "N-1: Été (1965), reel LOVE_r1: registered\n"
    assert json.loads(typed("catalogue", "search", "ghost", "--json"))["item"] == "N-2"
    out = typed("catalogue", "export", "--csv", "-")
    assert out.splitlines()[1].startswith("N-1,LOVE_r1,N-1,Été,,1965")
    assert "2 rows written" in typed("catalogue", "export", "--csv", str(tmp_path / "out.csv"))
    assert "0 rows written" in typed("catalogue", "export", "--csv", str(tmp_path / "out.csv"), "--since", "2999-01-01")


def test_wrong_rows_are_listed_and_nothing_lands(typed, table, monkeypatch, capsys):  # noqa: F811
    table.write_text("item,title,year\nN-1,x,19\nN-2,,\n", encoding="utf-8")
    said = refused(monkeypatch, capsys, "catalogue", "import", str(table), "--as", "ana")
    assert "row 2, column year: found '19'" in said
    assert "row 3, column title" in said
    assert "2 of 2 rows cannot be imported" in said
    assert "0 rows written" in typed("catalogue", "export", "--csv", str(table))


def test_frames_are_named_shown_and_let_go(typed, archive, monkeypatch, capsys):  # noqa: F811
    make_ingested(open_sessions(archive.database_url))
    words = ("--as", "ana", "--reason", "countdown")
    assert typed("catalogue", "frames", REEL, "5-7", "--kind", "excluded", *words) == "5-7: excluded, countdown\n"
    assert typed("catalogue", "frames", REEL, "5") == "No restoration of this reel is published.\n"
    assert typed("catalogue", "frames", REEL, "5-7", "--withdraw", *words) == ""
    assert "these are no frames" in refused(monkeypatch, capsys, "catalogue", "frames", REEL, "7-5")
    assert "each need" in refused(monkeypatch, capsys, "catalogue", "frames", REEL, "5", "--withdraw")
    assert "went by that policy" in refused(monkeypatch, capsys, "catalogue", "policy", "9")


def test_what_another_catalogue_has_not_taken_is_listed_and_sent(typed, archive, vault, products, monkeypatch, capsys):  # noqa: F811
    sessions = open_sessions(archive.database_url)
    make_decided(sessions)
    published = catalogue(sessions, vault, products)
    with sessions.begin() as session:
        outbox.enqueue(session, published, run_id=RUN)
    assert "REELKEEPER_CATALOGUE_WEBHOOK" in refused(monkeypatch, capsys, "catalogue", "send")
    assert typed("catalogue", "send", "--list").startswith(f"{REEL}, since 20")
    with receiver(500) as other:
        monkeypatch.setenv("REELKEEPER_CATALOGUE_WEBHOOK", other.url)
        with pytest.raises(NotDelivered, match=r"found 500\)\. Next: [^.]*\.$"):
            typed("catalogue", "send")
        assert "tried 1 times" in typed("catalogue", "send", "--list")
        other.status = 204
        assert typed("catalogue", "send") == "1 sent, 0 wait.\n"
    assert typed("catalogue", "send", "--list") == ""
