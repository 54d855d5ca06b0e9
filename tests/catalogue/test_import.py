"""Tables into the catalogue and out again: every row or none, once, and the same catalogue comes back."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest
from sqlalchemy import create_engine, func, select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import sessionmaker

from restoration_tasks.catalogue import carriers, reels, tables
from restoration_tasks.catalogue.columns import COLUMNS
from restoration_tasks.catalogue.descriptions import ensure_described
from restoration_tasks.catalogue.exports import write_catalogue
from restoration_tasks.catalogue.imports import TableRefused, changes_of, import_table
from restoration_tasks.catalogue.search import search
from restoration_tasks.catalogue.tables import read_table
from restoration_tasks.catalogue.work_models import Work
from restoration_tasks.provenance.agents import Person
from restoration_tasks.provenance.models import Event
from restoration_tasks.provenance.verify import verify
from restoration_tasks.runtime.errors import WrongUse
from tests.catalogue.reel import catalogue as publish_reel
from tests.catalogue.reel import make_decided
from tests.provenance.results import REEL

ANA = Person("ana")
FULL = {
    "item": "N-1963/7", "reel": "LOVE_r1", "work": "F-77", "title": "梁山伯與祝英台", "year": "1963",
    "alternative_titles": "The Love Eterne; en; translated | Liang Shan Bo yu Zhu Ying Tai; zh-Latn; transcribed",
    "countries": "HK", "languages": "zh", "makers": "Li Han-hsiang; director | Shaw Brothers; production company",
    "variant": "Mandarin", "element": "Original Negative", "gauge": "35mm", "base": "acetate",
    "condition": "edge wear " * 999 + "end", "made_year": "1963", "ad_strip_level": "1,5", "shrinkage_percent": "0.8",
    "smell": "slight", "carrier_note": "can rusty",
}  # fmt: skip


def as_csv(folder: Path, *rows: dict[str, str], delimiter: str = ",", name: str = "table.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(dict.fromkeys(key for row in rows for key in row)), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)
    return path


def load(sessions, path: Path):
    with sessions.begin() as session:
        return import_table(session, read_table(path), person=ANA)


def exported(sessions) -> str:
    file = io.StringIO(newline="")
    with sessions() as session:
        write_catalogue(session, file)
    return file.getvalue()


def rows_of(text_: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_, newline="")))


def events(sessions) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(Event))


def test_a_row_is_a_film_an_item_and_a_reel_and_the_same_table_again_changes_nothing(sessions, tmp_path):
    path = as_csv(tmp_path, FULL, {"item": "P-2", "work": "F-77", "title": FULL["title"]}, delimiter=";")
    with sessions() as session, pytest.raises(TableRefused, match="what row 2 says of the same work"):
        changes_of(session, read_table(path))
    second = {name: FULL[name] for name in ("work", "title", "year", "alternative_titles", "countries", "languages",
                                            "makers")} | {"item": "P-2", "element": "print"}  # fmt: skip
    path = as_csv(tmp_path, FULL, second, delimiter=";")
    assert [change.new for change in load(sessions, path)] == [True, True]
    told = events(sessions)
    assert load(sessions, path) == []
    assert events(sessions) == told
    first, other = rows_of(exported(sessions))
    assert (first["element"], first["gauge"], first["ad_strip_level"]) == ("original negative", "35 mm", "1.5")
    assert (first["state"], other["reel"], other["work"]) == ("registered", "", "F-77")
    with sessions() as session:
        assert reels.require(session, "LOVE_r1").title == FULL["title"]
        reading = carriers.newest(session, "LOVE_r1")
        assert (reading.base, reading.smell, reading.note) == ("acetate", "slight", "can rusty")
        kinds = session.execute(text("SELECT kind, count(*) FROM reelkeeper.manifestations GROUP BY 1")).all()
        assert kinds == [("source element", 2)]
        assert verify(session).ok


def test_what_changes_is_told_before_and_stands_in_the_chain_of_its_reel(sessions, tmp_path):
    load(sessions, as_csv(tmp_path, FULL))
    path = as_csv(tmp_path, {"reel": "LOVE_r1", "title": "The Love Eterne", "condition": "", "smell": ""})
    with sessions() as session:
        (change,) = changes_of(session, read_table(path))
    assert change.changed == {"title": (FULL["title"], "The Love Eterne"), "condition": (FULL["condition"], "")}
    assert rows_of(exported(sessions))[0]["title"] == FULL["title"]
    assert load(sessions, path) == [change]
    with sessions() as session:
        event = session.scalars(
            select(Event).where(Event.subtype == "catalogue import", Event.reel_id == "LOVE_r1")
        ).one()
        assert event.detail["changed"]["title"] == {"before": FULL["title"], "now": "The Love Eterne"}
        assert reels.require(session, "LOVE_r1").title == "The Love Eterne"
        assert carriers.newest(session, "LOVE_r1").smell == "slight"
        assert verify(session).ok


def test_lists_are_replaced_and_emptied_whole(sessions, tmp_path):
    load(sessions, as_csv(tmp_path, FULL))
    shorter = {
        "item": FULL["item"],
        "alternative_titles": "New; en; working",
        "makers": "",
        "countries": "",
        "year": "",
    }
    load(sessions, as_csv(tmp_path, shorter))
    (row,) = rows_of(exported(sessions))
    assert {name: row[name] for name in shorter} == shorter
    assert row["languages"] == "zh"


def test_an_item_may_be_known_before_its_reel_and_may_move_to_another_film(sessions, tmp_path):
    known = {name: value for name, value in FULL.items() if name in ("item", "work", "title", "variant", "base")}
    load(sessions, as_csv(tmp_path, known))
    load(sessions, as_csv(tmp_path, known | {"reel": "LOVE_r1"}))
    load(sessions, as_csv(tmp_path, {"item": "N-1963/7", "reel": "LOVE_r2"}))
    (change,) = load(
        sessions, as_csv(tmp_path, {"reel": "LOVE_r1", "work": "F-78", "title": "Another", "variant": "Cut"})
    )
    assert set(change.changed) == {"work", "title", "variant"}
    found = rows_of(exported(sessions))
    assert [(row["reel"], row["work"], row["title"], row["variant"]) for row in found] == [
        ("LOVE_r1", "F-78", "Another", "Cut"),
        ("LOVE_r2", "F-78", "Another", "Cut"),
    ]
    with sessions() as session:
        assert carriers.newest(session, "LOVE_r1").base == "acetate"
        assert reels.require(session, "LOVE_r2").title == "Another"


def test_a_reel_nobody_described_is_exported_and_described_by_a_table_or_when_it_is_needed(sessions, tmp_path):
    with sessions.begin() as session:
        for reel, title in (("R-1", " a\x07b "), ("R-2", "\x00"), ("R-3", "x")):
            reels.register(session, reel, title=title)
    before = exported(sessions)
    assert [row["title"] for row in rows_of(before)] == ["a\ufffdb", "\ufffd", "x"]
    (tmp_path / "out.csv").write_text(before, encoding="utf-8", newline="")
    assert load(sessions, tmp_path / "out.csv") == []
    load(sessions, as_csv(tmp_path, {"reel": "R-1", "item": "N-5", "gauge": "16 mm"}))
    with sessions.begin() as session:
        assert ensure_described(session, "R-2") == ensure_described(session, "R-2")
    found = rows_of(exported(sessions))
    assert [(row["item"], row["work"], row["title"]) for row in found] == [
        ("N-5", "R-1", "a\ufffdb"), ("R-2", "R-2", "\ufffd"), ("R-3", "R-3", "x"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"item": "X"}, "row 2, column title: found '', expected a title, as film X is not known yet"),
        ({"title": "x", "item": ""}, "column item: found '', expected a shelf mark"),
        ({"item": "X", "title": "x", "year": "19"}, "column year: found '19', expected a year"),
        ({"item": "X", "title": "x", "year": "1965-1963"}, "column year"),
        ({"item": "X", "title": "x", "base": "celluloid"}, "expected one of nitrate, acetate, polyester"),
        ({"item": "X", "title": "x", "reel": "../etc"}, "column reel: found '../etc', expected reel id"),
        ({"item": "X", "title": "x", "smell": "strong"}, "a reel in this row"),
        ({"item": "X", "title": "x", "reel": "R", "ad_strip_level": "nan"}, "a number from 0 to 3"),
        ({"item": "X", "title": "a\x07b"}, "expected no the control character U+0007"),
        ({"item": "X", "title": "x" * 32_768}, "32768 characters, of 32767 at most"),
        ({"item": "X" * 201, "title": "x"}, "200 characters at most"),
        ({"item": "X", "title": "x", "makers": "Li"}, "name; role"),
        ({"item": "X", "title": "x", "makers": "Li; a | Li; a"}, "none twice"),
        ({"item": "X", "title": "x", "alternative_titles": "a; english"}, "column alternative_titles"),
        ({"item": "X", "title": "x", "countries": "Hong Kong"}, "column countries"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_named_and_nothing_of_the_table_lands(sessions, tmp_path, row, said):
    good = {"item": "GOOD", "title": "good"}
    with pytest.raises(TableRefused) as refused:
        load(sessions, as_csv(tmp_path, row, good))
    assert said in str(refused.value.problems[0])
    assert "1 of 2 rows" in str(refused.value)
    assert rows_of(exported(sessions)) == []
    assert events(sessions) == 0


def test_what_is_said_twice_must_be_said_alike(sessions, tmp_path):
    twice = as_csv(tmp_path, FULL, FULL | {"item": "N-2"})
    with sessions() as session, pytest.raises(TableRefused, match="each once; row 2 has it too"):
        changes_of(session, read_table(twice))
    other = as_csv(tmp_path, FULL, FULL | {"reel": "LOVE_r2", "gauge": "16 mm"})
    with sessions() as session, pytest.raises(TableRefused, match=r"what row 2 says of the same item: '35 mm'"):
        changes_of(session, read_table(other))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the table is empty"),
        (b"\n\n", "the table is empty"),
        ("item,title\nX,Café".encode("latin-1"), r"not UTF-8.*byte 0xe9 in line 2"),
        ("item,title\nX,x".encode("utf-16"), "found UTF-16"),
        (b'item,title\n"X,x', "is no CSV"),
        (b"item,name\nX,x", "unknown column 'name'"),
        (b"item,item\nX,x", "'item' twice"),
        (b"title\nx", "neither item nor reel"),
        (b"item,title\n" + b"X,x\n" * 50_001, "too many rows"),
        (b"item" + b",x" * 300, "too many columns"),
        (b"PK\x03\x04 not a zip", r"unknown column|neither item"),
    ],
)
def test_a_file_that_is_no_table_is_one_clear_line(sessions, tmp_path, content, said):
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(WrongUse, match=said), sessions.begin() as session:
        import_table(session, read_table(path), person=ANA)


def test_a_table_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "FILE_BYTES", 10)
    with pytest.raises(WrongUse, match="too large"):
        read_table(as_csv(tmp_path, FULL))
    with pytest.raises(WrongUse, match="cannot be read: No such file"):
        read_table(tmp_path / "none.csv")


def as_excel(folder: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(folder / "table.xlsx")
    return folder / "table.xlsx"


def test_excel_is_read_as_it_is_shown(sessions, tmp_path):
    path = as_excel(tmp_path, list(FULL), [int(v) if v.isdigit() else v for v in FULL.values()], [])
    load(sessions, path)
    assert rows_of(exported(sessions))[0]["year"] == "1963"
    assert load(sessions, as_csv(tmp_path, FULL)) == []


@pytest.mark.parametrize(
    ("cell", "said"), [("=1+1", "B2 holds a formula without its value"), ("#REF!", "B2 holds an error")]
)
def test_excel_that_holds_no_value_is_refused(tmp_path, cell, said):
    with pytest.raises(WrongUse, match=said):
        read_table(as_excel(tmp_path, ["item", "title"], ["X", cell]))


def test_a_shelf_mark_taken_for_a_date_is_told(tmp_path):
    from datetime import datetime

    with pytest.raises(WrongUse, match=r"A2 is a date.*format the cell as text"):
        read_table(as_excel(tmp_path, ["item", "title"], [datetime(2026, 1, 2), "x"]))  # noqa: DTZ001 - as Excel has it


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    bomb = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 2**20)
    monkeypatch.setattr(tables, "UNPACKED_BYTES", 2**20 - 1)
    with pytest.raises(WrongUse, match="when unpacked"):
        read_table(bomb)
    path = as_excel(tmp_path, ["item", "title"], ["X", "x"])
    entities = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><worksheet><sheetData>&b;</sheetData></worksheet>'
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in parts.items():
            archive.writestr(name, entities if "sheet1" in name else part)
    with pytest.raises(WrongUse, match="the Excel file cannot be read") as refused:
        read_table(path)
    assert "EntitiesForbidden" in repr(refused.value.__cause__.__cause__)


def test_a_worker_as_writer_may_import_and_no_more(database, tmp_path):
    engine = create_engine(database, connect_args={"options": "-c role=reelkeeper_writer"})
    sessions = sessionmaker(engine, expire_on_commit=False)
    load(sessions, as_csv(tmp_path, FULL))
    load(sessions, as_csv(tmp_path, FULL | {"work": "F-78", "makers": "", "variant": ""}))
    with sessions.begin() as session:
        reels.register(session, "R-9")
        ensure_described(session, "R-9")
    load(sessions, as_csv(tmp_path, {"reel": "R-9", "item": FULL["item"]}))
    assert {row["item"] for row in rows_of(exported(sessions))} == {FULL["item"]}
    for statement in ("DELETE FROM reelkeeper.works", "UPDATE reelkeeper.restorations SET frames = 1"):
        with sessions() as session, pytest.raises(ProgrammingError, match="permission denied"):
            session.execute(text(statement))
    engine.dispose()


def test_the_documented_columns_are_the_columns():
    told = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text(encoding="utf-8")
    for column in COLUMNS:
        assert f"| `{column.name}` |" in told, column.name


def restored_of(sessions, reel_id):
    """The film a reel's restoration is of, by the manifestations it is linked through."""
    query = text(
        "SELECT work.identifier FROM reelkeeper.restorations AS restored"
        " JOIN reelkeeper.manifestations AS version ON version.id = restored.manifestation_id"
        " JOIN reelkeeper.works AS work ON work.id = version.work_id WHERE restored.reel_id = :reel"
    )
    with sessions() as session:
        return session.scalars(query, {"reel": reel_id}).all()


