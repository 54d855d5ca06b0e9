"""Technical metadata of a media file: all that MediaInfo says, and the part of it a catalogue asks for by column."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from restoration_tasks.media.probe import technical_metadata


def technical_record(path: Path) -> dict[str, JsonValue]:
    """Everything MediaInfo says of a file.

    The record is the same wherever the file lies and whenever it was written: MediaInfo is handed the open file
    (`probe.technical_metadata`) and knows nothing of its name, place and dates.

    Returns:
        `mediainfo` (its version) and `tracks`, one entry a track, `track_type` General first.

    Raises:
        MediaError: it cannot be read.
    """
    tracks = [{name: _plain(value) for name, value in sorted(track.items())} for track in technical_metadata(path)]
    return {"mediainfo": _version(), "tracks": [dict(track) for track in tracks]}


def _version() -> str:
    from importlib.metadata import version

    from pymediainfo import MediaInfo

    library = MediaInfo._get_library()[2] if MediaInfo.can_parse() else "unknown"
    return f"{library} (pymediainfo {version('pymediainfo')})"


def _plain(value: Any) -> JsonValue:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value if isinstance(value, bool | int | float | str) or value is None else str(value)


@dataclass(frozen=True)
class TechnicalColumns:
    """What a catalogue keeps of a file by column; None where MediaInfo does not say.

    The first picture and the first sound track are meant. Words are MediaInfo's own (`BT.709`, `Progressive`).
    """

    container: str | None
    container_version: str | None
    file_bytes: int | None
    duration_s: float | None
    overall_bit_rate: int | None
    """Bits a second of the whole file."""
    writing_library: str | None
    timecode: str | None
    video_codec: str | None
    video_codec_version: str | None
    width: int | None
    height: int | None
    fps: float | None
    frame_rate_mode: str | None
    """`CFR` or `VFR`."""
    frames: int | None
    video_bit_depth: int | None
    colour_space: str | None
    """`RGB`, `YUV`, `Y` …"""
    chroma_subsampling: str | None
    colour_range: str | None
    colour_primaries: str | None
    transfer_characteristics: str | None
    matrix_coefficients: str | None
    scan_type: str | None
    compression_mode: str | None
    """`Lossless` or `Lossy`."""
    video_stream_bytes: int | None
    sound_tracks: int
    sound_codec: str | None
    sound_channels: int | None
    sound_rate_hz: int | None
    sound_bit_depth: int | None
    sound_stream_bytes: int | None


def columns(record: Mapping[str, Any]) -> TechnicalColumns:
    """The columns of a `technical_record`."""
    tracks: list[Mapping[str, Any]] = record["tracks"]
    whole, video, sound = (_Track.first(tracks, kind) for kind in ("General", "Video", "Audio"))
    milliseconds = whole.number("duration")
    return TechnicalColumns(
        container=whole.text("format"),
        container_version=whole.text("format_version"),
        file_bytes=whole.whole("file_size"),
        duration_s=None if milliseconds is None else milliseconds / 1000,
        overall_bit_rate=whole.whole("overall_bit_rate"),
        writing_library=whole.text("writing_library") or whole.text("writing_application"),
        timecode=next((str(t["time_code_of_first_frame"]) for t in tracks if t.get("time_code_of_first_frame")), None),
        video_codec=video.text("format"),
        video_codec_version=video.text("format_version"),
        width=video.whole("width"),
        height=video.whole("height"),
        fps=video.number("frame_rate"),
        frame_rate_mode=video.text("frame_rate_mode"),
        frames=video.whole("frame_count"),
        video_bit_depth=video.whole("bit_depth"),
        colour_space=video.text("color_space"),
        chroma_subsampling=video.text("chroma_subsampling"),
        colour_range=video.text("color_range"),
        colour_primaries=video.text("color_primaries"),
        transfer_characteristics=video.text("transfer_characteristics"),
        matrix_coefficients=video.text("matrix_coefficients"),
        scan_type=video.text("scan_type"),
        compression_mode=video.text("compression_mode"),
        video_stream_bytes=video.whole("stream_size"),
        sound_tracks=sum(track.get("track_type") == "Audio" for track in tracks),
        sound_codec=sound.text("format"),
        sound_channels=sound.whole("channel_s"),
        sound_rate_hz=sound.whole("sampling_rate"),
        sound_bit_depth=sound.whole("bit_depth"),
        sound_stream_bytes=sound.whole("stream_size"),
    )


@dataclass(frozen=True)
class _Track:
    """One track of a record, its values as what they are meant to be."""

    fields: Mapping[str, Any]

    @classmethod
    def first(cls, tracks: list[Mapping[str, Any]], kind: str) -> _Track:
        return cls(next((track for track in tracks if track.get("track_type") == kind), {}))

    def text(self, name: str) -> str | None:
        value = self.fields.get(name)
        return None if value in (None, "") else str(value)

    def number(self, name: str) -> float | None:
        # several values are written "48000 / 24000"; the first is the stream's own
        text = (self.text(name) or "").split("/", maxsplit=1)[0].strip()
        try:
            return float(text)
        except ValueError:
            return None

    def whole(self, name: str) -> int | None:
        number = self.number(name)
        return None if number is None else int(number)
