"""The reel that is tampered with: worked by the real steps; then files of it replaced, and what records them too."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import wave
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt

from benchmarks.demo import restore, results
from benchmarks.tampering_scene import Titled
from restoration_tasks.media import copies, framemd5
from restoration_tasks.media.delivery.manifest import write_manifest
from restoration_tasks.media.join import join
from restoration_tasks.media.master import write_master
from restoration_tasks.media.picture import Frame, PictureFormat
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.sound.flac import encode
from restoration_tasks.media.sound.read import read_sound
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.models import centerface
from restoration_tasks.models.shelf.shelf import Shelf
from restoration_tasks.quality.pixels import Mask, changes
from restoration_tasks.restoration.changes import FrameChange, write_changes
from restoration_tasks.restoration.plan import Plan
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.runner import run_step
from restoration_tasks.runtime.settings import Settings
from restoration_tasks.runtime.spec import Reference, Source, Spec, StepName, StepResult
from restoration_tasks.runtime.vault import Vault
from restoration_tasks.steps.registry import definition
from restoration_tasks.training.clips import CITY
from restoration_tasks.training.damage import Dirt, Flicker, Hair
from restoration_tasks.training.demo_reel import READY_MARK, DemoShot, View, build_demo_reel

REEL_ID = "tampered"
RATE_HZ = 48000
Samples = npt.NDArray[np.int16]
"""`(N, 2)`."""


def build(home: Path, recipe: dict[str, Any]) -> None:
    """Age the clip, a face and a title laid into it, lay sound beside it and take the reel its way to the decision.

    Args:
        home: home folder of the run, which must be new.
        recipe: `reel` of tampering.yaml.

    Raises:
        StepFailed: a step failed, or the check refused the untouched reel.
    """
    damages = (
        (Flicker(density_sd=0.03, memory=0.25, seed=11), Dirt(area=(0.014, 0.024), bright_share=0.65, seed=12)),
        (),
        (Dirt(area=(0.012, 0.024), bright_share=0.7, seed=43), Hair(strands=0.4, seed=44)),
    )
    closer = View("closer, mirrored", left=0.0, top=0.22, size=0.62, mirrored=True)
    views = (View("whole"), closer, Titled("whole, with a portrait and a title"))
    Shelf.of(Settings(home=home)).install(centerface.NAME)
    shots = tuple(
        DemoShot(start, stop, view, damage)
        for (start, stop), view, damage in zip(recipe["shots"], views, damages, strict=True)
    )
    reel = build_demo_reel(REEL_ID, home / "inbox", home / "truth", seed=recipe["seed"], shots=shots)
    frames = sum(shot.stop - shot.start for shot in shots)
    (reel.delivery / READY_MARK).unlink()
    write_wave(reel.delivery / f"{REEL_ID}.wav", film_sound(round(frames / CITY.fps * RATE_HZ), recipe["seed"]))
    delivered = [path for path in reel.delivery.iterdir() if path.suffix in (".dpx", ".wav")]
    digests = {path.name: hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in delivered}
    write_manifest(reel.delivery / "manifest-md5.txt", digests)
    (reel.delivery / READY_MARK).touch()
    restore(reel.delivery, reel.reel_id, home)


def film_sound(samples: int, seed: int) -> Samples:
    """What film sounds like: swelling low noise, as voices have it, over hiss."""
    rng = np.random.default_rng(seed)
    walk = np.cumsum(rng.normal(0, 1, samples))
    voice = walk - np.convolve(walk, np.ones(400) / 400, "same")
    swell = 0.6 + 0.4 * np.sin(np.arange(samples) / RATE_HZ * 2 * np.pi * 1.3)
    sound = rng.normal(0, 80, (samples, 2)) + (400 * voice * swell)[:, None]
    return np.clip(sound, -32768, 32767).astype(np.int16)


def write_wave(path: Path, sound: Samples) -> None:
    """A plain WAVE file of 16 bits."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(sound.shape[1])
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(sound.astype("<i2").tobytes())


