"""What a run is asked for and worked in: the form's options, executions, batches, plan versions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.assessment.carrier import CarrierReadings
from restoration_tasks.media.delivery.findings import Waiver
from restoration_tasks.media.frame_rate import FrameRate
from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.enlargement import EnlargeChoice
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.restoration.tuning import TreatmentName
from restoration_tasks.runtime.spec import Reference
from restoration_tasks.steps.rules import Rules


class RunOptions(BaseModel):
    """What the trigger form asks for, besides the reel id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delivery: str | None = None
    """Delivery folder; default: the reel's folder in the inbox."""
    fps: FrameRate | None = None
    """Frames per second of the scan where its headers do not say; None: as the profile has it."""
    expected_frames: int | None = Field(default=None, ge=1)
    """How many frames the reel has by the catalogue or the scanner's report; None where nobody knows."""
    specification: str | None = Field(default=None, pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    """The scan specification the delivery must keep (`media/delivery/specification.yaml`)."""
    waivers: tuple[Waiver, ...] = ()
    """Findings that a person lets pass; who, stands in the catalogue."""
    profile: str | None = Field(default=None, max_length=41)
    """The treatment profile; None: the one of the settings. What is asked for besides takes the place of its own."""
    treatments: tuple[TreatmentName, ...] | None = None
    """Treatments the plan may use; None: those of the profile, as for what follows."""
    engine: Literal["network", "classical"] = "network"
    """What finds dirt and scratches and repairs them: our networks, or what works without torch (dirt only)."""
    infrared: Literal["as-delivered", "transmission", "matte", "off"] = "as-delivered"
    """How the scanner's own channel of dirt is read: as names or the scan specification state it and else as it
    measures; as light that dirt blocks; as a matte of dirt; or not at all."""
    strength: Literal["gentler", "same", "stronger"] | None = None
    less_grain: int | None = Field(default=None, ge=0, le=100)
    """How much of the grain is to go, per cent."""
    enlarge: EnlargeChoice | None = None
    """A larger version of the reel beside the restoration."""
    batch_frames: int | None = Field(default=None, ge=1)
    plan_version: int | None = Field(default=None, ge=1)
    """A recorded plan version to carry out instead of planning anew."""
    carrier: CarrierReadings | None = None
    """What staff had read off the carrier when the run began; no field of the form."""
    rules: Rules | None = None
    """What all this comes to with the profile, once the run has begun; until then it is read when it is needed."""


@dataclass(frozen=True)
class Batch:
    """Segments worked one after the other in one process or pod."""

    number: int
    segments: tuple[Segment, ...]

    @property
    def title(self) -> str:
        """How the batch is called in the Airflow UI."""
        shots = sorted({segment.shot for segment in self.segments})
        which = f"shot {shots[0]}" if len(shots) == 1 else f"shots {shots[0]}–{shots[-1]}"
        return f"batch {self.number} · {which}"

    def as_xcom(self) -> dict[str, str]:
        """The batch as Airflow keeps it for each lane: it may hold hundreds of segments, which follow on each other."""
        return {"title": self.title, "first": self.segments[0].id, "last": self.segments[-1].id}


@dataclass(frozen=True)
class PlanFile:
    """A recorded plan version, and the same as a file in the vault."""

    version: int
    plan: Plan
    reference: Reference


@dataclass(frozen=True)
class Execution:
    """Who asks for work: names the provenance event, and says whether finished work may serve."""

    id: str
    fresh: bool = False
