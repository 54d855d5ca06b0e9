"""Make the larger version of one segment from restored frames: block by block, in constant memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from restoration_tasks.media.join import join
from restoration_tasks.media.picture import ColourModel, Frame, PictureFormat, Plane
from restoration_tasks.media.reader import FrameReader
from restoration_tasks.media.segments import Segment
from restoration_tasks.media.writer import FrameWriter
from restoration_tasks.restoration.enlarge import Shares, brought_back, drawn_larger, grown
from restoration_tasks.restoration.enlargement import Enlargement, Windows
from restoration_tasks.restoration.shares import codes, matrix_of, shares
from restoration_tasks.runtime.errors import MediaError, ModelError
from restoration_tasks.runtime.files import write_atomic
from restoration_tasks.runtime.settings import Device
from restoration_tasks.runtime.spec import NumericProfile

if TYPE_CHECKING:
    from restoration_tasks.models.shelf.places import ModelFile
    from restoration_tasks.models.tiling import Tileable

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames there are."""
PART_FRAMES = 56
"""Frames after which what is done is kept, should the work be killed: a large frame may take minutes."""
SHARED_BY = 2
"""Processes that may enlarge side by side, and share the free memory."""


@dataclass(frozen=True)
class Part:
    """A restored segment, as far as its file is known."""

    segment: Segment
    path: Path


@dataclass(frozen=True)
class FrameEnlarged:
    """What became of one frame."""

    frame: int
    """0-based position in the reel."""
    differs_codes: float
    """How far it lies from its restored frame when it is shrunk: root mean square, code values at 8 bits."""
    rounds: int
    """Back-projections it took."""
    tile_px: int
    """Side of the tiles it was made in."""


@dataclass(frozen=True)
class Enlarger:
    """A network that is ready, and how it is used."""

    asked: Enlargement
    tileable: Tileable
    profile: NumericProfile
    """Its tile is chosen from the memory that is free, unless the settings name one that is smaller."""


def ready(
    asked: Enlargement,
    files: Sequence[ModelFile],
    profile: NumericProfile,
    width: int,
    height: int,
    memory_share: float = 1.0,
) -> Enlarger:
    """The network of an enlargement on its device, with tiles for frames of a size.

    Args:
        asked: what the plan asks for.
        files: of its network, from `Shelf.require`.
        profile: where and how exactly it computes.
        width: of the restored frames.
        height: of the restored frames.
        memory_share: of the memory that is free, 0–1; less where a process was ended for taking too much.

    Raises:
        ModelError: torch or the device is not there, the weights are not the network's, or memory does not suffice.
    """
    import torch

    from restoration_tasks.models.enlargers import load_enlarger
    from restoration_tasks.models.tiling import free_bytes, replace_tile, tile_for

    tileable = load_enlarger(asked.entry, files, asked.factor)
    frames = asked.windows.longest
    # A power of two, so that the tile, on which the last bits depend, does not change with every browser tab.
    free = int(free_bytes(profile.device) * memory_share) // SHARED_BY
    if profile.device is Device.CPU:
        free -= _frames_bytes(asked, frames, width * height)
    budget = 1 << max(free, 1).bit_length() - 1
    tile = tile_for(tileable, 3 * frames, budget, largest_px=max(width, height), half=profile.precision != "float32")
    tile = min(tile, profile.tile_px or tile)
    tileable.network.to(profile.device.value, getattr(torch, profile.precision))
    return Enlarger(asked, tileable, replace_tile(profile, tile))


def _frames_bytes(asked: Enlargement, frames: int, pixels: int) -> int:
    """What whole frames take beside the tiles.

    Those shown, those made, those that wait for the next window, and three copies of the one that is brought back.
    """
    return 3 * 4 * pixels * (2 * frames + (frames + 2 * asked.windows.context + 3) * asked.factor**2)


def large_format(picture: PictureFormat, factor: int) -> PictureFormat:
    """The format of the larger frames: as the restored ones, with the matrix named that they are read by.

    A file that names none is read by its size, which is another now.
    """
    matrix = matrix_of(picture) if picture.layout.model is ColourModel.YUV else picture.matrix
    return replace(picture, width=picture.width * factor, height=picture.height * factor, matrix=matrix)


def enlarge_segment(
    parts: Sequence[Part],
    segment: Segment,
    enlarger: Enlarger,
    keep: Callable[[str], Path],
    out: Path,
    *,
    progress: Progress | None = None,
) -> list[FrameEnlarged]:
    """Write the larger version of a segment.

    Args:
        parts: the restored segments of its shot that hold what its windows reach, in order.
        segment: which frames.
        enlarger: the network.
        keep: gives a path for what survives a kill, by name; what stands there is not made again.
        out: FFV1 file to write.
        progress: told after each frame.

    Returns:
        One entry a frame.

    Raises:
        MediaError: a restored segment is damaged or short.
        ModelError: memory does not suffice, or a frame cannot be brought back to the restored one; it is named.
    """
    written: list[Path] = []
    done: list[FrameEnlarged] = []
    for number, stretch in enumerate(_stretches(enlarger.asked.windows, segment)):
        film, record = keep(f"{number:04d}.mkv"), keep(f"{number:04d}.json")
        if not (film.exists() and record.exists()):
            record.unlink(missing_ok=True)
            made = _enlarge_stretch(parts, stretch, enlarger, film, _onward(progress, len(done), segment.frames))
            # Where memory ran out once it would again.
            enlarger = replace(enlarger, profile=_smallest_tile(enlarger.profile, made))
            write_atomic(record, json.dumps([asdict(one) for one in made]).encode())
        done += [FrameEnlarged(**one) for one in json.loads(record.read_bytes())]
        written.append(film)
    join(written, out)
    return done


