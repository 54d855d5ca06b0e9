"""`make audit` calls good only what was looked up."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from tests.docker.kubernetes_types import REPOSITORY

SPEC = importlib.util.spec_from_file_location("reelkeeper_audit", REPOSITORY / "docker" / "audit.py")
assert SPEC is not None
audit = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = audit
SPEC.loader.exec_module(audit)  # type: ignore[union-attr]

CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
HOLED = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2"]}]}
SKIPPED = {"name": "b", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("packages", "good", "says"),
    [
        ([CLEAN], True, "1 packages looked up, 0 known holes, 0 without answer"),
        ([CLEAN, HOLED], False, "HOLE  a 1: PYSEC-1 CVE-1, mended in 2"),
        ([CLEAN, SKIPPED], False, "NO ANSWER  b: not found"),
        ([SKIPPED, SKIPPED], False, "and 1 more"),
        ([], False, "0 packages looked up"),
    ],
)
def test_only_what_was_looked_up_and_found_whole_is_good(packages, good, says) -> None:
    said = audit.verdict({"dependencies": packages})
    assert said.good is good
    assert says in "\n".join(said.lines())


def test_the_tools_are_pinned() -> None:
    lines = [line for line in audit.TOOLS.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert {"pip_audit", "cyclonedx-bom"} <= {line.partition("==")[0] for line in lines}
