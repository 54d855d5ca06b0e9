"""The archive's scan specifications: a versioned policy of what scans of each gauge have to be, and the check."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from restoration_tasks.media.delivery.findings import Finding, Grade, Rule
from restoration_tasks.media.delivery.polarity import Polarity
from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.stills.still import StillHeader, StillKind
from restoration_tasks.runtime.errors import WrongUse

_ASK = "ask the scanner's operator whether the order was for another specification, or name that one"


class Specification(BaseModel):
    """What scans of one gauge and resolution have to be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    width: tuple[int, int]
    """Fewest and most pixels a line."""
    height: tuple[int, int]
    """Fewest and most lines."""
    bit_depths: tuple[int, ...] = Field(min_length=1)
    kinds: tuple[StillKind, ...] = Field(min_length=1)
    transfers: tuple[str, ...] | None
    """Transfer characteristics by ffmpeg's names; None where any will do."""
    fps: tuple[str, ...] | None
    """Frames a second as fractions; None where any will do."""
    infrared: Polarity | None = None
    """How a fourth plane, or a side sequence, that comes with the scan shows dirt; None where nothing was agreed."""
    grade: Grade
    """How a deviation is graded."""
    why: str
    source: tuple[str, ...]
    """Keys of the policy's sources."""
    name: str = ""
    version: str = ""
    """Of the policy it is from."""

    @field_validator("width", "height")
    @classmethod
    def _ordered(cls, value: tuple[int, int]) -> tuple[int, int]:
        if not 0 < value[0] <= value[1]:
            raise ValueError("a range of sizes goes from the smaller to the larger")
        return value

    @field_validator("fps")
    @classmethod
    def _rates(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for rate in value or ():
            Fraction(rate)
        return value


class SpecificationPolicy(BaseModel):
    """Every specification, under one version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["reelkeeper.scan-specifications/1"]
    version: str
    sources: dict[str, str]
    profiles: dict[str, Specification] = Field(min_length=1)

    @model_validator(mode="after")
    def _sources_known(self) -> SpecificationPolicy:
        unknown = {key for profile in self.profiles.values() for key in profile.source} - self.sources.keys()
        if unknown:
            raise ValueError(f"sources that are not listed: {', '.join(sorted(unknown))}")
        return self


@dataclass(frozen=True)
class PictureFacts:
    """What is known of a scan's pictures."""

    kind: StillKind
    width: int
    height: int
    bit_depth: int
    """Bits a sample; an EXR's halves count as 16."""
    transfer: str
    """By ffmpeg's name; `unknown` where the files do not say."""
    fps: Fraction | None = None
    """None where it is not known."""

    @classmethod
    def of(cls, header: StillHeader, fps: Fraction | None = None) -> PictureFacts:
        """Facts of a sequence from its frames' header.

        Args:
            header: of the frames.
            fps: frames a second, where somebody said; else the header's.
        """
        stated = None if header.fps is None else Fraction(header.fps).limit_denominator(1001)
        rate = fps or stated
        depth = PictureFormat(header.width, header.height, header.pix_fmt, rate or Fraction(24)).bit_depth
        return cls(header.kind, header.width, header.height, depth, header.transfer, rate)


@cache
def policy() -> SpecificationPolicy:
    """The specifications shipped with this release."""
    text = files("restoration_tasks.media.delivery").joinpath("specification.yaml").read_text(encoding="utf-8")
    return SpecificationPolicy.model_validate(yaml.safe_load(text))


def specification_named(name: str) -> Specification:
    """A specification by its name.

    Raises:
        WrongUse: there is none of that name.
    """
    found = policy().profiles.get(name)
    if found is None:
        raise WrongUse(
            "there is no scan specification of this name",
            expected=", ".join(sorted(policy().profiles)),
            found=name,
            action="name one of these, or leave it out",
        )
    return found.model_copy(update={"name": name, "version": policy().version})


def check(specification: Specification, facts: PictureFacts) -> tuple[Finding, ...]:
    """How a scan differs from its specification, one finding a property."""
    wanted: list[tuple[str, bool, str, str]] = [
        ("width", _within(facts.width, specification.width), _range(specification.width), f"{facts.width} pixels"),
        ("height", _within(facts.height, specification.height), _range(specification.height), f"{facts.height} lines"),
        (
            "bit depth",
            facts.bit_depth in specification.bit_depths,
            _any(specification.bit_depths),
            f"{facts.bit_depth} bit",
        ),
        ("kind of file", facts.kind in specification.kinds, _any(specification.kinds), str(facts.kind)),
    ]
    if specification.transfers is not None:
        allowed = facts.transfer in specification.transfers
        wanted.append(("transfer", allowed, _any(specification.transfers), facts.transfer))
    if specification.fps is not None and facts.fps is not None:
        allowed = facts.fps in {Fraction(rate) for rate in specification.fps}
        wanted.append(("frame rate", allowed, _any(specification.fps), f"{facts.fps} frames a second"))
    return tuple(
        Finding(
            specification.grade,
            Rule.SPECIFICATION,
            f"the scan's {what} is not what the specification {specification.name or specification.title!r} asks for",
            expected=expected,
            found=found,
            action=_ASK,
        )
        for what, fits, expected, found in wanted
        if not fits
    )


def _within(value: int, limits: tuple[int, int]) -> bool:
    return limits[0] <= value <= limits[1]


def _range(limits: tuple[int, int]) -> str:
    return f"{limits[0]} to {limits[1]}"


def _any(values: tuple[object, ...]) -> str:
    return ", ".join(str(value) for value in values)
