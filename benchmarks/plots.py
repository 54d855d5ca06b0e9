"""Plots of kept figures as SVG, for docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OURS, PEER = "#1b6ca8", "#9aa5b1"


def draw(folder: Path) -> Iterator[str]:
    """Write each plot whose figures are kept. Yields their names."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "reelkeeper"  # the same figures make the same file
    mpl.rcParams["svg.fonttype"] = "none"
    import matplotlib.pyplot as plt

    plots = {"dirt": (_dirt, 1), "picture": (_picture, 3), "scaling": (_scaling, 2), "cost": (_cost, 2)}
    for name, (plot, columns) in plots.items():
        path = folder / f"{name}.json"
        if not path.exists():
            continue
        figure, axes = plt.subplots(1, columns, figsize=(4.6 * columns, 3.6), layout="constrained", squeeze=False)
        plot(json.loads(path.read_text(encoding="utf-8")), list(axes[0]))
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        plt.close(figure)
        yield name


def _dirt(kept: dict[str, Any], axes: list[Axes]) -> None:
    """Gain of PSNR over the damaged clip: ours and each peer."""
    gains = {
        key.partition(":")[0]: one["gain_db"]["mean"]
        for figures in (kept["figures"]["peers"], kept["figures"]["blind"])
        for key, one in figures.items()
        if key.endswith(": dirt, moderate")
    }
    order = sorted(gains, key=lambda name: gains[name])
    colours = [OURS if name == "network" else PEER for name in order]
    axes[0].barh(
        ["Reelkeeper" if name == "network" else name for name in order], [gains[n] for n in order], color=colours
    )
    axes[0].set_xlabel("gain of PSNR over the damaged clip, dB \nblind, dirt, slow and moderate motion")


def _picture(kept: dict[str, Any], axes: list[Axes]) -> None:
    """Fade, flicker and noise by strength, ours beside the peers."""
    fade = kept["figures"]["fade"]["by strength"]
    for key, label, style in (
        ("before", "faded", ":"),
        ("grayworld", "grayworld", "--"),
        ("after", "Reelkeeper", "-"),
    ):
        axes[0].plot(range(1, len(fade) + 1), [one[key] for one in fade.values()], style, color=_of(label), label=label)
    axes[0].set(title="Fade", xlabel="strength", ylabel="mean ΔE00 to the true colours")
    flicker = kept["figures"]["flicker"]["by strength"]
    _grouped(axes[1], flicker, {"db before": "flickering", "db ffmpeg": "deflicker", "db": "Reelkeeper"})
    axes[1].set(title="Flicker", ylabel="PSNR, dB")
    noise = {key: one for key, one in kept["figures"]["noise"].items() if key.startswith(("white", "grain"))}
    peers = {"before": "noisy", "hqdn3d": "hqdn3d", "nlmeans": "nlmeans", "bm3d": "bm3d", "after": "Reelkeeper"}
    _grouped(axes[2], noise, peers)
    axes[2].set(title="Less grain", ylabel="PSNR, dB")
    for one in axes:
        one.set_ylim(0, 1.4 * one.get_ylim()[1])  # room for the legend
        one.legend(fontsize="small", loc="upper left", ncols=2)


def _grouped(axes: Axes, groups: dict[str, Any], bars: dict[str, str]) -> None:
    """Bars side by side, a group a strength."""
    shades = [str(0.85 - 0.12 * place) for place in range(len(bars) - 1)] + [OURS]
    for place, ((key, label), shade) in enumerate(zip(bars.items(), shades, strict=True)):
        at = [number + 0.8 * place / len(bars) for number in range(len(groups))]
        axes.bar(at, [one[key] for one in groups.values()], width=0.8 / len(bars), label=label, color=shade)
    axes.set_xticks([number + 0.3 for number in range(len(groups))], list(groups), fontsize="small")


def _of(label: str) -> str:
    return OURS if label == "Reelkeeper" else PEER


def _scaling(kept: dict[str, Any], axes: list[Axes]) -> None:
    """Processor time and memory against the length of a reel."""
    frames = [int(key) for key in kept["reels"]]
    reels = list(kept["reels"].values())
    axes[0].plot(frames, [1000 * one["cpu_s_a_frame"] for one in reels], "o-", color=OURS)
    axes[0].set(xlabel="frames of the reel", ylabel="ms of processor a frame", ylim=(0, None))
    for step in reels[0]["steps"]:
        reached = [
            (length, one["steps"][step]) for length, one in zip(frames, reels, strict=True) if step in one["steps"]
        ]
        axes[1].plot(
            [length for length, _ in reached], [one["memory_bytes"] / 1e6 for _, one in reached], "o-", label=step
        )
    axes[1].set(xlabel="frames of the reel", ylabel="most memory of a step, MB", ylim=(0, None))
    axes[1].legend(fontsize="x-small")


def _cost(kept: dict[str, Any], axes: list[Axes]) -> None:
    """Cents of a reel between the assumed prices, and years of fleets."""
    for place, one in enumerate(kept["reel"].values()):
        low, usual, high = (cents / 100 for cents in one["cents"])
        axes[0].bar(place, usual, color=OURS, width=0.5)
        axes[0].errorbar(place, usual, yerr=[[usual - low], [high - usual]], color="black", capsize=6)
    axes[0].set_xticks(range(len(kept["reel"])), list(kept["reel"]))
    axes[0].set_ylabel(f"US dollars for {kept['assumed']['reel_frames']} frames\nat the assumed prices, low to high")
    by_gpus = {one["gpus"]: one["years"] for one in kept["fleets"]}
    axes[1].plot(list(by_gpus), list(by_gpus.values()), "o-", color=OURS)
    axes[1].set(xscale="log", yscale="log", xlabel="GPUs", ylabel=f"years for {kept['assumed']['archive_reels']} reels")
    for gpus, years in by_gpus.items():
        axes[1].annotate(f"{years:.2g}", (gpus, years), textcoords="offset points", xytext=(6, 4), fontsize="small")
