"""Sheets of real film to look at: before, after, map and difference of a frame, enlarged. They are never committed.

    python -m benchmarks.sheets OUT_FOLDER [--run NAME …] [--frames 7 19 …] [--engine network] [--enlarge 2]

The film (REELKEEPER_REAL_FILM, default ../shared/data/old_film) goes the product's way; every sheet says what it shows
and which frame of which run it is. In the map dirt is red, hairs are green, evidence of scratches is blue, and what was
repaired has a white edge; the difference is four times as strong as it is, grey where there is none.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from benchmarks import command, real_labels
from benchmarks.real_film_runs import RestoredRun, restored_run
from restoration_tasks.assessment.engine import Engine
from restoration_tasks.media.picture import Work
from restoration_tasks.runtime.errors import ExitCode, WrongUse
from restoration_tasks.runtime.files import write_atomic

FRAMES_A_RUN = 12
"""Sheets of a run unless frames are named, spread over it."""
STRONGER = 4
_TITLE_PX = 26
_WHITE = (255, 255, 255)
Picture = NDArray[np.uint8]
"""`(H, W, 3)`, B, G, R."""
console = Console()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description="Before, after, map and difference of real film, to look at.")
    parser.add_argument("out", type=Path, metavar="OUT_FOLDER", help="where the sheets go, a folder a run")
    parser.add_argument("--run", nargs="+", help="runs; all that are at hand, if not named")
    parser.add_argument(
        "--frames", type=int, nargs="+", help="positions in the run; twelve spread over it, if not named"
    )
    parser.add_argument("--engine", choices=[*Engine], default=Engine.NETWORK)
    parser.add_argument("--enlarge", type=int, default=2, help="how many times")
    chosen = parser.parse_args(arguments)
    known = [labels.run for labels in real_labels.load()]
    if unknown := set(chosen.run or ()) - set(known):
        raise WrongUse("there is no such run", expected=", ".join(known), found=", ".join(sorted(unknown)))
    runs = [run for run in chosen.run or known if real_labels.film_folder(run) is not None]
    if not runs:
        console.print("The real film is not at hand (REELKEEPER_REAL_FILM): no sheets.")
    for run in runs:
        with tempfile.TemporaryDirectory(prefix="reelkeeper-sheets-") as folder:
            done = restored_run(run, Engine(chosen.engine), Path(folder))
        for place in chosen.frames or spread(len(done.frames)):
            if not 0 <= place < len(done.frames):
                raise WrongUse(
                    "the run has no such frame", reel=run, expected=f"0 to {len(done.frames) - 1}", found=place
                )
            path = chosen.out / run / f"{place:04d}.png"
            write_atomic(path, cv2.imencode(".png", sheet(run, done, place, chosen.enlarge))[1].tobytes())
        console.print(f"{run}: {_told(done)}", highlight=False)
    return ExitCode.DONE


def spread(frames: int) -> list[int]:
    """Positions spread over a run, without its very ends."""
    count = min(FRAMES_A_RUN, frames)
    return sorted({int(place) for place in np.linspace(0, frames, count + 2)[1:-1]})


def _told(done: RestoredRun) -> str:
    treated = ", ".join(
        f"frames {shot.start}–{shot.stop - 1}: {' and '.join(one.name for one in shot.treatments) or 'left as it is'}"
        for shot in done.restored.plan.shots
    )
    return f"{len(done.frames)} frames; {treated}"


def sheet(run: str, done: RestoredRun, place: int, enlarge: int) -> Picture:
    """One frame's sheet: before and after above, map and difference below."""
    before, after = done.frames[place], done.restored.frames[place]
    panels = [
        ("before", shown(before, done.full)),
        ("after", shown(after, done.full)),
        ("map: dirt red, hair green, scratch blue; repaired: white edge", mapped(done, place)),
        (f"difference x {STRONGER}", difference(before, after, done.full)),
    ]
    title = f"{run}  frame {place} ({done.names[place]})"
    made = [
        _titled(f"{title}  {name}" if number == 0 else name, panel, enlarge)
        for number, (name, panel) in enumerate(panels)
    ]
    return np.vstack([np.hstack(made[:2]), np.hstack(made[2:])])


def shown(work: Work, full: int) -> Picture:
    """A frame of grey or R, G, B codes as 8-bit B, G, R."""
    planes = np.repeat(work, 3, axis=0) if len(work) == 1 else work
    return np.ascontiguousarray(np.rint(planes[::-1].transpose(1, 2, 0) * (255.0 / full)).astype(np.uint8))


def mapped(done: RestoredRun, place: int) -> Picture:
    """The map in colours over the darkened frame, what was repaired with a white edge."""
    found, mask = done.restored.maps[place], done.restored.masks[place]
    picture = shown(done.frames[place], done.full) // 3
    for channel, plane in ((2, found.dirt), (1, found.hair), (0, found.scratch)):
        picture[..., channel] = np.maximum(picture[..., channel], plane)
    edge = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > mask
    picture[edge] = _WHITE
    return picture


def difference(before: Work, after: Work, full: int) -> Picture:
    """What was changed, `STRONGER` times as strong, about middle grey."""
    change = (after.astype(np.float32) - before.astype(np.float32)) * np.float32(STRONGER / full)
    planes = np.clip(0.5 + change, 0, 1)
    return shown(np.rint(planes * 255).astype(np.uint8), 255)


def _titled(title: str, panel: Picture, enlarge: int) -> Picture:
    size = (panel.shape[1] * enlarge, panel.shape[0] * enlarge)
    large = cv2.resize(panel, size, interpolation=cv2.INTER_CUBIC)
    strip = np.zeros((_TITLE_PX, size[0], 3), np.uint8)
    cv2.putText(strip, title, (6, _TITLE_PX - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _WHITE, 1, cv2.LINE_AA)
    return np.vstack([strip, np.asarray(large, np.uint8)])


if __name__ == "__main__":
    command.run(main, "sheets")
