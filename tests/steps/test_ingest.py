"""Ingest makes a master that provably holds the scan, resumes after a kill, and refuses a bad delivery whole."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import tarfile
from fractions import Fraction

import pytest

from restoration_tasks.media import ffmpeg, framemd5
from restoration_tasks.media.delivery.delivery import delivery_digest
from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.media.picture import half_codes_of
from restoration_tasks.media.probe import probe
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.sound.tracks import sound_tracks
from restoration_tasks.media.stills.float_coding import FloatCoding
from restoration_tasks.media.stills.process_history import HistoryLine, with_line
from restoration_tasks.media.technical import technical_record
from restoration_tasks.runtime import space
from restoration_tasks.runtime.errors import (
    DeliveryError,
    MediaError,
    ReelkeeperError,
    SourceChanged,
    VaultError,
    WrongUse,
)
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.spec import Source, Spec, StepName
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps import ingest, reversible
from restoration_tasks.steps.asked import Execution, RunOptions
from restoration_tasks.steps.ingest import picture
from restoration_tasks.steps.way import Way
from tests.media.pictures import delivery, same, sign
from tests.steps.scans import FRAMES, KEPT_WHOLE, SCANS


@pytest.fixture
def reel(tmp_path):
    return delivery(tmp_path / "inbox" / "reel-7", 7)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    monkeypatch.setattr(picture, "PART_FRAMES", 3)


def spec(settings, reel, execution="run/ingest", fresh=False, **params):
    return Spec(
        step=StepName.INGEST,
        step_version=ingest.STEP.version,
        reel_id="reel-7",
        sources={"delivery": Source(location=str(reel), sha256=delivery_digest(reel)[0])},
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
    checks = result.figures.pop("conformance_checks")
    assert checks > 100, "MediaConch is to be installed where the tests run"
    assert result.figures == {
        "kind": "dpx",
        "frames": 7,
        "width": 48,
        "height": 36,
        "fps": "24",
        "duration_s": 0.292,
        "bit_depth": 10,
        "pix_fmt": "gbrp10le",
        "transfer": "bt709",
        "primaries": "bt709",
        "creator": "Reelkeeper",
        "sound_tracks": 0,
        "master_format": "Matroska 4 FFV1 3.4",
        "master_bytes": result.output("master").bytes,
        "substituted_frames": 0,
        "warnings": 0,
    }
    master = local(settings, result, "master")
    assert same(list(FrameReader(master)), list(FrameReader(reel)))
    info = probe(master)
    assert (info.codec, info.frames, info.intra_only, info.format.transfer) == ("FFV1", 7, True, "bt709")
    assert framemd5.read(local(settings, result, "framemd5")) == framemd5.compute(reel)
    assert [agent.name for agent in result.agents][:2] == ["MediaConch", "ffmpeg"]
    assert {(report.unit, report.total) for report in reports} == {
        ("frames checked", 7),
        ("MiB of other files checked", 1),
        ("frames", 7),
        ("frames joined", 7),
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


def test_the_scanners_process_history_is_read(settings, reel):
    line = HistoryLine(source="positive", gauge="16mm", colour="BW", text="lamp 81; wet gate")
    for path in reel.glob("*.dpx"):
        path.write_bytes(with_line(path.read_bytes(), line, name=path.name))
    sign(reel)
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    scan = Scan.read(local(settings, result, "scan"))
    assert scan.header["process_history"] == ["O=positive, G=16mm, C=BW, T=lamp 81; wet gate"]
    assert made_again(settings, result) == (7, 0, 1)


def test_done_again_it_gives_the_same_bytes(settings, reel):
    first = run_step(spec(settings, reel), ingest.STEP, settings)
    again = run_step(spec(settings, reel, execution="run/ingest/2", fresh=True), ingest.STEP, settings)
    assert again.compared.verdict == "agrees"
    assert [(o.name, o.sha256) for o in again.outputs] == [(o.name, o.sha256) for o in first.outputs]


def test_it_resumes_with_the_parts_it_had_finished(settings, reel, monkeypatch, tmp_path):
    from restoration_tasks.media import writer

    whole = run_step(spec(settings, reel), ingest.STEP, settings)
    shutil.rmtree(settings.home)
    encode, encoded = writer.encode_sequence, []

    def killed_after_two(sequence, fmt, path, **options):
        if len(encoded) == 3:
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
    assert (encoded, resumed) == (["sample.mkv", "00000000.mkv", "00000003.mkv"], ["00000006.mkv"])
    assert [(o.name, o.sha256) for o in result.outputs] == [(o.name, o.sha256) for o in whole.outputs]


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
        (damage_truncated, r"reel_0086402\.dpx.*: the DPX is truncated"),
        (damage_bits, r"reel_0086402\.dpx.*: the file's md5"),
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
    from restoration_tasks.media import master

    written = master.write_master

    def touched(parts, out, **options):
        (reel / "reel_0086404.dpx").touch()
        return written(parts, out, **options)

    monkeypatch.setattr(master, "write_master", touched)
    with pytest.raises(SourceChanged, match=r"reel_0086404\.dpx"):
        run_step(spec(settings, reel), ingest.STEP, settings)


def test_strays_are_told_and_left_alone_and_papers_are_kept(settings, reel):
    (reel / "junk.bin").write_text("x")
    (reel / "scanner.log").write_text("lamp 81 %")
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    scan = Scan.read(local(settings, result, "scan"))
    assert [(one.rule, one.file) for one in scan.findings if one.grade == "note" and one.rule == "stray-file"] == [
        ("stray-file", "junk.bin")
    ]
    with tarfile.open(local(settings, result, "delivered")) as tar:
        assert sorted(tar.getnames()) == ["manifest-md5.txt", "scanner.log"]
    assert (reel / "junk.bin").exists()


def test_a_waived_gap_and_a_waived_wreck_are_marked_for_ever(settings, reel):
    damage_gap(reel)
    wreck = reel / "reel_0086405.dpx"
    wreck.write_bytes(wreck.read_bytes()[:3000])
    with pytest.raises(DeliveryError, match=r"or waive it as 'missing-frames:86403'"):
        run_step(spec(settings, reel), ingest.STEP, settings)
    waivers = [
        {"finding": "missing-frames:86403", "reason": "burnt in 1967"},
        {"finding": "truncated:86405", "reason": "the disk was lost"},
    ]
    with pytest.raises(DeliveryError, match="truncated"):
        run_step(spec(settings, reel, waivers=waivers[:1]), ingest.STEP, settings)
    result = run_step(spec(settings, reel, waivers=waivers), ingest.STEP, settings)
    assert (result.figures["frames"], result.figures["substituted_frames"]) == (7, 2)
    assert [warning for warning in result.warnings if "burnt in 1967" in warning]
    scan = Scan.read(local(settings, result, "scan"))
    stood_in = {file.number: (file.stands_in, file.own_name, file.name) for file in scan.files if file.stands_in}
    assert stood_in == {
        86403: ("missing", "reel_0086403.dpx", "reel_0086402.dpx"),
        86405: ("damaged", "reel_0086405.dpx", "reel_0086404.dpx"),
    }
    assert [(one.finding, one.reason) for one in scan.waivers] == [(one["finding"], one["reason"]) for one in waivers]
    master = local(settings, result, "master")
    frames = list(FrameReader(master))
    assert same([frames[3], frames[5]], [frames[2], frames[4]])
    tags = technical_record(master)["tracks"][0]
    assert tags["substituted_frames"] == "86403 86405"
    # the wreck is kept as it came
    with tarfile.open(local(settings, result, "delivered")) as tar:
        assert tar.extractfile("reel_0086405.dpx").read() == wreck.read_bytes()
    assert made_again(settings, result) == (5, 0, 2)


def made_again(settings, result, out=None):
    """How many files could be made again from frames, from sound, and as kept."""
    kept = reversible.Kept.of(Vault(settings.vault_root), result, settings.scratch_folder)
    made = reversible.verify(kept, everything=True, out=out)
    assert made.frames + made.sound + made.whole == made.of
    return made.frames, made.sound, made.whole


@pytest.mark.parametrize("kind", SCANS)
def test_every_kind_of_scan_goes_in_and_out_again_byte_for_byte(settings, tmp_path, kind):
    reel = SCANS[kind](tmp_path / "inbox" / "reel-7")
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    expected = {"rebuilt": (FRAMES, 0, 1), "whole": (0, 0, FRAMES + 1)}["whole" if kind in KEPT_WHOLE else "rebuilt"]
    assert made_again(settings, result, tmp_path / "again") == expected
    originals = [path for path in reel.iterdir() if path.is_file() and path.name != ".ready"]
    assert len(originals) == FRAMES + 1
    for path in originals:
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()
    assert result.figures["conformance_checks"] > 100


def test_a_master_of_floating_point_is_a_marked_working_copy(settings, tmp_path):
    reel = SCANS["exr half"](tmp_path / "inbox" / "reel-7")
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    master = local(settings, result, "master")
    fmt = probe(master).format
    low, high = half_codes_of(fmt.transfer)
    assert technical_record(master)["tracks"][0]["description"].startswith("FFV1 working copy")
    coding = FloatCoding(low, high)
    for delivered, held in zip(FrameReader(reel), FrameReader(master), strict=True):
        assert same([delivered], [tuple(coding.unstretch(plane) for plane in held)])
    assert min(int(plane.min()) for frame in FrameReader(master) for plane in frame) == 0


def test_sound_beside_the_frames_becomes_tracks_and_comes_out_again(settings, reel, tmp_path):
    rate = {"c:a": "pcm_s24le", "ar": 48000, "ac": 2}
    tone = ffmpeg.graph.input("sine=frequency=440:duration=0.2917", f="lavfi")
    ffmpeg.run(tone.output(ffmpeg.file_url(reel / "left right.wav"), write_bext=1, **rate), about=reel)
    ffmpeg.run(tone.output(ffmpeg.file_url(reel / "float.wav"), **{"c:a": "pcm_f32le"}), about=reel)
    sign(reel, "*.dpx", "*.wav")
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    assert [result.figures[name] for name in ("sound_tracks", "sound_channels", "sound_rate_hz", "sound_bits")] == [
        1, 2, 48000, 24,
    ]  # fmt: skip
    (track,) = sound_tracks(local(settings, result, "master"))
    assert (track.codec, track.title) == ("FLAC", "left right.wav")
    assert [warning for warning in result.warnings if "float.wav is kept as delivered" in warning]
    assert made_again(settings, result, tmp_path / "again") == (7, 1, 2)
    assert (tmp_path / "again" / "left right.wav").read_bytes() == (reel / "left right.wav").read_bytes()


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("reel.mov", "ProRes", {"c:v": "prores_ks", "profile:v": 3, "pix_fmt": "yuv422p10le", "c:a": "pcm_s16le"}),
        ("reel.mp4", "AVC", {"c:v": "libx264", "pix_fmt": "yuv420p", "c:a": "aac"}),
        ("reel.mkv", "FFV1", {"c:v": "ffv1", "level": 3, "pix_fmt": "gray10le", "c:a": "flac"}),
    ],
)
def test_a_delivered_video_is_kept_and_gets_a_working_copy(settings, tmp_path, name, codec, options):
    reel = tmp_path / "inbox" / "reel-7"
    reel.mkdir(parents=True)
    video = ffmpeg.graph.input("testsrc2=s=64x48:r=18:d=0.5", f="lavfi")
    sound = ffmpeg.graph.input("sine=frequency=440:duration=0.5", f="lavfi")
    ffmpeg.run(ffmpeg.graph.output(video, sound, ffmpeg.file_url(reel / name), **options), about=reel)
    (reel / ".ready").touch()
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    master = local(settings, result, "master")
    assert (result.figures["kind"], result.figures["frames"], result.figures["fps"]) == (codec, 9, "18")
    assert framemd5.compute(master) == framemd5.read(local(settings, result, "framemd5"))
    assert "working copy" in technical_record(master)["tracks"][0]["description"]
    assert len(sound_tracks(master)) == (0 if codec == "AVC" else 1)
    scan = Scan.read(local(settings, result, "scan"))
    assert (scan.frames, scan.container, scan.files) == (9, name, ())
    assert made_again(settings, result, tmp_path / "again") == (0, 0, 1)
    assert (tmp_path / "again" / name).read_bytes() == (reel / name).read_bytes()


def test_a_disk_too_small_is_said_before_the_work(settings, reel, monkeypatch):
    usage = shutil.disk_usage(reel)
    monkeypatch.setattr(space.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(VaultError, match="not enough room for the master"):
        run_step(spec(settings, reel), ingest.STEP, settings)
    assert not list(settings.scratch_folder.rglob("0000*.mkv"))
    floats = SCANS["exr half"](settings.home / "inbox" / "reel-7")
    with pytest.raises(VaultError, match="not enough room for the files kept as delivered"):
        run_step(spec(settings, floats), ingest.STEP, settings)
    assert not list(settings.scratch_folder.rglob("delivered.tar"))


def test_a_file_that_cannot_be_made_again_is_named(settings, reel):
    result = run_step(spec(settings, reel), ingest.STEP, settings)
    scan = local(settings, result, "scan")
    content = json.loads(scan.read_text())
    content["files"][4]["sha256"] = "0" * 64
    other = settings.home / "scan.json"
    other.write_text(json.dumps(content))
    kept = reversible.Kept.of(Vault(settings.vault_root), result, settings.scratch_folder)
    with pytest.raises(SourceChanged, match=r"reel_0086404\.dpx: the file made again is not the one"):
        reversible.verify(dataclasses.replace(kept, scan=Scan.read(other)), everything=False)


@pytest.mark.parametrize("rate", ["24000/1001", "30000/1001"])
def test_a_rate_of_television_goes_from_the_form_into_the_master_exactly(settings, rate):
    SCANS["png 8 grey"](settings.inbox_folder / "reel-7")  # whose frames say nothing of a rate
    asked = Way("reel-7", settings, RunOptions(fps=rate)).ingest(Execution("run/ingest"))
    result = run_step(asked, ingest.STEP, settings)
    assert result.figures["fps"] == rate
    assert Scan.read(local(settings, result, "scan")).picture.fps == rate
    assert probe(local(settings, result, "master")).format.fps == Fraction(rate)


@pytest.mark.parametrize("fps", ["0", "24/0", "abc", "-24", "24; rm"])
def test_a_rate_that_is_none_is_wrong_use(settings, reel, fps):
    with pytest.raises(WrongUse, match="fps"):
        run_step(spec(settings, reel, fps=fps), ingest.STEP, settings)


def test_every_refusal_is_one_of_ours(settings, tmp_path):
    with pytest.raises(ReelkeeperError, match="not there"):
        spec(settings, tmp_path / "nowhere")
