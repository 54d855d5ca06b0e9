"""What a treatment profile says of each treatment: whether it may run, from where on, and how strongly."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

TreatmentName: TypeAlias = Literal["dirt", "scratches", "stains", "tears", "portraits", "stabilise", "flicker", "fade"]
"""Treatments the plan step may use by itself."""
ALL_TREATMENTS: tuple[TreatmentName, ...] = (
    "dirt",
    "scratches",
    "stains",
    "tears",
    "portraits",
    "stabilise",
    "flicker",
    "fade",
)

Amount = Annotated[float, Field(gt=0.0, le=1.0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class Tuning(BaseModel):
    """One treatment; what is left out is as the chosen strength has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gate: float = Field(default=1.0, ge=0.1, le=10.0, allow_inf_nan=False)
    """What the gate is multiplied by: 2 treats only shots that are twice as bad as those usually treated."""

    @property
    def params(self) -> dict[str, JsonValue]:
        """Parameters of the treatment that are set, by their names."""
        return self.model_dump(mode="json", exclude={"gate"}, exclude_none=True)

    def without_strength(self) -> Tuning:
        """The same without what a strength sets, for when a person chose one."""
        return self.model_copy(update=dict.fromkeys({"threshold", "amount"} & set(type(self).model_fields)))


class DirtTuning(Tuning):
    """Dirt and hairs."""

    threshold: float | None = Field(default=None, ge=0.35, le=0.95)
    """Confidence from which they are repaired."""
    grain: Share | None = None
    """How much of the grain that a repair lacks it is given."""


class ScratchTuning(Tuning):
    """Scratches."""

    threshold: float | None = Field(default=None, ge=0.05, le=0.95)
    """Confidence from which a pixel inside a scratch's corridor is repaired."""
    grain: Share | None = None


class TearTuning(Tuning):
    """Tears."""

    grain: Share | None = None
    """How much of the grain that a fill lacks it is given."""


class PortraitTuning(Tuning):
    """Clearer portraits."""

    faces: Literal["none", "fair"] | None = None
    """Which faces are made clearer; none only suggests it. Poor ones a person asks for."""
    amount: Amount | None = None
    """How much of the detail that blur took is given back."""
    grain: Share | None = None
    """Share of its own grain that a face keeps."""


class SteadyTuning(Tuning):
    """Steadying the picture."""

    amount: Amount | None = None
    """How much of the weave is taken away."""
    edges: Literal["fill", "pad", "crop"] | None = None
    """What is shown where a moved frame has nothing."""


class AmountTuning(Tuning):
    """Stains, flicker, and faded colour."""

    amount: Amount | None = None
    """How much of it is taken away, or given back."""


class Tunings(BaseModel):
    """The treatments that may run, each with its tuning; one that is not named may not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dirt: DirtTuning | None = None
    scratches: ScratchTuning | None = None
    stains: AmountTuning | None = None
    tears: TearTuning | None = None
    portraits: PortraitTuning | None = None
    stabilise: SteadyTuning | None = None
    flicker: AmountTuning | None = None
    fade: AmountTuning | None = None

    @property
    def names(self) -> tuple[TreatmentName, ...]:
        """Those that may run, in the order of work."""
        return tuple(name for name in ALL_TREATMENTS if getattr(self, name) is not None)

    def of(self, name: str) -> Tuning:
        """The tuning of a treatment; one that changes nothing where none is given."""
        found = getattr(self, name, None)
        return found if isinstance(found, Tuning) else Tuning()

    def without_strength(self) -> Tunings:
        """The same without what a strength sets."""
        given: dict[str, Tuning] = {name: self.of(name).without_strength() for name in self.names}
        return self.model_copy(update=given)
