"""Package: one BagIt bag of everything that is kept, validated before it leaves."""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from restoration_tasks.runtime.errors import SourceChanged, StepFailed, WrongUse
from restoration_tasks.runtime.files import CHUNK_BYTES, link_or_copy
from restoration_tasks.runtime.spec import AgentKind, StepName
from restoration_tasks.runtime.step import StepDefinition, StepWork
from restoration_tasks.steps.package_readme import readme

PLACES: Final[dict[str, str]] = {
    "master": "masters/preservation.mkv",
    "framemd5": "masters/preservation.framemd5",
    "scan": "masters/scan.json",
    "headers": "masters/headers.parquet",
    "sound_headers": "masters/sound-headers.jsonl",
    "delivered": "masters/delivered.tar",
    "infrared": "masters/infrared.mkv",
    "infrared_headers": "masters/infrared-headers.parquet",
    "technical": "documents/technical.json",
    "restoration_master": "masters/restored.mkv",
    "restored_framemd5": "masters/restored.framemd5",
    "mezzanine": "copies/mezzanine.mov",
    "access": "copies/access.mp4",
    "comparison": "copies/comparison.mp4",
    "scan_access": "copies/scan.mp4",
    "enlarged_master": "masters/enlarged.mkv",
    "enlarged_framemd5": "masters/enlarged.framemd5",
    "enlarged_access": "copies/enlarged.mp4",
    "plan": "documents/plan.yaml",
    "condition": "documents/condition.json",
    "condition_report": "documents/condition.html",
    "check": "documents/check.json",
    "report": "documents/report.html",
    "treatment_report": "documents/treatment.html",
    "premis": "documents/premis.xml",
    "mets": "documents/mets.xml",
    "pbcore": "documents/pbcore.xml",
    "prov": "documents/prov.json",
    "chain": "documents/chain.json",
    "checkpoint": "documents/checkpoint.json",
    "checkpoint_signature": "documents/checkpoint.sig",
    "checkpoint_key": "documents/checkpoint.pem",
}
"""Where each role lies under `data/`."""
OPTIONAL: Final = frozenset({"comparison", "headers", "sound_headers", "delivered", "infrared", "infrared_headers"}) | {
    "condition",
    "condition_report",
    "enlarged_master",
    "enlarged_framemd5",
    "enlarged_access",
    "scan_access",
}
"""What not every reel has: only frame files leave headers, only some deliveries hold files that are kept whole, only
some scanners look by infrared light, reels of earlier versions have no condition on record, the scan has a copy of its
own only where a frame was changed, and a larger version is made only where somebody asked for it."""
REQUIRED: Final = frozenset(PLACES) - OPTIONAL
"""Without these it is no package: a lossy copy alone never becomes one."""
MEDIA_TYPES: Final = {
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".parquet": "application/vnd.apache.parquet",
    ".tar": "application/x-tar",
    ".html": "text/html",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".framemd5": "text/plain",
    ".sig": "application/octet-stream",
    ".pem": "application/x-pem-file",
}
TAG_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
BAGGING_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


