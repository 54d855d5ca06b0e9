"""The scanner's own channel of dirt, simulated over real pictures: which are believed, and what is found in them.

Two frames of each clip that packages hold get dirt, and a channel as of dyes (with none, 3, 5 and 15 % of the picture
showing in infrared), of silver (with 30, 70 and 100 % of the picture's contrast) and as a matte. Told are how strongly
the picture shows in the channel (`assessment.infrared.InfraredLimits.picture` is the limit), how many channels are
used, and of those what of the dirt is found and what else is marked. No scan of a real infrared channel was at hand:
this measures the rules against a model of it.

Bars: every channel of dyes with up to 5 % and every matte is used; none of silver but on blank pictures; 98 % of the
dirty pixels found; under 20 pixels in a million marked further than 4 pixels (at 1024 pixels width) from dirt. Prints a
table, writes docs/benchmarks/infrared.json; exit 1 if a bar is missed.

    python -m benchmarks.infrared
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table

from benchmarks.command import run
from restoration_tasks.assessment.infrared import InfraredLimits, Sample, infrared_confidence, judge, picture_share
from restoration_tasks.media.delivery.polarity import Polarity
from restoration_tasks.restoration.damage_map import CERTAIN
from restoration_tasks.runtime.errors import ExitCode
from restoration_tasks.training.clips import CLIPS, fetch_all, read_clip
from tests.assessment import channels

OUT = Path("docs/benchmarks/infrared.json")
FRAMES = (5, 15)
Floats = npt.NDArray[np.float32]
SPECKS = 60
"""In a picture of 720x540; about half a per cent of it."""
DIRTY = 0.2
"""Share of the light that dirt must block to count."""
BLANK = 4.0
"""Standard deviation, in 8-bit codes, of a picture that silver could hardly show in."""


def _drawn(_scene: Floats, blocked: Floats, *, seed: int) -> Floats:
    del seed
    return channels.matte(blocked)


FILMS: dict[str, tuple[Callable[..., Floats], Polarity, bool]] = {
    "dyes": (channels.infrared, Polarity.TRANSMISSION, True),
    **{
        f"dyes, {share} % of the picture": (partial(channels.infrared, leak=share / 100), Polarity.TRANSMISSION, True)
        for share in (3, 5)
    },
    "matte": (_drawn, Polarity.MATTE, True),
    "dyes, 15 % of the picture": (partial(channels.infrared, leak=0.15), Polarity.TRANSMISSION, False),
    **{
        f"silver, {share} % contrast": (partial(channels.infrared, silver=share / 100), Polarity.TRANSMISSION, False)
        for share in (30, 70, 100)
    },
}
"""How a film's channel is made, how it is read, and whether it is to be used."""


@dataclass
class Tally:
    """What was measured of one kind of film."""

    shares: list[float] = field(default_factory=list)
    used: list[bool] = field(default_factory=list)
    blank: list[bool] = field(default_factory=list)
    dirty: int = 0
    found: int = 0
    pixels: int = 0
    marked_off: int = 0

    @property
    def row(self) -> dict[str, float | int]:
        """As it is written down."""
        low, middle, high = (float(value) for value in np.quantile(self.shares, (0, 0.5, 1)))
        return {
            "channels": len(self.used),
            "used": sum(self.used),
            "used_on_pictures_not_blank": sum(
                used for used, blank in zip(self.used, self.blank, strict=True) if not blank
            ),
            "picture_share_least": round(low, 3),
            "picture_share_median": round(middle, 3),
            "picture_share_most": round(high, 3),
            "dirty_pixels_found": round(self.found / max(self.dirty, 1), 4),
            "marked_off_per_million": round(1e6 * self.marked_off / max(self.pixels, 1), 1),
        }


def scenes() -> Iterator[tuple[str, Floats]]:
    """Frames of the clips, `(H, W)` 0 to 1."""
    clips = [*CLIPS.values()]
    for clip, path in zip(clips, fetch_all(clips), strict=True):
        for place, frame in enumerate(islice(read_clip(clip, path), FRAMES[-1] + 1)):
            if place in FRAMES:
                yield f"{clip.name}/{place}", np.asarray(frame.mean(axis=0) / 1023, np.float32)


