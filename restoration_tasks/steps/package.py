"""Package: one BagIt bag of everything that is kept, validated before it leaves."""

from __future__ import annotations

import logging
import os
import re
import shutil
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.runtime.errors import StepFailed, WrongUse
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork

PLACES: Final[dict[str, str]] = {
    "master": "masters/preservation.mkv",
    "framemd5": "masters/preservation.framemd5",
    "scan": "masters/scan.json",
    "restoration_master": "masters/restored.mkv",
    "mezzanine": "copies/mezzanine.mov",
    "access": "copies/access.mp4",
    "comparison": "copies/comparison.mp4",
    "plan": "documents/plan.yaml",
    "check": "documents/check.json",
    "report": "documents/report.html",
    "premis": "documents/premis.xml",
    "chain": "documents/chain.json",
}
"""Where each role lies under `data/`."""
REQUIRED: Final = frozenset(PLACES) - {"comparison"}
"""Without these it is no package: a lossy copy alone never becomes one."""
MEDIA_TYPES: Final = {
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".html": "text/html",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
}
ALGORITHMS: Final = ("md5", "sha256")
"""sha256 is the fixity; md5 stands beside it for the archives whose tools still expect it (RFC 8493, section 2.4)."""
TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


class PackageParams(BaseModel):
    """Parameters of the step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    info: dict[str, str] = Field(default_factory=dict)
    """Fields of `bag-info.txt`. `Bagging-Date` must be among them: the step itself never asks the clock."""


def run(work: StepWork) -> None:
    """Lay out the bag, write its manifests, validate it as a stranger would.

    Raises:
        StepFailed: a master, copy or document is missing, or the bag does not validate.
        WrongUse: the bag-info fields are not fit for a tag file.
    """
    import bagit

    info = _info(work)
    missing = sorted(REQUIRED - set(work.input_names))
    if missing:
        raise StepFailed(
            f"the package lacks {', '.join(missing)}",
            expected=f"{len(REQUIRED)} kinds of file",
            found=f"{len(REQUIRED) - len(missing)}",
            action="clear the steps that make them",
        )
    logging.getLogger("bagit").setLevel(logging.ERROR)
    root = work.part("bag.txt").parent.parent / "bag"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    roles = [role for role in PLACES if role in work.input_names]
    for role in roles:
        place = root / PLACES[role]
        place.parent.mkdir(parents=True, exist_ok=True)
        _place(work.input(role), place)
    # One process: the masters are hashed once, and the machine's other lanes keep their cores.
    bag = bagit.make_bag(str(root), bag_info=info, processes=1, checksums=list(ALGORITHMS))
    work.progress(1, 2, "passes")
    _validate(bag)
    work.progress(2, 2, "passes")
    _deliver(work, root, roles)
    work.figure("files", len(roles))
    work.figure("bytes", sum(work.spec.inputs[role].bytes for role in roles))
    work.agent(AgentKind.SOFTWARE, "bagit-python", bagit.VERSION)


def _info(work: StepWork) -> dict[str, str]:
    """The fields of bag-info.txt, in an order of their own, with what the step itself knows."""
    info = work.parse_params(PackageParams).info
    for name, value in info.items():
        if not TAG_NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise WrongUse(f"{name!r} cannot stand in bag-info.txt", found=value[:80], action="correct this field")
    if "Bagging-Date" not in info:
        raise WrongUse("the bag needs a date", expected="Bagging-Date", action="give the date of the decision")
    return dict(sorted(({"External-Identifier": work.reel_id} | info | {"Bag-Software-Agent": "Reelkeeper"}).items()))


def _place(source: Path, target: Path) -> None:
    """Bring a file into the bag: as a second name of the same bytes where the file system can, else as a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _validate(bag: object) -> None:
    import bagit

    try:
        bag.validate()  # type: ignore[attr-defined]
    except bagit.BagError as error:
        raise StepFailed(
            f"the bag does not validate: {' '.join(str(error).split())[:300]}",
            action="check the disk; then clear the task to pack again",
        ) from error


def _deliver(work: StepWork, root: Path, roles: list[str]) -> None:
    """Hand every file of the bag over as an output: payload by its role, tag files by their name."""
    by_place = {f"data/{PLACES[role]}": role for role in roles}
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        name = file.relative_to(root).as_posix()
        kind = MEDIA_TYPES.get(file.suffix, "text/plain")
        target = work.output(by_place.get(name, name), f"bag/{name}", media_type=kind)
        file.replace(target)
    shutil.rmtree(root)


STEP = StepDefinition(name=StepName.PACKAGE, version="1", run=run)
