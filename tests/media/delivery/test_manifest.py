"""Manifests of every tool and system are read alike, and none of them leads out of the delivery."""

from __future__ import annotations

import hashlib
import json
import subprocess

import bagit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from restoration_tasks.media.delivery.manifest import (
    OWN_NAME,
    Algorithm,
    find_manifest,
    match,
    read_manifest,
    write_manifest,
    write_own,
)
from restoration_tasks.runtime.errors import DeliveryError
from tests.media.delivery.reels import FIRST, at, found, scan

A, B = "a" * 32, "b" * 32


def read(folder, text, name="list.md5", encoding="utf-8"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(text.encode(encoding))
    return read_manifest(folder / name, Algorithm.MD5)


@pytest.mark.parametrize(
    "text",
    [
        f"{A}  x/one.dpx\n{B}  x/two.dpx\n",
        f"{A} *./x/one.dpx\r\n{B} *./x/two.dpx\r\n",
        f"\ufeff{A.upper()}\tx/one.dpx\n{B}\tx/two.dpx",
        f"{A} *x\\one.dpx\r\n{B} *x\\two.dpx\r\n",
        f"; \n# made by hand\n\n{A}  x/one.dpx\n{B}  x/two.dpx\n".removeprefix("; \n"),
        f"        12  {A}  x/one.dpx\n      3456  {B}  x/two.dpx\n",
        f"MD5 (x/one.dpx) = {A}\nMD5 (x/two.dpx) = {B}\n",
        f"%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /scan\n## $ hashdeep -r .\n##\n"
        f"12,{A},{'c' * 64},./x/one.dpx\n3456,{B},{'d' * 64},./x/two.dpx\n",
        f"{A} x/one.dpx\n{B} x/two.dpx\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_every_tools_lines_are_read(tmp_path, text, encoding):
    manifest = read(tmp_path, text.removeprefix("\ufeff") if encoding == "utf-16" else text, encoding=encoding)
    assert manifest.digests == {"x/one.dpx": A, "x/two.dpx": B}
    assert manifest.sizes in ({}, {"x/one.dpx": 12, "x/two.dpx": 3456})


def test_windows_code_page_and_a_lone_digest(tmp_path):
    assert read(tmp_path, f"{A}  Kürzel.dpx", encoding="cp1252").digests == {"Kürzel.dpx": A}
    assert read(tmp_path, f"{A}\n", name="film_1.dpx.md5").digests == {"film_1.dpx": A}


@pytest.mark.parametrize(
    "lead", ["/mnt/scan/day 1/reel7/", "D:\\scans\\reel7\\", "\\\\server\\scans\\reel7\\", "/reel7/"]
)
def test_absolute_names_are_made_relative(tmp_path, lead):
    (tmp_path / "reel7" / "x").mkdir(parents=True)
    (tmp_path / "reel7" / "x" / "two.dpx").touch()
    slash = "\\" if "\\" in lead else "/"
    text = f"{A}  {lead}one.dpx\n{B}  {lead}x{slash}two.dpx\n"
    assert set(read(tmp_path / "reel7", text).digests) == {"one.dpx", "x/two.dpx"}
    # nothing of it is there: the delivery's own name tells where to cut
    (tmp_path / "reel7" / "x" / "two.dpx").unlink()
    assert set(read(tmp_path / "reel7", text).digests) == {"one.dpx", "x/two.dpx"}


@pytest.mark.parametrize(
    "name",
    [
        *("../reel_1.dpx", "/etc/passwd", "a/../../b.dpx", "C:/x.dpx", "C:x.dpx", "a\x01.dpx", "./../x", ".."),
        *("..\\x", "C:\\Windows\\x", "\\\\server\\share\\x", "/delivery/../x", "a\x00b"),
    ],
)
def test_a_manifest_cannot_name_a_file_outside_the_delivery(tmp_path, name):
    with pytest.raises(DeliveryError, match=r"outside the delivery|is not '<md5>"):
        read(tmp_path / "delivery", f"{A}  {name}\n")
    (tmp_path / "delivery" / OWN_NAME).write_text(json.dumps({"files": [{"name": name, "md5": A}]}))
    with pytest.raises(DeliveryError):
        find_manifest(tmp_path / "delivery")


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda name: f"{A}  {name}\n".encode("utf-8", "replace")))
def test_no_manifest_ends_otherwise_than_read_or_refused(tmp_path_factory, raw):
    folder = tmp_path_factory.mktemp("m")
    (folder / "m.md5").write_bytes(raw)
    try:
        names = read_manifest(folder / "m.md5", Algorithm.MD5).digests
    except DeliveryError:
        return
    for name in names:
        assert (folder / name).resolve().is_relative_to(folder.resolve())


@pytest.mark.parametrize(
    "text", ["", "hello\n", f"{'0' * 31}  a\n", f"{'0' * 64}  a\n", f"{'0' * 32}  a\n{'1' * 32}  ./a\n", "\x81\x8d"]
)
def test_what_is_no_manifest_is_refused(tmp_path, text):
    with pytest.raises(DeliveryError, match="have the scanner write the manifest again"):
        read(tmp_path, text, encoding="latin-1")


@pytest.mark.parametrize("tool", ["md5sum", "sha1sum", "sha256sum", "sha512sum", "md5sum --tag"])
def test_manifests_agree_with_the_usual_tools(tmp_path, tool):
    names = ["-a 1.dpx", "b'2.dpx", "ü %d.dpx", "back\\slash.dpx"][: 3 if "tag" in tool else 4]
    for name in names[:3]:
        (tmp_path / name).write_bytes(name.encode())
    algorithm = Algorithm(tool.split()[0].removesuffix("sum"))
    listed = subprocess.run([*tool.split(), "--", *names[:3]], cwd=tmp_path, capture_output=True, check=True).stdout
    path = tmp_path / f"manifest-{algorithm}.txt"
    path.write_bytes(listed)
    manifest = find_manifest(tmp_path)
    assert (manifest.algorithm, set(manifest.digests)) == (algorithm, set(names[:3]))
    write_manifest(path, manifest.digests)
    subprocess.run([tool.split()[0], "--check", "--strict", path.name], cwd=tmp_path, check=True, capture_output=True)


def test_a_bag_is_a_delivery(tmp_path):
    scan(tmp_path / "bag", 4, mark=False)
    (tmp_path / "bag" / "manifest-md5.txt").unlink()
    bagit.make_bag(str(tmp_path / "bag"), checksums=["sha512"])
    assert found(tmp_path / "bag") == []
    frame = tmp_path / "bag" / "data" / at(tmp_path, 2).name
    raw = bytearray(frame.read_bytes())
    raw[-1] ^= 1
    frame.write_bytes(raw)
    (tmp_path / "bag" / "bag-info.txt").write_text("Contact-Name: nobody")
    assert found(tmp_path / "bag") == [f"fail digest:{FIRST + 2}", "fail digest:bag-info.txt"]


def test_one_list_a_folder_and_one_list_a_file(tmp_path):
    reel = scan(tmp_path / "reel", 4, mark=False)
    (reel / "manifest-md5.txt").unlink()
    for path in sorted(reel.glob("*.dpx")):
        part = reel / ("part 1" if path.name < at(reel, 2).name else "part 2")
        part.mkdir(exist_ok=True)
        moved = path.rename(part / path.name)
        moved.with_name(moved.name + ".md5").write_text(hashlib.md5(moved.read_bytes()).hexdigest())
    assert found(reel) == []
    (reel / "part 2" / f"film_{FIRST + 3:06d}.dpx").write_bytes(b"")
    assert found(reel) == [f"fail empty:{FIRST + 3}"]


def test_names_written_otherwise_are_found_where_that_is_unique(tmp_path):
    manifest = read(tmp_path, f"{A}  B\u00fcro.DPX\n{B}  c.dpx\n{A}  d.dpx\n{B}  D.DPX\n")
    matched = match(manifest, ["bu\u0308ro.dpx", "c.dpx", "D.dpx"])
    assert matched.otherwise == (("bu\u0308ro.dpx", "B\u00fcro.DPX"),)
    assert matched.missing == ("D.DPX", "d.dpx")
    assert matched.unnamed == ("D.dpx",)


@pytest.mark.parametrize("lead", ["", "old/frames/", "x/y/frames/"])
def test_a_list_written_in_another_folder_is_understood(tmp_path, lead):
    reel = scan(tmp_path / "reel" / "frames", 4, mark=False).parent
    text = (reel / "frames" / "manifest-md5.txt").read_text()
    (reel / "frames" / "manifest-md5.txt").unlink()
    (reel / "list.md5").write_text(text.replace("film_", f"{lead}film_"))
    assert found(reel) == [f"note manifest-name:frames/film_{FIRST:06d}.dpx"]


def test_our_own_manifest(tmp_path):
    sha = "c" * 64
    path = write_own(tmp_path, {"b.dpx": (5, B, sha), "a.dpx": (4, A, sha)}, frames=2)
    manifest = find_manifest(tmp_path)
    assert (manifest.path, manifest.algorithm, manifest.frames) == (path, Algorithm.SHA256, 2)
    assert (manifest.digests, manifest.sizes) == ({"a.dpx": sha, "b.dpx": sha}, {"a.dpx": 4, "b.dpx": 5})
    before = path.read_bytes()
    write_own(tmp_path, {"a.dpx": (4, A, sha), "b.dpx": (5, B, sha)}, frames=2)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"files": []}',
        '{"format": "reelkeeper.manifest/2", "files": [{"name": "a", "md5": "' + A + '"}]}',
        '{"files": [{"name": "a"}]}',
        '{"files": [{"name": "a", "md5": "xyz"}]}',
        '{"files": [{"name": "a", "md5": "' + A + '"}, {"name": "./a", "md5": "' + A + '"}]}',
        "[" * 100_000,
    ],
)
def test_what_is_not_our_manifest_is_refused(tmp_path, text):
    (tmp_path / OWN_NAME).write_text(text)
    with pytest.raises(DeliveryError, match="have the scanner write the manifest again"):
        find_manifest(tmp_path)
