"""What every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# one thread a process: tests run beside each other on two cores, and results must not depend on it
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

pytest_plugins = ["tests.fixtures.faces", "tests.fixtures.networks", "tests.fixtures.postgres"]

TESTS = Path(__file__).parent
TOGETHER = "integration"
"""The folder whose tests share one running stack."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Tests of a file stay with one worker; the slow ones that share a stack begin, as one group."""
    items.sort(key=lambda item: not _together(item.path))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(TOGETHER if _together(item.path) else str(item.path)))


def _together(path):
    return path.is_relative_to(TESTS / TOGETHER)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of a fresh home folder."""
    from restoration_tasks.runtime.settings import Settings

    for name in [name for name in os.environ if name.startswith("REELKEEPER_") and name != "REELKEEPER_REAL_FILM"]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home")
