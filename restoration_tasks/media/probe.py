"""What a video file is, by MediaInfo (there is no ffprobe in the ffmpeg that is carried)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from restoration_tasks.media.picture import UNKNOWN, PictureFormat
from restoration_tasks.runtime.errors import MediaError

TRANSFER_TAG = "TRANSFER"
"""Stream tag that carries a transfer characteristic Matroska has no number for (printing density)."""

_SUBSAMPLING = {"4:2:0": "yuv420p", "4:2:2": "yuv422p", "4:4:4": "yuv444p"}
_TRANSFER = {
    "BT.709": "bt709",
    "BT.601": "smpte170m",
    "BT.470 System M": "bt470m",
    "BT.470 System B/G": "bt470bg",
    "Linear": "linear",
    "Logarithmic (100:1)": "log100",
    "sRGB/sYCC": "iec61966-2-1",
    "PQ": "smpte2084",
    "HLG": "arib-std-b67",
    "BT.2020 (10-bit)": "bt2020-10",
    "BT.2020 (12-bit)": "bt2020-12",
}
_PRIMARIES = {
    "BT.709": "bt709",
    "BT.601 NTSC": "smpte170m",
    "BT.601 PAL": "bt470bg",
    "BT.470 System M": "bt470m",
    "Generic film": "film",
    "BT.2020": "bt2020",
    "DCI P3": "smpte431",
    "Display P3": "smpte432",
    "XYZ": "smpte428",
}
_MATRIX = {"BT.709": "bt709", "BT.601": "smpte170m", "BT.470 System B/G": "bt470bg", "BT.2020 non-constant": "bt2020nc"}
_ALWAYS_INTRA = {"ProRes", "HuffYUV", "FFVHUFF", "UtVideo", "JPEG", "VC-3", "JPEG 2000", "MagicYUV"}
_LOSSLESS = {"FFV1", "HuffYUV", "FFVHUFF", "UtVideo", "MagicYUV"}


@dataclass(frozen=True)
class VideoInfo:
    """The first video stream of a file."""

    format: PictureFormat
    codec: str
    """MediaInfo's name of the codec, such as `FFV1`."""
    frames: int | None
    """Frames the container says it holds; None where it does not say."""
    intra_only: bool
    """Whether every frame stands alone, so that any of them can be reached directly."""
    lossless: bool


def probe(path: Path) -> VideoInfo:
    """Look at a video file.

    Raises:
        MediaError: it cannot be read, holds no video, or has a pixel format Reelkeeper does not work in.
    """
    track = _video_track(path)
    codec = str(track.get("format", UNKNOWN))
    gop = str(track.get("format_settings__gop", track.get("format_settings_gop", "")))
    frames = track.get("frame_count")
    full_range = {"Full": True, "Limited": False}.get(str(track.get("color_range")))
    yuv = track.get("color_space") == "YUV"
    return VideoInfo(
        format=PictureFormat(
            width=int(track.get("width", 0)),
            height=int(track.get("height", 0)),
            pix_fmt=_pix_fmt(track, path),
            fps=_fps(track),
            transfer=track.get(TRANSFER_TAG.lower())
            or _TRANSFER.get(str(track.get("transfer_characteristics")), UNKNOWN),
            primaries=_PRIMARIES.get(str(track.get("color_primaries")), UNKNOWN),
            matrix=_MATRIX.get(str(track.get("matrix_coefficients")), UNKNOWN) if yuv else UNKNOWN,
            full_range=full_range if yuv else None,
        ),
        codec=codec,
        frames=int(frames) if frames else None,
        intra_only=codec in _ALWAYS_INTRA or gop == "N=1",
        lossless=codec in _LOSSLESS,
    )


def technical_metadata(path: Path) -> list[dict[str, Any]]:
    """Everything MediaInfo says of a file, one entry a track.

    Raises:
        MediaError: it cannot be read.
    """
    from pymediainfo import MediaInfo

    try:
        # Handed an open file MediaInfo reads that file only; handed a name it also looks for a sequence beside it.
        with path.open("rb") as file:
            return [track.to_data() for track in MediaInfo.parse(file).tracks]
    except (OSError, RuntimeError) as error:
        raise MediaError(
            f"the file cannot be read: {error}", file=path, action="check that the file is there and readable"
        ) from error


def _video_track(path: Path) -> dict[str, Any]:
    for track in technical_metadata(path):
        if track.get("track_type") == "Video":
            return track
    raise MediaError("the file holds no video", file=path, action="give a video file or a folder of frames")


def _pix_fmt(track: dict[str, Any], path: Path) -> str:
    space = str(track.get("color_space", "YUV"))
    base = {"RGB": "gbrp", "RGBA": "gbrap", "Y": "gray"}.get(space) or _SUBSAMPLING.get(
        str(track.get("chroma_subsampling"))
    )
    if base is None:
        raise MediaError(
            "this kind of picture is not supported",
            file=path,
            expected="grey, RGB, RGBA or YUV 4:2:0, 4:2:2, 4:4:4",
            found=f"{space} {track.get('chroma_subsampling', '')}",
            action="convert the file without loss to one of these",
        )
    # MediaInfo leaves the depth of ProRes out; ffmpeg decodes the 4444 profiles to 12 bit, all others to 10.
    deep = 12 if str(track.get("format_profile", "")).startswith("4444") else 10
    bits = int(track.get("bit_depth", deep if track.get("format") == "ProRes" else 8))
    return base if bits == 8 else f"{base}{bits}le"


def _fps(track: dict[str, Any]) -> Fraction:
    numerator, denominator = track.get("framerate_num"), track.get("framerate_den")
    if numerator and denominator:
        return Fraction(int(numerator), int(denominator))
    return exact_rate(float(track.get("frame_rate") or 24))


def exact_rate(rate: float) -> Fraction:
    """The fraction a rate rounded to three decimals stands for: 23.976 is 24000/1001, 16.667 is 50/3."""
    for candidate in (
        Fraction(round(rate)),
        Fraction(round(rate * 1.001) * 1000, 1001),
        Fraction(round(rate * 2), 2),
        Fraction(round(rate * 3), 3),
    ):
        if candidate > 0 and abs(float(candidate) - rate) < 0.001:
            return candidate
    return Fraction(rate).limit_denominator(1000)
