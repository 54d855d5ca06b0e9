"""What a treatment is: its name, what it may change, how far it looks in time, and its parameters."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, Generic, Self, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue

from restoration_tasks.media.picture import PictureFormat, Work
from restoration_tasks.restoration.damage_map import DamageMap, Mask
from restoration_tasks.restoration.motion import Luma, analysis_luma
from restoration_tasks.runtime.errors import PlanError
from restoration_tasks.runtime.settings import Device
from restoration_tasks.runtime.spec import NumericProfile


class Fidelity(StrEnum):
    """What a treatment may do to the picture."""

    MASKED = "masked"
    """Only pixels inside its map change; the rest stay bit-identical."""
    GLOBAL = "global"
    """Every pixel may change, bounded by a figure the check step reads."""
    GENERATIVE = "generative"
    """Invents detail: off unless the plan asks, and marked wherever the result is shown."""


@dataclass(frozen=True)
class Means:
    """What treatments may compute with."""

    device: Device = Device.CPU
    half: bool = False
    """Whether networks compute in half precision."""
    threads: int = 1
    """Frames worked side by side; it does not change the pixels."""

    @classmethod
    def of(cls, profile: NumericProfile, threads: int, memory_share: float = 1.0) -> Self:
        """The means of a step that computes by a numeric profile.

        Args:
            profile: where and how exactly.
            threads: frames that may be worked side by side.
            memory_share: of the memory there is, 0–1 (`Settings.memory_share`). Less of it is fewer frames at once, one
                at least: what a step holds grows with them, and its pixels do not depend on them.
        """
        return cls(profile.device, profile.precision == "float16", max(1, int(threads * memory_share)))


@dataclass(frozen=True)
class Shown:
    """One frame as the treatments see it."""

    index: int
    """0-based position in the reel."""
    work: Work
    """`(C, H, W)` code values."""
    map: DamageMap | None
    """Its damage map; None where the plan needs none."""
    picture: PictureFormat
    protected: Mask | None = None
    """`(H, W)`: where no masked treatment may write but one that `mends_text`; everywhere else if None."""
    text: Mask | None = None
    """`(H, W)`: those of the protected pixels that are text on screen and may be mended as such."""

    @cached_property
    def luma(self) -> Luma:
        """`(H, W)` 8-bit analysis copy."""
        return analysis_luma(self.work, self.picture.max_code, rgb=self.picture.is_rgb)


class TreatmentParams(BaseModel):
    """Parameters of a treatment: each field has a range and a help text for staff."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def sliced(self, first: int, stop: int) -> TreatmentParams:  # noqa: ARG002 - the common case has nothing to slice
        """These parameters for frames `first ≤ i < stop`, counted from the shot's start; per-frame curves are cut."""
        return self

    @property
    def models(self) -> dict[str, str]:
        """Weights that decide about the pixels: name to sha256; part of the signature of the work."""
        return {}

    def require_frames(self, frames: int) -> None:
        """Refuse parameters that do not fit a shot of so many frames.

        Raises:
            ValueError: a per-frame curve has another length.
        """


Params = TypeVar("Params", bound=TreatmentParams)


