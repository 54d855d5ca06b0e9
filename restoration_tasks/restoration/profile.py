"""Treatment profiles: what may be done to a reel, how boldly, what is made beside it; YAML an archive can change."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from restoration_tasks.media.frame_rate import FrameRate
from restoration_tasks.restoration.enlargement import EnlargeChoice
from restoration_tasks.restoration.tuning import Tunings
from restoration_tasks.restoration.words import Text
from restoration_tasks.runtime.errors import WrongUse

FORMAT: Literal["reelkeeper.profile/1"] = "reelkeeper.profile/1"
DEFAULT = "conservation"
SHIPPED = ("conservation", "feature", "martial-arts", "animation-4k", "concert-4k", "silent", "survey-only")
"""Those that come with Reelkeeper, in the order the form offers them."""
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
LARGEST_BYTES = 64 * 1024
_SUFFIX = ".yaml"


class Profile(BaseModel):
    """One profile, read and checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["reelkeeper.profile/1"]
    title: Text = Field(min_length=1, max_length=60)
    """What staff call it."""
    does: Text = Field(min_length=1)
    """What it does, in plain words; shown where it is chosen."""
    treatments: Tunings
    strength: Literal["gentler", "same", "stronger"] = "same"
    less_grain: int = Field(default=0, ge=0, le=100)
    """How much of the grain is to go, per cent."""
    enlarge: EnlargeChoice = "no"
    """A larger version of the reel beside the restoration."""
    fps: FrameRate | None = None
    """Frames per second where the scan's headers do not say; 24 if left out. Copies have the scan's rate."""
    restores: bool = True
    """False: the run ends with the condition report, and no picture is touched."""
    name: str = Field(default="", exclude=True)
    sha256: str = Field(default="", exclude=True)
    """Of the file, as it was read."""

    @field_validator("enlarge", mode="before")
    @classmethod
    def _no_is_no(cls, value: object) -> object:
        return "no" if value is False else value  # YAML reads a bare `no` as false

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        asked = [*self.treatments.names, *(["less_grain"] if self.less_grain else [])]
        asked += ["enlarge"] if self.enlarge != "no" else []
        if not self.restores and asked:
            raise ValueError(f"restores is false, so nothing can be asked for: leave {', '.join(asked)} out")
        return self


class Followed(BaseModel):
    """The profile that a plan follows, as the plan keeps it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=64)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    instead: tuple[Text, ...] = ()
    """What a person asked for instead of what the profile says, in plain words."""


def known(folder: Path) -> list[str]:
    """The names of all profiles: those that come with Reelkeeper, then the archive's own in order.

    Args:
        folder: of the archive's own.
    """
    own = sorted(path.stem for path in folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else []
    return [*SHIPPED, *(name for name in own if name not in SHIPPED)]


def readable(folder: Path) -> Iterator[tuple[str, Profile | WrongUse]]:
    """Every profile by its name, or why it cannot be used."""
    for name in known(folder):
        try:
            yield name, load(folder, name)
        except WrongUse as error:
            yield name, error


def load(folder: Path, name: str) -> Profile:
    """A profile by its name.

    Raises:
        WrongUse: as `text_of`, or the file is not valid; file, line and what is wrong are named.
    """
    source = f"{name}{_SUFFIX}" if name in SHIPPED else folder / f"{name}{_SUFFIX}"
    return parsed(text_of(folder, name), name, source=source)


def text_of(folder: Path, name: str) -> bytes:
    """The file of a profile, as it is.

    Args:
        folder: of the archive's own.
        name: one that comes with Reelkeeper, or the name of a file of the folder without `.yaml`.

    Raises:
        WrongUse: there is none of that name, it cannot be read, or the name is taken twice.
    """
    own = folder / f"{name}{_SUFFIX}"
    if name in SHIPPED and not own.exists():
        return files("restoration_tasks.restoration").joinpath("profiles", own.name).read_bytes()
    if name in SHIPPED:
        raise WrongUse(
            "this name belongs to a profile that comes with Reelkeeper",
            file=own,
            action="give the file another name: a name means the same everywhere",
        )
    if not NAME.fullmatch(name) or not own.is_file():
        raise WrongUse(
            "there is no such profile",
            expected=f"one of {', '.join(known(folder))}",
            found=name,
            action="see `reelkeeper profiles list`; one of your own is made with `reelkeeper profiles copy`",
        )
    return _content(own)


def read(path: Path) -> Profile:
    """A profile from a file anywhere.

    Raises:
        WrongUse: it cannot be read, or is not valid.
    """
    return parsed(_content(path), path.stem, source=path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongUse(f"the profile cannot be read: {error.strerror}", file=path, action="check the file") from error


def parsed(content: bytes, name: str, *, source: object) -> Profile:
    """A profile from the content of its file.

    Raises:
        WrongUse: it is not valid; file, line and what is wrong are named.
    """
    import yaml

    from restoration_tasks.restoration import plan_yaml

    again = "correct the file; `reelkeeper profiles show conservation` shows one that is whole"
    if len(content) > LARGEST_BYTES:
        raise WrongUse("the profile is too large", file=source, expected=f"{LARGEST_BYTES} bytes", found=len(content))
    try:
        profile = Profile.model_validate(plan_yaml.loaded(content))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f"line {mark.line + 1}: "
        words = getattr(error, "problem", None) or " ".join(str(error).split())[:200] or "it is nested too deeply"
        raise WrongUse(f"{line}the profile is not readable YAML: {words}", file=source, action=again) from error
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        at = plan_yaml.line_of(content, problem["loc"])
        said = problem["msg"].removeprefix("Value error, ")
        raise WrongUse(f"line {at}: {where + ': ' if where else ''}{said}", file=source, action=again) from error
    return profile.model_copy(update={"name": name, "sha256": hashlib.sha256(content).hexdigest()})
