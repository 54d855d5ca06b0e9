"""A year of an archive, simulated: how much its reels lose, and what each order of work saves of it.

**The model**:

- *Base.* Acidity doubles every tenth of the time to onset: `a = 0.5 · 2^(10 · (age − onset) / onset)`. Onset (acidity
  0.5, A-D level 1.5) comes after 50 years for acetate at 18 °C and 50 % humidity (Reilly, "IPI Storage Guide for
  Acetate Film", 1993); nitrate alike, polyester ten times as long. A-D levels 2 and 3 stand for acidity 1 and 2. What
  the base loses is `(a/2)² / (1 + (a/2)²)`: 6 % at onset, half at level 3. Doubling time and loss are assumptions.
- *Dyes.* They fade exponentially: 30 % gone after 40 years at room conditions (Reilly, "Storage Guide for Color
  Photographic Materials", 1998). Half of what a colour picture tells is taken to be its colour.
- *Storage* stretches or shortens both times, by a lognormal factor (σ = 0.5) for each reel.
- *Collection.* Nitrate 10 % (made 1900–1951), acetate 75 % (1925–1990, most in 1965), polyester 15 % (1970–2010); 40 %
  of acetate and polyester in colour. Lengths lognormal (σ = 0.5).
- *Two assumptions are varied*, because what comes out hangs on them: storage twice and four times as slow (the median
  reel above is kept at 18 °C for all its life, so half of its acetate is past A-D level 3), and half lost at acidity 8
  instead of 2 (at level 3 warping is only imminent, by the A-D strips' own guide). The model as it was first set comes
  first; all are reported.
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
    half_lost_at: float
    """Acidity at which the base has lost half of what it bears."""

    def acidity(self, year: float | Floats) -> Floats:
        """Free acidity, as A-D strips go by it."""
        return np.asarray(0.5 * 2.0 ** np.minimum(10.0 * (year - self.made - self.onset) / self.onset, 20.0))

    def lost(self, year: float | Floats) -> Floats:
        """Share of each reel's content that is gone, 0–1."""
        base = (self.acidity(year) / self.half_lost_at) ** 2
        dyes = 1.0 - np.exp(-self.dye_rate * (year - self.made))
        return np.asarray(1.0 - (1.0 - base / (1.0 + base)) * (1.0 - 0.5 * dyes))


def collection(count: int, seed: int, *, storage_median: float = 1.0, half_lost_at: float = 2.0) -> Collection:
    """Make a collection.

    Args:
        count: reels.
        seed: of all chance.
        storage_median: how many times as long as at 18 °C and 50 % humidity everything takes, for the median reel.
        half_lost_at: acidity at which half is lost.
    """
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
    storage = storage_median * random.lognormal(0.0, 0.5, count)
    colour = (base > 0) & (random.random(count) < 0.4)
    reels = Collection(
        base=base,
        made=made,
        onset=ONSET_YEARS[base] * storage,
        dye_rate=np.where(colour, DYE_RATE / storage, 0.0),
        hours=random.lognormal(0.0, 0.5, count),
        strip=np.full(count, np.nan),
        fade=np.full(count, np.nan),
        half_lost_at=half_lost_at,
    )
    level = np.interp(np.log2(reels.acidity(THIS_YEAR)), [-3.0, -1.0, 0.0, 1.0], [0.0, 1.5, 2.0, 3.0])
    read = np.clip(np.round(2 * (level + random.normal(0, 0.25, count))) / 2, 0, 3)
    faded = 100 * (1 - np.exp(-reels.dye_rate * (THIS_YEAR - made)))
    assessed = np.clip(faded + random.normal(0, 10, count), 0, 100)
    reels.strip[:] = np.where(random.random(count) < 0.3, read, np.nan)
    reels.fade[:] = np.where(random.random(count) < 0.2, assessed, np.nan)
    return reels


def by_what_is_known(reels: Collection) -> Callable[[Collection, float], Floats]:
    """The order the queue has. Only age goes on; what was read once is reckoned once."""
    read = np.full(len(reels.base), np.nan)
    for i in np.flatnonzero(~(np.isnan(reels.strip) & np.isnan(reels.fade))):
        strip, fade = float(reels.strip[i]), float(reels.fade[i])
        carrier = CarrierReadings(ad_strip_level=None if np.isnan(strip) else strip)
        read[i] = by_carrier(carrier) if np.isnan(fade) else urgency({Category.FADE: fade}, carrier)
    unread = np.flatnonzero(np.isnan(read))

    def urgencies(reels: Collection, year: float) -> Floats:
        found = read.copy()
        found[unread] = [by_age(year - reels.made[i], BASES[reels.base[i]]) for i in unread]
        return found

    return urgencies


Order = Callable[[Collection, float], Floats]
"""Priority of every reel at a time; the highest is worked first."""


def orders(reels: Collection, seed: int) -> dict[str, Order]:
    """The orders that are compared."""
    known = by_what_is_known(reels)

    def arrived(reels: Collection, _year: float) -> Floats:
        return np.random.default_rng(seed + 10_000).random(len(reels.base))

    def knows_all(reels: Collection, year: float) -> Floats:
        return np.asarray((reels.lost(year + 1.0) - reels.lost(year)) / reels.hours)

    return {"first in, first out": arrived, "worst first": known, "knows every loss": knows_all}


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
    kept = reels.lost(np.where(done, restored_at, end))
    return Year(
        restored=int(done.sum()),
        saved=float((reels.lost(end) - kept)[done].sum()),
        saved_in_ten_years=float((reels.lost(end + OUTLOOK_YEARS - 1.0) - kept)[done].sum()),
        lost=float((reels.lost(end) - reels.lost(THIS_YEAR)).sum() - (reels.lost(end) - kept)[done].sum()),
    )
