"""Figures of the benchmark of dirt, hairs and scratches, from its pieces: what the bars ask for, and the breakdown."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.dirt_checks import BINS
from benchmarks.kept import Kept, Result
from benchmarks.scoring import TrackScore, interval, summary
from restoration_tasks.training.defects.curve import Curve

SLOW = ("static", "moderate")


@dataclass(frozen=True)
class Row:
    """One shot of one case, as one contender restored it."""

    take: str
    kind: str
    strength: int
    contender: str
    case: str
    shot: int
    scores: Result

    @property
    def gain_db(self) -> float:
        """PSNR of the whole picture, after less before."""
        return float(self.scores["db"]["total"] - self.scores["input_db"]["total"])


def rows(kept: Kept, part: str) -> list[Row]:
    """The shots of a part's cases."""
    found = []
    for key, piece in kept.part(part).items():
        take, kind, strength, seed, contender = key.split("/")
        case = f"{take}/{kind}/{strength}/{seed}"
        for number, scores in enumerate(piece["shots"]):
            found.append(Row(take, kind, int(strength), contender, case, number, scores))
    return found


@dataclass(frozen=True)
class Figure:
    """One measured figure."""

    value: float
    ci95: tuple[float, float] | None = None
    cases: int | None = None


def _mean(values: Sequence[float]) -> Figure | None:
    return Figure(float(np.mean(values)), interval(values), len(values)) if values else None


def gain(kind: str, motions: Sequence[str], contender: str = "network") -> Callable[[Kept], Figure | None]:
    """Mean gain of the blind product over shots of these motions."""

    def figure(kept: Kept) -> Figure | None:
        chosen = (row for row in rows(kept, "blind") if row.kind == kind and row.contender == contender)
        return _mean([row.gain_db for row in chosen if row.scores["motion"] in motions])

    return figure


def outside(kept: Kept) -> Figure | None:
    """Mean PSNR outside the true mask, blind, over all shots with dirt."""
    chosen = (row for row in rows(kept, "blind") if row.kind == "dirt" and row.contender == "network")
    return _mean([row.scores["db"]["outside"] for row in chosen])


def ahead(other: str) -> Callable[[Kept], Figure | None]:
    """By how much our fill is ahead of another with the true mask, shot by shot, dirt."""

    def figure(kept: Kept) -> Figure | None:
        by_place: dict[tuple[str, int], dict[str, float]] = {}
        for row in rows(kept, "true"):
            if row.kind == "dirt":
                by_place.setdefault((row.case, row.shot), {})[row.contender] = row.scores["db"]["total"]
        both = [pair for pair in by_place.values() if {"network", other} <= set(pair)]
        return _mean([pair["network"] - pair[other] for pair in both])

    return figure


def pooled_curve(kept: Kept, view: str, kinds: Sequence[str]) -> Curve | None:
    """The curve of all cases of these kinds together; None where there are none."""
    curve, some = Curve(BINS), False
    for key, piece in kept.part("detection").items():
        if key.split("/")[1] in kinds:
            curve.add_counts(piece[view]["damaged"], piece[view]["sound"])
            some = True
    return curve if some else None


def average_precision(kept: Kept) -> Figure | None:
    """Over all kinds, of whichever map found it."""
    curve = pooled_curve(kept, "any", ("dirt", "hair", "scratch"))
    return None if curve is None else Figure(curve.average_precision())


def at_default(kept: Kept, view: str, kind: str) -> tuple[float, float] | None:
    """Precision and recall of one kind at the default threshold."""
    pieces = [piece[view]["default"] for key, piece in kept.part("detection").items() if key.split("/")[1] == kind]
    right, wrong, missed = (int(total) for total in np.sum(pieces, axis=0)) if pieces else (0, 0, 0)
    return (right / max(right + wrong, 1), right / max(right + missed, 1)) if right + missed else None


def hair(place: int) -> Callable[[Kept], Figure | None]:
    """Precision (0) or recall (1) of hairs, found as hair or as dirt: both are repaired alike."""

    def figure(kept: Kept) -> Figure | None:
        pair = at_default(kept, "loose", "hair")
        return None if pair is None else Figure(pair[place])

    return figure


def tracks(kept: Kept) -> TrackScore | None:
    """All persistent scratches of all cases together."""
    found = [
        one for key, piece in kept.part("blind").items() if key.endswith("/network") for one in piece.get("tracks", [])
    ]
    if not found:
        return None
    return TrackScore(*(sum(one[name] for one in found) for name in ("true", "found", "right", "met")))


def track_f1(kept: Kept) -> Figure | None:
    """F1 by track over all cases together."""
    total = tracks(kept)
    return None if total is None else Figure(total.f1, cases=total.true)


def false_tracks(kept: Kept) -> Figure | None:
    """Scratches seen in shots without one, by shot."""
    found = [piece["tracks"] for piece in kept.part("uprights").values()]
    return Figure(float(np.mean(found)), cases=len(found)) if found else None


def clean(name: str, of_all: Callable[[Sequence[float]], float]) -> Callable[[Kept], Figure | None]:
    """A figure of the clean clips: the mean or worst over all of them."""

    def figure(kept: Kept) -> Figure | None:
        values = [value for piece in kept.part("clean").values() for value in _flat(piece[name])]
        return Figure(float(of_all(values)), cases=len(values)) if values else None

    return figure


