"""Agents of every step: this program, the image it came in, and the device its pixels are computed on."""

from __future__ import annotations

import platform
import re
from functools import cache
from pathlib import Path
from typing import Final

from restoration_tasks import __version__
from restoration_tasks.runtime.settings import Device, Settings
from restoration_tasks.runtime.spec import AgentKind, UsedAgent

NAME: Final = "reelkeeper"
_PINNED: Final = re.compile(r"@sha256:([0-9a-f]{64})$")
_CPU_FACTS: Final = Path("/proc/cpuinfo")


def standing_agents(settings: Settings, device: Device) -> tuple[UsedAgent, UsedAgent]:
    """The program and the device, as every step reports them.

    The program's digest is that of its container image, known where the image was pinned by one
    (`REELKEEPER_KUBERNETES_IMAGE=…@sha256:…`).

    Args:
        settings: this machine's.
        device: the class of device the step computes on.
    """
    pinned = _PINNED.search(settings.image or "")
    program = UsedAgent(
        kind=AgentKind.SOFTWARE,
        name=NAME,
        version=__version__,
        sha256=pinned.group(1) if pinned else None,
    )
    return program, UsedAgent(kind=AgentKind.DEVICE, name=_device_name(device), version=device.value)


@cache
def _device_name(device: Device) -> str:
    if device is Device.CUDA:
        import torch

        return torch.cuda.get_device_name()
    facts = _CPU_FACTS.read_text(errors="replace") if _CPU_FACTS.exists() else ""
    found = re.search(r"^model name\s*:\s*(\S.*)$", facts, re.MULTILINE)
    return found.group(1).strip() if found else platform.machine()
