"""Evaluate rules on measured tables with great-expectations, telling *passed*, *failed* and *crashed* apart."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

from restoration_tasks.quality.findings import LISTED, FrameNumber, RuleResult, Status
from restoration_tasks.quality.rules import INDEX_COLUMNS, Expectation, InPieces, Kind, Rule, Scope, Table
from restoration_tasks.runtime.memory import give_back

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext

WHOLE_TABLE: Final = frozenset({Kind.ROW_COUNT, Kind.VALUES_ARE_EXACTLY})
"""Expectations about a table or column as a whole: they name no row."""
AT_ONCE: Final = WHOLE_TABLE | {Kind.UNIQUE, Kind.UNIQUE_TOGETHER}
"""What only all rows together can answer. All else is asked of a piece of the table after the other."""
PIECE_ROWS: Final = 1000
"""Of a long table asked about at once: of every answer great-expectations keeps a few copies of the column in memory
(12 to 17 KB a frame for all questions of the check)."""
PIECES_KEPT: Final = 8
"""What great-expectations leaves of so many pieces lies in circles, which Python alone collects late; collecting takes
a quarter of a second, as much as a piece."""
OF_FRAMES: Final = frozenset({Table.FRAMES, Table.COPIES, Table.ENLARGED})
"""Tables of which a row is a frame."""
TOLD: Final = ("element_count", "observed_value", "unexpected_index_list")
"""What is read of an answer; great-expectations gives a dozen things more, the values of broken rows among them."""
NOUNS: Final = {
    Table.FACTS: "property",
    Table.FILES: "file",
    Table.FRAMES: "frame",
    Table.SHOTS: "shot",
    Table.COPIES: "frame",
    Table.SOUND: "sound track",
    Table.ENLARGED: "frame",
    Table.ENLARGED_FACTS: "property",
}
"""What staff call a row."""


def evaluate(rules: Sequence[Rule], tables: Mapping[Table, pd.DataFrame | InPieces]) -> tuple[RuleResult, ...]:
    """Evaluate every rule, in the order given.

    great-expectations by itself passes an empty table and an all-null column, and reports a missing column as an
    ordinary failure. So here: a null in a column a rule reads breaks the rule; a rule that finds no row breaks unless
    it is optional; an exception, a missing table and a missing answer are *crashed*, which counts as broken.

    Args:
        rules: what must hold.
        tables: the measured tables; one that is missing crashes its rules.
    """
    asked = [rule for rule in rules if not rule.idle]
    tables_read = [table for table in Table if table in tables and any(rule.table is table for rule in asked)]
    answers: dict[_Question, _Answer] = {}
    rows: dict[Table, int] = {}
    if tables_read:
        context = _context()
        for table in tables_read:
            questions = dict.fromkeys(one for rule in asked if rule.table is table for one in _questions(rule))
            measured = tables[table]
            measured = measured if isinstance(measured, InPieces) else InPieces.of(measured)
            rows[table] = measured.rows
            answers |= _asked_in_pieces(context, table, list(questions), measured)
    return tuple(_judge(rule, [answers.get(question) for question in _questions(rule)], rows) for rule in rules)


@dataclass(frozen=True, slots=True)
class _Question:
    """An expectation over some rows of a table. Rules share questions: great-expectations asks equal ones only once."""

    table: Table
    kind: Kind
    arguments: str
    """As JSON, so that equal questions are equal."""
    scope: Scope | None


@dataclass(frozen=True, slots=True)
class _Answer:
    success: bool
    result: Mapping[str, Any]
    exception: str | None


def _questions(rule: Rule) -> list[_Question]:
    """The rule's expectations, and before them that no column they read holds a null."""
    columns = dict.fromkeys(
        column
        for expectation in rule.expectations
        if expectation.kind is not Kind.PAIR_EQUAL  # which finds by itself that nothing equals a null
        for column in expectation.columns
    )
    no_nulls = [Expectation(Kind.NOT_NULL, {"column": column}) for column in columns]
    stated = [expectation for expectation in rule.expectations if expectation.kind is not Kind.NOT_NULL]
    return [
        _Question(
            rule.table,
            expectation.kind,
            json.dumps(expectation.arguments, sort_keys=True),
            None if expectation.kind in WHOLE_TABLE else rule.scope,
        )
        for expectation in (*no_nulls, *stated)
    ]


def _context() -> EphemeralDataContext:
    """A great-expectations context in memory: no files, no progress bars, no usage statistics."""
    # Read when the package is imported: nothing may leave an archive's network.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            store_backend_defaults=InMemoryStoreBackendDefaults(),
            progress_bars=ProgressBarsConfig(globally=False),
            analytics_enabled=False,
        ),
    )


