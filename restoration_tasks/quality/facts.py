"""Read the properties of masters, copies and delivered files that must be as the scan was."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.quality.copies import ACCESS, MEZZANINE, PIXEL_FORMATS, SCAN_ACCESS
from restoration_tasks.quality.rules import InPieces
from restoration_tasks.quality.sound import tracks_found
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.files import sha256_file
from restoration_tasks.runtime.in_order import in_order

if TYPE_CHECKING:
    import pandas as pd

    from restoration_tasks.media.picture import PictureFormat

READERS = 4
"""Files hashed at once: hashing leaves the interpreter lock, and network storage answers slowly."""
CODECS = {MEZZANINE: "ProRes 422 HQ", ACCESS: "AVC", SCAN_ACCESS: "AVC"}
"""By copy, what MediaInfo calls its codec."""
WHOLE = "from first to last frame"
"""What the fact *restored decodes* must say."""


def facts_table(
    scan: Scan,
    *,
    master: Path,
    restored: Path,
    copies: Mapping[str, Path],
    unread: Mapping[str, str],
    comparison: Path,
    decoded: int,
    decode_error: str | None,
    agreement: Mapping[str, tuple[str, str]],
) -> pd.DataFrame:
    """One row a property: `fact`, `expected`, `found`, as text.

    A property that could not be read stands there with the reason as what was found: it is unlike what was expected.

    Args:
        scan: what was delivered.
        master: preservation master.
        restored: restored master.
        copies: by name (`quality.copies`), the ProRes and the H.264 copies.
        unread: by copy, why its frames could not be read to the end.
        comparison: before and after, for people to look at.
        decoded: frames of the restored master that were decoded.
        decode_error: why decoding stopped; None if it did not.
        agreement: by fact, what is expected and what was found of the plan and the maps (`quality.agreement`).
    """
    import pandas as pd

    from restoration_tasks.media import framemd5

    frames = str(scan.frames)
    rows = [("restored decodes", WHOLE, decode_error or WHOLE), ("frames", frames, str(decoded))]
    rows += [(fact, expected, found) for fact, (expected, found) in agreement.items()]
    rows += _restored_rows(restored, frames, scan)
    for name, path in copies.items():
        rows += _copy_rows(name, path, scan, unread.get(name))
    tracks = tracks_found(master)
    heard = {"restored": restored, **copies}
    rows += [
        (f"{name} sound tracks", "0" if name == SCAN_ACCESS else tracks, tracks_found(path))
        for name, path in heard.items()
    ]
    rows.append(("comparison frames", frames, _read(lambda: len(framemd5.compute(comparison)))))
    return pd.DataFrame(rows, columns=["fact", "expected", "found"], dtype="object")


def _restored_rows(path: Path, frames: str, scan: Scan) -> list[tuple[str, str, str]]:
    from restoration_tasks.media.probe import probe

    picture = scan.picture
    expected = {
        "frames in the container": frames,
        "width": str(picture.width),
        "height": str(picture.height),
        "bit depth": str(picture.bit_depth),
        "pixel format": picture.pix_fmt,
        "frame rate": str(Fraction(picture.fps)),
        "codec": "FFV1",
        "codec version": "3",
        "slice checksums": "Per slice",
        "frames between key frames": "1",
    }
    try:
        info, track = probe(path), _video_track(path)
    except MediaError as error:
        return [(fact, value, error.message) for fact, value in expected.items()]
    found = {
        "frames in the container": str(info.frames),
        "width": str(info.format.width),
        "height": str(info.format.height),
        "bit depth": str(info.format.bit_depth),
        "pixel format": info.format.pix_fmt,
        "frame rate": str(info.format.fps),
        "codec": info.codec,
        "codec version": str(track.get("format_version", "")).removeprefix("Version ").split(".")[0],
        "slice checksums": str(track.get("errordetectiontype", "none")),
        "frames between key frames": str(track.get("format_settings__gop", "")).removeprefix("N="),
    }
    return [(fact, value, found[fact]) for fact, value in expected.items()]


def _copy_rows(name: str, path: Path, scan: Scan, unread: str | None) -> list[tuple[str, str, str]]:
    from restoration_tasks.media.join import count_frames

    picture, frames, rate = scan.picture, str(scan.frames), Fraction(scan.picture.fps)

    def looked(what: Callable[[PictureFormat], object]) -> str:
        from restoration_tasks.media.probe import probe

        return _read(lambda: what(probe(path).format))

    # A millisecond is as near as containers tell; half a frame is twenty of them.
    lasts = _read(lambda: f"{round(float(_video_track(path).get('duration', 0)) / 1000 * rate)} frames")
    return [
        (f"{name} decodes", WHOLE, unread or WHOLE),
        (f"{name} codec", CODECS[name], _read(lambda: _codec(path))),
        (f"{name} frames", frames, _read(lambda: count_frames(path))),
        (f"{name} width", str(_even(picture.width)), looked(lambda found: found.width)),
        (f"{name} height", str(_even(picture.height)), looked(lambda found: found.height)),
        (f"{name} frame rate", str(rate), looked(lambda found: found.fps)),
        (f"{name} duration", f"{frames} frames", lasts),
        (f"{name} pixel format", PIXEL_FORMATS[name], looked(lambda found: found.pix_fmt)),
        # ProRes has no other range, and does not say so.
        (f"{name} range", "video", looked(lambda found: "full" if found.full_range else "video")),
        (f"{name} colours", "bt709, bt709, bt709", looked(_colours)),
    ]


def _colours(found: PictureFormat) -> str:
    return f"{found.matrix}, {found.primaries}, {found.transfer}"


def _even(size: int) -> int:
    return size + size % 2


def _read(what: Callable[[], object]) -> str:
    """A property as text, or why it could not be read."""
    try:
        return str(what())
    except MediaError as error:
        return error.message


def _codec(path: Path) -> str:
    track = _video_track(path)
    codec = str(track.get("format", "unknown"))
    return f"{codec} {track.get('format_profile', '')}".strip() if codec == "ProRes" else codec


def _video_track(path: Path) -> dict[str, Any]:
    from restoration_tasks.media.probe import technical_metadata

    tracks = [track for track in technical_metadata(path) if track.get("track_type") == "Video"]
    if not tracks:
        raise MediaError("the file holds no video", file=path, action="clear the assemble task")
    return tracks[0]


def files_table(scan: Scan, delivery: Path, progress: Callable[[int], None] | None = None) -> InPieces:
    """One row a delivered file of picture or sound: `file`, `expected` and `found` sha256, none where it is gone.

    Every byte is read when its row is asked for: this is the last look at the source before the masters are signed off.

    Args:
        scan: what was delivered.
        delivery: the folder of the reel.
        progress: called with the files that were read, when one was.
    """
    import pandas as pd

    root = scan.root_of(delivery)

    def digest(name: str) -> str | None:
        try:
            return sha256_file(root / name)[0]
        except OSError:
            return None

    def make(rows: slice, columns: Collection[str]) -> pd.DataFrame:
        named = list(scan.delivered.items())[rows]
        made = pd.DataFrame(named, columns=["file", "expected"], dtype="object")
        if "found" in columns:
            # a pool's own `map` would hold a promise a file, a kilobyte each
            digests = in_order(digest, (name for name, _ in named), threads=READERS, ahead=2 * READERS)
            found = []
            for (_, sha256), one in zip(named, digests, strict=True):
                found.append(sha256 if one == sha256 else one)  # one text where they are equal
                if progress:
                    progress((rows.start or 0) + len(found))
            made["found"] = pd.Series(found, dtype="object")
        return made[list(columns)]

    return InPieces(len(scan.delivered), ("file", "expected", "found"), make)