def _onward(progress: Progress | None, before: int, total: int) -> Callable[[int], None]:
    """Tell of frames of a piece as frames of the segment."""
    return lambda done: None if progress is None else progress(before + done, total)


def _smallest_tile(profile: NumericProfile, made: Sequence[FrameEnlarged]) -> NumericProfile:
    """The profile with the smallest tile that frames were made in."""
    return profile.model_copy(update={"tile_px": min(one.tile_px for one in made)})


def _stretches(windows: Windows, segment: Segment) -> Iterator[Segment]:
    """A segment in pieces that are worth keeping.

    They part where a window begins: then only the one before it is made twice.
    """
    every = PART_FRAMES // windows.stride * windows.stride
    cuts = range(segment.shot_start + every - windows.context, segment.shot_stop, every)
    bounds = [segment.start, *(cut for cut in cuts if segment.start < cut < segment.stop), segment.stop]
    for start, stop in pairwise(bounds):
        yield replace(segment, start=start, stop=stop)


def _enlarge_stretch(
    parts: Sequence[Part],
    stretch: Segment,
    enlarger: Enlarger,
    film: Path,
    told: Callable[[int], None],
) -> list[FrameEnlarged]:
    windows = enlarger.asked.windows.over(stretch)
    picture = FrameReader(parts[0].path).format
    frames = enumerate(_restored_frames(parts, windows[0].start, windows[-1].stop), start=windows[0].start)
    held: deque[tuple[int, Frame, Shares]] = deque()
    mixed: dict[int, _Mixed] = {}
    made: list[FrameEnlarged] = []
    profile, scale = enlarger.profile, enlarger.tileable.scale
    subsampled = len(set(picture.plane_shapes)) > 1
    with FrameWriter(film, large := large_format(picture, enlarger.asked.factor)) as writer:
        for window, following in zip_longest(windows, windows[1:]):
            while held and held[0][0] < window.start:
                held.popleft()
            while not held or held[-1][0] < window.stop - 1:
                index, frame = next(frames)
                held.append((index, frame, _as_shares(frame, picture)))
            wanted = range(max(window.start, stretch.start), min(window.stop, stretch.stop))
            with _about_frame(wanted.start):
                inside = slice(wanted.start - window.start, wanted.stop - window.start)
                drawn, profile = drawn_larger(enlarger.tileable, [one for *_, one in held], profile, wanted=inside)
            for index, one in zip(wanted, drawn, strict=True):
                mixed.setdefault(index, _Mixed()).add(one, window.weight(index))
            del drawn
            # What the next window shows as well waits for it.
            ends = stretch.stop if following is None else following.start
            for index in [index for index in mixed if index < ends]:
                _, frame, source = held[index - window.start]
                as_kept = partial(_as_kept, restored=frame, picture=picture, large=large) if subsampled else None
                with _about_frame(index):
                    larger = brought_back(mixed.pop(index).picture, source, scale, profile, as_kept=as_kept)
                writer.write(_as_frame(larger.picture, frame, picture, large))
                made.append(FrameEnlarged(index, round(larger.differs_codes, 4), larger.rounds, profile.tile_px))
                told(len(made))
    return made


@dataclass
class _Mixed:
    """A frame as the windows that show it draw it, each by its weight."""

    total: Shares | None = None
    weight: float = 0.0

    def add(self, drawn: Shares, weight: float) -> None:
        share = drawn * np.float32(weight)
        self.total = share if self.total is None else self.total + share
        self.weight += weight

    @property
    def picture(self) -> Shares:
        assert self.total is not None
        return self.total / np.float32(self.weight)


@contextmanager
def _about_frame(index: int) -> Iterator[None]:
    """Name the frame in errors of the network."""
    try:
        yield
    except ModelError as error:
        error.frame = index
        raise


def _restored_frames(parts: Sequence[Part], start: int, stop: int) -> Iterator[Frame]:
    """Restored frames `start ≤ i < stop` out of the files of their segments.

    Raises:
        MediaError: the files end before the frames do.
    """
    given = start
    for part in parts:
        low, high = max(given, part.segment.start), min(stop, part.segment.stop)
        if low < high:
            for frame in FrameReader(part.path, start=low - part.segment.start, count=high - low):
                yield frame
                given += 1
    if given < stop:
        raise MediaError(
            "the restored segments end before the frames that are looked at",
            file=parts[-1].path if parts else None,
            frame=given,
            expected=f"frames up to {stop - 1}",
            found=f"frames up to {given - 1}",
            action="restore the shot again",
        )


def _as_shares(frame: Frame, picture: PictureFormat) -> Shares:
    return np.ascontiguousarray(shares(picture.to_work(frame), picture).transpose(2, 0, 1))


def _as_kept(made: Shares, *, restored: Frame, picture: PictureFormat, large: PictureFormat) -> Shares:
    """What is left of a larger picture in the file."""
    return _as_shares(_as_frame(made, restored, picture, large), large)


def _as_frame(made: Shares, restored: Frame, picture: PictureFormat, large: PictureFormat) -> Frame:
    """A larger frame in the scan's code values; opacity is enlarged by bicubic interpolation."""
    values = made.reshape(len(made), -1)
    work = codes(values, picture).reshape(large.channels, large.height, large.width)
    blank: list[Plane] = [np.zeros(shape, large.dtype) for shape in large.plane_shapes]
    if large.has_alpha:
        opacity = np.asarray(restored[3], np.float32)[None] / np.float32(picture.max_code)
        larger = np.clip(grown(opacity, large.width // picture.width)[0], 0, 1) * np.float32(picture.max_code)
        blank[3] = np.asarray(np.rint(larger), large.dtype)
    return large.from_work(work, tuple(blank))
