"""What every test shares."""

from __future__ import annotations

import os

import pytest

# one thread a process: tests run beside each other on two cores, and results must not depend on it
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

pytest_plugins = [
    "tests.fixtures.faces",
    "tests.fixtures.networks",
    "tests.fixtures.postgres",
    "tests.fixtures.products",
]

TOGETHER = "tests/integration/"
"""The folder whose tests share one running stack."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """The slow ones that share a stack begin, so that the other worker does the rest meanwhile."""
    items.sort(key=lambda item: not item.nodeid.startswith(TOGETHER))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests of a file stay with one worker, for what they make for each other; so do those that share a stack."""
    from xdist.scheduler.loadfile import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid):
            return TOGETHER if nodeid.startswith(TOGETHER) else super()._split_scope(nodeid)

    return Together(config, log)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """Settings of a fresh home folder."""
    from restoration_tasks.runtime.settings import Settings

    for name in [name for name in os.environ if name.startswith("REELKEEPER_") and name != "REELKEEPER_REAL_FILM"]:
        monkeypatch.delenv(name)
    return Settings(home=tmp_path / "home")
