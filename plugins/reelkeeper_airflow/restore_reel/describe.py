"""What people read before they answer, as Markdown: figures in a table, links to the report, comparison and pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reelkeeper_airflow.pages.links import file_url
from restoration_tasks.runtime.spec import OutputFile, StepResult
from restoration_tasks.runtime.vault import Vault

LINKS = {
    "report": "Report: every figure and rule",
    "comparison": "Before and after, side by side",
    "access": "The restored reel",
}
"""Output → how a person knows it, in the order people look."""
PLAN_LINES = 120
"""A plan longer than this is cut in the question; the link leads to the whole."""


def decision_body(reel_id: str, version: Mapping[str, Any], assembled: StepResult, checked: StepResult) -> str:
    """Write the question about a restoration."""
    outputs = {output.name: output for output in (*assembled.outputs, *checked.outputs)}
    passed = bool(checked.figures["passed"])
    verdict = "The check **passed**." if passed else "The check **refused** this result: it can be redone or rejected."
    parts = [
        f"{verdict} Plan version **{version['version']}** ({_plain(version['reason'])}).",
        "\n".join(f"- [{text}]({file_url(outputs[name].uri)})" for name, text in LINKS.items() if name in outputs),
        _pictures(outputs.values()),
        _table(checked.figures),
        "\n".join(f"- {_plain(warning)}" for warning in checked.warnings),
        "*Approve* catalogues and packages the reel. *Redo* ends this run and starts the next plan version. *Reject* ends it.",
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
