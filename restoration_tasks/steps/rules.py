"""What a run goes by: its treatment profile, with what a person asked for instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict

from restoration_tasks.restoration import profile as profiles
from restoration_tasks.restoration.enlargement import EnlargeChoice
from restoration_tasks.restoration.profile import Followed, Profile
from restoration_tasks.restoration.tuning import TreatmentName, Tunings

if TYPE_CHECKING:
    from restoration_tasks.runtime.settings import Settings
    from restoration_tasks.steps.asked import RunOptions

FPS = "24"
"""Frames per second where neither the scan nor anybody says."""


class Rules(BaseModel):
    """What may be done to a reel, how boldly, and what is made beside it.

    They travel with the run, so that a profile that is changed meanwhile changes nothing halfway.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: Followed
    treatments: tuple[TreatmentName, ...]
    tunings: Tunings
    strength: Literal["gentler", "same", "stronger"]
    less_grain: int
    enlarge: EnlargeChoice
    fps: str
    restores: bool
    """False: the run ends with the condition report."""

    @classmethod
    def of(cls, settings: Settings, options: RunOptions) -> Self:
        """The rules of a run.

        Args:
            settings: the profile of runs that name none, and the archive's own profiles.
            options: what a person asked for; what is left open is as the profile says.

        Raises:
            WrongUse: there is no such profile, or its file is not valid.
        """
        profile = profiles.load(settings.profiles_folder, options.profile or settings.profile)
        tunings = profile.treatments if options.strength is None else profile.treatments.without_strength()
        return cls(
            profile=Followed(name=profile.name, sha256=profile.sha256, instead=_instead(profile, options)),
            treatments=profile.treatments.names if options.treatments is None else options.treatments,
            tunings=tunings,
            strength=options.strength or profile.strength,
            less_grain=profile.less_grain if options.less_grain is None else options.less_grain,
            enlarge=options.enlarge or profile.enlarge,
            fps=options.fps or profile.fps or FPS,
            # A plan that is there already is carried out, whatever the profile says of new ones.
            restores=profile.restores or options.plan_version is not None,
        )

    @property
    def words(self) -> str:
        """In a few words, for the reason of a plan."""
        return f"profile {self.profile.name}; strength {self.strength}"


def _instead(profile: Profile, options: RunOptions) -> tuple[str, ...]:
    """What was asked for instead of what the profile says, in words."""
    names = profile.treatments.names
    pairs = (
        ("treatments", None if options.treatments is None else _listed(options.treatments), _listed(names)),
        ("strength", options.strength, profile.strength),
        ("less grain, per cent", options.less_grain, profile.less_grain),
        ("larger version", options.enlarge, profile.enlarge),
        ("frames per second", options.fps, profile.fps or FPS),
    )
    said = [f"{what}: {asked}, not {own}" for what, asked, own in pairs if asked is not None and asked != own]
    lost = profile.treatments != profile.treatments.without_strength()
    if options.strength is not None and lost:
        said.append("thresholds and amounts: as the strength has them")
    return tuple(said)


def _listed(names: tuple[TreatmentName, ...]) -> str:
    return ", ".join(names) or "none"
