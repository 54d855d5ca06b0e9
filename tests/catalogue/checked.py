"""A run's check, recorded as a worker records it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from restoration_tasks.catalogue import journal, reels
from restoration_tasks.catalogue.engine import Sessions
from restoration_tasks.provenance.recorder import RecordedEvent
from restoration_tasks.quality.findings import CheckReport, FrameNumber, RuleResult, Severity, Status
from restoration_tasks.runtime.spec import OutputFile, Spec, StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from tests.provenance.results import REEL, output, step_result

TEXT = RuleResult(
    id="fidelity.text_kept", severity=Severity.FAIL, status=Status.FAILED, sentence="Lettering stays.",
    detail="2 strokes went.", count=2, worst=FrameNumber(frame=8, scan=1008),
    frames=(FrameNumber(frame=9, scan=1009), FrameNumber(frame=8, scan=1008)),
)  # fmt: skip
SPECKS = RuleResult(
    id="benefit.specks", severity=Severity.WARN, status=Status.CRASHED, sentence="No speck stays.", subjects=("3", "1")
)
SIZE = RuleResult(id="integrity.size", severity=Severity.FAIL, status=Status.PASSED, sentence="The size stays.")
REFUSED = CheckReport(reel_id=REEL, policy_version="7", frames=240, results=(TEXT, SIZE, SPECKS))
PASSED = CheckReport(reel_id=REEL, policy_version="7", frames=240, results=(SIZE,))


@dataclass
class Checked:
    """Records checks of one reel in one vault."""

    sessions: Sessions
    vault: Vault
    result: StepResult | None = None
    """The check recorded last."""

    def record(
        self,
        report: CheckReport = REFUSED,
        run: str = "run-1",
        *,
        content: bytes | None = None,
        made_by: str | None = None,
        generation: int = 0,
    ) -> RecordedEvent:
        """Record a check.

        Args:
            report: what it found.
            run: the run that records it.
            content: what lies in the vault in place of that.
            made_by: the execution whose result is reused; its own if None.
            generation: how often somebody cleared the task.
        """
        written = report.model_dump_json().encode()
        uri = f"vault:reels/{REEL}/check/{run}/check.json"
        self.vault.write_bytes(uri, written if content is None else content)
        digest = hashlib.sha256(written).hexdigest()
        file = OutputFile(name="check", uri=uri, sha256=digest, bytes=len(written), media_type="application/json")
        task = journal.Task(run, "check", generation=generation)
        figures = {"passed": report.passed, "failed_rules": list(report.failed_rules)}
        outputs = (file, output("report", "report.html"))
        result = step_result(StepName.CHECK, made_by or task.execution_id, outputs=outputs, figures=figures)
        spec = Spec(
            step=StepName.CHECK, step_version="1", reel_id=REEL, vault=str(self.vault.root),
            execution_id=task.execution_id,
        )  # fmt: skip
        with self.sessions.begin() as session:
            reels.register(session, REEL, title="Reel three")
        self.result = result
        return journal.record(self.sessions, task, spec, result)
