"""Ingest makes a master that provably holds the scan, resumes after a kill, and refuses a bad delivery whole."""

from __future__ import annotations

import hashlib
import shutil

import pytest

from restoration_tasks.media import framemd5
from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.runtime.errors import DeliveryError, MediaError, ReelkeeperError, SourceChanged, WrongUse
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Source, Spec, StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps import ingest
from tests.media.pictures import delivery, same, sign


@pytest.fixture
def reel(tmp_path):
    return delivery(tmp_path / "inbox" / "reel-7", 7)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(ingest, "PART_FRAMES", 3)


def spec(settings, reel, execution="run/ingest", fresh=False, **params):
    return Spec(
        step=StepName.INGEST,
        step_version=ingest.STEP.version,
        reel_id="reel-7",
        sources={"delivery": Source(location=str(reel), sha256=ingest.delivery_digest(reel)[0])},
        params={"fps": "24"} | params,
        vault=settings.vault_root,
        execution_id=execution,
        fresh=fresh,
    )


def local(settings, result, name):
    return Vault(settings.vault_root).fetch(result.reference(name), settings.scratch_folder)


def test_the_master_holds_exactly_the_scan(settings, reel):
    reports = []
    result = run_step(spec(settings, reel), ingest.STEP, settings, reports.append)
    assert result.figures == {
        "frames": 7,
        "width": 48,
        "height": 36,
        "fps": "24",
        "bit_depth": 10,
        "pix_fmt": "gbrp10le",
        "transfer": "bt709",
    }
    master = local(settings, result, "master")
    assert same(list(FrameReader(master)), list(FrameReader(reel)))
    info = probe(master)
    assert (info.codec, info.frames, info.intra_only, info.format.transfer) == ("FFV1", 7, True, "bt709")
    assert framemd5.read(local(settings, result, "framemd5")) == framemd5.compute(reel)
    assert [agent.name for agent in result.agents] == ["ffmpeg"]
    assert {(report.unit, report.total) for report in reports} == {
        ("frames checked", 7),
        ("frames", 7),
        ("frames proved", 7),
    }


def test_the_record_names_every_file_with_its_digests(settings, reel):
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    scan = Scan.read(local(settings, result, "scan"))
    assert [file.name for file in scan.files] == sorted(path.name for path in reel.glob("*.dpx"))
    for file in scan.files:
        raw = (reel / file.name).read_bytes()
        assert (file.bytes, file.md5) == (len(raw), hashlib.md5(raw).hexdigest())
        assert file.sha256 == hashlib.sha256(raw).hexdigest()
    assert (scan.delivery, scan.manifest, scan.picture.pix_fmt) == ("reel-7", "manifest-md5.txt", "gbrp10le")
    assert str(reel.parent) not in scan.model_dump_json()


def test_done_again_it_gives_the_same_bytes(settings, reel):
    first = run_step(spec(settings, reel), ingest.STEP, settings)
    again = run_step(spec(settings, reel, execution="run/ingest/2", fresh=True), ingest.STEP, settings)
    assert again.compared.verdict == "agrees"
    assert [(o.name, o.sha256) for o in again.outputs] == [(o.name, o.sha256) for o in first.outputs]


def test_it_resumes_with_the_parts_it_had_finished(settings, reel, monkeypatch, tmp_path):
    from restoration_tasks.media import writer

    encode, encoded = writer.encode_sequence, []

    def killed_after_two(sequence, fmt, path, **options):
        if len(encoded) == 2:
            raise KeyboardInterrupt
        encode(sequence, fmt, path, **options)
        encoded.append(path.name)

    monkeypatch.setattr(writer, "encode_sequence", killed_after_two)
    with pytest.raises(KeyboardInterrupt):
        run_step(spec(settings, reel), ingest.STEP, settings)
    assert not list(tmp_path.glob("home/vault/reels/**/result.json"))
    resumed = []
    monkeypatch.setattr(writer, "encode_sequence", lambda s, f, p, **o: (resumed.append(p.name), encode(s, f, p, **o)))
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    assert (encoded, resumed) == (["00000000.mkv", "00000003.mkv"], ["00000006.mkv"])
    assert same(list(FrameReader(local(settings, result, "master"))), list(FrameReader(reel)))


