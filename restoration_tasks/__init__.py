"""Reelkeeper: the library that restores film reels and can prove every step."""

from __future__ import annotations

__version__ = "0.1.0"
