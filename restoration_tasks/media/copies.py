"""Make the copies people watch: ProRes mezzanine, H.264 access copies and the before/after wipe. Bytes repeat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restoration_tasks.media import ffmpeg
from restoration_tasks.media.picture import PRINTING_DENSITY, PictureFormat, half_codes_of
from restoration_tasks.media.probe import VideoInfo, probe
from restoration_tasks.media.reader import DECODE_THREADS
from restoration_tasks.media.sound.tracks import sound_tracks
from restoration_tasks.media.writer import draft_path
from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.runtime.processor import processor_flags

ACCESS_CRF = 19
"""x264 quality of access copies; 18 to 20 is held to be visually lossless at normal viewing distance."""
WIPE_PERIOD_S = 8
"""Seconds the divider of a wipe takes to go there and back."""
_DIVIDER_PX = 2
_LOG_TRANSFERS = {PRINTING_DENSITY, "log100", "log316"}
_ALWAYS = {"threads": ffmpeg.THREADS, "color_range": "tv", "flags:a": "+bitexact", **ffmpeg.BITEXACT}
_PRORES_HQ = {
    "c:v": "prores_ks",
    "profile:v": 3,
    "vendor": "apl0",
    "pix_fmt": "yuv422p10le",
    "c:a": "pcm_s24le",
    "f": "mov",
    **_ALWAYS,
}
_BELOW_AVX512 = {"x264-params": "asm=avx2"} if "avx512f" in processor_flags() else {}
"""x264's AVX-512 code reads memory that nobody wrote where a picture is no multiple of 128 pixels wide (its look ahead,
macroblock tree), and the bytes of a copy then depend on what lay there. With AVX2 they do not, at the same speed."""
_H264 = {
    "c:v": "libx264",
    "profile:v": "high",
    "preset": "medium",
    "crf": ACCESS_CRF,
    "pix_fmt": "yuv420p",
    "c:a": "aac",
    "b:a": "256k",
    "movflags": "+faststart",
    "f": "mp4",
    **_BELOW_AVX512,
    **_ALWAYS,
}


@dataclass(frozen=True)
class _Copy:
    """One file to write."""

    picture: Any
    """The ffmpeg-python stream of its frames."""
    out: Path
    codec: dict[str, Any]
    sound: Path | None = None
    """The master whose sound it carries; None for a silent copy."""


def mezzanine(master: Path, out: Path, *, progress: ffmpeg.Progress | None = None) -> None:
    """ProRes 422 HQ, 10 bit, BT.709, same frame count and rate as the master; sizes padded to even; sound as PCM.

    Args:
        master: a lossless master.
        out: file to write (`.mov`).
        progress: called with the frames done.

    Raises:
        MediaError: the master is damaged, or the copy lacks frames.
    """
    _copy(master, out, _PRORES_HQ, progress)


def access(master: Path, out: Path, *, comment: str | None = None, progress: ffmpeg.Progress | None = None) -> None:
    """H.264 High 4:2:0 for browsers, its index in front; sizes padded to even; sound as AAC.

    Args:
        master: a lossless master.
        out: file to write (`.mp4`).
        comment: what the file says of itself.
        progress: called with the frames done.

    Raises:
        MediaError: the master is damaged, or the copy lacks frames.
    """
    _copy(master, out, _H264, progress, comment)


def mezzanine_and_access(
    master: Path, mezzanine_out: Path, access_out: Path, *, progress: ffmpeg.Progress | None = None
) -> None:
    """Both copies of a master, byte for byte what `mezzanine` and `access` make: it is decoded once for the two.

    Raises:
        MediaError: the master is damaged, or a copy lacks frames.
    """
    info = probe(master)
    decoded = _input(master).filter_multi_output("split")
    made = [
        _Copy(_shown(decoded[place], info.format, str(codec["pix_fmt"])), out, codec, master)
        for place, (out, codec) in enumerate(((mezzanine_out, _PRORES_HQ), (access_out, _H264)))
    ]
    _make(made, master, info, progress)


def wipe(
    before: Path,
    after: Path,
    out: Path,
    *,
    before_out: Path | None = None,
    progress: ffmpeg.Progress | None = None,
) -> None:
    """H.264 comparison: left of a moving white line the scan, right of it the restoration; silent.

    Args:
        before: the scan's master.
        after: the restored master.
        out: file to write (`.mp4`).
        before_out: where to write an access copy of the scan beside it, silent, as the sound is the restoration's: the
            scan is decoded once for both. None writes no such copy.
        progress: called with the frames done.

    Raises:
        MediaError: the two differ in size, rate or length, or one is damaged.
    """
    old, new = probe(before), probe(after)
    sides = [f"{i.format.width}x{i.format.height} at {i.format.fps}, {i.frames} frames" for i in (old, new)]
    if sides[0] != sides[1]:
        raise MediaError(
            "the two sides of a comparison must be of one size, rate and length",
            file=after,
            expected=sides[0],
            found=sides[1],
            action="make the restored master again from this scan",
        )
    fmt = old.format
    # A mask slides over the picture and a merge follows it: per-pixel expressions would take minutes for seconds.
    place = f"round(W*(0.5-0.45*cos(2*PI*n/({fmt.fps}*{WIPE_PERIOD_S}))))"
    black, white, line = (
        _strip(colour, width, fmt)
        for colour, width in (("black", fmt.width), ("white", fmt.width), ("white", _DIVIDER_PX))
    )
    mask = ffmpeg.graph.filter([black, white], "overlay", x=place, y=0, format="gbrp")
    scan, restoration = (_numbered(_input(path), fmt) for path in (before, after))
    made = []
    if before_out is not None:
        split = scan.filter_multi_output("split")
        scan = split[0]
        made = [_Copy(_shown(split[1], fmt, str(_H264["pix_fmt"])), before_out, _H264)]
    pictures = [_view(scan, fmt, "gbrp"), _view(restoration, new.format, "gbrp")]
    merged = ffmpeg.graph.filter([*pictures, mask], "maskedmerge")
    lined = ffmpeg.graph.filter([merged, line], "overlay", x=f"{place}-{_DIVIDER_PX // 2}", y=0, format="gbrp")
    _make([_Copy(_bt709(_even(lined), "yuv420p"), out, _H264), *made], after, new, progress)


def _strip(colour: str, width: int, fmt: PictureFormat) -> Any:
    """An endless picture of one colour."""
    source = ffmpeg.graph.input(f"color=c={colour}:s={width}x{fmt.height}:r={fmt.fps}", f="lavfi")
    return source.video.filter("format", "gbrp")


def _input(path: Path) -> Any:
    return ffmpeg.graph.input(ffmpeg.file_url(path), threads=DECODE_THREADS).video


def _numbered(picture: Any, fmt: PictureFormat) -> Any:
    """Every frame at a time that is its number, whatever the rounded time its file gives it.

    A filter of several pictures makes one for every time that any of them has: where a master's times are whole
    milliseconds and the line's are those of the frames, five for three frames at 24 a second.
    """
    return picture.filter("settb", f"{fmt.fps.denominator}/{fmt.fps.numerator}").filter("setpts", "N")


def _copy(
    master: Path, out: Path, codec: dict[str, Any], progress: ffmpeg.Progress | None, comment: str | None = None
) -> None:
    info = probe(master)
    made = _Copy(shown(master, info.format, str(codec["pix_fmt"])), out, codec, master)
    _make([made], master, info, progress, comment=comment)


def shown(master: Path, fmt: PictureFormat, pix_fmt: str, *, size: tuple[int, int] | None = None) -> Any:
    """The ffmpeg-python stream of a master as its copies show it: BT.709 in video range, sizes padded to even.

    Args:
        master: a lossless master.
        fmt: its format.
        pix_fmt: ffmpeg's name of a YUV format.
        size: width and height to shrink to, after padding; None leaves the size.
    """
    return _shown(_input(master), fmt, pix_fmt, size=size)


def _shown(decoded: Any, fmt: PictureFormat, pix_fmt: str, *, size: tuple[int, int] | None = None) -> Any:
    # Grey goes as RGB as well: the way from full-range grey to video range is three codes off at 10 bit.
    picture = _even(_view(decoded, fmt, "gbrp16le"))
    if size is not None:
        picture = picture.filter("scale", *size, flags="area+accurate_rnd+bitexact").filter("format", "gbrp16le")
    return _bt709(picture, pix_fmt)


def _view(picture: Any, fmt: PictureFormat, pix_fmt: str) -> Any:
    """The picture as a screen shows it, in a full-range format. YUV and video-coded scans keep their codes' meaning."""
    # Nothing may be converted but what is asked for here: by the frames' tags swscale would choose conversions itself.
    picture = picture.filter("setparams", color_primaries="bt709", color_trc="bt709")
    bounds = half_codes_of(fmt.transfer)
    if bounds or fmt.transfer in _LOG_TRANSFERS:
        levels = _light_view(*bounds) if bounds else _cineon_view(fmt)
        # ffmpeg's table filter for grey stops at 14 bit, so grey goes through as three equal planes.
        planar = picture.filter("format", "gbrp" if fmt.bit_depth == 8 else f"gbrp{fmt.bit_depth}le")
        picture = planar.filter("lutrgb", r=levels, g=levels, b=levels)
    return _scaled(picture).filter("format", pix_fmt)


