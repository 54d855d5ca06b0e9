"""What somebody could do to sound, copies and records, by the names of tampering.yaml: one function a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.tampering_pictures import Target, frozen, shifted, swapped
from benchmarks.tampering_reel import RATE_HZ, House, Samples
from restoration_tasks.media import copies, ffmpeg, framemd5
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.plan import Plan

Rng = np.random.Generator
MAKERS: Final = {"mezzanine": (copies.mezzanine, "mov"), "access": (copies.access, "mp4")}
PICTURES: Final[dict[str, Callable[..., None]]] = {"order": swapped, "frozen": frozen, "shifted": shifted}
CODECS: Final[dict[str, dict[str, Any]]] = {
    "mezzanine": {"c:v": "prores_ks", "profile:v": 3, "vendor": "apl0", "pix_fmt": "yuv422p10le"},
    "access": {"c:v": "libx264", "crf": copies.ACCESS_CRF, "pix_fmt": "yuv420p"},
}


def _sign(rng: Rng) -> int:
    return 1 if rng.integers(2) else -1


def moved_sound(sound: Samples, rng: Rng, *, ms: float) -> Samples:
    """Later or earlier; what is pushed out at one end comes in at the other as silence."""
    step = _sign(rng) * round(ms / 1000 * RATE_HZ)
    late = np.roll(sound, step, axis=0)
    late[slice(0, step) if step > 0 else slice(step, None)] = 0
    return late


def cut_sound(sound: Samples, _: Rng, *, s: float) -> Samples:
    """The end missing."""
    return sound[: -round(s * RATE_HZ)]


def replaced_sound(sound: Samples, rng: Rng, *, s: float) -> Samples:
    """A stretch of noise, as loud."""
    count = min(round(s * RATE_HZ), len(sound) - 1)
    start = int(rng.integers(len(sound) - count))
    part = sound[start : start + count]
    sound[start : start + count] = rng.normal(0, part.std(), part.shape).clip(-32768, 32767)
    return sound


def louder_sound(sound: Samples, rng: Rng, *, db: float) -> Samples:
    """Louder or softer."""
    louder: Samples = np.clip(np.rint(sound * 10 ** (_sign(rng) * db / 20)), -32768, 32767).astype(np.int16)
    return louder


SOUND: Final[dict[str, Callable[..., Samples]]] = {
    "shifted": moved_sound,
    "cut_short": cut_sound,
    "replaced": replaced_sound,
    "gain": louder_sound,
}


def tamper_with_sound(house: House, rng: Rng, kind: str, strengths: dict[str, Any]) -> None:
    """Another sound in the restored master, and in the copies made of it."""
    house.replace_master(house.master_of("restored", sound=SOUND[kind](house.sound(), rng, **strengths)), None)


def tamper_with_a_copy(house: House, rng: Rng, kind: str, strengths: dict[str, Any]) -> None:
    """One copy that is not of the restored master."""
    name = ("mezzanine", "access")[rng.integers(2)]
    make, ending = MAKERS[name]
    out = house.folder / f"copy.{ending}"
    if kind in ("range", "matrix"):
        _converted(house.file(name), out, name, kind)
    elif kind.startswith("sound_"):
        sound = SOUND[kind.removeprefix("sound_")](house.sound(), rng, **strengths)
        make(house.master_of("other", sound=sound), out)
    else:
        target = Target(house.frames(), house.picture, house.shots, [], rng)
        if kind == "length":
            target.frames = target.frames[: -strengths["frames"]]
        else:
            PICTURES[kind](target, **strengths)
        make(house.master_of("other", frames=target.frames), out)
    house.register(name, out)


def _converted(copy: Path, out: Path, name: str, kind: str) -> None:
    """A copy whose codes mean something else than it says."""
    source = ffmpeg.graph.input(ffmpeg.file_url(copy))
    options = {"range": {"in_range": "tv", "out_range": "pc"}, "matrix": {"out_color_matrix": "bt601"}}[kind]
    wrong = source.video.filter("scale", in_color_matrix="bt709", **options)
    said = wrong.filter("setparams", range="tv", colorspace="bt709", color_primaries="bt709", color_trc="bt709")
    coded = ffmpeg.graph.output(said, source["a:0"], ffmpeg.file_url(out), **{"c:a": "copy", **CODECS[name]})
    ffmpeg.run(coded, about=out)


def delivered_byte(house: House, rng: Rng, *, bits: int) -> None:
    """One byte of a delivered file."""
    delivery = house.another_delivery()
    files = sorted(path for path in delivery.iterdir() if path.suffix in (".dpx", ".wav"))
    path = files[rng.integers(len(files))]
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= (1 << bits) - 1
    path.unlink()
    path.write_bytes(content)


def map(house: House, rng: Rng, *, side_px: int) -> None:  # noqa: A001 - the name in the recipe
    """A box of a damage map set."""
    segment = house.segments[rng.integers(len(house.segments))]
    reader = FrameReader(house.file(f"map/{segment.id}"))
    frames, index = list(reader), int(rng.integers(segment.frames))
    planes = [plane.copy() for plane in frames[index]]
    top, left = (int(rng.integers(size - side_px)) for size in planes[0].shape)
    planes[rng.integers(len(planes))][top : top + side_px, left : left + side_px] = 255
    frames[index] = tuple(planes)
    path = house.folder / "map.mkv"
    with FrameWriter(path, reader.format) as writer:
        for frame in frames:
            writer.write(frame)
    house.register(f"map/{segment.id}", path)


def plan(house: House, rng: Rng) -> None:
    """A treatment taken from a shot."""
    asked = Plan.from_yaml(house.file("plan").read_bytes())
    treated = [place for place, shot in enumerate(asked.shots) if shot.treatments]
    place = treated[rng.integers(len(treated))]
    shots = list(asked.shots)
    gone = int(rng.integers(len(shots[place].treatments)))
    left = tuple(one for number, one in enumerate(shots[place].treatments) if number != gone)
    shots[place] = shots[place].model_copy(update={"treatments": left})
    path = house.folder / "plan.yaml"
    path.write_text(asked.model_copy(update={"shots": tuple(shots)}).to_yaml(), encoding="utf-8")
    house.register("plan", path)


def changes(house: House, rng: Rng, *, px: int) -> None:
    """More or fewer pixels in the record of a frame."""
    segment = house.segments[rng.integers(len(house.segments))]
    rows = house.recorded_changes(segment.id)
    place = int(rng.integers(len(rows)))
    count = rows[place].changed_px
    rows[place] = replace(rows[place], changed_px=count - px if count >= px and rng.integers(2) else count + px)
    house.write_changes(segment.id, rows)


def restored_framemd5(house: House, rng: Rng) -> None:
    """One line of the restored master's digests."""
    _other_line(house, rng, "restored_framemd5")


def scan_framemd5(house: House, rng: Rng) -> None:
    """One line of the scan's digests."""
    _other_line(house, rng, "framemd5")


def _other_line(house: House, rng: Rng, name: str) -> None:
    digests = list(framemd5.read(house.file(name)))
    digests[rng.integers(len(digests))] = rng.bytes(16).hex()
    path = house.folder / f"{name}.framemd5"
    framemd5.write(path, digests, house.picture)
    house.register(name, path)


RECORDS: Final[dict[str, Callable[..., None]]] = {
    kind.__name__: kind for kind in (delivered_byte, map, plan, changes, restored_framemd5, scan_framemd5)
}
