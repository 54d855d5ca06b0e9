"""The copies people watch held against their masters: what each frame shows, and the signal it is coded in."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from restoration_tasks.media.signal import Signal
from restoration_tasks.media.table import Columns
from restoration_tasks.quality.findings import Severity
from restoration_tasks.quality.policy import Policy
from restoration_tasks.quality.rules import Expectation, Kind, Rule, Scope, Table
from restoration_tasks.quality.texture import shift_px
from restoration_tasks.runtime.errors import MediaError

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.media.picture import PictureFormat
    from restoration_tasks.media.small_views import SmallView

MEZZANINE: Final = "mezzanine"
ACCESS: Final = "access"
SCAN_ACCESS: Final = "scan_access"
"""The access copy of the scan, beside which the restoration is played; there is one where a frame changed."""
PIXEL_FORMATS: Final = {MEZZANINE: "yuv422p10le", ACCESS: "yuv420p", SCAN_ACCESS: "yuv420p"}
"""By copy, how its samples are to be laid out."""
_LIMITS: Final = {SCAN_ACCESS: ACCESS}
"""Copies that are held to the limits of another, as they are made like it."""
ALIKE_DB: Final = 100.0
"""What stands for the distance of two equal pictures."""
PEAK: Final = 1023.0
"""Largest code of a small view, as ffmpeg's `psnr` takes it."""
BLOCK_PX: Final = 8
"""Side of the squares of a small view whose means are compared."""
PLACE_TOLD_PX: Final = 160
"""Width of a small view from which its place is told: in smaller pictures what coding does to grain pretends moves of a
quarter of a pixel (seen at 96x72), against 0.02 in the demo reel. A move by a pixel shows in `luma_db` as well, where
there is detail."""
CLEARLY_DB: Final = 6.0
"""A frame shows another one if it lies nearer to that by this much: half the distance, as `around.CLEARLY`."""


@dataclass(frozen=True)
class Seen:
    """What a frame of a copy shows, beside the frame of the restoration master it is to show; small views."""

    luma_db: float
    """PSNR of luma."""
    chroma_db: float
    """PSNR of both planes of chroma; grey film has grey in them."""
    tones_db: float
    """PSNR of the plane that is worst in it, of means over blocks of `BLOCK_PX`: coding leaves those, conversion does
    not."""
    place_off_px: float
    """How far the picture lies from where it should, pixels of the copy (`texture.shift_px`); 0 where none can be
    told."""
    out_of_order: bool
    """Shows the frame before or after its own."""


@dataclass(frozen=True)
class CopiedFrame(Seen, Signal):
    """One frame of a copy: what it shows and its signal."""

    frame: int
    scan_number: int
    copy: str
    saturation_max_allowed: float
    """The policy's limit, or the master's own figure on its way into the copy where that lies beyond; so the two."""
    outliers_allowed: float
    repeated_lines_allowed: float


COLUMNS: Final = tuple(field.name for field in fields(CopiedFrame))


