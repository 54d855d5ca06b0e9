"""A delivery's frames, gaps, strays, manifest and completion mark are found, and what is wrong is named."""

from __future__ import annotations

import os

import cv2
import numpy as np
import pytest

from restoration_tasks.media.delivery import fixity
from restoration_tasks.media.delivery.delivery import delivery_digest, find_delivery
from restoration_tasks.media.delivery.findings import require_none_open
from restoration_tasks.media.delivery.manifest import find_manifest, write_manifest
from restoration_tasks.media.delivery.sequence import find_sequence
from restoration_tasks.runtime.errors import DeliveryError
from tests.media.pictures import delivery


@pytest.fixture
def reel(tmp_path):
    return delivery(tmp_path / "reel")


def test_a_good_delivery(reel):
    sequence, manifest = find_sequence(reel), find_manifest(reel)
    assert find_delivery(reel).findings == ()
    assert [frame.number for frame in sequence.frames] == list(range(86400, 86406))
    assert (sequence.strays, len(sequence)) == ((), 6)
    records = fixity.read_frames(sequence, manifest)
    assert [record.md5 for record in records] == list(manifest.digests.values())
    assert [record.counters.position for record in records] == list(range(6))


def test_a_gap_names_the_first_missing_file_and_how_many(reel):
    for number in (86402, 86403):
        (reel / f"reel_00{number}.dpx").unlink()
    with pytest.raises(DeliveryError) as caught:
        find_sequence(reel)
    text = str(caught.value)
    assert "reel_0086402.dpx" in text
    assert "2 frames are missing" in text
    assert "expected 6 frames, found 4 frames" in text
    assert "Next: have the scanner deliver the missing frames" in text


def test_one_missing_frame_is_a_gap(reel):
    (reel / "reel_0086404.dpx").unlink()
    with pytest.raises(DeliveryError, match=r"reel_0086404\.dpx: the sequence has a gap \(expected 6 frames, found 5"):
        find_sequence(reel)


@pytest.mark.parametrize("empty", ["missing", "empty", "only text"])
def test_a_folder_without_frames(tmp_path, empty):
    if empty != "missing":
        (tmp_path / "reel").mkdir()
    if empty == "only text":
        (tmp_path / "reel" / "notes1.txt").write_text("nothing")
    with pytest.raises(DeliveryError, match=r"not there|no frames"):
        find_sequence(tmp_path / "reel")


def test_frames_may_lie_one_folder_below_the_manifest(tmp_path):
    inner = delivery(tmp_path / "reel" / "frames")
    (inner / "manifest-md5.txt").unlink()
    frames = find_sequence(inner).frames
    digests = {f"frames/{r.name}": r.md5 for r in fixity.read_frames(find_sequence(inner))}
    write_manifest(tmp_path / "reel" / "manifest-md5.txt", digests)
    sequence = find_sequence(tmp_path / "reel")
    assert find_delivery(tmp_path / "reel").findings == ()
    assert [frame.path for frame in sequence.frames] == [frame.path for frame in frames]


def test_strays_are_reported_and_two_sequences_refused(reel):
    (reel / "thumbnail.jpg").write_bytes(b"x")
    (reel / "._reel_0086400.dpx").write_bytes(b"x")
    (reel / "preview_1.png").write_bytes(b"x")
    assert find_sequence(reel).strays == ("preview_1.png", "thumbnail.jpg")
    (reel / "other_1.dpx").write_bytes(b"x")
    (reel / "other_2.dpx").write_bytes(b"x")
    with pytest.raises(DeliveryError, match="more than one sequence"):
        find_sequence(reel)


def test_one_number_twice_is_refused(reel):
    (reel / "reel_86402.dpx").write_bytes((reel / "reel_0086402.dpx").read_bytes())
    with pytest.raises(DeliveryError, match="same frame number"):
        find_sequence(reel)


def test_a_truncated_frame_and_an_empty_one_are_named(reel):
    damaged = reel / "reel_0086403.dpx"
    damaged.write_bytes(damaged.read_bytes()[:-1])
    with pytest.raises(DeliveryError, match=r"reel_0086403\.dpx.*truncated.*Next: copy"):
        fixity.read_frames(find_sequence(reel))
    damaged.write_bytes(b"")
    with pytest.raises(DeliveryError, match=r"reel_0086403\.dpx, frame 86403: the frame is empty"):
        find_sequence(reel)


