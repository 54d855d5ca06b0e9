"""A package opened again: whole it passes with nothing but its files, and whatever is changed in it is named."""

from __future__ import annotations

import hashlib
import json
import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import bagit
import pytest

from restoration_tasks.catalogue import reels
from restoration_tasks.catalogue.models import ReelState
from restoration_tasks.catalogue.publish import publish
from restoration_tasks.provenance import chain, export, signing
from restoration_tasks.provenance.mets import METS, XLINK
from restoration_tasks.provenance.recorder import Recorder
from restoration_tasks.runtime.errors import ProvenanceBroken, WrongUse
from restoration_tasks.runtime.spec import OutputFile, StepName
from restoration_tasks.steps.package import PLACES
from restoration_tasks.steps.package_check import MADE_LATER, check_package
from tests.catalogue.reel import PROGRAM
from tests.provenance.results import step_result
from tests.steps.tiny_reel import REEL_ID, tiny_reel

PRODUCTS = ("master", "restoration_master", "access")


@pytest.fixture
def bag(sessions, settings, tmp_path):
    """A package whose chain names three of its files, and the archive's public key."""
    made = tiny_reel(settings, tmp_path)
    for role, place in PLACES.items():
        if role not in MADE_LATER:
            made.keep(role, f"made/{place}", f"content of {role}\n".encode())
    with sessions.begin() as session:
        reels.register(session, REEL_ID)
    Recorder(sessions).record(step_result(StepName.ASSEMBLE, "run/assemble", reel_id=REEL_ID))
    published = publish(
        sessions, made.vault, REEL_ID, run_id="run", execution_id="run/catalogue", state=ReelState.SUPERSEDED,
        signing_key=settings.signing_key_file, participants=[PROGRAM],
        products=[OutputFile(name=role, media_type="video/x-matroska", **made.references[role].model_dump())
                  for role in PRODUCTS],
        beside=[OutputFile(name="scan", media_type="application/json", **made.references["scan"].model_dump())],
        places=PLACES,
    )  # fmt: skip
    made.references |= published.documents
    packed = made.run(StepName.PACKAGE, tuple(PLACES), params={"info": {"Bagging-Date": "2026-11-22"}})
    folder = tmp_path / "bag"
    shutil.copytree(Path(made.vault.path(packed.output("bagit.txt").uri)).parent, folder)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder, signing.load(settings.signing_key_file).public


def repack(folder: Path, role: str, content: bytes) -> None:
    """Change a file and put the manifests right, as whoever wants not to be found would."""
    (folder / "data" / PLACES[role]).write_bytes(content)
    bagit.Bag(str(folder)).save(manifests=True)


def rewritten(folder: Path) -> bytes:
    """The chain with a forged outcome, every hash made to fit."""
    line = export.read((folder / "data" / PLACES["chain"]).read_bytes())
    made, previous = [], chain.genesis(line.reel_id)
    for event in line.events:
        made.append(chain.replace(event, outcome="failure", previous_hash=previous).sealed())
        previous = made[-1].hash
    return export.chain_json(chain.ReelChain(line.reel_id, line.length, previous, tuple(made)))


def test_a_whole_package_passes_and_says_whose_key_that_rests_on(bag):
    folder, key = bag
    report = check_package(folder, [key])
    assert report.problems == ()
    assert (report.reel_id, report.files, report.vouched_for) == (REEL_ID, len(PLACES), len(PRODUCTS))
    assert (report.events, report.checkpoint, report.trusted) == (2, 1, True)
    alone = check_package(folder)
    assert (alone.problems, alone.trusted, alone.fingerprint) == ((), False, key.fingerprint)


