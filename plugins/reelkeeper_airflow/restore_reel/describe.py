"""What people read before they answer, as Markdown: figures, what was done, links to the report and the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from reelkeeper_airflow.pages.links import compare_url, file_url
from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.spec import OutputFile, StepResult
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from restoration_tasks.restoration.plan import Plan

LINKS = {
    "report": "Report: every figure and rule",
    "comparison": "Before and after, side by side",
    "access": "The restored reel",
    "enlarged_access": "The larger version",
}
"""Output → how a person knows it, in the order people look."""
REFUSED_WAYS = "it can be redone, waived with a reason, or rejected"
ENDING_WORDS = " *Redo* ends this run and starts the next plan version. *Reject* ends it."
APPROVE_WORDS = "*Approve* catalogues and packages the reel." + ENDING_WORDS
WAIVE_WORDS = (
    "*Waive* catalogues and packages the reel all the same: each rule above that refused it is recorded as let pass by"
    " you, with your note as the reason; without a note it is not taken." + ENDING_WORDS
)
SHOTS_SHOWN = 40
RULES_SHOWN = 20
SAID_ELSEWHERE = frozenset({"passed", "failed_rules", "warned_rules"})
"""Figures of the check that stand in the first line and the list of rules."""


def decision_body(vault: Vault, version: Mapping[str, Any], assembled: StepResult, checked: StepResult) -> str:
    """Write the question about a restoration.

    Raises:
        PlanError: the plan's file is gone or damaged.
        VaultError: the check's file is gone.
    """
    outputs = {output.name: output for output in (*assembled.outputs, *checked.outputs)}
    passed = bool(checked.figures["passed"])
    verdict = "The check **passed**." if passed else f"The check **refused** this result: {REFUSED_WAYS}."
    figures = {name: value for name, value in checked.figures.items() if name not in SAID_ELSEWHERE}
    parts = [
        f"{verdict} Plan version **{version['version']}** ({_plain(version['reason'])}).",
        "\n".join(
            [
                f"- [Compare frame by frame, and mark shots]({compare_url(checked.reel_id)}):"
                " your marks go with your answer",
                *(f"- [{text}]({file_url(outputs[name].uri)})" for name, text in LINKS.items() if name in outputs),
            ]
        ),
        _pictures(outputs.values()),
        _broken_rules(vault, checked),
        _table(assembled.figures | figures),
        _larger(_plan(vault, version)),
        _shots(_plan(vault, version)),
        "\n".join(f"- {_plain(warning)}" for warning in checked.warnings),
        APPROVE_WORDS if passed else WAIVE_WORDS,
    ]
    return "\n\n".join(part for part in parts if part)


def plan_body(vault: Vault, planned: StepResult, version: Mapping[str, Any]) -> str:
    """Write the question about a plan.

    Raises:
        PlanError: the plan's file is gone or damaged.
    """
    condition = next((output.uri for output in planned.outputs if output.name == "condition_report"), None)
    return "\n\n".join(
        [
            f"Plan version **{version['version']}**: [the whole plan]({file_url(version['plan']['uri'])}).",
            *([f"[What the reel suffers from]({file_url(condition)}): the condition report."] if condition else []),
            _table(planned.figures),
            _larger(_plan(vault, version)),
            _shots(_plan(vault, version)),
            "*Go on* restores the reel by it. *Stop here* ends the run; no picture has been touched.",
        ]
    )


def _plan(vault: Vault, version: Mapping[str, Any]) -> Plan:
    # Not at the top: a plan knows the treatments and so loads OpenCV, which the DAG file must not.
    from restoration_tasks.restoration.plan import Plan

    uri = version["plan"]["uri"]
    return Plan.from_yaml(vault.read_bytes(uri) or b"", source=uri)


def _larger(plan: Plan) -> str:
    """Say what the larger version is, and that it holds invented detail where it does."""
    if plan.enlarge is None:
        return ""
    warning = " **It holds invented detail.**" if plan.enlarge.generative else ""
    return f"A larger version beside the restoration: {_plain(plan.enlarge.words)}. {_plain(plan.enlarge.why)}{warning}"


def _broken_rules(vault: Vault, checked: StepResult) -> str:
    """List the rules that were broken, the gravest first."""
    from restoration_tasks.quality.findings import CheckReport, Severity

    uri = checked.output("check").uri
    content = vault.read_bytes(uri)
    if content is None:
        raise VaultError(
            "the check's findings are gone", reel=checked.reel_id, file=uri, action="clear the task 'check'"
        )
    said = {Severity.FAIL: "Refused", Severity.WARN: "Look at", Severity.NOTE: "Note"}
    broken = [rule for rule in CheckReport.model_validate_json(content).results if rule.broken]
    broken.sort(key=lambda rule: list(said).index(rule.severity))
    lines = [
        f"- **{said[rule.severity]}**: {_plain(rule.sentence)} {_plain(rule.detail)}".rstrip()
        for rule in broken[:RULES_SHOWN]
    ]
    more = len(broken) - RULES_SHOWN
    return "\n".join([*lines, f"- … and {more} more in the report"] if more > 0 else lines)


def _shots(plan: Plan) -> str:
    """Say what is done to each shot and why, in the order of the reel."""
    rows = []
    for shot in plan.shots[:SHOTS_SHOWN]:
        treatments = ", ".join(treatment.name for treatment in shot.treatments) or "left alone"
        why = " ".join(treatment.why for treatment in shot.treatments) or "–"
        rows.append(f"| {shot.shot} | {shot.start}–{shot.stop - 1} | {_plain(treatments)} | {_plain(why)} |")
    more = len(plan.shots) - SHOTS_SHOWN
    end = [f"\n… and {more} shots more; the plan and the report have them all."] if more > 0 else []
    return "\n".join(["| shot | frames | treatments | why |", "|---|---|---|---|", *rows, *end])


def _pictures(outputs: Iterable[OutputFile]) -> str:
    pictures = [output for output in outputs if output.media_type.startswith("image/")]
    return "\n\n".join(f"![{_plain(output.name)}]({file_url(output.uri)})" for output in pictures)


def _table(figures: Mapping[str, Any]) -> str:
    rows = [f"| {_words(name)} | {_cell(value)} |" for name, value in figures.items()]
    return "\n".join(["| figure | value |", "|---|---|", *rows]) if rows else ""


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case dict():
            return ", ".join(_named(value)) or "none"
        case list():
            return _plain(", ".join(map(str, value))) or "none"
        case None:
            return "–"
        case _:
            return _plain(str(value))


def _named(figures: Mapping[str, Any]) -> Iterable[str]:
    """Figures by name; of what was measured twice, before and after."""
    match figures:
        case {"before": dict() as before, "after": dict() as after}:
            return (f"{_words(name)} {_cell(one)} → {_cell(after.get(name))}" for name, one in before.items())
        case _:
            return (f"{_words(name)} {_cell(one)}" for name, one in figures.items())


def _words(name: str) -> str:
    return _plain(name.replace("_", " "))


def _plain(text: str) -> str:
    """Escape what Markdown would read as more than text."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+!|<>~" else char for char in " ".join(str(text).split()))
