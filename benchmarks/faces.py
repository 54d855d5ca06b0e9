"""Faces: where they are found on test clips and real film, whether their measures follow blur and noise, how long.

Every sixth frame of the test clips and of the real film (`REELKEEPER_REAL_FILM`) is looked at; who runs this looks at
the boxes (`--sheets FOLDER`, never committed where the film is not free). The face of `carphone` is then blurred so
that its contrast is halved at known cycles a face, and made noisy: told are the rank correlations of the truth with
the measures (asked: 0.9), and the tier at each strength. Nothing here was tuned on these clips. Writes
docs/benchmarks/faces.json.

    python -m benchmarks.faces
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from benchmarks import command, real_labels
from benchmarks.sheets import shown
from restoration_tasks.assessment.face_quality import Tier
from restoration_tasks.assessment.faces import Face, FaceLooker
from restoration_tasks.assessment.glance import Glance
from restoration_tasks.media.frame_source import as_source
from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.models.centerface import NAME, CenterFace
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.report.faces import COLOURS
from restoration_tasks.training.clips import BIG_BUCK_BUNNY, BIKES, CARPHONE, Clip, fetch, read_clip

OUT = Path("docs/benchmarks/faces.json")
EVERY = 6
"""Frames from one that is looked at to the next."""
DAMAGED = range(0, 120, 12)
"""Frames of `carphone` that are blurred and made noisy."""
CYCLES = (3.0, 4.0, 6.0, 8.0, 10.0, 13.0, 16.0)
"""Where the blur alone halves the contrast, cycles a face."""
NOISES = (0.01, 0.02, 0.04, 0.06, 0.09, 0.12, 0.18)
"""Standard deviation, share of the code range."""
HALVED = 0.1874
"""A Gaussian of deviation 1 halves the contrast at so many cycles."""
TIMED = (405, 720)
"""Height and width of the frame whose time is taken."""


def sources() -> Iterator[tuple[str, PictureFormat, Iterable[Work]]]:
    """Every test clip, and every run of real film that is at hand."""
    for clip in (CARPHONE, BIKES, BIG_BUCK_BUNNY):
        yield clip.name, _format(clip), read_clip(clip, fetch(clip))
    for labels in real_labels.load():
        folder = real_labels.film_folder(labels.run)
        if folder is not None:
            reader = FrameReader(as_source(folder))
            yield labels.run, reader.format, (reader.format.to_work(frame) for frame in reader)


def look(network: CenterFace, work: Work, picture: PictureFormat, index: int = 0) -> list[Face]:
    """The faces in a frame."""
    looker = FaceLooker(network, picture)
    looker.look(work, Glance.of(index, work, picture))
    return looker.found[index]


def found_in(
    network: CenterFace, name: str, picture: PictureFormat, frames: Iterable[Work], sheets: Path | None
) -> dict[str, Any]:
    """What is found in a film, as the file keeps it."""
    faces: list[list[Face]] = []
    for index, work in islice(enumerate(frames), 0, None, EVERY):
        faces.append(look(network, work, picture, index))
        if sheets is not None:
            sheets.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(sheets / f"{name}_{index:04d}.png"), boxed(shown(work, picture.max_code), faces[-1]))
    every = [face for found in faces for face in found]
    widths = [face.quality.width_px for face in every]
    return {
        "looked_at": len(faces),
        "with_faces": sum(bool(found) for found in faces),
        "faces": len(every),
        "least_score": round(min((face.score for face in every), default=0.0), 2),
        "width_px": [round(float(one), 1) for one in np.quantile(widths, (0, 0.5, 1))] if widths else [],
        "tiers": {tier.value: sum(face.tier is tier for face in every) for tier in Tier},
    }


def boxed(picture: NDArray[np.uint8], faces: list[Face]) -> NDArray[np.uint8]:
    """A frame with its faces, their scores and measures."""
    for face in faces:
        corners = ((round(face.left), round(face.top)), (round(face.right), round(face.bottom)))
        cv2.rectangle(picture, *corners, COLOURS[face.tier], 1)
        told = f"{face.score:.2f} {face.quality.detail_cycles:.0f}c {face.tier}"
        cv2.putText(picture, told, corners[0], cv2.FONT_HERSHEY_SIMPLEX, 0.35, COLOURS[face.tier], 1, cv2.LINE_AA)
    return picture


def damaged(network: CenterFace) -> dict[str, Any]:
    """How the measures follow blur and noise of known strength."""
    clip, picture, rng = CARPHONE, _format(CARPHONE), np.random.default_rng(101)
    frames = [work for index, work in enumerate(read_clip(clip, fetch(clip))) if index in DAMAGED]
    blurred: list[tuple[float, float, Tier]] = []
    noisy: list[tuple[float, float, Tier]] = []
    missed = 0
    for work in frames:
        width = look(network, work, picture)[0].quality.width_px
        for cycles in CYCLES:
            sigma = HALVED / cycles * width
            soft = np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in work])
            found = look(network, soft, picture)
            missed += not found
            blurred += [(cycles, face.quality.detail_cycles, face.tier) for face in found[:1]]
        for noise in NOISES:
            added = rng.normal(0, noise * picture.max_code, work.shape[1:])
            codes = np.clip(np.rint(work + added), 0, picture.max_code).astype(work.dtype)
            found = look(network, codes, picture)
            missed += not found
            noisy += [(noise, face.quality.contrast_to_noise, face.tier) for face in found[:1]]
    return {
        "frames": len(frames),
        "not_found": missed,
        "blur": {"rank_correlation": _correlation(blurred), "strengths": _by_strength(blurred)},
        "noise": {"rank_correlation": -_correlation(noisy), "strengths": _by_strength(noisy)},
    }


def _correlation(rows: list[tuple[float, float, Tier]]) -> float:
    return round(float(spearmanr([row[0] for row in rows], [row[1] for row in rows]).statistic), 3)


def _by_strength(rows: list[tuple[float, float, Tier]]) -> dict[str, Any]:
    told = {}
    for strength in sorted({row[0] for row in rows}):
        own = [row for row in rows if row[0] == strength]
        tiers = {tier.value: sum(row[2] is tier for row in own) for tier in Tier}
        told[f"{strength:g}"] = {"measured": round(float(np.median([row[1] for row in own])), 2), **tiers}
    return told


def seconds_a_look(network: CenterFace) -> float:
    """Processor time of one look at a frame with one face, on one thread; the median of nine."""
    cv2.setNumThreads(1)
    height, width = TIMED
    picture = PictureFormat(width, height, "gbrp10le")
    work = next(iter(read_clip(CARPHONE, fetch(CARPHONE))))
    large = np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_CUBIC) for plane in work])
    glance = Glance.of(0, large, picture)
    times = []
    for _ in range(9):
        looker, begin = FaceLooker(network, picture), time.process_time()
        looker.look(large, glance)
        times.append(time.process_time() - begin)
    return float(np.median(times))


def _format(clip: Clip) -> PictureFormat:
    return PictureFormat(clip.width, clip.height, "gbrp10le", clip.fps)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sheets", type=Path, help="folder for frames with their boxes, to look at")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    network = CenterFace(Shelf.of().require(NAME)[0].path)
    films = {name: found_in(network, name, form, frames, chosen.sheets) for name, form, frames in sources()}
    record = {
        "films": films,
        "carphone_damaged": damaged(network),
        "seconds_a_look_720x405": round(seconds_a_look(network), 3),
    }
    OUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    table = Table("film", "looked at", "with faces", "faces", "least score", "width px", "poor", "fair", "good")
    for name, row in films.items():
        plain = [row[key] for key in ("looked_at", "with_faces", "faces", "least_score", "width_px")]
        table.add_row(name, *map(str, plain), *(str(row["tiers"][tier]) for tier in Tier))
    console = Console(width=140)
    console.print(table)
    console.print_json(data={key: value for key, value in record.items() if key != "films"})


if __name__ == "__main__":
    command.run(main, "faces")