def test_what_is_changed_in_a_package_is_named(bag, tmp_path):
    folder, key = bag
    whole = tmp_path / "whole"
    shutil.copytree(folder, whole)

    def changed(role: str, content: bytes, *, manifests_too: bool = True) -> str:
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        if manifests_too:
            repack(folder, role, content)
        else:
            (folder / "data" / PLACES[role]).write_bytes(content)
        report = check_package(folder, [key])
        with pytest.raises(ProvenanceBroken):
            report.raise_if_broken()
        return "; ".join(report.problems)

    assert "restored.mkv" in changed("restoration_master", b"another\n", manifests_too=False)
    assert "is not a restoration_master the chain knows" in changed("restoration_master", b"another\n")
    forged = changed("chain", rewritten(folder))
    assert "was written anew" in forged
    assert "premis.xml holds other events" in forged
    theirs = signing.make(tmp_path / "theirs.pem")
    assert "not trusted here" in changed("checkpoint", json_of(folder, theirs.public.fingerprint))
    assert "signature does not fit" in changed("checkpoint_signature", b"x" * 64)
    assert "premis.xml is no XML" in changed("premis", b"<premis")
    assert "mets.xml is no XML" in changed("mets", b"<mets")
    assert "prov.json is no JSON of PROV" in changed("prov", b"[]")
    assert "document type" in changed("premis", b"<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>")


MASTER = hashlib.sha256(b"content of master\n").hexdigest()


WRONG_STATEMENTS = [
    ("premis", MASTER, "0" * 64, "premis.xml states other files or digests"),
    ("premis", "<premis:size>18<", "<premis:size>19<", "premis.xml states other files or digests"),
    ("mets", f'CHECKSUM="{MASTER}"', f'CHECKSUM="{"0" * 64}"', "mets.xml states another digest or size"),
    ("mets", 'SIZE="18"', 'SIZE="19"', "mets.xml states another digest or size"),
    ("mets", f">{MASTER}<", f">{'0' * 64}<", "mets.xml states other files or digests"),
    ("mets", "../masters/preservation.mkv", "../../bagit.txt", "where a package has none"),
    ("mets", "<rk:hash>", "<rk:hash>0", "mets.xml holds other events"),
    ("pbcore", MASTER, "0" * 64, "pbcore.xml names a file the chain does not know"),
    ("prov", MASTER, "0" * 64, "prov.json states other files or digests"),
    ("prov", '"rk:hash": "', '"rk:hash": "0', "prov.json holds other events"),
]
"""Of a document: what it states, what it is made to state, what is said of that."""


def test_a_document_that_states_what_is_not_so_is_named(bag):
    folder, key = bag
    for role, true, false, said in WRONG_STATEMENTS:
        content = (folder / "data" / PLACES[role]).read_bytes()
        assert true.encode() in content, said
        repack(folder, role, content.replace(true.encode(), false.encode()))
        assert said in check_package(folder, [key]).problems[0], (role, true)
        repack(folder, role, content)
    assert check_package(folder, [key]).problems == ()


def test_mets_leads_to_every_file_of_the_package_it_lists(bag):
    folder, _ = bag
    root = ET.fromstring((folder / "data" / PLACES["mets"]).read_bytes())
    found = {}
    for file in root.iter(METS.tag("file")):
        place = folder / "data/documents" / file.find(METS.tag("FLocat")).get(XLINK.tag("href"))
        found[file.get("USE")] = place.read_bytes()
    assert found == {role: f"content of {role}\n".encode() for role in (*PRODUCTS, "scan")}


def test_a_package_that_was_stripped_is_named(bag):
    """Also where its manifests were put right."""
    folder, key = bag
    for role in ("mets", "treatment_report", "restoration_master"):
        (folder / "data" / PLACES[role]).unlink()
    bagit.Bag(str(folder)).save(manifests=True)
    said = check_package(folder, [key]).problems
    assert {f"it lacks data/{PLACES[role]}" for role in ("mets", "treatment_report", "restoration_master")} <= set(said)


def json_of(folder: Path, fingerprint: str) -> bytes:
    said = json.loads((folder / "data" / PLACES["checkpoint"]).read_bytes())
    said["key"] = fingerprint
    return json.dumps(said).encode()


def test_a_folder_that_is_no_package_is_wrong_use(tmp_path):
    with pytest.raises(WrongUse, match="no package here"):
        check_package(tmp_path)