def _cineon_view(fmt: PictureFormat) -> str:
    """Expression from a log code value to a display code value.

    Kodak Cineon: 10-bit black 95, white 685, 0.002 density a code value, negative gamma 0.6; shown with gamma 2.2.
    """
    code = f"val*1023/{fmt.max_code}"
    black = 10 ** ((95 - 685) * 0.002 / 0.6)
    light = f"(pow(10,({code}-685)*0.002/0.6)-{black:.9f})/(1-{black:.9f})"
    return f"{fmt.max_code}*pow(clip({light},0,1),1/2.2)"


def _light_view(low: int, high: int) -> str:
    """Expression from a code of floating-point light (`stills.float_coding`) to a display code value, gamma 2.2.

    A half's bits are five of exponent and ten of fraction (IEEE 754-2008, binary16); ordered codes of positive values
    begin at 32768.
    """
    ordered = f"max(floor((val*{high - low}+32767)/65535)+{low}-32768,0)"
    light = "if(ld(1),pow(2,ld(1)-15)*(1+ld(2)/1024),ld(2)*pow(2,-24))"
    return f"st(0,{ordered});st(1,floor(ld(0)/1024));st(2,ld(0)-1024*ld(1));65535*pow(clip({light},0,1),1/2.2)"


def _even(picture: Any) -> Any:
    """Pad to even sizes, which subsampled chroma needs."""
    return picture.filter("pad", w="ceil(iw/2)*2", h="ceil(ih/2)*2")


