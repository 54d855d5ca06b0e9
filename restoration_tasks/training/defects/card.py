"""The model card that ships with the weights: what they are for, what made them, how well they do, where they fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from restoration_tasks.models.defects.kinds import Defect
from restoration_tasks.training.defects.evaluate import CLEAN_MEAN, CLEAN_WORST, Evaluation
from restoration_tasks.training.packed import Material


@dataclass(frozen=True)
class TrainedNetwork:
    """How one network came about."""

    file: str
    sha256: str
    parameters: int
    steps: int
    minutes: float
    loss: float
    """Mean training loss at the end."""


@dataclass(frozen=True)
class CardFacts:
    """What the card says beside the figures."""

    networks: Sequence[TrainedNetwork]
    seeds: Sequence[int]
    """Of the rounds of the training, one after another."""
    batch: int
    machine: str
    material: Sequence[Material]
    remarks: str = ""
    """What else whoever makes the networks again should know."""


_HEAD = """# Damage networks: detector and fusion repair

**Detector.** A U-Net on a frame, its differences to up to four neighbours carried along optical flow, what no guess at
the motion explains, and lines that stand still in the frame. It gives a probability of dirt, hair and scratch a pixel.
**Fusion repair.** A U-Net that mixes a fill from the four carried neighbours (their own damage excluded), their
median and a spatial candidate, and may correct it by at most 15 % of the code range. Only pixels inside the mask are
ever changed.

For: finding and repairing dirt, hairs and scratches on scanned film, as proposals that staff review. Not for: deciding
alone what leaves an archive; video faults (drop-outs, comb lines); still pictures. Input: R, G, B or grey as shares of
the code range, any size. The weights are ours, Apache-2.0; no other weights went into them.
"""

_LIMITS = """## Limits

- Chosen and measured on simulated damage. The figures above are of one validation clip; the benchmark's test clips and
  real film are measured elsewhere, and nothing was tuned on them.
- By the recipe, families kept for the test were not trained on: translucent dirt beside opaque, lint, hairs in the
  gate, rain, broken scratches, local flicker, tide marks, weave, fades, tears, missing frames.
- The detector sees five frames. A line of the scene that stands still in all of them may look like a scratch: the
  decision about a track belongs to a pass over the whole shot.
- Near-duplicates of a frame must not be handed over as neighbours: dirt persists across them.
- A fill is a mixture of neighbours and so is quieter than the grain around it; who uses it adds the grain.
- Film borders: ragged apertures were simulated, but what lies outside the picture is best masked first.
"""


def model_card(evaluation: Evaluation, facts: CardFacts) -> str:
    """The card as Markdown."""
    parts = [_HEAD, _training(facts), _figures(evaluation), _LIMITS, _material(facts.material)]
    return "\n".join(parts)


def _training(facts: CardFacts) -> str:
    rows = [
        f"| {network.file} | {network.parameters:,} | {network.steps:,} | {network.minutes:.0f} | {network.loss:.3f} "
        f"| `{network.sha256}` |"
        for network in facts.networks
    ]
    return "\n".join(
        [
            "## Training",
            "",
            "`reelkeeper train defects` makes them again (samples follow from the seed; the number of steps from the "
            f"time and the machine). {_seeds(facts.seeds)}, {facts.batch} samples of 320x256 a step, AdamW, running "
            f"mean of the weights. {facts.machine}.{' ' if facts.remarks else ''}{facts.remarks}",
            "",
            "| file | parameters | steps | minutes | last loss | sha256 |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def _seeds(seeds: Sequence[int]) -> str:
    return f"Seed {seeds[0]}" if len(seeds) == 1 else f"Seeds {' and '.join(map(str, seeds))}, a round each"


def _figures(evaluation: Evaluation) -> str:
    repair = evaluation.repair
    kinds = [
        f"| {defect} | {figures.threshold:.2f} | {figures.average_precision:.3f} "
        f"| {figures.average_precision_whole_mask:.3f} | {figures.average_precision_any_map:.3f} "
        f"| {figures.chance:.4f} | {figures.precision:.3f} | {figures.recall:.3f} | {figures.f1:.3f} |"
        for defect, figures in ((defect, evaluation.kinds[defect]) for defect in Defect)
    ]
    return "\n".join(
        [
            f"## Figures (validation clip `{evaluation.clip}`, all strengths of the recipe)",
            "",
            f"Default thresholds, a map each: best F1 of those with which all maps mask at most {CLEAN_MEAN:.2%} of "
            f"clean frames on average and {CLEAN_WORST:.1%} at worst; chosen on this clip only.",
            "",
            "| map | threshold | AP | AP, whole mask | AP, any map | chance | precision | recall | F1 |",
            "|---|---|---|---|---|---|---|---|---|",
            *kinds,
            "",
            "AP is over pixels; the first counts damage that changed a pixel by 1.2 % of the range or more, the second "
            "every pixel the simulator touched, the third whichever map found it (lint is dirt to the simulator and a "
            "hair by its looks). Scratches here are of single windows of five frames, not of tracks.",
            "",
            f"Clean, grainy, flickering, weaving and faded frames without damage: {evaluation.clean_masked_mean:.3%} "
            f"masked on average, {evaluation.clean_masked_worst:.3%} at worst.",
            "",
            "| dirt, PSNR in dB | |",
            "|---|---|",
            f"| damaged input | {repair.input_db:.2f} |",
            f"| blind, at the thresholds | {repair.blind_db:.2f} |",
            f"| outside the true mask, blind | {repair.outside_db:.2f} |",
            f"| true mask, fusion | {repair.true_mask_db:.2f} |",
            f"| true mask, Telea | {repair.true_mask_telea_db:.2f} |",
            f"| true mask, median of carried neighbours | {repair.true_mask_median_db:.2f} |",
            "",
        ]
    )


def _material(files: Sequence[Material]) -> str:
    rows = [
        f"| {file.name} | {file.requirement} | `{file.member}` | `{file.member_sha256}` | {file.licence} |"
        for file in files
    ]
    return "\n".join(
        [
            "## Material",
            "",
            "Clean clips, and photographs set in motion by a simulated camera; none of them is shown or shipped.",
            "",
            "| name | package | member | sha256 | licence |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )
