"""A peer that runs in a Python of its own: VapourSynth's mvtools and DeScratch as a blind filter against dirt.

    python vapoursynth_peer.py IN.npy OUT.npy

IN holds one shot, `(T, 3, H, W)` uint16, 10-bit R, G, B; OUT the same restored. Block motion is found by mvtools, both
neighbours are compensated, and a pixel that lies outside their range by a threshold takes the median of the three (the
motion-compensated SDI gate film restorers script with these tools); DeScratch, which takes 8 bits, then works on what
is left. Nothing of Reelkeeper is imported here.
"""

from __future__ import annotations

import sys

import numpy as np
import vapoursynth as vs

THRESHOLD = 15
"""8-bit codes a pixel must lie outside the range of its compensated neighbours."""
_BITS = 10


def main(source: str, target: str) -> None:
    """Restore one shot."""
    frames = np.load(source)
    clip = vs.core.std.BlankClip(
        width=frames.shape[3], height=frames.shape[2], format=vs.RGB30, length=len(frames), fpsnum=24, fpsden=1
    )
    filled = clip.std.ModifyFrame(clip, lambda n, f: _with_planes(f, frames[n]))
    whole = filled.resize.Point(format=vs.YUV444P10, matrix_s="709")
    cleaned = _gated(whole)
    touched = _descratched(cleaned)
    back = touched.resize.Point(format=vs.RGB30, matrix_in_s="709")
    unchanged = whole.resize.Point(format=vs.RGB30, matrix_in_s="709")
    restored = np.empty_like(frames)
    for number, (new, same) in enumerate(zip(back.frames(), unchanged.frames(), strict=True)):
        after, before = (np.stack([np.asarray(frame[plane]) for plane in range(3)]) for frame in (new, same))
        # What it left alone keeps its code: the way through Y, U, V is not held against it.
        restored[number] = np.where(after == before, frames[number], after)
    np.save(target, restored)


def _with_planes(frame: vs.VideoFrame, picture: np.ndarray) -> vs.VideoFrame:
    filled = frame.copy()
    for plane, values in enumerate(picture):
        np.copyto(np.asarray(filled[plane]), values)
    return filled


def _gated(clip: vs.VideoNode) -> vs.VideoNode:
    around = clip.mv.Super(pel=2)
    vectors = [around.mv.Analyse(isb=backward, blksize=8, overlap=4) for backward in (True, False)]
    compensated = [clip.mv.Compensate(around, found) for found in vectors]
    level = THRESHOLD << (_BITS - 8)
    outside = f"x y z max {level} + > x y z min {level} - < or"
    median = "x y z max min y z min max"
    return vs.core.std.Expr([clip, *compensated], f"{outside} {median} x ?")


def _descratched(clip: vs.VideoNode) -> vs.VideoNode:
    eight = clip.resize.Point(format=vs.YUV444P8)
    lines = eight.descratch.DeScratch(modey=3)
    raised, same = (part.resize.Point(format=vs.YUV444P10) for part in (lines, eight))
    return vs.core.std.Expr([clip, raised, same], "y z = x y ?")


if __name__ == "__main__":
    main(*sys.argv[1:3])