def test_what_stood_in_for_a_reel_takes_the_name_it_is_described_by(sessions, vault, products, tmp_path):
    """A reel restored before anybody described it: afterwards there is one item, one film, and the link holds."""
    make_decided(sessions)
    publish_reel(sessions, vault, products)
    assert restored_of(sessions, REEL) == [REEL]
    load(sessions, as_csv(tmp_path, {"reel": REEL, "item": "N-1963/7", "work": "F-77", "title": "Love"}))
    (row,) = rows_of(exported(sessions))
    assert (row["item"], row["reel"], row["work"], row["title"]) == ("N-1963/7", REEL, "F-77", "Love")
    assert row["restored_master_uri"]
    assert restored_of(sessions, REEL) == ["F-77"]
    # made from the very source element that the item is
    linked = (
        "SELECT version.source_id = known.source_manifestation FROM reelkeeper.v_catalogue AS known"
        " JOIN reelkeeper.manifestations AS version ON version.id = known.restored_manifestation"
    )
    with sessions() as session:
        assert session.scalars(text(linked)).all() == [True]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Work)) == 1
        assert [one.item for one in search(session, "love")] == ["N-1963/7"]


def test_what_stood_in_goes_where_item_and_film_are_known(sessions, vault, products, tmp_path):
    load(sessions, as_csv(tmp_path, FULL))
    make_decided(sessions)
    publish_reel(sessions, vault, products)
    load(sessions, as_csv(tmp_path, {"reel": REEL, "item": FULL["item"], "work": "F-77"}))
    assert [(row["item"], row["reel"], row["work"]) for row in rows_of(exported(sessions))] == [
        (FULL["item"], REEL, "F-77"), (FULL["item"], "LOVE_r1", "F-77"),
    ]  # fmt: skip
    assert restored_of(sessions, REEL) == ["F-77"]
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Work)) == 1
        assert verify(session).ok


def test_an_item_that_somebody_described_stays_when_its_reel_moves(sessions, tmp_path):
    load(sessions, as_csv(tmp_path, {"reel": "R-1", "title": "Love", "gauge": "35 mm"}))
    load(sessions, as_csv(tmp_path, {"reel": "R-1", "item": "N-1", "title": "Love"}))
    assert [(row["item"], row["reel"]) for row in rows_of(exported(sessions))] == [("N-1", "R-1"), ("R-1", "")]
