"""Long tables: kept by column, asked about piece by piece, and no answer is another for it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from restoration_tasks.media.table import Columns
from restoration_tasks.quality import expectations
from restoration_tasks.quality.expectations import evaluate, farthest_frames
from restoration_tasks.quality.facts import files_table
from restoration_tasks.quality.findings import FrameNumber, Severity, Status
from restoration_tasks.quality.frame_record import FrameRecord
from restoration_tasks.quality.policy import policy
from restoration_tasks.quality.rules import Expectation, InPieces, Kind, Rule, Scope, Table
from restoration_tasks.quality.suites import rules
from tests.quality.synthetic import SHOT_FRAMES, SHOTS, make_reel

FRAMES = SHOT_FRAMES * len(SHOTS)
ROW_COUNT = expectations._Question(Table.FRAMES, Kind.ROW_COUNT, f'{{"value": {SHOT_FRAMES * len(SHOTS)}}}', None)


@dataclass(frozen=True)
class Row:
    frame: int
    share: float
    black: bool
    md5: str


ROWS = [Row(0, 0.25, False, "ab"), Row(1, float("nan"), True, "cd"), Row(2, -1.5, False, "ab")]


def test_columns_give_back_the_rows_as_a_table_and_one_by_one():
    columns = Columns(Row)
    for row in ROWS:
        columns.add(row)
    pd.testing.assert_frame_equal(columns.table(), pd.DataFrame(ROWS))
    assert str(list(columns)) == str(ROWS)
    assert len(columns) == 3
    assert (str(columns[1]), str(columns[-2:])) == (str(ROWS[1]), str(ROWS[-2:]))
    assert columns.table(share=[1.0, 2.0, 3.0])["share"].tolist() == [1.0, 2.0, 3.0]
    assert list(Columns(Row).table()) == ["frame", "share", "black", "md5"]


def judged(tables, monkeypatch, piece_rows):
    monkeypatch.setattr(expectations, "PIECE_ROWS", piece_rows)
    wanted = rules(policy(), frames=FRAMES, shots=len(SHOTS), files=FRAMES)
    return evaluate([rule for rule in wanted if rule.table in (Table.FRAMES, Table.COPIES)], tables)


def test_pieces_of_a_table_break_the_rules_that_the_whole_breaks(monkeypatch):
    """A bad pixel, a null, a copy out of range, a frame measured twice in pieces far apart."""
    reel = make_reel()
    spoilt = reel.restored[8][0].copy()
    spoilt[0, 0] += 1
    reel.restored[8] = (spoilt,)
    tables = reel.tables()
    tables[Table.FRAMES].loc[4, "master_md5"] = None
    tables[Table.FRAMES].loc[17, "frame"] = 0
    tables[Table.COPIES].loc[[3, 30], "luma_db"] = 2.0
    whole = judged(tables, monkeypatch, 1000)
    assert sum(result.status is Status.FAILED for result in whole) >= 4
    assert judged(tables, monkeypatch, 5) == whole


def test_of_a_long_table_only_some_rows_or_some_columns_are_made_at_a_time(monkeypatch):
    whole, made = make_reel().tables()[Table.FRAMES], []

    def make(rows, columns):
        made.append((len(range(len(whole))[rows]), len(columns)))
        return whole.loc[:, list(columns)].iloc[rows]

    pieces = {Table.FRAMES: InPieces(len(whole), tuple(whole.columns), make)}
    assert judged(pieces, monkeypatch, 5) == judged({Table.FRAMES: whole}, monkeypatch, 1000)
    assert len(made) > 4
    assert all(rows <= 5 or columns <= 4 for rows, columns in made), made


@pytest.mark.parametrize("scope", [None, Scope("shot", ("b",))])
def test_the_frame_that_will_be_the_worst_is_known_before_anything_is_judged(scope):
    shares = [0.2, 0.9, float("nan"), 0.95, 0.7, 0.95]
    table = pd.DataFrame(
        {"frame": range(6), "scan_number": range(100, 106), "shot": list("aabbba"), "changed_share": shares}
    )
    within = Expectation(Kind.BETWEEN, {"column": "changed_share", "min_value": 0, "max_value": 0.5})
    high = Rule("a.rule", Table.FRAMES, Severity.FAIL, "Holds.", (within,), scope=scope)
    equal = Expectation(Kind.PAIR_EQUAL, {"column_A": "frame", "column_B": "scan_number"})
    unlimited = Rule("b.rule", Table.FRAMES, Severity.FAIL, "Holds.", (equal,))
    kept = Rule(
        "c.rule",
        Table.FRAMES,
        Severity.FAIL,
        "Holds.",
        (replace(within, arguments={**within.arguments, "max_value": 1}),),
    )
    found = farthest_frames([high, unlimited, kept], InPieces.of(table))
    (result,) = evaluate([high], {Table.FRAMES: table.dropna()})
    assert found == [result.worst] == [FrameNumber(frame=3, scan=103)]


def test_delivered_files_are_read_when_their_rows_are_asked_for(tmp_path):
    content = {f"{name}.dpx": name.encode() for name in "abcd"}
    for name, text in content.items():
        (tmp_path / name).write_bytes(text)
    sums = {name: hashlib.sha256(text).hexdigest() for name, text in content.items()}
    scan, done = SimpleNamespace(delivered=sums, root_of=lambda folder: folder), []
    table = files_table(scan, tmp_path, done.append)
    assert (table.rows, done) == (4, [])
    (tmp_path / "c.dpx").write_bytes(b"other")
    (tmp_path / "d.dpx").unlink()
    assert table.only(["file"]).file.tolist() == list(sums)
    assert done == [], "no file was read for its name"
    assert table.piece(0, 2).found.tolist() == [sums["a.dpx"], sums["b.dpx"]]
    later = table.piece(2, 4)
    assert done == [1, 2, 3, 4]
    assert later.found.tolist() == [hashlib.sha256(b"other").hexdigest(), None]
    rule = Rule(
        "f.rule",
        Table.FILES,
        Severity.FAIL,
        "Holds.",
        (Expectation(Kind.PAIR_EQUAL, {"column_A": "expected", "column_B": "found"}),),
    )
    (result,) = evaluate([rule], {Table.FILES: table})
    assert result.subjects == ("c.dpx", "d.dpx")


@pytest.mark.parametrize(("scope", "status"), [("b", Status.FAILED), ("c", Status.FAILED), ("a", Status.PASSED)])
def test_rows_of_a_scope_may_lie_in_any_piece_and_none_at_all_breaks_the_rule(monkeypatch, scope, status):
    monkeypatch.setattr(expectations, "PIECE_ROWS", 2)
    table = pd.DataFrame({"shot": ["a"] * 3 + ["b"], "changed_share": [0.1, 0.1, 0.2, 0.9]})
    within = Expectation(Kind.BETWEEN, {"column": "changed_share", "min_value": 0, "max_value": 0.5})
    rule = Rule("a.rule", Table.SHOTS, Severity.FAIL, "Holds.", (within,), scope=Scope("shot", (scope,)))
    (result,) = evaluate([rule], {Table.SHOTS: table})
    assert result.status is status
    assert result.subjects == (("b",) if scope == "b" else ())


def test_a_rule_that_crashes_in_one_piece_has_crashed(monkeypatch):
    monkeypatch.setattr(expectations, "PIECE_ROWS", 2)
    table = pd.DataFrame({"shot": list("abcd"), "changed_share": [0.1, 0.2, 0.3, "much"]})
    within = Expectation(Kind.BETWEEN, {"column": "changed_share", "min_value": 0, "max_value": 0.5})
    (result,) = evaluate([Rule("a.rule", Table.SHOTS, Severity.FAIL, "Holds.", (within,))], {Table.SHOTS: table})
    assert result.status is Status.CRASHED


def test_records_of_segments_are_joined_by_frame(tmp_path):
    for name, frames in (("b", [3, 2]), ("a", [0])):
        table = {"frame": frames, "px": [10 * frame for frame in frames], "more": frames}
        pq.write_table(pa.table(table), tmp_path / name)
    record = FrameRecord.read([tmp_path / "b", tmp_path / "a"], ["px"])
    assert [record.at(frame) for frame in range(5)] == [{"px": 0}, {}, {"px": 20}, {"px": 30}, {}]
    assert record.at(-1) == {}
    assert (record.total("px", 0, 3), record.total("px", 2, 9), record.total("px", 4, 9)) == (20, 50, 0)
    assert FrameRecord.read([], ["px"]).at(0) == {}
    assert FrameRecord.read([], ["px"]).total("px", 0, 3) == 0


def test_great_expectations_keeps_neither_answers_nor_tables(monkeypatch):
    """Its context lives as long as the process, and of a long reel it would hold a megabyte for every piece."""
    contexts = []
    made = expectations._context
    monkeypatch.setattr(expectations, "_context", lambda: contexts.append(made()) or contexts[-1])
    tables = make_reel().tables()
    assert judged({Table.FRAMES: tables[Table.FRAMES]}, monkeypatch, 5)
    (context,) = contexts
    assert context.validation_results_store.list_keys() == []
    assert len(context.data_sources.all()) == 0
    answer = expectations._ask(context, Table.FRAMES, [ROW_COUNT], tables[Table.FRAMES])[ROW_COUNT]
    assert answer.result == {"observed_value": FRAMES}
