"""Make `report.html`: one self-contained page that a conservator can read first and a technician to the end."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from restoration_tasks.media.delivery.findings import Grade
from restoration_tasks.media.delivery.scan import Scan
from restoration_tasks.quality.findings import CheckReport, RuleResult, Severity, Status
from restoration_tasks.quality.measure import Treatment
from restoration_tasks.quality.permits import shot_id
from restoration_tasks.quality.policy import policy
from restoration_tasks.report.charts import POINTS_MAX, binned, brightness_chart, damage_chart, mean
from restoration_tasks.report.frame_pictures import WORST_GAIN, WorstFrame
from restoration_tasks.report.stills import Still
from restoration_tasks.restoration.changes import REPAIRS
from restoration_tasks.restoration.plan import Plan, PlannedShot
from restoration_tasks.restoration.regions import Region, RegionAction, RegionKind
from restoration_tasks.restoration.treatment import Fidelity, registry

if TYPE_CHECKING:
    import pandas as pd

BADGES: Final = {
    Treatment.UNTOUCHED: "left as scanned",
    Treatment.MASKED: "local repair",
    Treatment.REBUILT: "stain, tear, wire or face",
    Treatment.TONAL: "brightness evened out",
    Treatment.LIGHT: "light evened out",
    Treatment.COLOUR: "colours brought back",
    Treatment.MOVED: "picture steadied",
    Treatment.GLOBAL: "whole picture corrected",
    Treatment.GENERATIVE: "holds invented detail",
}
ROLES: Final = {
    "master": "Preservation master",
    "restoration_master": "Restoration master",
    "mezzanine": "Mezzanine",
    "access": "Access copy",
    "scan_access": "Access copy of the scan, without sound",
    "enlarged_master": "Larger version",
    "enlarged_access": "Access copy of the larger version",
    "plan": "Plan",
}
GROUPS: Final = {
    "integrity": ("Integrity", "Nothing was lost or altered on the way."),
    "fidelity": ("Fidelity", "Only damage was touched."),
    "benefit": ("Benefit", "The result is no worse than the scan."),
    "enlarged": ("Larger version", "It shows what the restoration shows."),
    "copies": ("Copies", "What people watch is the restoration."),
    "sound": ("Sound", "The sound is the scan's, and in step."),
}

SHOWN: Final = ("frame", "scan_number", "shot", "mapped_share", "changed_px", "brightness_before", "brightness_after")
"""Columns of the table of frames that the page draws."""
NOTICED_MAX: Final = 100
"""Findings about the delivery that the page shows; `scan.json` holds them all."""


DRAWN = {
    RegionAction.ADD: "Damage added by hand",
    RegionAction.REMOVE: "No damage, by hand",
    RegionAction.PROTECT: "Protected by hand",
}


@dataclass(frozen=True)
class ReportedFile:
    """A file the reel now has."""

    role: str
    name: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class ReportedShot:
    """One shot as the page shows it."""

    id: str
    number: int
    first: int
    last: int
    scan_first: int
    scan_last: int
    kind: Treatment
    badge: str
    treatments: tuple[tuple[str, str], ...]
    """Title and reason of each treatment."""
    repaired: tuple[tuple[str, float], ...]
    """Kinds of damage that were repaired, in words, and the mean share of the picture under each."""
    regions: tuple[str, ...]
    """What people drew into the plan by hand, and text on screen."""
    figures: Mapping[str, Any]
    """Its row of the table of shots; empty where it was not measured."""
    still: Still | None


def render(
    *,
    check: CheckReport,
    scan: Scan,
    plan: Plan,
    frames: pd.DataFrame,
    shots: pd.DataFrame,
    stills: Sequence[Still],
    files: Sequence[ReportedFile],
    repaired: Mapping[str, Mapping[str, float]],
    worst: Mapping[str, WorstFrame] = MappingProxyType({}),
) -> Iterator[str]:
    """The page, piece by piece: it grows with the shots, and whole it would lie beside all that it is made of.

    It holds no date and loads nothing: the same work gives the same bytes, and it opens offline for ever.

    Args:
        check: the verdict.
        scan: what was delivered.
        plan: what was carried out.
        frames: one row a frame, as `ReelMeter.frames_table` gives it; the columns `SHOWN`.
        shots: one row a shot, as `ReelMeter.shots_table` gives it.
        stills: pictures by shot.
        files: masters and copies.
        repaired: by shot's id and kind of damage, the mean share of the picture that was repaired.
        worst: by broken rule, its worst frame.
    """
    script, style = asset("report.js"), asset("report.css")
    reported = _shots(plan, scan, shots, stills, repaired)
    return template("report.html.j2").generate(
        check=check,
        scan=scan,
        plan=plan,
        policy=policy(),
        script=script,
        # The only script the page may run is ours: whatever slipped through escaping would stay dead text.
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii"),
        style=style,
        shots=reported,
        totals=_totals(frames, shots, reported),
        duration_s=float(scan.frames / Fraction(scan.picture.fps)),
        charts=_charts(frames),
        timeline=_timeline(frames),
        boundaries=[100 * shot.first / max(1, len(frames)) for shot in reported[1:]],
        groups=_groups(check.results),
        worst=worst,
        worst_gain=WORST_GAIN,
        noticed=[finding for finding in scan.findings if finding.grade is not Grade.NOTE][:NOTICED_MAX],
        stood_in=[file.number for file in scan.files if file.stands_in],
        files=[(ROLES.get(file.role, file.role), file) for file in files],
        statuses={Status.PASSED: "passed", Status.NOT_APPLICABLE: "none here"},
    )


def template(name: str) -> Template:
    """A template beside the page; whatever comes from a reel is escaped, and a name that is not given is an error."""
    environment = Environment(
        loader=PackageLoader("restoration_tasks.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"percent": percent, "size": size, "change": change}
    return environment.get_template(name)


def asset(name: str) -> str:
    """A file beside the page, as text."""
    return files("restoration_tasks.report").joinpath(name).read_text(encoding="utf-8")


def percent(share: float) -> str:
    """A share as staff read it.

    >>> [percent(share) for share in (0, 0.00001, 0.0123, 0.5)]
    ['0 %', 'under 0.01 %', '1.23 %', '50 %']
    """
    if share == 0:
        return "0 %"
    value = share * 100
    if value < 0.01:
        return "under 0.01 %"
    return f"{value:.0f} %" if value >= 10 else f"{value:.2f} %"


def change(before: float, after: float) -> str:
    """How a figure changed, in words.

    >>> change(0.02, 0.005), change(0.0, 0.0), change(0.02, 0.0201)
    ('75 % less', 'none before', 'unchanged')
    """
    if before == 0:
        return "none before" if after == 0 else "new"
    relative = (after - before) / before
    if abs(relative) < 0.01:
        return "unchanged"
    return f"{abs(relative) * 100:.0f} % {'less' if relative < 0 else 'more'}"


def size(count: int) -> str:
    """Bytes as staff read them.

    >>> size(512), size(1_500_000)
    ('512 bytes', '1.5 MB')
    """
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.2f} TB"


def _shots(
    plan: Plan,
    scan: Scan,
    shots: pd.DataFrame,
    stills: Sequence[Still],
    repaired: Mapping[str, Mapping[str, float]],
) -> list[ReportedShot]:
    measured: dict[str, dict[str, Any]] = {
        str(row["shot"]): {str(name): value for name, value in row.items()} for row in shots.to_dict("records")
    }
    pictures = {still.shot: still for still in stills}
    titles = {name: treatment.title for name, treatment in registry().items()}

    def reported(planned: PlannedShot) -> ReportedShot:
        name = shot_id(planned.shot)
        figures = measured.get(name, {})
        kind = Treatment(figures.get("treatment", Treatment.UNTOUCHED))
        last = min(planned.stop, scan.frames) - 1
        return ReportedShot(
            id=name,
            number=planned.shot,
            first=planned.start,
            last=last,
            scan_first=scan.number_at(min(planned.start, last)),
            scan_last=scan.number_at(last),
            kind=kind,
            badge=_badge(kind, figures, planned),
            treatments=tuple((titles.get(one.name, one.name), one.why) for one in planned.treatments),
            repaired=tuple((REPAIRS[kind], share) for kind, share in repaired.get(name, {}).items()),
            regions=tuple(_drawn(region) for region in planned.regions),
            figures=figures,
            still=pictures.get(name),
        )

    return [reported(planned) for planned in plan.shots]


def _drawn(region: Region) -> str:
    """A region of the plan in words."""
    first, last = region.frames
    if region.is_text:
        return f"Frames {first}–{last} of the shot: {region.why}"
    kind = "" if region.kind is RegionKind.ANY else f" ({region.kind})"
    return f"{DRAWN[region.action]}{kind}, frames {first}–{last} of the shot: {region.why}"


def _badge(kind: Treatment, figures: Mapping[str, Any], planned: PlannedShot) -> str:
    """What was done to a shot in two or three words; never that it was left alone unless it was."""
    if kind is Treatment.UNTOUCHED and figures.get("changed_share", 1) > 0:
        return "changed without a plan" if figures else "not measured"
    known = registry()
    repaired = any(known[one.name].fidelity is Fidelity.MASKED for one in planned.treatments if one.name in known)
    return f"repaired, {BADGES[kind]}" if repaired and kind is not Treatment.MASKED else BADGES[kind]


def _totals(frames: pd.DataFrame, shots: pd.DataFrame, reported: Sequence[ReportedShot]) -> dict[str, float]:
    """Figures of the whole reel; means over treated shots, weighed by their frames."""
    treated = shots[shots["treatment"] != Treatment.UNTOUCHED]
    weight = treated["frames"] / max(1, int(treated["frames"].sum()))
    figures = ("spikes_before", "spikes_after", "flicker_before", "flicker_after", "mapped_share")
    weighed = {name: float((treated[name] * weight).sum()) for name in figures}
    return weighed | {
        "frames": len(frames),
        "frames_changed": int((frames["changed_px"] > 0).sum()),
        "treated": sum(shot.kind is not Treatment.UNTOUCHED for shot in reported),
        "identical": int((shots["changed_share"] == 0).sum()),
    }


def _charts(frames: pd.DataFrame) -> list[Any]:
    def in_percent(column: str) -> list[float]:
        return [float(value) * 100 for value in frames[column]]

    return [
        damage_chart(in_percent("mapped_share")),
        brightness_chart(in_percent("brightness_before"), in_percent("brightness_after")),
    ]


def _timeline(frames: pd.DataFrame) -> dict[str, list[Any]]:
    """What the page's own script reads out under the pointer."""
    count = len(frames)
    points = min(count, POINTS_MAX)
    places = [count * place // points for place in range(points)] if points else []

    def shown(column: str, reduce: Any) -> list[float]:
        return [round(value * 100, 3) for value in binned([float(one) for one in frames[column]], reduce)]

    return {
        "frame": [int(frames["frame"].iloc[place]) for place in places],
        "scan": [int(frames["scan_number"].iloc[place]) for place in places],
        "shot": [_shot_number(str(frames["shot"].iloc[place])) for place in places],
        "damage": shown("mapped_share", max),
        "before": shown("brightness_before", mean),
        "after": shown("brightness_after", mean),
    }


def _shot_number(name: str) -> int:
    found = re.search(r"\d+", name)
    return int(found.group()) if found else 0


def _groups(results: Sequence[RuleResult]) -> list[tuple[str, str, list[RuleResult]]]:
    """Check results by group, those that refuse the reel first."""
    order = {Severity.FAIL: 0, Severity.WARN: 1, Severity.NOTE: 2}
    groups = []
    for key, (title, subtitle) in GROUPS.items():
        members = [one for one in results if one.id.split(".")[0] == key]
        if members:
            groups.append((title, subtitle, sorted(members, key=lambda one: (not one.broken, order[one.severity]))))
    return groups
