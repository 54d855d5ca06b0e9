"""Asks whether holes are known in what we depend on, and writes a bill of materials (CycloneDX 1.6, JSON).

python docker/audit.py FOLDER

The tools are installed into FOLDER on the first run, so that they share nothing with the project's own environment.
Exit code 1: a hole is known, or something could not be looked up. A look-up that found no answer is no good answer:
pip-audit alone would call it "no known vulnerabilities" and end with 0.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
PINS = REPOSITORY / "constraints.txt"
TOOLS = REPOSITORY / "docker" / "audit-requirements.txt"


@dataclass(frozen=True)
class Verdict:
    """What the look-ups said."""

    looked_up: int
    holes: tuple[str, ...]
    """One line each: package, version, the hole's ids, versions without it."""
    unknown: tuple[str, ...]
    """Packages without an answer, and why."""

    @property
    def good(self) -> bool:
        """Whether everything was looked up and nothing found."""
        return bool(self.looked_up) and not self.holes and not self.unknown

    def lines(self) -> list[str]:
        """Say it."""
        said = [
            f"{self.looked_up} packages looked up, {len(self.holes)} known holes, {len(self.unknown)} without answer"
        ]
        said += [f"HOLE  {hole}" for hole in self.holes]
        if self.unknown:
            said.append(f"NO ANSWER  {self.unknown[0]}")
        if len(self.unknown) > 1:
            said.append(f"           and {len(self.unknown) - 1} more: nothing is known of them, good or bad")
        return said


def verdict(report: dict[str, Any]) -> Verdict:
    """Read pip-audit's JSON."""
    packages = report["dependencies"]
    answered = [package for package in packages if "skip_reason" not in package]
    holes = [
        f"{package['name']} {package['version']}: {' '.join([hole['id'], *hole.get('aliases', ())])},"
        f" mended in {', '.join(hole['fix_versions']) or 'no version yet'}"
        for package in answered
        for hole in package["vulns"]
    ]
    unknown = [f"{package['name']}: {package['skip_reason']}" for package in packages if "skip_reason" in package]
    return Verdict(len(answered), tuple(holes), tuple(unknown))


def main() -> int:
    """Install, write the bill, ask, say."""
    folder = Path(sys.argv[1]).absolute()
    binaries = _tools(folder / "tools")
    bill = folder / "sbom.cdx.json"
    described = ["--pyproject", str(REPOSITORY / "pyproject.toml"), "--output-reproducible"]
    _run([binaries / "cyclonedx-py", "environment", *described, "-o", bill, sys.executable])
    parts = json.loads(bill.read_text(encoding="utf-8"))["components"]
    print(f"{bill}: {len(parts)} parts")
    answers = folder / "audit.json"
    asked = ["--progress-spinner", "off", "--disable-pip", "--no-deps", "-r", PINS, "-f", "json", "-o", answers]
    # 1: holes were found. Anything else that is not 0 is no answer at all.
    if _run([binaries / "pip-audit", *asked], quiet=True, allowed=(0, 1)) == 1 and not answers.exists():
        print("pip-audit gave no answer; is the package index reachable?", file=sys.stderr)
        return 1
    said = verdict(json.loads(answers.read_text(encoding="utf-8")))
    print("\n".join(said.lines()))
    return 0 if said.good else 1


def _tools(folder: Path) -> Path:
    """Make the tools' environment unless it holds these very versions; give the folder of its programs."""
    stamp = folder / ".made-from"
    if not stamp.exists() or stamp.read_bytes() != TOOLS.read_bytes():
        _run([sys.executable, "-m", "venv", "--clear", folder])
        _run([folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", TOOLS])
        stamp.write_bytes(TOOLS.read_bytes())
    return folder / "bin"


def _run(command: list[str | Path], *, quiet: bool = False, allowed: tuple[int, ...] = (0,)) -> int:
    output = subprocess.DEVNULL if quiet else None
    code = subprocess.run(command, check=False, stdout=output, stderr=output).returncode
    if code not in allowed:
        raise SystemExit(f"{Path(command[0]).name} ended with {code}")
    return code


if __name__ == "__main__":
    sys.exit(main())
