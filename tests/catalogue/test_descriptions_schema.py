"""Works to items, frames and relationships: what the database itself refuses, and that older rows come along."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from restoration_tasks.catalogue import migrate
from restoration_tasks.catalogue.engine import open_sessions
from tests.catalogue.reel import make_ingested

WORK, ITEM = "00000000-0000-0000-0000-0000000000a1", "00000000-0000-0000-0000-0000000000b1"
OTHER = "00000000-0000-0000-0000-0000000000a2"
SOURCE, RESTORED = "00000000-0000-0000-0000-0000000000c1", "00000000-0000-0000-0000-0000000000c2"
MOVE = f"UPDATE reelkeeper.manifestations SET work_id = '{OTHER}'"
SCAN = "(SELECT event_id FROM reelkeeper.scans)"


def execute(sessions, *statements: str) -> None:
    with sessions.begin() as session:
        for statement in statements:
            session.execute(text(statement))


def works(sessions) -> None:
    execute(
        sessions,
        "INSERT INTO reelkeeper.works (id, identifier, title)"
        f" VALUES ('{WORK}', 'W-1', 'One'), ('{OTHER}', 'W-2', 'x')",
        f"INSERT INTO reelkeeper.variants VALUES ('{WORK}', '{WORK}', 'dubbed')",
        "INSERT INTO reelkeeper.manifestations (id, work_id, variant_id, kind, source_id) VALUES"
        f" ('{SOURCE}', '{WORK}', '{WORK}', 'source element', NULL),"
        f" ('{RESTORED}', '{WORK}', NULL, 'restored version', '{SOURCE}')",
    )


def exception(frames: str, scan: str = SCAN) -> str:
    return (
        "INSERT INTO reelkeeper.frame_exceptions (id, scan_id, frames, kind, event_id)"
        f" SELECT gen_random_uuid(), {scan}, '{frames}', 'excluded', id FROM reelkeeper.events LIMIT 1"
    )


def test_works_and_items_of_before_come_along_and_go_back(empty_database):
    migrate.upgrade(empty_database, "0007")
    sessions = open_sessions(empty_database)
    execute(
        sessions,
        f"INSERT INTO reelkeeper.works (id, title) VALUES ('{WORK}', ' 東京物語 '), ('{OTHER}', '  ')",
        f"INSERT INTO reelkeeper.items (id, work_id, identifier) VALUES ('{ITEM}', '{WORK}', 'N-17')",
        f"INSERT INTO reelkeeper.reels (id, item_id, title, state, delivery_uri)"
        f" VALUES ('R-1', '{ITEM}', 'Tokyo', 'registered', ''), ('R-2', NULL, 'alone', 'registered', '')",
    )
    migrate.upgrade(empty_database)
    asked = "SELECT item, reel, work, title FROM reelkeeper.v_catalogue ORDER BY reel"
    with sessions() as session:
        assert session.execute(text(asked)).all() == [("N-17", "R-1", WORK, "東京物語"), ("R-2", "R-2", "R-2", "alone")]
        assert session.scalar(text(f"SELECT title FROM reelkeeper.works WHERE id = '{OTHER}'")) == "untitled"
    migrate.downgrade(empty_database, "0007")
    with sessions() as session:
        rows = session.execute(
            text("SELECT i.identifier, w.title FROM reelkeeper.items i JOIN reelkeeper.works w ON w.id = i.work_id")
        )
        assert rows.all() == [("N-17", "東京物語")]
    migrate.upgrade(empty_database)
    with sessions() as session:
        assert len(session.execute(text(asked)).all()) == 2


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE reelkeeper.works SET identifier = 'W-1'", "uq_works_identifier"),
        ("UPDATE reelkeeper.works SET title = ''", "ck_works_title"),
        ("UPDATE reelkeeper.works SET year_from = 1963", "ck_works_years"),
        ("UPDATE reelkeeper.works SET year_from = 1963, year_to = 1962", "ck_works_years"),
        (f"UPDATE reelkeeper.manifestations SET source_id = NULL WHERE id = '{RESTORED}'", "restored_has_a_source"),
        (f"UPDATE reelkeeper.manifestations SET variant_id = '{WORK}'", "variant_is_the_sources"),
        (f"{MOVE} WHERE id = '{SOURCE}'", "fk_manifestations_variant"),
        (f"{MOVE} WHERE id = '{RESTORED}'", "fk_manifestations_source"),
        (
            "INSERT INTO reelkeeper.manifestations (id, work_id, kind, source_id)"
            f" VALUES (gen_random_uuid(), '{WORK}', 'restored version', '{SOURCE}')",
            "uq_manifestations_source_id",
        ),
    ],
)  # fmt: skip
def test_descriptions_that_cannot_be_are_refused(sessions, statement, rule):
    works(sessions)
    with pytest.raises(IntegrityError, match=rule):
        execute(sessions, statement)


def test_what_was_restored_moves_with_its_source_to_another_work(sessions):
    works(sessions)
    execute(
        sessions, f"UPDATE reelkeeper.manifestations SET work_id = '{OTHER}', variant_id = NULL WHERE id = '{SOURCE}'"
    )
    with sessions() as session:
        moved = "SELECT count(*) FROM reelkeeper.manifestations WHERE work_id = :work"
        assert session.scalar(text(moved), {"work": OTHER}) == 2


def test_exceptions_of_one_scan_do_not_overlap_and_those_of_two_may(sessions):
    make_ingested(sessions)
    execute(sessions, exception("[9,11)"), exception("[11,100)"), exception("[0,9)"))
    for frames in ("[10,11)", "[99,101)", "[0,2000000000)"):
        with pytest.raises(IntegrityError, match="ex_frame_exceptions_overlap"):
            execute(sessions, exception(frames))
    for frames in ("empty", "[5,)", "[-1,0)"):
        with pytest.raises(IntegrityError, match="ck_frame_exceptions_frames"):
            execute(sessions, exception(frames))
    again = (
        "INSERT INTO reelkeeper.scans (event_id, reel_id, result_uri, frames, width, height, fps, bit_depth, pix_fmt)"
    )
    event = (
        "(SELECT max(id::text)::uuid FROM reelkeeper.events WHERE id NOT IN (SELECT event_id FROM reelkeeper.scans))"
    )
    execute(sessions, f"{again} SELECT {event}, reel_id, 'x', 5, 5, 5, '24', 8, 'gray' FROM reelkeeper.scans LIMIT 1")
    execute(sessions, exception("[0,100)", "(SELECT event_id FROM reelkeeper.scans WHERE frames = 5)"))


def relation(source: str, frames: str, of: str, *, made: str = "'a1'") -> str:
    held = "(SELECT id FROM reelkeeper.digital_objects WHERE role = {})"
    return (
        "INSERT INTO reelkeeper.object_relationships (object_id, source_id, frames, source_frames, event_id) VALUES"
        f" ({held.format(made)}, {held.format(source)}, '{frames}', '{of}', (SELECT id FROM reelkeeper.events LIMIT 1))"
    )


def test_a_frame_of_a_file_comes_from_one_frame_of_one_file(sessions):
    make_ingested(sessions)
    execute(
        sessions,
        *(
            "INSERT INTO reelkeeper.digital_objects (id, reel_id, role, uri, sha256, bytes, media_type)"
            f" SELECT gen_random_uuid(), reel_id, '{name}', '{name}', repeat('a', 64), 1, 'x' FROM reelkeeper.chains"
            for name in ("a1", "a2", "a3")
        ),
        relation("'a2'", "[0,10)", "[90,100)"),
    )
    with pytest.raises(IntegrityError, match="ex_object_relationships_one_source"):
        execute(sessions, relation("'a3'", "[9,10)", "[0,1)"))
    with pytest.raises(IntegrityError, match="frame_by_frame"):
        execute(sessions, relation("'a3'", "[10,20)", "[0,1)"))
    with pytest.raises(IntegrityError, match="not_itself"):
        execute(sessions, relation("'a1'", "[10,20)", "[0,10)"))
    execute(sessions, relation("'a3'", "[10,20)", "[0,10)"), relation("'a3'", "[0,10)", "[0,10)", made="'a2'"))


@pytest.mark.parametrize("table", ["object_relationships", "policies", "restorations"])
def test_what_became_of_files_is_never_changed(sessions, table):
    for statement in (f"DELETE FROM reelkeeper.{table}", f"UPDATE reelkeeper.{table} SET event_id = event_id"):
        with pytest.raises(IntegrityError, match="never changed"):
            execute(sessions, statement)


@pytest.mark.parametrize(
    ("words", "folded"),
    [
        ("Crème BRÛLÉE", "creme brulee"),
        ("Żółw", "zolw"),
        ("Война и мир", "воина и мир"),
        ("東京、HK-12_r3", "東 京 hk 12 r3"),
        ("%_ -", ""),
    ],
)
def test_words_are_folded(sessions, words, folded):
    with sessions() as session:
        assert session.scalar(text("SELECT reelkeeper.folded(:words)"), {"words": words}) == folded
