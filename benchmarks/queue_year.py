"""A year of an archive, simulated: how much its reels lose, and what each order of work saves of it.

**The model**, set before the first run and not fitted to anything:

- *Base.* Acidity doubles every tenth of the time to onset: `a = 0.5 · 2^(10 · (age − onset) / onset)`. Onset (acidity
  0.5, A-D level 1.5) comes after 50 years for acetate at 18 °C and 50 % humidity (Reilly, "IPI Storage Guide for
  Acetate Film", 1993); nitrate alike, polyester ten times as long. A-D levels 2 and 3 stand for acidity 1 and 2. What
  the base loses is `(a/2)² / (1 + (a/2)²)`: 6 % at onset, half at level 3. Doubling time and loss are assumptions.
- *Dyes.* They fade exponentially: 30 % gone after 40 years at room conditions (Reilly, "Storage Guide for Color
  Photographic Materials", 1998). Half of what a colour picture tells is taken to be its colour.
- *Storage* stretches or shortens both times, by a lognormal factor (σ = 0.5) for each reel.
- *Collection.* Nitrate 10 % (made 1900–1951), acetate 75 % (1925–1990, most in 1965), polyester 15 % (1970–2010); 40 %
  of acetate and polyester in colour. Lengths lognormal (σ = 0.5).
- *What is known.* 20 % of the reels were assessed (their fading, ± 10), 30 % have an A-D strip (to half a level,
  ± 0.25), of the rest only base and year. The order is made of that, by the very formulas of `assessment/`.

**Saved** is what the reels that were restored in the year would have lost after they were: until the end of the year,
and (second) until ten years after its beginning. A whole reel of content is 1. Each night takes what `nights.fill`
takes of its order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.assessment.gauge import Category
from restoration_tasks.assessment.unseen import by_age, by_carrier
from restoration_tasks.assessment.urgency import urgency
from restoration_tasks.catalogue.nights import LOOK_PAST, Wanted, fill
from restoration_tasks.catalogue.queue_models import Basis

Floats = NDArray[np.float64]

THIS_YEAR = 2026.0
NIGHTS = 365
OUTLOOK_YEARS = 10.0
JUDGED_EVERY = 30
"""Nights after which the order is made anew."""
BASES = ("nitrate", "acetate", "polyester")
SHARES = (0.10, 0.75, 0.15)
ONSET_YEARS = np.array([50.0, 50.0, 500.0])
DYE_RATE = -np.log(0.7) / 40.0


@dataclass(frozen=True)
class Collection:
    """Reels, one element each."""

    base: NDArray[np.int64]
    made: Floats
    onset: Floats
    """Years from making to onset."""
    dye_rate: Floats
    """A year; 0 without colour."""
    hours: Floats
    strip: Floats
    """A-D level as read; NaN where nobody has."""
    fade: Floats
    """Severity of fading as assessed, 0–100; NaN where nobody has."""

    def acidity(self, year: float) -> Floats:
        """Free acidity, as A-D strips go by it."""
        return np.asarray(0.5 * 2.0 ** np.minimum(10.0 * (year - self.made - self.onset) / self.onset, 20.0))

    def lost(self, year: float) -> Floats:
        """Share of each reel's content that is gone, 0–1."""
        base = (self.acidity(year) / 2.0) ** 2
        dyes = 1.0 - np.exp(-self.dye_rate * (year - self.made))
        return np.asarray(1.0 - (1.0 - base / (1.0 + base)) * (1.0 - 0.5 * dyes))


