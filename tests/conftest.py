"""What every test shares."""

from __future__ import annotations

import os

import pytest

# one thread a process: tests run beside each other on two cores, and results must not depend on it
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

pytest_plugins = ["tests.fixtures.faces", "tests.fixtures.networks", "tests.fixtures.postgres"]


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of a fresh home folder."""
    from restoration_tasks.runtime.settings import Settings

    for name in [name for name in os.environ if name.startswith("REELKEEPER_") and name != "REELKEEPER_REAL_FILM"]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home")