@dataclass
class House:
    """The finished reel, and one attempt to pass something else off for it."""

    home: Path
    folder: Path
    """Where the attempt lays its files; inside the vault."""
    result: StepResult
    """Of the check of the untouched reel."""
    inputs: dict[str, Reference] = field(default_factory=dict)
    delivery: Path | None = None
    """A delivery to show instead of the scanner's."""

    @classmethod
    def open(cls, home: Path, name: str) -> House:
        """The reel as it was worked, and a new attempt."""
        vault = Vault(str(home / "vault"))
        folder = home / "vault" / "reels" / REEL_ID / "attempts" / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        checks = (result for result in results(vault, REEL_ID) if result.step is StepName.CHECK)
        # Earlier attempts were checked in the same vault.
        (result,) = (one for one in checks if not any("/attempts/" in name for name in _locations(one)))
        return cls(home, folder, result)

    def file(self, name: str) -> Path:
        """An input of the check, as it was made."""
        return self.home / "vault" / self.result.inputs[name].uri.removeprefix("vault:")

    def register(self, name: str, path: Path) -> None:
        """Make every record name this file for an input."""
        digest, size = sha256_file(path)
        uri = f"vault:{path.relative_to(self.home / 'vault').as_posix()}"
        self.inputs[name] = Reference(uri=uri, sha256=digest, bytes=size)

    def check(self) -> StepResult:
        """What the check says of the reel with the replaced files."""
        sources = dict(self.result.sources)
        if self.delivery is not None:
            told = hashlib.sha256(str(self.delivery).encode()).hexdigest()
            sources = {"delivery": Source(location=str(self.delivery), sha256=told)}
        spec = Spec(
            step=StepName.CHECK,
            step_version=definition(StepName.CHECK).version,
            reel_id=REEL_ID,
            inputs=self.result.inputs | self.inputs,
            sources=sources,
            params=self.result.params,
            profile=self.result.profile,
            vault=str(self.home / "vault"),
            # Of its own: work asked for twice by one execution is not done twice.
            execution_id=f"tampering/{self.folder.name}/{uuid4()}",
            fresh=True,
        )
        return run_step(spec, definition(StepName.CHECK), Settings(home=self.home))

    def close(self) -> None:
        """Remove what the attempt laid."""
        shutil.rmtree(self.folder, ignore_errors=True)

    # -- what is there

    @property
    def picture(self) -> PictureFormat:
        """Format of the masters."""
        return FrameReader(self.file("restoration_master")).format

    def frames(self, name: str = "restoration_master") -> list[Frame]:
        """Every frame of a master."""
        return list(FrameReader(self.file(name)))

    @property
    def segments(self) -> list[Segment]:
        """The reel's segments."""
        return [Segment.from_json(one) for one in json.loads(self.file("shots").read_bytes())["segments"]]

    @property
    def shots(self) -> list[tuple[int, int]]:
        """First frame of each shot, and the first after it."""
        plan = Plan.from_yaml(self.file("plan").read_bytes())
        return [(shot.start, shot.stop) for shot in plan.shots]

    def damaged(self) -> list[Mask]:
        """By frame, where the damage map has anything."""
        maps = (frame for one in self.segments for frame in FrameReader(self.file(f"map/{one.id}")))
        return [np.any([plane > 0 for plane in frame], axis=0) for frame in maps]

    def sound(self) -> Samples:
        """The scan's sound."""
        with wave.open(str(next(Path(self.result.sources["delivery"].location).glob("*.wav")))) as delivered:
            return np.frombuffer(delivered.readframes(delivered.getnframes()), "<i2").reshape(-1, 2).copy()

    # -- what replaces it

    def master_of(
        self,
        name: str,
        *,
        frames: list[Frame] | None = None,
        sound: Samples | None = None,
        fmt: PictureFormat | None = None,
    ) -> Path:
        """A lossless master of other frames, other sound or at another rate; all else as it was."""
        picture = self.folder / f"{name}-picture.mkv"
        if frames is None:
            join([self.file("restoration_master")], picture)
        else:
            with FrameWriter(picture, fmt or self.picture) as writer:
                for frame in frames:
                    writer.write(frame)
        delivered = self.folder / f"{name}.wav"
        write_wave(delivered, self.sound() if sound is None else sound)
        encode(delivered, read_sound(delivered), self.folder / f"{name}.mka")
        out = self.folder / f"{name}.mkv"
        write_master([picture], out, sound=[self.folder / f"{name}.mka"])
        return out

    def replace_master(self, master: Path, frames: list[Frame] | None) -> None:
        """Put another restored master in place, and make all that follows from it agree."""
        self.register("restoration_master", master)
        digests = framemd5.compute(master)
        framemd5.write(self.folder / "restored.framemd5", digests, self.picture)
        self.register("restored_framemd5", self.folder / "restored.framemd5")
        for name, make, file in (("mezzanine", copies.mezzanine, "m.mov"), ("access", copies.access, "a.mp4")):
            make(master, self.folder / file)
            self.register(name, self.folder / file)
        if frames is not None:
            self.recount(frames)

    def recount(self, frames: list[Frame]) -> None:
        """Make the record of changed pixels say what was changed."""
        scan = self.frames("master")
        nowhere = np.zeros(self.picture.plane_shapes[0], np.bool_)
        for segment in self.segments:
            rows = [
                replace(row, changed_px=changes(scan[row.frame], frames[row.frame], nowhere)[0])
                for row in self.recorded_changes(segment.id)
                if row.frame < len(frames)
            ]
            self.write_changes(segment.id, rows)

    def recorded_changes(self, segment: str) -> list[FrameChange]:
        """The restore step's record of a segment."""
        import pyarrow.parquet as pq

        return [FrameChange(**row) for row in pq.read_table(self.file(f"changes/{segment}")).to_pylist()]

    def write_changes(self, segment: str, rows: list[FrameChange]) -> None:
        """Replace that record."""
        path = self.folder / f"changes-{segment}.parquet"
        write_changes(path, rows)
        self.register(f"changes/{segment}", path)

    def another_delivery(self) -> Path:
        """A copy of the delivery that may be altered: links, but for what is written anew."""
        real = Path(self.result.sources["delivery"].location)
        self.delivery = self.folder / real.name
        shutil.copytree(real, self.delivery, copy_function=os.link)
        return self.delivery


def _locations(result: StepResult) -> list[str]:
    """Where everything lay that a check looked at."""
    return [one.uri for one in result.inputs.values()] + [one.location for one in result.sources.values()]
