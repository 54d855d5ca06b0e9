"""Titled takes: intertitles, titles over the picture, subtitles and rolling credits, aged; where letters lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from benchmarks.dirt_cases import BITS, FULL, Codes, Mask, Take, clean_frames
from restoration_tasks.training.clips import fetch
from restoration_tasks.training.damage import DamagedFrame, DamageKind
from restoration_tasks.training.damage.base import SD_WIDTH, CodeScale, FrameDamage, FrameTruth
from restoration_tasks.training.packed import Material
from restoration_tasks.training.recipe import Recipe, Split

RECIPE = Path(__file__).with_name("titles.yaml")
_FINE = 4
"""Letters are drawn at so many times the picture's size and brought down, so that they may roll by parts of a pixel."""
Cover = NDArray[np.float32]
"""`(H, W)`: how much of a pixel letters cover, 0–1."""


@dataclass(frozen=True)
class Titled:
    """One shot with text on it."""

    clean: tuple[Codes, ...]
    """With its text, before any damage; moved as the film weaves."""
    damaged: tuple[Codes, ...]
    text: tuple[Cover, ...]
    """What letters cover, moved likewise; faded where they fade."""
    hit: tuple[Mask, ...]
    """Where dirt and scratches lie."""
    rim: tuple[Mask, ...]
    """Letters with their dark rim, if they have one."""


@cache
def recipe() -> dict[str, Any]:
    """The content of titles.yaml."""
    content: dict[str, Any] = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    return content


@cache
def font_path(words: str, number: int) -> Path:
    """The file of the letters that words are drawn with."""
    fonts = recipe()["fonts"]
    if words != "cjk":
        import matplotlib

        latin = fonts["latin"]
        return Path(str(matplotlib.get_data_path())) / "fonts" / "ttf" / str(latin[number % len(latin)])
    pinned = fonts["cjk"]
    package, version = pinned["package"].split("==")
    return fetch(
        Material(
            name="Noto Sans CJK",
            package=package,
            version=version,
            wheel_sha256=pinned["wheel_sha256"],
            member=pinned["member"],
            member_sha256=pinned["sha256"],
            licence="OFL-1.1",
        )
    )


def base_frames(take: Take) -> tuple[Codes, ...]:
    """The frames of a take that titles are laid over."""
    start, stop = take.shots[0]
    return clean_frames(take)[start : min(stop, start + recipe()["frames"])]


def titled(
    take: Take, scene: str, base: Recipe, split: Split, seed: int, *, kinds: Sequence[str] | None = None
) -> Titled:
    """A take with a scene of the recipe.

    Args:
        take: what lies behind the text, or what size the card has.
        scene: its name in titles.yaml.
        base: recipe.yaml.
        split: whose damage it is.
        seed: of the damage.
        kinds: damage instead of what titles.yaml says; none gives a title held still.
    """
    asked, damage = recipe()["scenes"][scene], recipe()["damage"]
    frames = base_frames(take)
    height, width = frames[0].shape[1:]
    covers = [letters(asked, (height, width), at, len(frames), seed) for at in range(len(frames))]
    laid = [_laid(frame, cover, asked) for frame, cover in zip(frames, covers, strict=True)]
    wanted = [DamageKind(name) for name in (damage if kinds is None else kinds)]
    simulators = [base.damage(kind, base.strengths[kind][damage[kind.value] - 1], split, seed) for kind in wanted]
    scale = CodeScale.of(frames[0], BITS)
    made = Titled((), (), (), (), ())
    for at, (frame, cover) in enumerate(zip(laid, covers, strict=True)):
        sheets = [frame, _codes(cover), _codes(_rim(cover, asked, width))]
        moved = [
            _through(sheet, [one for one in simulators if one.kind is DamageKind.WEAVE], at, scale).picture
            for sheet in sheets
        ]
        light = [one for one in simulators if one.kind not in (DamageKind.DIRT, DamageKind.SCRATCH)]
        clean = _through(frame, light, at, scale)
        damaged = _through(clean.picture, [one for one in simulators if one not in light], at, scale)
        hit = damaged.truth.mask()
        made = Titled(
            (*made.clean, clean.picture),
            (*made.damaged, damaged.picture),
            (*made.text, np.asarray(moved[1][0] / np.float32(FULL), np.float32)),
            (*made.hit, np.zeros((height, width), np.bool_) if hit is None else hit),
            (*made.rim, np.asarray(moved[2][0] > FULL * recipe()["text_cover"], np.bool_)),
        )
    return made