def _asked_in_pieces(
    context: EphemeralDataContext, table: Table, questions: Sequence[_Question], measured: InPieces
) -> dict[_Question, _Answer]:
    """What `_ask` answers, asked of pieces of the table wherever rows can be judged one by one.

    A question that a piece leaves without an answer has none.
    """
    apart = [question for question in questions if question.kind not in AT_ONCE]
    together = [question for question in questions if question.kind in AT_ONCE]
    if measured.rows <= PIECE_ROWS or not apart:
        return _ask(context, table, questions, measured.only(measured.columns))
    answers = _ask(context, table, together, measured.only(_named(table, together))) if together else {}
    pieces = []
    for number, first in enumerate(range(0, measured.rows, PIECE_ROWS)):
        if number % PIECES_KEPT == 0:
            give_back()
        pieces.append(_ask(context, table, apart, measured.piece(first, min(first + PIECE_ROWS, measured.rows))))
    for question in apart:
        if all(question in piece for piece in pieces):
            answers[question] = _joined([piece[question] for piece in pieces])
    return answers


def _named(table: Table, questions: Sequence[_Question]) -> set[str]:
    """The columns that questions about all rows need; great-expectations copies what it is given several times."""
    named: set[str] = set(INDEX_COLUMNS[table])
    for question in questions:
        arguments = json.loads(question.arguments)
        named |= {*Expectation(question.kind, arguments).columns, *arguments.get("column_list", ())}
        if question.scope is not None:
            named.add(question.scope.column)
    return named


def _joined(answers: Sequence[_Answer]) -> _Answer:
    """The answer of a whole table from those of its pieces."""
    counted = [answer.result["element_count"] for answer in answers if "element_count" in answer.result]
    rows = [row for answer in answers for row in answer.result.get("unexpected_index_list") or ()]
    result: dict[str, Any] = {"unexpected_index_list": rows}
    if counted:
        result["element_count"] = sum(counted)
    return _Answer(
        success=all(answer.success for answer in answers),
        result=result,
        exception=next((answer.exception for answer in answers if answer.exception), None),
    )


def _ask(
    context: EphemeralDataContext, table: Table, questions: Sequence[_Question], frame: pd.DataFrame
) -> dict[_Question, _Answer]:
    """What great-expectations answers; a question it leaves out has no entry."""
    import great_expectations as gx
    from great_expectations import expectations as gxe
    from great_expectations.expectations.row_conditions import Column

    source = context.data_sources.add_or_update_pandas(f"measured {table}")
    asset = source.add_dataframe_asset(table.value)
    asked = []
    for number, question in enumerate(questions):
        arguments: dict[str, Any] = json.loads(question.arguments)
        if question.scope is not None:
            arguments["row_condition"] = Column(question.scope.column).is_in(
                [str(value) for value in question.scope.values]
            )
        if question.kind is Kind.PAIR_EQUAL:
            arguments["ignore_row_if"] = "neither"
        asked.append(getattr(gxe, question.kind.value)(**arguments, meta={"question": number}))
    # All at once: an expectation added to a suite is compared with every one in it.
    suite = gx.ExpectationSuite(name=table.value, expectations=asked)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    # A validation definition's run would keep every result in the context, which is a megabyte a piece.
    outcome = batch.validate(
        suite,
        result_format={
            "result_format": "COMPLETE",
            "unexpected_index_column_names": [name for name in INDEX_COLUMNS[table] if name in frame.columns],
        },
    )
    answers = {}
    for one in outcome.results:
        meta: Mapping[str, Any] = (one.expectation_config and one.expectation_config.meta) or {}
        answers[questions[meta["question"]]] = _Answer(
            success=bool(one.success),
            result={name: one.result[name] for name in TOLD if name in one.result},
            exception=_exception(one.exception_info),
        )
    context.data_sources.delete(source.name)  # it would keep the table
    return answers


def _exception(info: Mapping[str, Any] | None) -> str | None:
    """The message of an exception great-expectations swallowed: it sits at the top or one level down, by metric."""
    if not info:
        return None
    nested = [value for value in info.values() if isinstance(value, Mapping)]
    for one in (info, *nested):
        if one.get("raised_exception"):
            return str(one.get("exception_message") or "unnamed exception")
    return None


def _judge(rule: Rule, answers: Sequence[_Answer | None], rows: Mapping[Table, int]) -> RuleResult:
    if rule.idle:
        return _result(rule, Status.NOT_APPLICABLE, rule.idle)
    given = [answer for answer in answers if answer is not None]
    if reason := _why_crashed(rule, answers, rows):
        return _result(rule, Status.CRASHED, f"could not be checked: {reason}")
    if any(answer.result.get("element_count") == 0 for answer in given):
        if rule.optional and rows[rule.table]:
            return _result(rule, Status.NOT_APPLICABLE, "")
        return _result(rule, Status.FAILED, "there was nothing to check: no such row was measured")
    failed = [answer.result for answer in given if not answer.success]
    return _broken(rule, failed) if failed else _result(rule, Status.PASSED, "")


def _why_crashed(rule: Rule, answers: Sequence[_Answer | None], rows: Mapping[Table, int]) -> str | None:
    """Why a rule has no verdict, or None if it has one."""
    if rule.table not in rows:
        return f"the table of {rule.table} was not measured"
    if not answers or None in answers:
        return "the evaluation gave no answer"
    exceptions = [answer.exception for answer in answers if answer is not None and answer.exception]
    return " ".join(exceptions[0].split())[:300] if exceptions else None