def _bt709(picture: Any, pix_fmt: str) -> Any:
    """Convert to BT.709 video range and say so on every frame."""
    converted = _scaled(picture, out_color_matrix="bt709", out_range="tv").filter("format", pix_fmt)
    return converted.filter("setparams", range="tv", color_primaries="bt709", color_trc="bt709", colorspace="bt709")


def _scaled(picture: Any, **options: str) -> Any:
    # bitexact: the fast paths of swscale differ from one processor to another.
    return picture.filter("scale", flags="bicubic+accurate_rnd+full_chroma_int+bitexact", **options)


def _make(
    copies: Sequence[_Copy],
    about: Path,
    info: VideoInfo,
    progress: ffmpeg.Progress | None,
    *,
    comment: str | None = None,
) -> None:
    """Write copies of masters of one rate and length in one go, each whole or not at all."""
    drafts = [draft_path(copy.out) for copy in copies]
    wanted = {} if info.frames is None else {"frames:v": info.frames}
    try:
        outputs = [
            ffmpeg.graph.output(
                # Frames are numbered anew: no rounded or damaged time stamp may drop or double one.
                copy.picture.filter("setpts", f"N/({info.format.fps}*TB)"),
                *_sound(copy.sound),
                ffmpeg.file_url(draft),
                r=str(info.format.fps),
                fps_mode="cfr",
                **wanted,
                **copy.codec,
            )
            for copy, draft in zip(copies, drafts, strict=True)
        ]
        made = outputs[0] if len(outputs) == 1 else ffmpeg.graph.merge_outputs(*outputs)
        ffmpeg.run(made, about=about, progress=progress, tags=[f"comment={comment}"] if comment else ())
        for copy, draft in zip(copies, drafts, strict=True):
            found = probe(draft).frames
            if info.frames is not None and found != info.frames:
                raise MediaError(
                    "the copy does not have as many frames as its master",
                    file=copy.out,
                    expected=info.frames,
                    found=found,
                    action="run the step again; if it fails twice, check the master",
                )
        for copy, draft in zip(copies, drafts, strict=True):
            draft.replace(copy.out)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)


def _sound(source: Path | None) -> list[Any]:
    """The sound tracks of a master as ffmpeg-python streams."""
    if source is None:
        return []
    return [ffmpeg.graph.input(ffmpeg.file_url(source))[f"a:{track.index}"] for track in sound_tracks(source)]