def _through(frame: Codes, simulators: Sequence[FrameDamage], index: int, scale: CodeScale) -> DamagedFrame:
    seen = DamagedFrame(frame, FrameTruth(index))
    for one in simulators:
        seen = one.damage(seen, index, scale)
    return seen


def letters(asked: dict[str, Any], shape: tuple[int, int], at: int, frames: int, seed: int) -> Cover:
    """What letters of a scene cover in one frame, faded as they are there."""
    height, width = shape
    drawn = _drawn(asked["words"], asked.get("lines", 0), asked["letter"], shape, seed)
    if "rolls" in asked:
        # The first lines stand in the picture from its first frame.
        top = round(_FINE * (0.25 * height - asked["rolls"] * width / SD_WIDTH * at))
    else:
        top = round(_FINE * asked["middle"] * height - drawn.shape[0] / 2)
    canvas = np.zeros((_FINE * height, _FINE * width), np.uint8)
    begin, end = max(top, 0), min(top + drawn.shape[0], canvas.shape[0])
    if begin < end:
        canvas[begin:end] = drawn[begin - top : end - top]
    cover = cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
    return np.asarray(cover * np.float32(_strength(asked, at, frames)), np.float32)


def _strength(asked: dict[str, Any], at: int, frames: int) -> float:
    first, last = (share * (frames - 1) for share in asked.get("shown", [0.0, 1.0]))
    fade = asked.get("fade_frames", 0)
    if not first <= at <= last:
        return 0.0
    return float(min(1.0, (at - first + 1) / (fade + 1), (last - at + 1) / (fade + 1)))


@cache
def _drawn(words: str, lines: int, letter: float, shape: tuple[int, int], seed: int) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    height, width = shape
    text = recipe()["words"][words]
    text = text[:lines] if lines else text
    size = round(letter * height * _FINE)
    while True:
        font = ImageFont.truetype(str(font_path(words, seed)), size)
        widest = max(font.getlength(line) for line in text)
        if widest <= 0.9 * width * _FINE:
            break
        size = int(size * 0.9 * width * _FINE / widest)
    step = round(1.45 * size)
    image = Image.new("L", (width * _FINE, step * len(text)), 0)
    pen = ImageDraw.Draw(image)
    for row, line in enumerate(text):
        pen.text((width * _FINE / 2, step * (row + 0.5)), line, fill=255, font=font, anchor="mm")
    return np.asarray(image, np.uint8)


def _laid(frame: Codes, cover: Cover, asked: dict[str, Any]) -> Codes:
    picture = frame.astype(np.float32) / np.float32(FULL)
    if "ground" in asked:
        picture = np.full_like(picture, asked["ground"])
    rim = np.asarray(_rim(cover, asked, frame.shape[2]) - cover, np.float32)
    shown = picture * (1 - cover - rim) + asked["tone"] * cover + 0.03 * rim
    return np.asarray(np.rint(np.clip(shown, 0, 1) * FULL), np.uint16)


def _rim(cover: Cover, asked: dict[str, Any], width: int) -> Cover:
    """Letters and their dark rim."""
    reach = asked.get("outline_px", 0) * width / SD_WIDTH
    if not reach:
        return cover
    side = 2 * int(np.ceil(reach)) + 1
    return np.asarray(cv2.dilate(cover, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.float32)


def _codes(cover: Cover) -> Codes:
    return np.asarray(np.rint(cover[None] * FULL), np.uint16)
