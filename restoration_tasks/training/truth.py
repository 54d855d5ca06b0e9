"""What is true of a damaged reel: clean frames, masks, curves and shots, kept beside the delivery for scoring."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.media.picture import PictureFormat
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import sha256_file, write_atomic
from restoration_tasks.training.damage import DamageKind, FrameTruth, Mask

TRUTH_FILE = "truth.json"
CLEAN_FILE = "clean.mkv"
MASKS_FILE = "masks.npz"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ShotTruth(_Record):
    """One shot of a damaged reel."""

    number: int = Field(ge=1)
    """Place in the reel, from 1."""
    start: int = Field(ge=0)
    """First frame, 0-based in the reel."""
    stop: int = Field(ge=1)
    """One past the last frame."""
    view: str
    """What of the clip it shows."""
    damages: dict[str, dict[str, Any]]
    """Parameters by kind of damage; empty for the shot that was left clean."""
    input_psnr_db: float | None
    """PSNR of the damaged shot against the clean one (error pooled over the shot); None where they are equal."""

    @property
    def clean(self) -> bool:
        """Whether nothing was done to it."""
        return not self.damages


class FrameFigures(_Record):
    """What was done to one frame."""

    index: int = Field(ge=0)
    """0-based place in the reel."""
    areas: dict[DamageKind, float]
    """Share of the frame each local damage covers, 0–1."""
    values: dict[DamageKind, dict[str, float]]
    """The numbers each damage applied, for flicker the curve of its density offset."""


class ReelTruth(_Record):
    """Everything that is true of a damaged reel."""

    reel_id: str
    seed: int
    clip: str
    """Name of the clean clip."""
    clip_sha256: str
    licence: str
    width: int
    height: int
    bit_depth: int
    fps: str
    """Frames a second as a fraction, `25/1`."""
    first_number: int
    """Number of the delivery's first frame file."""
    clean_sha256: str
    """Digest of the clean frames' file."""
    masks_sha256: str
    """Digest of the masks' file."""
    shots: list[ShotTruth]
    frames: list[FrameFigures]

    @property
    def picture(self) -> PictureFormat:
        """The format of the clean frames."""
        return PictureFormat(self.width, self.height, "gbrp10le", Fraction(self.fps))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The truth in a folder.

        Raises:
            MediaError: it is not there or cannot be read.
        """
        path = folder / TRUTH_FILE
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise MediaError(
                "the truth of the damaged reel cannot be read",
                file=path,
                found=error,
                action="build the demo reel again",
            ) from error


class TruthWriter:
    """Writes a reel's truth frame by frame: the clean frames as FFV1, the masks packed, the figures as JSON at the end.

    Use as a context manager; `finish` completes the folder, and without it no `truth.json` is written.
    """

    def __init__(self, folder: Path, picture: PictureFormat) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / TRUTH_FILE).unlink(missing_ok=True)
        self._folder = folder
        self._picture = picture
        self._packed: dict[DamageKind, dict[int, NDArray[np.uint8]]] = {}
        self._figures: list[FrameFigures] = []
        self._finished = False
        self._clean = FrameWriter(folder / CLEAN_FILE, picture)

    def __enter__(self) -> Self:
        """Start the encoder."""
        self._clean.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the encoder if `finish` did not; what there is of the clean frames is removed then."""
        if not self._finished:
            self._clean.__exit__(kind or RuntimeError, error, trace)

    def add(self, clean: NDArray[np.uint16], truth: FrameTruth) -> None:
        """The next frame: its clean codes `(3, H, W)` R, G, B and what was done to it."""
        index = len(self._figures)
        red, green, blue = clean
        self._clean.write((green, blue, red))
        for kind, mask in truth.masks.items():
            self._packed.setdefault(kind, {})[index] = np.packbits(mask)
        areas = {kind: truth.area(kind) for kind in truth.masks}
        values = {kind: dict(figures) for kind, figures in truth.values.items()}
        self._figures.append(FrameFigures(index=index, areas=areas, values=values))

    def finish(self, facts: Mapping[str, Any], shots: list[ShotTruth]) -> ReelTruth:
        """Complete the folder.

        Args:
            facts: the fields of `ReelTruth` that frames do not tell (`reel_id`, `seed`, `clip`, …).
            shots: the shots.
        """
        self._finished = True
        self._clean.__exit__(None, None, None)
        # np.savez would date its members; written by hand the same reel gives the same bytes.
        write_atomic(self._folder / MASKS_FILE, self._masks())
        truth = ReelTruth(
            **facts,
            clean_sha256=sha256_file(self._folder / CLEAN_FILE)[0],
            masks_sha256=sha256_file(self._folder / MASKS_FILE)[0],
            shots=shots,
            frames=self._figures,
        )
        text = json.dumps(truth.model_dump(mode="json"), indent=1, sort_keys=True) + "\n"
        write_atomic(self._folder / TRUTH_FILE, text.encode())
        return truth

    def _masks(self) -> bytes:
        empty = np.packbits(np.zeros((self._picture.height, self._picture.width), bool))
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            for kind in sorted(self._packed):
                rows = np.stack([self._packed[kind].get(frame.index, empty) for frame in self._figures])
                member = io.BytesIO()
                np.save(member, rows)
                archive.writestr(zipfile.ZipInfo(f"{kind}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED, 1)
        return content.getvalue()


def read_masks(folder: Path, truth: ReelTruth, kind: DamageKind) -> Iterator[Mask]:
    """The masks of one kind, `(H, W)` bool for each frame; all empty where the reel has no such damage."""
    pixels = truth.width * truth.height
    with np.load(folder / MASKS_FILE) as stored:
        packed = stored.get(kind)
    for frame in truth.frames:
        if packed is None:
            yield np.zeros((truth.height, truth.width), bool)
        else:
            bits = np.unpackbits(packed[frame.index], count=pixels)
            yield bits.astype(bool).reshape(truth.height, truth.width)