class PackageParams(BaseModel):
    """Parameters of the step."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    info: dict[str, str] = Field(default_factory=dict)
    """Fields of `bag-info.txt`. `Bagging-Date` must be among them: the step itself never asks the clock."""
    md5: bool = True
    """Whether an md5 manifest stands beside the sha256 one, for tools that still expect it."""


def run(work: StepWork) -> None:
    """Lay out the bag, write its manifests, validate it as a stranger would.

    bagit-python's own `make_bag` is not used to build it: it moves files, changes the process's folder and asks for
    write permission on the read-only masters. It is what validates the bag.

    Raises:
        StepFailed: a master, copy or document is missing, or the bag does not validate.
        SourceChanged: a file no longer has its recorded digest.
        WrongUse: the bag-info fields are not fit for a tag file.
    """
    import bagit

    params = work.parse_params(PackageParams)
    info = _info(work, params)
    roles = _roles(work)
    payload: dict[str, dict[str, str]] = {}
    for done, role in enumerate(roles, start=1):
        name = f"data/{PLACES[role]}"
        path = work.output(role, f"bag/{name}", media_type=MEDIA_TYPES[Path(name).suffix])
        link_or_copy(work.input(role), path)
        payload[name] = _digests(path, params)
        _require(work, role, payload[name]["sha256"])
        work.progress(done, len(roles), "files")
    size = sum(work.spec.inputs[role].bytes for role in roles)
    text = readme(info, ((role, f"data/{PLACES[role]}", work.spec.inputs[role].bytes) for role in roles))
    root = _write_tags(work, payload, info | {"Payload-Oxum": f"{size}.{len(roles)}"}, text, params)
    _validate(root)
    work.figure("files", len(roles))
    work.figure("bytes", size)
    work.agent(AgentKind.SOFTWARE, "bagit-python", bagit.VERSION)


def _roles(work: StepWork) -> list[str]:
    missing = sorted(REQUIRED - set(work.input_names))
    if missing:
        raise StepFailed(
            f"the package lacks {', '.join(missing)}",
            expected=f"{len(REQUIRED)} kinds of file",
            found=f"{len(REQUIRED) - len(missing)}",
            action="clear the steps that make them",
        )
    return [role for role in PLACES if role in work.input_names]


def _info(work: StepWork, params: PackageParams) -> dict[str, str]:
    """The fields of bag-info.txt: what was given, and what the step itself knows."""
    for name, value in params.info.items():
        if not TAG_NAME.fullmatch(name) or "\n" in value or "\r" in value:
            raise WrongUse(f"{name!r} cannot stand in bag-info.txt", found=value[:80], action="correct this field")
    if not BAGGING_DATE.fullmatch(params.info.get("Bagging-Date", "")):
        raise WrongUse(
            "the bag needs a date",
            expected="Bagging-Date, as 2026-01-31",
            found=params.info.get("Bagging-Date", "none"),
            action="give the date of the decision",
        )
    return {"External-Identifier": work.reel_id, "Bag-Software-Agent": "Reelkeeper"} | params.info


def _digests(path: Path, params: PackageParams) -> dict[str, str]:
    """Hex digests of a file by algorithm, in one read."""
    hashes = {"sha256": hashlib.sha256()}
    if params.md5:
        hashes["md5"] = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            for one in hashes.values():
                one.update(chunk)
    return {algorithm: one.hexdigest() for algorithm, one in hashes.items()}


def _require(work: StepWork, role: str, found: str) -> None:
    expected = work.spec.inputs[role]
    if found != expected.sha256:
        raise SourceChanged(
            "this file has changed since it was recorded",
            file=expected.uri,
            expected=f"sha256 {expected.sha256}",
            found=f"sha256 {found}",
            action="restore it from a copy, or clear the task that made it",
        )


def _write_tags(
    work: StepWork,
    payload: dict[str, dict[str, str]],
    info: dict[str, str],
    text: list[str],
    params: PackageParams,
) -> Path:
    """Write the tag files (RFC 8493, sections 2.1 to 2.2) and return the bag's folder."""

    def write(name: str, lines: list[str]) -> Path:
        path = work.output(name, f"bag/{name}", media_type="text/plain")
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")
        return path

    tags = [
        write("bagit.txt", ["BagIt-Version: 1.0", "Tag-File-Character-Encoding: UTF-8"]),
        write("bag-info.txt", [f"{name}: {value}" for name, value in sorted(info.items())]),
        write("README.txt", text),
    ]
    algorithms = ("sha256", "md5") if params.md5 else ("sha256",)
    tags += [
        write(f"manifest-{one}.txt", [f"{digests[one]}  {name}" for name, digests in sorted(payload.items())])
        for one in algorithms
    ]
    digests = {path.name: _digests(path, params) for path in tags}
    for one in algorithms:
        write(f"tagmanifest-{one}.txt", [f"{found[one]}  {name}" for name, found in sorted(digests.items())])
    return tags[0].parent


def _validate(root: Path) -> None:
    import bagit

    logging.getLogger("bagit").setLevel(logging.CRITICAL)  # it would log the same complaint before raising it
    try:
        bagit.Bag(str(root)).validate()
    except bagit.BagError as error:
        raise StepFailed(
            f"the bag does not validate: {' '.join(str(error).split())[:300]}",
            action="check the disk; then clear the task to pack again",
        ) from error


STEP = StepDefinition(name=StepName.PACKAGE, version="6", run=run)