def test_a_frame_of_another_size_is_named_with_both_sizes(reel, tmp_path):
    other = delivery(tmp_path / "other", 1, first=86404, size=(50, 36))
    (other / "reel_0086404.dpx").replace(reel / "reel_0086404.dpx")
    with pytest.raises(DeliveryError, match=r"reel_0086404.*expected 48x36.*found 50x36"):
        fixity.read_frames(find_sequence(reel))


def test_a_digest_that_differs_names_the_file(reel):
    damaged = reel / "reel_0086401.dpx"
    raw = bytearray(damaged.read_bytes())
    raw[-5] ^= 4
    damaged.write_bytes(raw)
    with pytest.raises(DeliveryError, match=r"reel_0086401\.dpx.*the file's md5 is not the one in the manifest"):
        fixity.read_frames(find_sequence(reel), find_manifest(reel))


def test_completion_is_a_mark_or_a_whole_manifest(reel):
    def rules():
        return [finding.id for finding in find_delivery(reel).findings]

    (reel / ".ready").unlink()
    assert rules() == []
    (reel / "manifest-md5.txt").unlink()
    with pytest.raises(DeliveryError, match=r"no completion mark.*Next: wait for the scanner"):
        require_none_open(find_delivery(reel).findings)
    (reel.parent / "reel.ready").touch()
    assert rules() == []
    (reel.parent / "reel.ready").replace(reel / "scan.READY")
    assert rules() == []


def test_without_mark_the_manifest_says_which_files_are_new_or_missing(reel):
    (reel / ".ready").unlink()
    (reel / "reel_0086405.dpx").unlink()
    (reel / "sound.wav").write_bytes(b"x")
    (finding,) = find_delivery(reel).findings
    assert finding.id == "no-completion-mark"
    assert finding.found == "manifest-md5.txt with 1 new (sound.wav) and 1 missing (reel_0086405.dpx)"


def test_the_digest_follows_what_is_new_and_missing(reel):
    digests = {delivery_digest(reel)[0]}
    (reel / "reel_0086405.dpx").unlink()
    digests.add(delivery_digest(reel)[0])
    (reel / "sound.wav").write_bytes(b"x")
    digests.add(delivery_digest(reel)[0])
    (reel / "scan.log").write_bytes(b"x")
    assert delivery_digest(reel)[0] in digests
    assert len(digests) == 3


def test_the_delivery_digest_follows_the_manifest_not_its_notation(reel):
    before = delivery_digest(reel)
    assert before[1] == 6
    manifest = reel / "manifest-md5.txt"
    lines = manifest.read_text().splitlines()
    manifest.write_bytes(
        "\r\n".join(line.replace("  ", " *").upper()[:33] + line[33:] for line in reversed(lines)).encode()
    )
    assert delivery_digest(reel) == before
    manifest.write_text("\n".join(["0" * 32 + lines[0][32:], *lines[1:]]))
    assert delivery_digest(reel)[0] != before[0]


def test_without_manifest_the_digest_follows_names_sizes_and_times(reel):
    (reel / "manifest-md5.txt").unlink()
    before = delivery_digest(reel)
    assert delivery_digest(reel) == before
    os.utime(reel / "reel_0086401.dpx", ns=(1, 1))
    assert delivery_digest(reel) != before


@pytest.mark.parametrize(
    ("ending", "dtype"), [("png", np.uint8), ("png", np.uint16), ("tif", np.uint8), ("tif", np.uint16)]
)
@pytest.mark.parametrize("channels", [1, 3])
def test_headers_of_png_and_tiff(tmp_path, ending, dtype, channels):
    picture = np.zeros((5, 7) if channels == 1 else (5, 7, 3), dtype)
    cv2.imwrite(str(tmp_path / f"a_1.{ending}"), picture)
    header = find_sequence(tmp_path).header()
    expected = ("gray" if channels == 1 else "gbrp") + ("" if dtype is np.uint8 else "16le")
    assert (header.width, header.height, header.pix_fmt) == (7, 5, expected)
    whole = (tmp_path / f"a_1.{ending}").read_bytes()
    for kept in (3, 20, len(whole) // 2):
        (tmp_path / f"a_1.{ending}").write_bytes(whole[:kept])
        with pytest.raises(DeliveryError, match=rf"a_1\.{ending}"):
            find_sequence(tmp_path).header()
