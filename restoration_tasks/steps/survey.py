"""Survey: look into a film here and there, say what it suffers from and how urgent it is; nothing is kept or changed.

Every so many frames a burst of five is looked at: all gauges read it, and our network looks at the middle frame for
dirt and hairs. Bursts that lie together are judged as one part, sixty parts at most, so that a reel of any length has
one page. What needs a whole shot is left to the full assessment: how shots are joined, whether flicker has a rhythm,
and which of the lines are scratches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_tasks.runtime.errors import MediaError, WrongUse
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.runtime.progress import Reporter, StepProgress

if TYPE_CHECKING:
    from restoration_tasks.assessment.carrier import CarrierReadings
    from restoration_tasks.assessment.condition import ShotCondition
    from restoration_tasks.assessment.faces import Face, FaceLooker, ShotFaces
    from restoration_tasks.assessment.gauge import Category, ShotFacts, Verdict
    from restoration_tasks.assessment.network import Found
    from restoration_tasks.media.picture import Frame, PictureFormat, Work
    from restoration_tasks.media.reader import FrameReader
    from restoration_tasks.restoration.damage_map import Map

REACH = 2
"""Frames on each side of a burst's middle."""
BURST = 2 * REACH + 1
EVERY = (BURST, 24)
"""From and to how many frames there may be between the middles of bursts."""
MOST_PARTS = 60
LONG = 0.6
"""Share of the height a line must cover to be spoken of."""


@dataclass(frozen=True)
class Surveyed:
    """What a survey found."""

    conditions: Sequence[ShotCondition]
    urgency: float
    frames: int
    """Of the film."""
    looked_at: int
    """Frames that were looked at."""

    def told(self) -> list[str]:
        """The worst of each category in words, worst first."""
        from restoration_tasks.assessment.condition import worst_verdicts

        worst = worst_verdicts(self.conditions)
        return [f"{name.value} {verdict.severity:.0f}: {verdict.words}" for name, (_, verdict) in worst.items()]


@dataclass(frozen=True)
class _Burst:
    """What was read off one burst; no pixels but those of a damage map."""

    first: int
    rows: list[dict[Category, Any]]
    """Readings of its frames."""
    area: float
    """Share of the middle frame under dirt and hairs."""
    lined: bool
    """Whether a line runs along most of the middle frame."""
    faces: Sequence[Face] | None = None
    """Those in the middle frame; None where nobody looks for them."""


def survey(
    source: Path,
    *,
    every: int = 24,
    carrier: CarrierReadings | None = None,
    record: Path | None = None,
    report: Path | None = None,
    progress: Reporter,
) -> Surveyed:
    """Survey a film.

    Args:
        source: folder of frames, or a video file.
        every: frames from burst to burst, 5 to 24.
        carrier: what staff read off the carrier.
        record: JSON file for the condition record.
        report: HTML file for the page.
        progress: where progress goes.

    Raises:
        WrongUse: there is nothing to read, or `every` is out of range.
        DeliveryError: the folder holds no whole sequence.
        MediaError: a frame cannot be decoded.
        ModelError: torch is not there for the network.
    """
    from restoration_tasks.assessment.carrier import CarrierReadings
    from restoration_tasks.assessment.condition import condition_json, reel_urgency
    from restoration_tasks.media.frame_source import open_source

    if not EVERY[0] <= every <= EVERY[1]:
        raise WrongUse("a burst is looked at every so many frames", expected="{} to {}".format(*EVERY), found=every)
    carrier = carrier or CarrierReadings()
    reader = open_source(source)
    looker = _Looker(reader.format)
    bursts: list[_Burst] = []
    frames = 0
    for first, burst, seen in _bursts(reader, every):
        frames = seen
        if burst:
            bursts.append(looker.look(first, burst))
        progress(StepProgress(label="survey", done=seen, total=seen, unit="frames"))
    if not bursts:
        raise MediaError("there is no frame to look at", file=source, action="check the file with a media player")
    conditions = _judged(bursts, frames, reader.format)
    found = Surveyed(conditions, reel_urgency(conditions, carrier), frames, sum(len(burst.rows) for burst in bursts))
    if record is not None:
        write_atomic(record, condition_json(conditions, carrier).encode())
    if report is not None:
        write_atomic(report, _page(source, reader.format, found, carrier).encode())
    return found


