"""Memory that is free given back to the machine."""

from __future__ import annotations

import ctypes
import gc

_libc = ctypes.CDLL(None)


def give_back() -> None:
    """Give back what is free: before much is loaded, or another program is started beside this one.

    glibc keeps what was freed below the top of its heap, for the next that asks; it returns whole pages of that only
    when it is told to (`malloc_trim`, since 2.8). Other C libraries have no such call and are left alone.
    """
    gc.collect()
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
