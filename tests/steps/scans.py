"""Small deliveries of every kind of frame file, written by OpenImageIO, not by the code under test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import OpenImageIO as oiio

from tests.media.pictures import sign

FRAMES = 5
WIDTH, HEIGHT = 37, 23
"""Odd, so that lines do not end on word boundaries."""


def write(folder: Path, ending: str, kind: str, channels: int, **attributes: object) -> Path:
    """A complete delivery of `FRAMES` frames with a manifest and a completion mark.

    Args:
        folder: to make.
        ending: of the file names, which says the format.
        kind: OpenImageIO's name of the sample type.
        channels: samples a pixel.
        attributes: of the format, such as `oiio:BitsPerSample`.
    """
    folder.mkdir(parents=True)
    random = np.random.default_rng(3)
    for number in range(1, FRAMES + 1):
        pixels = random.random((HEIGHT, WIDTH, channels), np.float32)
        if kind in ("half", "float"):
            pixels = pixels * 4 - 0.5
        spec = oiio.ImageSpec(WIDTH, HEIGHT, channels, kind)
        for name, value in attributes.items():
            spec.attribute(name.replace("__", ":"), value)
        path = folder / f"scan.{number:05d}{ending}"
        out = oiio.ImageOutput.create(str(path))
        assert out.open(str(path), spec), out.geterror()
        assert out.write_image(pixels), out.geterror()
        out.close()
    sign(folder, f"*{ending}")
    (folder / ".ready").touch()
    return folder


def _dpx(bits: int, channels: int, packing: str = "Filled, method A", endian: str = "big") -> Callable[[Path], Path]:
    kind = "uint8" if bits == 8 else "uint16"
    options = {"oiio__BitsPerSample": bits, "dpx__Packing": packing, "oiio__Endian": endian}
    return partial(write, ending=".dpx", kind=kind, channels=channels, **options)


SCANS: dict[str, Callable[[Path], Path]] = {
    "dpx 8 rgb": _dpx(8, 3),
    "dpx 10 rgb": _dpx(10, 3),
    "dpx 10 rgb little-endian": _dpx(10, 3, endian="little"),
    "dpx 10 rgb method B": _dpx(10, 3, "Filled, method B"),
    "dpx 10 rgb packed": _dpx(10, 3, "Packed"),
    "dpx 10 rgba": _dpx(10, 4),
    "dpx 12 rgb": _dpx(12, 3),
    "dpx 12 rgb packed": _dpx(12, 3, "Packed"),
    "dpx 16 luma": _dpx(16, 1),
    "dpx 16 rgba": _dpx(16, 4),
    "tiff 8 grey": partial(write, ending=".tif", kind="uint8", channels=1, compression="none"),
    "tiff 16 rgb": partial(write, ending=".tif", kind="uint16", channels=3, compression="none"),
    "tiff 16 rgb lzw": partial(write, ending=".tif", kind="uint16", channels=3, compression="lzw"),
    "exr half": partial(write, ending=".exr", kind="half", channels=3),
    "exr float": partial(write, ending=".exr", kind="float", channels=3),
    "png 8 grey": partial(write, ending=".png", kind="uint8", channels=1),
    "png 16 rgb": partial(write, ending=".png", kind="uint16", channels=3),
}
"""A maker of a delivery by its name."""
KEPT_WHOLE = frozenset({"tiff 16 rgb lzw", "exr half", "exr float", "png 8 grey", "png 16 rgb"})
"""Scans whose files cannot be rebuilt from their pictures and are kept as delivered."""
