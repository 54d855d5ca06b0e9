"""`reelkeeper run DELIVERY --reel-id ID` and the steps by hand."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from restoration_tasks.restoration.enlargement import EnlargeChoice
from restoration_tasks.runtime.errors import WrongUse
from restoration_tasks.runtime.progress import StepProgress
from restoration_tasks.runtime.settings import Settings

if TYPE_CHECKING:
    from restoration_tasks.steps.asked import RunOptions
    from restoration_tasks.steps.conductor import Conductor

REEL = Annotated[str, typer.Argument(help="The reel id: the name of its delivery folder.")]
DELIVERY = Annotated[Path | None, typer.Option(help="Delivery folder; default: the reel's folder in the inbox.")]
PROFILE = Annotated[
    str | None,
    typer.Option(help="Treatment profile (`reelkeeper profiles list`); what is asked for besides goes before it."),
]
FPS = Annotated[
    str | None, typer.Option(help="Frames per second where the scan's headers do not say, such as 24 or 24000/1001.")
]
TREAT = Annotated[str | None, typer.Option(help="Treatments the plan may use, separated by commas.")]
STRENGTH = Annotated[
    Literal["gentler", "same", "stronger"] | None, typer.Option(help="How strongly to treat what is damaged.")
]
ENGINE = Annotated[
    Literal["network", "classical"],
    typer.Option(help="What finds damage and repairs it: our networks, or what needs no torch (dirt only)."),
]
LESS_GRAIN = Annotated[
    int | None, typer.Option(min=0, max=100, help="How much of the grain is to go, per cent; it stays as it is at 0.")
]
ENLARGE = Annotated[
    EnlargeChoice | None,
    typer.Option(help="A larger version beside the restoration; texture and animation invent detail, and say so."),
]
FRESH = Annotated[
    bool, typer.Option("--fresh", help="Work this step again although it had succeeded; compare the bytes.")
]
PLAN = Annotated[int | None, typer.Option("--plan", help="Carry out this recorded plan version.")]

INFRARED = Annotated[
    Literal["as-delivered", "transmission", "matte", "off"],
    typer.Option(help="How the scanner's infrared or dirt channel is read, if it delivered one."),
]
EXPECTED = Annotated[int | None, typer.Option(min=1, help="How many frames the reel has, by the catalogue.")]
SPECIFICATION = Annotated[str | None, typer.Option(help="What the scan was ordered as, such as 35mm-4k.")]
WAIVE = Annotated[
    list[str] | None,
    typer.Option(help="Let a finding pass: FINDING=REASON, the finding as ingest names it. Needs --as."),
]
AS = Annotated[str | None, typer.Option("--as", help="Your user id; it is kept with what you waive.")]


class Extent(StrEnum):
    """How much of a delivery to make again."""

    SAMPLE = "sample"
    ALL = "all"


STEPS: dict[str, tuple[str, str]] = {
    "shots": ("shots", "Find the cuts."),
    "assess": ("assessed", "Measure the damage."),
    "plan": ("plan", "Decide what each shot needs, and record it as the next plan version."),
    "restore": ("restored", "Carry the plan out."),
    "enlarge": ("enlarged", "Make the larger version of every segment, where the plan asks for one."),
    "assemble": ("assembled", "Join the segments and make the copies."),
    "check": ("checked", "Measure the restoration against the scan."),
}


def register(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.command()(run)
    app.command()(ingest)
    for name, (goal, text) in STEPS.items():
        app.command(name=name, help=f"{text} Steps before it are reused, or worked if they are missing.")(
            _by_hand(name, goal)
        )


def run(
    delivery: Annotated[Path, typer.Argument(help="The scanner's folder.")],
    reel_id: Annotated[str, typer.Option(help="The reel id.")],
    profile: PROFILE = None,
    fps: FPS = None,
    treat: TREAT = None,
    strength: STRENGTH = None,
    engine: ENGINE = "network",
    less_grain: LESS_GRAIN = None,
    enlarge: ENLARGE = None,
    infrared: INFRARED = "as-delivered",
    plan: PLAN = None,
    expected_frames: EXPECTED = None,
    specification: SPECIFICATION = None,
    waive: WAIVE = None,
    who: AS = None,
    approve_as: Annotated[
        str | None, typer.Option(help="Approve the result as this user (must be in REELKEEPER_CONSERVATORS).")
    ] = None,
    note: Annotated[str, typer.Option(help="Note kept with the decision; with --waive-rule, the reason.")] = "",
    waive_rule: Annotated[
        list[str] | None,
        typer.Option(help="Let a rule pass by which the check refused it. Needs --approve-as, --note."),
    ] = None,
) -> None:
    """Take a reel its whole way without Airflow. Without an approval it stops before the catalogue (exit code 4).

    What the check refuses ends it with exit code 3, unless every rule that refused it is waived. A profile that
    restores nothing ends it with the condition report.
    """
    from restoration_tasks.provenance.vocabulary import DecisionAnswer

    waived = tuple(waive_rule or ())
    if waived and (approve_as is None or not note.strip()):
        raise WrongUse(
            "what the check refused is not waived without a name and a reason",
            reel=reel_id,
            expected="--approve-as NAME and --note WHY",
            found="no name" if approve_as is None else "no reason",
            action="give both",
        )

    def whole_way(conductor: Conductor) -> None:
        if not conductor.way.rules.restores:
            report = conductor.end_with_the_condition().output("condition_report")
            typer.echo(f"condition: {conductor.way.vault.path(report.uri)}")
            return
        if approve_as is None:
            conductor.require_passed()
            conductor.leave_to_a_person()
            return
        conductor.decide(DecisionAnswer.APPROVE, approve_as, note, waive=waived)
        bag = conductor.packaged
        typer.echo(f"package: {conductor.way.vault.path(conductor.way.package_uri(bag))}")

    asked = _options(
        delivery,
        treat,
        waive,
        profile=profile,
        fps=fps,
        strength=strength,
        engine=engine,
        less_grain=less_grain,
        enlarge=enlarge,
        infrared=infrared,
        plan_version=plan,
        expected_frames=expected_frames,
        specification=specification,
    )
    _conduct(reel_id, asked, whole_way, who=who or approve_as, to_the_end=True)


def _by_hand(step: str, goal: str) -> Callable[..., None]:
    def command(
        reel: REEL,
        delivery: DELIVERY = None,
        profile: PROFILE = None,
        fps: FPS = None,
        treat: TREAT = None,
        strength: STRENGTH = None,
        engine: ENGINE = "network",
        less_grain: LESS_GRAIN = None,
        enlarge: ENLARGE = None,
        infrared: INFRARED = "as-delivered",
        plan: PLAN = None,
        expected_frames: EXPECTED = None,
        specification: SPECIFICATION = None,
        waive: WAIVE = None,
        who: AS = None,
        fresh: FRESH = False,
    ) -> None:
        _conduct(
            reel,
            _options(
                delivery,
                treat,
                waive,
                profile=profile,
                fps=fps,
                strength=strength,
                engine=engine,
                less_grain=less_grain,
                enlarge=enlarge,
                infrared=infrared,
                plan_version=plan,
                expected_frames=expected_frames,
                specification=specification,
            ),
            lambda conductor: _reach(conductor, goal),
            fresh=step if fresh else None,
            who=who,
        )

    return command


def ingest(
    reel: REEL,
    delivery: DELIVERY = None,
    fps: FPS = None,
    expected_frames: EXPECTED = None,
    specification: SPECIFICATION = None,
    waive: WAIVE = None,
    who: AS = None,
    fresh: FRESH = False,
    verify_reversible: Annotated[
        Extent | None,
        typer.Option(help="Make delivered files again from the master, byte for byte: 24 frames (sample) or all."),
    ] = None,
    rebuild_to: Annotated[
        Path | None, typer.Option(help="Write every delivered file, made again from the master, into this folder.")
    ] = None,
) -> None:
    """Check every file of a delivery and make the preservation master."""

    def goal(conductor: Conductor) -> None:
        ingested = conductor.ingested
        if verify_reversible is None and rebuild_to is None:
            return
        from restoration_tasks.steps import reversible

        settings, vault = conductor.way.settings, conductor.way.vault
        made = reversible.verify(
            reversible.Kept.of(vault, ingested, settings.scratch_folder),
            everything=rebuild_to is not None or verify_reversible is Extent.ALL,
            out=rebuild_to,
            progress=lambda done, total, unit: conductor.report(
                StepProgress(label="ingest", done=done, total=total, unit=unit)
            ),
        )
        typer.echo(str(made))

    asked = _options(delivery, None, waive, fps=fps, expected_frames=expected_frames, specification=specification)
    _conduct(reel, asked, goal, fresh="ingest" if fresh else None, who=who)


def _reach(conductor: Conductor, goal: str) -> None:
    """Work up to a step; a result that the check refuses is said with its own exit code (3)."""
    getattr(conductor, goal)
    if goal == "checked":
        conductor.require_passed()


def _options(delivery: Path | None, treat: str | None, waive: list[str] | None, **others: object) -> RunOptions:
    """The options of a run; `others` are fields of `RunOptions` by their names."""
    from restoration_tasks.media.delivery.findings import Waiver
    from restoration_tasks.steps.asked import RunOptions

    try:
        return RunOptions.model_validate(
            {
                "delivery": str(delivery.absolute()) if delivery else None,
                "treatments": None if treat is None else [one.strip() for one in treat.split(",") if one.strip()],
                "waivers": tuple(Waiver.parse(text) for text in waive or ()),
                **others,
            }
        )
    except ValueError as error:
        lines = str(error).splitlines()
        raise WrongUse(
            f"{lines[1]}: {lines[2].strip()}" if len(lines) > 2 else str(error), action="see --help"
        ) from error


def _conduct(
    reel_id: str,
    options: RunOptions,
    goal: Callable[[Conductor], object],
    *,
    fresh: str | None = None,
    who: str | None = None,
    to_the_end: bool = False,
) -> None:
    from restoration_tasks.catalogue.engine import open_sessions
    from restoration_tasks.catalogue.local import local_database
    from restoration_tasks.provenance.agents import Person
    from restoration_tasks.runtime.progress import Bars, JsonLines
    from restoration_tasks.runtime.spec import StepName
    from restoration_tasks.steps.conductor import Conductor
    from restoration_tasks.steps.way import Way

    settings = Settings()
    way = Way(reel_id, settings, options)
    way.require_delivery()
    way.require_asked_models()
    with local_database(settings) as url:
        run_id = f"cli-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"
        fresh_steps = frozenset({StepName(fresh)}) if fresh else frozenset()
        person = Person(who) if who else None
        with contextlib.ExitStack() as stack:
            bars = stack.enter_context(Bars()) if sys.stdout.isatty() else None
            conductor = Conductor(
                way,
                open_sessions(url),
                run_id,
                report=bars or JsonLines(),
                say=bars.say if bars else typer.echo,
                fresh=fresh_steps,
                person=person,
            )
            stack.enter_context(conductor.holding_the_reel(to_the_end=to_the_end))
            goal(conductor)