def measure(tallies: dict[str, Tally]) -> None:
    """Fill the tallies."""
    for seed, (_name, scene) in enumerate(scenes()):
        height, width = scene.shape
        larger = max(1, round(width / 700))
        specks = max(2, round(SPECKS * scene.size / (720 * 540 * larger**2)))
        blocked = channels.dirt(seed, specks=specks, height=height, width=width, larger=larger)
        luma = channels.dirty(scene, blocked)
        slack = max(4, round(4 * width / 1024))
        near = cv2.dilate((blocked > 0).astype(np.uint8), np.ones((2 * slack + 1, 2 * slack + 1), np.uint8)) > 0
        for film, (make, polarity, _) in FILMS.items():
            tally, channel = tallies[film], make(scene, blocked, seed=seed)
            sample = Sample(channel, luma)
            tally.shares.append(picture_share(sample))
            tally.used.append(judge([sample], polarity).polarity is not None)
            tally.blank.append(float(cv2.GaussianBlur(255 * scene, (0, 0), width / 128).std()) < BLANK)
            if tally.used[-1]:
                marked = infrared_confidence(channel, polarity) >= CERTAIN
                tally.dirty += int(np.count_nonzero(blocked > DIRTY))
                tally.found += int(np.count_nonzero(marked & (blocked > DIRTY)))
                tally.marked_off += int(np.count_nonzero(marked & ~near))
                tally.pixels += marked.size


def seconds_a_frame() -> float:
    """Time of one map at 2048x1556, on one thread, the best of five."""
    cv2.setNumThreads(1)
    scene = channels.picture(1, height=1556, width=2048)
    channel = channels.infrared(scene, channels.dirt(1, specks=200, height=1556, width=2048, larger=3))
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        infrared_confidence(channel, Polarity.TRANSMISSION)
        times.append(time.perf_counter() - begin)
    return min(times)


def missed(rows: dict[str, dict[str, float | int]]) -> list[str]:
    """The bars that were missed, in words."""
    out = []
    for film, (_, _, wanted) in FILMS.items():
        row = rows[film]
        if wanted and row["used"] < row["channels"]:
            out.append(f"{film}: {row['used']} of {row['channels']} channels used")
        if film.startswith("silver") and row["used_on_pictures_not_blank"]:
            out.append(f"{film}: {row['used_on_pictures_not_blank']} channels used")
        if wanted and (row["dirty_pixels_found"] < 0.98 or row["marked_off_per_million"] >= 20):
            out.append(
                f"{film}: {row['dirty_pixels_found']} found, {row['marked_off_per_million']} in a million beside"
            )
    return out


def main() -> int:
    """Measure, print, write."""
    tallies = {film: Tally() for film in FILMS}
    measure(tallies)
    rows = {film: tally.row for film, tally in tallies.items()}
    table = Table("channel", "used", "picture shows: least / median / most", "dirt found", "beside, per million")
    for film, row in rows.items():
        shares = " / ".join(f"{row[f'picture_share_{name}']:.3f}" for name in ("least", "median", "most"))
        found = [f"{row['dirty_pixels_found']:.2%}", f"{row['marked_off_per_million']}"] if row["used"] else ["", ""]
        table.add_row(film, f"{row['used']} of {row['channels']}", shares, *found)
    took = seconds_a_frame()
    console = Console()
    console.print(table)
    console.print(f"one map at 2048x1556, one thread: {took:.2f} s")
    faults = missed(rows)
    record = {"limit": InfraredLimits().picture, "films": rows, "seconds_a_2k_frame": round(took, 3), "missed": faults}
    OUT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    for fault in faults:
        console.print(f"missed: {fault}")
    return ExitCode.FAILED if faults else ExitCode.DONE


if __name__ == "__main__":
    run(main, "infrared")
