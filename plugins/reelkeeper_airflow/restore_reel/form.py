"""The trigger form: only the reel id has to be filled in."""

from __future__ import annotations

from airflow.sdk import Param

from restoration_tasks.runtime.identifiers import REEL_ID

DELIVERY = "Delivery"
TREATMENT = "Treatment"
WORK = "Work"


def trigger_form() -> dict[str, Param]:
    """Build the fields, in the order of the form. Their names are those of `steps.way.RunOptions`, where one is meant."""
    return {
        "reel_id": Param(
            type="string",
            # Anchored: JSON schema looks for the pattern anywhere in the text.
            pattern=f"^(?:{REEL_ID.pattern})$",
            title="Reel",
            description_md="The reel id, as it is written on the delivery folder.",
            examples=["HK-1967-012_r3"],
        ),
        "review_plan": Param(
            False,
            type="boolean",
            title="Show me the plan first",
            description_md="Ask in *Required Actions* before any picture is touched.",
            section=TREATMENT,
        ),
        "treatments": Param(
            ["dirt", "flicker"],
            type="array",
            items={"type": "string", "enum": ["dirt", "flicker"]},
            examples=["dirt", "flicker"],
            title="Treatments the plan may use",
            description_md="A shot gets a treatment only where the damage was measured.",
            section=TREATMENT,
        ),
        "strength": Param(
            "same",
            type="string",
            enum=["gentler", "same", "stronger"],
            values_display={"gentler": "Gentler", "same": "As usual", "stronger": "Stronger"},
            title="Strength",
            section=TREATMENT,
        ),
        "delivery": Param(
            None,
            type=["null", "string"],
            title="Delivery folder",
            description_md="Where the scanner left the reel. Empty: the folder of that name in the inbox.",
            section=DELIVERY,
        ),
        "fps": Param(
            "24",
            type="string",
            pattern=r"^[1-9]\d{0,2}(/[1-9]\d{0,3})?$",
            title="Frames per second",
            description_md="Used only where the scan's own headers do not say.",
            examples=["16", "18", "24", "24000/1001", "25"],
            section=DELIVERY,
        ),
        "batch_frames": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Frames in a batch",
            description_md="Shots are gathered into a lane until it holds this many. Empty: as the archive has set it.",
            section=WORK,
        ),
        "plan_version": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Carry out this plan version",
            description_md="A version that is recorded already. Empty: plan from the damage measured.",
            section=TREATMENT,
        ),
        "reason": Param(
            None,
            type=["null", "string"],
            maxLength=2000,
            title="Why another pass",
            description_md="*Redo* fills this in. It is kept with the next plan version.",
            section=WORK,
        ),
    }
