"""Damage on real film labelled by hand: the labels, the masks drawn from them, and how a detector is scored on them.

The drawing stands in benchmarks/real_film/<run>.yaml, the masks drawn from it in benchmarks/real_film/masks; README.md
there says how and by which rules both were made. The film is not part of the repository: it is looked for in the
folder that REELKEEPER_REAL_FILM names (default ../shared/data/old_film beside the checkout).

    python -m benchmarks.real_labels            # counts; with the film at hand: are the masks what the drawing says?
    python -m benchmarks.real_labels --write    # draw the masks anew
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from rich.console import Console
from rich.table import Table

from benchmarks.real_marks import CLEAN, DAMAGES, IGNORE, VALUES, Kind, Mark, snapped
from benchmarks.real_score import Score, Tally, objects_of, pooled, score
from restoration_tasks.runtime.errors import ReelkeeperError, WrongUse

FOLDER = Path(__file__).parent / "real_film"
DEFAULT_FILM = Path(__file__).parents[2] / "shared" / "data" / "old_film"

__all__ = [
    "CLEAN",
    "DAMAGES",
    "IGNORE",
    "VALUES",
    "Kind",
    "RunLabels",
    "Score",
    "Tally",
    "differing",
    "film_folder",
    "labelled_frames",
    "load",
    "mask_path",
    "pooled",
    "read_frame",
    "read_mask",
    "render",
    "score",
]


class Size(BaseModel):
    """Of every frame of a run, in pixels."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    width: int = Field(gt=0)
    height: int = Field(gt=0)


class Border(BaseModel):
    """How many pixels at each side do not belong to the picture; they are ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    left: int = Field(ge=0)
    top: int = Field(ge=0)
    right: int = Field(ge=0)
    bottom: int = Field(ge=0)


class RunLabels(BaseModel):
    """The labels of one run of real film."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    run: str
    """The name of its folder."""
    size: Size
    border: Border
    frames: dict[str, tuple[Mark, ...]]
    """By the name of the frame's file without its suffix."""


def load(folder: Path = FOLDER) -> tuple[RunLabels, ...]:
    """The labels of all runs, by name.

    Raises:
        WrongUse: a file does not say what labels have to say.
    """
    runs = []
    for path in sorted(folder.glob("*.yaml")):
        try:
            runs.append(RunLabels.model_validate(yaml.safe_load(path.read_text(encoding="utf-8"))))
        except (yaml.YAMLError, ValidationError) as error:
            raise WrongUse(f"the labels cannot be read: {error}", file=path, action="Correct them.") from error
    return tuple(runs)


def film_folder(run: str) -> Path | None:
    """Where a run's frames lie, or None where the film is absent."""
    folder = Path(os.environ.get("REELKEEPER_REAL_FILM") or DEFAULT_FILM) / run
    return folder if folder.is_dir() else None


def read_frame(run: str, frame: str) -> NDArray[np.uint8]:
    """One frame of the film, grey: uint8 (H, W).

    Raises:
        WrongUse: the film or the frame is absent.
    """
    folder = film_folder(run)
    picture = None if folder is None else cv2.imread(str(folder / f"{frame}.png"), cv2.IMREAD_GRAYSCALE)
    if picture is None:
        raise WrongUse(
            "a frame of the real film is absent",
            reel=run,
            file=f"{frame}.png",
            action="Set REELKEEPER_REAL_FILM to the folder that holds the runs.",
        )
    return np.asarray(picture, np.uint8)


def render(labels: RunLabels, frame: str, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mask of one frame, drawn from its marks: uint8 (H, W) of `VALUES`.

    Damage lies over ignored places; where damages overlap, the later mark counts.

    Args:
        labels: of the frame's run.
        frame: which frame.
        picture: uint8 (H, W), the frame itself, by which marks are snapped.

    Raises:
        WrongUse: the picture has another size than the labels were drawn for.
        StepFailed: a mark lies where nothing stands out.
    """
    size = (labels.size.height, labels.size.width)
    if picture.shape != size:
        raise WrongUse(
            "the frame has another size than its labels",
            reel=labels.run,
            file=frame,
            expected=size,
            found=picture.shape,
        )
    mask = np.full(size, IGNORE, np.uint8)
    border = labels.border
    mask[border.top : size[0] - border.bottom, border.left : size[1] - border.right] = CLEAN
    for mark in sorted(labels.frames[frame], key=lambda mark: mark.kind is not Kind.IGNORE):
        mask[snapped(mark, picture)] = VALUES[mark.kind]
    return mask


def mask_path(run: str, frame: str, folder: Path = FOLDER) -> Path:
    """Where a frame's committed mask lies."""
    return folder / "masks" / f"{run}_{frame}.png"


def read_mask(run: str, frame: str, folder: Path = FOLDER) -> NDArray[np.uint8]:
    """The committed mask of a frame: uint8 (H, W) of `VALUES`. It needs no film.

    Raises:
        WrongUse: there is none.
    """
    path = mask_path(run, frame, folder)
    mask = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise WrongUse("a mask is absent", file=path, action="Run python -m benchmarks.real_labels --write.")
    return np.asarray(mask, np.uint8)


def labelled_frames(folder: Path = FOLDER) -> Iterator[tuple[str, str]]:
    """Run and frame of everything that is labelled."""
    for labels in load(folder):
        for frame in labels.frames:
            yield labels.run, frame


def differing(folder: Path = FOLDER) -> list[str]:
    """The labelled frames whose committed mask is not what its drawing says. Needs the film."""
    return [
        f"{labels.run} {frame}"
        for labels in load(folder)
        for frame in labels.frames
        if not np.array_equal(
            read_mask(labels.run, frame, folder), render(labels, frame, read_frame(labels.run, frame))
        )
    ]


def _counts() -> Table:
    """Objects by run and kind, and the shares of the pictures that are labelled and ignored."""
    table = Table("run", "frames", *(str(kind) for kind in DAMAGES), "labelled", "ignored")
    for labels in load():
        masks = [read_mask(labels.run, frame) for frame in labels.frames]
        counts = [sum(objects_of(mask == VALUES[kind])[0] for mask in masks) for kind in DAMAGES]
        whole = np.stack(masks)
        shares = (np.isin(whole, (CLEAN, IGNORE), invert=True).mean(), (whole == IGNORE).mean())
        table.add_row(labels.run, str(len(masks)), *map(str, counts), *(f"{share:.2%}" for share in shares))
    return table


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="draw the masks anew from the labels and the film")
    write = parser.parse_args().write
    console = Console()
    try:
        if write:
            for labels in load():
                for frame in labels.frames:
                    mask = render(labels, frame, read_frame(labels.run, frame))
                    cv2.imwrite(str(mask_path(labels.run, frame)), mask)
        console.print(_counts())
        if any(film_folder(labels.run) is None for labels in load()):
            console.print("The film is absent: whether the masks are what the drawing says was not checked.")
            return 0
        wrong = differing()
    except ReelkeeperError as error:
        console.print(str(error))
        return int(error.exit_code)
    console.print(f"Not what the drawing says: {', '.join(wrong)}" if wrong else "The masks are what the drawing says.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