def test_a_wrong_part_is_found_named_and_thrown_away(settings, reel, tmp_path, monkeypatch):
    from restoration_tasks.media import writer

    encode = writer.encode_sequence
    other = delivery(tmp_path / "other", 3, seed=9)

    def wrong_middle(sequence, fmt, path, **options):
        from restoration_tasks.media.delivery.sequence import find_sequence

        encode(find_sequence(other) if path.name == "00000003.mkv" else sequence, fmt, path, **options)

    monkeypatch.setattr(writer, "encode_sequence", wrong_middle)
    with pytest.raises(
        MediaError, match=r"reel_0086403\.dpx, frame 86403: .*does not hold this frame as it was scanned"
    ):
        run_step(spec(settings, reel), ingest.STEP, settings)
    monkeypatch.setattr(writer, "encode_sequence", encode)
    run_step(spec(settings, reel), ingest.STEP, settings)


def damage_gap(reel):
    (reel / "reel_0086403.dpx").unlink()


def damage_truncated(reel):
    path = reel / "reel_0086402.dpx"
    path.write_bytes(path.read_bytes()[:-100])
    sign(reel)


def damage_bits(reel):
    path = reel / "reel_0086402.dpx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x04")


def damage_size(reel):
    other = delivery(reel.parent / "other", 1, first=86402, size=(50, 36))
    shutil.move(other / "reel_0086402.dpx", reel / "reel_0086402.dpx")
    sign(reel)


def damage_mark(reel):
    (reel / ".ready").unlink()
    (reel / "manifest-md5.txt").unlink()


def damage_manifest(reel):
    with (reel / "manifest-md5.txt").open("a") as manifest:
        manifest.write(f"{'0' * 32}  ../../etc/passwd\n")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (damage_gap, r"reel_0086403\.dpx"),
        (damage_truncated, r"reel_0086402\.dpx: the DPX is truncated"),
        (damage_bits, r"reel_0086402\.dpx: the file's md5"),
        (damage_size, r"reel_0086402\.dpx.*expected 48x36.*found 50x36"),
        (damage_mark, "no completion mark"),
        (damage_manifest, r"manifest-md5\.txt: the manifest names a file outside"),
    ],
)
def test_a_bad_delivery_ends_in_one_line_and_leaves_nothing(settings, reel, damage, says):
    damage(reel)
    with pytest.raises(DeliveryError, match=says) as caught:
        run_step(spec(settings, reel), ingest.STEP, settings)
    text = str(caught.value)
    assert "\n" not in text
    assert "Next: " in text
    assert not list(settings.home.glob("vault/**/master.mkv"))


def test_a_delivery_that_changed_since_it_was_asked_for_is_refused(settings, reel):
    asked = spec(settings, reel)
    path = reel / "reel_0086402.dpx"
    path.write_bytes(path.read_bytes()[:-1] + b"\x04")
    sign(reel)
    with pytest.raises(SourceChanged, match="has changed since"):
        run_step(asked, ingest.STEP, settings)


def test_a_frame_that_changes_while_it_is_read_is_refused(settings, reel, monkeypatch):
    from restoration_tasks.media import join

    joined = join.join

    def touched(parts, out):
        (reel / "reel_0086404.dpx").touch()
        return joined(parts, out)

    monkeypatch.setattr(join, "join", touched)
    with pytest.raises(SourceChanged, match=r"reel_0086404\.dpx"):
        run_step(spec(settings, reel), ingest.STEP, settings)


def test_strays_are_warned_of_and_left_alone(settings, reel):
    (reel / "scanner.log").write_text("x")
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    assert "scanner.log" in result.warnings[0]
    assert (reel / "scanner.log").exists()


@pytest.mark.parametrize("fps", ["0", "24/0", "abc", "-24", "24; rm"])
def test_a_rate_that_is_none_is_wrong_use(settings, reel, fps):
    with pytest.raises(WrongUse, match="fps"):
        run_step(spec(settings, reel, fps=fps), ingest.STEP, settings)


def test_every_refusal_is_one_of_ours(settings, tmp_path):
    with pytest.raises(ReelkeeperError, match="not there"):
        spec(settings, tmp_path / "nowhere")