def _bursts(reader: FrameReader, every: int) -> Iterator[tuple[int, list[Frame], int]]:
    """First frame, frames of each burst, and how many frames were passed so far; the last burst is empty at the end."""
    burst: list[Frame] = []
    passed = 0
    for number, frame in enumerate(reader):
        passed = number + 1
        place = number % every
        if place < BURST:
            burst.append(frame)
            if place == BURST - 1:
                yield number - place, burst, passed
                burst = []
    if burst and passed <= BURST:  # a film shorter than one burst
        yield 0, burst, passed
    yield passed, [], passed


class _Looker:
    """Looks at bursts."""

    def __init__(self, picture: PictureFormat) -> None:
        from restoration_tasks.assessment.network import NetworkDetector
        from restoration_tasks.restoration.treatment import Means

        self._picture = picture
        self._detector = NetworkDetector(Means())
        self._faces = _face_looker(picture)

    def look(self, first: int, burst: Sequence[Frame]) -> _Burst:
        """Read one burst."""
        from restoration_tasks.assessment.glance import Glance
        from restoration_tasks.assessment.readings import read_window

        picture, middle = self._picture, len(burst) // 2
        works = [picture.to_work(frame) for frame in burst]
        glances = [Glance.of(first + place, work, picture) for place, work in enumerate(works)]
        rows = [
            read_window({other - place: glance for other, glance in enumerate(glances)}).by
            for place in range(len(glances))
        ]
        if self._faces is not None:
            self._faces.look(works[middle], glances[middle])
        faces = self._faces.found.pop(first + middle) if self._faces else None
        found = self._found(works, middle, first)
        return _Burst(first, rows, _area(found), any(line.coverage > LONG for line in found.lines), faces)

    def marks(self, burst: Sequence[Frame], middle: int) -> Map:
        """The damage map of one frame of a burst, at the size it was looked at."""
        return self._found([self._picture.to_work(frame) for frame in burst], middle, 0).damage.any

    def _found(self, works: Sequence[Work], middle: int, first: int) -> Found:
        from restoration_tasks.assessment.seen import Seen

        picture = self._picture
        seen = [Seen.by_network(first + place, work, picture) for place, work in enumerate(works)]
        window = {place - middle: one for place, one in enumerate(seen)}
        return self._detector.detect(window, picture.width / seen[middle].luma.shape[1])


def _face_looker(picture: PictureFormat) -> FaceLooker | None:
    """What looks for faces; None where the network for it is not installed."""
    from restoration_tasks.assessment.faces import FaceLooker
    from restoration_tasks.models.centerface import NAME, CenterFace
    from restoration_tasks.models.shelf.shelf import Shelf

    shelf = Shelf.of()
    if not shelf.has(shelf.entry(NAME)):
        return None
    return FaceLooker(CenterFace(shelf.require(NAME)[0].path), picture)


def _area(found: Found) -> float:
    from restoration_tasks.assessment.dirt import dirt_figures

    return dirt_figures(found.damage.dirt).area + dirt_figures(found.damage.hair).area


