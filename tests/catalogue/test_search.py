"""Search: words of titles, shelf marks, ids and makers, as they begin, whatever their accents, case and script."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.imports import import_table
from restoration_tasks.catalogue.search import search
from restoration_tasks.catalogue.tables import Table
from tests.catalogue.reel import ANA

ROWS = (
    ("N-1963/7", "LOVE_r1", "梁山伯與祝英台", "The Love Eterne; en", "Li Han-hsiang; director"),
    ("N-1963/7", "LOVE_r2", "梁山伯與祝英台", "The Love Eterne; en", "Li Han-hsiang; director"),
    ("P-9", "", "Crème Brûlée", "", "Żuławski; director"),
    ("P-10", "R-10", "100% Love & \\ Others", "", ""),
    ("P-11", "R-11", "x" * 10_000, "", ""),
    ("P-12", "R-12", "愛" * 30_000, "", ""),
)


@pytest.fixture(scope="module")
def stocked(module_database):
    engine = create_engine(module_database)
    made = sessionmaker(engine, expire_on_commit=False)
    header = ("item", "reel", "title", "alternative_titles", "makers")
    with made.begin() as session:
        reels.register(session, "OLD-1", title="Nobody Described Me")
        import_table(session, Table("t", "0" * 64, header, tuple(enumerate(ROWS, start=2))), person=ANA)
    yield made
    engine.dispose()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("love", ["LOVE_r1", "LOVE_r2", "R-10"]),
        ("LOVE eter", ["LOVE_r1", "LOVE_r2"]),
        ("祝英", ["LOVE_r1", "LOVE_r2"]),
        ("英祝", []),
        ("creme brulee", [None]),
        ("zulaw", [None]),
        ("n-1963/7 han-hsiang r2", ["LOVE_r2"]),
        ("N-1963/", ["LOVE_r1", "LOVE_r2"]),
        ("100%", ["R-10"]),
        ("old-1", ["OLD-1"]),
        ("described nobody", ["OLD-1"]),
        ("ove", []),
        ("%", []),
        ("", []),
        ("' & | ! <-> :* \\ \x00", []),
        ("愛愛", ["R-12"]),
    ],
)
def test_words_find_what_holds_them_all(stocked, words, found):
    with stocked() as session:
        assert [one.reel for one in search(session, words)] == found


def test_what_is_found_is_told_and_no_more_than_asked(stocked):
    with stocked() as session:
        (first,) = search(session, "love", limit=1)
        assert first.title in {"梁山伯與祝英台", "100% Love & \\ Others"}
        assert [one.item for one in search(session, "zulawski")] == ["P-9"]


def test_a_new_title_is_found_at_once_and_the_old_one_no_more(stocked):
    with stocked() as session:
        table = Table("t", "1" * 64, ("reel", "title"), ((2, ("R-10", "Renamed")),))
        import_table(session, table, person=ANA)
        assert [one.reel for one in search(session, "renamed")] == ["R-10"]
        assert search(session, "100%") == []
        session.rollback()


def test_the_index_is_used(stocked):
    with stocked() as session:
        session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = session.execute(
            text("EXPLAIN SELECT 1 FROM reelkeeper.reels WHERE to_tsvector('simple', words) @@ reelkeeper.sought('a')")
        )
        assert "ix_reels_words" in "".join(plan.scalars())