def copy_rules(policy: Policy, *, frames: int, scan_copy: bool = False) -> tuple[Rule, ...]:
    """What the copies must show, beside the properties in `property_rules.FACTS`.

    Args:
        policy: the thresholds.
        frames: how many frames the scan has.
        scan_copy: whether there must be an access copy of the scan.
    """
    every_column = tuple(Expectation(Kind.NOT_NULL, {"column": column}) for column in COLUMNS)
    names = {MEZZANINE: ("mezzanine", "master", "restored"), ACCESS: ("access copy", "master", "restored")}
    if scan_copy:
        names[SCAN_ACCESS] = ("access copy of the scan", "scan", "scanned")
    return (
        Rule(
            "copies.every_frame_compared",
            Table.COPIES,
            Severity.FAIL,
            "Every frame of every copy was compared with the frame it is to show, once.",
            (
                Expectation(Kind.ROW_COUNT, {"value": frames * len(names)}),
                Expectation(Kind.UNIQUE_TOGETHER, {"column_list": ["copy", "frame"]}),
                *every_column,
            ),
        ),
        *(
            Rule(
                f"copies.{copy}_shows_the_{source}",
                Table.COPIES,
                Severity.FAIL,
                f"Every frame of the {name} shows what its {frame} frame shows, in the same place, tones and colours.",
                (
                    *(
                        Expectation(
                            Kind.BETWEEN,
                            {
                                "column": f"{figure}_db",
                                "min_value": policy.limit(f"{_LIMITS.get(copy, copy)}_{figure}_min"),
                                "max_value": ALIKE_DB,
                            },
                        )
                        for figure in ("luma", "chroma", "tones")
                    ),
                    Expectation(
                        Kind.BETWEEN,
                        {"column": "place_off_px", "min_value": 0, "max_value": policy.limit("copy_place_off_max")},
                    ),
                ),
                scope=Scope("copy", (copy,)),
            )
            for copy, (name, source, frame) in names.items()
        ),
        Rule(
            "copies.frames_in_order",
            Table.COPIES,
            Severity.FAIL,
            "No frame of a copy shows the frame before or after its own.",
            (Expectation(Kind.IN_SET, {"column": "out_of_order", "value_set": [False]}),),
        ),
        Rule(
            "copies.signal_range",
            Table.COPIES,
            Severity.WARN,
            "The signal of the copies keeps to what television equipment shows, as far as the film itself does.",
            (
                Expectation(
                    Kind.BETWEEN,
                    {"column": "y_low", "min_value": policy.limit("signal_y_min"), "max_value": 255},
                ),
                Expectation(
                    Kind.BETWEEN,
                    {"column": "y_high", "min_value": 0, "max_value": policy.limit("signal_y_max")},
                ),
                *(
                    Expectation(Kind.PAIR_AT_LEAST, {"column_A": f"{name}_allowed", "column_B": name, "or_equal": True})
                    for name in ("saturation_max", "outliers", "repeated_lines")
                ),
            ),
        ),
    )


