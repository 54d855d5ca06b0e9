"""The package: a bag a stranger can validate, the same bytes for the same spec, and no package of what is not whole."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import bagit
import pytest

from restoration_tasks.runtime.errors import SourceChanged, StepFailed, WrongUse
from restoration_tasks.runtime.spec import StepName
from restoration_tasks.steps.package import PLACES, REQUIRED
from restoration_tasks.steps.package_readme import ABOUT
from tests.steps.tiny_reel import REEL_ID, tiny_reel

INFO = {"Bagging-Date": "2026-11-22", "Source-Organization": "Filmarchiv Österreich"}


@pytest.fixture
def reel(settings, tmp_path):
    made = tiny_reel(settings, tmp_path)
    for role, place in PLACES.items():
        made.keep(role, f"made/{place}", f"content of {role}\n".encode() * 50)
    return made


def pack(reel, names=tuple(PLACES), info=INFO, **options):
    return reel.run(StepName.PACKAGE, names, params={"info": info}, **options)


def bag_folder(reel, result) -> Path:
    return Path(reel.vault.path(result.output("bagit.txt").uri)).parent


def test_the_bag_validates_and_names_the_reel(reel):
    result = pack(reel)
    bag = bagit.Bag(str(bag_folder(reel, result)))
    bag.validate()
    assert bag.info["External-Identifier"] == REEL_ID
    assert bag.info["Bagging-Date"] == "2026-11-22"
    assert bag.info["Source-Organization"] == "Filmarchiv Österreich"
    assert bag.info["Payload-Oxum"].endswith(f".{len(PLACES)}")
    assert bag.version_info == (1, 0)
    assert set(bag.algorithms) == {"sha256", "md5"}
    assert set(bag.payload_entries()) == {f"data/{place}" for place in PLACES.values()}
    assert {output.name for output in result.outputs} >= set(PLACES)


def test_the_readme_says_of_every_file_what_it_is_and_is_sealed_with_the_bag(reel):
    folder = bag_folder(reel, pack(reel))
    text = (folder / "README.txt").read_text("utf-8")
    assert set(ABOUT) == set(PLACES)
    for role, place in PLACES.items():
        assert f"data/{place}  (" in text
        assert ABOUT[role] in text
    assert REEL_ID in text.splitlines()[0]
    assert "README.txt" in (folder / "tagmanifest-sha256.txt").read_text()
    for line in text.splitlines():
        assert len(line) <= 120, line
    told = subprocess.run(["sha256sum", "-c", "manifest-sha256.txt"], cwd=folder, capture_output=True, check=False)
    assert told.returncode == 0, "the command it gives works"


def test_a_flipped_byte_is_found(reel):
    folder = reel.folder / "copy"
    shutil.copytree(bag_folder(reel, pack(reel)), folder)
    victim = folder / "data" / PLACES["restoration_master"]
    victim.chmod(0o644)
    content = bytearray(victim.read_bytes())
    content[3] ^= 1
    victim.write_bytes(bytes(content))
    with pytest.raises(bagit.BagValidationError, match=r"restored\.mkv"):
        bagit.Bag(str(folder)).validate()


def test_the_masters_are_second_names_of_the_same_bytes(reel):
    master = reel.keep("master", f"made/{PLACES['master']}")
    packed = bag_folder(reel, pack(reel)) / "data" / PLACES["master"]
    assert packed.stat().st_ino == master.stat().st_ino


def test_the_same_spec_gives_the_same_bytes(reel):
    first = pack(reel)
    second = pack(reel, fresh=True, execution="t/2")
    assert second.compared.verdict == "agrees"
    assert {one.name: one.sha256 for one in first.outputs} == {one.name: one.sha256 for one in second.outputs}


def test_md5_can_be_left_out(reel):
    result = reel.run(StepName.PACKAGE, tuple(PLACES), params={"info": INFO, "md5": False})
    bag = bagit.Bag(str(bag_folder(reel, result)))
    bag.validate()
    assert bag.algorithms == ["sha256"]


@pytest.mark.parametrize("role", sorted(REQUIRED))
def test_nothing_that_is_not_whole_becomes_a_package(reel, role):
    with pytest.raises(StepFailed, match=role):
        pack(reel, names=[name for name in PLACES if name != role])


def test_a_file_that_changed_since_it_was_recorded_is_refused(reel):
    path = reel.keep("master", f"made/{PLACES['master']}")
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(SourceChanged, match="changed since it was recorded"):
        pack(reel)


@pytest.mark.parametrize(
    "info",
    [
        {},
        {"Bagging-Date": "yesterday"},
        INFO | {"Contact\nX": "a"},
        INFO | {"Contact-Name": "a\nPayload-Oxum: 0.0"},
        INFO | {"Bad: name": "a"},
    ],
)
def test_fields_that_would_break_the_tag_file_are_wrong_use(reel, info):
    with pytest.raises(WrongUse):
        pack(reel, info=info)


def test_a_given_field_cannot_replace_what_the_step_counts(reel):
    result = pack(reel, info=INFO | {"Payload-Oxum": "1.1"})
    bagit.Bag(str(bag_folder(reel, result))).validate()