class Treatment(ABC, Generic[Params]):
    """One treatment with its parameters, for one segment."""

    name: ClassVar[str]
    title: ClassVar[str]
    """What staff call it."""
    fidelity: ClassVar[Fidelity]
    order: ClassVar[int]
    """Place in the order of work (masked repairs before all others), whatever order a plan names them in."""
    params_model: ClassVar[type[TreatmentParams]]
    mends_text: ClassVar[bool] = False
    """Whether it is there to mend text on screen, which is protected from all other masked treatments."""

    def __init__(self, params: Params, *, origin: int = 0, means: Means | None = None) -> None:
        """Make it for one segment.

        Args:
            params: its parameters.
            origin: position in the reel of the frame that per-frame parameters count from.
            means: what it may compute with.
        """
        self.params = params
        self.origin = origin
        self.means = means or Means()

    @property
    @abstractmethod
    def radius(self) -> int:
        """Neighbouring frames it looks at on each side."""

    @property
    def needs_map(self) -> bool:
        """Whether it works inside a damage map."""
        return self.fidelity is Fidelity.MASKED

    def mask(self, shown: Shown) -> Mask:
        """`(H, W)`: the pixels it may change; every pixel unless it is a masked treatment."""
        return np.ones(shown.work.shape[1:], np.bool_)

    def allowed(self, shown: Shown) -> Mask:
        """`(H, W)`: the pixels it may change, those that the plan protects left out."""
        inside = self.mask(shown)
        if self.fidelity is not Fidelity.MASKED or self.mends_text or shown.protected is None:
            return inside
        return np.asarray(inside & ~shown.protected, np.bool_)

    def touches(self, index: int) -> bool:  # noqa: ARG002 - some ask
        """Whether it may change the frame at a position in the reel."""
        return True

    def blends(self, index: int) -> tuple[float, ...]:  # noqa: ARG002 - those that make faces clearer tell
        """How much was taken of what was made of each face on a frame, 0–1, in the order of the plan; once a frame."""
        return ()

    def remarks(self) -> tuple[str, ...]:
        """What the record must say of how it worked, once all frames are through; a line each."""
        return ()

    def batch(self, picture: PictureFormat) -> int:  # noqa: ARG002 - some ask
        """Frames of a format that `apply_all` is best given at once."""
        return 1

    @abstractmethod
    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """The treated frames. Several threads may call it at once.

        Args:
            windows: for each frame, offset to frame, 0 the frame itself; frames of the same shot only, fewer at its
                ends.

        Returns:
            `(C, H, W)` code values, a new array for each window. A masked treatment leaves pixels outside `mask` as
            they are.
        """

    def apply(self, window: Mapping[int, Shown]) -> Work:
        """One treated frame, see `apply_all`."""
        return self.apply_all([window])[0]


class FrameByFrame(Treatment[Params]):
    """A treatment that looks at one frame alone: what was measured in time is in its parameters."""

    @property
    def radius(self) -> int:
        """None."""
        return 0

    def apply_all(self, windows: Sequence[Mapping[int, Shown]]) -> list[Work]:
        """Each frame treated by itself."""
        return [self.treated(window[0]) for window in windows]

    @abstractmethod
    def treated(self, shown: Shown) -> Work:
        """One treated frame: `(C, H, W)` code values, a new array."""


def registry() -> dict[str, type[Treatment[TreatmentParams]]]:
    """Every treatment by name, in the order of work."""
    from restoration_tasks.restoration.denoise import Denoise
    from restoration_tasks.restoration.dirt import DirtRepair
    from restoration_tasks.restoration.fade import Unfade
    from restoration_tasks.restoration.flicker import Deflicker
    from restoration_tasks.restoration.frames import NewFrames
    from restoration_tasks.restoration.portraits import Portraits
    from restoration_tasks.restoration.scratches import ScratchRepair
    from restoration_tasks.restoration.stabilise import Stabilise
    from restoration_tasks.restoration.stains import StainRemoval
    from restoration_tasks.restoration.tears import TearRepair
    from restoration_tasks.restoration.titles import TitleRepair
    from restoration_tasks.restoration.wires import WireRemoval

    known: list[type[Treatment[TreatmentParams]]] = [
        DirtRepair,  # type: ignore[list-item]
        ScratchRepair,  # type: ignore[list-item]
        WireRemoval,  # type: ignore[list-item]
        StainRemoval,  # type: ignore[list-item]
        TearRepair,  # type: ignore[list-item]
        TitleRepair,  # type: ignore[list-item]
        NewFrames,  # type: ignore[list-item]
        Portraits,  # type: ignore[list-item]
        Stabilise,  # type: ignore[list-item]
        Deflicker,  # type: ignore[list-item]
        Unfade,  # type: ignore[list-item]
        Denoise,  # type: ignore[list-item]
    ]
    return {treatment.name: treatment for treatment in sorted(known, key=lambda treatment: treatment.order)}


def checked_params(name: str, params: Mapping[str, JsonValue]) -> TreatmentParams:
    """The parameters of a treatment, in range.

    Raises:
        PlanError: there is no such treatment, or a parameter is unknown or out of range.
    """
    treatments = registry()
    if name not in treatments:
        raise PlanError(
            "the plan names an unknown treatment", expected=", ".join(treatments), found=name, action="correct its name"
        )
    try:
        return treatments[name].params_model.model_validate(dict(params))
    except ValueError as error:
        raise PlanError(
            f"the parameters of {name!r} are not valid: {_first_problem(error)}",
            action="correct the plan; the parameters and their ranges are in docs/treatments.md",
        ) from error


def _first_problem(error: ValueError) -> str:
    from pydantic import ValidationError

    if not isinstance(error, ValidationError):
        return str(error)
    problem = error.errors()[0]
    return f"{'.'.join(map(str, problem['loc'])) or 'they'}: {problem['msg']}"
