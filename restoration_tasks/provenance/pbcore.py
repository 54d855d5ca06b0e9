"""PBCore 2.1 of a reel: the film as an asset, the reel and each master and copy as an instantiation of it."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import Final

from restoration_tasks.provenance.description import KeptFile, ReelDescription, Scan
from restoration_tasks.provenance.xml_document import Namespace, document

PBCORE: Final = Namespace(
    "pbcore",
    "http://www.pbcore.org/PBCore/PBCoreNamespace.html",
    "https://raw.githubusercontent.com/WGBH/PBCore_2.1/master/pbcore-2.1.xsd",
)
ARCHIVE: Final = "Reelkeeper"
"""Source of identifiers that we give."""
DIGEST: Final = "SHA-256"
"""Source of the identifier that is a file's digest."""

GENERATIONS: Final = {
    "master": "Preservation master",
    "restoration_master": "Restoration master",
    "mezzanine": "Mezzanine",
    "access": "Access copy",
    "enlarged_master": "Larger version",
    "enlarged_access": "Access copy of the larger version",
}
"""Roles of the files that are instantiations of the film."""
_AS_SCANNED: Final = ("master", "restoration_master")
"""Roles that have the scan's size, depth and frames."""
_DIRECTOR: Final = "director"
_THREE_LETTERS: Final = re.compile("[a-z]{3}")
"""What PBCore takes for a language."""


def pbcore_xml(description: ReelDescription) -> bytes:
    """A `pbcoreDescriptionDocument` (UTF-8)."""
    return document(pbcore(description))


def pbcore(description: ReelDescription) -> ET.Element:
    """The same as an element, to be wrapped."""
    root = PBCORE.root("pbcoreDescriptionDocument")
    if description.year is not None:
        _add(root, "pbcoreAssetDate", description.year, dateType="created")
    _add(root, "pbcoreIdentifier", description.reel_id, source=ARCHIVE)
    if description.work_id is not None:
        _add(root, "pbcoreIdentifier", description.work_id, source="UUID", annotation="of the work")
    for title in description.titles:
        _add(root, "pbcoreTitle", title.text, titleType=title.kind, annotation=title.language)
    _add(root, "pbcoreDescription", description.summary, descriptionType="Condition and treatment")
    for country in description.countries:
        coverage = _add(root, "pbcoreCoverage")
        _add(coverage, "coverage", country, annotation="country of production")
        _add(coverage, "coverageType", "Spatial")
    _makers(root, description)
    if description.item is not None:
        _element(root, description, description.item)
    for file in description.files:
        if file.role in GENERATIONS:
            _instantiation(root, description, file)
    return root


def _makers(root: ET.Element, description: ReelDescription) -> None:
    """Directors as creators, everybody else as contributors, in the order of the schema."""
    for kind, directors in (("creator", True), ("contributor", False)):
        for maker in description.makers:
            if (maker.role == _DIRECTOR) is directors:
                element = _add(root, f"pbcore{kind.capitalize()}")
                _add(element, kind, maker.name)
                _add(element, f"{kind}Role", maker.role)


def _element(root: ET.Element, description: ReelDescription, item: str) -> None:
    """The reel itself, on its shelf."""
    element = _add(root, "pbcoreInstantiation")
    _add(element, "instantiationIdentifier", description.reel_id, source=ARCHIVE)
    _add(element, "instantiationPhysical", "Film")
    _add(element, "instantiationLocation", item)
    _add(element, "instantiationMediaType", "Moving Image")


def _instantiation(root: ET.Element, description: ReelDescription, file: KeptFile) -> None:
    element = _add(root, "pbcoreInstantiation")
    if file.id is not None:
        _add(element, "instantiationIdentifier", file.id, source="UUID")
    _add(element, "instantiationIdentifier", file.sha256, source=DIGEST)
    if file.made is not None:
        _add(element, "instantiationDate", f"{file.made:%Y-%m-%d}", dateType="created")
    _add(element, "instantiationDigital", file.media_type)
    scan = description.scan
    if file.role == "master" and scan is not None and scan.master_format is not None:
        _add(element, "instantiationStandard", scan.master_format)
    _add(element, "instantiationLocation", file.place or file.uri)
    _add(element, "instantiationMediaType", "Moving Image")
    _add(element, "instantiationGenerations", GENERATIONS[file.role])
    _add(element, "instantiationFileSize", str(file.bytes), unitsOfMeasure="bytes")
    if scan is not None:
        if scan.duration_s is not None:
            _add(element, "instantiationDuration", f"{scan.duration_s:.3f}")
        if languages := [code for code in description.languages if _THREE_LETTERS.fullmatch(code)]:
            _add(element, "instantiationLanguage", ";".join(languages))
        if file.role in _AS_SCANNED:
            _picture_track(element, scan)
            _sound_track(element, scan)


def _picture_track(element: ET.Element, scan: Scan) -> None:
    track = _add(element, "instantiationEssenceTrack")
    _add(track, "essenceTrackType", "Video")
    _add(track, "essenceTrackEncoding", "FFV1")
    _add(track, "essenceTrackFrameRate", scan.fps, unitsOfMeasure="fps")
    _add(track, "essenceTrackBitDepth", str(scan.bit_depth), unitsOfMeasure="bits a sample")
    _add(track, "essenceTrackFrameSize", f"{scan.width}x{scan.height}", unitsOfMeasure="pixels")
    for kind, value in (
        ("frames", str(scan.frames)),
        ("pixel format", scan.pix_fmt),
        ("transfer characteristic", scan.transfer),
        ("primaries", scan.primaries),
        ("scanner", scan.scanner),
        ("frames a neighbour stands in for", str(scan.substituted_frames)),
    ):
        if value is not None:
            _add(track, "essenceTrackAnnotation", value, annotationType=kind)


def _sound_track(element: ET.Element, scan: Scan) -> None:
    if not scan.sound_tracks:
        return
    track = _add(element, "instantiationEssenceTrack")
    _add(track, "essenceTrackType", "Audio")
    if scan.sound_rate_hz is not None:
        _add(track, "essenceTrackSamplingRate", str(scan.sound_rate_hz), unitsOfMeasure="Hz")
    if scan.sound_bits is not None:
        _add(track, "essenceTrackBitDepth", str(scan.sound_bits), unitsOfMeasure="bits a sample")
    _add(track, "essenceTrackAnnotation", str(scan.sound_tracks), annotationType="tracks")
    if scan.sound_channels is not None:
        _add(track, "essenceTrackAnnotation", str(scan.sound_channels), annotationType="channels")


def _add(parent: ET.Element, name: str, content: str | None = None, **attributes: str | None) -> ET.Element:
    """A child with the attributes that are known."""
    return PBCORE.add(parent, name, content, {key: value for key, value in attributes.items() if value is not None})
