"""The larger version of a reel held against the restoration master: its properties, and every frame shrunk again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from restoration_tasks.quality.findings import Severity
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.rules import Expectation, Kind, Rule, Scope, Table
from restoration_tasks.runtime.errors import MediaError

if TYPE_CHECKING:
    import pandas as pd

    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.media.picture import Frame
    from restoration_tasks.restoration.enlargement import Enlargement

COLUMNS: Final = ("frame", "scan_number", "differs_codes")
FACTS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "enlarged.decodes": (
        "The larger version can be read from the first frame to the last, and has as many frames as the scan.",
        ("enlarged decodes", "enlarged frames"),
    ),
    "enlarged.size": (
        "The larger version is as many times larger as the plan asks, in the scan's channels, depth and frame rate.",
        ("enlarged width", "enlarged height", "enlarged pixel format", "enlarged frame rate"),
    ),
    "enlarged.codec": (
        "The larger version is FFV1, every frame by itself; its access copy is H.264 and as long.",
        ("enlarged codec", "enlarged every frame by itself", "enlarged access codec", "enlarged access frames"),
    ),
}
"""Rules about properties of files: what staff read, and the facts that must be as expected."""
EFFECT: Final = "effect"
WHOLE: Final = "from first to last frame"


def enlarged_rules(policy: Policy, *, frames: int) -> tuple[Rule, ...]:
    """What the larger version must meet, beside the rules of `suites.rules`.

    Args:
        policy: the thresholds.
        frames: how many frames the scan has.
    """
    same = (Expectation(Kind.PAIR_EQUAL, {"column_A": "expected", "column_B": "found"}),)
    every = [EFFECT, *(fact for _, facts in FACTS.values() for fact in facts)]
    limit = policy.limit("enlarged_difference_max")
    return (
        Rule(
            "enlarged.every_frame_measured",
            Table.ENLARGED,
            Severity.FAIL,
            "Every frame of the larger version was compared with its restored frame, once.",
            (Expectation(Kind.ROW_COUNT, {"value": frames}), Expectation(Kind.UNIQUE, {"column": "frame"})),
        ),
        Rule(
            "enlarged.true_to_the_restoration",
            Table.ENLARGED,
            Severity.FAIL,
            "Every frame of the larger version, shrunk again, is the restored frame.",
            (Expectation(Kind.BETWEEN, {"column": "differs_codes", "min_value": 0, "max_value": limit}),),
        ),
        *(
            Rule(rule_id, Table.ENLARGED_FACTS, Severity.FAIL, sentence, same, scope=Scope("fact", facts))
            for rule_id, (sentence, facts) in FACTS.items()
        ),
        Rule(
            "enlarged.every_property_read",
            Table.ENLARGED_FACTS,
            Severity.FAIL,
            "Every property of the larger version was read, once.",
            (
                Expectation(Kind.ROW_COUNT, {"value": len(every)}),
                Expectation(Kind.VALUES_ARE_EXACTLY, {"column": "fact", "value_set": sorted(every)}),
            ),
        ),
        Rule(
            "enlarged.nothing_invented",
            Table.ENLARGED_FACTS,
            Severity.NOTE,
            "The larger version holds no detail invented by a model.",
            same,
            scope=Scope("fact", (EFFECT,)),
        ),
    )


def enlarged_tables(
    scan: Scan,
    asked: Enlargement,
    *,
    restored: Path,
    enlarged: Path,
    access: Path,
    progress: Callable[[int, int], None] | None = None,
) -> dict[Table, pd.DataFrame]:
    """The tables that `enlarged_rules` are about. A fault of the files is a finding, not a crash.

    Args:
        scan: what was delivered.
        asked: what the plan asks for.
        restored: the restoration master.
        enlarged: the larger version.
        access: its access copy.
        progress: called with the frames compared and the frames there are.
    """
    import pandas as pd

    rows: list[tuple[int, int, float]] = []
    complaint = WHOLE
    try:
        for index, differs in enumerate(_differences(restored, enlarged, asked.factor)):
            rows.append((index, scan.number_at(min(index, scan.frames - 1)), differs))
            if progress is not None:
                progress(index + 1, scan.frames)
    except MediaError as error:
        complaint = error.message
    return {
        Table.ENLARGED: pd.DataFrame(rows, columns=list(COLUMNS)),
        Table.ENLARGED_FACTS: pd.DataFrame(
            _facts(scan, asked, enlarged, access, complaint), columns=["fact", "expected", "found"], dtype="object"
        ),
    }


def _differences(restored: Path, enlarged: Path, factor: int) -> Iterator[float]:
    """How far each frame lies from its restored frame when it is shrunk: root mean square, code values at 8 bits.

    Raises:
        MediaError: a file cannot be read on, or is of another size.
    """
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.restoration.enlarge import CODE, shrunk
    from restoration_tasks.restoration.enlarge_segment import large_format
    from restoration_tasks.restoration.shares import shares

    small, large = FrameReader(restored), FrameReader(enlarged)
    wanted = large_format(small.format, factor)
    if large.format.plane_shapes != wanted.plane_shapes or large.format.dtype != wanted.dtype:
        raise MediaError(f"another picture: {large.format.width}x{large.format.height} {large.format.pix_fmt}")

    def seen(frame: Frame, reader: FrameReader) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        return shares(reader.format.to_work(frame), reader.format).transpose(2, 0, 1)

    for frame, larger in zip(small, large, strict=False):
        away = shrunk(seen(larger, large), factor) - seen(frame, small)
        yield float(np.sqrt(np.mean(np.square(away, dtype=np.float64)))) / CODE


def _facts(
    scan: Scan, asked: Enlargement, enlarged: Path, access: Path, complaint: str
) -> Sequence[tuple[str, str, str]]:
    from restoration_tasks.media.join import count_frames
    from restoration_tasks.media.probe import probe
    from restoration_tasks.models.shelf.entry import Effect

    def read(what: Callable[[], object]) -> str:
        try:
            return str(what())
        except MediaError as error:
            return error.message

    frames = str(scan.frames)
    return [
        ("enlarged decodes", WHOLE, complaint),
        ("enlarged frames", frames, read(lambda: count_frames(enlarged))),
        ("enlarged width", str(scan.picture.width * asked.factor), read(lambda: probe(enlarged).format.width)),
        ("enlarged height", str(scan.picture.height * asked.factor), read(lambda: probe(enlarged).format.height)),
        ("enlarged pixel format", scan.picture.pix_fmt, read(lambda: probe(enlarged).format.pix_fmt)),
        ("enlarged frame rate", str(Fraction(scan.picture.fps)), read(lambda: probe(enlarged).format.fps)),
        ("enlarged codec", "FFV1", read(lambda: probe(enlarged).codec)),
        ("enlarged every frame by itself", "True", read(lambda: probe(enlarged).intra_only)),
        ("enlarged access codec", "AVC", read(lambda: probe(access).codec)),
        ("enlarged access frames", frames, read(lambda: count_frames(access))),
        (EFFECT, Effect.FAITHFUL.value, asked.entry.effect.value),
    ]