def _broken(rule: Rule, failed: Iterable[Mapping[str, Any]]) -> RuleResult:
    """Gather which rows broke a rule, and the first values found there."""
    index = INDEX_COLUMNS[rule.table]
    rows: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(dict)
    observed: list[str] = []
    for result in failed:
        for row in result.get("unexpected_index_list") or ():
            rows[tuple(row.get(name) for name in index)].update(row)
        if "observed_value" in result:
            observed.append(_text(result["observed_value"]))
    if not rows:
        return _result(rule, Status.FAILED, "found " + "; ".join(observed) if observed else "does not hold")
    keys = sorted(rows, key=lambda key: tuple((part is None, part) for part in key))
    frames: tuple[FrameNumber, ...] = ()
    if rule.table in OF_FRAMES:
        whole = [key for key in keys if None not in key]
        frames = tuple(dict.fromkeys(FrameNumber(frame=int(key[0]), scan=int(key[1])) for key in whole))
    named = [_name(key) for key in keys] if frames else [_text(key[0]) for key in keys]
    farthest = max(keys, key=lambda key: _beyond(rule, rows[key]))
    values = {name: value for name, value in rows[farthest].items() if name not in index}
    told = ", ".join(f"{name.replace('_', ' ')} {_text(value)}" for name, value in values.items())
    which = f"Worst: {named[keys.index(farthest)]}" if farthest != keys[0] else "First"
    noun = NOUNS[rule.table]
    plural = noun if len(keys) == 1 else {"property": "properties"}.get(noun, f"{noun}s")
    more = ", …" if len(named) > 8 else ""
    return RuleResult(
        id=rule.id,
        severity=rule.severity,
        status=Status.FAILED,
        sentence=rule.sentence,
        detail=f"{len(keys)} {plural}: {', '.join(named[:8])}{more}. {which}: {told}",
        count=len(keys),
        frames=frames[:LISTED],
        worst=FrameNumber(frame=int(farthest[0]), scan=int(farthest[1])) if frames and None not in farthest else None,
        subjects=() if frames else tuple(named[:LISTED]),
    )


def farthest_frames(rules: Iterable[Rule], measured: InPieces) -> list[FrameNumber]:
    """Frames that lie farthest beyond the limits of rules, by what was measured alone.

    Those are what a report will show if great-expectations finds the rules broken there, as is to be expected: a
    null, and what is compared with another column, only it judges.

    Args:
        rules: about the table; those that set no limits have no such frame.
        measured: a table of which a row is a frame.
    """
    limited = [rule for rule in rules if not rule.idle and any(one.kind is Kind.BETWEEN for one in rule.expectations)]
    if not limited:
        return []
    read = {column for rule in limited for one in rule.expectations for column in one.columns}
    scoped = {rule.scope.column for rule in limited if rule.scope}
    table = measured.only({*INDEX_COLUMNS[limited[0].table], *read, *scoped})
    most = [0.0] * len(limited)
    found: dict[int, FrameNumber] = {}
    for values in zip(*(table[name] for name in table.columns), strict=True):
        row = dict(zip(table.columns, values, strict=True))
        for place, rule in enumerate(limited):
            inside = rule.scope is None or row[rule.scope.column] in rule.scope.values
            if inside and (beyond := _beyond(rule, row)) > most[place]:
                most[place] = beyond
                found[place] = FrameNumber(frame=int(row["frame"]), scan=int(row["scan_number"]))
    return list(dict.fromkeys(found[place] for place in sorted(found)))


def _name(key: tuple[Any, ...]) -> str:
    """A frame by its two numbers, and of which copy it is where the table holds several."""
    frame, scan, *copy = key
    return " of the ".join((f"{_text(frame)} (scan {_text(scan)})", *map(_text, copy)))


def _beyond(rule: Rule, row: Mapping[str, Any]) -> float:
    """How far a row lies beyond the limits of a rule; 0 where the rule has none, or they are no numbers."""
    farthest = 0.0
    for expectation in rule.expectations:
        value = row.get(str(expectation.arguments.get("column")))
        if expectation.kind is Kind.BETWEEN and isinstance(value, Real):
            low, high = (float(str(expectation.arguments[end])) for end in ("min_value", "max_value"))
            farthest = max(farthest, low - float(value), float(value) - high)
    return farthest


def _text(value: Any) -> str:
    """A value as staff read it: numbers short, nulls as *missing*."""
    if value is None or value != value:  # noqa: PLR0124 - only a null differs from itself
        return "missing"
    number = value.item() if hasattr(value, "item") else value
    return f"{number:.4g}" if isinstance(number, float) else str(number)


def _result(rule: Rule, status: Status, detail: str) -> RuleResult:
    return RuleResult(id=rule.id, severity=rule.severity, status=status, sentence=rule.sentence, detail=detail, count=0)
