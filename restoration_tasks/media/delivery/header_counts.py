"""Counting in headers: frame positions, names, time codes and film edge codes, each against the file names' numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import groupby, pairwise

from restoration_tasks.media.delivery.deviations import Deviation, Verdict, majority
from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.listing import NUMBERED
from restoration_tasks.media.delivery.records import FrameRecord

_COMPARE = "compare the frames before and after it with the film, and have them scanned again if they are out of order"
_ODD_POSITION = Verdict(
    Rule.FRAME_POSITION,
    Grade.FAIL,
    "the header counts this frame as another one than its file name does",
    _COMPARE,
)
_LOOSE_POSITIONS = Verdict(
    Rule.FRAME_POSITION, Grade.WARN, "the frame positions in the headers do not follow the file names"
)
_STILL_POSITIONS = Verdict(Rule.FRAME_POSITION, Grade.NOTE, "the headers have the same frame position in every frame")
_OTHER_NAME = Verdict(Rule.HEADER_FILE_NAME, Grade.WARN, "the header has the file name of another frame", _COMPARE)
_RENAMED = Verdict(Rule.HEADER_FILE_NAME, Grade.NOTE, "the header has another file name: the file was renamed")
_TIME_BACK = Verdict(Rule.TIMECODE, Grade.FAIL, "the time code does not run on from the frame before", _COMPARE)
_TIME_JUMP = Verdict(
    Rule.TIMECODE, Grade.WARN, "the time code jumps ahead", "check whether the scanner was stopped here"
)
_TIME_STILL = Verdict(Rule.TIMECODE, Grade.NOTE, "the time code does not run")
_EDGE_BACK = Verdict(
    Rule.KEYCODE, Grade.WARN, "the film's edge code runs backwards without a change of stock", _COMPARE
)
_EDGE_JUMP = Verdict(Rule.KEYCODE, Grade.NOTE, "the film's edge code jumps ahead: there may be a splice")
_EDGE_STILL = Verdict(Rule.KEYCODE, Grade.NOTE, "the film's edge code does not run")

_GAUGES = ((64, 4), (64, 3), (64, 2), (64, 1), (64, 8), (20, 1), (120, 5), (120, 8), (120, 15))
"""Perforations a count and a frame: 35 mm counts feet of 64, 16 mm half feet of 20, 65 mm feet of 120 perforations
(SMPTE ST 254, ST 271 and ST 270)."""
_NAME_FIELD = 98
"""A header's file name this long may have been cut off (the field has 100 bytes, ST 268 table 1)."""


def position_findings(records: Sequence[FrameRecord]) -> tuple[tuple[Finding, ...], set[int]]:
    """Frame positions against file names, and the places of frames that are counted otherwise."""
    stated = [at for at, record in enumerate(records) if record.counters.position is not None]
    if len(stated) < 2:
        return (), set()
    if len({records[at].counters.position for at in stated}) == 1:
        return _STILL_POSITIONS.findings(records, [_position(records, at, None) for at in stated]), set()
    odd: list[Deviation] = []
    for _, places in groupby(stated, key=lambda at: records[at].frame.part):
        run = list(places)
        base, share = majority(_base(records[at]) for at in run)
        if share <= 0.5 or base is None:
            return _LOOSE_POSITIONS.findings(records, [_position(records, at, None) for at in stated]), set()
        odd += [_position(records, at, base + records[at].frame.number) for at in run if _base(records[at]) != base]
    return _ODD_POSITION.findings(records, odd), {one.at for one in odd}


def _base(record: FrameRecord) -> int:
    assert record.counters.position is not None
    return record.counters.position - record.frame.number


def _position(records: Sequence[FrameRecord], at: int, expected: int | None) -> Deviation:
    wanted = None if expected is None else f"position {expected}"
    return Deviation(at, wanted, f"position {records[at].counters.position}")


def name_findings(records: Sequence[FrameRecord], skipped: set[int]) -> tuple[Finding, ...]:
    """File names in headers against the files' own, frames `skipped` left out."""
    shifts: dict[int, int | None] = {}
    for at, record in enumerate(records):
        written = _written_name(record)
        if at in skipped or written is None:
            continue
        found = NUMBERED.fullmatch(written) or re.fullmatch(r".*?(?P<number>\d{1,15})", written)
        same = written.casefold() == record.name.rpartition("/")[2].casefold()
        shifts[at] = 0 if same else int(found["number"]) - record.frame.number if found else None
    usual, _ = majority(shift for shift in shifts.values() if shift is not None)
    differing = [at for at in shifts if _differs(records[at])]
    other = [at for at in differing if shifts[at] is not None and shifts[at] != usual]
    renamed = [at for at in differing if at not in set(other)]
    return (
        *_OTHER_NAME.findings(records, [_name(records, at) for at in other]),
        *_RENAMED.findings(records, [_name(records, at) for at in renamed]),
    )


def _written_name(record: FrameRecord) -> str | None:
    """The header's file name without folders, or None where it has none or it may be cut off."""
    written = record.counters.file_name
    return None if not written or len(written) >= _NAME_FIELD else re.split(r"[\\/]", written)[-1]


def _differs(record: FrameRecord) -> bool:
    base, written = record.name.rpartition("/")[2].casefold(), (_written_name(record) or "").casefold()
    return written not in (base, base.rpartition(".")[0])


