"""README.txt of a package: what lies in it, for whoever opens it without us, years from now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

ABOUT: Final[dict[str, str]] = {
    "master": "the film as it was scanned, every frame as the scanner wrote it (FFV1 in Matroska)",
    "framemd5": "an md5 of every frame of it, as ffmpeg -f framemd5 computes it",
    "scan": "what was delivered: each file, its digest, and the frame it became",
    "headers": "the headers of the delivered frame files, to make the files again byte by byte",
    "sound_headers": "the same of the delivered sound",
    "delivered": "delivered files that are kept as they were",
    "infrared": "the scanner's infrared channel",
    "infrared_headers": "the headers of its files",
    "technical": "size, rate, depth and colour of the scan, and what wrote it",
    "restoration_master": "the film restored (FFV1 in Matroska), frame for frame the length of the scan",
    "restored_framemd5": "an md5 of every frame of it",
    "mezzanine": "the restored film for editing (ProRes)",
    "access": "the restored film for viewing (H.264)",
    "comparison": "before and after side by side, for viewing",
    "scan_access": "the film as scanned, for viewing beside the restored one (H.264, without sound)",
    "enlarged_master": "a larger version of the restored film; detail in it was computed, not scanned",
    "enlarged_framemd5": "an md5 of every frame of it",
    "enlarged_access": "the larger version for viewing",
    "plan": "what was to be done to each shot, and why",
    "condition": "the damage that was measured, as data",
    "condition_report": "the same as a page",
    "check": "what the check of the restoration found, as data",
    "report": "the same as a page",
    "treatment_report": "what was done, where, why, how much, and how it is taken back: read this first",
    "premis": "every event, file and program of the reel's record (PREMIS 3)",
    "mets": "how the files here belong together (METS)",
    "pbcore": "the film and its files as a catalogue describes them (PBCore 2.1)",
    "prov": "the record as a graph (W3C PROV)",
    "chain": "the record itself; each entry holds the digest of the one before",
    "checkpoint": "the end of that record, as it was signed",
    "checkpoint_signature": "the signature (Ed25519)",
    "checkpoint_key": "the public key it is checked with; compare it with the archive's",
}
"""What the file of each role is, for people."""


def readme(info: Mapping[str, str], files: Iterable[tuple[str, str, int]]) -> list[str]:
    """The lines of the file.

    Args:
        info: fields of `bag-info.txt`.
        files: role, path in the package and size in bytes of each file of the payload, in their order.
    """
    reel = info["External-Identifier"]
    return [
        f"Film reel {reel}: a restoration, and the scan it was made from",
        "",
        f"{info.get('External-Description', 'A restoration')}, {info['Bagging-Date']}. Made with"
        f" {info['Bag-Software-Agent']}.",
        "",
        "What lies here",
        "",
        *(f"{path}  ({size:,} bytes)\n    {ABOUT[role]}" for role, path, size in files),
        "",
        "How to check that it is whole",
        "",
        "This folder is a BagIt bag (RFC 8493). With nothing but common tools:",
        "    sha256sum -c manifest-sha256.txt",
        "    sha256sum -c tagmanifest-sha256.txt",
        "With bagit-python:            bagit.py --validate .",
        "With Reelkeeper, the record and its signature as well:",
        "                              reelkeeper package verify .",
        "",
        "How to see it",
        "",
        "ffmpeg, VLC and most archive tools play FFV1 in Matroska. As frame files, each with the samples of the scan:",
        "    ffmpeg -i data/masters/preservation.mkv frame_%07d.dpx",
        "",
        "Nothing was taken away: the scan lies beside the restoration. The treatment report names what was changed in",
        "which frames, by what, and how it is taken back. People appear in the record by number.",
    ]
