"""Make `condition.html`: what a reel suffers from, how badly and where; one page, before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from restoration_tasks.assessment.condition import NOTHING, ShotCondition, reel_severities, worst_verdicts
from restoration_tasks.assessment.figures import FrameFigures
from restoration_tasks.assessment.gauge import Category, Verdict
from restoration_tasks.assessment.lines import Line
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.report.charts import Chart, damage_chart
from restoration_tasks.report.densities import Counts, counted, plot
from restoration_tasks.report.faces import face_frames, face_section, face_words
from restoration_tasks.report.page import asset, template
from restoration_tasks.report.shot_words import joint_words, part_words
from restoration_tasks.report.stills import (
    DAMAGE_BGR,
    STILL_WIDTH_PX,
    THUMBNAIL_WIDTH_PX,
    Bgr,
    Display,
    damage_view,
    fitted,
    jpeg,
)
from restoration_tasks.restoration.damage_map import Map

TITLES: Final = {
    Category.DIRT: "Dirt and hairs",
    Category.SCRATCH: "Scratches",
    Category.FLICKER: "Flicker",
    Category.WEAVE: "Weave",
    Category.FADE: "Fading of the dyes",
    Category.STAIN: "Stains and mould",
    Category.TEAR: "Tears",
    Category.GRAIN: "Grain and noise",
    Category.BLUR: "Softness",
    Category.CLIPPING: "Cut-off blacks and whites",
    Category.BLOCKING: "Compression blocks",
    Category.MISSING: "Missing and repeated frames",
    Category.TEXT: "Text on screen",
}
GRADES: Final = (
    (NOTHING, "nothing to look at"),
    (25.0, "slight"),
    (50.0, "moderate"),
    (75.0, "severe"),
    (101.0, "grave"),
)
"""Severity under which each word holds."""
URGENCIES: Final = ((15.0, "can wait"), (40.0, "soon"), (70.0, "urgent"), (101.0, "most urgent"))
MAP_COLUMNS: Final = 720
"""Columns of the map of scratches; one row a frame, at most `MAP_ROWS`."""
MAP_ROWS: Final = 400
THUMBNAILS: Final = 120
"""Shots that get a thumbnail; of a reel with more, the worst ones."""
Fetch = Callable[[int], Frame]
"""Reads one frame by its position in the reel."""
FetchMap = Callable[[int], Map | None]
"""Reads one frame's damage map, all kinds together; None where there is none."""


@dataclass(frozen=True)
class Row:
    """One category through time."""

    title: str
    severity: float
    grade: str
    spans: tuple[tuple[float, float, float, str], ...]
    """Start and width in % of the reel, severity, and what a reader hears: one a shot."""


@dataclass(frozen=True)
class Shown:
    """One shot of the strip."""

    number: int
    first: int
    last: int
    thumbnail: str | None
    worst: str
    grade: str
    severity: float


@dataclass(frozen=True)
class Example:
    """The worst frame of a category."""

    title: str
    grade: str
    words: str
    shot: int
    frame: int
    picture: str
    marked: str | None
    """The same with the damage marked, where there is a map."""


def render_condition(
    *,
    reel_id: str,
    picture: PictureFormat,
    conditions: Sequence[ShotCondition],
    urgency: float,
    carrier_known: bool,
    figures: Sequence[FrameFigures],
    lines: Sequence[Line],
    fetch: Fetch,
    fetch_map: FetchMap,
) -> Iterator[str]:
    """The page, piece by piece.

    It holds no date and loads nothing: the same readings give the same bytes, and it opens offline.

    Args:
        reel_id: of the reel.
        picture: of the scan.
        conditions: every shot's, in order.
        urgency: of the reel, 0–100.
        carrier_known: whether anything was read off the carrier.
        figures: of every frame.
        lines: of every frame; drawn as the map of scratches.
        fetch: reads a frame of the scan.
        fetch_map: reads a frame's damage map.
    """
    frames = sum(condition.facts.frames for condition in conditions)
    severities = reel_severities(conditions)
    ranked = sorted(severities.items(), key=lambda pair: -pair[1])
    display = Display(picture)
    strip, densities = _strip(conditions, picture, display, fetch)
    return template("condition.html.j2").generate(
        reel_id=reel_id,
        picture=picture,
        frames=frames,
        duration_s=frames / float(picture.fps),
        urgency=urgency,
        urgent=_word(urgency, URGENCIES),
        carrier_known=carrier_known,
        first=[(TITLES[category], _word(severity, GRADES)) for category, severity in ranked if severity > NOTHING],
        unharmed=[TITLES[one] for one, severity in ranked if severity <= NOTHING and _judged(conditions, one)],
        untold=[TITLES[one] for one, severity in ranked if severity <= NOTHING and not _judged(conditions, one)],
        rows=[_row(category, severity, conditions, frames) for category, severity in ranked],
        strip=strip,
        density=plot(list(densities.values())),
        densities={number: plot([one]) for number, one in densities.items()},
        chart=_dirt_chart(figures) if figures else None,
        scratch_map=_scratch_map(lines, frames, picture.width),
        examples=_examples(conditions, display, fetch, fetch_map),
        faces=face_section(conditions, display, fetch),
        face_words=face_words,
        shots=[(condition, _told(condition)) for condition in conditions],
        part_words=part_words,
        joint_words=joint_words,
        titles=TITLES,
        style=asset("report.css") + asset("condition.css"),
    )