def _judged(bursts: Sequence[_Burst], frames: int, picture: PictureFormat) -> list[ShotCondition]:
    """The parts of the film, each judged by all its bursts."""
    from restoration_tasks.assessment.condition import ShotCondition, judged
    from restoration_tasks.assessment.gauge import Scanned, ShotFacts

    scan = Scanned(picture.width, picture.height, float(picture.fps), picture.is_grey)
    each = -(-len(bursts) // MOST_PARTS)
    parts = [bursts[first : first + each] for first in range(0, len(bursts), each)]
    conditions = []
    for number, part in enumerate(parts, start=1):
        start = part[0].first if number > 1 else 0
        stop = parts[number][0].first if number < len(parts) else frames
        facts = ShotFacts(number, start, stop, scan)
        verdicts = judged([row for burst in part for row in burst.rows], facts)
        placed = tuple(_placed(verdict, part, facts) for verdict in verdicts)
        conditions.append(ShotCondition(facts, (_dirt(part), _lines(part), *placed), _faces(part, facts)))
    return conditions


def _faces(part: Sequence[_Burst], facts: ShotFacts) -> ShotFaces | None:
    from restoration_tasks.assessment.faces import faces_of_shot

    seen = {burst.first + len(burst.rows) // 2: burst.faces for burst in part if burst.faces is not None}
    return faces_of_shot(seen, facts.start, facts.stop)


def _placed(verdict: Verdict, part: Sequence[_Burst], facts: ShotFacts) -> Verdict:
    """A verdict whose worst frame is counted in the film, not among the frames looked at."""
    from dataclasses import replace

    if verdict.worst_frame is None:
        return verdict
    at = verdict.worst_frame - facts.start
    lengths = [len(burst.rows) for burst in part]
    for burst, length in zip(part, lengths, strict=True):
        if at < length:
            return replace(verdict, worst_frame=burst.first + at)
        at -= length
    return replace(verdict, worst_frame=None)


def _dirt(part: Sequence[_Burst]) -> Verdict:
    from restoration_tasks.assessment.condition import dirt_verdict

    worst = max(part, key=lambda burst: burst.area)
    return dirt_verdict(sum(burst.area for burst in part) / len(part), worst.first + len(worst.rows) // 2)


def _lines(part: Sequence[_Burst]) -> Verdict:
    """Lines are spoken of, not judged: which of them are scratches, only a whole shot tells."""
    from restoration_tasks.assessment.gauge import Category, Verdict

    lined = sum(burst.lined for burst in part)
    words = f"Lines run along {lined} of {len(part)} frames looked at; the full assessment tells scratches from edges."
    return Verdict(Category.SCRATCH, 0.0, 0.0, words, {"frames_with_lines": lined, "frames_looked_at": len(part)})


def _page(source: Path, picture: PictureFormat, found: Surveyed, carrier: CarrierReadings) -> str:
    from restoration_tasks.report.condition import render_condition, shown_frames

    wanted = shown_frames(found.conditions)
    dirty = _dirtiest(found.conditions)
    around = set() if dirty is None else {dirty + place for place in range(-REACH, REACH + 1)}
    frames = _read(source, wanted | {place for place in around if 0 <= place < found.frames})
    marked = _marked(frames, dirty, picture)
    pieces = render_condition(
        reel_id=source.name[:200],
        picture=picture,
        conditions=found.conditions,
        urgency=found.urgency,
        carrier_known=carrier.known,
        figures=[],
        lines=[],
        fetch=frames.__getitem__,
        fetch_map=marked.get,
    )
    return "".join(pieces)


def _dirtiest(conditions: Sequence[ShotCondition]) -> int | None:
    """The frame shown for dirt; None where none is shown."""
    from restoration_tasks.assessment.condition import worst_verdicts
    from restoration_tasks.assessment.gauge import Category

    worst = worst_verdicts(conditions).get(Category.DIRT)
    return None if worst is None else worst[1].worst_frame


def _marked(frames: Mapping[int, Frame], dirty: int | None, picture: PictureFormat) -> dict[int, Map]:
    """The damage map of the frame shown for dirt: looked at once more, as maps of all bursts are not kept."""
    if dirty is None or dirty not in frames:
        return {}
    near = [place for place in range(dirty - REACH, dirty + REACH + 1) if place in frames]
    return {dirty: _Looker(picture).marks([frames[place] for place in near], near.index(dirty))}


def _read(source: Path, wanted: set[int]) -> dict[int, Frame]:
    """Frames of a source by position; a file that cannot be entered anywhere is read once from its start."""
    from restoration_tasks.media.frame_source import as_source, open_source
    from restoration_tasks.media.reader import FrameReader

    reader = open_source(source)
    if reader.seeks:
        return {place: next(iter(FrameReader(as_source(source), start=place, count=1))) for place in sorted(wanted)}
    last = max(wanted)
    return {place: frame for place, frame in enumerate(islice(reader, last + 1)) if place in wanted}
