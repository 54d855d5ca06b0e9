"""What this machine's processor can do."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def processor_flags() -> frozenset[str]:
    """Names of its instruction sets as Linux lists them (`avx2`, `avx512f`, `bf16` …); none where it lists nothing."""
    listed = Path("/proc/cpuinfo")
    return frozenset(listed.read_text(encoding="utf-8").split()) if listed.is_file() else frozenset()
