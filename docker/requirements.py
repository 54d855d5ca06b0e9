"""Prints what pyproject.toml asks for, one requirement a line, so that an image installs it before our own code.

python docker/requirements.py [--torch-build cpu] [EXTRA …]
"""

from __future__ import annotations

import argparse
import tomllib
from pathlib import Path


def requirements(project: dict[str, object], extras: list[str], torch_build: str) -> list[str]:
    """List the requirements of the core and of extras; `torch_build` names a build of torch, such as `cpu`."""
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(line for extra in extras for line in optional[extra])]  # type: ignore[misc,index]
    build = f"+{torch_build}" if torch_build else ""
    return [line + build if line.startswith("torch==") else line for line in wanted]


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extras", nargs="*", metavar="EXTRA")
    parser.add_argument("--torch-build", default="", help="local version of torch, such as cpu; empty: as published")
    options = parser.parse_args()
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    print("\n".join(requirements(project, options.extras, options.torch_build)))


if __name__ == "__main__":
    main()