def _flat(value: Any) -> Iterator[float]:
    yield from value if isinstance(value, list) else [value]


def changed_under_gate(kept: Kept) -> Figure | None:
    """Clean shots that the plan leaves alone and that came out changed all the same."""
    pieces = list(kept.part("clean").values())
    pairs = [pair for piece in pieces for pair in zip(piece["treated"], piece["identical"], strict=True)]
    return Figure(float(sum(not treated and not same for treated, same in pairs)), cases=len(pairs)) if pairs else None


def flicker(kept: Kept) -> Figure | None:
    """Flicker of what was repaired over that of its surround, all shots with dirt together, blind."""
    chosen = [row for row in rows(kept, "blind") if row.kind == "dirt" and row.contender == "network"]
    pairs = [row.scores["flicker"] for row in chosen if row.scores.get("flicker")]
    if not pairs:
        return None
    ratios = [repaired / surround for repaired, surround in pairs]
    return Figure(float(np.mean(ratios)), interval(ratios), len(ratios))


def outside_samples(kept: Kept) -> Figure | None:
    """Samples outside the map that differ, over all bit depths."""
    pieces = list(kept.part("identity").values())
    return Figure(float(sum(piece["outside"] for piece in pieces)), cases=len(pieces)) if pieces else None


def timed(size: str, device: str = "cpu", name: str = "fps") -> Callable[[Kept], Figure | None]:
    """A figure of one timed clip."""

    def figure(kept: Kept) -> Figure | None:
        piece = kept.part("speed").get(f"time/{size}/{device}", {})
        return Figure(piece[name]) if name in piece else None

    return figure


def slowest_ratio(kept: Kept) -> Figure | None:
    """Our time over that of `nlmeans`, the worst of the sizes."""
    found = [piece["times_nlmeans"] for piece in kept.part("speed").values() if "times_nlmeans" in piece]
    return Figure(max(found), cases=len(found)) if found else None


def breakdown(kept: Kept) -> Result:
    """Mean, interval and worst by contender, kind, motion, clip and strength, as JSON holds it."""
    whole: Result = {}
    for part in ("blind", "true", "peers"):
        by_name: dict[str, list[Row]] = {}
        for row in rows(kept, part):
            for name in (f"{row.kind}, {row.scores['motion']}", f"{row.kind}, {row.take}", f"{row.kind}, all"):
                by_name.setdefault(f"{row.contender}: {name}", []).append(row)
            if part == "blind":
                by_name.setdefault(f"{row.contender}: {row.kind}, strength {row.strength}", []).append(row)
        whole[part] = {name: _figures(chosen) for name, chosen in sorted(by_name.items())}
    for view, kinds in (
        ("own", ["dirt"]),
        ("own", ["hair"]),
        ("own", ["scratch"]),
        ("any", ["dirt", "hair", "scratch"]),
    ):
        curve = pooled_curve(kept, view, kinds)
        if curve is not None:
            name = kinds[0] if len(kinds) == 1 else "all kinds"
            whole.setdefault("detection", {})[name] = _detection(kept, curve, view, kinds)
    if (total := tracks(kept)) is not None:
        whole["tracks"] = {"true": total.true, "found": total.found, "right": total.right, "met": total.met}
    whole["real"] = {run: _real(piece["whole"]) for run, piece in sorted(kept.part("real").items())}
    whole["minutes of one core"] = {
        name: round(sum(piece.get("wall_s", 0.0) for piece in pieces.values()) / 60, 1)
        for name, pieces in kept.parts.items()
    }
    return whole


def _real(score: Result) -> Result:
    """Recall by kind and over all, and precision, by objects and by pixels; None where nothing was labelled."""

    def share(pairs: Sequence[Sequence[int]]) -> float | None:
        hits, of = np.sum(pairs, axis=0)
        return round(float(hits / of), 4) if of else None

    made: Result = {}
    for name in ("objects", "pixels"):
        made[f"recall, {name}"] = {kind: share([pair]) for kind, pair in score[name].items()}
        made[f"recall, {name}"]["all"] = share(list(score[name].values()))
        made[f"precision, {name}"] = share([score[f"right_{name}"]])
    return made


def _figures(chosen: Sequence[Row]) -> Result:
    made: Result = {"gain_db": summary([row.gain_db for row in chosen])}
    for region in ("total", "damage", "outside"):
        for name in ("input_db", "db"):
            values = [row.scores[name][region] for row in chosen if row.scores[name][region] is not None]
            if values:
                made[f"{region} {name}"] = round(float(np.mean(values)), 3)
    return made


def _detection(kept: Kept, curve: Curve, view: str, kinds: Sequence[str]) -> Result:
    made: Result = {"average_precision": round(curve.average_precision(), 4), "chance": round(curve.chance(), 5)}
    pair = at_default(kept, view, kinds[0]) if len(kinds) == 1 else None
    if pair is not None:
        made |= {"precision at default": round(pair[0], 4), "recall at default": round(pair[1], 4)}
    return made
