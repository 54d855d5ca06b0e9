"""The proof of a revert: frames that no treatment is left in are the scan's, by the framemd5 that ingest recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from restoration_tasks.runtime.errors import MediaError
from restoration_tasks.steps.revert.taking_back import shot_list

if TYPE_CHECKING:
    from restoration_tasks.media.delivery.scan import Scan
    from restoration_tasks.restoration.plan import Plan


@dataclass(frozen=True)
class Proof:
    """What was found equal to the scan, and what was not to be."""

    equal: Mapping[int, int]
    """Frames that equal the scan, by shot."""
    treated: Mapping[int, tuple[str, ...]]
    """Treatments left, by shot; of these frames nothing is said."""

    def __str__(self) -> str:
        """In plain words, for the command line."""
        said = []
        if self.equal:
            frames = sum(self.equal.values())
            said.append(f"{shot_list(self.equal)}: {frames} frames equal the scan, by framemd5")
        for left in dict.fromkeys(self.treated.values()):
            shots = [shot for shot, names in self.treated.items() if names == left]
            said.append(f"{shot_list(shots)}: still treated ({', '.join(left)})")
        return "; ".join(said)


def prove(plan: Plan, scan: Scan, scanned: Sequence[str], written: Mapping[int, str]) -> Proof:
    """Hold the frames that were written against the scan.

    Args:
        plan: what they were rendered by.
        scan: the record of the delivery, which knows the scan's own numbers.
        scanned: md5 of every frame of the reel, as ingest recorded it.
        written: md5 of each written frame by its place in the reel, decoded from what lies on the disk.

    Raises:
        MediaError: a frame without any treatment is not the scan's; reel, shot and frame are named.
    """
    equal: dict[int, int] = {}
    treated: dict[int, tuple[str, ...]] = {}
    for shot in plan.shots:
        frames = [frame for frame in range(shot.start, shot.stop) if frame in written]
        if not frames:
            continue
        if shot.treatments:
            treated[shot.shot] = tuple(treatment.name for treatment in shot.treatments)
            continue
        for frame in frames:
            if written[frame] != scanned[frame]:
                raise MediaError(
                    f"{shot.title} has no treatment left, and this frame of it (place {frame} of the reel) is not the"
                    " scan's",
                    reel=plan.reel_id,
                    file=scan.files[frame].name if scan.files else scan.container,
                    frame=scan.number_at(frame),
                    expected=f"md5 {scanned[frame]}",
                    found=f"md5 {written[frame]}",
                    action="check the disk, then run the same command again; if it stays, report a fault of the restore"
                    " step",
                )
        equal[shot.shot] = len(frames)
    return Proof(equal, treated)