def _word(value: float, words: tuple[tuple[float, str], ...]) -> str:
    return next(word for limit, word in words if value <= limit or limit > 100)


def _row(category: Category, severity: float, conditions: Sequence[ShotCondition], frames: int) -> Row:
    spans = []
    for condition in conditions:
        verdict = _of(condition, category)
        if verdict is not None:
            start, count = condition.facts.start, condition.facts.frames
            told = f"Shot {condition.facts.number}: {_word(verdict.severity, GRADES)}. {verdict.words}"
            spans.append((100 * start / frames, 100 * count / frames, round(verdict.severity, 1), told))
    return Row(TITLES[category], round(severity, 1), _word(severity, GRADES), tuple(spans))


def _judged(conditions: Sequence[ShotCondition], category: Category) -> bool:
    """Whether a category could be told in any shot at all."""
    return any(one.confidence > 0 for condition in conditions if (one := _of(condition, category)) is not None)


def _of(condition: ShotCondition, category: Category) -> Verdict | None:
    return next((verdict for verdict in condition.verdicts if verdict.category is category), None)


def shown_frames(conditions: Sequence[ShotCondition]) -> set[int]:
    """Positions of the frames the page asks for."""
    examples = {_frame_of(condition, verdict) for condition, verdict in worst_verdicts(conditions).values()}
    examples |= face_frames(conditions)
    return examples | {_middle(one) for one in conditions if one.facts.number in _pictured(conditions)}


def _middle(condition: ShotCondition) -> int:
    return (condition.facts.start + condition.facts.stop) // 2


def _pictured(conditions: Sequence[ShotCondition]) -> set[int]:
    """Numbers of the shots that get a thumbnail."""
    by_severity = sorted(conditions, key=lambda one: -(one.worst.severity if one.worst else 0.0))
    return {condition.facts.number for condition in by_severity[:THUMBNAILS]}


def _strip(
    conditions: Sequence[ShotCondition], picture: PictureFormat, display: Display, fetch: Fetch
) -> tuple[list[Shown], dict[int, Counts]]:
    """The strip, and the densities of the middle frames of shots by their numbers."""
    pictured = _pictured(conditions)
    shown: list[Shown] = []
    densities: dict[int, Counts] = {}
    for condition in conditions:
        facts, worst = condition.facts, condition.worst
        thumbnail = None
        if facts.number in pictured:
            middle = fetch(_middle(condition))
            thumbnail = jpeg(fitted(display.view(middle), THUMBNAIL_WIDTH_PX))
            if not part_words(condition.shot):
                densities[facts.number] = counted(middle, picture)
        severity = worst.severity if worst else 0.0
        name = TITLES[worst.category] if worst else part_words(condition.shot) or "nothing to look at"
        shown.append(
            Shown(facts.number, facts.start, facts.stop - 1, thumbnail, name, _word(severity, GRADES), severity)
        )
    return shown, densities


def _dirt_chart(figures: Sequence[FrameFigures]) -> Chart:
    return damage_chart([100 * (row.dirt_area + row.hair_area) for row in figures])


def _scratch_map(lines: Sequence[Line], frames: int, width: int) -> str | None:
    """Columns of the picture across, time down: where lines run, the brighter the surer."""
    if not lines:
        return None
    rows = min(frames, MAP_ROWS)
    drawn: Bgr = np.full((rows, MAP_COLUMNS, 3), 24, np.uint8)
    for line in lines:
        row = min(line.frame * rows // frames, rows - 1)
        start, end = (int(x / width * MAP_COLUMNS) for x in sorted((line.x_top, line.x_bottom)))
        colour = np.array(DAMAGE_BGR) * (0.3 + 0.7 * line.confidence)
        drawn[row, max(start, 0) : max(end + 1, start + 1)] = colour
    height = max(rows, 80)
    return jpeg(np.asarray(cv2.resize(drawn, (MAP_COLUMNS, height), interpolation=cv2.INTER_NEAREST), np.uint8))


def _frame_of(condition: ShotCondition, verdict: Verdict) -> int:
    return _middle(condition) if verdict.worst_frame is None else verdict.worst_frame


def _examples(
    conditions: Sequence[ShotCondition], display: Display, fetch: Fetch, fetch_map: FetchMap
) -> list[Example]:
    """For each category that is worth looking at, the frame that shows it best."""
    made = []
    for category, (condition, verdict) in worst_verdicts(conditions).items():
        facts, frame = condition.facts, _frame_of(condition, verdict)
        view = fitted(display.view(fetch(frame)), STILL_WIDTH_PX)
        found = fetch_map(frame) if category in {Category.DIRT, Category.SCRATCH} else None
        made.append(
            Example(
                TITLES[category],
                _word(verdict.severity, GRADES),
                verdict.words,
                facts.number,
                frame,
                jpeg(view),
                None if found is None else jpeg(damage_view(view, found)),
            )
        )
    return made


def _told(condition: ShotCondition) -> list[tuple[str, float, str, str, Mapping[str, object]]]:
    """A shot's verdicts as its table shows them, worst first."""
    ordered = sorted(condition.verdicts, key=lambda verdict: -verdict.severity)
    return [
        (TITLES[one.category], round(one.severity, 1), _word(one.severity, GRADES), one.words, one.figures)
        for one in ordered
    ]
