"""What is taken back: which treatments of which shots, and the plan without them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from restoration_tasks.restoration.plan import Plan, PlannedShot, repairs_added
from restoration_tasks.restoration.treatment import registry
from restoration_tasks.runtime.errors import WrongUse

ALL: Final = "all"
_RANGE = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
_NAMED = 10
"""Shots named in a message before it says how many more there are."""


@dataclass(frozen=True)
class Asked:
    """Shots and treatments as a person names them."""

    shots: tuple[tuple[int, int], ...] | None
    """First and last shot of each range; None for all."""
    off: frozenset[str] | None
    """Names of treatments; None for all."""

    @classmethod
    def parse(cls, shots: str, off: str) -> Self:
        """Read `3,5-7` or `all`, and `dirt,flicker` or `all`.

        Raises:
            WrongUse: a range that is none, or a treatment there is not.
        """
        names = frozenset(name.strip() for name in off.split(",") if name.strip())
        known = registry()
        unknown = sorted(names - {ALL, *known})
        if unknown or not names:
            raise WrongUse(
                "there is no such treatment",
                expected=f"{', '.join(known)}, or {ALL}",
                found=", ".join(unknown) or "nothing",
                action="correct --off",
            )
        return cls(_ranges(shots), None if ALL in names else names)

    def takes(self, treatment: str) -> bool:
        """Whether a treatment is to be off."""
        return self.off is None or treatment in self.off

    def named(self, plan: Plan) -> tuple[PlannedShot, ...]:
        """The shots that are meant, in the order of the reel.

        Raises:
            WrongUse: the reel has no shot of a number; those there are are named.
        """
        if self.shots is None:
            return plan.shots
        numbers = [shot.shot for shot in plan.shots]
        for first, last in self.shots:
            if sum(first <= number <= last for number in numbers) <= last - first:
                lacking = next(number for number in range(first, last + 1) if number not in numbers)
                raise WrongUse(
                    f"the reel has no shot {lacking}",
                    reel=plan.reel_id,
                    expected=shot_list(numbers) if numbers else "a plan with shots",
                    found=f"{first}-{last}" if last > first else first,
                    action="correct --shots",
                )
        return tuple(shot for shot in plan.shots if any(first <= shot.shot <= last for first, last in self.shots))


@dataclass(frozen=True)
class Change:
    """A plan, and the same with treatments taken back."""

    base: Plan
    plan: Plan
    """It still carries the number, author and reason of `base`."""
    named: tuple[int, ...]
    """The shots that were named."""

    @property
    def lines(self) -> list[str]:
        """What becomes of each named shot, for the operator."""
        found = []
        for before, after in zip(self.base.shots, self.plan.shots, strict=True):
            if before.shot not in self.named:
                continue
            left = [treatment.name for treatment in after.treatments]
            off = [treatment.name for treatment in before.treatments if treatment.name not in left]
            taken = f"{' and '.join(off)} off" if off else "nothing of this to take back"
            kept = f"{' and '.join(left)} {'stay' if len(left) > 1 else 'stays'}" if left else "the scan as it is"
            drawn = len(before.regions) - len(after.regions)
            with_it = f", with {drawn} region{'s' if drawn > 1 else ''} of damage drawn by hand" if drawn else ""
            found.append(f"{before.title}: {taken}{with_it}; {kept}")
        return found

    @property
    def takes_anything(self) -> bool:
        """Whether the plan is another one at all."""
        return self.base.shots != self.plan.shots


def take_back(base: Plan, asked: Asked) -> Change:
    """The plan without the treatments asked to be off; parameters and reasons of all others stay.

    Damage that people added by hand goes with the treatment that would repair it. Shots that never had a treatment may
    be named along with those that have it.

    Raises:
        WrongUse: the reel has no such shot, or none of the named shots has a named treatment.
    """
    named = asked.named(base)
    planned = {treatment.name for shot in named for treatment in shot.treatments}
    lacking = sorted((asked.off or frozenset()) - planned)
    if lacking:
        where = shot_list(shot.shot for shot in named)
        raise WrongUse(
            f"plan version {base.version} has no {' and no '.join(lacking)} in {where}",
            reel=base.reel_id,
            expected=", ".join(name for name in registry() if name in planned) or "nothing: these shots are left alone",
            found=", ".join(lacking),
            action=f"name treatments these shots have; `reelkeeper plans show {base.reel_id}` prints the plan",
        )
    numbers = tuple(shot.shot for shot in named)
    shots = tuple(_without(shot, asked) if shot.shot in numbers else shot for shot in base.shots)
    return Change(base, base.model_copy(update={"shots": shots}), numbers)


def _without(shot: PlannedShot, asked: Asked) -> PlannedShot:
    off = {treatment.name for treatment in shot.treatments if asked.takes(treatment.name)}
    return shot.model_copy(
        update={
            "treatments": tuple(treatment for treatment in shot.treatments if treatment.name not in off),
            "regions": tuple(region for region in shot.regions if repairs_added(region) not in off),
        }
    )


def _ranges(text: str) -> tuple[tuple[int, int], ...] | None:
    if text.strip() == ALL:
        return None
    found = []
    for part in text.split(","):
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last:
            raise WrongUse(
                "these are no shots",
                expected=f"numbers and ranges such as 3,5-7, or {ALL}",
                found=part.strip() or "nothing",
                action="correct --shots",
            )
        found.append((first, last))
    return tuple(found)


def shot_list(numbers: Iterable[int]) -> str:
    """Shots in words, neighbours drawn together: `shot 3`, `shots 1–3, 7`."""
    ordered = sorted(set(numbers))
    breaks = [place for place, (one, other) in enumerate(pairwise(ordered), start=1) if other > one + 1]
    runs = [ordered[begin:end] for begin, end in pairwise([0, *breaks, len(ordered)])]
    words = [str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs]
    more = f" and {len(words) - _NAMED} more" if len(words) > _NAMED else ""
    return f"{'shot' if len(ordered) == 1 else 'shots'} {', '.join(words[:_NAMED])}{more}"
