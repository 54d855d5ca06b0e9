"""Faces: where they are, how large, and how well they can be made out. A finding, not damage: it has no severity.

CenterFace looks at frames twice a second, and at one of every shot at least, in the size all gauges see (at most 720
pixels wide); each face is then measured in the scan's own pixels (`face_quality`). Flat and dark pictures are stretched
to the range a screen shows before, as what the network was trained on fills it. Where faces go between those frames
is followed (`face_path`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.face_path import Follower, Step
from restoration_tasks.assessment.face_quality import EDGE_PX, Quality, Tier, measured
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.picture import REC709, PictureFormat, Work
from restoration_tasks.media.segments import Segment
from restoration_tasks.models.centerface import CenterFace, Found
from restoration_tasks.restoration.shares import shares
from restoration_tasks.runtime.errors import MediaError

A_SECOND: Final = 2.0
"""Frames of a second that are looked at."""
ENDS: Final = (0.5, 99.5)
"""Percentiles of luma that become black and white."""
MOST_STRETCH: Final = 4.0
"""Flatter pictures are stretched by no more than that: noise is no face."""
_LOOKED = b"reelkeeper.looked_at"
_NUMBERS_A_STEP: Final = 4


@dataclass(frozen=True)
class Face:
    """A face in one frame. Places in pixels of the scan."""

    frame: int
    """Position in the reel."""
    left: float
    top: float
    right: float
    bottom: float
    score: float
    """How sure the network is, 0–1."""
    landmarks: tuple[tuple[float, float], ...]
    """x and y of eye, eye, tip of the nose, corner and corner of the mouth."""
    quality: Quality
    path: tuple[Step, ...] = ()
    """Where it is on the frames before and after, to the next one looked at; in order, none where it was lost."""

    @property
    def tier(self) -> Tier:
        """How well it can be made out."""
        return self.quality.tier


Faces = Mapping[int, Sequence[Face]]
"""The faces in every frame that was looked at, by its position; a frame without any has an empty row."""


@dataclass(frozen=True)
class ShotFaces:
    """The faces of a shot."""

    looked_at: int
    """Frames that were looked at."""
    most: int
    """Faces in the frame that has most of them."""
    largest_px: float
    """Width of the largest face, pixels of the scan; 0 without any."""
    tier: Tier | None
    """That of the largest face of a frame, the median of the frames with faces; None without any."""
    reasons: tuple[str, ...]
    """What makes the median face no better; empty if it is good."""
    tiers: Mapping[Tier, int]
    """How many faces of each tier were found in all frames looked at."""
    shown: tuple[Face, ...]
    """The faces of the frame with the largest one."""

    def as_json(self) -> dict[str, Any]:
        """As it stands in `condition.json`."""
        return {
            "looked_at": self.looked_at,
            "most_at_once": self.most,
            "largest_px": round(self.largest_px, 1),
            "tier": self.tier,
            "reasons": list(self.reasons),
            "tiers": {tier.value: count for tier, count in self.tiers.items()},
            "frame": self.shown[0].frame if self.shown else None,
        }


def frames_to_look_at(segment: Segment, fps: float) -> range:
    """Positions of the frames of a segment that are looked at; they do not depend on how its shot was cut up.

    Two a second, half a step away from the cut; the middle one of a shot that is shorter.
    """
    step = max(round(fps / A_SECOND), 1)
    first = segment.shot_start + step // 2
    if first >= segment.shot_stop:
        first = (segment.shot_start + segment.shot_stop) // 2
    before = max(-(-(segment.start - first) // step), 0)
    return range(first + before * step, segment.stop, step)


class FaceLooker:
    """Looks for faces in the frames it is asked for, and keeps what it found.

    Args:
        network: the loaded network.
        picture: format of the frames.
        wanted: positions of the frames to look at; every frame it is given if None.
    """

    def __init__(self, network: CenterFace, picture: PictureFormat, wanted: range | None = None) -> None:
        self._network, self._picture, self._wanted = network, picture, wanted
        self._found: dict[int, list[tuple[Face, list[Step], float]]] = {}
        self._follower = None if wanted is None else Follower(wanted.step)

    @property
    def found(self) -> dict[int, list[Face]]:
        """What was found so far, by frame."""
        return {frame: [_with_path(*one) for one in found] for frame, found in self._found.items()}

    def look(self, work: Work, glance: Glance) -> None:
        """Look at a frame, unless it is not wanted; on the others, faces already found are followed.

        Args:
            work: its code values `(C, H, W)`.
            glance: the same as the gauges see it.
        """
        if self._follower is not None:
            self._follower.next(np.asarray(cv2.convertScaleAbs(glance.luma, alpha=255.0), np.uint8))
        if self._wanted is not None and glance.index not in self._wanted:
            return
        seen = self._network.faces(_shown(glance))
        boxes = [(one.left, one.top, one.right, one.bottom) for one in seen]
        steps: list[list[Step]] = [[] for _ in seen] if self._follower is None else self._follower.start(boxes)
        self._found[glance.index] = [
            (self._measured(face, work, glance), own, glance.scale) for face, own in zip(seen, steps, strict=True)
        ]

    def _measured(self, found: Found, work: Work, glance: Glance) -> Face:
        height, width = work.shape[1:]
        scale_x, scale_y = width / glance.rows.shape[1], height / glance.rows.shape[0]
        left, right = found.left * scale_x, found.right * scale_x
        top, bottom = found.top * scale_y, found.bottom * scale_y
        inside = work[
            :,
            min(int(top), height - 1) : max(round(bottom), int(top) + 1),
            min(int(left), width - 1) : max(round(right), int(left) + 1),
        ]
        cut = left <= EDGE_PX or top <= EDGE_PX or right >= width - EDGE_PX or bottom >= height - EDGE_PX
        landmarks = tuple((x * scale_x, y * scale_y) for x, y in found.landmarks)
        quality = measured(_luma(inside, self._picture), width_px=right - left, landmarks=landmarks, cut=cut)
        return Face(glance.index, left, top, right, bottom, found.score, landmarks, quality)


def faces_of_shot(faces: Faces, start: int, stop: int) -> ShotFaces | None:
    """The faces of a shot; None if none of its frames was looked at.

    Args:
        faces: of the whole reel.
        start: first frame of the shot.
        stop: end of the shot.
    """
    frames = {frame: list(found) for frame, found in faces.items() if start <= frame < stop}
    if not frames:
        return None
    filled = [found for _, found in sorted(frames.items()) if found]
    largest = [max(found, key=lambda face: face.quality.width_px) for found in filled]
    by_tier = sorted(largest, key=lambda face: face.tier.rank)
    middle = by_tier[(len(by_tier) - 1) // 2] if by_tier else None
    shown = max(filled, key=lambda found: max(face.quality.width_px for face in found), default=[])
    return ShotFaces(
        looked_at=len(frames),
        most=max((len(found) for found in filled), default=0),
        largest_px=max((face.quality.width_px for face in largest), default=0.0),
        tier=middle.tier if middle else None,
        reasons=middle.quality.reasons if middle else (),
        tiers={tier: sum(face.tier is tier for found in filled for face in found) for tier in Tier},
        shown=tuple(shown),
    )


def write_faces(path: Path, faces: Faces | None) -> None:
    """Write the table of faces, one row each; which frames were looked at goes with it.

    Args:
        path: a Parquet file.
        faces: what was found; None where nobody looked.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [_row(face) for _, found in sorted((faces or {}).items()) for face in found]
    looked = None if faces is None else sorted(faces)
    schema = _schema().with_metadata({_LOOKED: json.dumps(looked).encode()})
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, compression="zstd")


