"""The trigger form: only the reel id has to be filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param

from restoration_tasks.media.frame_rate import PATTERN as FRAME_RATE
from restoration_tasks.restoration.profile import Profile, readable
from restoration_tasks.restoration.tuning import ALL_TREATMENTS
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.identifiers import REEL_ID
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.steps.way import Way

DELIVERY = "Delivery"
TREATMENT = "Treatment"
WORK = "Work"

LARGER = {
    "no": "None",
    "faithful-2x": "Faithful, twice as wide and high",
    "faithful-4x": "Faithful, four times",
    "texture-2x": "Invented texture, twice",
    "texture-4x": "Invented texture, four times",
    "animation-2x": "Drawn film, twice",
    "animation-4x": "Drawn film, four times",
}
"""Choices of a larger version (`restoration.enlargement.EnlargeChoice`), as staff read them."""
BY_PROFILE = "profile"
"""A choice that is left to the profile."""
STRENGTHS = {BY_PROFILE: "As the profile says", "gentler": "Gentler", "same": "As usual", "stronger": "Stronger"}


def profile_field(default: str) -> Param:
    """Build the choice of a treatment profile, each shown with what it does; one that cannot be used says why."""
    titles, lines = {}, []
    for name, found in readable(Settings().profiles_folder):
        title, does = (found.title, found.does) if isinstance(found, Profile) else (f"{name} (not valid)", str(found))
        titles[name] = title
        lines.append(f"- **{title}**: {does}")
    return Param(
        default,
        type="string",
        # A default that is not there is offered all the same: the run says that there is no such profile.
        enum=list(dict.fromkeys([*titles, default])),
        values_display=titles,
        title="Profile",
        description_md="What is done to the reel, and how boldly. What you choose below goes before it.\n\n"
        + "\n".join(lines),
        section=TREATMENT,
    )


def trigger_form() -> dict[str, Param]:
    """Build the fields, in the order of the form."""
    return {
        "reel_id": Param(
            type="string",
            # Anchored: JSON schema looks for the pattern anywhere in the text.
            pattern=f"^(?:{REEL_ID.pattern})$",
            title="Reel",
            # No `examples`: Airflow would turn the field into a list of them to choose from.
            description_md="The reel id, as it is written on the delivery folder, such as `HK-1967-012_r3`.",
        ),
        "profile": profile_field(Settings().profile),
        "review_plan": Param(
            False,
            type="boolean",
            title="Show me the plan first",
            description_md="Ask in *Required Actions* before any picture is touched.",
            section=TREATMENT,
        ),
        "treatments": Param(
            None,
            type=["null", "array"],
            items={"type": "string", "enum": list(ALL_TREATMENTS)},
            examples=list(ALL_TREATMENTS),
            title="Treatments the plan may use",
            description_md="Empty: those of the profile. A shot gets one only where the damage was measured.",
            section=TREATMENT,
        ),
        "strength": Param(
            BY_PROFILE,
            type="string",
            enum=list(STRENGTHS),
            values_display=STRENGTHS,
            title="Strength",
            section=TREATMENT,
        ),
        "engine": Param(
            "network",
            type="string",
            enum=["network", "classical"],
            values_display={"network": "Our networks", "classical": "Classical (dirt only)"},
            title="Engine",
            description_md="What finds dirt, hairs and scratches, and repairs them. Classical needs no torch.",
            section=TREATMENT,
        ),
        "less_grain": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            maximum=100,
            title="Less grain (%)",
            description_md="How much of the film's grain is to go: 0 keeps it as it is, 100 takes all of it. Empty: as"
            " the profile says. Only where grain is measured; the network for it must be installed"
            " (`reelkeeper models install ffdnet-colour`).",
            section=TREATMENT,
        ),
        "enlarge": Param(
            BY_PROFILE,
            type="string",
            enum=[BY_PROFILE, *LARGER],
            values_display={BY_PROFILE: "As the profile says", **LARGER},
            title="Larger version",
            description_md="Made beside the restoration, which keeps the size of the scan. *Faithful* invents nothing;"
            " *texture* and *animation* invent detail and are marked so wherever they are shown. The network must be"
            " installed (`reelkeeper models install`).",
            section=TREATMENT,
        ),
        "infrared": Param(
            "as-delivered",
            type="string",
            enum=["as-delivered", "transmission", "matte", "off"],
            values_display={
                "as-delivered": "As delivered",
                "transmission": "Infrared light (dirt is dark)",
                "matte": "Matte (dirt is light)",
                "off": "Leave it alone",
            },
            title="Infrared or dirt channel",
            description_md="How to read the scanner's own channel of dirt, where it delivered one.",
            section=DELIVERY,
        ),
        "delivery": Param(
            None,
            type=["null", "string"],
            title="Delivery folder",
            description_md="Where the scanner left the reel. Empty: the folder of that name in the inbox.",
            section=DELIVERY,
        ),
        "fps": Param(
            None,
            type=["null", "string"],
            pattern=FRAME_RATE,
            title="Frames per second",
            description_md="Used only where the scan's own headers do not say: a whole number or a fraction, such as"
            " 24000/1001. Empty: as the profile says, else 24.",
            examples=["16", "18", "24", "24000/1001", "25"],
            section=DELIVERY,
        ),
        "expected_frames": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Frames the reel has",
            description_md="By the catalogue or the scanner's report. With it, frames missing at the end are seen.",
            section=DELIVERY,
        ),
        "specification": Param(
            None,
            type=["null", "string"],
            title="Scan specification",
            description_md="What the scan was ordered as, such as `35mm-4k`; what differs is reported.",
            section=DELIVERY,
        ),
        "waive": Param(
            [],
            type="array",
            items={"type": "string", "pattern": "^[a-z-]+(:[^=]+)?=.{3,}"},
            title="Let findings pass",
            description_md="One a line: the finding as the ingest task's log names it, `=`, and why, such as"
            " `missing-frames:105-107=burnt in 1967`. Your name and the reason stay with the reel for good.",
            section=DELIVERY,
        ),
        "batch_frames": Param(
            None,
            type=["null", "integer"],
            minimum=1,
            title="Frames in a batch",
            description_md="Shots are gathered into a lane until it holds this many. Empty: as the archive has set"
            " it, or else as many as outweigh the lane's start.",
            section=WORK,
        ),
        # Not `plan_version`: Airflow lays the form's values over a task's own parameters of the same name, and `decide`
        # has one.
        "use_plan_version": Param(
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


def way_from_form(form: Mapping[str, Any], given: Mapping[str, Any]) -> Way:
    """Read the form.

    Args:
        form: every field, with its value.
        given: what the person or script sent; a field we do not have is a slip, and would reach other tasks' forms.

    Raises:
        WrongUse: a field does not hold what it may, or is not of the form; the profile is not there, or not valid.
    """
    from restoration_tasks.media.delivery.findings import Waiver
    from restoration_tasks.steps.asked import RunOptions
    from restoration_tasks.steps.way import Way

    known = trigger_form()
    if strange := sorted(set(given) - set(known)):
        raise WrongUse(
            f"the form has no field {strange[0]!r}",
            expected=", ".join(known),
            found=strange[0],
            action="trigger the DAG again without it",
        )
    left_open: tuple[object, ...] = (None, BY_PROFILE, [])
    values = {name: value for name, value in form.items() if name in known and value not in left_open}
    reel_id = str(values.pop("reel_id"))
    plan_version = values.pop("use_plan_version", None)
    options = {name: value for name, value in values.items() if name in RunOptions.model_fields}
    options["waivers"] = tuple(Waiver.parse(text) for text in values.get("waive", ()))
    try:
        way = Way(reel_id, Settings(), RunOptions(**options, plan_version=plan_version))
    except ValueError as error:
        raise WrongUse(
            f"the form was filled in wrongly: {str(error).splitlines()[-2].strip()}", action="trigger the DAG again"
        ) from error
    # From here on the run goes by the profile as it is now.
    return replace(way, options=way.options.model_copy(update={"rules": way.rules}))


def next_form(form: Mapping[str, Any], strength: str, reason: str) -> dict[str, Any]:
    """Fill in the form of the next pass: as this run's, with a person's wish, and a plan to be made anew."""
    kept = {name: form[name] for name in trigger_form()}
    return kept | {"strength": strength, "use_plan_version": None, "reason": reason}
