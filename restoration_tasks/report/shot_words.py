"""How a shot begins, ends and what stands out in it, in words for the condition report."""

from __future__ import annotations

from typing import Final

from restoration_tasks.assessment.parts import PartKind
from restoration_tasks.assessment.shots import Edge, EdgeKind, Shot
from restoration_tasks.assessment.splices import Bar, Splice

PARTS: Final = {
    PartKind.BLACK: "black",
    PartKind.LEADER: "leader",
    PartKind.BARS: "colour bars",
    PartKind.COUNTDOWN: "countdown",
}
NAMED: Final = 6
"""Flashes or splices named one by one; the rest are counted."""


def part_words(shot: Shot | None) -> str:
    """What a shot is where it is no picture; empty for a picture."""
    return "" if shot is None else PARTS.get(shot.kind, "")


def joint_words(shot: Shot | None) -> str:
    """One or two sentences; empty where nothing is known of it."""
    if shot is None:
        return ""
    told = [f"Begins {_edge(shot.head, 'with')}, ends {_edge(shot.tail, 'with')}."]
    if shot.flashes:
        places = [_frames(flash.start, flash.stop) for flash in shot.flashes]
        told.append(f"Flash frames: {_listed(places)}.")
    if shot.splices:
        told.append(f"Splices that show: {_listed([_splice(splice) for splice in shot.splices])}.")
    return " ".join(told)


def _edge(edge: Edge, word: str) -> str:
    frames = f" over {edge.frames} frame{'' if edge.frames == 1 else 's'} of it" if edge.frames else ""
    if edge.kind is EdgeKind.REEL:
        return f"{word} the reel"
    return f"{word} a {edge.kind.value}{frames}"


def _splice(splice: Splice) -> str:
    seen = []
    if splice.jump_px:
        where = "lower" if splice.jump_px > 0 else "higher"
        seen.append(f"the picture stands {abs(splice.jump_px):.0f} px {where} at 720 px width")
    if splice.bar is not Bar.NONE:
        seen.append(f"a bar at the {splice.bar.value}")
    return f"frame {splice.frame} ({', '.join(seen)})"


def _frames(start: int, stop: int) -> str:
    return f"{start}" if stop - start == 1 else f"{start}–{stop - 1}"


def _listed(places: list[str]) -> str:
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return ", ".join(places[:NAMED]) + more
