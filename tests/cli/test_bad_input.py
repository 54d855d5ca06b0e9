"""Bad input ends in one clear line that names the file and the next action, and leaves nothing half-landed."""

from __future__ import annotations

import hashlib

import cv2
import numpy as np
import pytest

from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.stills.dpx import write_dpx
from tests.cli.conftest import REEL


def frames(reel):
    return sorted(reel.delivery.glob("*.dpx"))


def list_again(reel):
    """A manifest of what is there now: the scanner itself delivered it so."""
    digests = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in frames(reel)}
    write_manifest(reel.delivery / "manifest-md5.txt", digests)


def gap(reel):
    victim = frames(reel)[4]
    victim.unlink()
    list_again(reel)
    return victim.name


def truncated(reel):
    victim = frames(reel)[7]
    victim.write_bytes(victim.read_bytes()[:-1000])
    list_again(reel)
    return victim.name


def other_size(reel):
    victim = frames(reel)[9]
    write_dpx(victim, np.zeros((3, 40, 50), np.uint16), fps=24.0, frame_position=9, sequence_length=30)
    list_again(reel)
    return victim.name


def flipped_bit(reel):
    victim = frames(reel)[11]
    content = bytearray(victim.read_bytes())
    content[-1] ^= 0x10
    victim.write_bytes(content)
    return victim.name


def no_marker(reel):
    (reel.delivery / ".ready").unlink()
    (reel.delivery / "manifest-md5.txt").unlink()
    return reel.delivery.name


@pytest.mark.parametrize("fault", [gap, truncated, other_size, flipped_bit, no_marker])
def test_a_faulty_delivery_is_refused_in_one_line(archive, reel, fault):
    named = fault(reel)
    done = archive.run("ingest", REEL)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert named in done.stderr
    assert f"reel {REEL}" in done.stderr
    assert "Next:" in done.stderr
    assert archive.landed() == []


@pytest.mark.parametrize("reel_id", ["../../x", "/etc", "a/b", "x" * 65, ""])
def test_a_hostile_reel_id_is_wrong_use(archive, reel, reel_id):
    done = archive.run("ingest", reel_id)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "is not a reel id" in done.stderr
    assert archive.landed() == []
    assert not (archive.home / "vault").exists()


def test_an_unknown_reel_names_those_there_are(archive, reel):
    done = archive.run("check", "HK-1967-013")
    assert done.returncode == 1
    assert REEL in done.stderr
    assert "Next: check the reel id" in done.stderr
    assert archive.landed() == []


def test_an_option_out_of_range_is_wrong_use(archive, reel):
    done = archive.run("plan", REEL, "--treat", "dirt,magic")
    assert done.returncode == 2
    assert "magic" in done.stderr or "dirt" in done.stderr
    assert archive.landed() == []


def test_no_database_is_said_before_any_work(archive, reel):
    lost = type(archive)(archive.home, "postgresql://nobody@127.0.0.1:1/none")
    done = lost.run("ingest", REEL)
    assert done.returncode == 1
    assert "database cannot be reached" in done.stderr
    assert "Next:" in done.stderr
    assert archive.landed() == []


def test_a_picture_that_is_none_is_named(archive, tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    cv2.imwrite(str(folder / "a_1.png"), np.zeros((16, 16), np.uint8))
    (folder / "a_2.png").write_bytes(b"this is not a picture")
    done = archive.run("clip", folder, tmp_path / "out")
    assert done.returncode == 1
    assert "a_2.png" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())