def compare_copies(
    rows: Columns[CopiedFrame],
    scan: Scan,
    policy: Policy,
    *,
    restored: Path,
    copies: dict[str, Path],
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Measure what `copy_rules` are about; by copy, why it could not be read to its end.

    Frames stream by, three at a time and small; of the signal there are five numbers a frame.

    Args:
        rows: takes a row a frame of each copy.
        scan: what was delivered.
        policy: the limits of the signal.
        restored: the restoration master; the preservation master for the access copy of the scan.
        copies: by name (`PIXEL_FORMATS`), the file.
        progress: called with the frames compared and the frames there are.
    """
    from restoration_tasks.media.probe import probe

    complaints: dict[str, str] = {}
    try:
        picture = probe(restored).format
        shown = _shown(restored, picture, copies, complaints, progress, scan.frames)
    except MediaError as error:
        # What the restoration master is no picture of, no copy can be held against.
        complaints = dict.fromkeys(copies, f"the master: {error.message}")
        shown = {}
    for copy, seen in shown.items():
        signals = _signals(copy, copies[copy], restored, picture, policy, complaints)
        for index, (one, (own, allowed)) in enumerate(zip(seen, signals, strict=False)):
            rows.add(
                CopiedFrame(
                    frame=index,
                    scan_number=scan.number_at(min(index, scan.frames - 1)),
                    copy=copy,
                    **asdict(one),
                    **asdict(own),
                    saturation_max_allowed=allowed.saturation_max,
                    outliers_allowed=allowed.outliers,
                    repeated_lines_allowed=allowed.repeated_lines,
                )
            )
    return complaints


def _shown(
    restored: Path,
    picture: PictureFormat,
    copies: dict[str, Path],
    complaints: dict[str, str],
    progress: Callable[[int, int], None] | None,
    frames: int,
) -> dict[str, Columns[Seen]]:
    """By copy, how each of its frames compares with the restored one."""
    from restoration_tasks.media.small_views import copy_views, master_views, small_size

    size = small_size(picture)
    found = {copy: Columns(Seen) for copy in copies}
    recent: deque[tuple[SmallView, tuple[SmallView | None, ...]]] = deque(maxlen=3)

    def judge(here: int) -> None:
        """Judge one of the recent frames by those beside it."""
        wanted, views = recent[here]
        others = [recent[place][0] for place in (here - 1, here + 1) if 0 <= place < len(recent)]
        for copy, view in zip(copies, views, strict=True):
            if view is not None:
                found[copy].add(_seen(view, wanted, others, picture.width / size[0]))

    readers = [_until_complaint(copy, copy_views(path, size), complaints) for copy, path in copies.items()]
    with closing(master_views(restored, picture)) as wanted:
        for index, view in enumerate(wanted):
            recent.append((view, tuple(next(reader, None) for reader in readers)))
            if len(recent) > 1:
                judge(len(recent) - 2)
            if progress is not None:
                progress(index + 1, frames)
    if recent:
        judge(len(recent) - 1)
    for reader in readers:
        reader.close()
    return found


def _until_complaint(copy: str, views: Generator[SmallView], complaints: dict[str, str]) -> Generator[SmallView]:
    """The views of a copy until it ends or cannot be read on; a fault of it is a finding, not a crash."""
    try:
        yield from views
    except MediaError as error:
        complaints.setdefault(copy, error.message)


def _seen(view: SmallView, wanted: SmallView, others: Sequence[SmallView], scale: float) -> Seen:
    """Compare a frame with its own and with those beside it.

    Args:
        view: of the copy.
        wanted: of the restoration master's frame.
        others: of the frames before and after that.
        scale: pixels of the picture to one of a small view.
    """
    own = _psnr_db(view[0], wanted[0])
    nearest = max((_psnr_db(view[0], other[0]) for other in others), default=0.0)
    tones = min(_psnr_db(_blocks(plane), _blocks(asked)) for plane, asked in zip(view, wanted, strict=True))
    shares = [plane.astype(np.float32) / np.float32(PEAK) for plane in (wanted[0], view[0])]
    return Seen(
        luma_db=own,
        chroma_db=_psnr_db(view[1:], wanted[1:]),
        tones_db=tones,
        place_off_px=shift_px(shares[0], shares[1]) * scale if view[0].shape[1] >= PLACE_TOLD_PX else 0.0,
        out_of_order=nearest - own > CLEARLY_DB,
    )


def _blocks(plane: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Means over squares of `BLOCK_PX`; a rest at the edges is left out, but for pictures that are nothing else."""
    height, width = plane.shape
    side = min(BLOCK_PX, height, width)
    cut = plane[: height - height % side, : width - width % side]
    squares = cut.reshape(cut.shape[0] // side, side, cut.shape[1] // side, side)
    return np.asarray(squares.mean(axis=(1, 3), dtype=np.float32))


def _psnr_db(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> float:
    apart = np.subtract(one, other, dtype=np.float32)
    error = float(np.mean(np.square(apart), dtype=np.float64))
    return ALIKE_DB if error == 0 else min(ALIKE_DB, 10 * float(np.log10(PEAK * PEAK / error)))


def _signals(
    copy: str, path: Path, restored: Path, picture: PictureFormat, policy: Policy, complaints: dict[str, str]
) -> Iterable[tuple[Signal, Signal]]:
    """Of each frame the signal, and what it may be at most.

    The master's own is looked at only where the copy leaves the policy's limits.
    """
    from restoration_tasks.media.signal import copy_signal, master_signal

    most = Signal(
        y_low=policy.limit("signal_y_min"),
        y_high=policy.limit("signal_y_max"),
        saturation_max=policy.limit("signal_saturation_max"),
        outliers=policy.limit("signal_outliers_max"),
        repeated_lines=policy.limit("signal_repeated_lines_max"),
    )
    tolerance = 1 + policy.limit("signal_tolerance_relative")
    try:
        own = _kept(copy_signal(path))
        if all(_within(signal, most, 1.0) == most for signal in own):
            return ((signal, most) for signal in own)
        masters = _kept(master_signal(restored, picture, PIXEL_FORMATS[copy]))
    except MediaError as error:
        complaints.setdefault(copy, error.message)
        return []
    return ((signal, _within(master, most, tolerance)) for signal, master in zip(own, masters, strict=False))


def _kept(signals: Iterable[Signal]) -> Columns[Signal]:
    kept = Columns(Signal)
    for signal in signals:
        kept.add(signal)
    return kept


def _within(signal: Signal, most: Signal, tolerance: float) -> Signal:
    """The limits, stretched to a signal's own figures where those lie beyond."""
    return replace(
        most,
        saturation_max=max(most.saturation_max, signal.saturation_max * tolerance),
        outliers=max(most.outliers, signal.outliers * tolerance),
        repeated_lines=max(most.repeated_lines, signal.repeated_lines * tolerance),
    )
