"""The summary of a night: which reels were taken, why, what they took, and what waits for a person in the morning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from restoration_tasks.catalogue.checks import Checked, Verdict
from restoration_tasks.catalogue.queue_models import QueueEntry, QueueState
from restoration_tasks.report.page import template
from restoration_tasks.runtime.identifiers import folder_name
from restoration_tasks.runtime.spec import VAULT_SCHEME
from restoration_tasks.runtime.vault import Vault

FOLDER = "nights"


@dataclass(frozen=True)
class Line:
    """A reel of the night."""

    reel_id: str
    priority: float
    basis: str
    estimated_h: float
    took_h: float | None
    """None where its run recorded no work of its own."""
    stands: str
    """Where it stands now, in words."""
    run_id: str
    checked: Checked | None = None
    """How its check came out; None where its run has made none yet."""

    @property
    def check_words(self) -> str:
        """That in words, with the rules that were broken."""
        if self.checked is None:
            return "not checked"
        broken = self.checked.failed or self.checked.warned
        return ": ".join([self.checked.verdict.value, *([", ".join(broken)] if broken else [])])

    @property
    def check_page(self) -> str | None:
        """The check's page, as a link from the night's own; None where there is none."""
        if self.checked is None or self.checked.report_uri is None:
            return None
        return f"../../{quote(self.checked.report_uri.removeprefix(VAULT_SCHEME))}"


@dataclass(frozen=True)
class Summary:
    """A night, as people read it."""

    batch_id: str
    budget_h: float
    lines: tuple[Line, ...]
    passed_over: int
    undelivered: int
    unstarted: tuple[str, ...]
    counts: dict[str, int]

    @property
    def text(self) -> str:
        """As Markdown."""
        told = [
            f"# Night {self.batch_id}",
            "",
            f"{len(self.lines)} reels, {sum(line.estimated_h for line in self.lines):.2f} hours by estimate"
            f" of {self.budget_h:g}; {self._took_words}.",
            f"{self.check_counts}.",
            "",
            *([f"{self.passed_over} more urgent reels did not fit into the hours that were left."]
              if self.passed_over else []),
            *([f"{self.undelivered} reels as urgent as these wait to be scanned."] if self.undelivered else []),
            "",
            "| reel | priority | rests on | hours by estimate | took | check | stands |",
            "|---|---|---|---|---|---|---|",
            *(
                f"| {line.reel_id} | {line.priority:.1f} | {line.basis} | {line.estimated_h:.2f} |"
                f" {'' if line.took_h is None else format(line.took_h, '.2f')} |"
                f" {_cell(line.check_words)} | {_cell(line.stands)} |"
                for line in self.lines
            ),
        ]  # fmt: skip
        return "\n".join(told) + "\n"

    @property
    def check_counts(self) -> str:
        """How many checks came out which way, in words."""
        counts = dict.fromkeys(Verdict, 0)
        for line in self.lines:
            if line.checked is not None:
                counts[line.checked.verdict] += 1
        told = [f"{count} {verdict.value}" for verdict, count in counts.items() if count]
        return f"{sum(counts.values())} reels were checked" + (f": {'; '.join(told)}" if told else "")

    @property
    def _took_words(self) -> str:
        took = [line.took_h for line in self.lines if line.took_h is not None]
        return f"they took {sum(took):.2f}" if took else "nothing was worked"

    @property
    def html(self) -> str:
        """As a page."""
        return template("night.html.j2").render(summary=self, took=self._took_words)

    def write(self, vault: Vault) -> str:
        """Write page and Markdown into the vault, over those of an earlier try; the page's URI."""
        folder = vault.uri(FOLDER, folder_name(self.batch_id))
        vault.write_bytes(f"{folder}/summary.md", self.text.encode())
        vault.write_bytes(f"{folder}/summary.html", self.html.encode())
        return f"{folder}/summary.html"


def summarise(
    batch_id: str,
    entries: Sequence[QueueEntry],
    *,
    budget_h: float,
    took_h: Mapping[str, float],
    checks: Mapping[str, Checked],
    passed_over: int,
    undelivered: int,
) -> Summary:
    """Sum a night up.

    Args:
        batch_id: the batch.
        entries: its reels as they stand now, the worst first.
        budget_h: the hours it was given.
        took_h: hours its runs took, by reel.
        checks: how the checks of its runs came out, by reel; a reel whose run has made none is not among them.
        passed_over: more urgent reels that did not fit.
        undelivered: as urgent reels that nobody has scanned.
    """
    lines = tuple(
        Line(
            entry.reel_id,
            entry.priority,
            entry.basis.value if entry.override is None else "override",
            entry.device_h or 0.0,
            took_h.get(entry.reel_id),
            _stands(entry),
            entry.run_id or "",
            checks.get(entry.reel_id),
        )
        for entry in entries
    )
    counts = {
        "taken": len(entries),
        "waiting_for_a_decision": sum(_asks(entry) for entry in entries),
        "done": sum(entry.state is QueueState.DONE for entry in entries),
        "held_back": sum(entry.state is QueueState.HELD_BACK for entry in entries),
    }
    unstarted = tuple(e.reel_id for e in entries if e.state is QueueState.STARTED and e.slot_at is None)
    return Summary(batch_id, budget_h, lines, passed_over, undelivered, unstarted, counts)


def _asks(entry: QueueEntry) -> bool:
    return entry.state is QueueState.STARTED and entry.worked_at is not None


def _stands(entry: QueueEntry) -> str:
    if entry.state is QueueState.STARTED:
        if entry.slot_at is None:
            return "could not be started"
        return "waits for a decision (Required Actions)" if _asks(entry) else "is worked on"
    return f"held back: {entry.reason}" if entry.state is QueueState.HELD_BACK else entry.state.value


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
