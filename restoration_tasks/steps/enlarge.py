"""Step `enlarge`: the larger version of one restored segment, where the plan asks for one."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from restoration_tasks import __version__
from restoration_tasks.media.segments import Segment
from restoration_tasks.restoration.enlargement import Enlargement
from restoration_tasks.runtime.space import Need, require_space
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork
from restoration_tasks.runtime.vault import Vault


class EnlargeParams(BaseModel):
    """What is enlarged, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment: Segment
    parts: tuple[Segment, ...]
    """The segments of its shot that hold the frames its windows reach, itself among them, in order."""
    enlarge: Enlargement
    """Without the reason."""


def run(work: StepWork) -> None:
    """Write the larger segment, whose frames shrunk again are the restored ones.

    Raises:
        ModelError: the network is not installed or has other bytes, memory does not suffice, or a frame cannot be
            brought back to the restored one.
        DecisionNeeded: nobody has accepted the network's licence.
        MediaError: a restored segment is damaged.
        VaultError: a disk has not enough room.
    """
    import cv2
    import torch

    from restoration_tasks.media.reader import probe_format
    from restoration_tasks.models.shelf.shelf import Shelf
    from restoration_tasks.restoration.enlarge_segment import Part, enlarge_segment, ready

    cv2.setNumThreads(1)
    params = work.parse_params(EnlargeParams)
    asked = params.enlarge
    files = Shelf.of(work.settings).require(asked.network)
    _require_space(work, asked, params.segment)
    parts = [Part(part, work.input(f"segment/{part.id}")) for part in params.parts]
    picture = probe_format(parts[0].path)
    enlarger = ready(asked, files, work.profile, picture.width, picture.height, work.settings.memory_share)
    made = enlarge_segment(
        parts,
        params.segment,
        enlarger,
        work.part,
        work.output("enlarged", "enlarged.mkv", media_type="video/x-matroska"),
        progress=work.progress,
    )
    tile_px = min(one.tile_px for one in made)
    if tile_px < enlarger.profile.tile_px:
        work.note(f"memory ran out: tiles of {tile_px} instead of {enlarger.profile.tile_px} pixels")
    work.figure("frames", len(made))
    work.figure("enlarged_width", picture.width * asked.factor)
    work.figure("enlarged_height", picture.height * asked.factor)
    work.figure("network", asked.network)
    work.figure("effect", asked.entry.effect.value)
    work.figure("tile_px", tile_px)
    work.figure("differs_codes_max", max(one.differs_codes for one in made))
    work.figure("back_projections_max", max(one.rounds for one in made))
    work.agent(AgentKind.SOFTWARE, "torch", torch.__version__)
    for name, sha256 in asked.models.items():
        work.agent(AgentKind.MODEL, f"{name} ({asked.entry.title}, {asked.entry.effect})", __version__, sha256)


def _require_space(work: StepWork, asked: Enlargement, segment: Segment) -> None:
    """Ask for room: a larger frame holds more pixels and no more to tell of them, so it codes no worse."""
    size = work.spec.inputs[f"segment/{segment.id}"].bytes * asked.factor**2
    needs = [Need(work.settings.scratch_folder, 2 * size, "the larger segment and its parts")]
    if (vault := Vault(work.spec.vault).local_root) is not None:
        needs.append(Need(vault, size, "the larger segment"))
    require_space(needs)


STEP = StepDefinition(name=StepName.ENLARGE, version="1", run=run)
