"""A shelf with one tiny network that only a folder of wheels has."""

from __future__ import annotations

import pytest

from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.models.shelf.shelf import Shelf
from tests.models.shelf.tiny import NAME, tiny_entry


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The folder; pip looks there and nowhere else."""
    monkeypatch.setitem(KNOWN, NAME, tiny_entry(tmp_path / "wheels"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return tmp_path / "wheels"


@pytest.fixture
def shelf(tmp_path):
    return Shelf(tmp_path / "home" / "models")
