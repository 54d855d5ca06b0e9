"""What people read before they answer, as Markdown: figures, what was done, links to the report and the pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from reelkeeper_airflow.pages.links import file_url
from restoration_tasks.runtime.spec import OutputFile, StepResult
from restoration_tasks.runtime.vault import Vault

if TYPE_CHECKING:
    from restoration_tasks.restoration.plan import Plan

LINKS = {
    "report": "Report: every figure and rule",
    "comparison": "Before and after, side by side",
    "access": "The restored reel",
}
"""Output → how a person knows it, in the order people look."""
SHOTS_SHOWN = 40
PLAN_LINES = 120
"""A plan longer than this is cut in the question; the link leads to the whole."""


def decision_body(vault: Vault, version: Mapping[str, Any], assembled: StepResult, checked: StepResult) -> str:
    """Write the question about a restoration."""
    from restoration_tasks.restoration.plan import Plan

    plan = Plan.from_yaml(vault.read_bytes(version["plan"]["uri"]) or b"", source=version["plan"]["uri"])
    outputs = {output.name: output for output in (*assembled.outputs, *checked.outputs)}
    passed = bool(checked.figures["passed"])
    verdict = "The check **passed**." if passed else "The check **refused** this result: it can be redone or rejected."
    parts = [
        f"{verdict} Plan version **{version['version']}** ({_plain(version['reason'])}).",
        "\n".join(f"- [{text}]({file_url(outputs[name].uri)})" for name, text in LINKS.items() if name in outputs),
        _pictures(outputs.values()),
        _table(assembled.figures | checked.figures),
        _shots(plan),
        "\n".join(f"- {_plain(warning)}" for warning in checked.warnings),
        "*Approve* catalogues and packages the reel. *Redo* ends this run and starts the next plan version."
        " *Reject* ends it.",
    ]
    return "\n\n".join(part for part in parts if part)


def plan_body(vault: Vault, planned: StepResult, version: Mapping[str, Any]) -> str:
    """Write the question about a plan."""
    output = planned.output("plan")
    lines = (vault.read_bytes(output.uri) or b"").decode(errors="replace").splitlines()
    shown = "\n".join(lines[:PLAN_LINES])
    more = f"\n… {len(lines) - PLAN_LINES} lines more" if len(lines) > PLAN_LINES else ""
    return "\n\n".join(
        [
            f"Plan version **{version['version']}**: [the whole plan]({file_url(output.uri)}).",
            _table(planned.figures),
            f"```yaml\n{shown}{more}\n```",
        ]
    )


def _shots(plan: Plan) -> str:
    """Say what was done to each shot, in the order of the reel."""
    rows = []
    for shot in plan.shots[:SHOTS_SHOWN]:
        treatments = ", ".join(treatment.name for treatment in shot.treatments) or "left alone"
        rows.append(f"| {shot.shot} | {shot.start}–{shot.stop - 1} | {_plain(treatments)} |")
    more = len(plan.shots) - SHOTS_SHOWN
    end = [f"\n… and {more} shots more; the report has them all."] if more > 0 else []
    return "\n".join(["| shot | frames | treatments |", "|---|---|---|", *rows, *end])


def _pictures(outputs: Iterable[OutputFile]) -> str:
    pictures = [output for output in outputs if output.media_type.startswith("image/")]
    return "\n\n".join(f"![{_plain(output.name)}]({file_url(output.uri)})" for output in pictures)


def _table(figures: Mapping[str, Any]) -> str:
    rows = [f"| {_plain(name.replace('_', ' '))} | {_cell(value)} |" for name, value in figures.items()]
    return "\n".join(["| figure | value |", "|---|---|", *rows]) if rows else ""


def _cell(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case list():
            return _plain(", ".join(map(str, value))) or "none"
        case None:
            return "–"
        case _:
            return _plain(str(value))


def _plain(text: str) -> str:
    """Escape what Markdown would read as more than text."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+!|<>~" else char for char in " ".join(str(text).split()))
