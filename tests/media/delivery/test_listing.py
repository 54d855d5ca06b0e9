"""One walk classifies every file, follows no link, and stays quick with many files."""

from __future__ import annotations

import os

import pytest

from restoration_tasks.media.delivery import listing
from restoration_tasks.media.delivery.listing import FileRole, classify, list_delivery, stray_findings
from restoration_tasks.runtime.errors import DeliveryError


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("reel_000001.dpx", FileRole.FRAME),
        ("REEL.0001.TIF", FileRole.FRAME),
        ("1.exr", FileRole.FRAME),
        ("slate.png", FileRole.STRAY),
        ("reel_0001 - Copy.dpx", FileRole.STRAY),
        ("reel_0001 (2).dpx", FileRole.STRAY),
        (".reel_0001.dpx", FileRole.STRAY),
        ("reel.MKV", FileRole.CONTAINER),
        ("reel.mov", FileRole.CONTAINER),
        ("reel.bwf", FileRole.SOUND),
        ("reel.AIFF", FileRole.SOUND),
        ("manifest-md5.txt", FileRole.MANIFEST),
        ("SHA256SUMS", FileRole.MANIFEST),
        ("reel.dpx.md5", FileRole.MANIFEST),
        ("bagit.txt", FileRole.MANIFEST),
        ("tagmanifest-sha512.txt", FileRole.MANIFEST),
        (".ready", FileRole.MARK),
        ("done.READY", FileRole.MARK),
        ("scan.log", FileRole.PAPER),
        ("Reel 1.ALE", FileRole.PAPER),
        ("Thumbs.db", FileRole.LITTER),
        (".DS_Store", FileRole.LITTER),
        ("._reel_0001.dpx", FileRole.LITTER),
        ("thumbnail.jpg", FileRole.STRAY),
        ("reel_0001.dpx.part", FileRole.STRAY),
        ("noending", FileRole.STRAY),
    ],
)
def test_what_files_are_for(name, role):
    assert classify(name)[0] is role


def test_the_walk(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "x_0007.dpx").write_bytes(b"abc")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "x_0008.dpx").symlink_to(tmp_path / "a" / "x_0007.dpx")
    (tmp_path / "proxies").mkdir()
    (tmp_path / "proxies" / "y_0001.png").write_bytes(b"")
    found = list_delivery(tmp_path)
    assert [(file.name, file.role, file.bytes) for file in found.files] == [
        ("a/x_0007.dpx", FileRole.FRAME, 3),
        ("proxies/y_0001.png", FileRole.STRAY, 0),
    ]
    assert (found.files[0].prefix, found.files[0].number) == ("x_", 7)
    assert (found.empty_folders, found.links) == (("a/b",), ("a/loop", "x_0008.dpx"))


def test_names_that_are_no_text(tmp_path):
    (tmp_path / os.fsdecode(b"K\xfcrzel.jpg")).touch()
    assert list_delivery(tmp_path).files[0].name == "K\\udcfcrzel.jpg"
    (tmp_path / os.fsdecode(b"K\xfcrzel_1.dpx")).touch()
    with pytest.raises(DeliveryError, match=r"rzel_1\.dpx.*not UTF-8"):
        list_delivery(tmp_path)


def test_a_folder_too_deep_or_too_full(tmp_path, monkeypatch):
    (tmp_path / "/".join("abcdefghijklmn")).mkdir(parents=True)
    with pytest.raises(DeliveryError, match="nested too deep"):
        list_delivery(tmp_path)
    monkeypatch.setattr(listing, "MAXIMUM_FILES", 3)
    monkeypatch.setattr(listing, "MAXIMUM_DEPTH", 30)
    for number in range(4):
        (tmp_path / f"{number}.dpx").touch()
    with pytest.raises(DeliveryError, match="more files than any delivery"):
        list_delivery(tmp_path)


def test_many_strays_of_one_kind_are_one_finding(tmp_path):
    (tmp_path / "stills").mkdir()
    for number in range(50):
        (tmp_path / "stills" / f"{number:03d}.jpg").touch()
    (tmp_path / "a.jpg").touch()
    findings = stray_findings(list_delivery(tmp_path).files)
    assert [(finding.file, finding.count) for finding in findings] == [("a.jpg", 1), ("stills/000.jpg", 50)]
    assert "49 more of its kind" in findings[1].message