def collection(count: int, seed: int) -> Collection:
    """Make a collection."""
    random = np.random.default_rng(seed)
    base = random.choice(3, size=count, p=SHARES)
    made = np.choose(
        base,
        [
            random.uniform(1900, 1951, count),
            random.triangular(1925, 1965, 1990, count),
            random.uniform(1970, 2010, count),
        ],
    )
    storage = random.lognormal(0.0, 0.5, count)
    colour = (base > 0) & (random.random(count) < 0.4)
    reels = Collection(
        base=base,
        made=made,
        onset=ONSET_YEARS[base] * storage,
        dye_rate=np.where(colour, DYE_RATE / storage, 0.0),
        hours=random.lognormal(0.0, 0.5, count),
        strip=np.full(count, np.nan),
        fade=np.full(count, np.nan),
    )
    level = np.interp(np.log2(reels.acidity(THIS_YEAR)), [-3.0, -1.0, 0.0, 1.0], [0.0, 1.5, 2.0, 3.0])
    read = np.clip(np.round(2 * (level + random.normal(0, 0.25, count))) / 2, 0, 3)
    faded = 100 * (1 - np.exp(-reels.dye_rate * (THIS_YEAR - made)))
    assessed = np.clip(faded + random.normal(0, 10, count), 0, 100)
    reels.strip[:] = np.where(random.random(count) < 0.3, read, np.nan)
    reels.fade[:] = np.where(random.random(count) < 0.2, assessed, np.nan)
    return reels


def urgencies(reels: Collection, year: float) -> Floats:
    """As the queue has them, by what is known."""
    found = np.empty(len(reels.base))
    for i, (base, made, strip, fade) in enumerate(zip(reels.base, reels.made, reels.strip, reels.fade, strict=True)):
        carrier = CarrierReadings(ad_strip_level=None if np.isnan(strip) else float(strip))
        if not np.isnan(fade):
            found[i] = urgency({Category.FADE: float(fade)}, carrier)
        elif carrier.known:
            found[i] = by_carrier(carrier)
        else:
            found[i] = by_age(year - made, BASES[base])
    return found


Order = Callable[[Collection, float], Floats]
"""Priority of every reel at a time; the highest is worked first."""


def orders(seed: int) -> dict[str, Order]:
    """The orders that are compared."""

    def arrived(reels: Collection, _year: float) -> Floats:
        return np.random.default_rng(seed + 10_000).random(len(reels.base))

    def knows_all(reels: Collection, year: float) -> Floats:
        return np.asarray((reels.lost(year + 1.0) - reels.lost(year)) / reels.hours)

    return {"first in, first out": arrived, "worst first": urgencies, "knows every loss": knows_all}


@dataclass(frozen=True)
class Year:
    """What a year with one order came to."""

    restored: int
    saved: float
    """Until the end of the year, in whole reels of content."""
    saved_in_ten_years: float
    lost: float
    """What the collection lost in the year all the same."""


def live(reels: Collection, order: Order, budget_h: float) -> Year:
    """Work through a year, night by night."""
    waiting = np.ones(len(reels.base), bool)
    restored_at = np.full(len(reels.base), np.nan)
    line: list[int] = []
    for night in range(NIGHTS):
        year = THIS_YEAR + night / NIGHTS
        if night % JUDGED_EVERY == 0:
            priority = order(reels, year)
            places = np.flatnonzero(waiting)
            line = [int(i) for i in places[np.argsort(-priority[places], kind="stable")]]
        wanted = (Wanted(str(i), 0.0, Basis.CONDITION, float(reels.hours[i])) for i in line)
        taken = {int(one.reel_id) for one in fill(wanted, budget_h).taken}
        for i in taken:
            restored_at[i] = year
        waiting[list(taken)] = False
        front = LOOK_PAST + len(taken) + 1  # a night looks no farther
        line = [i for i in line[:front] if i not in taken] + line[front:]
    done = ~waiting
    end = THIS_YEAR + 1.0
    at = np.where(done, restored_at, end)
    kept = np.zeros(len(reels.base))
    for moment in np.unique(at[done]):
        there = done & (at == moment)
        kept[there] = reels.lost(float(moment))[there]
    return Year(
        restored=int(done.sum()),
        saved=float((reels.lost(end) - kept)[done].sum()),
        saved_in_ten_years=float((reels.lost(end + OUTLOOK_YEARS - 1.0) - kept)[done].sum()),
        lost=float((reels.lost(end) - reels.lost(THIS_YEAR)).sum() - (reels.lost(end) - kept)[done].sum()),
    )
