"""Room on the disks: asked for before long work starts, so that a full disk is not found out after a night."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from restoration_tasks.runtime.errors import VaultError
from restoration_tasks.runtime.files import disk_errors

RESERVE_BYTES = 256 * 1024**2
"""Left free beyond what is needed: logs and the database live on the same disk on a small machine."""


@dataclass(frozen=True)
class Need:
    """So many bytes will be written under a folder."""

    folder: Path
    bytes: int
    what: str
    """In the operator's words, such as `the preservation master`."""


def require_space(needs: Sequence[Need]) -> None:
    """Refuse to start work that the disks cannot hold; folders on one disk are counted together.

    Raises:
        VaultError: a disk has less room than is needed, or cannot be reached.
    """
    by_disk: dict[int, list[Need]] = {}
    for need in needs:
        with disk_errors(need.folder):
            by_disk.setdefault(_existing(need.folder).stat().st_dev, []).append(need)
    for wanted in by_disk.values():
        folder = _existing(wanted[0].folder)
        total = sum(need.bytes for need in wanted) + RESERVE_BYTES
        free = shutil.disk_usage(folder).free
        if free < total:
            raise VaultError(
                f"there is not enough room for {' and '.join(need.what for need in wanted)}",
                file=folder,
                expected=f"{_human(total)} free",
                found=f"{_human(free)} free",
                action="free space there, or point REELKEEPER_SCRATCH and REELKEEPER_VAULT to a larger disk; nothing"
                " was written yet",
            )


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there."""
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _human(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