def _name(records: Sequence[FrameRecord], at: int) -> Deviation:
    return Deviation(at, records[at].name.rpartition("/")[2], records[at].counters.file_name)


def timecode_findings(records: Sequence[FrameRecord], skipped: set[int]) -> tuple[Finding, ...]:
    """Time codes against file names: a frame each, over midnight, with dropped counts where the header says so."""
    codes = {
        at: [int(part) for part in record.counters.timecode.split(":")]
        for at, record in enumerate(records)
        if record.counters.timecode is not None and at not in skipped
    }
    if len(codes) < 2:
        return ()
    if len({tuple(code) for code in codes.values()}) == 1:
        return _TIME_STILL.findings(records, [Deviation(at, None, records[at].counters.timecode) for at in codes])
    rate = max(round(records[0].header.fps or 0), max(code[3] for code in codes.values()) + 1)
    drops = any(record.header.dpx is not None and record.header.dpx.drop_frame for record in records)
    counts = {at: _timecode_frames(code, rate, drops) for at, code in codes.items()}
    day = _timecode_frames([24, 0, 0, 0], rate, drops)
    back, ahead = _jumps(counts, records, lambda record: record.frame.part, 1, day)
    return (
        *_TIME_BACK.findings(records, [Deviation(at, None, records[at].counters.timecode) for at in back]),
        *_TIME_JUMP.findings(records, [Deviation(at, None, records[at].counters.timecode) for at in ahead]),
    )


def _timecode_frames(code: Sequence[int], rate: int, drops: bool) -> int:
    """Frames since midnight; drop-frame codes leave out two numbers of 30 at each minute but the tenth (ST 12-1)."""
    hours, minutes, seconds, frames = code
    whole = ((hours * 60 + minutes) * 60 + seconds) * rate + frames
    if not drops or rate % 30:
        return whole
    total = hours * 60 + minutes
    return whole - 2 * (rate // 30) * (total - total // 10)


def edge_code_findings(records: Sequence[FrameRecord], skipped: set[int]) -> tuple[Finding, ...]:
    """Film edge codes against file names, within each stretch of one stock and roll."""
    stated = {
        at: (record.counters.edge_count, record.counters.edge_perforations)
        for at, record in enumerate(records)
        if record.counters.edge_count is not None
        and record.counters.edge_perforations is not None
        and at not in skipped
    }
    if len(stated) < 2:
        return ()
    if len(set(stated.values())) == 1 and len({_stock(records[at]) for at in stated}) == 1:
        return _EDGE_STILL.findings(records, [_edge(records, at) for at in stated])
    counts, step = _perforations(records, stated)
    back, ahead = _jumps(counts, records, _stock, step, None)
    return (
        *_EDGE_BACK.findings(records, [_edge(records, at) for at in back]),
        *_EDGE_JUMP.findings(records, [_edge(records, at) for at in ahead]),
    )


def _edge(records: Sequence[FrameRecord], at: int) -> Deviation:
    counters = records[at].counters
    return Deviation(at, None, f"{counters.edge_count}+{counters.edge_perforations}")


def _stock(record: FrameRecord) -> tuple[str, str | None, str | None, str | None]:
    """What changes at a splice of another stock or roll; also the part of the reel."""
    found = record.header.dpx
    assert found is not None
    return (record.frame.part, found.film_manufacturer, found.film_type, found.film_prefix)


def _perforations(
    records: Sequence[FrameRecord], stated: Mapping[int, tuple[int | None, int | None]]
) -> tuple[dict[int, int], int]:
    """Perforations since the edge code's zero, and how many a frame takes: by the gauge that fits most neighbours."""

    def counted(gauge: tuple[int, int]) -> dict[int, int]:
        return {at: (count or 0) * gauge[0] + (offset or 0) for at, (count, offset) in stated.items()}

    def fitting(gauge: tuple[int, int]) -> int:
        places = counted(gauge)
        return sum(
            places[after] - places[before] == gauge[1] * (records[after].frame.number - records[before].frame.number)
            for before, after in pairwise(places)
        )

    gauge = max(_GAUGES, key=fitting)
    return counted(gauge), gauge[1]


def _jumps(
    counts: Mapping[int, int],
    records: Sequence[FrameRecord],
    stretch: Callable[[FrameRecord], Hashable],
    step: int,
    cycle: int | None,
) -> tuple[list[int], list[int]]:
    """Places where a count does not run on: those that fall back or stand alone, and those from which it is ahead.

    Args:
        counts: the count by place in the list of records.
        records: all records.
        stretch: what must be the same for a count to run on.
        step: how much the count grows from number to number.
        cycle: where the count begins anew, if it does.
    """
    back: list[int] = []
    ahead: list[int] = []

    def offset(at: int) -> int:
        free = counts[at] - step * records[at].frame.number
        return free % cycle if cycle else free

    for _, places in groupby(counts, key=lambda at: stretch(records[at])):
        run = list(places)
        current = offset(run[0])
        for place, at in enumerate(run[1:], 1):
            found = offset(at)
            if found == current:
                continue
            if place + 1 < len(run) and offset(run[place + 1]) == current:
                back.append(at)  # this frame alone is out of the count
                continue
            gained = (found - current) % cycle if cycle else found - current
            forward = gained > 0 and (cycle is None or 2 * gained < cycle)
            (ahead if forward else back).append(at)
            current = found
    return back, ahead