def read_faces(path: Path) -> dict[int, list[Face]] | None:
    """Read the table; None where nobody looked.

    Raises:
        MediaError: it is damaged or has other columns.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        looked = json.loads((table.schema.metadata or {})[_LOOKED])
        if looked is None:
            return None
        faces: dict[int, list[Face]] = {int(frame): [] for frame in looked}
        for row in table.to_pylist():
            faces[row["frame"]].append(_face(row))
        return faces
    except (pa.ArrowException, OSError, TypeError, ValueError, KeyError) as error:
        raise MediaError(
            f"the table of faces cannot be read: {error}", file=path, action="assess the segment again"
        ) from error


def joined(tables: Iterable[dict[int, list[Face]] | None]) -> dict[int, list[Face]] | None:
    """The faces of several segments; None where nobody looked at any."""
    looked = [table for table in tables if table is not None]
    return {frame: found for table in looked for frame, found in table.items()} if looked else None


def _row(face: Face) -> dict[str, Any]:
    row: dict[str, Any] = asdict(face)
    quality: dict[str, Any] = row.pop("quality")
    path = [one for step in face.path for one in (float(step.offset), step.x, step.y, step.size)]
    landmarks = [one for point in face.landmarks for one in point]
    return row | quality | {"landmarks": landmarks, "path": path, "tier": face.tier}


def _face(row: Mapping[str, Any]) -> Face:
    points, path = row["landmarks"], row["path"]
    return Face(
        **{name: row[name] for name in ("frame", "left", "top", "right", "bottom", "score")},
        landmarks=tuple(zip(points[::2], points[1::2], strict=True)),
        quality=Quality(**{one.name: row[one.name] for one in fields(Quality)}),
        path=tuple(
            Step(int(path[at]), path[at + 1], path[at + 2], path[at + 3]) for at in range(0, len(path), _NUMBERS_A_STEP)
        ),
    )


def _schema() -> Any:
    import pyarrow as pa

    numbers = {name: pa.float64() for name in ("left", "top", "right", "bottom", "score")}
    quality = {one.name: pa.bool_() if one.name == "cut" else pa.float64() for one in fields(Quality)}
    lists = {name: pa.list_(pa.float64()) for name in ("landmarks", "path")}
    columns = {"frame": pa.int64()} | numbers | lists | quality | {"tier": pa.string()}
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in columns.items()])


def _with_path(face: Face, steps: Sequence[Step], scale: float) -> Face:
    """A face with its path, brought from the glance's pixels to the scan's."""
    path = (Step(one.offset, round(scale * one.x, 2), round(scale * one.y, 2), round(one.size, 4)) for one in steps)
    return replace(face, path=tuple(path))


def _shown(glance: Glance) -> NDArray[np.uint8]:
    """A frame as a screen shows it: `(h, w, 3)` R, G, B, 8 bit, stretched to the range."""
    low, high = np.percentile(glance.luma, ENDS)
    gain = min(1.0 / max(float(high - low), 1e-6), MOST_STRETCH)
    shown = np.clip((glance.rows - np.float32(low)) * np.float32(255.0 * gain), 0.0, 255.0).astype(np.uint8)
    return np.asarray(np.repeat(shown, 3, axis=2) if shown.shape[2] == 1 else shown, np.uint8)


def _luma(work: Work, picture: PictureFormat) -> NDArray[np.float32]:
    rows = shares(work, picture)
    if rows.shape[2] == 1:
        return np.asarray(rows[..., 0], np.float32)
    return np.asarray(cv2.transform(rows, np.array([REC709], np.float32)), np.float32)
