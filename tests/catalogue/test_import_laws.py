"""Laws of tables: what is exported imports to the same catalogue, and garbage lands whole or not at all."""

from __future__ import annotations

import csv
import io
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy.orm import sessionmaker

from restoration_tasks.catalogue import cells, tables
from restoration_tasks.catalogue.columns import DESCRIBING
from restoration_tasks.catalogue.work_models import ElementType, FilmGauge, TitleKind
from restoration_tasks.runtime.errors import WrongUse
from tests.catalogue.test_import import exported, load, rows_of

WORDS = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(cells.plain)
HOSTILE = st.sampled_from(
    ["=1+1", "'=x", "''+", "'Round Midnight", "a|b;c\\", "\\", "a\nb", "\u202eمرحبا", "東京", "x" * 300]
)
TEXT = (WORDS | HOSTILE).map(cells.plain)
MARKS = TEXT.map(lambda t: t[:200].strip()).filter(bool)
TITLES = st.lists(
    st.builds(cells.Title, TEXT, st.none() | st.sampled_from(["en", "zh-Latn"]), st.sampled_from(TitleKind)),
    max_size=3, unique=True,
).map(tuple)  # fmt: skip
MAKERS = st.lists(st.builds(cells.Maker, TEXT, TEXT), max_size=3, unique=True).map(tuple)
ROWS = st.lists(
    st.fixed_dictionaries(
        {"item": MARKS, "title": TEXT},
        optional={
            "reel": st.text(string.ascii_uppercase, min_size=1, max_size=3),
            "alternative_titles": TITLES,
            "makers": MAKERS,
            "year": st.builds(lambda a, b: cells.Years(min(a, b), max(a, b)), *[st.integers(1888, 2100)] * 2),
            "languages": st.sampled_from([(), ("zh",), ("zh", "en")]),
            "variant": MARKS,
            "element": st.sampled_from(ElementType),
            "gauge": st.sampled_from(FilmGauge),
            "condition": TEXT,
        },
    ),
    min_size=1, max_size=4, unique_by=(lambda row: row["item"], lambda row: row.get("reel") or row["item"]),
)  # fmt: skip


@pytest.fixture(scope="module")
def emptied(module_database):
    """A catalogue that is emptied for each example."""
    engine = create_engine(module_database)
    yield sessionmaker(engine, expire_on_commit=False)
    engine.dispose()


def empty(sessions) -> None:
    names = "work_titles, work_makers, items, manifestations, variants, works, active_runs, reels"
    with sessions.begin() as session:
        session.execute(text("UPDATE reelkeeper.reels SET item_id = NULL"))
        for name in names.split(", "):
            session.execute(text(f"DELETE FROM reelkeeper.{name}"))


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(rows=ROWS)
def test_what_is_exported_imports_to_the_same_catalogue(emptied, tmp_path, rows):
    empty(emptied)
    typed = [{name: cells.written(value) for name, value in row.items()} for row in rows]
    path = tmp_path / "typed.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        tables.write_csv(file, [list(DESCRIBING), *([row.get(name, "") for name in DESCRIBING] for row in typed)])
    load(emptied, path)
    first = exported(emptied)
    found = {row["item"]: row for row in rows_of(first)}
    for row in typed:
        assert {name: _unquoted(found[_quoted(row["item"])][name]) for name in row} == row
    (tmp_path / "out.csv").write_text(first, encoding="utf-8", newline="")
    assert load(emptied, tmp_path / "out.csv") == []
    empty(emptied)
    load(emptied, tmp_path / "out.csv")
    assert exported(emptied) == first


def _quoted(text_: str) -> str:
    return next(csv.reader(io.StringIO(_written([text_]), newline="")))[0]


def _unquoted(text_: str) -> str:
    return text_[1:] if text_.startswith("'") and _quoted(text_[1:]) == text_ else text_


def _written(row: list[str]) -> str:
    file = io.StringIO(newline="")
    tables.write_csv(file, [row])
    return file.getvalue()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=st.binary(max_size=200)
    | st.lists(st.lists(st.sampled_from([*DESCRIBING, "x", "1", "'", '"', "|", "\x00"]), max_size=6), max_size=5).map(
        lambda rows: "\n".join(",".join(row) for row in rows).encode()
    )
)
def test_garbage_is_refused_whole_or_imported_whole(emptied, tmp_path, content):
    empty(emptied)
    path = tmp_path / "garbage.csv"
    path.write_bytes(content)
    try:
        landed = load(emptied, path)
    except WrongUse:
        landed = []
    assert len({change.item for change in landed}) == len({row["item"] for row in rows_of(exported(emptied))})


@given(st.lists(st.lists(TEXT | st.just(""), min_size=1, max_size=3).map(tuple), min_size=1, max_size=3))
def test_a_list_in_a_cell_reads_back(values):
    assert cells.split(cells.join(values)) == values
